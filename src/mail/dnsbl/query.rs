//! The names to ask, after RFC 5782: what is asked about, turned round where it is an address, then the zone, then the root.
//!
//! Every name ends with the root dot. Without it a resolver may append its search domain, and a wildcard there makes the
//! whole world look listed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::entry::{List, Target};

/// What lists are asked about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// An address; an IPv4-mapped one counts as IPv4.
    Address(IpAddr),
    /// A name in A-label form, lower case, without a trailing dot.
    Name(String),
}

/// A query for A (and, after a hit, for TXT) at one zone of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name to ask, with the root dot. Holds the access key of a keyed zone: never show it.
    pub name: String,
    /// The same name with the key replaced by `{key}`, for logs and reports.
    pub shown: String,
    /// The zone as the catalogue writes it.
    pub zone: String,
}

/// Why there is no name to ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The zone holds an access key and there is none.
    #[error("{zone} needs an access key")]
    NeedsKey {
        /// The zone as the catalogue writes it.
        zone: String,
    },
    /// An address was to be asked of a list of names, or the other way round.
    #[error("{list} does not hold {what}")]
    NotHeld {
        /// The list.
        list: String,
        /// What it does not hold.
        what: &'static str,
    },
    /// The name has no A-label form, or the query would be too long.
    #[error("cannot ask about \"{name}\": {why}")]
    Malformed {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Subject {
    /// Reads an address or a name; a name is brought into A-label form.
    ///
    /// # Errors
    /// [`NameError::Malformed`] when it is neither.
    pub fn read(text: &str) -> Result<Subject, NameError> {
        let text = text.trim();
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(Subject::Address(address.to_canonical())),
            Err(_) => Ok(Subject::Name(a_labels(text)?)),
        }
    }

    /// The IPv6 address that it is, if it is one.
    pub fn v6(&self) -> Option<Ipv6Addr> {
        match self {
            Subject::Address(address) => match address.to_canonical() {
                IpAddr::V6(address) => Some(address),
                IpAddr::V4(_) => None,
            },
            Subject::Name(_) => None,
        }
    }

    /// Which kind of list holds it.
    pub fn target(&self) -> Target {
        match self {
            Subject::Address(address) if address.to_canonical().is_ipv4() => Target::Ipv4,
            Subject::Address(_) => Target::Ipv6,
            Subject::Name(_) => Target::Domain,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Address(address) => address.fmt(f),
            Subject::Name(name) => f.write_str(name),
        }
    }
}

/// The question about `subject` for one zone of `list`. IPv6 is asked only where the list holds it: an IPv4-only zone says
/// NXDOMAIN to anything, which reads as "clean".
///
/// # Errors
/// When the list does not hold such things, the zone needs a key, or the name cannot be built.
pub fn question(
    list: &List,
    zone: &str,
    subject: &Subject,
    key: Option<&str>,
) -> Result<Question, NameError> {
    let target = subject.target();
    if !list.target.contains(&target) {
        return Err(NameError::NotHeld {
            list: list.id.clone(),
            what: match target {
                Target::Ipv4 => "IPv4 addresses",
                Target::Ipv6 => "IPv6 addresses",
                Target::Domain => "names",
            },
        });
    }
    let labels = match subject {
        Subject::Address(address) => match address.to_canonical() {
            IpAddr::V4(v4) => ipv4_labels(v4),
            IpAddr::V6(v6) => ipv6_labels(v6),
        },
        Subject::Name(name) => a_labels(name)?,
    };
    at_zone(&labels, zone, key)
}

/// Puts labels in front of a zone, filling in the key.
///
/// # Errors
/// When the zone needs a key, or the whole is longer than a domain name may be.
pub fn at_zone(labels: &str, zone: &str, key: Option<&str>) -> Result<Question, NameError> {
    let filled = match (zone.contains("{key}"), key) {
        (true, None) => {
            return Err(NameError::NeedsKey {
                zone: zone.to_owned(),
            });
        }
        (true, Some(key)) => zone.replace("{key}", key.trim()),
        (false, _) => zone.to_owned(),
    };
    let name = format!("{labels}.{filled}.");
    // 255 octets on the wire (RFC 1035 §2.3.4) are 254 characters with the root dot.
    if name.len() > 254 {
        return Err(NameError::Malformed {
            name: labels.to_owned(),
            why: "with the zone it is longer than a domain name may be",
        });
    }
    Ok(Question {
        name,
        shown: format!("{labels}.{zone}."),
        zone: zone.to_owned(),
    })
}

/// The /64 of an address, as `2001:db8::/64`: what one line or one server is given.
pub fn network_of(address: Ipv6Addr) -> String {
    let [a, b, c, d, ..] = address.segments();
    format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
}

/// `192.0.2.99` as `99.2.0.192` (RFC 5782 §2.1).
pub fn ipv4_labels(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("{d}.{c}.{b}.{a}")
}

