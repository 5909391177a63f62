//! Windows event logs in the containers that people bring them in: binary files, XML, tables, listings of tools.
//!
//! Each reader turns its container into [`Record`]s; what their descriptions say is read in one place for all of them
//! (`description.rs`), so the same event means the same whatever it came in.

pub(super) mod element;
mod evt;
mod evtx;
mod format;
mod json;
mod listing;
mod messages;
mod row;
mod strings;
mod table;
mod wevtutil;
mod xml;

pub(super) use format::{Binary, Lined};
pub(in crate::mail) use table::fields;

use super::log::{Unparsed, Why};
use super::reader::Format;
use super::record::Record;

/// The formats of this module, for the registry.
pub(super) const EVT: &dyn Format = &Binary::Evt;
pub(super) const EVTX: &dyn Format = &Binary::Evtx;
pub(super) const XML: &dyn Format = &Lined::Xml;
pub(super) const JSON: &dyn Format = &Lined::Json;
pub(super) const WEVTUTIL: &dyn Format = &Lined::Wevtutil;
pub(super) const CSV_2008: &dyn Format = &Lined::Table(&table::EVENT_VIEWER);
pub(super) const GET_EVENTLOG: &dyn Format = &Lined::Table(&table::GET_EVENTLOG);
pub(super) const GET_WINEVENT: &dyn Format = &Lined::Table(&table::GET_WINEVENT);
pub(super) const EVENTQUERY: &dyn Format = &Lined::Table(&table::EVENTQUERY);
pub(super) const LOGPARSER: &dyn Format = &Lined::Table(&table::LOGPARSER);
pub(super) const LIST_2003: &dyn Format = &Lined::Table(&table::LIST_EXPORT);
pub(super) const DUMPEL: &dyn Format = &Lined::Listing(&listing::DUMPEL);
pub(super) const PSLOGLIST: &dyn Format = &Lined::Listing(&listing::PSLOGLIST);

/// What a reader of lines has made of the last line.
#[derive(Debug, Default)]
struct Found {
    records: Vec<Record>,
    unparsed: Vec<Unparsed>,
    /// Lines that were understood and hold no event: headers, roots.
    passed: u64,
}

impl Found {
    fn stranger(&mut self, line: u32, text: &str, why: Why) {
        if !text.trim().is_empty() {
            self.unparsed.push(Unparsed {
                line,
                text: text.to_owned(),
                why,
            });
        }
    }
}

/// A reader that is fed line by line and keeps no more than the record it is in.
trait Lines: Send {
    /// Takes the next line.
    fn line(&mut self, number: u32, line: &str, out: &mut Found);

    /// Ends the last record.
    fn end(&mut self, out: &mut Found);
}
