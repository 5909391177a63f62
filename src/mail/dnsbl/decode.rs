//! Reads the answer of a list by the list's own table.
//!
//! The order matters: an address outside 127.0.0.0/8 spoils the whole answer (a rewriting resolver or a parked zone), a
//! refusal code spoils it too (it is neither listed nor clean), and only then codes are looked up. There is no general rule
//! for 127.0.0.1: a refusal at URIBL, good news at HostKarma, a listing at EFnet.

use std::net::Ipv4Addr;

use super::code::CodeKey;
use super::entry::{Decode, Kind, List, Nature, ReturnCode, Severity};

/// What came back for a query of type A.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// One address or several; their order means nothing.
    Addresses(Vec<Ipv4Addr>),
    /// The name does not exist (NXDOMAIN).
    NoName,
    /// The name exists, without an address (NOERROR, empty).
    NoData,
    /// Another response code, by its name: `REFUSED`, `SERVFAIL`, `FORMERR`.
    Rcode(String),
    /// No usable answer: time-out, broken packet; says what happened.
    Silence(String),
}

/// An answer, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it comes to.
    pub verdict: Verdict,
    /// The codes it holds, as far as they mean something.
    pub parts: Vec<Part>,
}

/// What an answer comes to. Only `Listed` counts as a listing and only `NotListed` counts towards "clean".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Not on the list; to be believed only of a healthy list.
    NotListed,
    /// On a blocklist.
    Listed,
    /// On an allowlist.
    Allowed,
    /// A value of a reputation zone, or a neutral code of a blocklist.
    Noted,
    /// The list refused to answer, with the reason.
    Refused(String),
    /// No answer to go by, with the reason.
    Unknown(String),
    /// The answer cannot come from a working list, with the reason.
    Broken(String),
}

/// One code of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The address that came back.
    pub code: Ipv4Addr,
    /// The bit it stands for, in a bit field.
    pub bit: Option<u8>,
    /// The part of a combined list, `PBL`.
    pub list: Option<String>,
    /// What it means.
    pub meaning: String,
    /// How many receivers act on it.
    pub severity: Severity,
    /// What it points to.
    pub nature: Option<Nature>,
    /// Good, bad or neither.
    pub standing: Standing,
    /// Whether the list's table knows the code. An unknown one says "listed, reason unknown".
    pub known: bool,
}

/// Whether a code is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// A listing.
    Listed,
    /// A bad value of a reputation zone: worth showing, not a listing.
    Adverse,
    /// Neither good nor bad.
    Neutral,
    /// A recommendation.
    Allowed,
}

impl Reading {
    /// The parts that are listings.
    pub fn listings(&self) -> impl Iterator<Item = &Part> {
        self.parts
            .iter()
            .filter(|part| part.standing == Standing::Listed)
    }

    /// The worst severity of its listings.
    pub fn severity(&self) -> Option<Severity> {
        self.listings().map(|part| part.severity).max()
    }

    /// Whether all its listings are about address space and reverse names, not about abuse.
    pub fn policy_only(&self) -> bool {
        let mut listings = self.listings().peekable();
        listings.peek().is_some() && listings.all(|part| part.nature == Some(Nature::Policy))
    }
}

impl List {
    /// Reads a reply of this list.
    pub fn read(&self, reply: &Reply) -> Reading {
        let plain = |verdict| Reading {
            verdict,
            parts: Vec::new(),
        };
        match reply {
            Reply::NoName | Reply::NoData => plain(Verdict::NotListed),
            Reply::Silence(what) => plain(Verdict::Unknown(what.clone())),
            Reply::Rcode(rcode) => plain(match self.rcode_errors.get(rcode) {
                Some(reason) => Verdict::Refused(format!("{rcode}: {reason}")),
                None if rcode == "REFUSED" => Verdict::Refused("REFUSED".to_owned()),
                None => Verdict::Unknown(rcode.clone()),
            }),
            Reply::Addresses(answers) => self.decode(answers),
        }
    }

