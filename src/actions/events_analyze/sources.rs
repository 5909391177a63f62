//! The logs of an analysis: read one after the other, and how each of them went.

use std::io::Read;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::files::{self, Archives, Found, PIECE};
use super::kept::Kept;
use crate::actions::{ActionError, Context};
use crate::mail::events::{Gap, Intake, Log, Options, ReadError, Sink, Unfinished, Zone};

/// Bytes that a file may hold, unpacked: 64 GiB. Memory stays flat in any case; this bounds the time.
const LARGEST: u64 = 64 << 30;

/// What is to be read.
pub(super) struct Request {
    pub(super) files: Vec<String>,
    pub(super) format: Option<String>,
    pub(super) options: Options,
}

impl Request {
    /// A format that does not exist is told once, before any file is opened.
    pub(super) fn check(&self) -> Result<(), ActionError> {
        let named = Intake::new("", self.format.as_deref(), &self.options);
        named.map_err(|error| ActionError::new(error.to_string()))?;
        Ok(())
    }
}

/// How one file went.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Source {
    pub(super) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    lines: u64,
    records: u64,
    pub(super) noise: u64,
    /// Lines that were understood and tell nothing that is looked for.
    passed: u64,
    /// Lines that were not understood.
    unparsed: u64,
    /// The first of them, with their numbers.
    unparsed_lines: Vec<String>,
    span: Option<Span>,
    /// How the time zone is known.
    zone: Option<Zone>,
    gaps: Vec<Gap>,
    notes: Vec<String>,
    /// Why it could not be read, or not to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// It is empty or of no known format: whole folders hold such files beside the logs.
    #[serde(skip)]
    pub(super) stranger: bool,
}

#[derive(Debug, Clone, Serialize)]
struct Span {
    first: Timestamp,
    last: Timestamp,
}

/// How times are to be understood.
pub(super) fn options(context: &Context<'_>) -> Result<Options, ActionError> {
    let name = context
        .args
        .text("timezone")?
        .or_else(|| context.site.timezone.clone());
    let timezone = name
        .filter(|name| !name.is_empty())
        .map(|name| {
            TimeZone::get(&name).map_err(|error| {
                ActionError::because(
                    format!(
                        "cannot use the time zone '{name}': give an IANA name such as Europe/Rome"
                    ),
                    error,
                )
            })
        })
        .transpose()?;
    Ok(Options {
        timezone,
        date_order: None,
        until: Some(context.now()),
    })
}

/// Reads all files into one count: in the order in which they were written, so that what begins in one file and ends in the
/// next is joined. A file that cannot be read or understood is a source with an error, not the end.
pub(super) fn read_all(request: &Request, kept: &mut Kept) -> Result<Vec<Source>, ActionError> {
    let mut unfinished = Unfinished::default();
    let mut archives = Archives::default();
    let mut sources = Vec::new();
    let files = files::found(request, &mut archives)?;
    for (file, repeated_from) in files.iter().zip(repeated_from(&files)) {
        kept.duplicates.may_come_again(repeated_from);
        let source = match &file.error {
            Some(error) => Source::failed(&file.name, error.clone()),
            None => archives
                .unpacked(file, |bytes| {
                    let stream = Stream {
                        format: request.format.as_deref(),
                        options: &file.options,
                    };
                    stream.read(&file.name, bytes, &mut unfinished, kept)
                })
                .unwrap_or_else(|error| Source::failed(&file.name, error)),
        };
        sources.push((file.given, source));
    }
    // Reported as they were given.
    sources.sort_by_key(|(given, _)| *given);
    Ok(sources.into_iter().map(|(_, source)| source).collect())
}

/// For each file, from when on those after it may repeat what it tells: from the beginning of the earliest of them; a file that
/// tells no beginning may repeat anything.
fn repeated_from(files: &[Found]) -> Vec<Option<Timestamp>> {
    let mut earliest: Option<Timestamp> = None;
    let mut from: Vec<_> = (files.iter().rev())
        .map(|file| {
            let begins = file.span.map_or(Timestamp::MIN, |(first, _)| first);
            let readable = file.error.is_none().then_some(begins);
            let later = earliest;
            earliest = earliest.into_iter().chain(readable).min();
            later
        })
        .collect();
    from.reverse();
    from
}

/// How the bytes of a file are to be understood.
struct Stream<'s> {
    format: Option<&'s str>,
    options: &'s Options,
}

impl Stream<'_> {
    /// Reads unpacked bytes to their end, or to where they break off.
    fn read(
        &self,
        shown: &str,
        bytes: &mut dyn Read,
        unfinished: &mut Unfinished,
        sink: &mut dyn Sink,
    ) -> Source {
        match self.log(shown, bytes, unfinished, sink) {
            Ok((log, error)) => Source {
                error,
                ..source(&log)
            },
            Err(unread) => Source {
                stranger: unread.stranger,
                ..Source::failed(shown, unread.why)
            },
        }
    }

    fn log(
        &self,
        shown: &str,
        bytes: &mut dyn Read,
        unfinished: &mut Unfinished,
        sink: &mut dyn Sink,
    ) -> Result<(Log, Option<String>), Unread> {
        let mut intake = Intake::new(shown, self.format, self.options)?.joined(unfinished);
        let mut piece = vec![0; PIECE];
        let mut total = 0_u64;
        let mut early = None;
        loop {
            match bytes.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    total += read as u64;
                    intake.push(&piece[..read], sink)?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    early = Some(format!(
                        "{shown} breaks off after {total} bytes: {error}; what stands before is counted"
                    ));
                    break;
                }
            }
            if total > LARGEST {
                early = Some(format!(
                    "{shown} holds more than {} GiB: the rest was not read",
                    LARGEST >> 30
                ));
                break;
            }
        }
        let log = intake.finish(sink).map_err(|error| match early.clone() {
            Some(why) => Unread {
                why,
                stranger: false,
            },
            None => error.into(),
        })?;
        Ok((log, early))
    }
}

/// Nothing was read of a file.
struct Unread {
    why: String,
    stranger: bool,
}

impl From<ReadError> for Unread {
    fn from(error: ReadError) -> Self {
        let stranger = matches!(
            error,
            ReadError::Unrecognised { .. } | ReadError::Empty { .. }
        );
        Self {
            why: error.to_string(),
            stranger,
        }
    }
}

impl Source {
    fn failed(file: &str, error: String) -> Self {
        Self {
            file: file.to_owned(),
            error: Some(error),
            ..Self::default()
        }
    }
}

fn source(log: &Log) -> Source {
    let mut notes = log.notes.clone();
    if !log.strangers.is_empty() {
        let named: Vec<String> = log
            .strangers
            .iter()
            .map(|(program, lines)| format!("{program} {lines}"))
            .collect();
        notes.push(format!(
            "lines of other programs were passed over: {}",
            named.join(", ")
        ));
    }
    Source {
        file: log.file.clone(),
        format: Some(log.format.clone()),
        encoding: Some(log.encoding.clone()).filter(|name| !name.is_empty()),
        lines: log.lines,
        records: log.records,
        noise: log.noise,
        passed: log.passed,
        unparsed: log.unparsed,
        unparsed_lines: log
            .samples
            .iter()
            .take(10)
            .map(|line| {
                format!(
                    "{}: {}",
                    line.line,
                    line.text.trim().chars().take(120).collect::<String>()
                )
            })
            .collect(),
        span: log.span.map(|(first, last)| Span { first, last }),
        zone: Some(log.zone),
        gaps: log.gaps.iter().take(100).cloned().collect(),
        notes,
        error: None,
        stranger: false,
    }
}
