//! Bytes to text: byte order marks, UTF-16 without one, and the ANSI code page of old exports.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// A decoded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The text, without a byte order mark.
    pub text: String,
    /// The encoding's name.
    pub encoding: &'static str,
    /// Some bytes had no meaning in the encoding and were replaced.
    pub damaged: bool,
}

/// Decodes a log file: a byte order mark decides, then UTF-16 by its zero bytes, then valid UTF-8,
/// else Windows-1252, which is what Server 2003 writes in western Europe and America.
pub fn decode(bytes: &[u8]) -> Decoded {
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None => guess(bytes),
    };
    let (text, used, damaged) = encoding.decode(bytes);
    Decoded {
        text: text.into_owned(),
        encoding: used.name(),
        damaged,
    }
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let sample = &bytes[..bytes.len().min(4096)];
    let zeros = |offset: usize| {
        sample
            .iter()
            .skip(offset)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    // Western text in UTF-16 has a zero in every second byte; no other text file has zeros.
    if odd > even && odd * 4 > sample.len() {
        UTF_16LE
    } else if even > odd && even * 4 > sample.len() {
        UTF_16BE
    } else if std::str::from_utf8(bytes).is_ok() {
        UTF_8
    } else {
        WINDOWS_1252
    }
}
