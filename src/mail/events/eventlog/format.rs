//! The containers as formats: how each is recognised, and what feeds its reader.

use super::evtx::Piece;
use super::messages::{self, Insertions};
use super::{Found, Lines, element, evt, evtx, json, listing, table, wevtutil, xml};
use crate::mail::events::log::Why;
use crate::mail::events::reader::{ByteReader, Format, Head, LineReader, Options, Out, Reader};
use crate::mail::events::record::{Record, Records};

/// Containers that are text.
#[derive(Debug)]
pub(in super::super) enum Lined {
    Xml,
    Json,
    Wevtutil,
    Table(&'static table::Tool),
    Listing(&'static listing::Tool),
}

impl Format for Lined {
    fn name(&self) -> &'static str {
        match self {
            Self::Xml => "eventlog-xml",
            Self::Json => "eventlog-json",
            Self::Wevtutil => "wevtutil-text",
            Self::Table(tool) => tool.name,
            Self::Listing(tool) => tool.name,
        }
    }

    fn summary(&self) -> &'static str {
        match self {
            Self::Xml => "events as XML: wevtutil /f:xml, or a log saved as XML",
            Self::Json => "Get-EventLog or Get-WinEvent piped to ConvertTo-Json",
            Self::Wevtutil => "events as text by wevtutil /f:text",
            Self::Table(tool) => tool.summary,
            Self::Listing(tool) => tool.summary,
        }
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        match self {
            Self::Xml => xml::score(head.text),
            Self::Json => json::score(head.text),
            Self::Wevtutil => wevtutil::score(head.text),
            Self::Table(tool) => table::score(tool, head.text),
            Self::Listing(tool) => listing::score(tool, head.text),
        }
    }

    fn reader(&self, options: &Options) -> Reader {
        let lines: Box<dyn Lines> = match self {
            Self::Xml => Box::<xml::Elements>::default(),
            Self::Json => Box::<json::Objects>::default(),
            Self::Wevtutil => Box::<wevtutil::Blocks>::default(),
            Self::Table(tool) => Box::new(table::Table::new(tool)),
            Self::Listing(tool) => Box::new(listing::Listing::new(tool)),
        };
        Reader::Lines(Box::new(Feed {
            lines,
            found: Found::default(),
            records: Records::new(options),
        }))
    }
}

/// Feeds a reader of lines and hands on what it finds.
struct Feed {
    lines: Box<dyn Lines>,
    found: Found,
    records: Records,
}

impl Feed {
    fn hand_on(&mut self, out: &mut Out<'_>) {
        for record in self.found.records.drain(..) {
            self.records.push(record, out);
        }
        for line in self.found.unparsed.drain(..) {
            out.unparsed(line.line, &line.text, line.why);
        }
        out.passed(std::mem::take(&mut self.found.passed));
    }
}

impl LineReader for Feed {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        self.lines.line(number, line, &mut self.found);
        self.hand_on(out);
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.lines.end(&mut self.found);
        self.hand_on(out);
        self.records.end(out);
    }
}

/// Containers that are binary.
#[derive(Debug)]
pub(in super::super) enum Binary {
    Evt,
    Evtx,
}

impl Format for Binary {
    fn name(&self) -> &'static str {
        match self {
            Self::Evt => "eventlog-evt",
            Self::Evtx => "eventlog-evtx",
        }
    }

    fn summary(&self) -> &'static str {
        match self {
            Self::Evt => "binary event log (.evt) of Windows NT, 2000 and 2003",
            Self::Evtx => "binary event log (.evtx) of Server 2008 and later",
        }
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        let ours = match self {
            Self::Evt => evt::is_evt(head.bytes),
            Self::Evtx => evtx::is_evtx(head.bytes),
        };
        if ours { 100 } else { 0 }
    }

    fn reader(&self, options: &Options) -> Reader {
        let records = Records::new(options);
        Reader::Bytes(match self {
            Self::Evt => Box::new(Ring {
                bytes: Vec::new(),
                cut: false,
                records,
            }),
            Self::Evtx => Box::new(Chunks {
                pending: Vec::new(),
                header: true,
                ordinal: 0,
                records,
            }),
        })
    }
}

/// Bytes of an `.evt` file that are read, at most. Such logs were limited to some 300 MB in all; the ring has to be in
/// memory, as its beginning is found at its end.
const LARGEST: usize = 512 << 20;

