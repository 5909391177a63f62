//! What may happen to a server.

use super::server::{DAYS, End, From, Server};
use crate::mail::causes::{Facts, RelayFact};

/// An incident and the cause that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Incident {
    StolenAccount,
    /// Strangers log in as Guest and send in anybody's name.
    GuestRelay,
    StolenMailbox,
    OpenRelay,
    Backscatter,
    InfectedThrough,
    InfectedPast,
    Throttled,
    OwnDns,
    PortBlock,
    ForgedAbroad,
}

pub(super) const ALL: [Incident; 11] = [
    Incident::StolenAccount,
    Incident::GuestRelay,
    Incident::StolenMailbox,
    Incident::OpenRelay,
    Incident::Backscatter,
    Incident::InfectedThrough,
    Incident::InfectedPast,
    Incident::Throttled,
    Incident::OwnDns,
    Incident::PortBlock,
    Incident::ForgedAbroad,
];

const UNKNOWN: End = End::Said("5.1.1", "550 5.1.1 User unknown");

impl Incident {
    pub(super) fn cause(self) -> &'static str {
        match self {
            Self::StolenAccount | Self::GuestRelay => "stolen-account",
            Self::StolenMailbox => "stolen-mailbox",
            Self::OpenRelay => "open-relay",
            Self::Backscatter => "backscatter",
            Self::InfectedThrough => "infected-client",
            Self::InfectedPast => "infected-machine",
            Self::Throttled => "reputation-throttling",
            Self::OwnDns => "dns-fault",
            Self::PortBlock => "port-blocked",
            Self::ForgedAbroad => "joe-job",
        }
    }

    /// What other checks of the same run find.
    pub(super) fn facts(self, facts: &mut Facts) {
        match self {
            Self::InfectedPast => {
                facts.exploit_listings = Some(vec!["spamhaus-zen".to_owned()]);
                facts.listings = facts.exploit_listings.clone();
                facts.relay = Some(RelayFact::Closed);
            }
            Self::Backscatter => facts.accepts_unknown = Some(true),
            Self::Throttled => facts.rdns_ok = Some(false),
            _ => {}
        }
    }

    /// Writes it into the log.
    pub(super) fn happen(self, server: &mut Server) {
        match self {
            Self::StolenAccount => spam(server, |server| {
                let ip = format!(
                    "{}.{}.7.9",
                    30 + server.dice.below(60),
                    server.dice.below(250)
                );
                (
                    From::Account("user1@acme.example".to_owned(), ip),
                    "user1@acme.example".to_owned(),
                )
            }),
            Self::GuestRelay => spam(server, |server| {
                let ip = format!(
                    "{}.{}.5.6",
                    30 + server.dice.below(60),
                    server.dice.below(250)
                );
                let forged = format!("s{}@forged.example", server.dice.below(999));
                (From::Account("Guest".to_owned(), ip), forged)
            }),
            Self::StolenMailbox => {
                spam(server, |_| (From::Program, "user1@acme.example".to_owned()))
            }
            Self::OpenRelay => spam(server, |server| {
                let ip = format!(
                    "{}.{}.3.4",
                    100 + server.dice.below(20),
                    server.dice.below(250)
                );
                (
                    From::Client(ip),
                    format!(
                        "s{}@forged{}.example",
                        server.dice.below(999),
                        server.dice.below(99)
                    ),
                )
            }),
            Self::InfectedThrough => spam(server, |server| {
                let sender = format!(
                    "s{}@forged{}.example",
                    server.dice.below(999),
                    server.dice.below(99)
                );
                (From::Client("192.168.1.77".to_owned()), sender)
            }),
            Self::Backscatter => {
                for n in 0..400 {
                    let at = server.at(n % DAYS, n % 24);
                    let forged = format!("f{n}@victim{}.example", server.dice.below(200));
                    let client = From::Client(format!("{}.9.8.7", 60 + server.dice.below(90)));
                    server.message(
                        at,
                        &client,
                        &forged,
                        &format!("nobody{n}@acme.example"),
                        &End::Mailbox,
                    );
                    let end = if n % 2 == 0 { UNKNOWN } else { End::Sent };
                    server.message(at, &From::Bounce, "", &forged, &end);
                }
            }
            // The server's own log stays quiet.
            Self::InfectedPast => {}
            Self::Throttled => fail(server, |n| match n % 4 {
                0 => End::Said(
                    "4.7.0",
                    "421 4.7.0 Our system has detected an unusual rate of unsolicited mail originating from your IP address",
                ),
                1 => End::Said("4.2.1", "452 Too many recipients received this hour"),
                2 => End::Said(
                    "5.7.1",
                    "554 5.7.1 Rejected due to poor reputation of the sending IP",
                ),
                _ => End::Said(
                    "4.7.1",
                    "450 4.7.1 Too many messages from your address, try again later",
                ),
            }),
            Self::OwnDns => fail(server, |_| End::NoName),
            Self::PortBlock => {
                fail(server, |_| End::NoAnswer);
                // From the second day on nothing reaches any host.
                let from = server.at(1, 0);
                for message in &mut server.messages {
                    let leaves = !matches!(message.from, From::Refused(_))
                        && !matches!(message.end, End::Mailbox);
                    if leaves && message.at >= from {
                        message.end = End::NoAnswer;
                    }
                }
            }
            Self::ForgedAbroad => {
                for n in 0..900u64 {
                    let at = server.at(1, i64::try_from(n % 20).unwrap_or(0));
                    let client = From::Client(format!("{}.{}.8.7", 60 + n % 90, n % 200));
                    server.message(at, &client, "", "user2@acme.example", &End::Mailbox);
                }
                // The site sends little on these days.
            }
        }
    }
}

