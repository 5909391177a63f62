//! Zones as data: what the world's DNS knows, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::list::ListZone;

/// One resource record's data. Names are written without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rr {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// The name of an address.
    Ptr(String),
    /// An alias.
    Cname(String),
    /// Text; split into strings of 255 octets on the wire.
    Txt(String),
    /// Preference and mail exchanger; an empty name is the null MX (RFC 7505).
    Mx(u16, String),
    /// A name server.
    Ns(String),
}

/// Why a name gives no proper answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No answer ever comes.
    Silent,
    /// SERVFAIL.
    ServFail,
    /// REFUSED.
    Refused,
    /// FORMERR.
    FormErr,
}

/// What the resolver in front of the zones does to answers, beside resolving.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolverFaults {
    /// Lists at or below these names see an unwelcome resolver and answer 127.255.255.254 to everything.
    pub refused_by: BTreeSet<String>,
    /// NXDOMAIN becomes this (public) address: a provider's "helpful" search page.
    pub nxdomain_to: Option<Ipv4Addr>,
    /// Answers of lists inside 127.0.0.0/8 are dropped, as a rebinding filter does. The hosts of the
    /// world keep theirs: they stand on loopback only because this is practice.
    pub drop_loopback: bool,
    /// Nothing is resolved at all.
    pub dead: Option<Trouble>,
}

/// One authoritative zone.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    /// Lower-case names without a trailing dot -> their records.
    pub records: BTreeMap<String, Vec<Rr>>,
    /// TTL of every record, and the SOA minimum (negative TTL), in seconds.
    pub ttl: u32,
    /// The name server in SOA and NS; `ns.` before the zone when empty.
    pub primary: String,
}

/// Everything the world's DNS answers from. Every name passed in may be of any case and may end in a dot.
#[derive(Debug, Clone)]
pub struct ZoneSet {
    pub(super) zones: BTreeMap<String, Zone>,
    pub(super) lists: BTreeMap<String, ListZone>,
    pub(super) trouble: BTreeMap<String, Trouble>,
    pub(super) delays: BTreeMap<String, Duration>,
    /// What the resolver does to answers.
    pub resolver: ResolverFaults,
}

impl Default for ZoneSet {
    /// A world with an empty root zone: every name is NXDOMAIN.
    fn default() -> Self {
        let mut set = Self {
            zones: BTreeMap::new(),
            lists: BTreeMap::new(),
            trouble: BTreeMap::new(),
            delays: BTreeMap::new(),
            resolver: ResolverFaults::default(),
        };
        set.add_zone("");
        set
    }
}

impl ZoneSet {
    /// Opens a zone (a place with an SOA of its own); records below it go there.
    pub fn add_zone(&mut self, origin: &str) -> &mut Zone {
        self.zones.entry(fold(origin)).or_insert_with(|| Zone {
            records: BTreeMap::new(),
            ttl: 60,
            primary: String::new(),
        })
    }

    /// Adds a record to what `name` has.
    pub fn add(&mut self, name: &str, record: Rr) {
        let name = fold(name);
        let origin = enclosing(&self.zones, &name).unwrap_or_default();
        self.add_zone(&origin)
            .records
            .entry(name)
            .or_default()
            .push(record);
    }

    /// Takes all records of `name` away.
    pub fn clear(&mut self, name: &str) {
        let name = fold(name);
        for zone in self.zones.values_mut() {
            zone.records.remove(&name);
        }
    }

    /// Replaces everything `name` has.
    pub fn set(&mut self, name: &str, records: impl IntoIterator<Item = Rr>) {
        self.clear(name);
        for record in records {
            self.add(name, record);
        }
    }

    /// Replaces the PTR records of `address`; none leaves it without a name.
    pub fn set_ptr(&mut self, address: IpAddr, names: &[&str]) {
        self.set(
            &reverse_name(address),
            names.iter().map(|name| Rr::Ptr((*name).to_owned())),
        );
    }

    /// Adds a list zone, or replaces the one of that name.
    pub fn add_list(&mut self, list: ListZone) {
        self.lists.insert(fold(&list.zone), list);
    }

    /// A list zone to look at.
    pub fn list(&self, zone: &str) -> Option<&ListZone> {
        self.lists.get(&fold(zone))
    }

    /// A list zone to edit.
    pub fn list_mut(&mut self, zone: &str) -> Option<&mut ListZone> {
        self.lists.get_mut(&fold(zone))
    }

    /// The names of all list zones.
    pub fn list_names(&self) -> Vec<String> {
        self.lists.keys().cloned().collect()
    }

    /// Makes `suffix` and everything below it answer with `trouble`, or heals it.
    pub fn set_trouble(&mut self, suffix: &str, trouble: Option<Trouble>) {
        match trouble {
            Some(trouble) => self.trouble.insert(fold(suffix), trouble),
            None => self.trouble.remove(&fold(suffix)),
        };
    }

    /// Makes answers for `suffix` and everything below it come late.
    pub fn set_delay(&mut self, suffix: &str, delay: Duration) {
        self.delays.insert(fold(suffix), delay);
    }
}

/// The name under which DNS keeps the PTR records of `address` (RFC 1035 section 3.5, RFC 3596 section 2.5).
pub fn reverse_name(address: IpAddr) -> String {
    let suffix = if address.is_ipv4() {
        "in-addr.arpa"
    } else {
        "ip6.arpa"
    };
    format!("{}.{suffix}", reversed(address))
}

/// The labels of `address` in reverse order: octets for IPv4, nibbles for IPv6 (RFC 5782 sections 2.1 and 2.4).
pub fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6
                .octets()
                .into_iter()
                .rev()
                .flat_map(|octet| [octet & 15, octet >> 4]);
            nibbles
                .map(|nibble| format!("{nibble:x}"))
                .collect::<Vec<_>>()
                .join(".")
        }
    }
}

/// Lower case, without the trailing dot; the root is the empty string.
pub(super) fn fold(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// The longest key of `map` that is `name` or stands above it. `name` is folded.
pub(super) fn enclosing<V>(map: &BTreeMap<String, V>, name: &str) -> Option<String> {
    suffixes(name)
        .find(|suffix| map.contains_key(*suffix))
        .map(str::to_owned)
}

/// `name` and every name above it, the root (empty) last.
pub(super) fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    let parents = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
    std::iter::once(name)
        .chain(parents)
        .chain((!name.is_empty()).then_some(""))
}
