//! The command line. Its help is meant to teach: every command says what it is for and what comes next.

use crate::{system::SystemChance, terminal::say};
use clap::{Args, Parser, Subcommand};
use std::{net::SocketAddr, path::PathBuf};
use studio_core::{inspection::FileKind, ports::Chance};
use studio_engines::{
    inspect::Options,
    worker::{Listen, Token, WorkerOptions},
};

/// A self-hosted studio for chat, image, video, speech and music: one API, your providers, your GPUs.
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "\
First steps:
  studio serve                                          start; prints the address, a first key and a curl line
  studio key create --user me@example.com --name app    make another key
  studio ledger verify                                  check that every cent is accounted for
  studio doctor                                         what is configured, reachable, missing and unsafe
  studio backup backups/monday                          a copy of everything, also while the server runs"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Shared {
    /// Folder of the database, the blobs and the first key [default: ./data]
    #[arg(long, global = true, env = "STUDIO_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Configuration file [default: ./studio.toml, if there is one]
    #[arg(long, global = true, env = "STUDIO_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server
    Serve(Serve),
    /// Make, list and revoke API keys (while the server runs, too)
    #[command(subcommand)]
    Key(KeyCommand),
    /// Say who may come, and what they may do (while the server runs, too)
    #[command(subcommand)]
    User(UserCommand),
    /// Show and set what users and keys may spend
    #[command(subcommand)]
    Budget(BudgetCommand),
    /// Settle a job whose outcome nobody knows, or say what one cost after all
    #[command(subcommand)]
    Job(JobCommand),
    /// Check the ledger, or trace one job's money
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Look after the master key, which seals people's own keys for providers
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Copy everything that the studio keeps into a new folder, while it runs, too
    ///
    /// The copy is the studio as it stood at one moment: the database, and every picture that it names. The server goes on
    /// meanwhile. A backup that is broken off leaves no folder of that name. Exit code 1 if anything is missing. Your
    /// configuration, studio.toml and keys of providers, is not in it.
    Backup(Backup),
    /// Bring a backup back, into a data folder that has no studio in it
    ///
    /// Everything is checked before it is put in place. Then `studio serve --data <folder>` just works: what was queued runs, and
    /// what was under way goes on as after a crash. What happened after the backup is not in it.
    Restore(Restore),
    /// Say what is configured, reachable, missing and unsafe; while the server runs, too
    ///
    /// Each line is ok, warn or FAIL, and says what to do next. Exit code 1 if anything fails. It changes nothing.
    Doctor(Doctor),
    /// Print the API's description, OpenAPI 3.1 (a running server has it at /openapi.json, and at /docs for people)
    Openapi,
    /// Print a page of the documentation that is written from the program
    #[command(hide = true)]
    Reference {
        /// Which one
        page: ReferencePage,
    },
    /// Run a built-in engine as a worker (the server does this by itself)
    ///
    /// A worker speaks Cog's HTTP prediction API. The server starts its own on a Unix socket; with --listen you can run one by
    /// hand and look at it with curl.
    Worker(Worker),
    /// Look into a file on standard input, in a process with limits (the server does this by itself, with what is uploaded)
    #[command(hide = true)]
    Inspect(Inspect),
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// As what: image, audio, video or dataset
    #[arg(long, value_parser = |text: &str| FileKind::parse(text).ok_or("image, audio, video or dataset"))]
    #[arg(required_unless_present = "confined")]
    pub(crate) kind: Option<FileKind>,
    /// Leave metadata, such as the place where a picture was taken, in the file
    #[arg(long)]
    pub(crate) keep_metadata: bool,
    /// Make a thumbnail and no clean copy
    #[arg(long)]
    pub(crate) only_thumbnail: bool,
    /// Say on standard error how much memory it took
    #[arg(long)]
    pub(crate) tell_peak: bool,
    /// Look into nothing: try what the process can still do after it has confined itself, and say it in JSON
    #[arg(long, conflicts_with = "kind")]
    pub(crate) confined: bool,
}

impl Inspect {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let Self { kind, keep_metadata, only_thumbnail, tell_peak, .. } = *self;
        match kind {
            Some(kind) => studio_engines::inspect::run(Options { kind, keep_metadata, only_thumbnail, tell_peak })?,
            None => studio_engines::inspect::try_confinement()?,
        }
        Ok(())
    }
}

