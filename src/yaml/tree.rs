//! The spanned tree: a YAML text in which every key and value knows its place.
//!
//! Strict where YAML readers differ: only `true` and `false` are booleans, `017` and `1_000` are texts, `.inf` is refused.
//! Duplicate keys, merge keys, tags of our own making and more than one document are refused, and budgets stop alias bombs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, MergeKeyPolicy, Spanned};

use super::{Diagnostic, Diagnostics, SourceFile, Span, plain};

/// Bytes of text that are read at most.
const MAX_BYTES: usize = 1 << 20;
/// Mappings, lists and scalars, aliases unfolded.
pub(super) const MAX_NODES: usize = 50_000;
/// Nesting.
pub(super) const MAX_DEPTH: usize = 32;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it is. For a list or mapping: the key it belongs to, else its first key.
    pub span: Span,
}

/// A key and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it is.
    pub span: Span,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, or `null`, or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number; finite.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, without repeated keys.
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// The same as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(number) => Json::from(*number),
            Value::Float(number) => Json::from(*number),
            Value::Text(text) => Json::from(text.as_str()),
            Value::List(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.name.clone(), node.to_json()))
                    .collect(),
            ),
        }
    }

    /// What it is, for people: `text`, `a list`, ...
    pub fn describe(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// True for nothing, `null` and `~`.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }
}

/// Reads a text.
///
/// # Errors
/// A syntax error, or all repeated and unusable keys at once.
pub fn parse(file: &Arc<SourceFile>) -> Result<Node, Diagnostics> {
    if file.text.len() > MAX_BYTES {
        return Err(Diagnostics::one(Diagnostic::of_file(
            file,
            format!(
                "the file has {} bytes, more than the {MAX_BYTES} that are read",
                file.text.len()
            ),
            "a runbook or site file is written by hand; is this the right file?",
        )));
    }
    match plain::read(file) {
        Some(node) => Ok(node),
        None => parse_whole(file),
    }
}

/// Reads a text of which nothing is known.
pub(super) fn parse_whole(file: &Arc<SourceFile>) -> Result<Node, Diagnostics> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        // Repeated keys reach our visitor, so that all of them are told at once.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        // Files written by hand repeat little; an alias bomb is cut off early.
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_NODES / 10 },
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_total_scalar_bytes: MAX_BYTES * 4,
        },
    };
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(&file.text, options)
        .map_err(|error| Diagnostics::one(explain(file, &error)))?;
    let mut faults = Diagnostics::default();
    let node = plant(file, raw, None, &mut faults);
    if faults.is_empty() {
        Ok(node)
    } else {
        Err(faults.sorted())
    }
}

/// A value as the reader gives it.
enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

fn plant(
    file: &Arc<SourceFile>,
    raw: Spanned<Raw>,
    key: Option<Span>,
    faults: &mut Diagnostics,
) -> Node {
    let own = span_of(file, raw.referenced);
    match raw.value {
        Raw::Scalar(value) => Node {
            span: match key {
                Some(key) if own.start == own.end => key,
                _ => trimmed(file, own),
            },
            value,
        },
        Raw::List(items) => {
            let items: Vec<Node> = items
                .into_iter()
                .map(|item| plant(file, item, None, faults))
                .collect();
            let first = items.first().map(|item| item.span);
            Node {
                span: key.or(first).unwrap_or(own),
                value: Value::List(items),
            }
        }
        Raw::Map(entries) => {
            let mut planted: Vec<(Key, Node)> = Vec::with_capacity(entries.len());
            let mut seen: HashMap<String, Span> = HashMap::new();
            for (key, value) in entries {
                let span = span_of(file, key.referenced);
                let Raw::Scalar(Value::Text(name)) = key.value else {
                    faults.0.push(Diagnostic {
                        message: "a key must be text".to_owned(),
                        label: "this key".to_owned(),
                        span: Some(span),
                        hint: Some("put it in quotes".to_owned()),
                        file: Arc::clone(file),
                    });
                    continue;
                };
                if let Some(first) = seen.get(&name) {
                    let (line, _) = file.position(first.start);
                    faults.0.push(Diagnostic {
                        message: format!("the key '{name}' is given twice"),
                        label: "again here".to_owned(),
                        span: Some(span),
                        hint: Some(format!("it was given in line {line} first; keep one")),
                        file: Arc::clone(file),
                    });
                    continue;
                }
                seen.insert(name.clone(), span);
                let node = plant(file, value, Some(span), faults);
                planted.push((Key { name, span }, node));
            }
            let first = planted.first().map(|(key, _)| key.span);
            Node {
                span: key.or(first).unwrap_or(own),
                value: Value::Map(planted),
            }
        }
    }
}

