//! A DNS blocklist (or allowlist) as a zone of its own kind, with the ways in which lists fail.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::zone::{Trouble, fold, reversed};

/// What a list has to say about one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// The A records, all in one answer.
    pub codes: Vec<Ipv4Addr>,
    /// The TXT record; empty for none.
    pub text: String,
}

/// How a list behaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListMode {
    /// Answers test points and listings, NXDOMAIN to the rest.
    #[default]
    Healthy,
    /// Never answers, not even for its NS.
    Silent,
    /// Serves its NS and SOA, but 127.255.255.254 for every target: this resolver is not welcome.
    Refusing,
    /// Answers everything with an error.
    Rcode(Trouble),
    /// Answers everything with this address: 127.0.0.2 from a list that was shut down by listing the
    /// world, a public one from a domain that is parked.
    Wildcard(Ipv4Addr),
    /// NXDOMAIN to every target, its own test points too: dead, or a refusal that a resolver hides.
    Blind,
    /// NOERROR without an answer for every target.
    Empty,
}

/// One list zone.
#[derive(Debug, Clone, Default)]
pub struct ListZone {
    /// The zone's name.
    pub zone: String,
    /// How it behaves.
    pub mode: ListMode,
    /// TTL and SOA minimum in seconds.
    pub ttl: u32,
    test_points: BTreeMap<String, ListEntry>,
    listed: BTreeMap<String, ListEntry>,
}

impl ListZone {
    /// A healthy list that knows nobody.
    pub fn new(zone: &str) -> Self {
        Self {
            zone: fold(zone),
            ttl: 60,
            ..Self::default()
        }
    }

    /// Adds a permanent test entry. `target` is an address (`127.0.0.2`, `::ffff:7f00:2`) or a name (`test`).
    #[must_use]
    pub fn test_point(mut self, target: &str, codes: &[Ipv4Addr]) -> Self {
        let text = format!("{} test entry", self.zone);
        self.test_points.insert(
            labels(target),
            ListEntry {
                codes: codes.to_vec(),
                text,
            },
        );
        self
    }

    /// Lists `target` (address or name) under these codes, or changes its entry.
    pub fn add(&mut self, target: &str, codes: &[Ipv4Addr], text: &str) {
        self.listed.insert(
            labels(target),
            ListEntry {
                codes: codes.to_vec(),
                text: text.to_owned(),
            },
        );
    }

    /// Takes `target` off the list; says whether it was on.
    pub fn remove(&mut self, target: &str) -> bool {
        self.listed.remove(&labels(target)).is_some()
    }

    /// Whether `target` is on the list.
    pub fn lists(&self, target: &str) -> bool {
        self.listed.contains_key(&labels(target))
    }

    /// What the list holds for the labels before its zone (folded). As rbldnsd does, a name that only
    /// stands above an entry is unknown (NXDOMAIN), although RFC 8020 would have it exist.
    pub(super) fn entry(&self, labels: &str) -> Option<&ListEntry> {
        self.test_points
            .get(labels)
            .or_else(|| self.listed.get(labels))
    }
}

/// The labels under which a list keeps `target`. An IPv4-mapped IPv6 address keeps its nibbles: that is
/// how the IPv6 test point of RFC 5782 section 5 is asked.
fn labels(target: &str) -> String {
    match target.parse::<IpAddr>() {
        Ok(address) => reversed(address),
        Err(_) => fold(target),
    }
}
