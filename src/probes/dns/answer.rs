//! What came back: the outcome of one question, with who said it, when, and after how many tries.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::question::{Question, RecordKind};

/// The answer to one [`Question`]. There is always one: a failure is an outcome, not an error.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// What came of it.
    pub outcome: Outcome,
    /// The names of the alias chain, in order, when the answer came by CNAME; else empty.
    pub chain: Vec<String>,
    /// The server that answered, or was asked last. None if nothing was sent.
    pub server: Option<SocketAddr>,
    /// How the answer came.
    pub transport: Transport,
    /// When the question was asked (for a cached answer: when it was asked of the server).
    pub asked_at: Timestamp,
    /// From the first packet to the answer, waiting for a budget not counted. Zero from the cache.
    pub duration: Duration,
    /// Packets or connections used. Zero from the cache.
    pub tries: u8,
    /// Seconds this answer may be kept: the least TTL, or the negative TTL of RFC 2308.
    pub ttl: Option<u32>,
    /// The UDP answer had the TC bit, so TCP was used.
    pub truncated: bool,
    /// The AA bit: the server speaks for the zone.
    pub authoritative: bool,
}

/// How an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// UDP
    Udp,
    /// TCP, after truncation
    Tcp,
    /// Out of this process' cache
    Cache,
    /// Nothing was sent
    None,
}

/// What came of a question. Only `Records`, `NoData` and `NxDomain` say anything about the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Records of the type asked for.
    Records(Vec<Record>),
    /// The name exists (or may exist) but has no record of that type.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// The server does not want to answer us.
    Refused,
    /// The server could not find out.
    ServFail,
    /// Another response code, by number (1 FORMERR, 4 NOTIMP, ...).
    Rcode(u16),
    /// Nobody answered in time.
    Timeout,
    /// An answer that cannot be read.
    Malformed(String),
    /// The packet could not be delivered (ICMP port unreachable, no route, TCP refused).
    Unreachable(String),
    /// Nothing was sent: the name cannot be put into a query, or no server is known.
    NotAsked(String),
}

impl Outcome {
    /// True if the server made a statement about the name (records, none, or no such name).
    pub fn is_conclusive(&self) -> bool {
        matches!(self, Self::Records(_) | Self::NoData | Self::NxDomain)
    }

    /// The word for evidence and reports: `records`, `no_data`, `nxdomain`, `refused`, `servfail`,
    /// `rcode`, `timeout`, `malformed`, `unreachable`, `not_asked`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Records(_) => "records",
            Self::NoData => "no_data",
            Self::NxDomain => "nxdomain",
            Self::Refused => "refused",
            Self::ServFail => "servfail",
            Self::Rcode(_) => "rcode",
            Self::Timeout => "timeout",
            Self::Malformed(_) => "malformed",
            Self::Unreachable(_) => "unreachable",
            Self::NotAsked(_) => "not_asked",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(records) => {
                for (index, record) in records.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    record.value.fmt(f)?;
                }
                Ok(())
            }
            Self::NoData => f.write_str("no record of this type"),
            Self::NxDomain => f.write_str("no such name (NXDOMAIN)"),
            Self::Refused => f.write_str("the server refused the query (REFUSED)"),
            Self::ServFail => f.write_str("the server failed (SERVFAIL)"),
            Self::Rcode(code) => write!(f, "response code {code}"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Malformed(why) => write!(f, "unreadable answer: {why}"),
            Self::Unreachable(why) => write!(f, "server unreachable: {why}"),
            Self::NotAsked(why) => write!(f, "not asked: {why}"),
        }
    }
}

/// One resource record. The owner of an answer to a secret question reads `[redacted]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Owner name, without the final dot.
    pub name: String,
    /// Seconds.
    pub ttl: u32,
    /// The data.
    pub value: Value,
}

/// The data of a record. Names are as the server wrote them, without the final dot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A
    A(Ipv4Addr),
    /// AAAA
    Aaaa(Ipv6Addr),
    /// PTR
    Ptr(String),
    /// NS
    Ns(String),
    /// CNAME
    Cname(String),
    /// MX
    Mx(Mx),
    /// TXT
    Txt(Txt),
    /// SOA
    Soa(Soa),
    /// A type this client does not take apart: its number and text.
    Other(u16, String),
}

