//! Protocol logs of Exchange 2007 and later: `RECV*.LOG` and `SEND*.LOG` of the connectors, line by line of each session.
//!
//! `<` is what came in and `>` what went out, so a client's command is `<` in a receive log and `>` in a send log.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;

use super::header::fields_of;
use crate::mail::events::{
    Direction, Event, Format, Head, LineReader, Open, Options, Out, Reader, What, Zone, fields,
    span_of, taken,
};
use crate::mail::logs::dialogue::Dialogue;
use crate::mail::logs::queue::Recent;

/// The format.
pub(in crate::mail) struct ProtocolLog;

impl Format for ProtocolLog {
    fn name(&self) -> &'static str {
        "exchange-protocol"
    }

    fn summary(&self) -> &'static str {
        "protocol log of a connector of Exchange 2007 and later (RECV or SEND)"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        let ours = |line: &str| {
            fields_of(line).is_some_and(|names| names.contains("session-id,sequence-number"))
        };
        if head.text.lines().take(50).any(ours) {
            95
        } else {
            0
        }
    }

    fn span(&self, head: &Head<'_>, _: &Options) -> Option<(Timestamp, Timestamp)> {
        let stamp = |line: &str| line.split(',').next()?.trim().parse().ok();
        span_of(head.text.lines().filter_map(stamp))
    }

    fn reader(&self, _: &Options) -> Reader {
        Reader::Lines(Box::new(Sessions {
            sends: false,
            open: Recent::default(),
        }))
    }
}

struct Sessions {
    /// It is the log of a send connector.
    sends: bool,
    open: Recent<Box<str>, Dialogue>,
}

/// Columns in front of the data, which may hold commas without quotes.
const LEADING: usize = 7;

impl LineReader for Sessions {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        let bare = line.trim_start_matches('\u{feff}');
        if bare.trim().is_empty() {
            return;
        }
        if let Some(kind) = bare
            .strip_prefix("#Log-type:")
            .or(bare.strip_prefix("#Log-Type:"))
        {
            self.sends = kind.contains("Send");
            out.passed(1);
            return;
        }
        if bare.starts_with('#') {
            out.passed(1);
            return;
        }
        let told = self.read(number, bare, out);
        out.settle(number, line, told);
    }

    fn end(&mut self, out: &mut Out<'_>) {
        out.zone(Zone::Stated);
    }

    fn leave(&mut self) -> Option<Open> {
        Some(Box::new(std::mem::take(&mut self.open)))
    }

    fn take_over(&mut self, open: Open) {
        self.open = taken(open).unwrap_or_default();
    }
}

impl Sessions {
    /// `Some(true)` for an event, `Some(false)` for nothing that is looked for.
    fn read(&mut self, number: u32, line: &str, out: &mut Out<'_>) -> Option<bool> {
        let row = fields(line, ',')?;
        if row.len() < LEADING + 2 {
            return None;
        }
        let time: Timestamp = row[0].trim().parse().ok()?;
        let (session, step) = (row[2].as_str(), row[6].as_str());
        let context = row.last()?.as_str();
        let data = row[LEADING..row.len() - 1].join(",");
        let (local, remote) = (endpoint(&row[4]), endpoint(&row[5]));
        let key: Box<str> = session.into();
        if step == "-" {
            self.open.remove(key);
            return Some(false);
        }
        if self.open.get(key.clone()).is_none() {
            self.open.insert(key.clone(), Dialogue::default());
        }
        let sends = self.sends;
        let dialogue = self.open.get(key)?;
        let own = |text: &str| Some(Cow::Owned(text.to_owned()));
        let mut event = Event {
            time: Some(time),
            source: own(if sends {
                "exchange/send"
            } else {
                "exchange/receive"
            }),
            category: own(&row[1]),
            queue: own(session),
            direction: if sends {
                Direction::Outbound
            } else {
                Direction::Inbound
            },
            address: remote,
            text: Cow::Owned(line.to_owned()),
            ..Event::at(out.place(number, number))
        };
        let outcome = match (step, sends) {
            ("<", false) | (">", true) => {
                // Within AUTH the client sends names and passwords.
                if !dialogue.logging_in() {
                    dialogue.command(&data);
                }
                return Some(false);
            }
            (">", false) | ("<", true) => dialogue.reply(&data),
            ("+", _) => return Some(false),
            ("*", _) => {
                if context.eq_ignore_ascii_case("authenticated") && !data.is_empty() {
                    dialogue.account = Some(data.clone());
                    event.what = What::Authenticated;
                    event.account = Some(Cow::Owned(data));
                } else if let Some((_, name)) = context.split_once("User Name: ") {
                    dialogue.account = Some(name.trim().to_owned()).filter(|name| name != "NULL");
                    return Some(false);
                } else if sends && context.contains("Failed to connect") {
                    event.what = What::DeliveryFailed;
                    event.reply = own(context);
                } else {
                    return Some(false);
                }
                event.remote = remote.map(|ip| Cow::Owned(ip.to_string()));
                out.event(&event);
                return Some(true);
            }
            _ => return None,
        };
        let name = if sends {
            dialogue.greeting.clone()
        } else {
            dialogue.helo.clone()
        };
        event.helo = name.clone().filter(|_| !sends).map(Cow::Owned);
        event.remote = name
            .filter(|_| sends)
            .or_else(|| remote.map(|ip| ip.to_string()))
            .map(Cow::Owned);
        event.account = dialogue.account.clone().filter(|_| !sends).map(Cow::Owned);
        let from_here = remote.is_some_and(|ip| ip.is_loopback() || Some(ip) == local);
        Some(outcome.tell(event, from_here, out))
    }
}

/// `192.0.2.1:25`, `[2001:db8::1]:25`.
fn endpoint(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    text.parse::<SocketAddr>()
        .map(|endpoint| endpoint.ip())
        .or_else(|_| text.parse())
        .ok()
}
