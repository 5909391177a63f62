//! Tree -> draft: field names and types, one field at a time. What depends on other fields is the business of `validate`.

use std::collections::BTreeMap;

use regex::Regex;

use super::draft::{At, Draft, DraftForeach, DraftRetry, DraftStep, amount};
use super::{Amount, Input, InputKind, Lock, OnInterrupt, Rollout};
use crate::record::{Effect, Section};
use crate::site::{SecretRef, secret_ref};
use crate::yaml::{Fields, Node, Reader, Value};

/// The version of the language that is read.
pub(super) const VERSION: i64 = 1;

/// Fields of a runbook.
pub(super) const RUNBOOK_FIELDS: &[&str] = &[
    "version",
    "name",
    "description",
    "inputs",
    "secrets",
    "defaults",
    "rollout",
    "lock",
    "steps",
    "on_failure",
    "finally",
    "verify",
    "report",
];

/// Fields of a step.
pub(super) const STEP_FIELDS: &[&str] = &[
    "id",
    "title",
    "description",
    "action",
    "with",
    "when",
    "needs",
    "timeout",
    "retry",
    "continue_on_error",
    "foreach",
    "effect",
    "on_interrupt",
];

const EFFECTS: &[(&str, Effect)] = &[
    ("probe", Effect::Probe),
    ("local", Effect::Local),
    ("external", Effect::External),
];

const ON_INTERRUPT: &[(&str, OnInterrupt)] = &[
    ("rerun", OnInterrupt::Rerun),
    ("verify", OnInterrupt::Verify),
    ("skip", OnInterrupt::Skip),
    ("ask", OnInterrupt::Ask),
];

const LOCKS: &[(&str, Lock)] = &[
    ("runbook", Lock::Runbook),
    ("site", Lock::Site),
    ("nothing", Lock::Nothing),
];

/// Words of `type:` of an input.
pub(super) const INPUT_TYPES: &[&str] = &[
    "string", "int", "bool", "duration", "list", "enum", "pattern",
];

/// Reads the fields of a runbook. `None` when its version is not ours: nothing else can be judged then.
pub(super) fn parse(reader: &mut Reader, node: &Node) -> Option<Draft> {
    if let Value::Map(_) = node.value {
        let version = reader.open(node, "a runbook").get("version");
        if let Some(version) = version
            && version.value != Value::Int(VERSION)
        {
            let written = reader.file().slice(version.span).to_owned();
            reader.fault(
                version.span,
                format!(
                    "this is version {written} of the runbook language; version {VERSION} is read"
                ),
                "write 'version: 1', or use a newer mailmedic",
            );
            return None;
        }
    }
    let fields = reader.fields(node, "a runbook", RUNBOOK_FIELDS);
    reader.required(&fields, "version", "a runbook");
    let name = reader
        .required(&fields, "name", "a runbook")
        .and_then(|node| {
            let name = reader.text(node, "'name'")?;
            let good = name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
            if !good {
                reader.fault(
                    node.span,
                    format!("'{name}' is not a name of a runbook"),
                    "lower-case letters, digits and '-'; 'description' takes any text",
                );
            }
            Some(name)
        })
        .unwrap_or_default();
    reader.required(&fields, "steps", "a runbook");
    let mut steps = Vec::new();
    for (key, section) in [
        ("steps", Section::Steps),
        ("on_failure", Section::OnFailure),
        ("finally", Section::Finally),
    ] {
        if let Some(node) = fields.get(key) {
            let items = reader.list(node, &format!("'{key}'"));
            if items.is_empty() && matches!(node.value, Value::List(_)) {
                reader.fault(node.span, format!("'{key}' is empty"), "");
            }
            for item in items {
                steps.extend(step(reader, item, section));
            }
        }
    }
    let defaults = fields
        .get("defaults")
        .map(|node| reader.fields(node, "'defaults'", &["timeout", "retry"]));
    let default = |key| defaults.as_ref().and_then(|fields| fields.get(key));
    Some(Draft {
        name,
        description: text(reader, &fields, "description"),
        inputs: inputs(reader, &fields),
        secrets: secrets(reader, &fields),
        timeout: default("timeout")
            .and_then(|node| positive(reader, node, "'timeout'"))
            .map(|at| at.value),
        retry: default("retry")
            .map(|node| retry(reader, node))
            .unwrap_or_default(),
        rollout: fields
            .get("rollout")
            .map(|node| rollout(reader, node))
            .unwrap_or_default(),
        lock: fields
            .get("lock")
            .and_then(|node| reader.choice(node, "'lock'", LOCKS))
            .unwrap_or_default(),
        steps,
        verify: fields
            .get("verify")
            .map(|node| names(reader, node, "'verify'"))
            .unwrap_or_default(),
        report: fields.get("report").and_then(|node| {
            let fields = reader.fields(node, "'report'", &["template"]);
            let node = reader.required(&fields, "template", "'report'")?;
            Some(At::new(reader.text(node, "'template'")?, node.span))
        }),
    })
}

