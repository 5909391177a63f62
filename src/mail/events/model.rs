//! The one model that every reader fills.
//!
//! Texts are borrowed from the line where they stand ([`Event<'a>`]), so that a log of gigabytes costs no memory; who keeps
//! an event makes it own them ([`Event::into_owned`]).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::mail::reply::EnhancedStatus;

/// Where something stands: a file and its lines, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file as the caller named it.
    pub file: Arc<str>,
    /// First line. In a binary file the number of the record.
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
    /// Within this server: a mailbox, a program, a message that was made here.
    Local,
    /// Not told.
    #[default]
    Unknown,
}

/// What an event tells.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A message was taken: from a client, or made here. One event a message.
    Received,
    /// A message was handed over to the next host or to a mailbox. One event a recipient.
    Delivered,
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
    /// A recipient, or a provider for it, complains about a message (ARF).
    Complaint,
    /// A receiver's statistics about our domain or our connections (DMARC aggregate, TLS-RPT).
    Reported,
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

/// One event. A field that the log does not have is `None`; an envelope sender `<>` is an empty text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<'a> {
    /// Where it stands.
    pub place: Place,
    /// When. Taken as UTC where the zone was not told.
    pub time: Option<Timestamp>,
    /// The wall clock of the site as the log has it; `None` where the log has another zone's and nobody named the site's.
    pub local: Option<DateTime>,
    /// The number of the record in its log, where the format has it.
    pub record: Option<u64>,
    /// The program that wrote it (`MSExchangeTransport`, `postfix/smtpd`).
    pub source: Option<Cow<'a, str>>,
    /// Event id. Means something only together with the source.
    pub id: Option<u32>,
    /// `Error`, `Warning`, `Information` as the log has it.
    pub kind: Option<Cow<'a, str>>,
    /// Category as the log has it.
    pub category: Option<Cow<'a, str>>,
    /// The computer that logged it.
    pub computer: Option<Cow<'a, str>>,
    /// What it tells.
    pub what: What,
    /// Who connected to whom.
    pub direction: Direction,
    /// Number of the SMTP connection; ties events of one session on one day.
    pub connection: Option<u32>,
    /// Id of the message on this server (queue id), or of its session where there is none. In a statistic the report's id.
    pub queue: Option<Cow<'a, str>>,
    /// The other host: its name, or its address where no name is known.
    pub remote: Option<Cow<'a, str>>,
    /// The other host's address.
    pub address: Option<IpAddr>,
    /// The name by which a client introduced itself.
    pub helo: Option<Cow<'a, str>>,
    /// For what becomes of a message: the client that had handed it in, name or address.
    pub client: Option<Cow<'a, str>>,
    /// That client's address.
    pub client_address: Option<IpAddr>,
    /// The SMTP verb.
    pub command: Option<Cow<'a, str>>,
    /// The reply, as logged.
    pub reply: Option<Cow<'a, str>>,
    /// The enhanced status that the log itself gives.
    pub status: Option<EnhancedStatus>,
    /// The recipient; `None` also where a web page hid it.
    pub recipient: Option<Cow<'a, str>>,
    /// The recipient as it was addressed here, where an alias or a forwarding led on to another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Cow<'a, str>>,
    /// The envelope sender; empty for `<>`. In a statistic that names only the domain of the From line: `@domain`.
    pub sender: Option<Cow<'a, str>>,
    /// The account that logged in, as logged (`DOMAIN\user`). Also on what becomes of its messages.
    pub account: Option<Cow<'a, str>>,
    /// The mechanism it used.
    pub auth_method: Option<Cow<'a, str>>,
    /// The recipient's domain, where it is named apart from an address.
    pub domain: Option<Cow<'a, str>>,
    /// Message-ID, where it is named.
    pub message_id: Option<Cow<'a, str>>,
    /// Size of the message in bytes.
    pub size: Option<u64>,
    /// How many messages (or sessions) a statistical record stands for; 1 for all others.
    pub count: u32,
    /// The description as logged, on one line.
    pub text: Cow<'a, str>,
}

impl<'a> Event<'a> {
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
            queue: None,
            remote: None,
            address: None,
            helo: None,
            client: None,
            client_address: None,
            command: None,
            reply: None,
            status: None,
            recipient: None,
            original: None,
            sender: None,
            account: None,
            auth_method: None,
            domain: None,
            message_id: None,
            size: None,
            count: 1,
            text: Cow::Borrowed(""),
        }
    }

    /// The same event with texts of its own, to be kept.
    pub fn into_owned(self) -> Event<'static> {
        let own = |text: Option<Cow<'a, str>>| text.map(|t| Cow::Owned(t.into_owned()));
        Event {
            place: self.place,
            time: self.time,
            local: self.local,
            record: self.record,
            source: own(self.source),
            id: self.id,
            kind: own(self.kind),
            category: own(self.category),
            computer: own(self.computer),
            what: self.what,
            direction: self.direction,
            connection: self.connection,
            queue: own(self.queue),
            remote: own(self.remote),
            address: self.address,
            helo: own(self.helo),
            client: own(self.client),
            client_address: self.client_address,
            command: own(self.command),
            reply: own(self.reply),
            status: self.status,
            recipient: own(self.recipient),
            original: own(self.original),
            sender: own(self.sender),
            account: own(self.account),
            auth_method: own(self.auth_method),
            domain: own(self.domain),
            message_id: own(self.message_id),
            size: self.size,
            count: self.count,
            text: Cow::Owned(self.text.into_owned()),
        }
    }

    /// The day by the wall clock, or in UTC where that is not known.
    pub fn day(&self) -> Option<Date> {
        let utc = || {
            let time = self.time?;
            Some(time.to_zoned_datetime(TimeZone::UTC).date())
        };
        self.local.map(|local| local.date()).or_else(utc)
    }

    /// The domain of the recipient, from its address or named apart; lower case.
    pub fn recipient_domain(&self) -> Option<String> {
        domain_of(self.recipient.as_deref())
            .or(self.domain.as_deref())
            .filter(|d| !d.is_empty())
            .map(str::to_ascii_lowercase)
    }

    /// The domain of the envelope sender, lower case. `None` for `<>`.
    pub fn sender_domain(&self) -> Option<String> {
        domain_of(self.sender.as_deref()).map(str::to_ascii_lowercase)
    }
}

fn domain_of(address: Option<&str>) -> Option<&str> {
    address
        .and_then(|address| address.rsplit_once('@'))
        .map(|(_, domain)| domain)
}
