//! The binary log of Server 2003, written by its layout.

use super::{COMPUTER, Entry, Incident};

const MARK: u32 = 0x654c_664c;

/// How the file comes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Closed properly.
    Clean,
    /// Copied from a running server: the header names an end that is long past.
    Stale,
    /// Full once around: the newest records overwrite the oldest, one of them across the end of the file.
    Wrapped,
}

fn words(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect()
}

/// One record.
pub(crate) fn record(entry: &Entry) -> Vec<u8> {
    let mut body = [wide(entry.source), wide(COMPUTER)].concat();
    while body.len() % 4 != 0 {
        body.push(0);
    }
    // S-1-5-18
    let sid: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    let sid_at = 56 + body.len();
    body.extend(sid);
    let strings_at = 56 + body.len();
    for string in &entry.strings {
        body.extend(wide(string));
    }
    let data = [0x5c, 0x1b, 0x04, 0xc0];
    let data_at = 56 + body.len();
    body.extend(data);
    while body.len() % 4 != 0 {
        body.push(0);
    }
    let length = u32::try_from(56 + body.len() + 4).unwrap();
    let seconds = u32::try_from(entry.time.as_second()).unwrap();
    let at = |place: usize| u32::try_from(place).unwrap();
    let kinds = u32::from(entry.kind) | u32::try_from(entry.strings.len()).unwrap() << 16;
    let mut out = words(&[
        length,
        MARK,
        entry.number,
        seconds,
        seconds,
        entry.qualifiers() << 16 | entry.id,
        kinds,
        u32::from(entry.category.0),
        0,
        at(strings_at),
        12,
        at(sid_at),
        4,
        at(data_at),
    ]);
    out.extend(body);
    out.extend(length.to_le_bytes());
    out
}

fn header(first: usize, end: usize, next: u32, oldest: u32, size: usize, flags: u32) -> Vec<u8> {
    let at = |place: usize| u32::try_from(place).unwrap();
    words(&[
        0x30,
        MARK,
        1,
        1,
        at(first),
        at(end),
        next,
        oldest,
        at(size),
        flags,
        0,
        0x30,
    ])
}

fn cursor(first: usize, end: usize, next: u32, oldest: u32) -> Vec<u8> {
    let at = |place: usize| u32::try_from(place).unwrap();
    words(&[
        0x28,
        0x1111_1111,
        0x2222_2222,
        0x3333_3333,
        0x4444_4444,
        at(first),
        at(end),
        next,
        oldest,
        0x28,
    ])
}

/// The whole file.
pub(crate) fn file(log: &Incident, state: State) -> Vec<u8> {
    let records: Vec<Vec<u8>> = log.entries.iter().map(record).collect();
    let oldest = log.entries[0].number;
    let next = log.entries[log.entries.len() - 1].number + 1;
    let total: usize = records.iter().map(Vec::len).sum();
    if state == State::Wrapped {
        return wrapped(&records, oldest, next, total);
    }
    let end = 0x30 + total;
    let size = end + 0x28;
    let head = match state {
        State::Stale => header(0x30, 0x30 + records[0].len(), oldest + 1, oldest, size, 1),
        _ => header(0x30, end, next, oldest, size, 0),
    };
    [head, records.concat(), cursor(0x30, end, next, oldest)].concat()
}

/// The ring begins in the middle of the file, and a record lies across its end.
fn wrapped(records: &[Vec<u8>], oldest: u32, next: u32, total: usize) -> Vec<u8> {
    let stream = records.concat();
    // The file ends in the middle of a record in the second half of the stream.
    let mut cut = 0;
    for record in &records[..records.len() / 2] {
        cut += record.len();
    }
    cut += 60;
    let behind = &stream[cut..];
    // Behind the header: the rest of the stream, the end record, and space that old records still fill.
    let cursor_at = 0x30 + behind.len();
    let remains = records[0].len() + 12;
    let first = cursor_at + 0x28 + remains;
    let size = first + cut;
    let mut out = header(first, cursor_at, next, oldest, size, 3);
    out.extend(behind);
    out.extend(cursor(first, cursor_at, next, oldest));
    out.extend(vec![0x27; remains]);
    out.extend(&stream[..cut]);
    assert_eq!(out.len(), size);
    assert_eq!(total, stream.len());
    out
}