fn step(reader: &mut Reader, node: &Node, section: Section) -> Option<DraftStep> {
    let fields = reader.fields(node, "a step", STEP_FIELDS);
    let id = reader
        .required(&fields, "id", "a step")
        .and_then(|node| identifier(reader, node, "'id'"));
    let what = match &id {
        Some(id) => format!("step '{}'", id.value),
        None => "a step".to_owned(),
    };
    let action = reader
        .required(&fields, "action", &what)
        .and_then(|node| Some(At::new(reader.text(node, "'action'")?, node.span)));
    let needs = match fields.raw("needs") {
        Some(node) if node.is_null() => {
            reader.fault(
                node.span,
                "'needs' is empty: does the step need nothing, or the step before it?",
                "write 'needs: []' for nothing, or leave 'needs' out for the step before",
            );
            None
        }
        Some(node) => Some(names(reader, node, "'needs'")),
        None => None,
    };
    let with = fields
        .get("with")
        .map(|node| reader.open(node, "'with'").entries().to_vec())
        .unwrap_or_default();
    let condition = fields
        .get("when")
        .and_then(|node| expression(reader, node, "'when'"));
    let step = DraftStep {
        title: text(reader, &fields, "title"),
        description: text(reader, &fields, "description"),
        section,
        with,
        when: condition,
        needs,
        timeout: fields
            .get("timeout")
            .and_then(|node| positive(reader, node, "'timeout'")),
        retry: fields
            .get("retry")
            .map(|node| At::new(retry(reader, node), node.span)),
        continue_on_error: fields
            .get("continue_on_error")
            .and_then(|node| reader.boolean(node, "'continue_on_error'"))
            .unwrap_or(false),
        foreach: fields.get("foreach").and_then(|node| foreach(reader, node)),
        effect: fields.get("effect").and_then(|node| {
            Some(At::new(
                reader.choice(node, "'effect'", EFFECTS)?,
                node.span,
            ))
        }),
        on_interrupt: fields.get("on_interrupt").and_then(|node| {
            Some(At::new(
                reader.choice(node, "'on_interrupt'", ON_INTERRUPT)?,
                node.span,
            ))
        }),
        id: id?,
        action: action?,
    };
    Some(step)
}

fn foreach(reader: &mut Reader, node: &Node) -> Option<DraftForeach> {
    let fields = reader.fields(node, "'foreach'", &["items", "as", "max_concurrent"]);
    let items = reader.required(&fields, "items", "'foreach'").cloned();
    let alias = reader
        .required(&fields, "as", "'foreach'")
        .and_then(|node| identifier(reader, node, "'as'"));
    let max_concurrent = fields
        .get("max_concurrent")
        .and_then(|node| reader.integer(node, "'max_concurrent'", 1, 1_000))
        .and_then(|number| u32::try_from(number).ok());
    Some(DraftForeach {
        items: items?,
        alias: alias?,
        max_concurrent,
    })
}

