//! Why a text that is YAML is not the type that was read from it.

use std::sync::Arc;

use super::tree::{span_of, without_place};
use super::{Diagnostic, Diagnostics, Node, SourceFile, Span, Value, hint, parse};

/// The faults of a file that could not be read as a type: those that its YAML has, or the first that its fields have.
pub fn misfit(file: &Arc<SourceFile>, error: &serde_saphyr::Error) -> Diagnostics {
    let tree = match parse(file) {
        Ok(tree) => tree,
        Err(faults) => return faults,
    };
    let error = error.without_snippet();
    let said = error.to_string();
    let said = without_place(&said);
    let at = error.location().map(|location| span_of(file, location));
    let (message, advice) = explained(said);
    Diagnostics::one(Diagnostic {
        message,
        label: "here".to_owned(),
        span: at.map(|at| token(&tree, at).unwrap_or(at)),
        hint: advice,
        file: Arc::clone(file),
    })
}

/// The reader's words in ours, and what to do.
fn explained(said: &str) -> (String, Option<String>) {
    for what in ["unknown field", "unknown variant"] {
        let rest = said.split_once(what).map(|(_, rest)| rest);
        let Some((name, known)) = rest.and_then(|rest| {
            let mut parts = rest.splitn(3, '`');
            Some((parts.nth(1)?, parts.next()?))
        }) else {
            continue;
        };
        let known = known.rsplit_once("one of ").map_or("", |(_, known)| known);
        let known: Vec<&str> = known
            .split(", ")
            .map(|name| name.trim_matches('`'))
            .filter(|name| !name.is_empty())
            .collect();
        let message = match what {
            "unknown field" => format!("there is no field '{name}' here"),
            _ => format!("'{name}' is none of the words that may stand here"),
        };
        return (message, Some(hint(name, known.iter().copied())));
    }
    if let Some(name) = said
        .split_once("missing field `")
        .and_then(|(_, rest)| rest.split('`').next())
    {
        return (
            format!("this needs '{name}'"),
            Some(format!("add '{name}: ...'")),
        );
    }
    let (message, advice) = match said.strip_prefix("invalid ") {
        Some("bool" | "boolean") => ("this is neither true nor false", "write true or false"),
        Some(kind) if kind.starts_with(['u', 'i']) && kind[1..].parse::<u8>().is_ok() => (
            "this is not a whole number, or too large a one",
            "write digits alone, such as 5",
        ),
        _ => (said, ""),
    };
    let advice = (!advice.is_empty()).then(|| advice.to_owned());
    (message.to_owned(), advice)
}

/// The key or the single value at a place: a place of the reader is a point.
fn token(node: &Node, at: Span) -> Option<Span> {
    let holds = |span: Span| (span.start..span.end).contains(&at.start);
    match &node.value {
        Value::Map(entries) => entries.iter().find_map(|(key, value)| {
            if holds(key.span) {
                Some(key.span)
            } else {
                token(value, at)
            }
        }),
        Value::List(items) => items.iter().find_map(|item| token(item, at)),
        _ => holds(node.span).then_some(node.span),
    }
}
