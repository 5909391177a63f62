//! `ConvertTo-Json` of `Get-EventLog` and `Get-WinEvent`: an array, one object, or an object a line.
//!
//! Objects are cut out by counting brackets outside of strings, so only one of them is in memory at a time and a broken
//! one costs itself.

use serde_json::{Map, Value};

use super::row::{Row, field};
use super::{Found, Lines};
use crate::mail::events::log::Why;

/// Bytes of one object, at most.
const LARGEST: usize = 1 << 20;

/// How sure it is that a text is such a file.
pub(in super::super) fn score(text: &str) -> u8 {
    let begins = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with(['[', '{']);
    let head = head(text);
    let named = |name: &str| head.contains(&format!("\"{name}\""));
    let ours = named("Message")
        && ((named("EventID") && named("Source")) || (named("Id") && named("ProviderName")));
    if begins && ours { 88 } else { 0 }
}

/// The beginning of a text, long enough for the first object.
fn head(text: &str) -> &str {
    let mut end = text.len().min(65_536);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Reads objects line by line.
#[derive(Default)]
pub(in super::super) struct Objects {
    object: String,
    first: u32,
    last: u32,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Objects {
    fn close(&mut self, out: &mut Found) {
        let text = std::mem::take(&mut self.object);
        let record = serde_json::from_str::<Map<String, Value>>(&text)
            .ok()
            .and_then(|object| row(&object).finish(self.first, self.last));
        match record {
            Some(record) => out.records.push(record),
            None => {
                for (number, line) in (self.first..).zip(text.lines()) {
                    out.stranger(number, line, Why::Malformed);
                }
            }
        }
        (self.depth, self.in_string, self.escaped) = (0, false, false);
    }
}

impl Lines for Objects {
    fn line(&mut self, number: u32, line: &str, out: &mut Found) {
        let mut outside = String::new();
        let within = self.depth > 0 || line.contains('{');
        for letter in line.chars() {
            if self.depth == 0 {
                if letter == '{' {
                    (self.depth, self.first, self.last) = (1, number, number);
                    self.object.push(letter);
                } else if !matches!(letter, '[' | ']' | ',' | '\u{feff}') {
                    outside.push(letter);
                }
                continue;
            }
            self.object.push(letter);
            match letter {
                _ if self.escaped => self.escaped = false,
                '\\' if self.in_string => self.escaped = true,
                '"' => self.in_string = !self.in_string,
                '{' if !self.in_string => self.depth += 1,
                '}' if !self.in_string => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.last = number;
                        self.close(out);
                    }
                }
                _ => {}
            }
        }
        out.stranger(number, &outside, Why::Outside);
        if !within && outside.trim().is_empty() && !line.trim().is_empty() {
            // Only the brackets and commas between objects.
            out.passed += 1;
        }
        if self.depth > 0 {
            self.last = number;
            self.object.push('\n');
            if self.object.len() > LARGEST {
                self.close(out);
            }
        }
    }

    fn end(&mut self, out: &mut Found) {
        if self.depth > 0 {
            self.close(out);
        }
    }
}

/// The row of an object.
fn row(object: &Map<String, Value>) -> Row {
    let mut row = Row::default();
    for (name, value) in object {
        let strings = match name.as_str() {
            "ReplacementStrings" => value
                .as_array()
                .map(|list| list.iter().map(plain).collect()),
            // Get-WinEvent: [{"Value": "1"}, ...]
            "Properties" => value.as_array().map(|list| {
                list.iter()
                    .map(|item| plain(item.get("Value").unwrap_or(item)))
                    .collect()
            }),
            _ => None,
        };
        match (strings, field(name)) {
            (Some(strings), _) => row.strings(strings),
            (None, Some(field)) => row.set(field, &plain(value)),
            (None, None) => {}
        }
    }
    row
}

/// A value as text; of an object what it is called (`{"Name": ...}`, `{"value": ..., "DateTime": ...}`).
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Object(object) => ["value", "Value", "Name"]
            .iter()
            .find_map(|key| object.get(*key))
            .map(|inner| match inner {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
            .unwrap_or_default(),
        _ => String::new(),
    }
}
