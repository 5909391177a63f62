//! The command line: arguments, wiring, exit codes. The only place that prints.

pub mod args;
mod commands;
pub mod exit;
mod fail;
mod fleet_live;
mod lists_file;
mod live;
mod out;
mod site_lists;
mod site_probes;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, Global};
use exit::Exit;
use fail::Fail;
use workspace::Workspace;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() {
                Exit::Invalid
            } else {
                Exit::Healthy
            };
            let _ = error.print();
            return ExitCode::from(exit.code());
        }
    };
    let global = cli.global.clone();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dispatch(cli)));
    let exit = match outcome {
        Ok(Ok(exit)) => exit,
        Ok(Err(fail)) => out::fail(&global, &fail),
        Err(_) => out::fail(
            &global,
            &Fail::Said {
                text: "this is a fault of mailmedic; what was written so far is safe. Please report the lines above".to_owned(),
                exit: Exit::Bug,
            },
        ),
    };
    ExitCode::from(exit.code())
}

fn dispatch(cli: Cli) -> Result<Exit, Fail> {
    use crate::record::Decision;
    let global: &Global = &cli.global;
    let open = || Workspace::open(global);
    match &cli.command {
        Command::Init { dir } => commands::init::init(global, dir),
        Command::Demo { keep } => commands::demo::demo(global, keep.as_deref()),
        Command::Run(args) => commands::run::run(&open()?, args),
        Command::Resume {
            all: true, watch, ..
        } => match watch {
            true => commands::agent::agent(&open()?, true),
            false => commands::agent::resume_all(&open()?),
        },
        Command::Agent { until_done } => commands::agent::agent(&open()?, *until_done),
        Command::Resume {
            run, watch, adopt, ..
        } if adopt.adopt => {
            commands::adopt::resume(&open()?, run.as_deref().unwrap_or_default(), *watch, adopt)
        }
        Command::Resume { run, watch, .. } => {
            commands::run::resume(&open()?, run.as_deref().unwrap_or_default(), *watch)
        }
        Command::Rerun(args) => commands::rerun::rerun(&open()?, args),
        Command::Cancel { run, who } => commands::decide::cancel(&open()?, run, who),
        Command::Approve(args) => commands::decide::decide(&open()?, args, Decision::Approve),
        Command::Reject(args) => commands::decide::decide(&open()?, args, Decision::Reject),
        Command::Done { decide, by_hand } => {
            let decision = match by_hand {
                true => Decision::ByHand,
                false => Decision::Done,
            };
            commands::decide::decide(&open()?, decide, decision)
        }
        Command::Skip(args) => commands::decide::decide(&open()?, args, Decision::Skip),
        Command::Resolve { decide, outcome } => {
            commands::decide::decide(&open()?, decide, commands::decide::resolution(*outcome))
        }
        Command::Runs {
            site,
            open: only_open,
        } => commands::listing::runs(&open()?, site.as_deref(), *only_open),
        Command::Status { run } => commands::listing::status(&open()?, run.as_deref()),
        Command::Show { run, step } => commands::listing::show(&open()?, run, step.as_deref()),
        Command::Listings { site } => commands::listing::listings(&open()?, site),
        Command::Report(args) => commands::report::report(&open()?, args),
        Command::Verify { run, seen } => commands::record::verify(&open()?, run, seen.as_deref()),
        Command::Export { run, output, files } => {
            commands::record::export(&open()?, run, output.as_deref(), files.as_deref())
        }
        Command::Import {
            file,
            files,
            open: unended,
        } => commands::record::import(&open()?, file, files.as_deref(), *unended),
        Command::Prune(args) => commands::prune::prune(&open()?, args),
        Command::Check { files } => commands::reference::check(&open()?, files),
        Command::Plan { runbook, site, set } => {
            commands::reference::plan(&open()?, runbook, site, set)
        }
        Command::Schema { what } => commands::reference::schema(*what),
        Command::Actions { name } => commands::reference::actions(global, name.as_deref()),
        Command::Lists { name } => commands::lists::lists(&open()?.global, name.as_deref()),
        Command::Explain { what } => commands::lists::explain(global, &what.join(" ")),
        Command::Probe { action, site, with } => {
            commands::probe::probe(&open()?, action, site.as_deref(), with)
        }
        Command::Doctor { site } => commands::doctor::doctor(&open()?, site.as_deref()),
        Command::Completions { shell } => commands::reference::completions(*shell),
    }
}
