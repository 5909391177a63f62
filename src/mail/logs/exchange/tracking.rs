//! Message tracking of Exchange 2007 and later: `MSGTRK*.LOG`, comma-separated under a `#Fields` header, times in UTC.
//!
//! A failure is told once, by its FAIL row: the DSN row that follows it is passed over.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;

use super::header::{Columns, fields_of};
use crate::mail::events::{
    Direction, Event, Format, Head, LineReader, Options, Out, Reader, What, Zone, fields,
};
use crate::mail::logs::queue::{Key, Origin, Recent};
use crate::mail::reply::Reply;

/// The format.
pub(in crate::mail) struct Tracking;

impl Format for Tracking {
    fn name(&self) -> &'static str {
        "exchange-tracking"
    }

    fn summary(&self) -> &'static str {
        "message tracking log of Exchange 2007 and later"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        let ours =
            |line: &str| fields_of(line).is_some_and(|names| names.contains("internal-message-id"));
        if head.text.lines().take(50).any(ours) {
            95
        } else {
            0
        }
    }

    fn reader(&self, _: &Options) -> Reader {
        Reader::Lines(Box::new(Rows::default()))
    }
}

#[derive(Default)]
struct Rows {
    columns: Columns,
    /// The messages of which the arrival was read, by their ids on this server.
    arrived: Recent<Key, Arrived>,
}

/// A message that came in: from where, and for whom.
#[derive(Default)]
pub(super) struct Arrived {
    pub(super) origin: Origin,
    /// The recipients as they were addressed, as far as they fit, `;` between them.
    pub(super) recipients: Box<str>,
}

/// Characters of the recipients that are remembered of a message.
pub(super) const ADDRESSED: usize = 1_000;

impl LineReader for Rows {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        let header = fields_of(line).map(|names| Columns::new(names.split(',')));
        if self.columns.expect(header, number, line, out) {
            let told = self.read(number, line, out);
            out.settle(number, line, told);
        }
    }

    fn end(&mut self, out: &mut Out<'_>) {
        out.zone(Zone::Stated);
    }
}

