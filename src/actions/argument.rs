//! Arguments and outputs of actions: how they are declared, and how an action reads what it was given.

use std::time::Duration;

use serde_json::{Map, Value};

/// What kind of value an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// true or false.
    Boolean,
    /// `30s`, `2h`, `3d`.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts; one text stands for a list of one.
    TextList,
    /// A list of anything.
    List,
    /// A mapping.
    Map,
    /// A CEL expression, compiled when the runbook is checked.
    Condition,
    /// Anything.
    Any,
}

impl Kind {
    /// Name for people: `text`, `list of texts`, ...
    pub fn describe(self) -> String {
        match self {
            Kind::Text => "text".to_owned(),
            Kind::Integer => "whole number".to_owned(),
            Kind::Boolean => "true or false".to_owned(),
            Kind::Duration => "duration such as 30s, 2h, 3d".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::TextList => "list of texts".to_owned(),
            Kind::List => "list".to_owned(),
            Kind::Map => "mapping".to_owned(),
            Kind::Condition => "condition (CEL)".to_owned(),
            Kind::Any => "anything".to_owned(),
        }
    }
}

/// One documented argument.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Key under `with:`.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Must it be given?
    pub required: bool,
    /// Where its value comes from when it is not given, in words; empty when required.
    pub default: &'static str,
    /// What it is, in one line.
    pub doc: &'static str,
}

impl Argument {
    /// An argument that may be left out; `default` says in words what happens then.
    pub const fn optional(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Argument {
            name,
            kind,
            required: false,
            default,
            doc,
        }
    }

    /// An argument that must be given.
    pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Argument {
            name,
            kind,
            required: true,
            default: "",
            doc,
        }
    }
}

/// One documented output.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Name under `steps.ID.outputs`.
    pub name: &'static str,
    /// What it holds, in one line.
    pub doc: &'static str,
}

impl Output {
    /// An output.
    pub const fn new(name: &'static str, doc: &'static str) -> Self {
        Output { name, doc }
    }
}

/// The arguments of one step, filled in. Secrets in them are still placeholders, see `Context::reveal`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Args(pub Map<String, Value>);

/// An argument that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("argument '{name}' {what}")]
pub struct ArgumentError {
    /// Which argument.
    pub name: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl Args {
    fn wrong(name: &str, expected: &str, got: &Value) -> ArgumentError {
        let mut got = got.to_string();
        if got.len() > 60 {
            got = got.chars().take(57).collect::<String>() + "...";
        }
        ArgumentError {
            name: name.to_owned(),
            what: format!("must be {expected}, not {got}"),
        }
    }

    /// The raw value, if given and not null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text; numbers count as text.
    ///
    /// # Errors
    /// When it is given and is something else.
    pub fn text(&self, name: &str) -> Result<Option<String>, ArgumentError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(Self::wrong(name, "text", other)),
        }
    }

    /// A text that must be there and not be empty.
    ///
    /// # Errors
    /// When it is missing, empty or something else.
    pub fn required_text(&self, name: &str) -> Result<String, ArgumentError> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| ArgumentError {
                name: name.to_owned(),
                what: "is missing".to_owned(),
            })
    }

    /// A whole number.
    ///
    /// # Errors
    /// When it is given and is something else.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, ArgumentError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_i64()
                .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
                .map(Some)
                .ok_or_else(|| Self::wrong(name, "a whole number", value)),
        }
    }

    /// true or false.
    ///
    /// # Errors
    /// When it is given and is something else.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ArgumentError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(text)) if text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if text == "false" => Ok(Some(false)),
            Some(other) => Err(Self::wrong(name, "true or false", other)),
        }
    }

    /// A duration (`30s`, `2h`, `3d`).
    ///
    /// # Errors
    /// When it is given and is something else.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>, ArgumentError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => match crate::yaml::duration(text) {
                Some(duration) => Ok(Some(duration)),
                None => Err(Self::wrong(
                    name,
                    "a duration such as 30s, 2h or 3d",
                    &Value::String(text.clone()),
                )),
            },
            Some(other) => Err(Self::wrong(name, "a duration such as 30s, 2h or 3d", other)),
        }
    }

    /// A list of texts; a single text stands for a list of one. `None` when not given.
    ///
    /// # Errors
    /// When it is given and is something else.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, ArgumentError> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| text(item).ok_or_else(|| Self::wrong(name, "a list of texts", item)))
                .collect::<Result<Vec<_>, _>>()
                .map(Some),
            Some(value) => text(value)
                .map(|text| Some(vec![text]))
                .ok_or_else(|| Self::wrong(name, "a list of texts", value)),
        }
    }

    /// A mapping. Empty when not given.
    ///
    /// # Errors
    /// When it is given and is something else.
    pub fn map(&self, name: &str) -> Result<Map<String, Value>, ArgumentError> {
        match self.get(name) {
            None => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map.clone()),
            Some(other) => Err(Self::wrong(name, "a mapping", other)),
        }
    }
}
