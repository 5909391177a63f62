//! Whatever is written into a runbook, checking it ends, quickly and without a panic.

use proptest::prelude::*;
use serde_json::json;

use super::evaluation::{holds, rendered};
use super::*;

/// A runbook of ten thousand steps is silly, and must still be judged in no time.
#[test]
fn a_long_runbook_is_checked_quickly() {
    let mut text = "version: 1\nname: t\nsteps:\n".to_owned();
    for n in 0..2_000 {
        text.push_str(&format!("  - {{id: s{n}, action: blacklist.scan}}\n"));
    }
    let started = std::time::Instant::now();
    assert_eq!(checked(&text).unwrap().runbook.steps.len(), 2_000);
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_runbook_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "version: 1\n", "name: t\n", "steps:\n", "  - id: a\n", "    action: wait\n", "    action: blacklist.scan\n",
        "    with: {check: blacklist.scan, until: \"size(result.x) >\"}\n", "    when: \"a.b[0].c\"\n", "    when: \"((((\"\n",
        "    with:\n      prompt: \"{{#each x}}{{/if}}\"\n", "    needs: [a, b]\n", "    needs:\n", "    foreach: {items: x, as: site}\n",
        "    retry: {attempts: 9}\n", "inputs: {a: {type: pattern, pattern: \"(\"}}\n", "verify: [a]\n", "é: 'ü'\n", "finally:\n",
        "secrets: {a: b}\n", "rollout: {canary: -1}\n", "    effect: local\n", "  - {}\n", "report:\n", "[", "}", "\"",
    ]), 0..25)) {
        if let Err(faults) = checked(&parts.concat()) {
            prop_assert!(!faults.is_empty());
            let _ = faults.render(false, 80);
        }
    }

    #[test]
    fn no_condition_panics(text in "[a-z.()\\[\\]'!&|<>=+*/%?:, 0-9{}\\\\\"é]{0,60}") {
        let quoted = serde_json::to_string(&text).unwrap();
        let runbook = format!("version: 1\nname: t\nsteps:\n  - {{id: a, action: blacklist.scan, when: {quoted}}}\n");
        if let Err(faults) = checked(&runbook) {
            let _ = faults.render(false, 80);
        }
        let _ = holds(&text);
    }

    #[test]
    fn no_text_panics(text in "[a-z.@/{}#^~&>|()\\[\\]'\" \\\\é]{0,60}") {
        let quoted = serde_json::to_string(&format!("{{{{{text}}}}}")).unwrap();
        let runbook = format!("version: 1\nname: t\nsteps:\n  - {{id: a, action: manual, with: {{instructions: {quoted}}}}}\n");
        if let Err(faults) = checked(&runbook) {
            let _ = faults.render(false, 80);
        }
        let _ = rendered(json!(text));
        let _ = rendered(json!(format!("{{{{{text}}}}}")));
    }

    #[test]
    fn a_reference_that_passes_the_check_can_be_filled(name in prop::sample::select(vec!["name", "id", "domains", "timezone", "servers", "outbound"])) {
        let site = serde_json::to_value(crate::site::Site::default()).unwrap();
        let text = Text::compile(&json!(format!("{{{{site.{name}}}}}"))).unwrap();
        prop_assert_eq!(text.render(&json!({"site": site})).unwrap(), site[name].clone());
    }
}

/// The parsers recurse; no condition and no text may bring the process down, on the smallest stack there is.
#[test]
fn depth_overflows_no_stack() {
    let conditions = |n: usize| {
        [
            format!("{}true", "!".repeat(n)),
            format!("{}1 == 1", "-".repeat(n)),
            format!("{}true{}", "(".repeat(n), ")".repeat(n)),
            format!("{}true{} == []", "[".repeat(n), "]".repeat(n)),
            format!("{}1{} == 1", "(".repeat(10), ")".repeat(10)) + &"+1".repeat(n.min(58)),
            format!("{}1", "(1+".repeat(n.min(10))) + &"+1".repeat(40) + &")".repeat(n.min(10)),
            format!("site{} == 1", ".a".repeat(n)),
            format!("1{} == 1", "+1".repeat(n)),
            format!("true{}", "&&true".repeat(n)),
            format!("true{}", " == true".repeat(n)),
            format!("{}true", "true?true:".repeat(n)),
            format!("findings{} == 1", "[0]".repeat(n)),
            "[1].exists(x, ".repeat(n) + "true" + &")".repeat(n),
        ]
    };
    let texts = |n: usize| {
        [
            format!("{{{{x {}a{}}}}}", "(not ".repeat(n), ")".repeat(n)),
            "{{#if site.name}}".repeat(n) + "a" + &"{{/if}}".repeat(n),
            "{{#if site.name}}".repeat(n),
            format!(
                "{{{{#if site.name}}}}{}{{{{/if}}}}",
                "{{else if site.name}}x".repeat(n)
            ),
            format!("{{{{site{}}}}}", ".a".repeat(n)),
            format!("{{{{{}}}}}", "../".repeat(n)),
        ]
    };
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let work = move || {
        for n in [1, 10, 24, 400, 20_000] {
            for text in conditions(n) {
                let quoted = serde_json::to_string(&text).unwrap();
                let _ = checked(&format!(
                    "version: 1\nname: t\nsteps:\n  - {{id: a, action: blacklist.scan, when: {quoted}}}\n"
                ));
                let _ = holds(&text);
            }
            for text in texts(n) {
                let quoted = serde_json::to_string(&text).unwrap();
                let _ = checked(&format!(
                    "version: 1\nname: t\nsteps:\n  - {{id: a, action: manual, with: {{instructions: {quoted}}}}}\n"
                ));
                let _ = rendered(json!(text));
            }
        }
    };
    small.spawn(work).unwrap().join().unwrap();
}

#[test]
fn line_ends_and_byte_order_marks_of_windows_are_read() {
    let text =
        "\u{feff}version: 1\r\nname: t\r\nsteps:\r\n  - {id: scan, action: blacklist.scan}\r\n";
    assert_eq!(checked(text).unwrap().runbook.steps.len(), 1);
    let faulty = text.replace("action", "akt\u{e9}");
    let said = checked(&faulty).unwrap_err().plain();
    assert!(
        said.contains("test.yaml:4:16: a step has no field 'akt\u{e9}'"),
        "{said}"
    );
}
