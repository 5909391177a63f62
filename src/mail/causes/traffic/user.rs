//! One user of the server: how much it sends, from where, since when.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;

use super::samples::{OF_A_USER, Samples};
use super::table::Weighed;
use crate::mail::events::Event;

/// Clients, senders and recipients that are told apart, at most.
const DISTINCT: usize = 1_000;

/// Addresses of the last 24 hours that are remembered.
const RECENT: usize = 64;

const DAY: i64 = 24 * 3600;
const TEN_MINUTES: i64 = 600;

/// The counters of one account, device, program or address.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct User {
    pub(in super::super) log_ins: u64,
    pub(in super::super) messages: u64,
    pub(in super::super) delivered: u64,
    pub(in super::super) failed: u64,
    pub(in super::super) bytes: u64,
    pub(in super::super) first: Option<Timestamp>,
    pub(in super::super) last: Option<Timestamp>,
    /// From where it came, 1,000 at most.
    pub(in super::super) clients: BTreeSet<String>,
    /// Foreign senders that it used, 1,000 at most.
    pub(in super::super) foreign: BTreeSet<String>,
    /// Recipients of those, 1,000 at most.
    pub(in super::super) foreign_recipients: BTreeSet<String>,
    /// Log-ins or messages of the busiest hour, and the same for those from outside only.
    pub(in super::super) rate: Busiest,
    pub(in super::super) rate_outside: Busiest,
    pub(in super::super) from_outside: u64,
    /// Most outside addresses within 24 hours, and most outside networks within ten minutes.
    pub(in super::super) addresses_a_day: usize,
    pub(in super::super) networks_at_once: usize,
    pub(in super::super) lines: Samples,
    pub(in super::super) outside_lines: Samples,
    recent: Vec<(i64, IpAddr)>,
}

impl Weighed for User {
    fn weight(&self) -> u64 {
        self.messages + self.log_ins + self.delivered + self.failed
    }
}

impl User {
    pub(super) fn seen(&mut self, event: &Event<'_>) {
        if let Some(time) = event.time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        self.lines.keep(event, OF_A_USER);
    }

    pub(super) fn came_from(&mut self, client: &str) {
        insert(&mut self.clients, client);
    }

    /// Something that it did itself, from an address outside the site.
    pub(super) fn acted_outside(&mut self, event: &Event<'_>, address: Option<IpAddr>) {
        self.from_outside += 1;
        self.outside_lines.keep(event, OF_A_USER);
        let Some(second) = event.time.map(Timestamp::as_second) else {
            return;
        };
        self.rate_outside.count(second.div_euclid(3600));
        let Some(address) = address else { return };
        self.recent
            .retain(|(then, known)| *known != address && (second - then).abs() < DAY);
        if self.recent.len() >= RECENT {
            self.recent.remove(0);
        }
        self.recent.push((second, address));
        self.addresses_a_day = self.addresses_a_day.max(self.recent.len());
        let at_once: BTreeSet<u32> = self
            .recent
            .iter()
            .filter(|(then, _)| (second - then).abs() <= TEN_MINUTES)
            .map(|(_, address)| network(*address))
            .collect();
        self.networks_at_once = self.networks_at_once.max(at_once.len());
    }

    pub(super) fn wrote_as(&mut self, sender: &str, recipient: Option<&str>) {
        insert(&mut self.foreign, sender);
        if let Some(recipient) = recipient {
            insert(&mut self.foreign_recipients, recipient);
        }
    }
}

/// The busiest of the periods that came one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Busiest {
    period: i64,
    count: u64,
    pub(in super::super) most: u64,
}

impl Busiest {
    pub(super) fn count(&mut self, period: i64) {
        if period != self.period {
            self.period = period;
            self.count = 0;
        }
        self.count += 1;
        self.most = self.most.max(self.count);
    }
}

/// Adds a text to a set of which no more than a bounded number is kept.
pub(super) fn insert(set: &mut BTreeSet<String>, text: &str) {
    if set.len() < DISTINCT && !set.contains(text) {
        set.insert(text.to_owned());
    }
}

/// The /16 of an address of IPv4, the /32 of one of IPv6.
pub(super) fn network(address: IpAddr) -> u32 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u32::from(v4) >> 16,
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            (u32::from(segments[0]) << 16) | u32::from(segments[1])
        }
    }
}
