//! The one model that every reader fills.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::mail::reply::EnhancedStatus;

/// Where something stands: a file and its lines, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file as the caller named it.
    pub file: String,
    /// First line.
    pub first: u32,
    /// Last line.
    pub last: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.first == self.last {
            write!(f, "{}:{}", self.file, self.first)
        } else {
            write!(f, "{}:{}-{}", self.file, self.first, self.last)
        }
    }
}

/// Who connected to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// This server delivered to another host.
    Outbound,
    /// A client connected to this server.
    Inbound,
    /// Not told.
    #[default]
    Unknown,
}

/// What an event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A remote host refused or put off one of our commands.
    Refused,
    /// This server refused a client's command.
    RefusedClient,
    /// A non-delivery report was made.
    Ndr,
    /// A delivery attempt failed without a reply.
    DeliveryFailed,
    /// A client logged in.
    Authenticated,
    /// A log-in failed.
    AuthFailed,
    /// A known harmless side effect (XEXCH50 between organisations); never evidence.
    Noise,
    /// Anything else.
    #[default]
    Other,
}

impl What {
    /// Whether it is a failure that the analysis counts.
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::RefusedClient | Self::Ndr | Self::DeliveryFailed
        )
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Where it stands.
    pub place: Place,
    /// When. Taken as UTC where the zone was not told.
    pub time: Option<Timestamp>,
    /// The wall clock as the log has it.
    pub local: Option<DateTime>,
    /// The number of the record in its log, where the format has it.
    pub record: Option<u64>,
    /// The program that wrote it (`MSExchangeTransport`).
    pub source: Option<String>,
    /// Event id. Means something only together with the source.
    pub id: Option<u32>,
    /// `Error`, `Warning`, `Information` as the log has it.
    pub kind: Option<String>,
    /// Category as the log has it.
    pub category: Option<String>,
    /// The computer that logged it.
    pub computer: Option<String>,
    /// What it tells.
    pub what: What,
    /// Who connected to whom.
    pub direction: Direction,
    /// Number of the SMTP connection; ties events of one session on one day.
    pub connection: Option<u32>,
    /// The other host: a name or an address.
    pub remote: Option<String>,
    /// The SMTP verb.
    pub command: Option<String>,
    /// The reply, as logged.
    pub reply: Option<String>,
    /// The enhanced status of a non-delivery report.
    pub status: Option<EnhancedStatus>,
    /// The recipient; `None` also where a web page hid it.
    pub recipient: Option<String>,
    /// The envelope sender; empty for `<>`.
    pub sender: Option<String>,
    /// The account that logged in, as logged (`DOMAIN\user`).
    pub account: Option<String>,
    /// The mechanism it used.
    pub auth_method: Option<String>,
    /// The recipient's domain, where it is named apart from an address.
    pub domain: Option<String>,
    /// Message-ID, where it is named.
    pub message_id: Option<String>,
    /// The description as logged, on one line.
    pub text: String,
}

impl Event {
    /// An event at a place about which nothing else is known.
    pub fn at(place: Place) -> Self {
        Self {
            place,
            time: None,
            local: None,
            record: None,
            source: None,
            id: None,
            kind: None,
            category: None,
            computer: None,
            what: What::Other,
            direction: Direction::Unknown,
            connection: None,
            remote: None,
            command: None,
            reply: None,
            status: None,
            recipient: None,
            sender: None,
            account: None,
            auth_method: None,
            domain: None,
            message_id: None,
            text: String::new(),
        }
    }

    /// The domain of the recipient, from its address or named apart; lower case.
    pub fn recipient_domain(&self) -> Option<String> {
        let of_address = self
            .recipient
            .as_deref()
            .and_then(|r| r.rsplit_once('@'))
            .map(|(_, d)| d);
        of_address
            .or(self.domain.as_deref())
            .filter(|d| !d.is_empty())
            .map(str::to_ascii_lowercase)
    }
}

/// Why a line was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It stands outside any event, such as the prose around a pasted block.
    Outside,
    /// It stands where a part of an event was expected.
    Malformed,
}

/// A line that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unparsed {
    /// Line, counted from 1.
    pub line: u32,
    /// The line.
    pub text: String,
    /// Why.
    pub why: Why,
}

/// Records that are missing between two others, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last record before the gap.
    pub after: u64,
    /// The first record behind it.
    pub before: u64,
}

/// One file, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The file as the caller named it.
    pub file: String,
    /// Name of the reader.
    pub format: String,
    /// Character encoding.
    pub encoding: String,
    /// The events, in file order.
    pub events: Vec<Event>,
    /// Lines that were not understood.
    pub unparsed: Vec<Unparsed>,
    /// Jumps in the record numbers, where the format has them.
    pub gaps: Vec<Gap>,
    /// What the reader had to assume, in words.
    pub notes: Vec<String>,
}

impl Log {
    /// First and last time. `None` when no event has one.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let times = || self.events.iter().filter_map(|e| e.time);
        Some((times().min()?, times().max()?))
    }

    /// How many events are known noise.
    pub fn noise(&self) -> usize {
        self.events.iter().filter(|e| e.what == What::Noise).count()
    }
}
