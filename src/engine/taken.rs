//! A run that this process alone works on.

use super::EngineError;
use crate::record::{Event, GENESIS, NewEvent, RunState, next};
use crate::store::{Durable, Hold, Journal, Store};

/// A run that this process alone works on, until this is dropped.
pub struct TakenUp {
    pub(super) state: RunState,
    pub(super) journal: Box<dyn Journal>,
    /// The first event of a new run, until it is on disk.
    pub(super) begun: Option<(Event, Durable)>,
    _hold: Box<dyn Hold>,
}

impl TakenUp {
    /// Begins a new run. It can be resumed, whatever happens, as soon as its worker has told of the first event.
    ///
    /// # Errors
    /// When another run holds the pair of site and runbook, or the store cannot be written.
    pub fn new(store: &dyn Store, first: NewEvent) -> Result<Self, EngineError> {
        let placed = first.clone().placed(1, GENESIS.to_owned());
        let state = next(None, &placed)?;
        // Before anybody can see the run: an agent would take up a run of which nobody seems to take care.
        let hold = store.hold(&state.created.run)?;
        let (journal, durable) = store.begin(first)?;
        Ok(TakenUp {
            state,
            _hold: hold,
            journal,
            begun: Some((placed, durable)),
        })
    }

    /// Takes a run up again: becomes the one process that works on it, and reads it.
    ///
    /// # Errors
    /// When another process works on it, or it cannot be read.
    pub fn again(store: &dyn Store, run: &str) -> Result<Self, EngineError> {
        // Before the lock: a name that is no run must not leave a lock behind.
        let mut journal = store.open(run)?;
        let hold = store.hold(run)?;
        let state = journal.replay()?;
        Ok(TakenUp {
            state,
            journal,
            begun: None,
            _hold: hold,
        })
    }

    /// The run as it stands.
    pub fn state(&self) -> &RunState {
        &self.state
    }
}
