//! SMTP logs of IIS, which is the SMTP service of Exchange 2000 and 2003: W3C extended, and the NCSA form of it.
//!
//! They have no session number: the lines of one client are one dialogue, from its greeting to QUIT.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::dialogue::{Dialogue, Outcome};
use super::exchange::{Columns, fields_of};
use super::queue::Recent;
use crate::mail::events::{
    Direction, Event, Format, Head, LineReader, Open, Options, Out, Reader, Zone, span_of, taken,
};

/// The format.
pub(in crate::mail) enum IisSmtp {
    W3c,
    Ncsa,
}

/// Verbs of SMTP: a log of a web site has the same columns, but others.
const VERBS: &[&str] = &[
    "ehlo",
    "helo",
    "mail",
    "rcpt",
    "data",
    "bdat",
    "rset",
    "quit",
    "auth",
    "noop",
    "vrfy",
    "starttls",
    "xexch50",
    "x-exps",
    "x-link2state",
    "xxxx",
    "turn",
    "etrn",
    "help",
    "expn",
];

impl Format for IisSmtp {
    fn name(&self) -> &'static str {
        match self {
            Self::W3c => "iis-smtp-w3c",
            Self::Ncsa => "iis-smtp-ncsa",
        }
    }

    fn summary(&self) -> &'static str {
        match self {
            Self::W3c => "W3C extended log of the SMTP service of IIS (Exchange 2000 and 2003)",
            Self::Ncsa => "NCSA log of the SMTP service of IIS (Exchange 2000 and 2003)",
        }
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        if self.rows(head).any(|row| row.is_smtp()) {
            94
        } else {
            0
        }
    }

    fn span(&self, head: &Head<'_>, _: &Options) -> Option<(Timestamp, Timestamp)> {
        span_of(self.rows(head).filter_map(|row| row.time))
    }

    fn reader(&self, _: &Options) -> Reader {
        Reader::Lines(Box::new(Lines {
            header: self.header(),
            open: Recent::default(),
        }))
    }
}

impl IisSmtp {
    fn header(&self) -> Option<Header> {
        match self {
            Self::W3c => Some(Header::default()),
            Self::Ncsa => None,
        }
    }

    /// The rows at the beginning of a file.
    fn rows<'h>(&self, head: &Head<'h>) -> impl Iterator<Item = Row<'h>> {
        let mut header = self.header();
        head.text.lines().take(500).filter_map(move |line| {
            if header.as_mut().is_some_and(|header| header.takes(line)) {
                return None;
            }
            row_of(header.as_ref(), line)
        })
    }
}

/// What the lines with a `#` say of the rows below them; the NCSA form has none.
#[derive(Default)]
struct Header {
    columns: Columns,
    /// The day of `#Date`, for logs without a date column.
    date: Option<String>,
}

impl Header {
    /// Whether a line belongs to the header.
    fn takes(&mut self, line: &str) -> bool {
        let line = line.trim_start_matches('\u{feff}');
        if let Some(names) = fields_of(line) {
            self.columns = Columns::new(names.split_whitespace());
        } else if let Some(date) = line.strip_prefix("#Date:") {
            self.date = date.split_whitespace().next().map(str::to_owned);
        }
        line.starts_with('#')
    }
}

/// One line, whichever form it has.
struct Row<'l> {
    time: Option<Timestamp>,
    local: Option<DateTime>,
    client: &'l str,
    user: &'l str,
    computer: Option<&'l str>,
    verb: String,
    argument: String,
    status: u16,
    bytes: Option<u64>,
}

impl Row<'_> {
    fn is_outbound(&self) -> bool {
        self.user.starts_with("OutboundConnection")
    }

    fn is_smtp(&self) -> bool {
        self.is_outbound() || VERBS.contains(&self.verb.as_str())
    }
}

struct Lines {
    header: Option<Header>,
    /// Dialogues by the other host; outbound ones apart.
    open: Recent<(bool, Box<str>), Dialogue>,
}

impl LineReader for Lines {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        if line.trim().is_empty() {
            return;
        }
        if self
            .header
            .as_mut()
            .is_some_and(|header| header.takes(line))
        {
            out.passed(1);
            return;
        }
        let row = row_of(self.header.as_ref(), line);
        let told = row.and_then(|row| read(&mut self.open, &row, number, line, out));
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

/// A row of either form; the W3C form needs its header.
fn row_of<'l>(header: Option<&Header>, line: &'l str) -> Option<Row<'l>> {
    match header {
        Some(header) if header.columns.is_empty() => None,
        Some(header) => w3c(&header.columns, line, header.date.as_deref()),
        None => ncsa(line),
    }
}

