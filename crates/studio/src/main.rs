//! THE PROGRAM: flags, configuration and wiring. What the studio does is in the other crates.
#![forbid(unsafe_code)]

mod arguments;
mod backup;
mod budgets;
mod config;
mod doctor;
mod first_start;
mod jobs;
mod keys;
mod ledger;
mod log;
mod restore;
mod secrets;
mod serve;
mod system;
mod terminal;
mod users;
mod wiring;

use arguments::{
    Arguments, BudgetCommand, Command, JobCommand, KeyCommand, LedgerCommand, ReferencePage, SecretCommand, UserCommand,
};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A worker is a child with limits of its own, set before there is a runtime, a thread or a log.
    if let Command::Worker(worker) = arguments.command {
        return match worker.run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        };
    }
    if let Command::Inspect(inspect) = &arguments.command {
        return inspect.run().map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS);
    }
    let config = config::load(&arguments.shared);
    // A configuration that can't be read is one of the things that it is asked about.
    if let Command::Doctor(doctor) = &arguments.command {
        return doctor::run(config, doctor).unwrap_or_else(|error| failed(&error));
    }
    let result = config.and_then(|config| {
        let runtime = match arguments.command {
            Command::Serve(_) => tokio::runtime::Builder::new_multi_thread().enable_all().build()?,
            _ => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        };
        runtime.block_on(async {
            system::outlive_file_limits()?;
            match arguments.command {
                Command::Serve(serve) => serve::run(config, serve).await.map(|()| ExitCode::SUCCESS),
                Command::Key(KeyCommand::Create(create)) => keys::create(&config, create).await,
                Command::Key(KeyCommand::List(list)) => keys::list(&config, list.json).await,
                Command::Key(KeyCommand::Revoke(revoke)) => keys::revoke(&config, &revoke).await,
                Command::User(UserCommand::List(list)) => users::list(&config, list.json).await,
                Command::User(UserCommand::Invite(invite)) => users::invite_one(&config, invite).await,
                Command::User(UserCommand::Role(role)) => users::set_role(&config, &role).await,
                Command::User(UserCommand::Disable(user)) => users::disable(&config, &user, true).await,
                Command::User(UserCommand::Enable(user)) => users::disable(&config, &user, false).await,
                Command::User(UserCommand::ResetLink(user)) => users::reset(&config, &user).await,
                Command::User(UserCommand::SetupLink(json)) => users::set_up(&config, json.json).await,
                Command::Budget(BudgetCommand::List(list)) => budgets::list(&config, list.json).await,
                Command::Budget(BudgetCommand::Set(set)) => budgets::set(&config, set).await,
                Command::Job(JobCommand::Resolve(resolve)) => jobs::resolve(&config, resolve).await,
                Command::Job(JobCommand::Stuck(stuck)) => jobs::stuck(&config, stuck.json).await,
                Command::Job(JobCommand::Adjust(adjust)) => jobs::adjust(&config, adjust).await,
                Command::Ledger(LedgerCommand::Verify(verify)) => ledger::verify(&config, verify.json).await,
                Command::Ledger(LedgerCommand::Show(show)) => ledger::show(&config, show).await,
                Command::Secret(SecretCommand::Status(status)) => secrets::status(&config, status.json).await,
                Command::Secret(SecretCommand::Rotate(rotate)) => secrets::rotate(&config, &rotate).await,
                Command::Backup(backup) => backup::run(&config, &backup),
                Command::Restore(restore) => restore::run(&config, &restore).await,
                Command::Openapi => print_openapi(&config),
                Command::Reference { page } => {
                    terminal::say(
                        match page {
                            ReferencePage::Errors => studio_server::http::errors_page(),
                            ReferencePage::Limits => studio_server::http::limits_page(),
                        }
                        .trim_end(),
                    );
                    Ok(ExitCode::SUCCESS)
                }
                // They came to their end above.
                Command::Doctor(_) | Command::Inspect(_) | Command::Worker(_) => Ok(ExitCode::SUCCESS),
            }
        })
    });
    result.unwrap_or_else(|error| failed(&error))
}

/// The description of the API as this configuration makes it, once all of its providers are ready.
fn print_openapi(config: &config::Config) -> anyhow::Result<ExitCode> {
    let catalog = studio_core::catalog::Catalog::load(&config.models)?;
    terminal::say(&serde_json::to_string_pretty(&studio_server::http::api_document(&catalog, |_| true))?);
    Ok(ExitCode::SUCCESS)
}

/// Says what went wrong, with every cause.
fn failed(error: &anyhow::Error) -> ExitCode {
    terminal::complain(&format!("studio: {error:#}"));
    ExitCode::FAILURE
}
