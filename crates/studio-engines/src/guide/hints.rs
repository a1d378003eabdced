//! What people call things that the documentation says in its own words. A hint adds words to the passages that contain its
//! phrase, so that they are found by them; what is answered stays the documentation's. A hint whose phrase is gone does
//! nothing.

/// A phrase of a passage, as it stands there, and the words that people ask with.
pub(super) const HINTS: &[(&str, &str)] = &[
    // Starting, stopping, where things are.
    (
        "make run      # builds",
        "start run launch install set up server first time getting started quickstart try begin first step type newcomer beginner quick demo",
    ),
    (
        "studio serve --listen 127.0.0.1:8080 --data",
        "start run launch server change set another port address default interface interfaces public network host bind flag",
    ),
    (
        "**Stop** with Ctrl-C",
        "stop shut down quit end server restart switch off turn off exit close unfinished jobs running work shutdown kill signal",
    ),
    (
        "The data folder (made with mode",
        "where data stored saved which database use used db files location directory contents save keep pictures images disk sqlite why",
    ),
    (
        "You need Rust 1.95 or newer and",
        "requirements need build compile install prerequisites version c compiler cargo linux",
    ),
    (
        "**Ready** is `GET",
        "health check ready alive up monitor server degraded endpoint probe load balancer kubernetes monitoring liveness readiness",
    ),
    ("**Log** on standard error", "turn on enable debug verbose logs log level json prompts privacy personal written"),
    (
        "`studio.toml` in the working folder",
        "configure configuration file settings where environment variables flags precedence",
    ),
    ("listen = \"127.0.0.1:8080\"", "configure default port address"),
    (
        "[limits]  ",
        "change set rate limits requests minute how many requests per minute may send allowed quota throttle",
    ),
    ("[providers.sketch]  ", "how many jobs run same time once parallel concurrency built-in engine"),
    ("[providers.gpu]", "connect own gpu cog container add use"),
    ("[providers.openai]", "use connect openai api key account"),
    ("[providers.lan]", "own local server compatible openai api point connect"),
    ("id = \"my-model\"", "add define own custom model price"),
    ("`kill -9` is only a stop", "workers children processes end server dies killed crash"),
    ("429 – ", "too many requests try again later when header rate limit"),
    ("`STUDIO_LIMITS__GENERATION`", "rate limits environment variable change"),
    ("`STUDIO_DATA`, `STUDIO_CONFIG`", "which list of environment variables can set"),
    (
        "nothing but your CPU",
        "hardware graphics card gpu need support chat video speech music audio training available yet",
    ),
    ("works with no key and no", "what is the studio offline internet without network about purpose"),
    ("It is a procedural illustrator", "what is sketch engine model built-in how does it draw"),
    ("Apache-2.0.", "license licence open source"),
    ("another server uses this folder", "two several servers instances share same data folder at once"),
    ("Eight crates.", "which crates project structure layout parts"),
    ("only its hash is kept", "store keys plain text hashed secure safe shown again later"),
    // Keys and money.
    (
        "studio key create --user me@example.com",
        "create make get new api key token user account budget cap revoke delete list keys stole stolen leaked lost compromised spend only dollar cents give app team member person limit money",
    ),
    (
        "so a budget is never passed. `key",
        "budget used up exhausted exceeded reached spent overspend limit costs spend money dollar control limit",
    ),
    (
        "`GET /budgets` shows your budgets",
        "see set change raise lower budget limit per day daily month monthly spending left remaining user team key api reset window",
    ),
    (
        "`GET /usage/entries` is every entry",
        "export download csv spreadsheet excel ledger entries history bill invoice transactions list charges accounting",
    ),
    (
        "**When a provider's bill says something else**",
        "refund give back correct wrong charge invoice bill differs adjust adjustment customer credit write off",
    ),
    (
        "`studio ledger show <job id>`",
        "why did a job cost what it did so much expensive trace charge where money went explain price one job",
    ),
    (
        "`GET /dead-letters` (scope",
        "failed jobs list see replay dead letter queue errors gave up again admin provider down away outage",
    ),
    (
        "Sign in with `Authorization",
        "authenticate authentication authorize login api key header token money amount times dates ids format",
    ),
    ("`studio ledger verify` reads", "check audit ledger books right correct accounting hold holds balance sum"),
    (
        "**The ledger is double-entry",
        "how money amounts stored kept unit protected edits tampering floating point decimal cents integer rounding",
    ),
    ("**OpenAI** bills pictures", "how openai pictures images billed charged cost price precise exact estimate"),
    ("402 – ", "budget used up exceeded payment required"),
    ("GET /usage` tells", "how much spent cost so far usage total see what my list prices of models"),
    ("price list may differ by parameters", "price depends on quality size"),
    ("Where the price depends on parameters", "price by quality size different prices"),
    // Pictures.
    ("POST /api/v1/generate/image\n", "make create generate draw picture image request"),
    (
        "curl -f http://127.0.0.1:8080/api/v1/generate/image",
        "make create generate draw first picture image curl example",
    ),
    ("`prompt` – what it may be", "how long length prompt maximum minimum characters text description words"),
    (
        "`width`, `height` – what it may be",
        "maximum minimum largest image picture size dimensions resolution pixels wide tall high request bigger smaller 4096 1920 1080 4k hd",
    ),
    ("`numImages` – ", "how many number images pictures at once several one request two four go"),
    (
        "`format` – what it may be",
        "image picture file formats types supported default output lossless transparent transparency possible choose jpg gif lossy",
    ),
    (
        "`seed` – ",
        "same identical picture image again reproduce deterministic highest largest random variation repeat bytes",
    ),
    ("`deadline` – ", "set time limit deadline job expire"),
    ("`modelId` – ", "choose select which model name model request"),
    ("`quality` – ", "picture image quality better"),
    ("**How long to wait**", "request wait result seconds timeout asynchronous background blocking respond"),
    (
        "**Repeat safely**",
        "avoid paying charged twice double duplicate repeat retry request idempotency same request two times people send key another different body",
    ),
    ("**Only the picture**", "get only raw picture image file bytes instead of json"),
    ("Every answer has `X-Request-Id`", "header response trace"),
    // Jobs.
    ("Before its end a job is", "states statuses status job can be list unknown meaning mean finished done over"),
    ("`GET /jobs?status=", "list all my jobs history search filter page"),
    (
        "`GET /jobs/{id}/events`",
        "follow watch progress job stream live resume reconnect lost how far done finished percent know when ready see",
    ),
    ("`POST /jobs/{id}/cancel`", "cancel stop abort running job undo take back request after sent end kill"),
    (
        "a job is `unknown` – ",
        "resolve settle clear up unknown job status meaning mean money safe held charged tell provider does not answer landed",
    ),
    ("a caller who goes away", "close closing connection disconnect client leaves browser tab cancel request"),
    ("`worker died` in the log", "worker crashes crashed engine dies restarted retried attempts fail failed"),
    ("Each reason for another attempt", "how many times attempt retried retries again failed"),
    ("GET /assets/{id}` sends", "download get asset picture file save output"),
    ("Every refusal has one body", "error response answer body format shape look like example"),
    ("\"error\": \"invalid_request\"", "error response answer body format shape look like example"),
    (
        "a running server describes itself",
        "openapi description swagger specification documentation docs where api reference",
    ),
    ("**Exactly one terminal state", "finished done end over"),
    ("**Outputs are ours before", "outputs providers checked validated verified safe trusted"),
    ("`provider_not_configured`", "openai no key missing configured happens request"),
    ("`commands` and `work` know no HTTP", "handler write store directly allowed rule layers"),
    ("Start: take the folder's lock", "what happens at start unfinished jobs recover restart again"),
    ("`kill -9` it as often as you like", "crash power loss unfinished jobs lost safe durable restart"),
    ("id = \"postcards\"", "minimum maximum width bounds parameters price set own"),
    ("One line for each request", "level levels"),
    ("`details.reason` of a failed job", "why did fail reason interrupted meaning"),
    // Keeping it.
    (
        "studio backup /backup/studio/2026-11-24",
        "how make create backup back up snapshot copy save everything restore bring back recover data running command",
    ),
    (
        "A backup is the studio as it stood at one moment",
        "what included contained in backup consistent running server stop needed",
    ),
    ("Every night, on another disk", "automatic automate schedule cron nightly daily regular backups keep old"),
    ("`studio restore` works in a data folder", "restore check verify backup missing blob"),
    (
        "Jobs that were queued run. If the old studio went on",
        "after restore restoring backup queued jobs run again paid charged twice double",
    ),
    (
        "`studio doctor` says what is configured",
        "diagnose diagnosis check setup installation problems wrong health doctor unsafe provider reachable",
    ),
    ("`the database … is damaged`", "corrupt corrupted damaged broken page won't start refuses"),
    // Building on it.
    ("Read `ARCHITECTURE.md` first", "invariants"),
    (
        "make help     # the commands",
        "run tests test lint benchmark bench measure openapi regenerate commands check format formatting lint lints",
    ),
    ("No sleeping and no assertion on time", "how write tests testing rules"),
    ("running jobs wait with their results", "what happens when disk full space happens"),
    ("Models are data. In", "add define new own custom model"),
    ("id = \"postcards\"", "add define new own custom model alias example"),
    ("implement `studio_core::ports::Provider`", "add write new provider vendor adapter"),
    ("Implement `Engine` (", "add write new engine worker"),
];

/// The words that hints add to a passage.
pub(super) fn of(passage: &str) -> impl Iterator<Item = &'static str> {
    HINTS.iter().filter(move |(phrase, _)| passage.contains(phrase)).map(|(_, words)| *words)
}

#[cfg(test)]
mod tests {
    use super::super::{corpus::DOCUMENTS, markdown::split};
    use super::*;

    #[test]
    fn every_hint_has_its_passage() {
        let passages = split(&DOCUMENTS);
        let gone = |hint: &&(&'static str, &str)| !passages.iter().any(|passage| passage.text.contains(hint.0));
        let gone: Vec<_> = HINTS.iter().filter(gone).map(|(phrase, _)| *phrase).collect();
        assert!(gone.is_empty(), "the documentation changed under these: {gone:#?}");
    }
}