/// `Some(true)` for an event, `Some(false)` for nothing that is looked for.
fn read(
    open: &mut Recent<(bool, Box<str>), Dialogue>,
    row: &Row<'_>,
    number: u32,
    line: &str,
    out: &mut Out<'_>,
) -> Option<bool> {
    let sends = row.is_outbound();
    let key = (sends, Box::from(row.client));
    if row.verb == "quit" && !sends {
        open.remove(key);
        return Some(false);
    }
    if open.get(key.clone()).is_none() {
        open.insert(key.clone(), Dialogue::default());
    }
    let dialogue = open.get(key.clone())?;
    let own = |text: &str| Some(Cow::Owned(text.to_owned()));
    let mut event = Event {
        time: row.time,
        local: row.local,
        source: own("smtpsvc"),
        computer: row.computer.and_then(own),
        direction: if sends {
            Direction::Outbound
        } else {
            Direction::Inbound
        },
        remote: own(row.client),
        address: row.client.parse().ok(),
        text: Cow::Owned(line.to_owned()),
        ..Event::at(out.place(number, number))
    };
    let outcome = if sends && row.user == "OutboundConnectionCommand" {
        if row.verb == "quit" {
            open.remove(key);
        } else {
            dialogue.command(&format!("{} {}", row.verb, row.argument));
        }
        return Some(false);
    } else if sends {
        dialogue.first_line(&row.argument)
    } else {
        // The row of a command has the status of its reply, without the text.
        dialogue.command(&format!("{} {}", row.verb, row.argument));
        if row.verb == "data" && row.status == 250 {
            dialogue.reply("354");
        }
        dialogue.reply(&row.status.to_string())
    };
    if sends {
        event.remote = dialogue.greeting.clone().map(Cow::Owned).or(event.remote);
    } else {
        event.helo = own(row.user).filter(|name| !name.is_empty() && name != "-");
    }
    if let Outcome::Taken { .. } = outcome {
        event.size = row.bytes.filter(|_| !sends);
    }
    let from_here = event.address.is_some_and(|ip| ip.is_loopback());
    Some(outcome.tell(event, from_here, out))
}

/// A row of the W3C form: blanks between, `+` for a blank within, times in UTC.
fn w3c<'l>(columns: &Columns, line: &'l str, date: Option<&str>) -> Option<Row<'l>> {
    let row: Vec<&'l str> = line.split(' ').collect();
    let value = |name: &str| columns.value(&row, name);
    let stamp = format!("{} {}", value("date").or(date)?, value("time")?);
    let utc: DateTime = stamp.parse().ok()?;
    Some(Row {
        time: utc
            .to_zoned_datetime(TimeZone::UTC)
            .ok()
            .map(|at| at.timestamp()),
        // A time in UTC says nothing of the site's wall clock.
        local: None,
        client: row.get(columns.position("c-ip")?).copied()?,
        user: columns
            .position("cs-username")
            .and_then(|at| row.get(at).copied())
            .unwrap_or_default(),
        computer: columns
            .position("s-computername")
            .and_then(|at| row.get(at).copied()),
        verb: row
            .get(columns.position("cs-method")?)?
            .to_ascii_lowercase(),
        argument: value("cs-uri-query")
            .unwrap_or_default()
            .replace('+', " ")
            .trim()
            .to_owned(),
        status: value("sc-status")
            .and_then(|status| status.parse().ok())
            .unwrap_or(0),
        bytes: value("cs-bytes").and_then(|bytes| bytes.parse().ok()),
    })
}

/// `192.0.2.1 - name [18/Jan/2011:07:33:29 +0100] "RCPT -?+TO:<a@acme.example> SMTP" 250 40`.
fn ncsa(line: &str) -> Option<Row<'_>> {
    let (front, rest) = line.split_once(" [")?;
    let (stamp, rest) = rest.split_once("] \"")?;
    let (request, tail) = rest.rsplit_once("\" ")?;
    let mut words = front.splitn(3, ' ');
    let (client, user) = (words.next()?, words.nth(1)?);
    let at = ZonedDateTime::strptime("%d/%b/%Y:%H:%M:%S %z", stamp).ok()?;
    let request = request.strip_suffix(" SMTP").unwrap_or(request);
    let (verb, argument) = request.split_once(' ').unwrap_or((request, ""));
    let argument = argument.strip_prefix("-?").unwrap_or(argument);
    let mut numbers = tail.split_whitespace();
    Some(Row {
        time: Some(at.timestamp()),
        local: Some(at.datetime()),
        client,
        user,
        computer: None,
        verb: verb.to_ascii_lowercase(),
        argument: argument.replace('+', " ").trim().to_owned(),
        status: numbers.next()?.parse().ok()?,
        bytes: numbers.next().and_then(|bytes| bytes.parse().ok()),
    })
}
