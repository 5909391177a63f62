//! Events of somebody beside the worker: judged by the record as it stands, and judged again when somebody was faster.

use jiff::Timestamp;

use crate::record::{Event, EventKind, NewEvent, RunState};
use crate::store::{Store, StoreError};

/// What became of something that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// It was not there already.
    pub new: bool,
    /// Bytes that were cut off the end of the record on the way, because they were no whole event.
    pub torn: u64,
}

/// Appends what `judge` makes of the record: whether it is new, and its events. Without events nothing is written. When this
/// returns, it is on disk.
///
/// # Errors
/// What `judge` says, or the store refuses; nothing is written then.
pub(super) fn amend<E: From<StoreError>>(
    store: &dyn Store,
    run: &str,
    (at, by): (Timestamp, &str),
    judge: impl Fn(&RunState, &[Event]) -> Result<(bool, Vec<EventKind>), E>,
) -> Result<Taken, E> {
    let mut torn = 0;
    loop {
        let mut journal = store.open(run)?;
        let events = journal.catch_up()?;
        let state = RunState::replay(&events).map_err(|source| StoreError::Illegal {
            run: run.to_owned(),
            source,
        })?;
        torn += journal.torn();
        let (new, kinds) = judge(&state, &events)?;
        if kinds.is_empty() {
            return Ok(Taken { new: false, torn });
        }
        let at = at.max(state.updated);
        let place = |event| NewEvent {
            at,
            actor: by.to_owned(),
            event,
        };
        let events: Vec<NewEvent> = kinds.into_iter().map(place).collect();
        match journal.append(state.seq, &events) {
            Ok(_) => return Ok(Taken { new, torn }),
            // Somebody was faster: judge what stands now.
            Err(StoreError::Grown(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
