//! Reverse names and HELO names: does a name look like a mail server, or like a line somebody rents?
//!
//! Receivers judge the name of an address before they look at a message: no name, a name that is built from the address, or
//! one that speaks of DSL and pools means refusal at T-Online, a place on SpamRATS or Spamhaus PBL, and points everywhere
//! else. None of it is a standard; the patterns here are the ones that those lists describe.

mod helo;

use std::fmt;
use std::net::IpAddr;

pub use helo::{Helo, HeloFault, helo};

use super::dnsbl::registrable;

/// What a reverse name looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Like the name somebody gave a server.
    Proper,
    /// Made by a machine or for a subscriber's line.
    Generic {
        /// What shows it, most telling first.
        signs: Vec<Sign>,
        /// True when the name also says `static` or names a mail host: some receivers let that pass, others do not.
        softened: bool,
    },
    /// No name that could belong to a host on the Internet.
    Invalid(Fault),
}

/// What makes a name generic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sign {
    /// The whole address stands in it, in the way described (`reversed, with hyphens`).
    Address(&'static str),
    /// Part of the address stands in it: this many octets.
    Octets(usize),
    /// A word for access lines or address pools.
    Word(String),
    /// A hoster's default name: a word and a number.
    Numbered(String),
}

/// Why a name cannot belong to a host on the Internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing there.
    Empty,
    /// One label only.
    SingleLabel,
    /// `localhost`, `localhost.localdomain`.
    Localhost,
    /// A suffix that exists in private networks only.
    Private,
    /// An address where a name belongs.
    Address,
    /// The name of the reverse tree itself.
    ReverseTree,
    /// An underscore: not allowed in host names (RFC 952, RFC 1123 §2.1).
    Underscore,
    /// Some other character, or a hyphen at the edge of a label.
    Character,
    /// A label over 63 or a name over 253 characters, or an empty label.
    Length,
    /// A last label of digits only.
    NumericTop,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Empty => "it is empty",
            Fault::SingleLabel => "it is a single label, not a full domain name",
            Fault::Localhost => "it names the machine itself (localhost)",
            Fault::Private => "its last label exists in private networks only",
            Fault::Address => "it is an address, not a name",
            Fault::ReverseTree => "it lies in the reverse tree (.arpa)",
            Fault::Underscore => "it holds an underscore, which host names may not",
            Fault::Character => "it holds a character that host names may not",
            Fault::Length => "a label or the whole is too long, or a label is empty",
            Fault::NumericTop => "its last label is a number",
        })
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sign::Address(how) => write!(f, "it holds the address ({how})"),
            Sign::Octets(count) => write!(f, "it holds {count} octets of the address"),
            Sign::Word(word) => write!(f, "it says \"{word}\""),
            Sign::Numbered(label) => write!(f, "\"{label}\" is a default name with a number"),
        }
    }
}

/// Words that only access lines and pools carry.
const LINE_WORDS: &[&str] = &[
    "adsl",
    "broadband",
    "cable",
    "cablemodem",
    "catv",
    "cgn",
    "cgnat",
    "dhcp",
    "dial",
    "dialin",
    "dialup",
    "dip",
    "dsl",
    "dyn",
    "dynamic",
    "dynamicip",
    "dynip",
    "ftth",
    "fttx",
    "gpon",
    "gprs",
    "hsd",
    "lte",
    "pool",
    "pools",
    "ppp",
    "pppoe",
    "residential",
    "sdsl",
    "umts",
    "unallocated",
    "unassigned",
    "vdsl",
    "wimax",
    "xdsl",
];

/// Words that say so only beside digits of the address.
const SUBSCRIBER_WORDS: &[&str] = &[
    "bb",
    "biz",
    "business",
    "client",
    "clients",
    "cloud",
    "cust",
    "customer",
    "customers",
    "fiber",
    "fibre",
    "home",
    "host",
    "ip",
    "mobile",
    "node",
    "res",
    "rev",
    "reverse",
    "server",
    "static",
    "unused",
    "user",
    "users",
    "vps",
    "wifi",
    "wireless",
];