/// An `.evt` file: a ring, which can only be read as a whole.
struct Ring {
    bytes: Vec<u8>,
    cut: bool,
    records: Records,
}

impl ByteReader for Ring {
    fn bytes(&mut self, bytes: &[u8], _: &mut Out<'_>) {
        let room = LARGEST.saturating_sub(self.bytes.len());
        self.cut |= bytes.len() > room;
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self, out: &mut Out<'_>) {
        let bytes = std::mem::take(&mut self.bytes);
        let ring = evt::scan(&bytes);
        if self.cut {
            let text = format!("the file is longer than {} MiB; the rest", LARGEST >> 20);
            out.unparsed(0, &text, Why::BeyondLimit);
        }
        if !evt::is_evt(&bytes) {
            let text =
                "the file does not begin like an event log; readable records were looked for";
            out.unparsed(0, text, Why::Malformed);
        }
        for (number, at) in &ring.records {
            match evt::record(&bytes, *at) {
                Some(raw) => self.records.push(record_of(raw), out),
                None => {
                    let text =
                        format!("record {number} at byte {at}: its parts point outside of it");
                    out.unparsed(*number, &text, Why::Malformed);
                }
            }
        }
        for at in &ring.broken {
            let text = format!("at byte {at}: a record that is cut or overwritten");
            out.unparsed(0, &text, Why::Malformed);
        }
        for note in ring.notes {
            out.note(note);
        }
        if ring.recovered > 0 {
            out.note(format!(
                "{} events older than the log's own oldest were still readable in its unused part; they were taken",
                ring.recovered
            ));
        }
        if ring.leftover > 0 {
            out.note(format!(
                "{} readable records are left from before the log was cleared; they were not taken",
                ring.leftover
            ));
        }
        self.records.end(out);
    }
}

fn record_of(raw: evt::Raw) -> Record {
    let insertions = Insertions {
        strings: raw.strings,
        named: Vec::new(),
    };
    Record {
        first: raw.number,
        last: raw.number,
        exact: raw.generated,
        number: Some(u64::from(raw.number)),
        id: Some(raw.id),
        kind: Some(raw.kind.to_owned()),
        category: messages::category(&raw.source, raw.category),
        computer: Some(raw.computer),
        description: messages::render(&raw.source, raw.id, &insertions),
        source: Some(raw.source),
        strings: insertions.strings,
        ..Record::default()
    }
}

/// An `.evtx` file: a header, then chunks that stand for themselves.
struct Chunks {
    pending: Vec<u8>,
    header: bool,
    ordinal: u32,
    records: Records,
}

impl Chunks {
    fn chunk(&mut self, chunk: &[u8], out: &mut Out<'_>) {
        let ordinal = self.ordinal;
        self.ordinal = self.ordinal.saturating_add(1);
        for piece in evtx::chunk(chunk) {
            match piece {
                Piece::Event(xml) => {
                    let element = element::read(&xml);
                    let place = element.number().unwrap_or(0);
                    if !element.is_usable() {
                        out.unparsed(
                            place,
                            &format!("chunk {ordinal}: an event without a source"),
                            Why::Malformed,
                        );
                        continue;
                    }
                    let mut record = Record {
                        first: place,
                        last: place,
                        ..Record::default()
                    };
                    element.take(&mut record);
                    self.records.push(record, out);
                }
                Piece::Damaged(what) => {
                    out.unparsed(0, &format!("chunk {ordinal}: {what}"), Why::Malformed);
                }
            }
        }
    }
}

impl ByteReader for Chunks {
    fn bytes(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        let mut rest = bytes;
        loop {
            let wanted = if self.header {
                evtx::HEADER
            } else {
                evtx::CHUNK
            };
            let take = rest.len().min(wanted - self.pending.len());
            self.pending.extend_from_slice(&rest[..take]);
            rest = &rest[take..];
            if self.pending.len() < wanted {
                return;
            }
            let piece = std::mem::take(&mut self.pending);
            if self.header {
                self.header = false;
                for note in evtx::header_notes(&piece) {
                    out.note(note);
                }
            } else {
                self.chunk(&piece, out);
            }
        }
    }

    fn end(&mut self, out: &mut Out<'_>) {
        let rest = std::mem::take(&mut self.pending);
        if self.header {
            out.unparsed(0, "the file ends within its header", Why::Malformed);
        } else {
            self.chunk(&rest, out);
        }
        self.records.end(out);
    }
}
