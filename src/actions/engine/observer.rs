//! What the engine tells while it works. It never prints; reporters do.

use crate::actions::Progress;
use crate::record::{Event, RunState};

/// Hears everything that happens to a run, in order, after it is durable.
pub trait Observer: Send + Sync {
    /// An event was written; `state` is the state after it.
    fn event(&self, event: &Event, state: &RunState);
    /// A step says what it is doing. Never stored.
    fn note(&self, step: &str, text: &str);
    /// A step says how far it is. Never stored.
    fn count(&self, step: &str, done: u64, of: u64);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event, _: &RunState) {}
    fn note(&self, _: &str, _: &str) {}
    fn count(&self, _: &str, _: u64, _: u64) {}
}

/// The progress of one step, passed on with the step's key.
pub(super) struct StepProgress {
    pub(super) key: String,
    pub(super) observer: std::sync::Arc<dyn Observer>,
}

impl Progress for StepProgress {
    fn note(&self, text: &str) {
        self.observer.note(&self.key, text);
    }

    fn count(&self, done: u64, of: u64) {
        self.observer.count(&self.key, done, of);
    }
}
