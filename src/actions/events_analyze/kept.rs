//! The events that causes are weighed by: bounded, so that memory stays flat.

use crate::mail::events::{Event, Sink, What};

/// Events that are kept, at most.
const MOST: usize = 50_000;

/// Failures and log-ins, in the order in which they were read.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) events: Vec<Event<'static>>,
    /// How many more there were.
    pub(super) beyond: u64,
}

impl Sink for Kept {
    fn event(&mut self, event: &Event<'_>) {
        let weighed =
            event.what.is_failure() || matches!(event.what, What::Authenticated | What::AuthFailed);
        if weighed && self.events.len() < MOST {
            self.events.push(event.clone().into_owned());
        } else if weighed {
            self.beyond += 1;
        }
    }
}
