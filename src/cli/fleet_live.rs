//! The live reporter of a fleet run, wired to this process's streams.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::ProgressDrawTarget;

use super::args::Global;
use super::out;
use crate::engine::{Observer, Standing};
use crate::record::{Event, FleetSite, RunConclusion, RunState};
use crate::report::terminal::{FleetMark, FleetTable, JsonLines, Reporter, Verbosity};
use crate::report::view::Calendar;

/// Hears all runs of a fleet.
pub(super) struct FleetLive {
    shown: Mutex<Shown>,
    /// Lines are told as they come.
    speaks: bool,
}

enum Shown {
    /// JSON lines, for programs.
    Lines(JsonLines<io::Stdout>),
    /// One table, for people.
    Table(Box<FleetTable<io::Stdout>>),
}

impl FleetLive {
    /// JSON lines with `--json`, else a table of so many sites.
    pub(super) fn new(global: &Global, sites: usize) -> Arc<Self> {
        let shown = if global.json {
            Shown::Lines(JsonLines::new(io::stdout()))
        } else {
            let verbosity = match (global.quiet, global.verbose) {
                (true, _) => Verbosity::Quiet,
                (false, 0) => Verbosity::Normal,
                (false, _) => Verbosity::Verbose,
            };
            let live = if global.quiet {
                ProgressDrawTarget::hidden()
            } else {
                ProgressDrawTarget::stderr()
            };
            let style = out::style(global);
            Shown::Table(Box::new(FleetTable::new(
                io::stdout(),
                style,
                verbosity,
                live,
                sites,
            )))
        };
        Arc::new(FleetLive {
            shown: Mutex::new(shown),
            speaks: !global.json && !global.quiet,
        })
    }

    /// The observer of one site's run.
    pub(super) fn of_site(self: &Arc<Self>, site: &str) -> Arc<dyn Observer> {
        Arc::new(OfSite {
            site: site.to_owned(),
            live: self.clone(),
        })
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something that is no event, to people only.
    pub(super) fn say(&self, text: &str) {
        if self.speaks {
            let _ = out::text(text);
        }
    }

    /// Says what did not work beside the runs.
    pub(super) fn trouble(&self, text: &str) {
        out::warn(text);
    }

    /// A site stands elsewhere now.
    pub(super) fn stands(&self, site: &FleetSite, standing: &Standing, run: Option<&RunState>) {
        let Shown::Table(table) = &mut *self.shown() else {
            return;
        };
        // The fleet does not depend on its being watched.
        let _ = match standing {
            Standing::Working => {
                table.begin(&site.site);
                Ok(())
            }
            standing => {
                let (place, ended) = place(standing);
                table.stands(&site.site, place, &remark(standing, run), ended)
            }
        };
    }

    /// Takes the live table off the screen.
    pub(super) fn end(&self) {
        if let Shown::Table(table) = &mut *self.shown() {
            table.end();
        }
    }
}

/// The words for a standing, and whether the site's run has ended.
fn place(standing: &Standing) -> (FleetMark<'static>, bool) {
    let (mark, text, trouble, ended) = match standing {
        Standing::NotStarted => ("·", "not started yet", false, false),
        Standing::Ready | Standing::Working => ("…", "under way", false, false),
        Standing::Waiting { .. } => ("…", "waiting", false, false),
        Standing::NeedsResolve => ("!", "an interrupted step must be resolved", true, false),
        Standing::Refused(_) => ("!", "cannot go on", true, true),
        Standing::Ended(RunConclusion::Healthy) => ("✓", "finished, nothing open", false, true),
        Standing::Ended(RunConclusion::FindingsOpen) => {
            ("✗", "finished, findings open", false, true)
        }
        Standing::Ended(RunConclusion::Failed) => ("!", "stopped, a step did not work", true, true),
        Standing::Ended(RunConclusion::Cancelled) => ("–", "called off", false, true),
    };
    let place = FleetMark {
        mark,
        text,
        rests: true,
        trouble,
    };
    (place, ended)
}

fn remark(standing: &Standing, run: Option<&RunState>) -> String {
    match (standing, run) {
        (Standing::Refused(reason), _) => reason.clone(),
        (Standing::Waiting { due: Some(due) }, _) => {
            format!("until {}", Calendar::new(None).when(*due).text)
        }
        (Standing::NeedsResolve | Standing::Waiting { due: None }, Some(run)) => {
            format!("mailmedic status {}", run.created.run)
        }
        _ => String::new(),
    }
}

struct OfSite {
    site: String,
    live: Arc<FleetLive>,
}

impl Observer for OfSite {
    fn event(&self, event: &Event, state: &RunState) {
        match &mut *self.live.shown() {
            Shown::Lines(lines) => {
                let _ = lines.event(event, state);
                let _ = io::stdout().flush();
            }
            Shown::Table(table) => table.event(event, state),
        }
    }

    fn note(&self, _: &str, text: &str) {
        if let Shown::Table(table) = &mut *self.live.shown() {
            table.note(&self.site, text);
        }
    }

    fn count(&self, _: &str, _: u64, _: u64) {}
}
