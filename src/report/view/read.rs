//! Careful reading of outputs: whatever shape an old or odd run left, the answer is a text, a list or nothing.
//!
//! Everything that comes from the world is made harmless here: a banner may hold terminal commands, a name may turn the
//! direction of the text around it.

use serde_json::{Map, Value};

/// Stands for a value that is not there.
static NOTHING: Value = Value::Null;

/// The member `key` of an object; null when it is not there.
pub(super) fn get<'a>(value: &'a Value, key: &str) -> &'a Value {
    value.get(key).unwrap_or(&NOTHING)
}

/// The elements of the list `key`; none when it is not a list.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    get(value, key).as_array().map_or(&[], Vec::as_slice)
}

/// The member `key` as one line of text; empty when it is not there.
pub(crate) fn text(value: &Value, key: &str) -> String {
    plain(get(value, key))
}

/// The first of `keys` that holds a text.
pub(crate) fn first_text(value: &Value, keys: &[&str]) -> String {
    keys.iter()
        .map(|key| text(value, key))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// The same, as an option.
pub(crate) fn some_text(value: &Value, keys: &[&str]) -> Option<String> {
    let text = first_text(value, keys);
    (!text.is_empty()).then_some(text)
}

/// The member `key` as a list of texts. A single value is a list of one.
pub(super) fn texts(value: &Value, key: &str) -> Vec<String> {
    match get(value, key) {
        Value::Null => Vec::new(),
        Value::Array(items) => items
            .iter()
            .map(plain)
            .filter(|text| !text.is_empty())
            .collect(),
        one => {
            let one = plain(one);
            if one.is_empty() {
                Vec::new()
            } else {
                vec![one]
            }
        }
    }
}

/// A count that may be given as a number or as the list of what is counted.
pub(super) fn count(value: &Value, key: &str) -> Option<u64> {
    match get(value, key) {
        Value::Array(items) => Some(items.len() as u64),
        other => other.as_u64(),
    }
}

/// Any value as one line for people: never JSON, never `null`.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => line(text),
        Value::Array(items) => items
            .iter()
            .map(plain)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
        Value::Object(members) => pairs(members),
    }
}

/// `code: 127.0.0.2, meaning: SBL`.
fn pairs(members: &Map<String, Value>) -> String {
    members
        .iter()
        .map(|(name, value)| (name, plain(value)))
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{}: {text}", words(name)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `not_before` -> `not before`. What already is a text of several words stays as it is.
pub(super) fn words(name: &str) -> String {
    if name.contains(' ') {
        line(name)
    } else {
        line(&name.replace(['_', '-'], " "))
    }
}

/// One clean line.
pub(crate) fn line(text: &str) -> String {
    lines(text).join(" ").trim().to_owned()
}

/// Clean lines, without line ends; blank ones at the end are left out.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            line.chars()
                .filter_map(harmless)
                .collect::<String>()
                .trim_end()
                .to_owned()
        })
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// Control characters become a visible mark; those that turn the direction of writing go.
fn harmless(character: char) -> Option<char> {
    match character {
        '\t' => Some(' '),
        '\r' => None,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        control if control.is_control() => Some('\u{fffd}'),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_value_is_a_line_without_json() {
        for (value, expected) in [
            (json!(null), ""),
            (json!(true), "yes"),
            (json!(3), "3"),
            (json!("a\r\nb\u{1b}[31m"), "a b\u{fffd}[31m"),
            (json!(["a", null, 2]), "a, 2"),
            (
                json!({"code": "127.0.0.2", "not_before": null, "look_up": ["x", "y"]}),
                "code: 127.0.0.2, look up: x, y",
            ),
            (json!("x\u{202e}gnp.exe"), "xgnp.exe"),
        ] {
            assert_eq!(plain(&value), expected);
        }
    }

    #[test]
    fn counts_may_be_lists() {
        let value = json!({"a": 3, "b": [1, 2], "c": "many"});
        assert_eq!(count(&value, "a"), Some(3));
        assert_eq!(count(&value, "b"), Some(2));
        assert_eq!(count(&value, "c"), None);
        assert_eq!(texts(&value, "c"), ["many"]);
        assert!(texts(&value, "d").is_empty());
    }
}
