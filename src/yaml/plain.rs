//! The common case of a YAML text, taken straight off the parser's events: many times quicker than the whole reader.
//!
//! What is read here is what every reader of YAML takes for the same: mappings with text keys, lists, quoted and block texts,
//! plain words, whole decimal numbers, `true` and `false`. Whatever else turns up (a fault, an anchor, a tag, a fraction, a
//! repeated key, nothing where a value belongs) is left to the whole reader, which knows what to say about it.

use std::borrow::Cow;
use std::collections::HashSet;

use granit_parser::{Event, Parser, ScalarStyle, StrInput};

use super::tree::{MAX_DEPTH, MAX_NODES, trimmed};
use super::{Key, Node, SourceFile, Span, Value};

/// Reads a text that holds nothing out of the common. `None`: the whole reader must be asked.
pub(super) fn read(file: &SourceFile) -> Option<Node> {
    let options = granit_parser::options! { emit_comments: false };
    let mut reading = Reading {
        file,
        events: Parser::new_from_str_with_options(&file.text, options),
        nodes: 0,
    };
    if !matches!(reading.next()?.0, Event::StreamStart) {
        return None;
    }
    if !matches!(reading.next()?.0, Event::DocumentStart(_, None)) {
        return None;
    }
    let (event, span) = reading.next()?;
    let node = reading.node(event, span, None, 0)?;
    let ended = matches!(reading.next()?.0, Event::DocumentEnd)
        && matches!(reading.next()?.0, Event::StreamEnd);
    ended.then_some(node)
}

struct Reading<'t> {
    file: &'t SourceFile,
    events: Parser<'t, StrInput<'t>>,
    nodes: usize,
}

impl<'t> Reading<'t> {
    fn next(&mut self) -> Option<(Event<'t>, Span)> {
        let (event, span) = self.events.next_event()?.ok()?;
        Some((
            event,
            Span::new(span.start.byte_offset()?, span.end.byte_offset()?),
        ))
    }

    /// The node that begins with `event`; `key` is the place of its key.
    fn node(
        &mut self,
        event: Event<'t>,
        own: Span,
        key: Option<Span>,
        depth: usize,
    ) -> Option<Node> {
        self.nodes += 1;
        if depth >= MAX_DEPTH - 1 || self.nodes >= MAX_NODES {
            return None;
        }
        match event {
            Event::Scalar(text, style, 0, None) => Some(Node {
                value: scalar(text, style)?,
                span: match key {
                    Some(key) if own.start == own.end => key,
                    _ => trimmed(self.file, own),
                },
            }),
            Event::SequenceStart(_, 0, None) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => items.push(self.node(event, span, None, depth + 1)?),
                    }
                }
                let first = items.first().map(|item| item.span);
                Some(Node {
                    span: key.or(first)?,
                    value: Value::List(items),
                })
            }
            Event::MappingStart(_, 0, None) => {
                let mut entries = Vec::new();
                let mut seen = HashSet::new();
                loop {
                    let (event, span) = self.next()?;
                    let name = match event {
                        Event::MappingEnd => break,
                        Event::Scalar(text, style, 0, None) if text != "<<" => {
                            match scalar(text, style)? {
                                Value::Text(name) => name,
                                _ => return None,
                            }
                        }
                        _ => return None,
                    };
                    if !seen.insert(name.clone()) {
                        return None;
                    }
                    self.nodes += 1;
                    let (event, own) = self.next()?;
                    let node = self.node(event, own, Some(span), depth + 1)?;
                    entries.push((Key { name, span }, node));
                }
                let first = entries.first().map(|(key, _)| key.span);
                Some(Node {
                    span: key.or(first)?,
                    value: Value::Map(entries),
                })
            }
            _ => None,
        }
    }
}

/// What a scalar is, when no reader could take it for anything else.
fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Option<Value> {
    if style != ScalarStyle::Plain {
        return Some(Value::Text(text.into_owned()));
    }
    match text.as_bytes() {
        b"true" => Some(Value::Bool(true)),
        b"false" => Some(Value::Bool(false)),
        b"0" => Some(Value::Int(0)),
        [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            // So short that it is a whole number to everybody.
            (text.len() < 16).then(|| text.parse().ok().map(Value::Int))?
        }
        [b'0'..=b'9', ..] if !is_like_a_number(&text) => Some(Value::Text(text.into_owned())),
        [b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'/', ..] if !is_word(&text) => {
            Some(Value::Text(text.into_owned()))
        }
        _ => None,
    }
}

/// Could some reader take it for a number? A letter of a unit, or the second point of an address, says no.
fn is_like_a_number(text: &str) -> bool {
    let base = matches!(
        text.as_bytes(),
        [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]
    );
    let points = text.bytes().filter(|byte| *byte == b'.').count();
    let spelt = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-' | b'_'));
    base || (spelt && points < 2)
}

/// Is it a word that some reader takes for something other than text?
fn is_word(text: &str) -> bool {
    ["true", "false", "null", "nan", "inf", "infinity"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}
