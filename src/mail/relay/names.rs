//! The names a relay test is made of, checked once so that every command line is safe to send.
//!
//! A site file is text from a person. Only letters, digits and the few signs that an unquoted address
//! may hold get past these types: no blank, bracket, quote, colon or line break, so no value can end a
//! command early or begin a second one.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

/// Why a text is no usable name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Not a host or mail domain that can be written in ASCII (RFC 5321 4.1.2, IDNs as A-labels).
    #[error("{0:?} is not a domain name")]
    Domain(String),
    /// Not an address of the form local-part@domain with an unquoted local part.
    #[error("{0:?} is not a mail address of the plain form name@domain")]
    Mailbox(String),
    /// A nonce is 12 to 24 lower-case letters and digits.
    #[error("{0:?} is not a nonce of 12 to 24 lower-case letters and digits")]
    Nonce(String),
}

/// A domain or host name in ASCII, lower case, without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(String);

impl Domain {
    /// Reads a name; international names become A-labels.
    ///
    /// # Errors
    ///
    /// [`NameError::Domain`] when a label is empty, too long or holds anything but letters, digits,
    /// hyphens and underscores (which occur in real host names).
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let refuse = || NameError::Domain(text.to_string());
        let trimmed = text.strip_suffix('.').unwrap_or(text);
        let ascii = if trimmed.is_ascii() {
            trimmed.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(trimmed).map_err(|_| refuse())?
        };
        let sound = ascii.len() <= 253 && ascii.split('.').all(is_label);
        // An address in dotted form would pass as four labels, and is not a name.
        if sound && ascii.parse::<IpAddr>().is_err() {
            Ok(Self(ascii))
        } else {
            Err(refuse())
        }
    }

    /// The name as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mail address with an unquoted local part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mailbox {
    local: String,
    domain: Domain,
}

impl Mailbox {
    /// Reads `local@domain`.
    ///
    /// # Errors
    ///
    /// [`NameError::Mailbox`] for anything else; quoted local parts are deliberately not taken, because
    /// the catalogue adds its own quotes.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let refuse = || NameError::Mailbox(text.to_string());
        let (local, domain) = text.rsplit_once('@').ok_or_else(refuse)?;
        let domain = Domain::parse(domain).map_err(|_| refuse())?;
        // Room for the plus part of the probes: RFC 5321 4.5.3.1.1 ends a local part at 64 octets.
        let sound = !local.is_empty() && local.len() <= 64 && local.split('.').all(is_atom);
        if sound {
            Ok(Self {
                local: local.to_string(),
                domain,
            })
        } else {
            Err(refuse())
        }
    }

    /// The part before the @.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part after the @.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// Random text of one run: it makes mailboxes that cannot exist, and marks each probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Takes 12 to 24 lower-case letters and digits; the caller supplies the randomness.
    ///
    /// # Errors
    ///
    /// [`NameError::Nonce`] for any other text.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let sound = (12..=24).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if sound {
            Ok(Self(text.to_string()))
        } else {
            Err(NameError::Nonce(text.to_string()))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// All names of one endpoint's test. What is `None` or empty leaves out the variants that need it.
#[derive(Debug, Clone)]
pub struct Names {
    /// The address that is connected to.
    pub target: IpAddr,
    /// Host names of the target: banner, EHLO reply, PTR, site file. The first
    /// [`MAX_HOSTS`] distinct ones are used.
    pub hosts: Vec<Domain>,
    /// The mail domains the target serves, from the site file.
    pub domains: Vec<Domain>,
    /// A mailbox that exists at one of the domains, given by the operator.
    pub mailbox: Option<Mailbox>,
    /// Envelope sender in a domain the operator controls, where bounces can be read.
    pub sender: Option<Mailbox>,
    /// Recipient in a domain the operator controls and the target does not serve.
    pub recipient: Option<Mailbox>,
    /// The name the tester says in HELO; without one it says its address, as RFC 5321 4.1.4 has it.
    pub helo: Option<Domain>,
    /// The tester's own address, as the target sees it where that is known.
    pub own_address: Option<IpAddr>,
    /// Random text of this run.
    pub nonce: Nonce,
}

/// How many host names of one target are tried.
pub const MAX_HOSTS: usize = 4;

/// The inside of an address literal (RFC 5321 4.1.3): the brackets belong to the template.
pub(super) fn literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("IPv6:{v6}"),
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// RFC 5322 atext, less `%` and `!`: in a probe these two would change what the form means.
fn is_atom(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"#$&'*+-/=?^_`{|}~".contains(&b))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_read_or_refused() {
        for (text, expected) in [
            ("Mail.Example.NET.", Some("mail.example.net")),
            ("b\u{fc}cher.example", Some("xn--bcher-kva.example")),
            ("host_1.example", Some("host_1.example")),
            ("192.0.2.1", None),
            ("", None),
            (".", None),
            ("a..b", None),
            ("a b.example", None),
            ("a.example\r\nDATA", None),
            ("a.example>", None),
        ] {
            assert_eq!(
                Domain::parse(text).ok().as_ref().map(Domain::as_str),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn mailboxes_are_read_or_refused() {
        for (text, expected) in [
            ("relay.test@Example.net", Some("relay.test@example.net")),
            ("a+b@example.net", Some("a+b@example.net")),
            ("\"a b\"@example.net", None),
            ("a%b@example.net", None),
            ("a@b@example.net", None),
            ("example.net", None),
            ("@example.net", None),
            (".a@example.net", None),
            ("a\r\n@example.net", None),
        ] {
            assert_eq!(
                Mailbox::parse(text).ok().map(|m| m.to_string()).as_deref(),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_literal_names_its_family() {
        assert_eq!(literal("192.0.2.1".parse().unwrap()), "192.0.2.1");
        assert_eq!(literal("2001:db8::1".parse().unwrap()), "IPv6:2001:db8::1");
    }
}
