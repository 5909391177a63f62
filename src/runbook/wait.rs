//! The rules of the action `wait`, which names another action in its arguments.

use super::Vocabulary;
use super::arguments::{GATES, entries, find, unknown_action};
use super::draft::DraftStep;
use super::shape::{Scope, literal};
use crate::actions::Args;
use crate::record::Effect;
use crate::yaml::{Key, Node, Reader, Value};

/// Checks what is peculiar to `wait`: one thing to wait for, and a check that only looks.
pub(super) fn check(
    reader: &mut Reader,
    scope: &Scope<'_>,
    vocabulary: &Vocabulary<'_>,
    step: &DraftStep,
) {
    let given = |name: &str| step.with.iter().find(|(key, _)| key.name == name);
    let ways: Vec<&(Key, Node)> = ["for", "until_time", "check"]
        .into_iter()
        .filter_map(given)
        .collect();
    match ways.as_slice() {
        [] => reader.fault(
            step.action.span,
            "there is nothing to wait for",
            "under 'with' add one of 'for', 'until_time' and 'check'",
        ),
        [_] => {}
        [_, (second, _), ..] => reader.fault(
            second.span,
            "a wait is for one thing",
            "keep one of 'for', 'until_time' and 'check'",
        ),
    }
    let Some((_, check)) = given("check") else {
        for name in ["arguments", "until", "every", "timeout", "on_timeout"] {
            if let Some((key, _)) = given(name) {
                reader.fault(
                    key.span,
                    format!("'{name}' belongs to a wait with a 'check'"),
                    "",
                );
            }
        }
        return;
    };
    let Some(name) = literal(&check.value) else {
        reader.fault(
            check.span,
            "'check' must be the name of an action",
            "it is looked up when the runbook is checked, so it cannot be a reference",
        );
        return;
    };
    let Some(action) = find(vocabulary, name) else {
        unknown_action(reader, vocabulary, name, check.span);
        return;
    };
    let arguments: &[(Key, Node)] = match given("arguments").map(|(_, node)| &node.value) {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    };
    let source = arguments
        .iter()
        .map(|(key, node)| (key.name.clone(), node.to_json()))
        .collect();
    if GATES.contains(&name) || action.effect_with(&Args(source)) != Effect::Probe {
        reader.fault(
            check.span,
            format!("'{name}' cannot be repeated by a wait: it does more than look"),
            "a wait repeats an action whose effect is probe",
        );
        return;
    }
    let mut conditions = Vec::new();
    entries(
        reader,
        scope,
        action,
        arguments,
        check.span,
        &mut conditions,
    );
}
