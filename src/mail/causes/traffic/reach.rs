//! Whether a remote host could be reached when it was tried last.

use jiff::Timestamp;

use super::samples::{OF_A_USER, Samples};
use super::table::Weighed;
use crate::mail::events::Event;

/// The attempts at one host.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Reach {
    tries: u64,
    last: Option<Timestamp>,
    /// The last attempt brought no connection.
    pub(in super::super) dead: bool,
    /// Where attempts without a connection stand.
    pub(in super::super) lines: Samples,
}

impl Weighed for Reach {
    fn weight(&self) -> u64 {
        self.tries
    }
}

impl Reach {
    /// Counts an attempt. Files are not read in the order of their times.
    pub(super) fn tried(&mut self, event: &Event<'_>, dead: bool) {
        self.tries += 1;
        if event.time >= self.last {
            self.last = event.time;
            self.dead = dead;
        }
        if dead {
            self.lines.keep(event, OF_A_USER);
        }
    }
}