/// Spam in a night: scattered over domains, a third of the addresses dead.
fn spam(server: &mut Server, mut from: impl FnMut(&mut Server) -> (From, String)) {
    for n in 0..900 {
        let at = server.at(1, 1 + n % 4);
        let (from, sender) = from(server);
        let recipient = format!(
            "x{}@list{}.example",
            server.dice.below(99_999),
            server.dice.below(400)
        );
        let end = if n % 3 == 0 { UNKNOWN } else { End::Sent };
        server.message(at, &from, &sender, &recipient, &end);
    }
}

/// Ordinary mail that fails.
fn fail(server: &mut Server, end: fn(u64) -> End) {
    for n in 0..60 + server.mailboxes * 4 {
        let hour = 8 + i64::try_from(server.dice.below(9)).unwrap_or(0);
        let at = server.at(i64::try_from(n).unwrap_or(0) % DAYS, hour);
        let user = server.dice.below(server.mailboxes);
        let from = From::Account(
            format!("user{user}@acme.example"),
            format!("192.168.1.{}", 10 + user % 200),
        );
        let recipient = format!("buyer{n}@partner{}.example", server.dice.below(40));
        server.message(
            at,
            &from,
            &format!("user{user}@acme.example"),
            &recipient,
            &end(n),
        );
    }
}

/// The days of an office: mail out and in, phones, forwardings, a few mistyped addresses, strangers who are refused.
pub(super) fn office(server: &mut Server) {
    for day in 0..DAYS {
        for user in 0..server.mailboxes {
            for n in 0..6 {
                let hour = 8 + i64::try_from(server.dice.below(9)).unwrap_or(0);
                let at = server.at(day, hour);
                let me = format!("user{user}@acme.example");
                let phone = n == 0 && user % 3 == 0;
                let ip = match phone {
                    true => format!("80.{}.4.2", 10 + user % 100),
                    false => format!("192.168.1.{}", 10 + user % 200),
                };
                let partner = server.dice.below(40);
                let mistyped = server.dice.below(100) == 0;
                let recipient = format!("buyer{}@partner{partner}.example", server.dice.below(9));
                let end = if mistyped { UNKNOWN } else { End::Sent };
                server.message(at, &From::Account(me.clone(), ip), &me, &recipient, &end);

                let client = From::Client(format!("203.{partner}.1.25"));
                let end = match n {
                    1 if user < 6 => End::Forwarded(format!("private{user}@freemail.example")),
                    _ => End::Mailbox,
                };
                server.message(at, &client, &recipient, &me, &end);
            }
        }
        let at = server.at(day, 3);
        server.message(
            at,
            &From::Program,
            "root@mail.acme.example",
            "root@acme.example",
            &End::Mailbox,
        );
        let stranger = From::Refused("185.9.9.9".to_owned());
        server.message(at, &stranger, "c@d.example", "a@b.example", &End::Sent);
    }
}
