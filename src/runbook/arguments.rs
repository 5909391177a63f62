//! Checks the arguments of a step against what its action takes, and compiles them.

use serde_json::Map;

use super::draft::DraftStep;
use super::names::check_text;
use super::shape::{Scope, Shape, Wrong, check_of, literal};
use super::{Arguments, Expression, ExpressionError, Text, TextError, Vocabulary, typing, wait};
use crate::actions::{Action, Argument, Kind};
use crate::yaml::{Key, Node, Reader, Span, Value, hint};

/// Actions whose arguments are shown to people or written into documents: no secret may be in them.
const SHOWN: &[&str] = &[
    "approval",
    "manual",
    "wait",
    "document.render",
    "delisting.draft",
];

/// Actions that let time pass or wait for a person.
pub(super) const GATES: &[&str] = &["approval", "manual", "wait"];

/// What comes out of `with`.
#[derive(Default)]
pub(super) struct Compiled {
    pub(super) arguments: Arguments,
    /// Conditions among the arguments.
    pub(super) conditions: Vec<Expression>,
}

/// Checks and compiles `with`.
pub(super) fn check(
    reader: &mut Reader,
    scope: &mut Scope<'_>,
    vocabulary: &Vocabulary<'_>,
    step: &DraftStep,
    action: &dyn Action,
) -> Compiled {
    scope.secrets = !SHOWN.contains(&action.name());
    let check = check_of(step).and_then(|name| find(vocabulary, name));
    scope.result = check.map(Shape::outputs);
    let mut compiled = Compiled::default();
    let entries = entries(
        reader,
        scope,
        action,
        &step.with,
        step.action.span,
        &mut compiled.conditions,
    );
    let source: Map<String, serde_json::Value> = step
        .with
        .iter()
        .map(|(key, node)| (key.name.clone(), node.to_json()))
        .collect();
    if action.name() == "wait" {
        wait::check(reader, scope, vocabulary, step);
    }
    if action.name() == "document.render" {
        document(reader, vocabulary, step);
    }
    scope.secrets = false;
    scope.result = None;
    compiled.arguments = Arguments::new(source, entries);
    compiled
}

/// Arguments against their declarations.
pub(super) fn entries(
    reader: &mut Reader,
    scope: &Scope<'_>,
    action: &dyn Action,
    given: &[(Key, Node)],
    at: Span,
    conditions: &mut Vec<Expression>,
) -> Vec<(String, Text)> {
    let declared = action.arguments();
    for argument in declared.iter().filter(|argument| argument.required) {
        let is_given = given
            .iter()
            .any(|(key, node)| key.name == argument.name && !node.is_null());
        if !is_given {
            reader.fault(
                at,
                format!(
                    "action '{}' needs the argument '{}'",
                    action.name(),
                    argument.name
                ),
                format!("under 'with' add {}: {}", argument.name, argument.doc),
            );
        }
    }
    let mut texts = Vec::new();
    for (key, node) in given {
        let Some(argument) = declared.iter().find(|known| known.name == key.name) else {
            reader.fault_labelled(
                key.span,
                format!("action '{}' has no argument '{}'", action.name(), key.name),
                "unknown argument",
                match declared.is_empty() {
                    true => "it takes none".to_owned(),
                    false => hint(&key.name, declared.iter().map(|known| known.name)),
                },
            );
            continue;
        };
        if node.is_null() {
            continue;
        }
        if argument.kind == Kind::Condition {
            if let Some(expression) = condition(reader, scope, node, &format!("'{}'", key.name)) {
                // A condition goes to the action as it is written.
                texts.push((key.name.clone(), Text::fixed(expression.text().into())));
                conditions.push(expression);
            }
            continue;
        }
        literal_fits(reader, argument, node);
        if let Some(text) = compile(reader, scope, node) {
            reference_fits(reader, scope, argument, node, &text);
            texts.push((key.name.clone(), text));
        }
    }
    texts
}

/// A condition at its place. `None` with faults.
pub(super) fn condition(
    reader: &mut Reader,
    scope: &Scope<'_>,
    node: &Node,
    what: &str,
) -> Option<Expression> {
    let text = match &node.value {
        Value::Bool(value) => value.to_string(),
        _ => reader.text(node, what)?,
    };
    expression(reader, scope, &text, node.span)
}

