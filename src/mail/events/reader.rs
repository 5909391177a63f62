//! What a log format is: recognised by the beginning of a file, then read piece by piece.
//!
//! To add a format: a unit struct that implements [`Format`], a reader of its own that implements [`LineReader`] (text) or
//! [`ByteReader`] (binary), and a line in [`FORMATS`](super::FORMATS). A reader gives each event to [`Out`] as soon as it is
//! complete and keeps no more than a bounded state; whatever it does not understand goes to [`Out::unparsed`], what it
//! understands and nobody needs to [`Out::passed`] or [`Out::stranger`].

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::log::{Log, Unparsed, Why, Zone};
use super::model::{Event, Place};
use super::when::DateOrder;

/// What the caller knows about a file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Time zone of the machine that wrote, showed or exported the log.
    pub timezone: Option<TimeZone>,
    /// Order of day and month, where the dates do not tell.
    pub date_order: Option<DateOrder>,
    /// No record is later than this: when the file was changed last, or now. Dates without a year take theirs from it.
    pub until: Option<Timestamp>,
}

/// The beginning of a file, by which its format is recognised.
#[derive(Debug, Clone, Copy)]
pub struct Head<'h> {
    /// The first bytes, 64 KiB at most.
    pub bytes: &'h [u8],
    /// The same as text; the last line may be cut.
    pub text: &'h str,
}

/// A log format.
pub trait Format: Sync {
    /// Name for `format:` arguments and reports.
    fn name(&self) -> &'static str;

    /// What it is, in one line without a full stop.
    fn summary(&self) -> &'static str;

    /// How sure it is that a file is of this format: 0 (not at all) to 100. Only the content decides, never a name.
    fn recognise(&self, head: &Head<'_>) -> u8;

    /// When the first and the last line of the beginning were written, for formats of which one file goes on where another
    /// ends: messages and sessions are joined over both. `None` for all others, and where no line tells.
    fn span(&self, _head: &Head<'_>, _options: &Options) -> Option<(Timestamp, Timestamp)> {
        None
    }

    /// A reader for one file.
    fn reader(&self, options: &Options) -> Reader;
}

/// A reader by what it takes.
pub enum Reader {
    /// Decoded lines.
    Lines(Box<dyn LineReader>),
    /// Bytes as they stand in the file.
    Bytes(Box<dyn ByteReader>),
}

/// Reads a text file line by line.
pub trait LineReader: Send {
    /// The next line, without its end. `number` counts from 1.
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>);

    /// The file has ended: what is pending goes out now.
    fn end(&mut self, out: &mut Out<'_>);

    /// After the end: messages and sessions that may go on in the next file of the same log.
    fn leave(&mut self) -> Option<Open> {
        None
    }

    /// Before the first line: what the file before had left.
    fn take_over(&mut self, _open: Open) {}
}

/// What is open at the end of a file: known to the reader that left it.
pub type Open = Box<dyn Any + Send>;

/// The first and the last of the times of lines.
pub(in crate::mail) fn span_of(
    mut times: impl Iterator<Item = Timestamp>,
) -> Option<(Timestamp, Timestamp)> {
    let first = times.next()?;
    Some((first, times.last().unwrap_or(first)))
}

/// What a reader of the same format had left.
pub(in crate::mail) fn taken<T: 'static>(open: Open) -> Option<T> {
    open.downcast().ok().map(|open| *open)
}

/// What is open at the ends of files, by format. Files that are read one after the other, in the order of their beginnings,
/// are joined by it.
#[derive(Default)]
pub struct Unfinished(HashMap<&'static str, Open>);

impl Unfinished {
    pub(super) fn take(&mut self, format: &dyn Format) -> Option<Open> {
        self.0.remove(format.name())
    }

    pub(super) fn put(&mut self, format: &dyn Format, open: Option<Open>) {
        if let Some(open) = open {
            self.0.insert(format.name(), open);
        }
    }
}

/// Reads a binary file piece by piece.
pub trait ByteReader: Send {
    /// The next bytes; where they are cut means nothing.
    fn bytes(&mut self, bytes: &[u8], out: &mut Out<'_>);

    /// The file has ended.
    fn end(&mut self, out: &mut Out<'_>);
}

/// Takes events as they are found. Whoever keeps some must bound them.
pub trait Sink {
    /// A file begins, which is of this format; the events that follow are its.
    fn begins(&mut self, _format: &'static str) {}

    /// The next event.
    fn event(&mut self, event: &Event<'_>);

    /// A line that was not understood. It is counted in the [`Log`] already.
    fn unparsed(&mut self, _line: &Unparsed) {}
}

/// Where a reader puts what it finds in one file.
pub struct Out<'o> {
    pub(super) file: &'o Arc<str>,
    pub(super) log: &'o mut Log,
    pub(super) sink: &'o mut dyn Sink,
}

impl Out<'_> {
    /// The place of lines of this file.
    pub fn place(&self, first: u32, last: u32) -> Place {
        Place {
            file: Arc::clone(self.file),
            first,
            last,
        }
    }

    /// Hands an event on.
    pub fn event(&mut self, event: &Event<'_>) {
        self.log.seen(event);
        self.sink.event(event);
    }

    /// A line that was not understood.
    pub fn unparsed(&mut self, line: u32, text: &str, why: Why) {
        self.log.not_understood(line, text, why);
        let text = text.to_owned();
        self.sink.unparsed(&Unparsed { line, text, why });
    }

    /// Lines that were understood and tell nothing that is looked for.
    pub fn passed(&mut self, lines: u64) {
        self.log.passed += lines;
    }

    /// What became of a line: it was an event (`Some(true)`), tells nothing that is looked for (`Some(false)`), or was not
    /// understood.
    pub fn settle(&mut self, number: u32, line: &str, told: Option<bool>) {
        match told {
            Some(true) => {}
            Some(false) => self.passed(1),
            None => self.unparsed(number, line, Why::Malformed),
        }
    }

    /// A line of another program that writes into the same log.
    pub fn stranger(&mut self, program: &str) {
        self.log.passed += 1;
        if let Some(count) = self.log.strangers.get_mut(program) {
            *count += 1;
        } else if self.log.strangers.len() < 50 && program.len() <= 64 {
            self.log.strangers.insert(program.to_owned(), 1);
        } else {
            *self.log.strangers.entry("others".to_owned()).or_insert(0) += 1;
        }
    }

    /// Something that had to be assumed, in words. Said once.
    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if self.log.notes.len() < 100 && !self.log.notes.contains(&text) {
            self.log.notes.push(text);
        }
    }

    /// How the time zone of the log is known.
    pub fn zone(&mut self, zone: Zone) {
        self.log.zone = zone;
    }
}
