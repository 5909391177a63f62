//! Recipients that failed: unknown ones, and those whose domain could not be looked up.

use jiff::civil::Date;

use super::digest;
use super::distinct::Distinct;
use super::samples::{OF_A_SIGNAL, Samples};
use super::table::{Count, Table, Weighed};
use super::windows::Windows;
use crate::mail::events::Event;

/// Days that are told apart, at least; the busiest ones stay.
const DAYS: usize = 400;

/// Domains whose names are kept, at least; the most frequent ones stay.
const DOMAINS: usize = 1_000;

/// Replies about unknown recipients.
#[derive(Debug, Clone)]
pub(in super::super) struct Unknown {
    pub(in super::super) replies: usize,
    /// Replies that do not name the address.
    pub(in super::super) hidden: usize,
    days: Table<Option<Date>, Day>,
    pub(in super::super) recipients: Distinct,
    pub(in super::super) domains: Distinct,
    pub(in super::super) samples: Samples,
}

#[derive(Debug, Clone, Default)]
struct Day {
    replies: u64,
    recipients: Distinct,
}

impl Weighed for Day {
    fn weight(&self) -> u64 {
        self.replies
    }
}

impl Default for Unknown {
    fn default() -> Self {
        Self {
            replies: 0,
            hidden: 0,
            days: Table::new(DAYS),
            recipients: Distinct::default(),
            domains: Distinct::default(),
            samples: Samples::default(),
        }
    }
}

impl Unknown {
    /// A reply about an unknown recipient of this domain.
    pub(super) fn add(&mut self, event: &Event<'_>, domain: Option<u64>) {
        self.replies += 1;
        self.samples.keep(event, OF_A_SIGNAL);
        let Some(recipient) = event.recipient.as_deref() else {
            self.hidden += 1;
            return;
        };
        let recipient = digest(recipient);
        self.recipients.add(recipient);
        if let Some(domain) = domain {
            self.domains.add(domain);
        }
        let day = self.days.at(&event.day());
        day.replies += 1;
        day.recipients.add(recipient);
    }

    /// Distinct recipients on the worst day.
    pub(in super::super) fn worst_day(&self) -> usize {
        let days = self.days.rows().map(|(_, day)| day.recipients.count());
        days.max().unwrap_or(0)
    }

    pub(super) fn given_up(&self) -> u64 {
        self.days.given_up
    }
}

/// Failures for want of DNS.
#[derive(Debug, Clone)]
pub(in super::super) struct Unresolved {
    pub(in super::super) failures: usize,
    /// Failures that do not name the domain.
    pub(in super::super) hidden: usize,
    pub(in super::super) domains: Distinct,
    /// Domains of all failures, for whatever reason.
    pub(in super::super) all_domains: Distinct,
    pub(in super::super) windows: Windows,
    pub(in super::super) samples: Samples,
    names: Table<String, Count>,
}

impl Default for Unresolved {
    fn default() -> Self {
        Self {
            failures: 0,
            hidden: 0,
            domains: Distinct::default(),
            all_domains: Distinct::default(),
            windows: Windows::default(),
            samples: Samples::default(),
            names: Table::new(DOMAINS),
        }
    }
}

impl Unresolved {
    /// A failure of outbound mail, to a domain, for want of DNS or not.
    pub(super) fn add(&mut self, event: &Event<'_>, domain: Option<(&str, u64)>, dns: bool) {
        if let Some((_, key)) = domain {
            self.all_domains.add(key);
        }
        if !dns {
            return;
        }
        self.failures += 1;
        self.samples.keep(event, OF_A_SIGNAL);
        let Some((name, key)) = domain else {
            self.hidden += 1;
            return;
        };
        self.domains.add(key);
        self.names.at(name).0 += 1;
        if let Some(time) = event.time {
            self.windows.add(time.as_second(), key);
        }
    }

    /// The domains, most frequent first.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.names.ranked().into_iter();
        names.map(|(name, _)| name.clone()).collect()
    }
}
