//! Files of `<Event>` elements, with or without a root: `wevtutil qe ... /f:xml`, and logs saved as XML.
//!
//! The elements are cut out by their tags, so only one of them is in memory at a time and a broken one costs itself.

use super::element;
use super::{Found, Lines};
use crate::mail::events::log::Why;
use crate::mail::events::record::Record;

/// Bytes of one element, at most.
const LARGEST: usize = 1 << 20;

const END: &str = "</Event>";

/// How sure it is that a text is such a file.
pub(in super::super) fn score(text: &str) -> u8 {
    let head: String = text
        .trim_start_matches('\u{feff}')
        .chars()
        .take(20_000)
        .collect();
    let begins = head.trim_start().starts_with('<');
    if begins && begin(&head).is_some() && head.contains("<System") {
        92
    } else {
        0
    }
}

/// Where an `<Event>` element begins; `<Events>`, `<EventID>` are others.
fn begin(text: &str) -> Option<usize> {
    text.match_indices("<Event").map(|(at, _)| at).find(|at| {
        text[at + 6..].starts_with(|c: char| c == '>' || c.is_whitespace())
            || text[at + 6..].is_empty()
    })
}

/// Reads the elements.
#[derive(Default)]
pub(in super::super) struct Elements {
    element: Option<(u32, String)>,
}

impl Elements {
    fn close(&mut self, last: u32, out: &mut Found) {
        let Some((first, text)) = self.element.take() else {
            return;
        };
        let element = element::read(&text);
        if element.is_usable() {
            let mut record = Record {
                first,
                last,
                ..Record::default()
            };
            element.take(&mut record);
            out.records.push(record);
            return;
        }
        for (number, line) in (first..).zip(text.lines()) {
            out.stranger(number, line, Why::Malformed);
        }
    }

    /// What stands between elements: the root and the declaration mean nothing, the rest is strange.
    fn between(number: u32, text: &str, out: &mut Found) {
        let plain = text.trim().trim_start_matches('\u{feff}');
        let root = ["<?xml", "<Events", "</Events", "<!--"]
            .iter()
            .any(|known| plain.starts_with(known));
        if root {
            out.passed += 1;
        } else {
            out.stranger(number, plain, Why::Outside);
        }
    }
}

impl Lines for Elements {
    fn line(&mut self, number: u32, line: &str, out: &mut Found) {
        let mut rest = line;
        loop {
            if let Some((_, text)) = &mut self.element {
                match rest.find(END) {
                    Some(at) => {
                        text.push_str(&rest[..at + END.len()]);
                        rest = &rest[at + END.len()..];
                        self.close(number, out);
                    }
                    None => {
                        text.push_str(rest);
                        text.push('\n');
                        if text.len() > LARGEST {
                            self.close(number, out);
                        }
                        return;
                    }
                }
            } else {
                match begin(rest) {
                    Some(at) => {
                        Self::between(number, &rest[..at], out);
                        rest = &rest[at..];
                        self.element = Some((number, String::new()));
                    }
                    None => {
                        Self::between(number, rest, out);
                        return;
                    }
                }
            }
        }
    }

    fn end(&mut self, out: &mut Found) {
        let last = self.element.as_ref().map_or(0, |(first, text)| {
            first + u32::try_from(text.lines().count()).unwrap_or(0)
        });
        self.close(last, out);
    }
}
