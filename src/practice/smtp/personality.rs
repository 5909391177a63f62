//! What makes one SMTP server differ from another: plain data, changed while the server runs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::reply::Reply;
use crate::practice::mailbox::Hop;
use crate::practice::tls::Certificate;

/// How a connection begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// 220 with the server's name and this text.
    Ready(String),
    /// This reply, then the end: `554` blocked, `421` busy.
    Refuse(Reply),
    /// Not a byte, ever.
    Silent,
}

/// Which local parts the server knows in its own domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// These addresses (lower case); others get the `unknown` reply. `postmaster` is always known.
    Known(BTreeSet<String>),
    /// Every address: no recipient check at all, undeliverable mail bounces later.
    Anything,
}

/// A reason to carry mail to foreign domains for a client that did not log in. A server without any is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Everybody: the classic open relay.
    Everyone,
    /// Senders in one of the server's own domains (relay variants A05 to A07).
    LocalSender,
    /// The null sender (A04).
    NullSender,
    /// Senders in one of these domains or address literals (A08 to A10).
    SenderIn(Vec<String>),
    /// Sender and recipient are the same (A02).
    SenderIsRecipient,
    /// One of these names in HELO (A20).
    Helo(Vec<String>),
    /// A local recipient was accepted before in this session (A17, A18).
    AfterLocalRecipient,
    /// The recipient is written with a percent sign (family B).
    Percent,
    /// The recipient is a bang path (family E).
    Bang,
    /// The recipient's domain ends in a dot, which the check overlooks (A16).
    TrailingDot,
}

/// What the server makes of `user%host@here`, `host!user` and `"user@host"@here`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddAddresses {
    /// Mailboxes of its own with a strange name; nothing goes outside (Exchange).
    Local,
    /// Routes to the address inside, which then needs the right to relay (sendmail's tradition).
    Route,
}

/// What follows the recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The message is taken and delivered.
    Deliver,
    /// DATA is refused with this reply.
    RefuseData(Reply),
    /// The final dot is answered with this reply.
    RefuseMessage(Reply),
    /// The message is taken and thrown away.
    Discard,
}

/// TLS on demand (RFC 3207).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartTls {
    /// Not offered.
    #[default]
    Absent,
    /// Offered, and it works.
    Offered,
    /// Offered and required before MAIL (530).
    Required,
    /// Offered, but answered 454.
    Unavailable,
    /// Offered and answered 220, but no handshake follows.
    Broken,
}

/// One login.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Login {
    /// The password.
    pub password: String,
    /// What this login may send as: addresses, or `@domain`. Empty: anything.
    pub senders: Vec<String>,
    /// The reply to every attempt instead of a check: `525` disabled, `454` temporary, `534` app password wanted.
    pub refuse: Option<Reply>,
}

/// Authentication (RFC 4954).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Auth {
    /// What EHLO offers: `PLAIN`, `LOGIN`, `CRAM-MD5`; others are offered and refused with 504.
    pub mechanisms: Vec<String>,
    /// User name -> login.
    pub logins: BTreeMap<String, Login>,
    /// Offered and accepted before TLS too.
    pub in_the_clear: bool,
    /// MAIL needs a login (530).
    pub required: bool,
    /// Every name and password is right (a Guest account, a permissive backend).
    pub accepts_anything: bool,
}

/// Limits. `None`: no limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Recipients of one message; the next gets `452 4.5.3`.
    pub recipients_per_message: Option<usize>,
    /// Recipients for the life of the server, standing for an hour; the next gets `452`.
    pub recipients_this_hour: Option<usize>,
    /// Connections at a time; the next gets `421`.
    pub connections: Option<usize>,
    /// Messages of one connection; the next MAIL gets `421` and the connection ends.
    pub messages_per_connection: Option<usize>,
    /// Errors in one session; the next reply is `421` and the connection ends.
    pub errors: Option<usize>,
    /// Message size in octets, announced as SIZE (RFC 1870).
    pub size: Option<u64>,
}

/// Delays before replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tarpit {
    /// Before the greeting.
    pub greeting: Duration,
    /// Before each reply to RCPT.
    pub rcpt: Duration,
    /// Before each negative reply.
    pub refusal: Duration,
    /// Before the reply to the final dot.
    pub message: Duration,
}

/// One server's behaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personality {
    /// The name in greeting, EHLO and Received.
    pub name: String,
    /// How a connection begins.
    pub greeting: Greeting,
    /// EHLO keywords beside SIZE, STARTTLS and AUTH, as they are announced.
    pub keywords: Vec<String>,
    /// EHLO is unknown (500), as behind a firewall that rewrites SMTP.
    pub helo_only: bool,
    /// Takes `MAIL FROM: x` with a space or without brackets.
    pub lenient_syntax: bool,
    /// The mail domains it serves, lower case.
    pub domains: Vec<String>,
    /// Addresses it knows as its own in literals, beside the one that was connected to.
    pub literals: Vec<IpAddr>,
    /// Who exists there.
    pub recipients: Recipients,
    /// The reply for who does not.
    pub unknown: Reply,
    /// Undeliverable mail goes back to its sender.
    pub bounces: bool,
    /// Who may relay without a login.
    pub trust: Vec<Trust>,
    /// The reply for the others.
    pub denial: Reply,
    /// How odd addresses are read.
    pub odd_addresses: OddAddresses,
    /// What becomes of messages.
    pub outcome: Outcome,
    /// Greylisting: how long a new triple waits, and the reply. postmaster and abuse pass.
    pub greylist: Option<(Duration, Reply)>,
    /// The null sender is refused with this reply.
    pub refuse_null_sender: Option<Reply>,
    /// VRFY tells who exists (250, 550) instead of 252.
    pub vrfy: bool,
    /// TLS on demand.
    pub starttls: StartTls,
    /// The certificate, for STARTTLS and for implicit TLS.
    pub certificate: Certificate,
    /// Names in the certificate beside `name`.
    pub certificate_names: Vec<String>,
    /// Authentication.
    pub auth: Option<Auth>,
    /// Limits.
    pub limits: Limits,
    /// Delays.
    pub tarpit: Tarpit,
    /// The hosts that mail for outside passes, this server's own egress first.
    pub path: Vec<Hop>,
}