    /// Reads the addresses of an answer; none means not listed.
    pub fn decode(&self, answers: &[Ipv4Addr]) -> Reading {
        let spoiled = |verdict| Reading {
            verdict,
            parts: Vec::new(),
        };
        if let Some(foreign) = answers.iter().find(|answer| !answer.is_loopback()) {
            return spoiled(Verdict::Broken(format!(
                "answered {foreign}, which lies outside 127.0.0.0/8: a rewritten \"no such name\" or a parked zone"
            )));
        }
        if let Some(reason) = answers.iter().find_map(|answer| self.refusal(*answer)) {
            return spoiled(Verdict::Refused(reason));
        }
        let mut sorted = answers.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let parts: Vec<Part> = sorted
            .into_iter()
            .flat_map(|answer| match self.decode {
                Decode::Bitmask => self.bits(answer),
                Decode::Enumerated | Decode::Fields | Decode::Any => self.whole(answer),
            })
            .collect();
        let any = |standing| parts.iter().any(|part| part.standing == standing);
        let verdict = if any(Standing::Listed) {
            Verdict::Listed
        } else if any(Standing::Allowed) {
            Verdict::Allowed
        } else if parts.is_empty() {
            Verdict::NotListed
        } else {
            Verdict::Noted
        };
        Reading { verdict, parts }
    }

    /// The reason, when the answer is a refusal.
    fn refusal(&self, answer: Ipv4Addr) -> Option<String> {
        let own = self
            .error_codes
            .iter()
            .find(|(key, _)| key.matches(answer))
            .map(|(_, reason)| format!("{answer}: {reason}"));
        let [a, b, c, _] = answer.octets();
        own.or_else(|| {
            ([a, b, c] == [127, 255, 255]).then(|| format!("{answer}: the query was refused"))
        })
    }

    /// The answer as one code.
    fn whole(&self, answer: Ipv4Addr) -> Vec<Part> {
        match self
            .return_codes
            .iter()
            .find(|(key, _)| key.matches(answer))
        {
            Some((_, row)) => vec![self.part(answer, None, row)],
            None => self.unknown(answer, None),
        }
    }

    /// The answer as a bit field in the last octet; the other octets carry nothing.
    fn bits(&self, answer: Ipv4Addr) -> Vec<Part> {
        let field = answer.octets()[3];
        if field == 0 {
            return self.unknown(answer, None);
        }
        (0..8)
            .map(|shift| 1u8 << shift)
            .filter(|bit| field & bit != 0)
            .flat_map(|bit| {
                let row = self
                    .return_codes
                    .iter()
                    .find(|(key, _)| *key == CodeKey::Bit(bit));
                match row {
                    Some((_, row)) => vec![self.part(answer, Some(bit), row)],
                    None => self.unknown(answer, Some(bit)),
                }
            })
            .collect()
    }

    fn part(&self, code: Ipv4Addr, bit: Option<u8>, row: &ReturnCode) -> Part {
        let standing = match (self.kind, row.severity) {
            (Kind::Allowlist, _) => Standing::Allowed,
            (_, Severity::None) => Standing::Neutral,
            (Kind::Blocklist, _) => Standing::Listed,
            (Kind::Reputation, _) => Standing::Adverse,
        };
        Part {
            code,
            bit,
            list: row.list.clone(),
            meaning: row.meaning.clone(),
            severity: row.severity,
            nature: row.nature.or(self.nature),
            standing,
            known: true,
        }
    }

    /// A code that the table does not hold: a listing on a blocklist, nothing at all elsewhere. Its severity is one step
    /// below the list's, because nobody knows what it means; on a list where any answer counts it is the list's own.
    fn unknown(&self, code: Ipv4Addr, bit: Option<u8>) -> Vec<Part> {
        let any = self.decode == Decode::Any;
        match self.kind {
            Kind::Blocklist => vec![Part {
                code,
                bit,
                list: None,
                meaning: if any {
                    "listed".to_owned()
                } else {
                    "listed, for a reason that this code does not tell".to_owned()
                },
                severity: if any {
                    self.severity
                } else {
                    self.severity.lowered()
                },
                nature: self.nature,
                standing: Standing::Listed,
                known: any,
            }],
            Kind::Allowlist if any => vec![Part {
                code,
                bit,
                list: None,
                meaning: "recommended".to_owned(),
                severity: Severity::None,
                nature: None,
                standing: Standing::Allowed,
                known: true,
            }],
            Kind::Allowlist | Kind::Reputation => Vec::new(),
        }
    }
}