/// A page that is written from the program.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum ReferencePage {
    /// docs/errors.md
    Errors,
    /// docs/limits.md
    Limits,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "STUDIO_LISTEN", value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// A folder that is not there yet, or is empty
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Hash every blob and audit the ledger, too: reads everything once
    #[arg(long)]
    pub(crate) verify: bool,
    /// Copy blobs even where they could be hard links on the same disk
    #[arg(long)]
    pub(crate) copy: bool,
    /// Print only JSON: what stands in backup.json, and how it was made
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup's folder; nothing in it is changed
    #[arg(value_name = "BACKUP")]
    pub(crate) folder: PathBuf,
    /// Go on without blobs that the backup does not have
    #[arg(long)]
    pub(crate) allow_missing: bool,
    /// Cancel jobs that were queued instead of running them: for when the studio went on after the backup and may have run them
    #[arg(long)]
    pub(crate) cancel_queued: bool,
    /// Print only JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// As for `studio serve`
    #[command(flatten)]
    pub(crate) serve: Serve,
    /// Hash every blob, and check every index against its table: reads everything once
    #[arg(long)]
    pub(crate) deep: bool,
    /// Print only JSON: {"ok": true, "checks": [{"check", "verdict", "code", "says", "next"}]}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key; its text is shown once
    Create(CreateKey),
    /// List keys with their owners, budgets and what they have spent
    List(Json),
    /// Revoke a key; within a second it opens nothing any more
    Revoke(RevokeKey),
}

#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    /// Whose key it is, by e-mail address; made if there is no such user
    #[arg(long, value_name = "EMAIL")]
    pub(crate) user: String,
    /// What to call it, such as the app that will use it
    #[arg(long)]
    pub(crate) name: String,
    /// The most that it may ever spend, in USD, such as 0.25; holds count [default: no limit]
    #[arg(long, value_name = "USD")]
    pub(crate) budget: Option<String>,
    /// The most that it may spend in a day (UTC)
    #[arg(long, value_name = "USD")]
    pub(crate) budget_day: Option<String>,
    /// The most that it may spend in a month (UTC)
    #[arg(long, value_name = "USD")]
    pub(crate) budget_month: Option<String>,
    /// What it may do: generate, read; account manages its owner's account; admin runs the studio
    #[arg(long, value_delimiter = ',', value_name = "SCOPES", default_values = ["generate", "read"])]
    pub(crate) scopes: Vec<String>,
    /// When it ends by itself: a span, such as 30d or 12h, or a time, such as 2027-01-31T00:00:00Z [default: never]
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
    /// A rate limit of its own, such as generation=100/min; may be given for several classes
    #[arg(long, value_name = "CLASS=RATE")]
    pub(crate) limit: Vec<String>,
    /// Print only JSON: {"id": "...", "key": "mgs_..."}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeKey {
    /// The key's id, as `studio key list` shows it
    pub(crate) id: String,
    /// Print only JSON: {"revoked": "..."}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Json {
    /// Print only JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// List everyone, with their roles
    List(Json),
    /// Invite someone: prints a link by which they choose a password
    Invite(InviteUser),
    /// Give someone another role
    ///
    /// viewer looks at what is theirs; member makes things, too; admin runs the studio, too; owner says who else does. What their
    /// keys and sessions may do follows within a second.
    Role(SetRole),
    /// Disable someone: within a second none of their keys and sessions opens anything
    Disable(NamedUser),
    /// Undo that
    Enable(NamedUser),
    /// Print a link by which someone chooses a password: their first one, or another
    ResetLink(NamedUser),
    /// Print a new link by which the first owner chooses a password
    SetupLink(Json),
}

