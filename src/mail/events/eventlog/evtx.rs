//! The binary log of Vista and later (`.evtx`), one 64 KiB chunk at a time.
//!
//! The `evtx` crate reads the chunks. They are fed to it one by one, so memory stays at one chunk, and a chunk that is
//! damaged costs its own records and no others. The header's count of chunks is not believed: a log that was copied from a
//! running server has more.

use std::sync::Arc;

use evtx::{EvtxChunkData, ParserSettings};

use crate::error_chain::chain;

/// `ElfFile`, `ElfChnk`, each with its zero.
const FILE_MARK: &[u8; 8] = b"ElfFile\0";
const CHUNK_MARK: &[u8; 8] = b"ElfChnk\0";

/// Length of the file's header and of a chunk.
pub(in super::super) const HEADER: usize = 4096;
pub(in super::super) const CHUNK: usize = 65_536;

/// Whether bytes begin like such a file.
pub(in super::super) fn is_evtx(bytes: &[u8]) -> bool {
    bytes.starts_with(FILE_MARK)
}

/// What the header says: flags at 0x78, 1 for dirty and 2 for full.
pub(in super::super) fn header_notes(header: &[u8]) -> Vec<String> {
    let flags = header.get(0x78).copied().unwrap_or(0);
    let mut notes = Vec::new();
    if flags & 1 != 0 {
        notes.push(
            "the log was copied while it was in use; its last events may be missing".to_owned(),
        );
    }
    if flags & 2 != 0 {
        notes.push("the log was full: events may be lost".to_owned());
    }
    notes
}

/// What a chunk gave.
#[derive(Debug)]
pub(in super::super) enum Piece {
    /// A record as XML: an `<Event>` element.
    Event(String),
    /// Something that cannot be read, in words.
    Damaged(String),
}

/// Reads one chunk. A short last chunk counts as one that was cut. An unused chunk gives nothing.
pub(in super::super) fn chunk(bytes: &[u8]) -> Vec<Piece> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Vec::new();
    }
    if !bytes.starts_with(CHUNK_MARK) {
        return vec![Piece::Damaged("a chunk without its mark".to_owned())];
    }
    let mut pieces = Vec::new();
    if bytes.len() < CHUNK {
        pieces.push(Piece::Damaged(format!(
            "the last chunk is cut after {} of {CHUNK} bytes",
            bytes.len()
        )));
    }
    let mut whole = bytes.to_vec();
    whole.resize(CHUNK, 0);
    let mut data = match EvtxChunkData::new(whole, false) {
        Ok(data) => data,
        Err(error) => {
            pieces.push(Piece::Damaged(format!("a chunk: {error}")));
            return pieces;
        }
    };
    // A dirty log's last chunk often has old sums; its records are tried all the same.
    if bytes.len() == CHUNK && !data.validate_checksum() {
        pieces.push(Piece::Damaged(
            "a chunk with a wrong checksum; its readable records were taken".to_owned(),
        ));
    }
    match data.parse(Arc::new(ParserSettings::default())) {
        Ok(mut chunk) => pieces.extend(chunk.iter().map(|record| {
            let read = record.and_then(evtx::EvtxRecord::into_xml);
            match read {
                Ok(record) => Piece::Event(record.data),
                Err(error) => Piece::Damaged(format!("a record: {}", chain(&error))),
            }
        })),
        Err(error) => pieces.push(Piece::Damaged(format!("a chunk: {error}"))),
    }
    pieces
}