impl Value {
    /// The type of the record.
    pub fn kind(&self) -> RecordKind {
        match self {
            Self::A(_) => RecordKind::A,
            Self::Aaaa(_) => RecordKind::Aaaa,
            Self::Ptr(_) => RecordKind::Ptr,
            Self::Ns(_) => RecordKind::Ns,
            Self::Cname(_) => RecordKind::Cname,
            Self::Mx(_) => RecordKind::Mx,
            Self::Txt(_) => RecordKind::Txt,
            Self::Soa(_) => RecordKind::Soa,
            Self::Other(code, _) => RecordKind::Other(*code),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(address) => address.fmt(f),
            Self::Aaaa(address) => address.fmt(f),
            Self::Ptr(name) | Self::Ns(name) | Self::Cname(name) => f.write_str(name),
            Self::Mx(mx) => write!(f, "{} {}", mx.preference, shown(&mx.exchange)),
            Self::Txt(txt) => write!(f, "\"{}\"", txt.joined()),
            Self::Soa(soa) => write!(f, "{} {} {}", soa.mname, soa.rname, soa.serial),
            Self::Other(_, text) => f.write_str(text),
        }
    }
}

/// A mail exchanger. `exchange` is empty for the null MX of RFC 7505.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mx {
    /// Lower is tried first.
    pub preference: u16,
    /// Host name.
    pub exchange: String,
}

/// A text record: its strings are kept apart, because joining them is up to who reads it (SPF and
/// DKIM join without a blank, RFC 7208 3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Txt(pub Vec<Vec<u8>>);

impl Txt {
    /// All strings joined without a blank; bytes that are not UTF-8 become U+FFFD.
    pub fn joined(&self) -> String {
        String::from_utf8_lossy(&self.0.concat()).into_owned()
    }
}

impl Serialize for Txt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|part| String::from_utf8_lossy(part)))
    }
}

/// The start-of-authority data that a diagnosis needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Soa {
    /// Primary name server.
    pub mname: String,
    /// Mailbox of the one responsible, as a domain name.
    pub rname: String,
    /// Version of the zone.
    pub serial: u32,
    /// Negative TTL, seconds (RFC 2308).
    pub minimum: u32,
}

impl Answer {
    /// The records, or an empty slice for any other outcome. Look at [`Answer::outcome`] before
    /// taking an empty slice as "nothing there".
    pub fn records(&self) -> &[Record] {
        match &self.outcome {
            Outcome::Records(records) => records,
            _ => &[],
        }
    }

    /// IPv4 addresses, in the server's order.
    pub fn v4(&self) -> Vec<Ipv4Addr> {
        self.pick(|value| match value {
            Value::A(address) => Some(*address),
            _ => None,
        })
    }

    /// Addresses of both families.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.pick(|value| match value {
            Value::A(address) => Some(IpAddr::V4(*address)),
            Value::Aaaa(address) => Some(IpAddr::V6(*address)),
            _ => None,
        })
    }

    /// The names of PTR or NS records.
    pub fn names(&self) -> Vec<String> {
        self.pick(|value| match value {
            Value::Ptr(name) | Value::Ns(name) => Some(name.clone()),
            _ => None,
        })
    }

    /// Text records, strings kept apart.
    pub fn txt(&self) -> Vec<Txt> {
        self.pick(|value| match value {
            Value::Txt(txt) => Some(txt.clone()),
            _ => None,
        })
    }

    /// Mail exchangers, most preferred first.
    pub fn mx(&self) -> Vec<Mx> {
        let mut found = self.pick(|value| match value {
            Value::Mx(mx) => Some(mx.clone()),
            _ => None,
        });
        found.sort();
        found
    }

    /// The start of authority.
    pub fn soa(&self) -> Option<Soa> {
        self.pick(|value| match value {
            Value::Soa(soa) => Some(soa.clone()),
            _ => None,
        })
        .into_iter()
        .next()
    }

    fn pick<T>(&self, of: impl Fn(&Value) -> Option<T>) -> Vec<T> {
        self.records()
            .iter()
            .filter_map(|record| of(&record.value))
            .collect()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.question, self.outcome)?;
        match self.server {
            Some(server) => write!(f, " (from {server})"),
            None => Ok(()),
        }
    }
}

/// The shape that goes into evidence.
impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shape = serializer.serialize_struct("Answer", 13)?;
        shape.serialize_field("name", self.question.shown_name())?;
        shape.serialize_field("type", &self.question.kind())?;
        shape.serialize_field("outcome", self.outcome.word())?;
        shape.serialize_field("records", self.records())?;
        let detail = match &self.outcome {
            Outcome::Records(_) => None,
            other => Some(other.to_string()),
        };
        shape.serialize_field("detail", &detail)?;
        shape.serialize_field("chain", &self.chain)?;
        shape.serialize_field("server", &self.server)?;
        shape.serialize_field("transport", &self.transport)?;
        shape.serialize_field("asked_at", &self.asked_at)?;
        shape.serialize_field("ms", &(self.duration.as_secs_f64() * 1000.0).round())?;
        shape.serialize_field("tries", &self.tries)?;
        shape.serialize_field("ttl", &self.ttl)?;
        shape.serialize_field("truncated", &self.truncated)?;
        shape.end()
    }
}

fn shown(name: &str) -> &str {
    if name.is_empty() { "." } else { name }
}
