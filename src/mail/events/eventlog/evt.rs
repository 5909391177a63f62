//! The binary log of Windows NT, 2000 and 2003 (`.evt`): a ring of records.
//!
//! Layout after the notes of the libevt project. The header of a log that was copied from a running server is stale: it
//! names an old end. So records are found by their own marks, the end record (cursor) tells which numbers are alive, and
//! the header is only compared. The file holds no texts, only insertion strings; see [`super::messages`].

use jiff::Timestamp;

/// `LfLe`.
const MARK: &[u8; 4] = b"LfLe";

/// Length of the file's header, where records begin and go on after a wrap.
const HEADER: usize = 0x30;

/// Length of a record without strings.
const FIXED: usize = 56;

/// Length of the end record, and the four words that mark it.
const CURSOR: usize = 0x28;
const CURSOR_MARKS: [u32; 4] = [0x1111_1111, 0x2222_2222, 0x3333_3333, 0x4444_4444];

/// One record as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Raw {
    pub(in super::super) number: u32,
    pub(in super::super) generated: Option<Timestamp>,
    /// The low 16 bits: the number that people know.
    pub(in super::super) id: u32,
    pub(in super::super) kind: &'static str,
    pub(in super::super) category: u16,
    pub(in super::super) source: String,
    pub(in super::super) computer: String,
    /// `S-1-5-...` of the user, where the record has one.
    pub(in super::super) user: Option<String>,
    pub(in super::super) strings: Vec<String>,
}

/// What the file says about itself, and where its records stand.
#[derive(Debug, Default)]
pub(in super::super) struct Ring {
    /// Number and offset of the records, by number, each number once.
    pub(in super::super) records: Vec<(u32, usize)>,
    /// Records that stand in the unused part under numbers that the log has given again.
    pub(in super::super) leftover: usize,
    /// Records older than the log's own oldest that are still readable.
    pub(in super::super) recovered: usize,
    /// Places where a record begins that is cut or overwritten.
    pub(in super::super) broken: Vec<usize>,
    /// What is to be known about the file, in words.
    pub(in super::super) notes: Vec<String>,
}

/// Whether bytes begin like such a file.
pub(in super::super) fn is_evt(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(MARK) && word(bytes, 0) == Some(HEADER as u32)
}

/// Finds the records.
pub(in super::super) fn scan(bytes: &[u8]) -> Ring {
    let mut ring = Ring::default();
    let header = Header::of(bytes);
    let mut found: Vec<(u32, usize)> = Vec::new();
    let mut cursor: Option<Cursor> = None;
    let mut at = HEADER;
    while at + 8 <= bytes.len() {
        if let Some(seen) = Cursor::at(bytes, at) {
            // Old ends may be left behind, also from before the log was cleared. The true one follows the record whose
            // number is one less than the next; of several the newest numbers win, unless the header knows one of them.
            let last = found.last().map(|(number, _)| *number);
            let follows = last.is_none_or(|last| last.wrapping_add(1) == seen.next);
            let headed = header.end == Some(at);
            if cursor.as_ref().is_none_or(|known| {
                (headed, follows, seen.next) > (known.headed, known.follows, known.next)
            }) {
                cursor = Some(Cursor {
                    headed,
                    follows,
                    ..seen
                });
            }
            at += CURSOR;
        } else if bytes.get(at + 4..at + 8) == Some(MARK) {
            match length(bytes, at) {
                Some(length) => {
                    found.push((word(bytes, at + 8).unwrap_or(0), at));
                    at += length;
                }
                None => {
                    ring.broken.push(at);
                    at += 4;
                }
            }
        } else {
            at += 4;
        }
    }
    // What only looks like a header says nothing.
    if is_evt(bytes) {
        ring.notes = header.notes(cursor.as_ref());
    }
    keep(&mut ring, found, cursor.as_ref());
    ring
}

/// Decides which of the found records are events of this log, and puts them in order.
fn keep(ring: &mut Ring, mut found: Vec<(u32, usize)>, cursor: Option<&Cursor>) {
    if let Some(cursor) = cursor {
        let all = found.len();
        // Outside of the ring only what is older than the oldest is of this life of the log; a number that is alive
        // or not given yet is from before the log was cleared.
        found.retain(|(number, at)| cursor.holds(*at) || *number < cursor.oldest);
        ring.leftover = all - found.len();
        ring.recovered = found.iter().filter(|(_, at)| !cursor.holds(*at)).count();
        // Of two with one number the live one stands first.
        found.sort_unstable_by_key(|(number, at)| (*number, !cursor.holds(*at), *at));
    } else {
        found.sort_unstable();
    }
    let all = found.len();
    found.dedup_by_key(|(number, _)| *number);
    ring.leftover += all - found.len();
    ring.records = found;
}

/// Reads the record at an offset that [`scan`] has found. `None` when its parts point outside of it.
pub(in super::super) fn record(bytes: &[u8], at: usize) -> Option<Raw> {
    let length = length(bytes, at)?;
    let body = unwrapped(bytes, at, length);
    let half = |offset: usize| {
        Some(u16::from_le_bytes(
            body.get(offset..offset + 2)?.try_into().ok()?,
        ))
    };
    let whole = |offset: usize| word(&body, offset);
    let (source, after) = text(&body, FIXED)?;
    let (computer, _) = text(&body, after)?;
    let mut strings = Vec::new();
    let mut next = whole(36)? as usize;
    for _ in 0..half(26)? {
        let Some((string, end)) = text(&body, next) else {
            break;
        };
        strings.push(string);
        next = end;
    }
    let sid = whole(44)? as usize;
    let user = body
        .get(sid..sid.saturating_add(whole(40)? as usize))
        .and_then(security_identifier);
    Some(Raw {
        number: whole(8)?,
        generated: Timestamp::from_second(i64::from(whole(12)?)).ok(),
        id: whole(20)? & 0xffff,
        kind: kind(half(24)?),
        category: half(28)?,
        source,
        computer,
        user,
        strings,
    })
}