fn retry(reader: &mut Reader, node: &Node) -> DraftRetry {
    let fields = reader.fields(node, "'retry'", &["attempts", "delay", "when"]);
    DraftRetry {
        attempts: fields
            .get("attempts")
            .and_then(|node| {
                reader.integer(node, "'attempts' (all tries, the first included)", 1, 100)
            })
            .and_then(|number| u32::try_from(number).ok()),
        delay: fields
            .get("delay")
            .and_then(|node| reader.duration(node, "'delay'")),
        when: fields
            .get("when")
            .and_then(|node| expression(reader, node, "'when'")),
    }
}

fn rollout(reader: &mut Reader, node: &Node) -> Rollout {
    let known = ["max_concurrent", "max_failures", "canary", "order"];
    let fields = reader.fields(node, "'rollout'", &known);
    let default = Rollout::default();
    let order = fields
        .get("order")
        .map(|node| reader.texts(node, "'order'"));
    let mut read = |key: &str, least: u32| {
        let node = fields.get(key)?;
        let found = match &node.value {
            Value::Int(number) => u32::try_from(*number).ok().map(Amount::Count),
            Value::Text(text) => amount(text),
            _ => None,
        };
        let enough = match found {
            Some(Amount::Count(count)) => count >= least,
            Some(Amount::Percent(percent)) => u32::from(percent) >= least,
            None => false,
        };
        if !enough {
            reader.fault(
                node.span,
                format!("'{key}' must be a number of sites, or a share of them"),
                format!("from {least} up, or like 5%"),
            );
            return None;
        }
        found
    };
    Rollout {
        max_concurrent: read("max_concurrent", 1).unwrap_or(default.max_concurrent),
        max_failures: read("max_failures", 0).unwrap_or(default.max_failures),
        canary: read("canary", 0).unwrap_or(default.canary),
        order: order.into_iter().flatten().map(|(tag, _)| tag).collect(),
    }
}

fn inputs(reader: &mut Reader, fields: &Fields<'_>) -> Vec<Input> {
    let Some(node) = fields.get("inputs") else {
        return Vec::new();
    };
    let entries = reader.open(node, "'inputs'").entries();
    let mut inputs = Vec::new();
    for (key, node) in entries {
        if !is_identifier(&key.name) {
            reader.fault(
                key.span,
                format!("'{}' is not a name of an input", key.name),
                "lower-case letters, digits and '_', a letter first",
            );
        }
        inputs.extend(input(reader, &key.name, node));
    }
    inputs
}

