//! What is kept of the events: counters of all of them, in which the first lines of each kind stand as evidence. They are
//! bounded, so that memory stays flat.

use crate::mail::causes::{SiteFacts, Traffic};
use crate::mail::events::{Duplicates, Event, Sink};

/// Counters of all events, each counted once.
pub(super) struct Kept {
    pub(super) traffic: Traffic,
    pub(super) duplicates: Duplicates,
}

impl Kept {
    pub(super) fn new(site: &SiteFacts) -> Self {
        Self {
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
        if !self.duplicates.told(event) {
            self.traffic.add(event);
        }
    }
}
