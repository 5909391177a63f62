//! What is asked: a name, a record type, and how to treat both.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Shown instead of a name that may hold a secret key.
pub const REDACTED: &str = "[redacted]";

/// The record types this tool asks for (RFC 1035, RFC 3596); any other by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// IPv4 address, 1
    A,
    /// Name server, 2
    Ns,
    /// Alias, 5
    Cname,
    /// Start of a zone, 6
    Soa,
    /// Name of an address, 12
    Ptr,
    /// Mail exchanger, 15
    Mx,
    /// Text, 16
    Txt,
    /// IPv6 address, 28
    Aaaa,
    /// Any other type by number
    Other(u16),
}

impl RecordKind {
    /// The number on the wire.
    pub fn code(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Ns => 2,
            Self::Cname => 5,
            Self::Soa => 6,
            Self::Ptr => 12,
            Self::Mx => 15,
            Self::Txt => 16,
            Self::Aaaa => 28,
            Self::Other(code) => code,
        }
    }

    /// The kind for a number on the wire.
    pub fn from_code(code: u16) -> Self {
        match code {
            1 => Self::A,
            2 => Self::Ns,
            5 => Self::Cname,
            6 => Self::Soa,
            12 => Self::Ptr,
            15 => Self::Mx,
            16 => Self::Txt,
            28 => Self::Aaaa,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A => f.write_str("A"),
            Self::Ns => f.write_str("NS"),
            Self::Cname => f.write_str("CNAME"),
            Self::Soa => f.write_str("SOA"),
            Self::Ptr => f.write_str("PTR"),
            Self::Mx => f.write_str("MX"),
            Self::Txt => f.write_str("TXT"),
            Self::Aaaa => f.write_str("AAAA"),
            Self::Other(code) => write!(f, "TYPE{code}"),
        }
    }
}

impl Serialize for RecordKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One question. The name is absolute (no search domain is ever appended), lower case, in A-labels,
/// without the final dot; the root is the empty string.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Question {
    name: Arc<str>,
    kind: RecordKind,
    operator: Option<Arc<str>>,
    redacted: bool,
    fresh: bool,
}

impl Question {
    /// Asks for the records of type `kind` at `name`. A name that cannot be asked (too long, empty
    /// label) is not refused here; its answer says so.
    pub fn new(name: impl AsRef<str>, kind: RecordKind) -> Self {
        Self {
            name: normalised(name.as_ref()).into(),
            kind,
            operator: None,
            redacted: false,
            fresh: false,
        }
    }

    /// Asks for the PTR records of an address (RFC 1035 3.5, RFC 3596 2.5).
    pub fn ptr(address: IpAddr) -> Self {
        Self::new(reverse_name(address), RecordKind::Ptr)
    }

    /// Counts the question against the budget of `operator` (the one who runs the list or server).
    #[must_use]
    pub fn operator(mut self, operator: impl Into<Arc<str>>) -> Self {
        self.operator = Some(operator.into());
        self
    }

    /// Marks the name as holding a secret key: no error, log or report ever shows it.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        self.redacted = true;
        self
    }

    /// Asks the server even if the answer is still in this process' cache.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// The name to show: the real one, or [`REDACTED`].
    pub fn shown_name(&self) -> &str {
        if self.redacted { REDACTED } else { &self.name }
    }

    /// The record type asked for.
    pub fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Whether the name is secret.
    pub fn is_redacted(&self) -> bool {
        self.redacted
    }

    pub(super) fn secret_name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn operator_key(&self) -> Option<&Arc<str>> {
        self.operator.as_ref()
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The same question about another name: the next step of an alias chain.
    pub(super) fn at(&self, name: &str) -> Self {
        Self {
            name: normalised(name).into(),
            ..self.clone()
        }
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("name", &self.shown_name())
            .field("kind", &self.kind)
            .field("operator", &self.operator)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.shown_name(), self.kind)
    }
}

/// The name under which an address' PTR records live, without the final dot.
///
/// ```
/// use mailmedic::probes::dns::reverse_name;
/// assert_eq!(reverse_name("192.0.2.99".parse().unwrap()), "99.2.0.192.in-addr.arpa");
/// ```
pub fn reverse_name(address: IpAddr) -> String {
    use fmt::Write as _;
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let mut name = String::with_capacity(72);
            for octet in v6.octets().iter().rev() {
                // Writing to a String cannot fail.
                let _ = write!(name, "{:x}.{:x}.", octet & 0xf, octet >> 4);
            }
            name.push_str("ip6.arpa");
            name
        }
    }
}

fn normalised(name: &str) -> String {
    let name = name.trim();
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_ascii() {
        name.to_ascii_lowercase()
    } else {
        // An undecodable name stays as it is and is refused when it is encoded.
        idna::domain_to_ascii(name).unwrap_or_else(|_| name.to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_a_labels_without_the_final_dot() {
        for (given, stored) in [
            ("Mail.Example.COM.", "mail.example.com"),
            ("müller.example", "xn--mller-kva.example"),
            (".", ""),
            ("_dmarc.example.com", "_dmarc.example.com"),
        ] {
            assert_eq!(Question::new(given, RecordKind::A).shown_name(), stored);
        }
    }

    #[test]
    fn a_secret_name_never_shows() {
        let question = Question::new("2.0.0.127.k3y.zen.dq.example", RecordKind::A).redacted();
        for shown in [format!("{question:?}"), question.to_string()] {
            assert!(!shown.contains("k3y"), "{shown}");
            assert!(shown.contains(REDACTED), "{shown}");
        }
    }

    #[test]
    fn reverse_names_of_both_families() {
        assert_eq!(
            reverse_name("2001:db8::1".parse().unwrap()),
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }
}
