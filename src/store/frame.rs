//! How an event lies in a journal: one line, `LENGTH CRC JSON`.
//!
//! Length (of the JSON, in bytes) and CRC32C (of the JSON) are 8 lower-case hex digits each. So a journal stays readable with
//! ordinary tools (`cut -c19-`), and a torn or altered line shows.
//!
//! Events that were appended together have `+` in place of the first blank, but for the first of them. What a power cut leaves
//! of an append that was not synced yet may have holes: whole lines after a broken one are no damage when all of them belong
//! to the same append.

use std::ops::Range;

/// Bytes before the JSON.
const HEAD: usize = 18;

/// Stands after the length of the first event of an append.
const FIRST: u8 = b' ';
/// Stands after the length of an event that was appended together with the one before.
const NEXT: u8 = b'+';

/// The largest event that is accepted, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// What stands at one place of a journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A whole event: its JSON, and where the next frame begins.
    Whole { json: &'a [u8], next: usize },
    /// No whole event: why.
    Broken(&'static str),
    /// Nothing any more.
    End,
}

/// Appends the frame of what `fill` writes to `buffer`. `first`: it is the first of its append.
///
/// Gives the place of the JSON in `buffer`.
pub(super) fn write<E>(
    buffer: &mut Vec<u8>,
    first: bool,
    fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Range<usize>, E> {
    let head = buffer.len();
    buffer.extend([b' '; HEAD]);
    let start = buffer.len();
    if let Err(error) = fill(buffer) {
        buffer.truncate(head);
        return Err(error);
    }
    let json = start..buffer.len();
    let crc = crc32c::crc32c(&buffer[json.clone()]);
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
    digits(&mut buffer[head..head + 8], length);
    buffer[head + 8] = if first { FIRST } else { NEXT };
    digits(&mut buffer[head + 9..head + 17], crc);
    buffer.push(b'\n');
    Ok(json)
}

fn digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

/// What stands in the place of the JSON in a line that may be damaged.
pub(super) fn payload(line: &[u8]) -> &[u8] {
    line.get(HEAD..).unwrap_or(line)
}

/// Bytes of the frame of `json`.
pub(super) fn size(json: &[u8]) -> u64 {
    (HEAD + json.len() + 1) as u64
}

/// The frame at `at`.
pub(super) fn read(bytes: &[u8], at: usize) -> Frame<'_> {
    let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else {
        return Frame::End;
    };
    if rest.len() < HEAD {
        return Frame::Broken("a cut-off line");
    }
    let (Some(length), Some(crc)) = (hex(&rest[..8]), hex(&rest[9..17])) else {
        return Frame::Broken("no length and checksum");
    };
    let length = length as usize;
    if !matches!(rest[8], FIRST | NEXT) || rest[17] != b' ' || length > LARGEST {
        return Frame::Broken("no length and checksum");
    }
    let Some(json) = rest.get(HEAD..HEAD + length) else {
        return Frame::Broken("a cut-off line");
    };
    if rest.get(HEAD + length) != Some(&b'\n') {
        return Frame::Broken("no line end");
    }
    if crc32c::crc32c(json) != crc {
        return Frame::Broken("a wrong checksum");
    }
    Frame::Whole {
        json,
        next: at + HEAD + length + 1,
    }
}

/// True when what stands at `at` is damage and not a torn append: an append that began later is there and whole, so this one
/// was synced once.
pub(super) fn is_damage(bytes: &[u8], at: usize) -> bool {
    let mut from = at;
    while let Some(offset) = bytes
        .get(from..)
        .and_then(|rest| rest.iter().position(|b| *b == b'\n'))
    {
        from += offset + 1;
        if matches!(read(bytes, from), Frame::Whole { .. }) && bytes[from + 8] == FIRST {
            return true;
        }
    }
    false
}

fn hex(digits: &[u8]) -> Option<u32> {
    if !digits
        .iter()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
    {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(buffer: &mut Vec<u8>, first: bool, json: &[u8]) {
        let written = write(buffer, first, |out| {
            out.extend_from_slice(json);
            Ok::<_, ()>(())
        });
        assert_eq!(buffer[written.expect("written")], *json);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut buffer = Vec::new();
        put(&mut buffer, true, b"{\"a\":1}");
        put(&mut buffer, false, b"{}");
        let Frame::Whole { json, next } = read(&buffer, 0) else {
            panic!("the first frame is whole")
        };
        assert_eq!(json, b"{\"a\":1}");
        assert!(matches!(
            read(&buffer, next),
            Frame::Whole { json: b"{}", .. }
        ));
        assert_eq!(read(&buffer, buffer.len()), Frame::End);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let mut buffer = b"before".to_vec();
        let refused = write(&mut buffer, true, |out| {
            out.push(b'{');
            Err("no")
        });
        assert_eq!((refused, buffer.as_slice()), (Err("no"), &b"before"[..]));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_shows() {
        for first in [true, false] {
            let mut whole = Vec::new();
            put(&mut whole, first, b"{\"seq\":7,\"text\":\"x\"}");
            for position in 0..whole.len() {
                for bit in 0..8 {
                    let mut altered = whole.clone();
                    altered[position] ^= 1 << bit;
                    assert!(
                        matches!(read(&altered, 0), Frame::Broken(_)),
                        "bit {bit} of byte {position}"
                    );
                }
                if position > 0 {
                    assert!(
                        matches!(read(&whole[..position], 0), Frame::Broken(_)),
                        "cut at {position}"
                    );
                }
            }
        }
    }

    #[test]
    fn damage_is_told_from_a_torn_append() {
        let mut bytes = Vec::new();
        put(&mut bytes, true, b"{\"seq\":1}");
        let second = bytes.len();
        put(&mut bytes, true, b"{\"seq\":2}");
        bytes[3] ^= 1;
        assert!(is_damage(&bytes, 0));
        assert!(!is_damage(&bytes[..bytes.len() - 1], second));
        assert!(!is_damage(&[0; 4096], 0));
    }

    #[test]
    fn a_hole_in_one_append_is_no_damage() {
        let mut bytes = Vec::new();
        put(&mut bytes, true, b"{\"seq\":1}");
        let second = bytes.len();
        put(&mut bytes, true, b"{\"seq\":2}");
        put(&mut bytes, false, b"{\"seq\":3}");
        bytes[second..second + 20].fill(0);
        assert!(!is_damage(&bytes, second));
        put(&mut bytes, true, b"{\"seq\":4}");
        assert!(is_damage(&bytes, second));
    }
}
