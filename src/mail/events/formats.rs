//! The registry of formats, and how one is found for a file.

use super::blocks::{Clipboard2003, Clipboard2008};
use super::eventlog;
use super::export::{Csv2003, Text2003};
use super::reader::{Format, Head};
use crate::mail::bounces::Mail;
use crate::mail::logs::{Exim, IisSmtp, Postfix, ProtocolLog, Sendmail, Tracking, Tracking2003};
use crate::mail::reports::ReportFile;

/// All formats.
pub static FORMATS: &[&dyn Format] = &[
    eventlog::EVT,
    eventlog::EVTX,
    eventlog::XML,
    eventlog::JSON,
    eventlog::WEVTUTIL,
    eventlog::CSV_2008,
    eventlog::GET_EVENTLOG,
    eventlog::GET_WINEVENT,
    eventlog::EVENTQUERY,
    eventlog::LOGPARSER,
    eventlog::LIST_2003,
    eventlog::DUMPEL,
    eventlog::PSLOGLIST,
    &Clipboard2003,
    &Clipboard2008,
    &Text2003,
    &Csv2003,
    &Postfix,
    &Exim,
    &Sendmail,
    &Tracking,
    &Tracking2003,
    &ProtocolLog,
    &IisSmtp::W3c,
    &IisSmtp::Ncsa,
    &Mail,
    &ReportFile::Dmarc,
    &ReportFile::Tls,
];

/// A file could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The content is of no known format.
    #[error(
        "cannot tell the format of {file}: its beginning is of none that is known; name one with `format`"
    )]
    Unrecognised {
        /// The file as named by the caller.
        file: String,
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

/// The format of that name.
///
/// # Errors
/// When there is none.
pub(super) fn named(name: &str) -> Result<&'static dyn Format, ReadError> {
    let found = FORMATS.iter().find(|format| format.name() == name);
    found.copied().ok_or_else(|| ReadError::NoSuchFormat {
        format: name.to_owned(),
        known: known(),
    })
}

/// The format that is surest of the beginning of a file.
///
/// # Errors
/// When none is.
pub(super) fn recognised(file: &str, head: &Head<'_>) -> Result<&'static dyn Format, ReadError> {
    FORMATS
        .iter()
        .map(|format| (format.recognise(head), *format))
        .filter(|(score, _)| *score > 0)
        .max_by_key(|(score, _)| *score)
        .map(|(_, format)| format)
        .ok_or_else(|| ReadError::Unrecognised {
            file: file.to_owned(),
        })
}

fn known() -> String {
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
    names.join(", ")
}
