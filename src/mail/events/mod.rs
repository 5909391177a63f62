//! Events of mail servers: one model, and readers for what administrators can get hold of.
//!
//! # How a file is read
//!
//! The caller opens files and pushes their bytes in pieces into an [`Intake`]. It decodes them (UTF-8, UTF-16, Windows-1252),
//! recognises the format by the first 64 KiB, never by a name, and feeds the format's reader line by line (or the bytes, for
//! binary formats). The reader hands each [`Event`] to a [`Sink`] as soon as it is complete: events borrow their texts from
//! the line, so a log of gigabytes needs no more memory than a small one. How the file went is told by its [`Log`]: records,
//! span, time zone, gaps, what was passed over, and what was not understood, with its place. Nothing is dropped.
//!
//! # To add a format
//!
//! A file with a [`Format`] and its [`LineReader`] or [`ByteReader`], and a line in [`FORMATS`]. Records of Windows event
//! logs go through `Records`, which completes times and reads Exchange's descriptions.

mod blocks;
mod decode;
mod description;
mod duplicates;
mod eventlog;
mod export;
mod formats;
mod intake;
mod level;
mod log;
mod model;
mod reader;
mod record;
#[cfg(test)]
mod tests;
mod when;

pub use decode::LONGEST;
pub use description::normalize_address;
pub use duplicates::Duplicates;
pub(in crate::mail) use eventlog::fields;
pub use formats::{FORMATS, ReadError};
pub use intake::{Collected, Intake, beginning, read};
pub use log::{Gap, Log, Unparsed, Why, Zone};
pub use model::{Direction, Event, Place, What};
pub use reader::{
    ByteReader, Format, Head, LineReader, Open, Options, Out, Reader, Sink, Unfinished,
};
pub(in crate::mail) use reader::{span_of, taken};
pub use when::DateOrder;
