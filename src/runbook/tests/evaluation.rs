//! Conditions and texts at work: values, types kept, secrets, what is missing, and the resolved runbook.

use serde_json::json;

use super::*;
use crate::actions::{Conditions, Secrets};
use crate::record::{Effect, Section};

pub(super) fn holds(condition: &str) -> Result<bool, String> {
    let values = json!({
        "site": {"name": "Example", "domains": ["example.com"], "mailboxes": 25, "smarthost": null, "laboratory": false},
        "inputs": {"limit": 3, "ratio": 0.5, "big": u64::MAX},
        "steps": {
            "scan": {"status": "done", "outcome": "finding", "outputs": {"listed": [{"list": "a", "codes": [2]}]}, "findings": []},
            "other": {"status": "skipped", "outcome": null, "outputs": {}, "findings": []},
        },
        "findings": [{"code": "listed", "severity": "critical"}, {"code": "rdns-missing", "severity": "major"}],
        "result": {"listed": [], "not_sent": true},
        "server": {"host": "mx.example.com"},
    });
    Expression::compile(condition)
        .map_err(|error| error.to_string())?
        .holds(&values)
        .map_err(|error| error.to_string())
}

#[test]
fn conditions_are_judged() {
    for (condition, expected) in [
        ("true", true),
        ("size(steps.scan.outputs.listed) > 0", true),
        ("size(steps['scan'].outputs.listed) == 1", true),
        ("steps.scan.outputs.listed[0].list == 'a'", true),
        ("steps.scan.outputs.listed.exists(l, 2 in l.codes)", true),
        (
            "steps.other.status == 'skipped' && steps.other.outcome == null",
            true,
        ),
        ("has(steps.other.outputs.listed)", false),
        ("findings.exists(f, f.severity == 'critical')", true),
        ("findings.all(f, f.code == 'listed')", false),
        (
            "findings.filter(f, f.severity in ['critical', 'major']).size() == 2",
            true,
        ),
        (
            "findings.map(f, f.code) == ['listed', 'rdns-missing']",
            true,
        ),
        ("site.smarthost != null", false),
        ("site.mailboxes >= inputs.limit && inputs.ratio < 1.0", true),
        ("site.mailboxes % 10 == 5 ? true : false", true),
        ("'example.com' in site.domains && !site.laboratory", true),
        (
            "site.name.startsWith('Ex') && site.name.endsWith('le') && site.name.contains('amp')",
            true,
        ),
        (
            "string(site.mailboxes) == '25' && int('7') == 7 && double('1.5') > 1.0",
            true,
        ),
        ("size(result.listed) == 0 && result.not_sent", true),
        ("server.host == 'mx.example.com'", true),
    ] {
        assert_eq!(holds(condition), Ok(expected), "{condition}");
    }
}

#[test]
fn a_condition_that_cannot_be_judged_is_an_error_that_names_it() {
    for (condition, says) in [
        (
            "steps.other.outputs.listed.size() > 0",
            "there is no value 'listed'",
        ),
        ("nothing.here", "there is no variable 'nothing'"),
        ("site.name > 5", "site.name > 5"),
        ("size(findings)", "it is a int, not true or false"),
        ("inputs.limit / 0 == 1", "division by zero"),
        ("site.name ==", "cannot read the condition"),
    ] {
        let said = holds(condition).unwrap_err();
        assert!(said.contains(says), "{condition}: {said}");
        assert!(said.contains(condition), "{condition}: {said}");
    }
}

