//! Runbooks under test: what ships, every rule both ways, and no text that panics.
#![allow(clippy::unwrap_used)]

mod evaluation;
mod robust;
mod rules;
mod schema;
mod shipped;
mod standins;

use super::*;

/// Checks a text against the stand-ins.
fn checked(text: &str) -> Result<Checked, Diagnostics> {
    let actions = standins::actions();
    check(text, "test.yaml", &vocabulary(&actions))
}

fn vocabulary<'a>(actions: &'a [&'static dyn Action]) -> Vocabulary<'a> {
    Vocabulary {
        actions,
        templates: vec![
            "handover.md".to_owned(),
            "handover.html".to_owned(),
            "isp-ptr-request.md".to_owned(),
            "address-choice.md".to_owned(),
        ],
    }
}

#[test]
fn shipped_runbooks_are_good_and_explain_each_step() {
    assert_eq!(
        shipped(),
        [
            "blacklist-recovery",
            "health-check",
            "relay-audit",
            "smarthost-cutover"
        ]
    );
    for name in shipped() {
        let checked = match checked(&shipped_text(&name).unwrap()) {
            Ok(checked) => checked,
            Err(faults) => panic!("{name}:\n{}", faults.render(false, 100)),
        };
        assert_eq!(checked.runbook.name, name);
        assert!(checked.runbook.description.is_some());
        for step in &checked.runbook.steps {
            assert!(
                step.description.is_some(),
                "{name}: {} says no why",
                step.id
            );
            assert_ne!(step.title, step.id, "{name}: {} has no title", step.id);
        }
    }
}

/// The stand-ins must not tell another story than the real actions and templates.
#[test]
fn shipped_runbooks_are_good_with_the_real_actions_and_templates() {
    let vocabulary = Vocabulary::of(&Templates::default());
    for name in shipped() {
        if let Err(faults) = load(Path::new(&name), &vocabulary) {
            panic!("{name}:\n{}", faults.render(false, 100));
        }
    }
}

#[test]
fn a_shipped_runbook_is_found_by_its_name_and_a_wrong_name_is_helped() {
    let actions = standins::actions();
    let vocabulary = vocabulary(&actions);
    let found = load(Path::new("health-check"), &vocabulary).unwrap();
    assert_eq!(found.origin, "health-check");
    assert_eq!(found.digest.len(), 64);
    let said = load(Path::new("helth-check"), &vocabulary)
        .unwrap_err()
        .plain();
    assert!(said.contains("did you mean 'health-check'"), "{said}");
}

/// Two readers of YAML must see the same thing in what ships: it catches what YAML 1.1 and 1.2 disagree about.
#[test]
fn both_yaml_readers_see_the_same_runbooks() {
    for name in shipped() {
        let text = shipped_text(&name).unwrap();
        let ours = yaml::parse(&SourceFile::new(&name, &text))
            .unwrap()
            .to_json();
        let theirs: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(ours, theirs, "{name}");
    }
}
