//! `runs`, and `status` of all open runs: one line a run.

use std::io::{self, Write};

use jiff::Timestamp;

use super::paint::{Ink, Style, ink};
use super::table::Table;
use crate::record::{RunStatus, RunSummary};
use crate::report::view::moment::span;
use crate::report::view::{Calendar, line, words};

/// A run of a list.
#[derive(Debug, Clone, Copy)]
pub struct RunLine<'a> {
    /// The run.
    pub run: &'a RunSummary,
    /// A process works on it.
    pub worked_on: bool,
}

/// `runs`: one line a run, in the order given. `now` tells what is overdue.
///
/// # Errors
/// When `out` cannot be written.
pub fn runs(
    out: &mut dyn Write,
    style: Style,
    now: Timestamp,
    lines: &[RunLine<'_>],
) -> io::Result<()> {
    let mut table = Table::new(&["RUN", "SITE", "RUNBOOK", "STATE", "OPEN", "NEXT", "CREATED"]);
    for shown in lines {
        let [run, site, runbook, state, open] = common(shown);
        let zone = Calendar::new(shown.run.timezone.as_deref());
        let created = zone.when(shown.run.created).short;
        let next = next(date(shown.run), now);
        table.row(vec![
            run,
            site,
            runbook,
            state,
            open,
            (next, None),
            (created, None),
        ]);
    }
    table.write(out, style, 0)
}

/// `status`: one line an open run, with what it waits for.
///
/// # Errors
/// When `out` cannot be written.
pub fn open_runs(
    out: &mut dyn Write,
    style: Style,
    now: Timestamp,
    lines: &[RunLine<'_>],
) -> io::Result<()> {
    let mut table = Table::new(&[
        "RUN",
        "SITE",
        "RUNBOOK",
        "STATE",
        "OPEN",
        "WAITS FOR",
        "NEXT",
    ]);
    for shown in lines {
        let [run, site, runbook, state, open] = common(shown);
        let asks = match (shown.run.status, shown.run.asks.as_slice()) {
            (RunStatus::Waiting, []) => "a date".to_owned(),
            (_, asks) => line(&asks.join(", ")),
        };
        let next = next(date(shown.run), now);
        table.row(vec![
            run,
            site,
            runbook,
            state,
            open,
            (asks, None),
            (next, None),
        ]);
    }
    table.write(out, style, 0)?;
    let one = match lines {
        [one] => line(&one.run.run),
        _ => "RUN".to_owned(),
    };
    writeln!(
        out,
        "\n`mailmedic status {one}` tells what is needed, and the command that goes on"
    )
}

/// The cells of both lists.
fn common(shown: &RunLine<'_>) -> [(String, Option<Ink>); 5] {
    let run = shown.run;
    let mut word = words::run(run.status);
    match run.status {
        // As short as a column is.
        RunStatus::NeedsResolve => word.text = "a step to resolve".to_owned(),
        RunStatus::Active if !shown.worked_on => word.text = "stands still: resume".to_owned(),
        _ => {}
    }
    let check = if run.check { " (check run)" } else { "" };
    [
        (line(&run.run), None),
        (line(&run.site), None),
        (line(&run.runbook) + check, None),
        (
            format!("{} {}", word.mark, word.text),
            Some(ink(&word.mark)),
        ),
        (run.open_findings.to_string(), None),
    ]
}

fn date(run: &RunSummary) -> Option<Timestamp> {
    run.due.filter(|_| !run.is_finished())
}

/// How far off the next date is.
pub(super) fn next(due: Option<Timestamp>, now: Timestamp) -> String {
    match due {
        None => String::new(),
        Some(wake) => {
            let seconds = wake.duration_since(now).as_secs();
            if seconds > 0 {
                format!("in {}", span(seconds))
            } else {
                format!("due for {}", span(seconds))
            }
        }
    }
}
