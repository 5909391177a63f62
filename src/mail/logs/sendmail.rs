//! Sendmail: `from=` and `to=` lines joined by queue id, refusals by rule sets, log-ins.

use std::borrow::Cow;

use jiff::Timestamp;

use super::host::Host;
use super::queue::{Key, Origin, Recent};
use super::syslog::{Clock, SyslogLine, split, stamps};
use crate::mail::events::{
    Direction, Event, Format, Head, LineReader, Open, Options, Out, Reader, What, Why, taken,
};

/// The format.
pub(in crate::mail) struct Sendmail;

/// Names under which its daemons log.
const PROGRAMS: &[&str] = &["sendmail", "sm-mta", "sm-msp-queue", "sm-msp"];

impl Format for Sendmail {
    fn name(&self) -> &'static str {
        "sendmail"
    }

    fn summary(&self) -> &'static str {
        "mail log of Sendmail"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        let ours = |line: &str| split(line).is_some_and(|line| PROGRAMS.contains(&line.program));
        // Postfix's own sendmail command logs under that name too.
        if head.text.lines().any(ours) { 90 } else { 0 }
    }

    fn span(&self, head: &Head<'_>, options: &Options) -> Option<(Timestamp, Timestamp)> {
        stamps(head, options)
    }

    fn reader(&self, options: &Options) -> Reader {
        Reader::Lines(Box::new(MailLog {
            clock: Clock::new(options),
            queue: Recent::default(),
            log_ins: Recent::default(),
        }))
    }
}

struct MailLog {
    clock: Clock,
    queue: Recent<Key, Origin>,
    /// Who logged in last in a process, and from where: each connection has a process of its own.
    log_ins: Recent<Key, LogIn>,
}

struct LogIn {
    account: Box<str>,
    method: Option<Box<str>>,
    client: Box<str>,
}

impl LineReader for MailLog {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        let Some(parts) = split(line) else {
            if !line.trim().is_empty() {
                out.unparsed(number, line, Why::Outside);
            }
            return;
        };
        if !PROGRAMS.contains(&parts.program) {
            out.stranger(parts.program);
            return;
        }
        let told = self.read(number, line, &parts, out);
        out.settle(number, line, told);
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.clock.end(out);
    }

    fn leave(&mut self) -> Option<Open> {
        let queue = std::mem::take(&mut self.queue);
        Some(Box::new((queue, std::mem::take(&mut self.log_ins))))
    }

    fn take_over(&mut self, open: Open) {
        (self.queue, self.log_ins) = taken(open).unwrap_or_default();
    }
}