/// Without the line ends after a block of text.
pub(super) fn trimmed(file: &SourceFile, span: Span) -> Span {
    let kept = file.slice(span).trim_end().len();
    if kept == 0 {
        span
    } else {
        Span::new(span.start, span.start + kept)
    }
}

pub(super) fn span_of(file: &SourceFile, location: Location) -> Span {
    let span = location.span();
    let length = |bytes: u64| usize::try_from(bytes).unwrap_or(0);
    let start = match span.byte_offset() {
        Some(bytes) => length(bytes),
        // The parser's own errors count in characters only.
        None => file
            .text
            .char_indices()
            .nth(length(span.offset()))
            .map_or(file.text.len(), |(byte, _)| byte),
    };
    let long = span
        .byte_len()
        .map_or_else(|| usize::from(start < file.text.len()), length);
    let mut end = (start + long).min(file.text.len());
    let start = start.min(end);
    while !file.text.is_char_boundary(end) {
        end += 1;
    }
    Span::new(start, end)
}

fn explain(file: &Arc<SourceFile>, error: &serde_saphyr::Error) -> Diagnostic {
    use serde_saphyr::Error as E;
    let error = error.without_snippet();
    let said = error.to_string();
    let (message, hint) = match error {
        E::MultipleDocuments { .. } => (
            "the file holds more than one document".to_owned(),
            "split it at '---'; one file is one runbook or one site",
        ),
        E::MergeKeyNotAllowed { .. } => (
            "merge keys (<<) are not read".to_owned(),
            "write the fields out; `defaults` is there for what all steps share",
        ),
        _ if ["budget breached", "recursion limit", "alias"]
            .iter()
            .any(|limit| said.contains(limit) && !said.contains("unknown")) =>
        {
            (
                "the file is nested too deeply, or its aliases unfold to too much".to_owned(),
                "32 levels and 50000 values are read at most",
            )
        }
        _ if said.contains("unsupported tag") => (
            without_place(&said).to_owned(),
            "tags (!name) have no meaning here; write the value alone",
        ),
        _ if said.contains("non-finite float") => (
            "infinity and not-a-number are not read".to_owned(),
            "write a number, or put it in quotes if it is text",
        ),
        _ => (
            format!("this is not valid YAML: {}", without_place(&said)),
            "check indentation, colons and quotes here and in the line before; a text with ': ' or '#' or that begins with '{' needs quotes",
        ),
    };
    Diagnostic {
        message,
        label: "here".to_owned(),
        span: error.location().map(|location| span_of(file, location)),
        hint: Some(hint.to_owned()),
        file: Arc::clone(file),
    }
}

pub(super) fn without_place(said: &str) -> &str {
    said.rsplit_once(" at line ").map_or(said, |(what, _)| what)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Planter)
    }
}

struct Planter;

impl<'de> Visitor<'de> for Planter {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(Planter)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Int(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
        i64::try_from(value)
            .map(|value| Raw::Scalar(Value::Int(value)))
            .map_err(|_| E::custom("the number is too large; put it in quotes if it is text"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Text(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Text(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