#[test]
fn references_tell_which_steps_are_read() {
    let references = |text: &str| Expression::compile(text).unwrap().references().clone();
    let seen = references(
        "steps.a.status == 'done' && size(steps['b'].outputs.listed) > 0 && steps.c.outcome == 'good'",
    );
    assert_eq!(seen.steps.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(seen.reads_status("a") && !seen.reads_status("b") && seen.reads_status("c"));
    let local = references("findings.exists(steps, steps.status == 'x') && has(site.notes)");
    assert!(local.steps.is_empty());
    assert_eq!(
        local.variables.iter().collect::<Vec<_>>(),
        ["findings", "site"]
    );
}

#[test]
fn every_function_that_is_offered_exists() {
    for name in typing::FUNCTIONS {
        let call = match *name {
            "size" => "size('a') == 1",
            "contains" => "'a'.contains('a')",
            "startsWith" => "'a'.startsWith('a')",
            "endsWith" => "'a'.endsWith('a')",
            "string" => "string(1) == '1'",
            "int" => "int('1') == 1",
            "double" => "double('1') == 1.0",
            "has" => "!has({'a': 1}.b)",
            "exists" => "[1].exists(x, x == 1)",
            "exists_one" => "[1].exists_one(x, x == 1)",
            "all" => "[1].all(x, x == 1)",
            "map" => "[1].map(x, x + 1) == [2]",
            "filter" => "[1].filter(x, x > 1) == []",
            other => panic!("no case for {other}"),
        };
        assert_eq!(holds(call), Ok(true), "{call}");
    }
}

pub(super) fn rendered(value: serde_json::Value) -> Result<serde_json::Value, String> {
    let values = json!({
        "site": {"name": "A & B <x>", "domains": ["a.example", "b.example"], "mailboxes": 5, "smarthost": null,
                 "helo": "{{secrets.token}} {{inputs.count}}"},
        "inputs": {"count": 1, "flag": true},
        "steps": {"scan": {"outputs": {"listed": [{"list": "one"}, {"list": "two"}],
                  "banner": "220 \u{e000}secret:token\u{e001} ready"}}},
    });
    Text::compile(&value)
        .map_err(|error| error.to_string())?
        .render(&values)
        .map_err(|error| error.to_string())
}

#[test]
fn texts_are_filled_and_a_lone_reference_keeps_its_type() {
    for (text, expected) in [
        (json!("plain"), json!("plain")),
        (json!("{{site.domains}}"), json!(["a.example", "b.example"])),
        (json!("{{ site.mailboxes }}"), json!(5)),
        (json!("{{{inputs.flag}}}"), json!(true)),
        (json!("{{site.smarthost}}"), json!(null)),
        (json!("{{steps.scan.outputs.listed.1.list}}"), json!("two")),
        (
            json!("{{steps.scan.outputs.listed.[0].list}}"),
            json!("one"),
        ),
        (json!("n={{site.mailboxes}}"), json!("n=5")),
        (json!("{{site.name}}!"), json!("A & B <x>!")),
        (
            json!("{{plural inputs.count \"request\" \"requests\"}}"),
            json!("1 request"),
        ),
        (
            json!("{{join site.domains \", \"}}"),
            json!("a.example, b.example"),
        ),
        (
            json!("{{#each steps.scan.outputs.listed}}{{list}};{{/each}}"),
            json!("one;two;"),
        ),
        (
            json!("{{#if site.smarthost}}yes{{else}}no{{/if}}"),
            json!("no"),
        ),
        (json!("\\{{not a reference}}"), json!("{{not a reference}}")),
        (
            json!("C:\\logs\\new \\\\host"),
            json!("C:\\logs\\new \\\\host"),
        ),
        (
            json!("C:\\logs\\new {{site.mailboxes}}"),
            json!("C:\\logs\\new 5"),
        ),
        (
            json!({"a": ["{{site.mailboxes}}", 1, null], "b": {"c": "{{site.name}}"}}),
            json!({"a": [5, 1, null], "b": {"c": "A & B <x>"}}),
        ),
    ] {
        assert_eq!(rendered(text.clone()), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_filled_in_is_never_evaluated_again() {
    let same = json!("{{secrets.token}} {{inputs.count}}");
    assert_eq!(rendered(json!("{{site.helo}}")), Ok(same));
    assert_eq!(
        rendered(json!("> {{site.helo}}")),
        Ok(json!("> {{secrets.token}} {{inputs.count}}"))
    );
}

#[test]
fn a_secret_becomes_a_placeholder_and_data_cannot_forge_one() {
    let placeholder = Secrets::placeholder("token");
    assert_eq!(rendered(json!("{{secrets.token}}")), Ok(json!(placeholder)));
    assert_eq!(
        rendered(json!("Bearer {{secrets.token}}")),
        Ok(json!(format!("Bearer {placeholder}")))
    );
    for text in [
        "{{steps.scan.outputs.banner}}",
        "x {{steps.scan.outputs.banner}}",
    ] {
        let value = rendered(json!(text)).unwrap();
        let value = value.as_str().unwrap();
        assert!(
            !value.contains('\u{e000}') && !value.contains('\u{e001}'),
            "{value}"
        );
    }
    assert!(rendered(json!(placeholder)).is_err());
}

#[test]
fn a_missing_value_is_an_error_that_names_it() {
    for (text, says) in [
        ("{{site.nothing}}", "there is no value 'site.nothing'"),
        ("x {{site.nothing}}", "there is no value 'site.nothing'"),
        ("{{site.smarthost.host}}", "site.smarthost has no value"),
        ("{{inputs.count.x}}", "there is no value 'inputs.count.x'"),
        ("{{steps.scan.outputs.listed.9}}", "outputs.listed.9"),
    ] {
        let said = rendered(json!(text)).unwrap_err();
        assert!(said.contains(says) && said.contains(text), "{text}: {said}");
    }
}

const RUNBOOK: &str = r#"
version: 1
name: t
inputs: {time: {type: duration, default: 2d}}
secrets: {token: {env: TOKEN}}
defaults: {timeout: 2m, retry: {attempts: 3, delay: 1s}}
steps:
  - {id: scan, action: blacklist.scan, with: {addresses: "{{site.outbound.addresses}}"}}
  - {id: rdns, action: rdns.verify, needs: [], timeout: 5s, retry: {attempts: 2}}
  - {id: relay, title: Try to relay, action: relay.test, with: {mode: prove}, foreach: {items: [a, b], as: host}}
  - id: clean
    action: wait
    with: {check: blacklist.scan, until: "size(result.listed) == 0", timeout: "{{inputs.time}}"}
  - id: call
    action: http.request
    continue_on_error: true
    retry: {attempts: 2, when: result.not_sent}
    with: {url: "http://hooks.example.com/", headers: {Authorization: "Bearer {{secrets.token}}"}}
  - {id: draft, action: delisting.draft, effect: external}
on_failure:
  - {id: tell, action: http.request, with: {url: "http://hooks.example.com/"}}
finally:
  - {id: last, action: rdns.verify}
  - {id: very_last, action: rdns.verify, on_interrupt: verify}
verify: [scan]
report: {template: handover.md}
"#;

#[test]
fn a_checked_runbook_has_everything_written_out() {
    let checked = checked(RUNBOOK).unwrap();
    let runbook = &checked.runbook;
    let needs: Vec<(&str, &[String])> = runbook
        .steps
        .iter()
        .map(|step| (step.id.as_str(), step.needs.as_slice()))
        .collect();
    let one = |id: &str| vec![id.to_owned()];
    assert_eq!(
        needs,
        [
            ("scan", [].as_slice()),
            ("rdns", &[]),
            ("relay", &one("rdns")),
            ("clean", &one("relay")),
            ("call", &one("clean")),
            ("draft", &one("call")),
            ("tell", &[]),
            ("last", &[]),
            ("very_last", &one("last")),
        ]
    );
    let step = |id| runbook.step(id).unwrap();
    assert_eq!(step("scan").title, "scan");
    assert_eq!(step("relay").title, "Try to relay");
    assert_eq!(step("scan").timeout.unwrap().as_secs(), 120);
    assert_eq!(step("rdns").timeout.unwrap().as_secs(), 5);
    assert_eq!(
        (
            step("scan").retry.attempts,
            step("scan").retry.delay.as_secs()
        ),
        (3, 1)
    );
    assert_eq!(
        (
            step("rdns").retry.attempts,
            step("rdns").retry.delay.as_secs()
        ),
        (2, 1)
    );
    // What must not be done twice, and what waits, does not take the default.
    for id in ["relay", "clean", "draft", "tell"] {
        assert_eq!(step(id).retry.attempts, 1, "{id}");
    }
    assert_eq!(step("relay").effect, Effect::External);
    assert_eq!(step("relay").on_interrupt, OnInterrupt::Verify);
    assert_eq!(step("scan").on_interrupt, OnInterrupt::Rerun);
    assert_eq!(step("very_last").on_interrupt, OnInterrupt::Verify);
    assert_eq!(step("draft").effect, Effect::External);
    assert!(step("call").continue_on_error);
    assert_eq!(
        step("call")
            .with
            .references()
            .secrets
            .iter()
            .collect::<Vec<_>>(),
        ["token"]
    );
    assert_eq!(step("clean").check.as_deref(), Some("blacklist.scan"));
    assert_eq!(runbook.section(Section::Finally).count(), 2);
    assert_eq!(runbook.report.as_deref(), Some("handover"));
    let values = json!({"inputs": {"time": "2d"}});
    let given = step("clean").with.render(&values).unwrap();
    assert_eq!(
        serde_json::Value::Object(given.clone()),
        json!({"check": "blacklist.scan", "until": "size(result.listed) == 0", "timeout": "2d"})
    );
    // An action asks for its condition by its text.
    let asked = given["until"].as_str().unwrap();
    let until = step("clean").condition(asked).unwrap();
    assert_eq!(until.holds(&json!({"result": {"listed": []}})), Ok(true));
    fn usable_by_actions<T: Send + Sync>(_: &T) {}
    usable_by_actions(until);
    usable_by_actions(&checked);
    let _: Option<&dyn Conditions> = None;
}

#[test]
fn inputs_are_read_checked_and_told_all_at_once() {
    let runbook = checked(
        "version: 1\nname: t\ninputs:\n  n: {type: int, min: 1, max: 9}\n  b: {type: bool, default: false}\n  d: {type: duration, default: 10d}\n  l: {type: list, default: []}\n  e: {type: enum, values: [red, blue], default: red}\n  p: {type: pattern, pattern: \"[a-z]+\", default: abc}\n  s: {type: string, default: \"\"}\nsteps:\n  - {id: scan, action: blacklist.scan}\n",
    )
    .unwrap()
    .runbook;
    let set = |given: &[(&str, &str)]| {
        let given: Vec<(String, String)> = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        inputs::resolve(&runbook.inputs, &given)
            .map(serde_json::Value::Object)
            .map_err(|faults| faults.to_string())
    };
    assert_eq!(
        set(&[
            ("n", "5"),
            ("b", "true"),
            ("l", "a, b"),
            ("l", "c"),
            ("e", "blue")
        ]),
        Ok(
            json!({"n": 5, "b": true, "l": ["a", "b", "c"], "e": "blue", "d": "10d", "p": "abc", "s": ""})
        )
    );
    assert_eq!(
        set(&[
            ("b", "x"),
            ("d", "soon"),
            ("e", "green"),
            ("p", "a1"),
            ("w", "1"),
            ("s", "a"),
            ("s", "b")
        ])
        .unwrap_err(),
        "input 'b' must be true or false, not 'x'\n\
         input 'd' must be a duration such as 30s, 2h or 3d, not 'soon'\n\
         input 'e' must be one of red, blue, not 'green'\n\
         input 'p' must be a text that matches [a-z]+, not 'a1'\n\
         input 'w' is not asked for by this runbook: known: n, b, d, l, e, p, s\n\
         input 's' is given twice\n\
         input 'n' must be given: --set n=1"
    );
    assert_eq!(
        set(&[("n", "10")]).unwrap_err(),
        "input 'n' must be a whole number from 1 to 9, not '10'"
    );
}

#[test]
fn amounts_round_up_for_concurrency_and_down_for_failures() {
    for (amount, sites, up, down) in [
        (Amount::Count(10), 3, 10, 10),
        (Amount::Count(0), 3, 1, 0),
        (Amount::Percent(5), 10, 1, 0),
        (Amount::Percent(5), 100, 5, 5),
        (Amount::Percent(5), 119, 6, 5),
        (Amount::Percent(100), 7, 7, 7),
        (Amount::Percent(0), 7, 1, 0),
        (Amount::Percent(50), 0, 1, 0),
    ] {
        assert_eq!(
            (amount.at_least_one(sites), amount.at_most(sites)),
            (up, down),
            "{amount:?} of {sites}"
        );
    }
}
