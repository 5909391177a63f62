//! The door: recognise a format by its content, read the file, complete what readers leave open.

use jiff::tz::TimeZone;

use super::blocks::{Clipboard2003, Clipboard2008};
use super::decode::decode;
use super::export::{Csv2003, Text2003};
use super::model::{Event, Gap, Log, Unparsed};
use super::when::DateOrder;

/// What the caller knows about a file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Time zone of the machine that showed or exported the log.
    pub timezone: Option<TimeZone>,
    /// Order of day and month, where the dates do not tell.
    pub date_order: Option<DateOrder>,
}

/// What a reader makes of a text.
#[derive(Debug, Default)]
pub struct Sheet {
    /// The events, in file order.
    pub events: Vec<Event>,
    /// Lines that were not understood.
    pub unparsed: Vec<Unparsed>,
    /// What had to be assumed, in words.
    pub notes: Vec<String>,
}

/// A log format.
pub trait Reader: Sync {
    /// Name for `format:` arguments and reports.
    fn name(&self) -> &'static str;

    /// What it is, in one line without a full stop.
    fn summary(&self) -> &'static str;

    /// How sure it is that a text is of this format: 0 (not at all) to 100.
    fn recognise(&self, text: &str) -> u8;

    /// Reads a text. `file` is only for the places of events.
    fn read(&self, file: &str, text: &str, options: &Options) -> Sheet;
}

/// All formats.
pub static READERS: &[&dyn Reader] = &[&Clipboard2003, &Clipboard2008, &Text2003, &Csv2003];

/// A file could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The content is of no known format.
    #[error("cannot tell the format of {file}: known are {known}; name one with `format`")]
    Unrecognised {
        /// The file as named by the caller.
        file: String,
        /// Names of the formats.
        known: String,
    },
    /// The named format does not exist.
    #[error("there is no log format '{format}': known are {known}")]
    NoSuchFormat {
        /// The name that was asked for.
        format: String,
        /// Names of the formats.
        known: String,
    },
    /// The file is empty.
    #[error("{file} is empty")]
    Empty {
        /// The file as named by the caller.
        file: String,
    },
}

/// Decodes and reads a file. Without `format` the content decides.
///
/// # Errors
/// When the format is unknown, or the file is empty.
pub fn read(
    file: &str,
    bytes: &[u8],
    format: Option<&str>,
    options: &Options,
) -> Result<Log, ReadError> {
    let decoded = decode(bytes);
    if decoded.text.trim().is_empty() {
        return Err(ReadError::Empty {
            file: file.to_owned(),
        });
    }
    let known = || {
        READERS
            .iter()
            .map(|r| r.name())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let reader =
        match format {
            Some(name) => READERS.iter().find(|r| r.name() == name).ok_or_else(|| {
                ReadError::NoSuchFormat {
                    format: name.to_owned(),
                    known: known(),
                }
            })?,
            None => READERS
                .iter()
                .map(|r| (r.recognise(&decoded.text), r))
                .filter(|(score, _)| *score > 0)
                .max_by_key(|(score, _)| *score)
                .map(|(_, r)| r)
                .ok_or_else(|| ReadError::Unrecognised {
                    file: file.to_owned(),
                    known: known(),
                })?,
        };
    let mut sheet = reader.read(file, &decoded.text, options);
    if decoded.damaged {
        sheet.notes.push(format!(
            "some bytes are not valid {} and were replaced",
            decoded.encoding
        ));
    }
    Ok(Log {
        file: file.to_owned(),
        format: reader.name().to_owned(),
        encoding: decoded.encoding.to_owned(),
        gaps: gaps(&sheet.events),
        events: sheet.events,
        unparsed: sheet.unparsed,
        notes: sheet.notes,
    })
}

/// Jumps in the record numbers. A log that was filtered before it was saved has many: they say
/// that the picture is not complete, not that something was deleted.
fn gaps(events: &[Event]) -> Vec<Gap> {
    let mut numbers: Vec<u64> = events.iter().filter_map(|e| e.record).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
        .windows(2)
        .filter(|pair| pair[1] - pair[0] > 1)
        .map(|pair| Gap {
            after: pair[0],
            before: pair[1],
        })
        .collect()
}