/// The event's type in the words of Event Viewer.
fn kind(number: u16) -> &'static str {
    match number {
        0 => "Success",
        1 => "Error",
        2 => "Warning",
        4 => "Information",
        8 => "Success Audit",
        16 => "Failure Audit",
        _ => "Unknown",
    }
}

/// The length of a record that is whole: its length stands at both ends, also across the wrap.
fn length(bytes: &[u8], at: usize) -> Option<usize> {
    let length = word(bytes, at)? as usize;
    if length < FIXED || !length.is_multiple_of(4) || length > bytes.len() - HEADER.min(bytes.len())
    {
        return None;
    }
    let end = at + length;
    let trailer = if end <= bytes.len() {
        end - 4
    } else {
        // The last word stands behind the header when the record is wrapped, or at the very end of the file.
        HEADER + (end - bytes.len()).checked_sub(4)?
    };
    (word(bytes, trailer)? as usize == length).then_some(length)
}

/// The bytes of a record; one that crosses the end of the file goes on behind the header.
fn unwrapped(bytes: &[u8], at: usize, length: usize) -> std::borrow::Cow<'_, [u8]> {
    match bytes.get(at..at + length) {
        Some(whole) => whole.into(),
        None => {
            let mut joined = bytes[at..].to_vec();
            let rest = length - joined.len();
            joined.extend_from_slice(bytes.get(HEADER..HEADER + rest).unwrap_or_default());
            joined.into()
        }
    }
}

/// Zero-terminated UTF-16 and the offset behind it. `None` outside of the record or without an end.
fn text(body: &[u8], at: usize) -> Option<(String, usize)> {
    let rest = body.get(at..)?;
    let end = rest.chunks_exact(2).position(|unit| unit == [0, 0])? * 2;
    let (text, _) = encoding_rs::UTF_16LE.decode_without_bom_handling(&rest[..end]);
    Some((text.into_owned(), at + end + 2))
}

/// `S-1-5-21-...` of a binary SID.
fn security_identifier(sid: &[u8]) -> Option<String> {
    let (&revision, &count) = (sid.first()?, sid.get(1)?);
    let authority = sid
        .get(2..8)?
        .iter()
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let mut out = format!("S-{revision}-{authority}");
    for index in 0..usize::from(count) {
        out.push_str(&format!("-{}", word(sid, 8 + index * 4)?));
    }
    Some(out)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

/// The end record: it moves with each event, and knows the numbers that are alive.
struct Cursor {
    /// Where it stands itself, and where the oldest live record does.
    at: usize,
    first: usize,
    next: u32,
    oldest: u32,
    /// Whether the header names this place as the end, and whether the last record stands right before it.
    headed: bool,
    follows: bool,
}

impl Cursor {
    fn at(bytes: &[u8], at: usize) -> Option<Self> {
        let marked = word(bytes, at)? as usize == CURSOR
            && (0..4).all(|index| word(bytes, at + 4 + index * 4) == Some(CURSOR_MARKS[index]));
        let cursor = Self {
            at,
            first: word(bytes, at + 20)? as usize,
            next: word(bytes, at + 28)?,
            oldest: word(bytes, at + 32)?,
            headed: false,
            follows: false,
        };
        marked.then_some(cursor)
    }

    /// Whether an offset lies in the live part of the ring.
    fn holds(&self, offset: usize) -> bool {
        if self.first <= self.at {
            (self.first..self.at).contains(&offset)
        } else {
            offset >= self.first || offset < self.at
        }
    }
}

/// The header at the start of the file, as far as it says something.
struct Header {
    end: Option<usize>,
    next: Option<u32>,
    dirty: bool,
    wrapped: bool,
    full: bool,
    keep_seconds: u32,
}

impl Header {
    fn of(bytes: &[u8]) -> Self {
        let flags = word(bytes, 36).unwrap_or(0);
        Self {
            end: word(bytes, 20).map(|at| at as usize),
            next: word(bytes, 24),
            dirty: flags & 1 != 0,
            wrapped: flags & 2 != 0,
            full: flags & 4 != 0,
            keep_seconds: word(bytes, 40).unwrap_or(0),
        }
    }

    fn notes(&self, cursor: Option<&Cursor>) -> Vec<String> {
        let mut notes = Vec::new();
        match cursor {
            Some(cursor) if self.next != Some(cursor.next) => notes.push(format!(
                "the header is stale (next record {}, the end record says {}): the file was copied from a running server, and the end record was followed",
                self.next.unwrap_or(0),
                cursor.next
            )),
            None => notes.push("the file has no end record: it is cut, and all readable records were taken".to_owned()),
            Some(_) if self.dirty => notes.push("the file was not closed properly".to_owned()),
            Some(_) => {}
        }
        if self.wrapped || cursor.is_some_and(|cursor| cursor.oldest > 1) {
            notes.push(
                "the log has wrapped: older events were overwritten, what came before is not in it"
                    .to_owned(),
            );
        }
        if self.full {
            notes.push(match self.keep_seconds {
                0 | u32::MAX => "the log was full: events were lost".to_owned(),
                seconds => format!(
                    "the log was full and keeps events for {} days: newer events were lost",
                    seconds / 86_400
                ),
            });
        }
        notes
    }
}
