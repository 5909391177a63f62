//! Questions to DNS that pure code needs answered, and the answers it has so far.
//!
//! What evaluates a record (SPF, DMARC) cannot know beforehand which names it will need. It works on [`Known`] answers and,
//! where one is missing, gives back [`Ask`] instead of a result. Whoever has a DNS client asks, adds what was [`Found`], and
//! calls again. So the knowledge stays free of input and output, and a test hands it a zone as data.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One question. Names are lower case, in A-labels, without the final dot: see [`Lookup::txt`] and its kin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lookup {
    /// Text records of a name.
    Txt(String),
    /// IPv4 addresses of a name.
    A(String),
    /// IPv6 addresses of a name.
    Aaaa(String),
    /// Mail exchangers of a name.
    Mx(String),
    /// Names of an address.
    Ptr(IpAddr),
    /// The alias that a name is.
    Cname(String),
}

impl Lookup {
    /// Text records of `name`.
    pub fn txt(name: &str) -> Self {
        Lookup::Txt(folded(name))
    }

    /// Mail exchangers of `name`.
    pub fn mx(name: &str) -> Self {
        Lookup::Mx(folded(name))
    }

    /// The alias that `name` is.
    pub fn cname(name: &str) -> Self {
        Lookup::Cname(folded(name))
    }

    /// Addresses of `name`, of the family of `like`.
    pub fn addresses(name: &str, like: IpAddr) -> Self {
        match like {
            IpAddr::V4(_) => Lookup::A(folded(name)),
            IpAddr::V6(_) => Lookup::Aaaa(folded(name)),
        }
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lookup::Txt(name) => write!(f, "{name} TXT"),
            Lookup::A(name) => write!(f, "{name} A"),
            Lookup::Aaaa(name) => write!(f, "{name} AAAA"),
            Lookup::Mx(name) => write!(f, "{name} MX"),
            Lookup::Ptr(address) => write!(f, "{address} PTR"),
            Lookup::Cname(name) => write!(f, "{name} CNAME"),
        }
    }
}

/// A text record; its strings are kept apart, because a missing blank at their seam is a common fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Text(pub Vec<String>);

impl Text {
    /// All strings joined without a blank (RFC 7208 §3.3, RFC 6376 §3.6.2.2).
    pub fn joined(&self) -> String {
        self.0.concat()
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Text records.
    Txt(Vec<Text>),
    /// IPv4 addresses.
    A(Vec<Ipv4Addr>),
    /// IPv6 addresses.
    Aaaa(Vec<Ipv6Addr>),
    /// Mail exchangers with their preference, most preferred first. The empty name is the null MX (RFC 7505).
    Mx(Vec<(u16, String)>),
    /// Names of an address.
    Ptr(Vec<String>),
    /// What an alias stands for.
    Cname(String),
    /// The name is there, without such a record.
    NoData,
    /// There is no such name.
    NoName,
    /// It could not be told, and why: SERVFAIL, silence, refusal. Never to be taken for "nothing there".
    Failed(String),
}

impl Found {
    /// True for "no such name" and "no such record": a void look-up (RFC 7208 §4.6.4).
    pub fn is_void(&self) -> bool {
        match self {
            Found::Txt(all) => all.is_empty(),
            Found::A(all) => all.is_empty(),
            Found::Aaaa(all) => all.is_empty(),
            Found::Mx(all) => all.is_empty(),
            Found::Ptr(all) => all.is_empty(),
            Found::NoData | Found::NoName => true,
            Found::Cname(_) | Found::Failed(_) => false,
        }
    }

    /// Why it could not be told, if so.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Found::Failed(why) => Some(why),
            _ => None,
        }
    }

    /// The text records; none for anything else.
    pub fn texts(&self) -> &[Text] {
        match self {
            Found::Txt(texts) => texts,
            _ => &[],
        }
    }

    /// The addresses, of either family; none for anything else.
    pub fn addresses(&self) -> Vec<IpAddr> {
        match self {
            Found::A(all) => all.iter().copied().map(IpAddr::V4).collect(),
            Found::Aaaa(all) => all.iter().copied().map(IpAddr::V6).collect(),
            _ => Vec::new(),
        }
    }

    /// The mail exchangers; none for anything else.
    pub fn exchangers(&self) -> &[(u16, String)] {
        match self {
            Found::Mx(all) => all,
            _ => &[],
        }
    }

    /// The names of an address; none for anything else.
    pub fn names(&self) -> &[String] {
        match self {
            Found::Ptr(all) => all,
            _ => &[],
        }
    }
}

/// These questions must be answered before there is a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask(pub Vec<Lookup>);

/// The answers so far.
#[derive(Debug, Clone, Default)]
pub struct Known(BTreeMap<Lookup, Found>);

impl Known {
    /// Adds an answer.
    pub fn learn(&mut self, lookup: Lookup, found: Found) {
        self.0.insert(lookup, found);
    }

    /// The answer to one question.
    ///
    /// # Errors
    /// The question, when nobody has asked it yet.
    pub fn get(&self, lookup: &Lookup) -> Result<&Found, Ask> {
        self.0.get(lookup).ok_or_else(|| Ask(vec![lookup.clone()]))
    }

    /// Makes sure of many answers, so that those still missing are asked at once.
    ///
    /// # Errors
    /// Those that nobody has asked yet.
    pub fn all(&self, lookups: &[Lookup]) -> Result<(), Ask> {
        let missing: Vec<Lookup> = lookups
            .iter()
            .filter(|lookup| !self.0.contains_key(lookup))
            .cloned()
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Ask(missing))
        }
    }

    /// How many answers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True before the first answer.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn folded(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
