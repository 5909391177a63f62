//! The inputs of a run: what was given with `--set`, and the defaults, checked against what the runbook asks for.

use serde_json::{Map, Value};

use super::{Input, InputKind};

/// An input that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("input '{name}' {what}")]
pub struct InputFault {
    /// Which input.
    pub name: String,
    /// What is wrong and what would be right.
    pub what: String,
}

/// All faults of the inputs at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InputFaults(pub Vec<InputFault>);

impl std::fmt::Display for InputFaults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// The values of all inputs, by name: those given as texts (`--set NAME=VALUE`), else the defaults.
///
/// # Errors
/// Unknown names, values that do not fit, inputs that must be given and are not: all at once.
pub fn resolve(
    inputs: &[Input],
    given: &[(String, String)],
) -> Result<Map<String, Value>, InputFaults> {
    let mut faults = Vec::new();
    let mut values = Map::new();
    for (name, text) in given {
        let Some(input) = inputs.iter().find(|input| input.name == *name) else {
            let known = inputs.iter().map(|input| input.name.as_str());
            faults.push(InputFault {
                name: name.clone(),
                what: format!(
                    "is not asked for by this runbook: {}",
                    crate::yaml::hint(name, known)
                ),
            });
            continue;
        };
        match input.kind.read(text) {
            Ok(value) if values.contains_key(name) => {
                // A list may be given item by item.
                match (values.get_mut(name), value) {
                    (Some(Value::Array(all)), Value::Array(more)) => all.extend(more),
                    _ => faults.push(InputFault {
                        name: name.clone(),
                        what: "is given twice".to_owned(),
                    }),
                }
            }
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err(expected) => faults.push(InputFault {
                name: name.clone(),
                what: format!("must be {expected}, not '{text}'"),
            }),
        }
    }
    for input in inputs {
        if values.contains_key(&input.name) || given.iter().any(|(name, _)| *name == input.name) {
            continue;
        }
        match &input.default {
            Some(default) => {
                values.insert(input.name.clone(), default.clone());
            }
            None => faults.push(InputFault {
                name: input.name.clone(),
                what: format!(
                    "must be given: --set {}={}",
                    input.name,
                    input.kind.example()
                ),
            }),
        }
    }
    match faults.is_empty() {
        true => Ok(values),
        false => Err(InputFaults(faults)),
    }
}

/// The values of all inputs for work that goes on from a recorded run: those given as texts, else those of the record where
/// they still fit, else the defaults.
///
/// # Errors
/// As for [`resolve`].
pub fn carry(
    inputs: &[Input],
    recorded: &Map<String, Value>,
    given: &[(String, String)],
) -> Result<Map<String, Value>, InputFaults> {
    let mut asked = inputs.to_vec();
    for input in &mut asked {
        let before = recorded.get(&input.name);
        if let Some(value) = before.filter(|value| input.kind.fits(value).is_ok()) {
            input.default = Some(value.clone());
        }
    }
    resolve(&asked, given)
}

impl InputKind {
    /// Reads a value from text. The error says what was expected.
    ///
    /// # Errors
    /// What the input takes, in words.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let value = match self {
            InputKind::Integer { .. } => text
                .trim()
                .parse::<i64>()
                .map(Value::from)
                .map_err(|_| self.describe())?,
            InputKind::Boolean => match text.trim() {
                "true" | "yes" => Value::Bool(true),
                "false" | "no" => Value::Bool(false),
                _ => return Err(self.describe()),
            },
            InputKind::List => Value::Array(
                text.split([',', '\n'])
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(Value::from)
                    .collect(),
            ),
            _ => Value::from(text),
        };
        self.fits(&value).map(|()| value)
    }

    /// Does a value fit?
    ///
    /// # Errors
    /// What the input takes, in words.
    pub fn fits(&self, value: &Value) -> Result<(), String> {
        let fits = match (self, value) {
            (InputKind::Text, Value::String(_)) | (InputKind::Boolean, Value::Bool(_)) => true,
            (InputKind::Integer { min, max }, Value::Number(number)) => {
                number.as_i64().is_some_and(|number| {
                    min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max)
                })
            }
            (InputKind::Duration, Value::String(text)) => crate::yaml::duration(text).is_some(),
            (InputKind::List, Value::Array(items)) => items.iter().all(Value::is_string),
            (InputKind::Choice(words), Value::String(text)) => words.contains(text),
            (InputKind::Pattern(pattern), Value::String(text)) => pattern.is_match(text),
            _ => false,
        };
        fits.then_some(()).ok_or_else(|| self.describe())
    }

    /// What it takes, in words.
    pub fn describe(&self) -> String {
        match self {
            InputKind::Text => "text".to_owned(),
            InputKind::Integer { min, max } => match (min, max) {
                (Some(min), Some(max)) => format!("a whole number from {min} to {max}"),
                (Some(min), None) => format!("a whole number of at least {min}"),
                (None, Some(max)) => format!("a whole number of at most {max}"),
                (None, None) => "a whole number".to_owned(),
            },
            InputKind::Boolean => "true or false".to_owned(),
            InputKind::Duration => "a duration such as 30s, 2h or 3d".to_owned(),
            InputKind::List => "a list of texts".to_owned(),
            InputKind::Choice(words) => format!("one of {}", words.join(", ")),
            InputKind::Pattern(pattern) => {
                let text = pattern.as_str();
                // As the author wrote it, without what makes it match as a whole.
                let text = text.strip_prefix("^(?:").unwrap_or(text);
                format!(
                    "a text that matches {}",
                    text.strip_suffix(")$").unwrap_or(text)
                )
            }
        }
    }

    fn example(&self) -> String {
        match self {
            InputKind::Integer { min, .. } => min.unwrap_or(1).to_string(),
            InputKind::Boolean => "true".to_owned(),
            InputKind::Duration => "2h".to_owned(),
            InputKind::List => "A,B".to_owned(),
            InputKind::Choice(words) => words.first().cloned().unwrap_or_default(),
            InputKind::Text | InputKind::Pattern(_) => "TEXT".to_owned(),
        }
    }
}
