//! The live reporter, wired to this process's streams.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressDrawTarget;

use super::args::Global;
use super::out;
use crate::engine::Observer;
use crate::record::{Event, RunState};
use crate::report::terminal::{Human, JsonLines, Progress, Reporter, Verbosity};

/// Hears the engine and hands on to the reporter that was asked for.
pub(super) struct Live {
    reporter: Mutex<Box<dyn Reporter>>,
    json: bool,
    quiet: bool,
}

impl Live {
    /// JSON lines with `--json`, else lines for people.
    pub(super) fn new(global: &Global) -> Arc<Self> {
        let reporter: Box<dyn Reporter> = if global.json {
            Box::new(JsonLines::new(io::stdout()))
        } else {
            let verbosity = match (global.quiet, global.verbose) {
                (true, _) => Verbosity::Quiet,
                (false, 0) => Verbosity::Normal,
                (false, _) => Verbosity::Verbose,
            };
            let progress = if global.quiet {
                ProgressDrawTarget::hidden()
            } else {
                ProgressDrawTarget::stderr()
            };
            Box::new(Human::new(
                io::stdout(),
                out::style(global),
                verbosity,
                progress,
            ))
        };
        Arc::new(Live {
            reporter: Mutex::new(reporter),
            json: global.json,
            quiet: global.quiet,
        })
    }

    /// Says something that is no event, to people only.
    pub(super) fn say(&self, text: &str) {
        if !self.json && !self.quiet {
            let _ = out::text(text);
        }
    }

    fn with(&self, show: impl FnOnce(&mut dyn Reporter) -> io::Result<()>) {
        let mut reporter = self.reporter.lock().unwrap_or_else(PoisonError::into_inner);
        // The run does not depend on its being watched.
        let _ = show(&mut **reporter);
    }
}

impl Observer for Live {
    fn event(&self, event: &Event, state: &RunState) {
        self.with(|reporter| reporter.event(event, state));
        let _ = io::stdout().flush();
    }

    fn note(&self, step: &str, text: &str) {
        self.with(|reporter| {
            reporter.progress(step, Progress::Note(text));
            Ok(())
        });
    }

    fn count(&self, step: &str, done: u64, of: u64) {
        self.with(|reporter| {
            reporter.progress(step, Progress::Count { done, of });
            Ok(())
        });
    }
}