/// The 32 nibbles of an address, last first (RFC 5782 §2.4). Also of an IPv4-mapped one, which only test entries use.
pub fn ipv6_labels(address: Ipv6Addr) -> String {
    let mut labels = String::with_capacity(63);
    for octet in address.octets().iter().rev() {
        for nibble in [octet & 0xf, octet >> 4] {
            if !labels.is_empty() {
                labels.push('.');
            }
            labels.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    labels
}

/// A name in A-label form: lower case, no trailing dot, each label 1 to 63 characters.
///
/// # Errors
/// [`NameError::Malformed`] for what is no domain name, and for addresses: those belong to other lists.
pub fn a_labels(name: &str) -> Result<String, NameError> {
    let fault = |why| NameError::Malformed {
        name: name.to_owned(),
        why,
    };
    let bare = name.trim();
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    if bare.is_empty() {
        return Err(fault("it is empty"));
    }
    if bare.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err(fault("it is an address, not a name"));
    }
    let ascii = idna::domain_to_ascii(bare).map_err(|_| fault("it is no domain name"))?;
    if ascii.len() > 253 {
        return Err(fault("it is longer than a domain name may be"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    for label in ascii.split('.') {
        if label.is_empty() {
            return Err(fault("a label is empty"));
        }
        if label.len() > 63 {
            return Err(fault("a label is longer than 63 characters"));
        }
        if !label.chars().all(plain) {
            return Err(fault(
                "only letters, digits, hyphen and underscore belong in it",
            ));
        }
    }
    Ok(ascii)
}

/// The registrable domain of a name by the public-suffix list: `example.co.uk` for `mail.example.co.uk`. None for a
/// public suffix itself.
pub fn registrable(name: &str) -> Option<String> {
    let name = a_labels(name).ok()?;
    psl::domain_str(&name).map(str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::catalogue;
    use super::*;

    fn ask(list: &str, subject: &str, key: Option<&str>) -> Result<Question, NameError> {
        let list = catalogue().list(list).unwrap();
        question(list, &list.zones[0], &Subject::read(subject)?, key)
    }

    #[test]
    fn names_follow_rfc_5782() {
        let nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";
        for (list, subject, expected) in [
            (
                "spamhaus-zen",
                "192.0.2.99",
                "99.2.0.192.zen.spamhaus.org.".to_owned(),
            ),
            (
                "spamhaus-zen",
                "::ffff:192.0.2.99",
                "99.2.0.192.zen.spamhaus.org.".to_owned(),
            ),
            (
                "spamhaus-zen",
                "2001:DB8::1",
                format!("{nibbles}.zen.spamhaus.org."),
            ),
            (
                "psbl",
                "192.0.2.99",
                "99.2.0.192.psbl.surriel.com.".to_owned(),
            ),
            (
                "spamhaus-dbl",
                "Mail.Example.ORG.",
                "mail.example.org.dbl.spamhaus.org.".to_owned(),
            ),
            (
                "spamhaus-dbl",
                "bücher.example",
                "xn--bcher-kva.example.dbl.spamhaus.org.".to_owned(),
            ),
        ] {
            assert_eq!(
                ask(list, subject, None).unwrap().name,
                expected,
                "{subject}"
            );
        }
    }

    #[test]
    fn what_a_list_does_not_hold_is_not_asked() {
        for (list, subject) in [
            ("psbl", "2001:db8::1"),
            ("psbl", "example.org"),
            ("spamhaus-dbl", "192.0.2.1"),
            ("spamhaus-dbl", "::ffff:192.0.2.1"),
        ] {
            assert!(
                matches!(ask(list, subject, None), Err(NameError::NotHeld { .. })),
                "{list} {subject}"
            );
        }
    }

    #[test]
    fn keys_are_filled_in_and_hidden() {
        let question = ask("spamhaus-zen-dqs", "192.0.2.1", Some("sesame")).unwrap();
        assert_eq!(question.name, "1.2.0.192.sesame.zen.dq.spamhaus.net.");
        assert_eq!(question.shown, "1.2.0.192.{key}.zen.dq.spamhaus.net.");
        assert!(matches!(
            ask("spamhaus-zen-dqs", "192.0.2.1", None),
            Err(NameError::NeedsKey { .. })
        ));
    }

    #[test]
    fn malformed_names_are_refused() {
        let long_label = "a".repeat(64);
        let long_name = format!("{}example", "abcdefgh.".repeat(30));
        for name in [
            "",
            ".",
            "a..b",
            "exa mple.org",
            "user@example.org",
            "[192.0.2.1]",
            &long_label,
            &long_name,
        ] {
            assert!(Subject::read(name).is_err(), "{name}");
        }
        // Long enough by itself, too long with the zone.
        let fits = format!("{}example", "abcdefgh.".repeat(27));
        assert!(Subject::read(&fits).is_ok());
        assert!(matches!(
            ask("spamhaus-dbl", &fits, None),
            Err(NameError::Malformed { .. })
        ));
    }

    #[test]
    fn registrable_domains_follow_the_public_suffix_list() {
        for (name, expected) in [
            ("mail.example.co.uk", Some("example.co.uk")),
            ("Example.ORG.", Some("example.org")),
            ("co.uk", None),
            ("mail.bücher.de", Some("xn--bcher-kva.de")),
        ] {
            assert_eq!(registrable(name).as_deref(), expected, "{name}");
        }
    }
}
