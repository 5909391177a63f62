//! One user of the server: how much it sends, from where, since when.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hashbrown::HashSet;
use jiff::Timestamp;

use super::samples::{OF_A_USER, Samples};
use super::table::Weighed;
use crate::mail::events::{Event, What};

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
    /// It is a mailbox of the server, not a program.
    pub(in super::super) mailbox: bool,
    pub(in super::super) first: Option<Timestamp>,
    pub(in super::super) last: Option<Timestamp>,
    /// From where it came, 1,000 at most.
    clients: HashSet<String>,
    /// Foreign senders that it used, 1,000 at most.
    pub(in super::super) foreign: BTreeSet<String>,
    /// Recipients of those, 1,000 at most.
    pub(in super::super) foreign_recipients: BTreeSet<String>,
    /// Log-ins or messages of the busiest hour, and the same for those from outside only.
    pub(in super::super) rate: Busiest,
    pub(in super::super) rate_outside: Busiest,
    pub(in super::super) from_outside: Acts,
    /// Most outside addresses within 24 hours, and most outside networks within ten minutes.
    pub(in super::super) addresses_a_day: usize,
    pub(in super::super) networks_at_once: usize,
    pub(in super::super) lines: Samples,
    pub(in super::super) outside_lines: Samples,
    recent: Recent,
}

/// The outside addresses of the last 24 hours.
#[derive(Debug, Clone, Default)]
struct Recent(Vec<Visit>);

/// When an address was seen last.
#[derive(Debug, Clone, Copy)]
struct Visit {
    second: i64,
    /// As a number: it is compared with all others each time.
    address: u128,
    network: u32,
}

impl Recent {
    /// An address acts; the number of networks from which some did within ten minutes.
    fn came(&mut self, second: i64, address: IpAddr) -> usize {
        let visit = Visit {
            second,
            address: match address.to_canonical() {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
                IpAddr::V6(v6) => v6.to_bits(),
            },
            network: network(address),
        };
        self.0
            .retain(|known| known.address != visit.address && (second - known.second).abs() < DAY);
        if self.0.len() >= RECENT {
            self.0.remove(0);
        }
        self.0.push(visit);
        let mut networks = [0; RECENT];
        let at_once = self.0.iter();
        let at_once = at_once.filter(|known| (second - known.second).abs() <= TEN_MINUTES);
        let mut count = 0;
        for (place, known) in networks.iter_mut().zip(at_once) {
            *place = known.network;
            count += 1;
        }
        let networks = &mut networks[..count];
        networks.sort_unstable();
        networks.chunk_by(|a, b| a == b).count()
    }
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
        if !self.clients.contains(client) && self.clients.len() < DISTINCT {
            self.clients.insert(client.to_owned());
        }
    }

    /// From where it came, by the alphabet; 1,000 at most.
    pub(in super::super) fn clients(&self) -> Vec<&str> {
        let mut clients: Vec<&str> = self.clients.iter().map(String::as_str).collect();
        clients.sort_unstable();
        clients
    }

    /// Something that it did itself, from an address outside the site.
    pub(super) fn acted_outside(&mut self, event: &Event<'_>, address: Option<IpAddr>) {
        self.from_outside.add(event);
        self.outside_lines.keep(event, OF_A_USER);
        let Some(second) = event.time.map(Timestamp::as_second) else {
            return;
        };
        self.rate_outside.count(second.div_euclid(3600), event);
        let Some(address) = address else { return };
        let networks = self.recent.came(second, address);
        self.addresses_a_day = self.addresses_a_day.max(self.recent.0.len());
        self.networks_at_once = self.networks_at_once.max(networks);
    }

    pub(super) fn wrote_as(&mut self, sender: &str, recipient: Option<&str>) {
        insert(&mut self.foreign, sender);
        if let Some(recipient) = recipient {
            insert(&mut self.foreign_recipients, recipient);
        }
    }
}

/// What a user did itself. Some logs tell a log-in and the message that comes of it, others only one of the two: the greater
/// number counts, and nobody seems twice as busy as it was.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Acts {
    log_ins: u64,
    messages: u64,
}

impl Acts {
    fn add(&mut self, event: &Event<'_>) {
        match event.what {
            What::Authenticated => self.log_ins += 1,
            _ => self.messages += 1,
        }
    }

    pub(in super::super) fn count(self) -> u64 {
        self.log_ins.max(self.messages)
    }
}

/// The busiest of the periods that came one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Busiest {
    period: i64,
    acts: Acts,
    pub(in super::super) most: u64,
}

impl Busiest {
    pub(super) fn count(&mut self, period: i64, event: &Event<'_>) {
        if period != self.period {
            self.period = period;
            self.acts = Acts::default();
        }
        self.acts.add(event);
        self.most = self.most.max(self.acts.count());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::events::Place;

    #[test]
    fn a_log_in_and_its_message_are_one_act() {
        let act = |what| Event {
            what,
            ..Event::at(Place {
                file: "log".into(),
                first: 1,
                last: 1,
            })
        };
        let mut busiest = Busiest::default();
        for _ in 0..40 {
            busiest.count(1, &act(What::Authenticated));
            busiest.count(1, &act(What::Received));
        }
        assert_eq!(busiest.most, 40);
        // One log-in for many messages: the messages count.
        busiest.count(2, &act(What::Authenticated));
        for _ in 0..50 {
            busiest.count(2, &act(What::Received));
        }
        assert_eq!(busiest.most, 50);
    }
}