fn input(reader: &mut Reader, name: &str, node: &Node) -> Option<Input> {
    let what = format!("input '{name}'");
    let known = [
        "type",
        "default",
        "description",
        "values",
        "pattern",
        "min",
        "max",
    ];
    let fields = reader.fields(node, &what, &known);
    let words: Vec<(&str, usize)> = INPUT_TYPES.iter().copied().zip(0..).collect();
    let kind_node = reader.required(&fields, "type", &what)?;
    let word = INPUT_TYPES[reader.choice(kind_node, "'type'", &words)?];
    for (key, belongs) in [
        ("values", "enum"),
        ("pattern", "pattern"),
        ("min", "int"),
        ("max", "int"),
    ] {
        if let Some(node) = fields.raw(key)
            && word != belongs
        {
            reader.fault(
                node.span,
                format!("'{key}' has no meaning for an input of type {word}"),
                format!("it belongs to 'type: {belongs}'"),
            );
        }
    }
    let kind = match word {
        "int" => {
            let mut bound = |key| {
                let node = fields.get(key)?;
                reader.integer(node, &format!("'{key}'"), i64::MIN, i64::MAX)
            };
            InputKind::Integer {
                min: bound("min"),
                max: bound("max"),
            }
        }
        "bool" => InputKind::Boolean,
        "duration" => InputKind::Duration,
        "list" => InputKind::List,
        "enum" => {
            let node = reader.required(&fields, "values", &what)?;
            let words = reader.texts(node, "'values'");
            InputKind::Choice(words.into_iter().map(|(word, _)| word).collect())
        }
        "pattern" => {
            let node = reader.required(&fields, "pattern", &what)?;
            let text = reader.text(node, "'pattern'")?;
            // The whole text must match: a pattern that is found somewhere inside guards nothing.
            match Regex::new(&format!("^(?:{text})$")) {
                Ok(pattern) => InputKind::Pattern(pattern),
                Err(_) => {
                    reader.fault(
                        node.span,
                        format!("'{text}' is not a regular expression"),
                        "brackets closed? a '\\' is best kept in 'single quotes'",
                    );
                    return None;
                }
            }
        }
        _ => InputKind::Text,
    };
    let default = fields.get("default").map(|node| {
        let value = node.to_json();
        let ambiguous = match &node.value {
            Value::Text(text) if word != "bool" => !reader.unambiguous(node, text),
            _ => false,
        };
        if !ambiguous && let Err(expected) = kind.fits(&value) {
            reader.fault(
                node.span,
                format!("the default of {what} must be {expected}"),
                match (&kind, &node.value) {
                    (InputKind::Boolean, _) => "write true or false",
                    (InputKind::List, _) => "write [a, b]",
                    (InputKind::Integer { .. }, _) => "",
                    (_, Value::Int(_) | Value::Float(_) | Value::Bool(_)) => "put it in quotes",
                    _ => "",
                },
            );
        }
        value
    });
    Some(Input {
        name: name.to_owned(),
        kind,
        default,
        description: text(reader, &fields, "description"),
    })
}

fn secrets(reader: &mut Reader, fields: &Fields<'_>) -> BTreeMap<String, SecretRef> {
    let mut secrets = BTreeMap::new();
    let Some(node) = fields.get("secrets") else {
        return secrets;
    };
    for (key, node) in reader.open(node, "'secrets'").entries() {
        if !is_identifier(&key.name) {
            reader.fault(
                key.span,
                format!("'{}' is not a name of a secret", key.name),
                "lower-case letters, digits and '_', a letter first",
            );
        }
        let what = format!("secret '{}'", key.name);
        if let Some(place) = secret_ref(reader, node, &what, None) {
            secrets.insert(key.name.clone(), place);
        }
    }
    secrets
}

fn names(reader: &mut Reader, node: &Node, what: &str) -> Vec<At<String>> {
    reader
        .texts(node, what)
        .into_iter()
        .map(|(text, span)| At::new(text, span))
        .collect()
}

fn text(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Option<String> {
    let node = fields.get(key)?;
    reader.text(node, &format!("'{key}'"))
}

fn positive(reader: &mut Reader, node: &Node, what: &str) -> Option<At<std::time::Duration>> {
    let duration = reader.duration(node, what)?;
    if duration.is_zero() {
        reader.fault(node.span, format!("{what} must be longer than nothing"), "");
        return None;
    }
    Some(At::new(duration, node.span))
}

/// A condition; `when: true` and `when: false` are conditions too.
fn expression(reader: &mut Reader, node: &Node, what: &str) -> Option<At<String>> {
    if let Value::Bool(value) = node.value {
        return Some(At::new(value.to_string(), node.span));
    }
    Some(At::new(reader.text(node, what)?, node.span))
}

fn identifier(reader: &mut Reader, node: &Node, what: &str) -> Option<At<String>> {
    let text = reader.text(node, what)?;
    if !is_identifier(&text) {
        reader.fault(
            node.span,
            format!("{what} cannot be '{text}'"),
            "lower-case letters, digits and '_', a letter first: check_rdns",
        );
    }
    Some(At::new(text, node.span))
}

/// `[a-z][a-z0-9_]*`
pub(super) fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