impl MailLog {
    /// `Some(true)` for an event, `Some(false)` for nothing that is looked for.
    fn read(
        &mut self,
        number: u32,
        line: &str,
        parts: &SyslogLine<'_>,
        out: &mut Out<'_>,
    ) -> Option<bool> {
        let (time, local) = self.clock.read(parts.stamp);
        let mut event = Event {
            time,
            local,
            source: Some(Cow::Borrowed("sendmail")),
            ..Event::at(out.place(number, number))
        };
        event.text = Cow::Owned(line.to_owned());
        let (id, text) = match parts.text.split_once(": ") {
            Some((id, text)) if id.len() >= 8 && id.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                (id, text)
            }
            _ => ("", parts.text),
        };
        let key = Key::new(id)?;
        if !id.is_empty() {
            event.queue = Some(Cow::Owned(id.to_owned()));
        }
        let own = |text: &str| Some(Cow::Owned(text.to_owned()));
        if let Some(rest) = text.strip_prefix("from=") {
            let (sender, rest) = value(rest);
            let relay = field(rest, "relay=").and_then(host);
            let known = self.queue.remove(key).unwrap_or_default();
            // ESMTPA and ESMTPSA (RFC 3848): the client had logged in.
            let authenticated = field(rest, "proto=").is_some_and(|proto| proto.ends_with('A'));
            let log_in = Key::new(parts.pid)
                .filter(|_| authenticated)
                .and_then(|pid| self.log_ins.get(pid))
                .filter(|log_in| relay.is_some_and(|host| *log_in.client == *host.name));
            let known = match log_in {
                Some(log_in) => Origin {
                    account: Some(log_in.account.clone()),
                    auth_method: log_in.method.clone(),
                    ..known
                },
                None => known,
            };
            self.queue.insert(
                key,
                Origin {
                    client: relay.map(|host| host.name.into()),
                    client_address: relay.and_then(|host| host.address),
                    sender: Some(plain(sender).into()),
                    message_id: field(rest, "msgid=").map(|id| plain(id).into()),
                    size: field(rest, "size=").and_then(|size| size.parse().ok()),
                    ..known
                },
            );
            let outside = relay.is_some_and(|host| !host.is_loopback() && host.address.is_some());
            event.what = What::Received;
            event.direction = if outside {
                Direction::Inbound
            } else {
                Direction::Local
            };
            self.queue.get(key)?.arrive(&mut event);
            out.event(&event);
            return Some(true);
        }
        if let Some(rest) = text.strip_prefix("to=") {
            let (recipients, rest) = value(rest);
            let said = rest.split_once("stat=").map(|(_, said)| said)?;
            let relay = field(rest, "relay=").and_then(host);
            let mailer = field(rest, "mailer=").unwrap_or_default();
            let local = mailer == "local"
                || mailer == "prog"
                || relay.is_some_and(|host| host.is_loopback());
            event.direction = if local {
                Direction::Local
            } else {
                Direction::Outbound
            };
            event.remote = relay.filter(|_| !local).and_then(|host| own(host.name));
            event.address = relay.filter(|_| !local).and_then(|host| host.address);
            event.status = field(rest, "dsn=").and_then(|dsn| dsn.parse().ok());
            event.reply = own(said);
            let failed = if event.remote.is_some() && answered(said) {
                What::Refused
            } else {
                What::DeliveryFailed
            };
            event.what = if said.starts_with("Sent") {
                What::Delivered
            } else if said.starts_with("queued") {
                return Some(false);
            } else {
                failed
            };
            if let Some(origin) = self.queue.get(key) {
                origin.complete(&mut event);
            }
            // The user for whom an alias or a forwarding acts; for mail made here it is its author.
            let handed_in = event.client_address.is_some();
            event.original = field(rest, "ctladdr=")
                .filter(|_| handed_in)
                .and_then(|user| own(plain(user)));
            // One line may name several recipients; each is one event.
            for recipient in recipients.split(',') {
                event.recipient = own(plain(recipient));
                out.event(&event);
            }
            return Some(true);
        }
        event.direction = Direction::Inbound;
        if let Some(rest) = text.strip_prefix("AUTH=server, ") {
            let relay = field(rest, "relay=").and_then(host)?;
            let account = field(rest, "authid=")?;
            let method = field(rest, "mech=");
            if let Some(pid) = Key::new(parts.pid) {
                self.log_ins.insert(
                    pid,
                    LogIn {
                        account: account.into(),
                        method: method.map(Box::from),
                        client: relay.name.into(),
                    },
                );
            }
            event.what = What::Authenticated;
            event.remote = own(relay.name);
            event.address = relay.address;
            event.account = own(account);
            event.auth_method = method.and_then(own);
            out.event(&event);
            return Some(true);
        }
        if let Some(rest) = text.strip_prefix("ruleset=") {
            let relay = field(rest, "relay=").and_then(host)?;
            let (_, reply) = rest.split_once("reject=")?;
            event.what = What::RefusedClient;
            event.remote = own(relay.name);
            event.address = relay.address;
            event.reply = own(reply);
            let argument = field(rest, "arg1=").map(plain).unwrap_or_default();
            match rest.split(',').next()? {
                "check_rcpt" => {
                    event.command = own("rcpt");
                    event.recipient = own(argument);
                }
                "check_mail" => {
                    event.command = own("mail");
                    event.sender = own(argument);
                }
                "check_relay" => event.command = own("connect"),
                rule => event.command = own(rule.trim_start_matches("check_")),
            }
            out.event(&event);
            return Some(true);
        }
        let refused = text
            .split_once("... ")
            .filter(|(address, _)| address.starts_with('<'));
        if let Some((address, reply)) = refused {
            // `<a@acme.example>... User unknown`, below the log level of rule sets.
            event.what = What::RefusedClient;
            event.command = own("rcpt");
            event.recipient = own(plain(address));
            event.reply = own(reply);
            out.event(&event);
            return Some(true);
        }
        // Everything else that it writes is about connections and itself.
        Some(false)
    }
}

/// Whether the text holds the other side's own words.
fn answered(said: &str) -> bool {
    let reply = said.split_once(": ").map_or(said, |(_, reply)| reply);
    reply.as_bytes().get(..3).is_some_and(|code| {
        matches!(code[0], b'4' | b'5') && code[1..].iter().all(u8::is_ascii_digit)
    }) || matches!(said, "User unknown" | "Service unavailable")
}

/// The first value of `value, key=value, ...`: its end is the comma before the next key.
fn value(text: &str) -> (&str, &str) {
    let end = text.match_indices(", ").find(|(at, _)| {
        let next = &text[at + 2..];
        next.split_once('=')
            .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_alphanumeric()))
    });
    match end {
        Some((at, _)) => (&text[..at], &text[at..]),
        None => (text, ""),
    }
}

fn field<'l>(text: &'l str, key: &str) -> Option<&'l str> {
    let (at, _) = text
        .match_indices(key)
        .find(|(at, _)| *at == 0 || text[..*at].ends_with(' '))?;
    let (found, _) = value(&text[at + key.len()..]);
    (!found.is_empty()).then_some(found)
}

/// `name [address] (may be forged)`, `name. [address]`, `[address]`.
fn host(text: &str) -> Option<Host<'_>> {
    let (name, address) = text.split_once('[').unwrap_or((text, ""));
    let address = address.split(']').next().unwrap_or_default();
    let plain = address.strip_prefix("IPv6:").unwrap_or(address);
    let name = name.trim().trim_end_matches('.');
    let name = name.rsplit('@').next().unwrap_or(name);
    let name = if name.is_empty() { plain } else { name };
    (!name.is_empty()).then(|| Host {
        name,
        address: plain.parse().ok(),
    })
}

fn plain(address: &str) -> &str {
    address.trim().trim_matches(['<', '>'])
}
