//! What people and programs see while a run goes on, and the tables about runs.
//!
//! The engine emits events; a [`Reporter`] shows them. Everything is written to an `impl Write` that the command line gives.

mod cells;
mod fleet;
mod human;
mod json;
mod logs;
mod paint;
mod proofs;
mod runs;
mod scan;
mod sessions;
mod table;
mod tables;

use std::io;

use crate::record::{Event, RunState};

pub use fleet::{FleetMark, FleetTable, fleet};
pub use human::{Human, Verbosity};
pub use json::{EVENT_SCHEMA, JsonLines};
pub use paint::{Colour, DEFAULT_WIDTH, Style};
pub use runs::{RunLine, open_runs, runs};
pub use tables::{listings, show_run, show_step, status};

/// Shows a run while it goes on.
pub trait Reporter: Send {
    /// Called after each event was written; `state` is the state after it.
    ///
    /// # Errors
    /// When the output cannot be written. The run does not depend on it.
    fn event(&mut self, event: &Event, state: &RunState) -> io::Result<()>;

    /// Called while a step works, with what its action tells. Never recorded.
    fn progress(&mut self, step: &str, progress: Progress<'_>);
}

/// What an action tells while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A sentence about what is going on.
    Note(&'a str),
    /// So many of so many are done.
    Count {
        /// Done.
        done: u64,
        /// All.
        of: u64,
    },
}

#[cfg(test)]
mod tests;
