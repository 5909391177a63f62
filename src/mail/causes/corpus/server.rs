//! A server and the messages that pass through it.

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};

/// Numbers that look random and are the same each time.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }
}

/// How a message came in.
#[derive(Debug, Clone)]
pub(super) enum From {
    /// Logged in, from an address.
    Account(String, String),
    /// From an address, without a log-in.
    Client(String),
    /// A program or a mailbox on the server.
    Program,
    /// A bounce that the server made.
    Bounce,
    /// A stranger at this address who wants to relay, and is refused.
    Refused(String),
}

/// What became of it.
#[derive(Debug, Clone)]
pub(super) enum End {
    Sent,
    /// Delivered to a mailbox here.
    Mailbox,
    /// Sent on to another address than it was addressed to.
    Forwarded(String),
    /// The remote host says this: status and reply.
    Said(&'static str, &'static str),
    /// The domain could not be looked up.
    NoName,
    /// The host could not be reached.
    NoAnswer,
}

/// A message to one recipient.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) at: DateTime,
    pub(super) number: u64,
    pub(super) from: From,
    pub(super) sender: String,
    pub(super) recipient: String,
    pub(super) end: End,
}

pub(super) struct Server {
    pub(super) mailboxes: u64,
    pub(super) dice: Dice,
    pub(super) messages: Vec<Message>,
}

pub(super) const DAYS: i64 = 3;

impl Server {
    pub(super) fn new(mailboxes: u64, seed: u64) -> Self {
        Self {
            mailboxes,
            dice: Dice(seed),
            messages: Vec::new(),
        }
    }

    /// A moment: day counted from a Monday, hour, any minute and second.
    pub(super) fn at(&mut self, day: i64, hour: i64) -> DateTime {
        let second = i64::try_from(self.dice.below(3600)).unwrap_or(0);
        let start = date(2024, 3, 4).at(0, 0, 0, 0);
        let span = SignedDuration::from_secs(day * 86_400 + hour * 3600 + second);
        start.saturating_add(span)
    }

    pub(super) fn message(
        &mut self,
        at: DateTime,
        from: &From,
        sender: &str,
        recipient: &str,
        end: &End,
    ) {
        self.messages.push(Message {
            at,
            number: self.messages.len() as u64 + 1,
            from: from.clone(),
            sender: sender.to_owned(),
            recipient: recipient.to_owned(),
            end: end.clone(),
        });
    }
}
