//! A fleet run is called off as a whole.

use jiff::Timestamp;

use crate::engine::{DecisionError, cancel};
use crate::record::{FleetEvent, FleetPlan};
use crate::store::{Store, StoreError};

/// What became of a fleet run that was called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalledOff {
    /// Runs that were open.
    pub runs: usize,
    /// It had been stopped before, by this or for another reason.
    pub stopped_before: bool,
}

/// Starts no more sites, and calls the open runs off. A process that works on the fleet run hears of it before it starts another
/// site, and ends what is under way; whoever calls this while one does calls it once more a moment later, for the site that was
/// started just then. When this returns, all is on disk.
///
/// # Errors
/// When a record cannot be read or written. The other runs are called off all the same.
pub fn call_off(
    store: &dyn Store,
    plan: &FleetPlan,
    by: &str,
    note: Option<&str>,
    at: Timestamp,
) -> Result<CalledOff, DecisionError> {
    let stopped_before = store.fleet(&plan.fleet)?.stopped.is_some();
    if !stopped_before {
        let why = note.map(|note| format!(" ({note})")).unwrap_or_default();
        let reason = format!("called off by {by}{why}");
        store.note_fleet(&plan.fleet, FleetEvent::Stopped { at, reason })?;
    }
    let mut runs = 0;
    let mut trouble = None;
    for site in &plan.sites {
        match cancel(store, &site.run, by, note.map(str::to_owned), at) {
            Ok(taken) => runs += usize::from(taken.new),
            Err(DecisionError::Ended { .. } | DecisionError::Store(StoreError::NoSuchRun(_))) => {}
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    match trouble {
        Some(error) => Err(error),
        None => Ok(CalledOff {
            runs,
            stopped_before,
        }),
    }
}
