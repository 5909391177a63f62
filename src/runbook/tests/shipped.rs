//! The shipped runbooks that branch, in several worlds: which steps are carried out, which are left out, and do their texts fill.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{checked, shipped_text};
use crate::record::Section;
use crate::site::{Imap, ProbeMailbox, Site};

/// How a step ends in a world: outcome and outputs.
type World<'a> = BTreeMap<&'a str, (&'a str, Value)>;

/// The recovery runbook, carried out on paper.
fn carried_out(site: &Site, inputs: Value, findings: Value, world: &World<'_>) -> Vec<String> {
    carried_out_of("blacklist-recovery", site, inputs, findings, world)
}

/// Carries a runbook out on paper, by the rules of the engine: a skipped need skips, unless the condition reads its status.
fn carried_out_of(
    name: &str,
    site: &Site,
    inputs: Value,
    findings: Value,
    world: &World<'_>,
) -> Vec<String> {
    let runbook = checked(&shipped_text(name).unwrap()).unwrap().runbook;
    let mut values = json!({
        "site": site, "inputs": inputs, "findings": findings, "steps": {},
        "run": {"id": "r", "runbook": name, "started": "2026-11-24T08:00:00Z", "by": "ann", "mode": "run"},
    });
    let mut done = Vec::new();
    for step in runbook.section(Section::Steps) {
        let status = |id: &str| values["steps"][id]["status"].as_str().unwrap().to_owned();
        let reads = |id: &str| {
            step.when
                .as_ref()
                .is_some_and(|when| when.references().reads_status(id))
        };
        let left_out = step
            .needs
            .iter()
            .any(|need| status(need) == "skipped" && !reads(need))
            || step
                .when
                .as_ref()
                .is_some_and(|when| !when.holds(&values).unwrap());
        let ended = if left_out {
            json!({"status": "skipped", "outcome": null, "outputs": {}, "findings": []})
        } else {
            // What `foreach` gives each instance.
            values["file"] = json!("guide.md");
            step.with.render(&values).unwrap();
            done.push(step.id.clone());
            let (outcome, outputs) = world.get(step.id.as_str()).cloned().unwrap_or((
                "good",
                json!({"verdict": "ready", "form": {"folder": "logs"}}),
            ));
            json!({"status": "done", "outcome": outcome, "outputs": outputs, "findings": []})
        };
        values["steps"][&step.id] = ended;
    }
    done
}

fn site(with_smarthost: bool) -> Site {
    let smarthost = match with_smarthost {
        true => "smarthost: {host: relay.example.net}\n",
        false => "",
    };
    let text = format!(
        "id: example\nname: Example\ndomains: [example.com]\nlaboratory: true\noutbound: {{addresses: [192.0.2.25]}}\n{smarthost}"
    );
    crate::site::read(&text, "example.yaml", std::path::Path::new("")).unwrap()
}

fn finding(code: &str, severity: &str) -> Value {
    json!({"code": code, "severity": severity, "subject": "192.0.2.25", "summary": "something is wrong",
           "remedy": "put it right", "evidence": []})
}

const INPUTS: &str = r#"{"event_logs": [], "ptr_wait": "5d", "max_wait": "10d"}"#;

fn inputs(logs: &[&str]) -> Value {
    let mut inputs: Value = serde_json::from_str(INPUTS).unwrap();
    inputs["event_logs"] = json!(logs);
    inputs
}

#[test]
fn a_healthy_site_is_only_looked_at() {
    let world = World::from([("scan", ("good", json!({"listed": []})))]);
    let done = carried_out(&site(false), inputs(&[]), json!([]), &world);
    assert_eq!(done, ["scan", "rdns", "relay", "proofs"]);
}

#[test]
fn a_fault_in_the_proofs_alone_asks_for_no_clean_up() {
    for code in [
        "spf-missing",
        "dkim-missing",
        "dmarc-own-mail-fails",
        "mx-missing",
    ] {
        let world = World::from([
            ("scan", ("good", json!({"listed": []}))),
            ("proofs", ("finding", json!({}))),
        ]);
        let findings = json!([finding(code, "critical")]);
        let done = carried_out(&site(false), inputs(&[]), findings, &world);
        assert_eq!(done, ["scan", "rdns", "relay", "proofs"], "{code}");
    }
}

#[test]
fn a_sick_site_gets_the_whole_treatment_in_order() {
    let listed = json!([{"list": "some-list", "target": "192.0.2.25"}]);
    let world = World::from([
        ("scan", ("finding", json!({"listed": listed}))),
        ("rdns", ("finding", json!({}))),
        ("relay", ("finding", json!({}))),
        ("drafts", ("good", json!({"count": 1, "drafts": listed}))),
    ]);
    let findings = json!([
        finding("listed", "critical"),
        finding("relay-open", "critical")
    ]);
    let done = carried_out(&site(true), inputs(&["app.evtx"]), findings, &world);
    assert_eq!(
        done,
        [
            "scan",
            "rdns",
            "relay",
            "proofs",
            "smarthost",
            "events",
            "clean_up",
            "relay_again",
            "owner",
            "ptr_request",
            "ptr_asked",
            "ptr_set",
            "switch_outbound",
            "drafts",
            "may_we_file",
            "file_requests",
            "lists_clean"
        ]
    );
}

#[test]
fn a_list_that_takes_no_requests_is_waited_for_all_the_same() {
    let listed = json!([{"list": "some-list", "target": "192.0.2.25"}]);
    let world = World::from([
        ("scan", ("finding", json!({"listed": listed}))),
        (
            "drafts",
            ("not_applicable", json!({"count": 0, "drafts": []})),
        ),
    ]);
    let findings = json!([finding("listed", "major")]);
    let done = carried_out(&site(false), inputs(&[]), findings, &world);
    assert_eq!(
        done,
        [
            "scan",
            "rdns",
            "relay",
            "proofs",
            "fetch_logs",
            "fetched_events",
            "clean_up",
            "relay_again",
            "owner",
            "drafts",
            "lists_clean"
        ]
    );
}

#[test]
fn bad_reverse_dns_alone_leads_to_the_request_alone() {
    let world = World::from([
        ("scan", ("good", json!({"listed": []}))),
        ("rdns", ("finding", json!({}))),
    ]);
    let findings = json!([finding("rdns-generic", "minor")]);
    let done = carried_out(&site(true), inputs(&[]), findings, &world);
    assert_eq!(
        done,
        [
            "scan",
            "rdns",
            "relay",
            "proofs",
            "smarthost",
            "owner",
            "ptr_request",
            "ptr_asked",
            "ptr_set"
        ]
    );
}

#[test]
fn mail_is_not_switched_to_a_smarthost_that_is_not_good() {
    let listed = json!([{"list": "some-list", "target": "192.0.2.25"}]);
    let world = World::from([
        ("scan", ("finding", json!({"listed": listed}))),
        ("smarthost", ("unknown", json!({}))),
        ("drafts", ("good", json!({"count": 1, "drafts": listed}))),
    ]);
    let done = carried_out(
        &site(true),
        inputs(&[]),
        json!([finding("listed", "critical")]),
        &world,
    );
    assert!(!done.contains(&"switch_outbound".to_owned()), "{done:?}");
    assert!(done.contains(&"file_requests".to_owned()), "{done:?}");
}

fn cut_over(inputs: Value, world: &World<'_>) -> Vec<String> {
    let mut all = json!({
        "gateway": "", "smarthost_port": 587, "gateway_listen": "192.0.2.9", "old_servers": [], "accounts": [],
        "messages_per_hour": 1, "recipients_per_hour": 1, "outgoing_logs": [], "soak": "24h",
    });
    all.as_object_mut()
        .unwrap()
        .extend(inputs.as_object().unwrap().clone());
    let mut site = site(true);
    site.probe = Some(crate::site::ProbeMailbox {
        imap: Some(crate::site::Imap::default()),
        ..Default::default()
    });
    let findings = json!([finding("smarthost-login", "critical")]);
    carried_out_of("smarthost-cutover", &site, all, findings, world)
}

const SWITCHED: [&str; 6] = [
    "switch",
    "direct_closed",
    "soak",
    "stopped",
    "spf_narrow",
    "proof",
];

#[test]
fn a_cut_over_goes_straight_when_all_is_well() {
    let done = cut_over(json!({}), &World::new());
    let first = ["smarthost", "inbound", "ready", "spf_wider", "arrives"];
    assert_eq!(done, [&first[..], &SWITCHED].concat());
}

#[test]
fn a_gateway_and_logs_add_their_steps() {
    let inputs = json!({"gateway": "gw.example.com", "outgoing_logs": ["mail.log"]});
    let remotes = json!({"remotes": [{"host": "relay.example.net"}]});
    let done = cut_over(inputs, &World::from([("logs", ("good", remotes))]));
    for step in ["gateway_files", "gateway_up", "logs", "proof"] {
        assert!(done.contains(&step.to_owned()), "{step}: {done:?}");
    }
}

#[test]
fn nothing_is_switched_before_the_smarthost_is_ready() {
    let blocked = json!({"verdict": "blocked", "blocked_at": "H12"});
    let mended = World::from([("smarthost", ("finding", blocked.clone()))]);
    let done = cut_over(json!({}), &mended);
    assert_eq!(done[2..5], ["repair", "smarthost_again", "ready"]);
    let still = World::from([
        ("smarthost", ("finding", blocked.clone())),
        ("smarthost_again", ("finding", blocked)),
    ]);
    let done = cut_over(json!({}), &still);
    assert_eq!(done, ["smarthost", "inbound", "repair", "smarthost_again"]);
}

#[test]
fn a_message_that_is_lost_is_looked_for_before_the_switch() {
    let lost = json!({"arrived": false, "message_id": "<a@b>", "reason": "it never arrived"});
    let done = cut_over(json!({}), &World::from([("arrives", ("finding", lost))]));
    let at = |id: &str| done.iter().position(|step| step == id).unwrap();
    assert!(at("arrives") < at("not_arrived") && at("not_arrived") < at("switch"));
}

/// The relay audit, when the first test ended with this verdict.
fn audited(outcome: &str, verdict: &str, prove: bool, findings: Value) -> Vec<String> {
    let outputs = json!({"retry_after": null, "verdict": verdict, "reason": "as seen"});
    let world = World::from([("screen", (outcome, outputs))]);
    let inputs = json!({"greylist_wait": "4h", "prove": prove, "proof_wait": "15m"});
    let site = Site {
        probe: Some(ProbeMailbox {
            imap: Some(Imap::default()),
            ..ProbeMailbox::default()
        }),
        ..site(false)
    };
    carried_out_of("relay-audit", &site, inputs, findings, &world)
}

#[test]
fn a_closed_relay_is_only_looked_at() {
    let done = audited("good", "closed", true, json!([]));
    assert_eq!(done, ["screen", "server"]);
}

#[test]
fn a_suspected_relay_is_proved_with_leave_closed_by_a_person_and_tested_again() {
    let findings = json!([finding("relay-suspected", "major")]);
    for (prove, between) in [(true, &["may_we_prove", "prove"][..]), (false, &[])] {
        let done = audited("finding", "suspected", prove, findings.clone());
        let expected = [&["screen", "server"], between, &["close", "screen_again"]].concat();
        assert_eq!(done, expected);
    }
}

#[test]
fn a_server_that_takes_everything_is_a_case_for_a_message() {
    let done = audited("unknown", "undetermined", true, json!([]));
    assert_eq!(done, ["screen", "server", "may_we_prove", "prove"]);
}

#[test]
fn logs_are_asked_for_when_something_is_wrong_and_none_were_named() {
    let listed = json!([{"list": "some-list", "target": "192.0.2.25"}]);
    let world = World::from([
        ("scan", ("finding", json!({"listed": listed}))),
        (
            "fetch_logs",
            ("good", json!({"form": {"folder": "/tmp/logs"}})),
        ),
        ("drafts", ("good", json!({"count": 1, "drafts": listed}))),
    ]);
    let findings = json!([finding("listed", "critical")]);
    let done = carried_out(&site(false), inputs(&[]), findings, &world);
    assert_eq!(
        done[..7],
        [
            "scan",
            "rdns",
            "relay",
            "proofs",
            "fetch_logs",
            "fetched_events",
            "clean_up"
        ]
    );
}
