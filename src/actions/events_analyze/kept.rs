//! What is kept of the events: counters of all of them, and the first failures and log-ins as evidence. Both are bounded,
//! so that memory stays flat.

use crate::mail::causes::{SiteFacts, Traffic};
use crate::mail::events::{Duplicates, Event, Sink, What};

/// Events that are kept, at most.
const MOST: usize = 50_000;

/// Counters, and failures and log-ins in the order in which they were read.
pub(super) struct Kept {
    pub(super) events: Vec<Event<'static>>,
    /// How many more there were.
    pub(super) beyond: u64,
    pub(super) traffic: Traffic,
    pub(super) duplicates: Duplicates,
}

impl Kept {
    pub(super) fn new(site: &SiteFacts) -> Self {
        Self {
            events: Vec::new(),
            beyond: 0,
            traffic: Traffic::new(site),
            duplicates: Duplicates::default(),
        }
    }
}

impl Sink for Kept {
    fn begins(&mut self, format: &'static str) {
        self.duplicates.begins(format);
    }

    fn event(&mut self, event: &Event<'_>) {
        if self.duplicates.told(event) {
            return;
        }
        self.traffic.add(event);
        let weighed =
            event.what.is_failure() || matches!(event.what, What::Authenticated | What::AuthFailed);
        if weighed && self.events.len() < MOST {
            self.events.push(event.clone().into_owned());
        } else if weighed {
            self.beyond += 1;
        }
    }
}