/// A condition at its place. `None` with faults.
pub(super) fn expression(
    reader: &mut Reader,
    scope: &Scope<'_>,
    text: &str,
    span: Span,
) -> Option<Expression> {
    if text.contains("{{") {
        reader.fault(
            reader.file().part(span, "{{"),
            "a condition is not a text: it holds no {{references}}",
            "write the name alone: inputs.max_wait",
        );
        return None;
    }
    match Expression::compile(text) {
        Ok(expression) => {
            let faults = typing::check(&expression, scope);
            let good = faults.is_empty();
            note(reader, span, faults);
            good.then_some(expression)
        }
        Err(ExpressionError::Syntax { what, at, .. }) => {
            // Characters and bytes are the same in all but comments and quoted texts.
            let raw = reader.file().slice(span);
            let offset = raw.find(text).map_or(0, |begin| begin + at);
            let span = match raw.get(offset..) {
                Some(rest) if !rest.is_empty() && raw.contains(text) => Span::new(
                    span.start + offset.min(raw.len() - 1),
                    span.end.max(span.start + offset),
                ),
                _ => span,
            };
            reader.fault(
                span,
                format!("this condition is not valid CEL: {}", first_line(&what)),
                "compare with ==, join with && and ||, texts in 'single quotes'",
            );
            None
        }
        Err(other) => {
            reader.fault(span, other.to_string(), "");
            None
        }
    }
}

/// Compiles a value with the texts in it. `None` with faults.
pub(super) fn compile(reader: &mut Reader, scope: &Scope<'_>, node: &Node) -> Option<Text> {
    match &node.value {
        Value::Text(text) => text_of(reader, scope, text, node.span),
        Value::List(items) => {
            let texts: Vec<Option<Text>> = items
                .iter()
                .map(|item| compile(reader, scope, item))
                .collect();
            texts
                .into_iter()
                .collect::<Option<Vec<_>>>()
                .map(Text::list)
        }
        Value::Map(entries) => {
            let texts: Vec<Option<(String, Text)>> = entries
                .iter()
                .map(|(key, value)| Some((key.name.clone(), compile(reader, scope, value)?)))
                .collect();
            texts.into_iter().collect::<Option<Vec<_>>>().map(Text::map)
        }
        _ => Some(Text::fixed(node.to_json())),
    }
}

fn text_of(reader: &mut Reader, scope: &Scope<'_>, text: &str, span: Span) -> Option<Text> {
    let compiled = match Text::compile(&text.into()) {
        Ok(compiled) => compiled,
        Err(error) => {
            let (what, at) = match error {
                TextError::Syntax { what, at, .. } => (what, at),
                TextError::Fill { what, .. } => (what, None),
            };
            let part = match at.and_then(|place| rest_of_line(text, place)) {
                Some(rest) => reader.file().part(span, rest),
                None => reader.file().part(span, "{{"),
            };
            reader.fault(
                part,
                format!("this text is not valid: {what}"),
                "a reference is written {{site.name}}, a block {{#if x}}...{{/if}}",
            );
            return None;
        }
    };
    let faults = match (compiled.reference(), compiled.template()) {
        (Some(path), _) => {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            scope.resolve(&path).err().into_iter().collect()
        }
        (None, Some(template)) => check_text(template, scope),
        (None, None) => Vec::new(),
    };
    note(reader, span, faults);
    Some(compiled)
}

/// Notes faults of names. They come in the order of the text: the second of the same name is the second place of that name.
fn note(reader: &mut Reader, span: Span, faults: Vec<Wrong>) {
    let mut seen: Vec<String> = Vec::new();
    for wrong in faults {
        let before = seen.iter().filter(|part| **part == wrong.part).count();
        let place = reader.file().nth_part(span, &wrong.part, before);
        reader.fault(place, wrong.message, wrong.hint);
        seen.push(wrong.part);
    }
}

/// What is written out must be of the argument's kind.
fn literal_fits(reader: &mut Reader, argument: &Argument, node: &Node) {
    let what = format!("'{}'", argument.name);
    let has_reference = matches!(&node.value, Value::Text(text) if text.contains("{{"));
    if !has_reference {
        match argument.kind {
            Kind::Boolean => {
                reader.boolean(node, &what);
                return;
            }
            Kind::Integer => {
                reader.integer(node, &what, i64::MIN, i64::MAX);
                return;
            }
            Kind::Duration => {
                reader.duration(node, &what);
                return;
            }
            Kind::Choice(words) => {
                let words: Vec<(&str, ())> = words.iter().map(|word| (*word, ())).collect();
                reader.choice(node, &what, &words);
                return;
            }
            _ => {}
        }
    }
    if !bare_words(reader, node) {
        return;
    }
    match (argument.kind, &node.value) {
        (Kind::Text, Value::Text(_) | Value::Int(_) | Value::Float(_)) => {}
        (Kind::Text, _) => {
            reader.text(node, &what);
        }
        (Kind::TextList, Value::Text(_) | Value::Int(_)) => {}
        (Kind::TextList, Value::List(items)) => {
            for item in items {
                if !matches!(item.value, Value::Text(_) | Value::Int(_)) {
                    reader.text(item, &format!("each of {what}"));
                }
            }
        }
        (Kind::TextList, _) => {
            reader.texts(node, &what);
        }
        (Kind::List, Value::List(_)) | (Kind::Map, Value::Map(_)) => {}
        (Kind::List | Kind::Map, Value::Text(_)) if has_reference => {}
        (Kind::List, _) => {
            reader.list(node, &what);
        }
        (Kind::Map, _) => {
            reader.open(node, &what);
        }
        _ => {}
    }
}

