//! Bytes to lines of text, piece by piece: byte order marks, UTF-16 without one, and the ANSI code page of old exports.
//!
//! Memory stays flat: a line longer than [`LONGEST`] is cut, and said to be.

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The longest line, in bytes; what goes beyond is dropped and counted.
pub const LONGEST: usize = 1 << 20;

/// Takes the lines as they become complete.
pub(super) trait Lines {
    /// A line without its end; `cut` when it was longer than [`LONGEST`].
    fn line(&mut self, line: &str, cut: bool);
}

/// The encoding of a file by its first bytes: a byte order mark decides, then UTF-16 by its zero bytes, then valid UTF-8,
/// else Windows-1252, which is what Server 2003 writes in western Europe and America.
pub(super) fn encoding_of(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    let sample = &head[..head.len().min(4096)];
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
    } else {
        match std::str::from_utf8(head) {
            Ok(_) => UTF_8,
            // A character that the end of the sample cuts is no fault.
            Err(error) if error.error_len().is_none() => UTF_8,
            Err(_) => WINDOWS_1252,
        }
    }
}

/// Splits one file into lines of text.
pub(super) struct Splitter {
    encoding: &'static Encoding,
    /// For encodings whose line ends are not single bytes.
    wide: Option<Wide>,
    partial: Vec<u8>,
    /// The rest of an overlong line is being dropped.
    dropping: bool,
    begun: bool,
    /// Lines that were not valid in the encoding.
    pub(super) damaged: u64,
}

struct Wide {
    decoder: Decoder,
    text: String,
}

impl Splitter {
    pub(super) fn new(encoding: &'static Encoding) -> Self {
        let wide = (encoding == UTF_16LE || encoding == UTF_16BE).then(|| Wide {
            decoder: encoding.new_decoder_with_bom_removal(),
            text: String::with_capacity(32 << 10),
        });
        Self {
            encoding,
            wide,
            partial: Vec::new(),
            dropping: false,
            begun: false,
            damaged: 0,
        }
    }

    /// The next bytes of the file.
    pub(super) fn push(&mut self, bytes: &[u8], lines: &mut dyn Lines) {
        match self.wide.take() {
            None => self.split(bytes, lines),
            Some(mut wide) => {
                self.widen(&mut wide, bytes, false, lines);
                self.wide = Some(wide);
            }
        }
    }

    /// The file has ended: the last line may have no end.
    pub(super) fn end(&mut self, lines: &mut dyn Lines) {
        if let Some(mut wide) = self.wide.take() {
            self.widen(&mut wide, &[], true, lines);
        }
        if !self.partial.is_empty() {
            let last = std::mem::take(&mut self.partial);
            self.give(&last, lines);
        }
    }

    fn widen(&mut self, wide: &mut Wide, bytes: &[u8], last: bool, lines: &mut dyn Lines) {
        let mut rest = bytes;
        loop {
            wide.text.clear();
            let (result, read, replaced) =
                wide.decoder.decode_to_string(rest, &mut wide.text, last);
            self.damaged += u64::from(replaced);
            rest = &rest[read..];
            self.split(wide.text.as_bytes(), lines);
            if result == CoderResult::InputEmpty {
                return;
            }
        }
    }

    fn split(&mut self, bytes: &[u8], lines: &mut dyn Lines) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, tail) = (&rest[..end], &rest[end + 1..]);
            rest = tail;
            if self.dropping {
                self.dropping = false;
            } else if self.partial.is_empty() {
                self.give(line, lines);
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(&line[..line.len().min(LONGEST)]);
                self.give(&whole, lines);
                whole.clear();
                self.partial = whole;
            }
        }
        if self.dropping {
            return;
        }
        let room = (LONGEST + 1).saturating_sub(self.partial.len());
        self.partial
            .extend_from_slice(&rest[..rest.len().min(room)]);
        if self.partial.len() > LONGEST {
            let whole = std::mem::take(&mut self.partial);
            self.give(&whole, lines);
            self.dropping = true;
        }
    }

    fn give(&mut self, line: &[u8], lines: &mut dyn Lines) {
        let cut = line.len() > LONGEST;
        let mut line = &line[..line.len().min(LONGEST)];
        if let [head @ .., b'\r'] = line {
            line = head;
        }
        if !self.begun {
            self.begun = true;
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if self.encoding == WINDOWS_1252 {
            let (text, _) = WINDOWS_1252.decode_without_bom_handling(line);
            lines.line(&text, cut);
            return;
        }
        match std::str::from_utf8(line) {
            Ok(text) => lines.line(text, cut),
            Err(_) => {
                // One program of several that write into a log may use the old code page.
                self.damaged += 1;
                let (text, _) = WINDOWS_1252.decode_without_bom_handling(line);
                lines.line(&text, cut);
            }
        }
    }
}

/// The beginning of a file as text, without a byte order mark.
pub(super) fn head_text(head: &[u8], encoding: &'static Encoding) -> String {
    let (text, _) = encoding.decode_with_bom_removal(head);
    text.into_owned()
}