/// First parts of the names that hosters give by default, when a long number follows.
const DEFAULT_STEMS: &[&str] = &[
    "client", "cloud", "h", "host", "ip", "kvm", "ks", "node", "ns", "server", "srv", "v", "vm",
    "vps",
];

/// Words that say the name was meant: a static line, a mail host.
const SOFTENERS: &[&str] = &[
    "static", "fixed", "fix", "mail", "mx", "smtp", "mta", "relay", "outbound", "mailout",
];

/// Suffixes of private networks (RFC 2606, RFC 6762, RFC 8375, ICANN's `internal`) and of habit.
const PRIVATE: &[&str] = &[
    "corp",
    "home",
    "intern",
    "internal",
    "intra",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localnet",
    "private",
    "workgroup",
];

/// Judges a reverse name of `address`. Only the part below the registrable domain is looked at for words and digits:
/// `mail.dynamic-solutions.example` is nobody's line.
pub fn look(name: &str, address: IpAddr) -> Look {
    let name = name.trim().trim_end_matches('.').to_ascii_lowercase();
    if let Err(fault) = host_name(&name) {
        return Look::Invalid(fault);
    }
    let below = registrable(&name)
        .and_then(|domain| name.strip_suffix(domain.as_str()).map(str::to_owned))
        .unwrap_or_else(|| name.clone());
    let words = words(&below);
    let mut signs: Vec<Sign> = Vec::new();
    match address.to_canonical() {
        IpAddr::V4(v4) => signs.extend(digits4(&below, v4.octets())),
        IpAddr::V6(v6) => signs.extend(digits6(&below, v6.octets())),
    }
    let whole = signs.iter().any(|sign| matches!(sign, Sign::Address(_)));
    let some = whole || !signs.is_empty();
    let known = |list: &[&str]| {
        words
            .iter()
            .find(|word| list.contains(&word.as_str()))
            .cloned()
    };
    let line = known(LINE_WORDS);
    let subscriber = known(SUBSCRIBER_WORDS).filter(|_| some);
    let generic_octets = signs
        .iter()
        .any(|sign| matches!(sign, Sign::Octets(count) if *count >= 3));
    let told = line.is_some() || subscriber.is_some();
    signs.extend(
        line.into_iter()
            .chain(subscriber.filter(|word| !SOFTENERS.contains(&word.as_str())))
            .map(Sign::Word),
    );
    let numbered = default_name(&below);
    let generic = whole || generic_octets || told || numbered.is_some();
    signs.extend(numbered.map(Sign::Numbered));
    if !generic {
        return Look::Proper;
    }
    Look::Generic {
        signs,
        softened: known(SOFTENERS).is_some(),
    }
}

/// Whether a name, in lower case and without a trailing dot, could belong to a host on the Internet.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn host_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(Fault::Empty);
    }
    if name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err(Fault::Address);
    }
    if name == "localhost" || name.ends_with(".localhost") || name.starts_with("localhost.") {
        return Err(Fault::Localhost);
    }
    if name.contains('_') {
        return Err(Fault::Underscore);
    }
    if name.len() > 253 {
        return Err(Fault::Length);
    }
    for label in name.split('.') {
        if label.is_empty() || label.len() > 63 {
            return Err(Fault::Length);
        }
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !label.chars().all(inner) || label.starts_with('-') || label.ends_with('-') {
            return Err(Fault::Character);
        }
    }
    let Some((_, top)) = name.rsplit_once('.') else {
        return Err(Fault::SingleLabel);
    };
    if top.chars().all(|c| c.is_ascii_digit()) {
        return Err(Fault::NumericTop);
    }
    if PRIVATE.contains(&top) || name.ends_with(".home.arpa") {
        return Err(Fault::Private);
    }
    if top == "arpa" {
        return Err(Fault::ReverseTree);
    }
    Ok(())
}

