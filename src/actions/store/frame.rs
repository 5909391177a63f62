//! How an event lies in a journal: one line, `LENGTH CRC JSON`.
//!
//! Length (of the JSON, in bytes) and CRC32C (of the JSON) are 8 lower-case hex digits each. So a journal stays readable with
//! ordinary tools (`cut -d' ' -f3-`), and a torn or altered line shows.

/// Bytes before the JSON.
const HEAD: usize = 18;

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

/// Appends the frame of `json` to `buffer`.
pub(super) fn write(buffer: &mut Vec<u8>, json: &[u8]) {
    use std::io::Write;
    // Writing to memory cannot fail.
    let _ = write!(buffer, "{:08x} {:08x} ", json.len(), crc32c::crc32c(json));
    buffer.extend_from_slice(json);
    buffer.push(b'\n');
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
    if rest[8] != b' ' || rest[17] != b' ' || length > LARGEST {
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

/// True when a whole frame begins anywhere after `at`: then what stands at `at` is damage, not a torn tail.
pub(super) fn any_whole_after(bytes: &[u8], at: usize) -> bool {
    let mut from = at;
    while let Some(offset) = bytes
        .get(from..)
        .and_then(|rest| rest.iter().position(|b| *b == b'\n'))
    {
        from += offset + 1;
        if matches!(read(bytes, from), Frame::Whole { .. }) {
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

    #[test]
    fn what_is_written_is_read_back() {
        let mut buffer = Vec::new();
        write(&mut buffer, b"{\"a\":1}");
        write(&mut buffer, b"{}");
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
    fn every_flipped_bit_and_every_cut_shows() {
        let mut whole = Vec::new();
        write(&mut whole, b"{\"seq\":7,\"text\":\"x\"}");
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

    #[test]
    fn damage_is_told_from_a_torn_tail() {
        let mut bytes = Vec::new();
        write(&mut bytes, b"{\"seq\":1}");
        let second = bytes.len();
        write(&mut bytes, b"{\"seq\":2}");
        bytes[3] ^= 1;
        assert!(any_whole_after(&bytes, 0));
        assert!(!any_whole_after(&bytes[..bytes.len() - 1], second));
        assert!(!any_whole_after(&[0; 4096], 0));
    }
}
