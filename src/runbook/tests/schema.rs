//! The schema for editors agrees with the parser: same fields, and every good runbook conforms.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{standins, vocabulary};
use crate::runbook::{Vocabulary, parse, schema, shipped, shipped_text};
use crate::templates::Templates;
use crate::yaml::{self, SourceFile, cases, conform};

fn tree(text: &str) -> Value {
    yaml::parse(&SourceFile::new("test.yaml", text))
        .unwrap()
        .to_json()
}

#[test]
fn the_schema_knows_the_fields_of_the_parser() {
    let schema = schema(&Vocabulary::of(&Templates::default()));
    let fields = |pointer: &str| -> BTreeSet<String> {
        schema
            .pointer(pointer)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(fields("/properties"), known(parse::RUNBOOK_FIELDS));
    assert_eq!(fields("/$defs/step/properties"), known(parse::STEP_FIELDS));
    for action in crate::actions::ACTIONS {
        let text = schema.to_string();
        assert!(text.contains(action.summary()), "{}", action.name());
        for argument in action.arguments() {
            assert!(text.contains(argument.doc), "{}", argument.name);
        }
    }
}

#[test]
fn every_good_runbook_conforms() {
    let actions = standins::actions();
    let schema = schema(&vocabulary(&actions));
    for name in shipped() {
        let text = shipped_text(&name).unwrap();
        assert_eq!(conform::fault(&schema, &tree(&text)), None, "{name}");
    }
    for (name, good) in cases::good("runbook") {
        assert_eq!(conform::fault(&schema, &tree(&good)), None, "{name}");
    }
}

#[test]
fn the_schema_finds_what_an_editor_can_find() {
    let actions = standins::actions();
    let schema = schema(&vocabulary(&actions));
    for name in [
        "unknown-field",
        "unknown-step-field",
        "action-unknown",
        "argument-unknown",
        "argument-missing",
        "argument-kinds",
        "id-missing",
        "id-form",
        "steps-empty",
        "version-unknown",
        "rollout",
        "lock",
        "retry-values",
        "secret-written-out",
        "foreach-text",
    ] {
        let faulty = cases::faulty("runbook", name);
        assert!(conform::fault(&schema, &tree(&faulty)).is_some(), "{name}");
    }
}