#[derive(Debug, Args)]
pub(crate) struct InviteUser {
    /// Their e-mail address
    pub(crate) email: String,
    /// What they will be: viewer, member, admin or owner
    #[arg(long, default_value = "member")]
    pub(crate) role: String,
    /// Print only JSON: {"id", "email", "url", "token", "expiresAt"}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetRole {
    /// Whom, by e-mail address or id
    pub(crate) user: String,
    /// viewer, member, admin or owner
    pub(crate) role: String,
    /// Print only JSON: the user
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NamedUser {
    /// Whom, by e-mail address or id
    pub(crate) user: String,
    /// Print only JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetCommand {
    /// List users and their keys, with what they may spend and what is spent or held
    List(Json),
    /// Set budgets of a user or of a key; a window that is not named keeps what it has
    ///
    /// Budgets are hard: what a job could cost at most is held before it starts, and what doesn't fit is refused. A job counts in
    /// the day and the month (UTC) in which it was accepted, for its key and for the key's user.
    Set(SetBudget),
}

#[derive(Debug, Args)]
pub(crate) struct SetBudget {
    /// A user's e-mail address or id, or a key's id
    pub(crate) who: String,
    /// The most in a day, in USD; `none`: no limit
    #[arg(long, value_name = "USD|none", required_unless_present_any = ["month", "lifetime"])]
    pub(crate) day: Option<String>,
    /// The most in a month, in USD; `none`: no limit
    #[arg(long, value_name = "USD|none")]
    pub(crate) month: Option<String>,
    /// The most ever, in USD; `none`: no limit
    #[arg(long, value_name = "USD|none")]
    pub(crate) lifetime: Option<String>,
    /// Print only JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Say what became of an unknown job, once you have looked it up at its provider
    ///
    /// A job is unknown when it was sent to a provider that charges and the answer was lost. It is never sent again, and its
    /// money stays held, until its provider says what became of it, or you do.
    Resolve(Resolve),
    /// List jobs that nobody knows about, and others that are at work
    Stuck(Json),
    /// Say what a job that is over cost after all, as its provider's bill shows
    ///
    /// The ledger is append-only: this adds an adjustment, and the job's cost is then what you say. Budgets count it in the day
    /// and the month in which the job was accepted.
    Adjust(Adjust),
}

#[derive(Debug, Args)]
pub(crate) struct Adjust {
    /// The job's id
    pub(crate) id: String,
    /// What the provider takes for it, all in all, in USD [default: as it is]
    #[arg(long, value_name = "USD", required_unless_present = "payer_pays")]
    pub(crate) provider_charged: Option<String>,
    /// What its payer pays, in USD; the studio bears the difference [default: what the provider takes, if the job was charged
    /// at all; else nothing]
    #[arg(long, value_name = "USD")]
    pub(crate) payer_pays: Option<String>,
    /// Why, for whoever reads the ledger, such as the number of a bill
    #[arg(long)]
    pub(crate) reason: String,
    /// Print only JSON: {"id": "...", "cost": "...", "writtenOff": "..."}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// The job's id
    pub(crate) id: String,
    /// The provider charged this much for it, in USD
    #[arg(long, value_name = "USD", conflicts_with = "not_landed", required_unless_present = "not_landed")]
    pub(crate) charged: Option<String>,
    /// The provider never had it: nothing is charged
    #[arg(long)]
    pub(crate) not_landed: bool,
    /// How you know, for whoever reads the ledger
    #[arg(long, default_value = "an operator looked it up")]
    pub(crate) reason: String,
    /// Print only JSON: {"id": "...", "status": "...", "cost": "..."}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Show the master keys by their ids, and how much each has sealed; exit code 1 if something can't be opened
    Status(Json),
    /// Change the master key, while the server runs, too
    ///
    /// A fresh key is put first in secret.key and seals from then on, and all that is sealed is sealed anew. The older key stays, to
    /// open what it has sealed, until you run this with --finish. It may be broken off at any moment: run it again.
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Take the older keys out of use, once nothing is left that they have sealed
    #[arg(long)]
    pub(crate) finish: bool,
    /// Print only JSON: {"current": "...", "resealed": 3, "unopened": 0, "older": [], "dropped": []}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Check every entry, account, budget and job in one snapshot; exit code 1 if anything is wrong
    Verify(Json),
    /// Show where one job's money went: every entry, with its lines
    Show(ShowJob),
}

#[derive(Debug, Args)]
pub(crate) struct ShowJob {
    /// The job's id
    pub(crate) id: String,
    /// Print only JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// The engine: sketch, guide or title
    pub(crate) engine: String,
    /// Unix socket to listen on
    #[arg(long, value_name = "PATH", conflicts_with = "listen", required_unless_present = "listen")]
    pub(crate) socket: Option<PathBuf>,
    /// Address and port to listen on, to try it by hand
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// What callers must send as `Authorization: Bearer <TOKEN>` to a worker on a port [default: a fresh one, printed]
    #[arg(long, env = "STUDIO_WORKER_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// End when standard input closes: how the server's own workers never outlive it
    #[arg(long)]
    pub(crate) with_stdin: bool,
}

impl Worker {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let listen = match (self.socket, self.listen) {
            (Some(path), _) => Listen::Unix(path),
            (None, Some(address)) => Listen::Tcp(address),
            (None, None) => anyhow::bail!("say where to listen: --socket or --listen"),
        };
        let token = match (self.token, &listen) {
            (None, Listen::Tcp(address)) => Some(fresh_token(*address)),
            (token, _) => token,
        };
        let token = token.as_deref().map(Token::new);
        let options = WorkerOptions { token, exit_with_stdin: self.with_stdin, ..WorkerOptions::new(listen) };
        studio_engines::worker::run(&self.engine, options)?;
        Ok(())
    }
}

/// A worker on a port is open to everyone who reaches it, so it always wants a token; whoever gave none is told a fresh one.
fn fresh_token(address: SocketAddr) -> String {
    let mut random = [0; 16];
    SystemChance.fill(&mut random);
    let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    say(&format!(
        "Try it:\n\ncurl http://{address}/predictions -H \"Authorization: Bearer {token}\" \\\n  \
         -H \"Content-Type: application/json\" -d '{{\"input\": {{\"prompt\": \"a sea at dusk\", \"width\": 256, \"height\": 256}}}}'"
    ));
    token
}
