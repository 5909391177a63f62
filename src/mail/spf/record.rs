//! The parts of an SPF record.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use super::macros::MacroString;
use crate::mail::lookup::Text;

/// What `check_host()` comes to (RFC 7208 §2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SpfResult {
    /// There is no record.
    None,
    /// The record says nothing about the address.
    Neutral,
    /// The address may send.
    Pass,
    /// The address may not send.
    Fail,
    /// The address probably may not send.
    SoftFail,
    /// DNS did not answer: try again later.
    TempError,
    /// The record cannot be used as it is.
    PermError,
}

impl SpfResult {
    /// The word of the standard: `pass`, `softfail`, ...
    pub fn as_str(self) -> &'static str {
        match self {
            SpfResult::None => "none",
            SpfResult::Neutral => "neutral",
            SpfResult::Pass => "pass",
            SpfResult::Fail => "fail",
            SpfResult::SoftFail => "softfail",
            SpfResult::TempError => "temperror",
            SpfResult::PermError => "permerror",
        }
    }
}

impl fmt::Display for SpfResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its terms, in order, without the version.
    pub terms: Vec<Term>,
}

/// One term, with its place in the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// As it is written.
    pub text: String,
    /// Octets before it.
    pub at: usize,
    /// What it says.
    pub kind: Kind,
}

/// What a term says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A mechanism and what its match means.
    Directive(Qualifier, Mechanism),
    /// `redirect=`: the record to go on with when nothing matched.
    Redirect(MacroString),
    /// `exp=`: where the explanation of a fail is.
    Explanation(MacroString),
    /// A modifier that nobody knows; ignored. Its name in lower case.
    Unknown(String),
}

/// What a match means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qualifier {
    /// `+`, and the default.
    Pass,
    /// `-`
    Fail,
    /// `~`
    SoftFail,
    /// `?`
    Neutral,
}

impl Qualifier {
    /// The result that a match gives.
    pub fn result(self) -> SpfResult {
        match self {
            Qualifier::Pass => SpfResult::Pass,
            Qualifier::Fail => SpfResult::Fail,
            Qualifier::SoftFail => SpfResult::SoftFail,
            Qualifier::Neutral => SpfResult::Neutral,
        }
    }
}

/// A mechanism (RFC 7208 §5). Prefix lengths default to the whole address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mechanism {
    /// Everybody.
    All,
    /// Whom another record lets pass.
    Include(MacroString),
    /// The addresses of a name, or those near them.
    A {
        /// The name; none: the domain itself.
        domain: Option<MacroString>,
        /// IPv4 prefix length.
        v4: u8,
        /// IPv6 prefix length.
        v6: u8,
    },
    /// The addresses of a domain's mail exchangers, or those near them.
    Mx {
        /// The domain; none: the domain itself.
        domain: Option<MacroString>,
        /// IPv4 prefix length.
        v4: u8,
        /// IPv6 prefix length.
        v6: u8,
    },
    /// Addresses whose confirmed name lies in a domain. Not to be used any more (§5.5).
    Ptr(Option<MacroString>),
    /// An IPv4 network.
    Ip4 {
        /// As written, host bits and all.
        address: Ipv4Addr,
        /// Prefix length.
        prefix: u8,
    },
    /// An IPv6 network.
    Ip6 {
        /// As written, host bits and all.
        address: Ipv6Addr,
        /// Prefix length.
        prefix: u8,
    },
    /// Everybody for whom a name exists.
    Exists(MacroString),
}

impl Mechanism {
    /// Whether it counts among the ten terms that may look something up (§4.6.4).
    pub fn looks_up(&self) -> bool {
        !matches!(
            self,
            Mechanism::All | Mechanism::Ip4 { .. } | Mechanism::Ip6 { .. }
        )
    }
}

/// Whether a text record is an SPF record: the version alone, or followed by a blank (§4.5).
pub fn is_spf(text: &str) -> bool {
    text.get(..6)
        .is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
        && matches!(text.as_bytes().get(6), None | Some(b' '))
}

/// The SPF records among text records.
pub fn records(texts: &[Text]) -> Vec<&Text> {
    texts.iter().filter(|text| is_spf(&text.joined())).collect()
}

/// Text records that are meant to be SPF and are not: every receiver passes over them. Gives the text and what is wrong.
pub fn lookalikes(texts: &[Text]) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for text in texts.iter().map(Text::joined) {
        if is_spf(&text) {
            continue;
        }
        let bare = text
            .trim_matches(|c: char| c.is_whitespace() || "\"'\u{201c}\u{201d}\u{201e}".contains(c))
            .to_ascii_lowercase();
        let what = if bare.starts_with("spf2.0/") {
            "it is a Sender ID record (RFC 4406), which nobody reads any more"
        } else if is_spf(&bare) {
            "a quotation mark or blank stands before 'v=spf1'"
        } else if bare.starts_with("v=spf1") {
            "a blank must follow 'v=spf1'"
        } else if ["v=spf", "v = spf", "spf1 ", "spf=", "v:spf", "v=sfp"]
            .iter()
            .any(|start| bare.starts_with(start))
        {
            "it must begin with 'v=spf1' and a blank"
        } else {
            continue;
        };
        found.push((text, what));
    }
    found
}
