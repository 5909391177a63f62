//! Reports that receivers send about a domain: DMARC aggregate reports (RFC 9990), complaints (ARF, RFC 5965) and TLS
//! reports (RFC 8460). They come as messages, or as the XML and JSON files that were attached to them.

mod arf;
mod dmarc;
#[cfg(test)]
mod tests;
mod tls;

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use mail_auth::report::Error;
use mail_auth::report::tlsrpt::TlsReport;
use mail_parser::{Message, MessagePart, MimeHeaders};

use crate::mail::events::{Event, Format, Head, LineReader, Options, Out, Reader, Why, Zone};

/// The largest report that is looked into, unpacked, in bytes.
const LARGEST: usize = 16 << 20;

/// The reports in a message. `None` when it carries none.
///
/// # Errors
/// When it carries one that cannot be read: why.
pub(in crate::mail) fn attached(
    message: &Message<'_>,
    raw: &[u8],
    about: &Event<'static>,
) -> Result<Option<Vec<Event<'static>>>, String> {
    let is = |kind: &str, sub: &str| {
        message
            .parts
            .iter()
            .any(|part| part.is_content_type(kind, sub))
    };
    if is("message", "feedback-report") {
        return arf::read(raw, about).map(Some).map_err(words);
    }
    if ["tlsrpt+gzip", "tlsrpt+zip", "tlsrpt+json"]
        .iter()
        .any(|sub| is("application", sub))
    {
        let report = TlsReport::parse_rfc5322(raw, LARGEST).map_err(words)?;
        return Ok(Some(tls::events(&report, about)));
    }
    if !message.parts.iter().any(is_aggregate) {
        return Ok(None);
    }
    let report = mail_auth::report::Report::parse_rfc5322(raw, LARGEST).map_err(words)?;
    Ok(Some(dmarc::events(&report, about)))
}

/// An attachment by the name that RFC 9990 prescribes: `receiver!domain!begin!end.xml.gz`.
fn is_aggregate(part: &MessagePart<'_>) -> bool {
    let name = part.attachment_name().unwrap_or_default();
    let ending = [".xml", ".gz", ".zip"]
        .iter()
        .any(|ending| name.to_ascii_lowercase().ends_with(ending));
    ending && name.matches('!').count() >= 3
}

fn words(error: Error) -> String {
    match error {
        Error::MailParseError => "the message is damaged".to_owned(),
        Error::ReportParseError(why) => why.trim_end_matches('.').to_owned(),
        Error::UncompressError(why) => format!("it cannot be unpacked: {why}"),
        Error::ReportTooLarge => format!("it unpacks to more than {} MiB", LARGEST >> 20),
        Error::NoReportsFound => "the message carries no report".to_owned(),
    }
}

/// Reports as files of their own.
pub(in crate::mail) enum ReportFile {
    /// XML of a DMARC aggregate report.
    Dmarc,
    /// JSON of a TLS report.
    Tls,
}

impl Format for ReportFile {
    fn name(&self) -> &'static str {
        match self {
            Self::Dmarc => "dmarc-report",
            Self::Tls => "tls-report",
        }
    }

    fn summary(&self) -> &'static str {
        match self {
            Self::Dmarc => "DMARC aggregate report, as XML",
            Self::Tls => "TLS report (TLS-RPT), as JSON",
        }
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        let text = head.text.trim_start_matches('\u{feff}').trim_start();
        let ours = match self {
            Self::Dmarc => {
                text.starts_with('<')
                    && text.contains("<feedback")
                    && text.contains("<report_metadata")
            }
            Self::Tls => {
                text.starts_with('{')
                    && text.contains("\"policies\"")
                    && text.contains("\"date-range\"")
            }
        };
        if ours { 95 } else { 0 }
    }

    fn reader(&self, _: &Options) -> Reader {
        let parse = match self {
            Self::Dmarc => dmarc_file,
            Self::Tls => tls_file,
        };
        Reader::Lines(Box::new(Whole {
            parse,
            text: String::new(),
            begins: (0, String::new()),
            last: 0,
            beyond: 0,
        }))
    }
}

type Parse = fn(&str, &Event<'static>) -> Result<Vec<Event<'static>>, String>;

fn dmarc_file(text: &str, about: &Event<'static>) -> Result<Vec<Event<'static>>, String> {
    let report = mail_auth::report::Report::parse_xml(text.as_bytes())?;
    // The parser takes an end of the file for the end of the report.
    if !text.trim_end().ends_with("feedback>") {
        return Err("it breaks off".to_owned());
    }
    Ok(dmarc::events(&report, about))
}

fn tls_file(text: &str, about: &Event<'static>) -> Result<Vec<Event<'static>>, String> {
    let report = TlsReport::parse_json(text.as_bytes()).map_err(words)?;
    Ok(tls::events(&report, about))
}

/// Such a file makes sense as a whole only.
struct Whole {
    parse: Parse,
    text: String,
    /// The first line that is not blank.
    begins: (u32, String),
    last: u32,
    /// Lines beyond what is looked into.
    beyond: u64,
}

impl LineReader for Whole {
    fn line(&mut self, number: u32, line: &str, _: &mut Out<'_>) {
        self.last = number;
        if self.begins.1.is_empty() {
            self.begins = (number, line.trim().to_owned());
        }
        if self.text.len() + line.len() > LARGEST {
            self.beyond += 1;
        } else {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    fn end(&mut self, out: &mut Out<'_>) {
        out.zone(Zone::Stated);
        let about = Event::at(out.place(1, self.last));
        let why = if self.beyond > 0 {
            Why::BeyondLimit
        } else {
            Why::Malformed
        };
        let filled = self.text.lines().filter(|line| !line.trim().is_empty());
        let lines = filled.count() as u64 + self.beyond;
        match (self.parse)(&self.text, &about) {
            Ok(events) if events.is_empty() => out.passed(lines),
            Ok(events) => events.iter().for_each(|event| out.event(event)),
            Err(error) => {
                out.unparsed(self.begins.0, &self.begins.1, why);
                out.passed(lines.saturating_sub(1));
                out.note(format!("the report cannot be read: {error}"));
            }
        }
    }
}

/// Seconds since 1970 as a moment.
fn moment(seconds: impl TryInto<i64>) -> Option<Timestamp> {
    let seconds = seconds.try_into().ok()?;
    Timestamp::from_second(seconds).ok()
}

fn own(text: &str) -> Option<Cow<'static, str>> {
    let text = text.trim();
    (!text.is_empty()).then(|| Cow::Owned(text.to_owned()))
}

/// `, key value` where there is a value.
fn add(text: &mut String, key: &str, value: &str) {
    if !value.trim().is_empty() {
        let _ = write!(text, ", {key} {}", value.trim());
    }
}