impl Rows {
    /// `Some(true)` for an event, `Some(false)` for nothing that is looked for.
    fn read(&mut self, number: u32, line: &str, out: &mut Out<'_>) -> Option<bool> {
        let row = fields(line, ',')?;
        let value = |name: &str| self.columns.value(&row, name);
        let time: Timestamp = value("date-time")?.parse().ok()?;
        let step = value("event-id")?;
        let key = value("internal-message-id").and_then(Key::new);
        let source = value("source").unwrap_or_default();
        let own = |text: &str| Some(Cow::Owned(text.to_owned()));
        let mut event = Event {
            time: Some(time),
            source: own(&format!("exchange/{}", source.to_ascii_lowercase())),
            category: own(step),
            computer: value("server-hostname").and_then(own),
            queue: value("internal-message-id").and_then(own),
            message_id: value("message-id")
                .map(|id| Cow::Owned(id.trim_matches(['<', '>']).to_owned())),
            size: value("total-bytes").and_then(|size| size.parse().ok()),
            text: Cow::Owned(line.to_owned()),
            ..Event::at(out.place(number, number))
        };
        // A report is sent from `<>`, whatever address its author has.
        event.sender = match (value("return-path"), value("sender-address")) {
            (Some("<>"), _) | (None, Some("<>")) => own(""),
            (Some(sender), _) | (None, Some(sender)) => own(sender),
            (None, None) => None,
        };
        let ip = |name: &str| value(name).and_then(|ip| ip.parse::<IpAddr>().ok());
        let (client, server) = (ip("client-ip"), ip("server-ip"));
        let by_smtp = source.eq_ignore_ascii_case("SMTP");
        match step {
            "RECEIVE" => {
                event.what = What::Received;
                let within = client.is_none_or(|ip| ip.is_loopback() || Some(ip) == server);
                if by_smtp && !within {
                    event.direction = Direction::Inbound;
                    event.remote = value("client-hostname")
                        .or(value("client-ip"))
                        .and_then(own);
                    event.address = ip("original-client-ip").or(client);
                } else {
                    event.direction = Direction::Local;
                    // Whoever submits from a mailbox is logged in to it.
                    let submitted = source.eq_ignore_ascii_case("STOREDRIVER");
                    let author =
                        value("sender-address").filter(|who| submitted && who.contains('@'));
                    event.account = author.and_then(own);
                }
                let recipients = value("recipient-address").unwrap_or_default();
                if let Some(key) = key {
                    let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(Box::from);
                    let origin = Origin {
                        client: text(&event.remote),
                        client_address: event.address,
                        account: text(&event.account),
                        sender: text(&event.sender),
                        ..Origin::default()
                    };
                    let recipients = recipients.chars().take(ADDRESSED).collect::<String>();
                    let recipients = recipients.to_lowercase().into();
                    self.arrived.insert(key, Arrived { origin, recipients });
                }
                out.event(&event);
                return Some(true);
            }
            "SEND" | "DELIVER" => {
                event.what = What::Delivered;
                event.direction = if step == "SEND" && by_smtp {
                    Direction::Outbound
                } else {
                    Direction::Local
                };
            }
            "FAIL" | "DEFER" => {
                event.what = What::DeliveryFailed;
                event.direction = if by_smtp || !source.eq_ignore_ascii_case("STOREDRIVER") {
                    Direction::Outbound
                } else {
                    Direction::Local
                };
            }
            _ => return Some(false),
        }
        if event.direction == Direction::Outbound {
            // The sending row has this server as the client, and the host that it delivers to as the server.
            event.computer = value("client-hostname").and_then(own);
            // A message that failed before any host was reached has no address there, and this server's own name.
            event.remote = value("server-hostname")
                .or(value("server-ip"))
                .filter(|_| server.is_some())
                .and_then(own);
            event.address = server;
        }
        let arrived = key.and_then(|key| self.arrived.get(key));
        if let Some(arrived) = &arrived {
            arrived.origin.complete(&mut event);
        }
        let statuses = value("recipient-status").unwrap_or_default();
        let recipients: Vec<&str> = value("recipient-address")?.split(';').collect();
        let apart: Vec<&str> = statuses.split(';').collect();
        for (at, recipient) in recipients.iter().enumerate() {
            let status = match apart.get(at) {
                Some(own) if recipients.len() > 1 && apart.len() == recipients.len() => own,
                _ => statuses,
            };
            said(&mut event, status, by_smtp);
            event.recipient = own(recipient.trim());
            // Another address than those that the message came with: a forwarding or a list led on to it.
            event.original = arrived
                .as_ref()
                .and_then(|arrived| arrived.led_on_to(recipient.trim()))
                .and_then(own);
            out.event(&event);
        }
        Some(true)
    }
}

impl Arrived {
    /// The first recipient, where the message was not addressed to this one: a forwarding or a list led on to it.
    pub(super) fn led_on_to(&self, recipient: &str) -> Option<&str> {
        let whole = self.recipients.len() < ADDRESSED && !self.recipients.is_empty();
        let recipient = recipient.to_lowercase();
        let another = self.recipients.split(';').all(|to| to != recipient);
        self.recipients
            .split(';')
            .next()
            .filter(|_| whole && another)
    }
}

/// What a recipient's status says. Newer versions wrap it: `[{LRT=...};{LED=550 5.1.1 ...};{FQDN=mx};{IP=192.0.2.1}]`.
fn said(event: &mut Event<'_>, status: &str, by_smtp: bool) {
    let inner = |key: &str| {
        let (_, rest) = status.split_once(key)?;
        Some(rest.split(['}', ']']).next().unwrap_or(rest))
    };
    let text = inner("{LED=").unwrap_or(status).trim();
    event.reply = (!text.is_empty()).then(|| Cow::Owned(text.to_owned()));
    let reply = Reply::parse(text);
    event.status = reply.status;
    if event.what == What::Delivered || text.is_empty() {
        return;
    }
    if let Some(host) = inner("{FQDN=").filter(|host| !host.is_empty()) {
        event.remote = Some(Cow::Owned(host.to_owned()));
        event.address = inner("{IP=").and_then(|ip| ip.parse().ok());
    }
    // A reply over SMTP is the other side's; codes such as 4.4.7 QUEUE.Expired are of our own making.
    let ours = [
        "QUEUE.",
        "RESOLVER.",
        "DNS.",
        "ROUTING.",
        "STOREDRV.",
        "AGENT",
        "Error encountered while communicating",
        "Failed to connect",
        "DNS query failed",
    ]
    .iter()
    .any(|mark| text.contains(mark));
    let refused = by_smtp && reply.code.is_some() && !ours;
    event.what = if refused {
        What::Refused
    } else {
        What::DeliveryFailed
    };
}