/// False when there is a bare `yes`, `no`, `on` or `off` anywhere in it.
fn bare_words(reader: &mut Reader, node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => reader.unambiguous(node, text),
        Value::List(items) => items
            .iter()
            .fold(true, |good, item| bare_words(reader, item) && good),
        Value::Map(entries) => entries
            .iter()
            .fold(true, |good, (_, item)| bare_words(reader, item) && good),
        _ => true,
    }
}

/// What a reference leads to must be of the argument's kind, as far as it is known.
fn reference_fits(
    reader: &mut Reader,
    scope: &Scope<'_>,
    argument: &Argument,
    node: &Node,
    text: &Text,
) {
    let shape = match text.reference() {
        Some(path) => {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            match scope.resolve(&path) {
                Ok(shape) => shape,
                Err(_) => return,
            }
        }
        None if text.template().is_some() => Shape::Text,
        None => return,
    };
    let fits = match argument.kind {
        Kind::Text => !matches!(shape, Shape::List(_) | Shape::Record(_) | Shape::Bool),
        Kind::Integer => matches!(shape, Shape::Any | Shape::Number | Shape::Text),
        Kind::Boolean => matches!(shape, Shape::Any | Shape::Bool | Shape::Text),
        Kind::Duration | Kind::Choice(_) => matches!(shape, Shape::Any | Shape::Text),
        Kind::TextList => !matches!(shape, Shape::Record(_) | Shape::Bool),
        Kind::List => matches!(shape, Shape::Any | Shape::List(_)),
        Kind::Map => matches!(shape, Shape::Any | Shape::Record(_)),
        Kind::Condition | Kind::Any => true,
    };
    if !fits {
        reader.fault(
            node.span,
            format!(
                "'{}' ({}) cannot be {}",
                argument.name,
                argument.kind.describe(),
                shape.describe()
            ),
            match (argument.kind, text.reference()) {
                (Kind::Text, Some(path)) => {
                    format!("for one text write {{{{join {} \", \"}}}}", path.join("."))
                }
                (_, None) => {
                    "a text around a reference is always text; write the reference alone".to_owned()
                }
                _ => String::new(),
            },
        );
    }
}

fn document(reader: &mut Reader, vocabulary: &Vocabulary<'_>, step: &DraftStep) {
    let template = step.with.iter().find(|(key, _)| key.name == "template");
    if let Some((_, node)) = template
        && let Some(name) = literal(&node.value)
        && !vocabulary.templates.iter().any(|known| known == name)
    {
        reader.fault(
            node.span,
            format!("there is no template '{name}'"),
            hint(name, vocabulary.templates.iter().map(String::as_str)),
        );
    }
}

/// The action with this name.
pub(super) fn find<'a>(vocabulary: &Vocabulary<'a>, name: &str) -> Option<&'static dyn Action> {
    vocabulary
        .actions
        .iter()
        .copied()
        .find(|action| action.name() == name)
}

/// Notes an unknown action.
pub(super) fn unknown_action(
    reader: &mut Reader,
    vocabulary: &Vocabulary<'_>,
    name: &str,
    span: Span,
) {
    reader.fault_labelled(
        span,
        format!("there is no action '{name}'"),
        "unknown action",
        hint(name, vocabulary.actions.iter().map(|action| action.name())),
    );
}

/// What follows a place (line and column from 1) in its line, to be looked for in the file.
fn rest_of_line(text: &str, (line, column): (usize, usize)) -> Option<&str> {
    let line = text.lines().nth(line.checked_sub(1)?)?;
    let (at, _) = line.char_indices().nth(column.checked_sub(1)?)?;
    let rest = line[at..].trim_end();
    (!rest.is_empty()).then_some(rest)
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line
        .trim_start_matches("Syntax error: ")
        .trim_end_matches('.');
    line.to_owned()
}