/// Pieces between dots and hyphens, digits at their ends cut off: `adsl12` is `adsl`, `pool-4` is `pool`.
fn words(below: &str) -> Vec<String> {
    below
        .split(['.', '-'])
        .map(|piece| piece.trim_matches(|c: char| c.is_ascii_digit()))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// How much of an IPv4 address stands in a name.
fn digits4(below: &str, octets: [u8; 4]) -> Option<Sign> {
    let [a, b, c, d] = octets;
    let orders = [([a, b, c, d], "in order"), ([d, c, b, a], "reversed")];
    for (order, how) in orders {
        for separator in ["-", ".", "x", "--"] {
            for padded in [false, true] {
                if holds_run(below, &join(&order, separator, padded)) {
                    return Some(Sign::Address(how));
                }
            }
        }
        if holds_run(below, &join(&order, "", true)) {
            return Some(Sign::Address(if how == "reversed" {
                "reversed, zero-padded"
            } else {
                "zero-padded"
            }));
        }
        // Without padding or separator only a long run is no accident.
        let bare = join(&order, "", false);
        if bare.len() >= 8 && holds_run(below, &bare) {
            return Some(Sign::Address("digits in a row"));
        }
        let hexadecimal: String = order.iter().map(|octet| format!("{octet:02x}")).collect();
        if holds_hexadecimal(below, &hexadecimal) {
            return Some(Sign::Address("hexadecimal"));
        }
    }
    let decimal = u32::from_be_bytes(octets).to_string();
    if decimal.len() >= 8 && holds_run(below, &decimal) {
        return Some(Sign::Address("as one decimal number"));
    }
    // Other orders, such as c-d before the name of a region that stands for a and b.
    let numbers: Vec<u8> = below
        .split(|ch: char| !ch.is_ascii_digit())
        .filter_map(|run| run.parse().ok())
        .collect();
    let mut left = numbers;
    let mut found = 0;
    for octet in octets {
        if let Some(position) = left.iter().position(|number| *number == octet) {
            left.remove(position);
            found += 1;
        }
    }
    match found {
        4 => Some(Sign::Address("in another order")),
        2 | 3 => Some(Sign::Octets(found)),
        _ => None,
    }
}

/// The same for IPv6: all its nibbles, or its written groups.
fn digits6(below: &str, octets: [u8; 16]) -> Option<Sign> {
    let nibbles: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let squeezed: String = below.chars().filter(|c| !matches!(c, '.' | '-')).collect();
    if squeezed.contains(&nibbles) {
        return Some(Sign::Address("in order"));
    }
    if squeezed.contains(&nibbles.chars().rev().collect::<String>()) {
        return Some(Sign::Address("reversed"));
    }
    let groups: Vec<String> = octets
        .chunks(2)
        .map(|pair| format!("{:x}", u16::from_be_bytes([pair[0], pair[1]])))
        .collect();
    if holds_hexadecimal(below, &groups.join("-")) {
        return Some(Sign::Address("in order, with hyphens"));
    }
    let shown = std::net::Ipv6Addr::from(octets).to_string();
    if shown.len() >= 10 && below.contains(&shown.replace(':', "-")) {
        return Some(Sign::Address("in its short form, with hyphens"));
    }
    None
}

fn join(octets: &[u8; 4], separator: &str, padded: bool) -> String {
    let pieces: Vec<String> = octets
        .iter()
        .map(|octet| {
            if padded {
                format!("{octet:03}")
            } else {
                octet.to_string()
            }
        })
        .collect();
    pieces.join(separator)
}

/// Whether `text` stands in `name` with no digit on either side.
fn holds_run(name: &str, text: &str) -> bool {
    holds(name, text, |c| c.is_ascii_digit())
}

/// Whether `text` stands in `name` with no hexadecimal digit on either side.
fn holds_hexadecimal(name: &str, text: &str) -> bool {
    holds(name, text, |c| c.is_ascii_hexdigit())
}

fn holds(name: &str, text: &str, more: fn(char) -> bool) -> bool {
    name.match_indices(text).any(|(start, _)| {
        let before = name[..start].chars().next_back();
        let after = name[start + text.len()..].chars().next();
        !before.is_some_and(more) && !after.is_some_and(more)
    })
}

/// `vps-48151`, `ns300421`: a default stem and at least four digits, as the first label.
fn default_name(below: &str) -> Option<String> {
    let label = below.split('.').next()?;
    let stem = label.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = label.len() - stem.len();
    (digits >= 4 && DEFAULT_STEMS.contains(&stem.trim_end_matches('-'))).then(|| label.to_owned())
}

#[cfg(test)]
mod tests;
