//! Requests for listings as scans put them out, with what a run would know.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::actions::Report;
use crate::actions::desk::Desk;
use crate::record::{Evidence, Severity, StepOutcome};
use crate::site::Site;

const ADDRESS: &str = "203.0.113.10";

/// A site after its clean-up: listed, cause found, a person has written down what was done, checks passed.
fn cleaned_up() -> Desk {
    let mut desk = Desk {
        site: site(),
        ..Desk::default()
    };
    let at = "2026-11-18T09:00:00Z".parse().unwrap();
    let mut relay = desk.finding("relay-open", Severity::Critical, "mail.example.org:25");
    relay.summary = "mail.example.org relays mail of strangers on port 25".to_owned();
    let step = desk.ended("relay.test", json!({"verdict": "open"}));
    step.findings.push(relay);
    step.finished = Some(at);
    desk.findings.clear();
    desk.ended("blacklist.scan", json!({"listed": listed()}))
        .finished = Some(at);
    let mut listing = desk.finding(
        "listed",
        Severity::Critical,
        &format!("{ADDRESS} on zen.spamhaus.org"),
    );
    listing.evidence = vec![
        Evidence::new(
            "dns",
            "10.113.0.203.zen.spamhaus.org A 127.0.0.4\n127.0.0.4 = XBL: exploited",
            at,
        )
        .from("resolver 192.0.2.53"),
    ];
    desk.findings = vec![listing];
    desk.manual_done("relaying restricted to authenticated clients, queue emptied, password of bob@example.org reset");
    let verify = desk.ended("rdns.verify", json!({"addresses": [{"address": ADDRESS, "verdict": "pass", "ptr": ["mail.example.org."]}]}));
    verify.finished = Some("2026-11-20T12:00:00Z".parse().unwrap());
    desk.ended("relay.test", json!({"verdict": "closed"}))
        .finished = Some("2026-11-20T12:00:00Z".parse().unwrap());
    desk
}

fn site() -> Site {
    serde_json::from_value(json!({
        "id": "acme",
        "name": "Acme Ltd",
        "domains": ["example.org"],
        "mailboxes": 25,
        "outbound": {"addresses": [ADDRESS], "helo": "mail.example.org"},
        "contacts": {
            "provider": {"name": "Northside IT", "phone": "+44 20 7946 0000"},
            "isp": {"name": "Example Networks", "email": "abuse@isp.example"},
        },
    }))
    .unwrap()
}

fn listed() -> Value {
    let listing = |list: &str, codes: &[&str]| json!({"target": ADDRESS, "list": list, "zone": "", "codes": codes, "text": "", "policy": false});
    json!([
        listing("spamhaus-zen", &["127.0.0.4", "127.0.0.2"]),
        listing("spamhaus-zen-dqs", &["127.0.0.4", "127.0.0.2"]),
        listing("barracuda-brbl", &["127.0.0.2"]),
        listing("spamcop-bl", &["127.0.0.2"]),
        listing("nordspam-bl", &["127.0.0.2"]),
        listing("uceprotect-2", &["127.0.0.2"]),
        listing("kempt", &["127.0.0.2"]),
        listing("nobody.knows.example", &["127.0.0.2"]),
    ])
}

fn draft<'r>(report: &'r Report, list: &str, method: &str) -> &'r Value {
    let drafts = report.outputs["drafts"].as_array().unwrap();
    drafts
        .iter()
        .find(|d| d["list"] == list && d["method"] == method)
        .unwrap_or_else(|| panic!("no {list} {method}: {drafts:#?}"))
}

#[tokio::test]
async fn each_listing_goes_its_operators_way() {
    let desk = cleaned_up();
    let report = desk.carry_out("delisting.draft", json!({})).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::Good);
    let table = [
        // list, method, state, file?, to
        ("spamhaus-zen", "self-service-form", "ready", true, None),
        (
            "spamhaus-zen",
            "isp-only",
            "ready",
            true,
            Some("abuse@isp.example"),
        ),
        ("barracuda-brbl", "self-service-form", "ready", true, None),
        (
            "nordspam-bl",
            "email",
            "ready",
            true,
            Some("delist@nordspam.com"),
        ),
        ("spamcop-bl", "automatic-expiry", "waiting", false, None),
        (
            "uceprotect-2",
            "paid-express-discouraged",
            "ready",
            true,
            Some("abuse@isp.example"),
        ),
        ("kempt", "unknown", "by_hand", false, None),
        ("nobody.knows.example", "unknown", "by_hand", false, None),
    ];
    for (list, method, state, file, to) in table {
        let draft = draft(&report, list, method);
        assert_eq!(draft["state"], state, "{list}");
        assert_eq!(draft["file"].is_string(), file, "{list}");
        assert_eq!(draft["to"].as_str(), to, "{list}");
        assert_eq!(
            draft["not_before"].is_string(),
            state == "waiting",
            "{list}"
        );
        assert_eq!(draft["blocked_by"], json!([]), "{list}");
    }
    // The same data under two names is asked for once.
    assert_eq!(
        report.outputs["drafts"].as_array().unwrap().len(),
        table.len()
    );
    assert_eq!(
        (
            &report.outputs["count"],
            &report.outputs["blocked"],
            &report.outputs["waiting"]
        ),
        (&json!(5), &json!(0), &json!(1))
    );
    assert!(report.outputs["wait_until"].is_string());
    let files = desk.files.lock().unwrap();
    assert_eq!(files.len(), 5, "{:?}", files.keys());
    assert_eq!(report.artifacts.len(), 5);
    assert!(
        files.contains_key("acme-spamhaus-zen-203.0.113.10.md"),
        "{:?}",
        files.keys()
    );
    assert!(files.contains_key("acme-spamhaus-zen-203.0.113.10-network-owner.md"));
}

#[tokio::test]
async fn the_letters_read_like_letters() {
    let desk = cleaned_up();
    let args =
        json!({"prevention": "outbound port 25 is closed for everything but the mail server"});
    let report = desk.carry_out("delisting.draft", args).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::Good);
    let files = desk.files.lock().unwrap();
    for (name, text) in files.iter() {
        let letter = text.split("```").nth(1).unwrap();
        let words = letter
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count();
        assert!(words <= 24, "{name} is too long: {words} lines");
        assert!(
            letter.contains("203.0.113.10") && letter.contains("postmaster@example.org"),
            "{name}"
        );
        assert!(!text.contains("bob@"), "{name} names a person's mailbox");
        assert!(
            !letter.contains("&amp;") && !letter.contains("\\_"),
            "{name} is escaped for another format"
        );
        assert!(!text.contains("\n\n\n"), "{name} has holes:\n{text}");
    }
    insta::assert_snapshot!(
        "form",
        scrubbed(&files["acme-spamhaus-zen-203.0.113.10.md"])
    );
    insta::assert_snapshot!(
        "email",
        scrubbed(&files["acme-nordspam-bl-203.0.113.10.md"])
    );
    insta::assert_snapshot!(
        "network_owner",
        scrubbed(&files["acme-spamhaus-zen-203.0.113.10-network-owner.md"])
    );
}

/// Listings that only whoever runs the network can end: SBL, the operator's own PBL, and a list of whole networks.
fn owners() -> Value {
    let listing = |list: &str, code: &str, part: &str, policy: bool, meaning: &str| json!({"target": ADDRESS, "list": list, "codes": [code], "parts": [part], "policy": policy, "meanings": [meaning]});
    json!([
        listing(
            "spamhaus-zen",
            "127.0.0.2",
            "SBL",
            false,
            "a record of spam support"
        ),
        listing(
            "spamhaus-zen-dqs",
            "127.0.0.10",
            "PBL",
            true,
            "range its own network operator declared"
        ),
        listing(
            "uceprotect-2",
            "127.0.0.2",
            "",
            false,
            "allocation with too many Level 1 addresses"
        ),
    ])
}

#[tokio::test]
async fn the_registry_tells_whom_to_write_to() {
    let registered =
        "203.0.113.0 - 203.0.113.255 belongs to Lab Telecom; abuse desk: abuse@lab-telecom.example";
    let network = json!({"range": "203.0.113.0 - 203.0.113.255", "holder": "Lab Telecom",
        "abuse": ["abuse@lab-telecom.example"], "detail": registered});
    let nobody = json!({"holder": null, "abuse": [], "detail": "cannot connect to rdap.example"});
    // contacts.isp of the site, what owner.lookup saw, to whom, a part of the file or of the note
    let table = [
        (
            json!(null),
            Some(&network),
            Some("abuse@lab-telecom.example"),
            "Send this to Lab Telecom at abuse@lab-telecom.example (its abuse desk by the registry).",
        ),
        (
            json!({"name": "Example Networks", "email": "noc@isp.example"}),
            Some(&network),
            Some("noc@isp.example"),
            "Send this to Example Networks at noc@isp.example (named in the site file).",
        ),
        (
            json!({"name": "Example Networks"}),
            Some(&network),
            Some("abuse@lab-telecom.example"),
            "Send this to Example Networks at abuse@lab-telecom.example (its abuse desk by the registry).",
        ),
        (
            json!(null),
            Some(&nobody),
            None,
            "the registry was asked: cannot connect to rdap.example",
        ),
        (
            json!(null),
            None,
            None,
            "mailmedic probe owner.lookup --with addresses=203.0.113.10",
        ),
    ];
    for (isp, seen, to, part) in table {
        let mut desk = cleaned_up();
        desk.site.contacts.isp = serde_json::from_value(isp).unwrap();
        if let Some(network) = seen {
            desk.ended(
                "owner.lookup",
                json!({"addresses": [{"address": ADDRESS, "network": network}]}),
            );
        }
        let report = desk
            .carry_out("delisting.draft", json!({"listings": owners()}))
            .await
            .unwrap();
        let drafts = report.outputs["drafts"].as_array().unwrap();
        assert!(drafts.len() > 1, "{drafts:#?}");
        let files = desk.files.lock().unwrap();
        for draft in drafts {
            assert_eq!(draft["to"].as_str(), to, "{draft:#}");
            assert_eq!(draft["state"], "ready", "{draft:#}");
            let text = &files[draft["file"].as_str().unwrap()];
            assert!(text.contains(part), "{text}");
            let note = draft["note"].as_str().unwrap();
            assert_eq!(note.contains("is not known"), to.is_none(), "{note}");
            // nobody is made up
            assert_eq!(text.contains("\nTo: "), to.is_some(), "{text}");
        }
    }
}

#[tokio::test]
async fn letters_to_the_operator_of_the_network() {
    let mut desk = cleaned_up();
    desk.site.contacts.isp = None;
    let detail =
        "203.0.113.0 - 203.0.113.255 belongs to Lab Telecom; abuse desk: abuse@lab-telecom.example";
    desk.ended(
        "owner.lookup",
        json!({"addresses": [{"address": ADDRESS, "network": {"holder": "Lab Telecom",
        "abuse": ["abuse@lab-telecom.example"], "detail": detail}}]}),
    );
    let listings = owners();
    let report = desk
        .carry_out(
            "delisting.draft",
            json!({"listings": listings.as_array().unwrap()[1..]}),
        )
        .await
        .unwrap();
    assert_eq!(report.outputs["count"], 2, "{:#?}", report.outputs);
    let files = desk.files.lock().unwrap();
    for (name, text) in files.iter() {
        assert!(!text.contains("Cause:"), "nothing is confessed: {text}");
        assert!(!text.contains("\n\n\n"), "{name} has holes:\n{text}");
        insta::assert_snapshot!(
            if name.contains("uceprotect") {
                "neighbours"
            } else {
                "network_policy"
            },
            scrubbed(text)
        );
    }
}

#[tokio::test]
async fn a_policy_listing_confesses_nothing() {
    let desk = cleaned_up();
    let args = json!({"listings": [{"target": ADDRESS, "list": "spamhaus-zen", "codes": ["127.0.0.11"], "parts": ["PBL"], "policy": true}]});
    let report = desk.carry_out("delisting.draft", args).await.unwrap();
    assert_eq!(report.outputs["count"], 1);
    let files = desk.files.lock().unwrap();
    let text = &files["acme-spamhaus-zen-203.0.113.10.md"];
    assert!(!text.contains("Cause:"));
    insta::assert_snapshot!("policy", scrubbed(text));
}

/// A clock's reading is no part of a letter.
fn scrubbed(text: &str) -> String {
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("Drafted "))
        .collect();
    kept.join("\n")
}

#[tokio::test]
async fn fix_first() {
    // finding, summary, answered by a person, blocks?
    let table = [
        ("relay-open", "relay-open", false, true),
        ("relay-open", "relay-open", true, true),
        ("relay-suspected", "suspected", false, true),
        ("accepts-unknown-recipients", "accepts", false, true),
        ("rdns-missing", "missing", false, true),
        ("rdns-generic", "generic", false, true),
        ("vrfy-enabled", "vrfy", false, false),
        (
            "cause-stolen-account",
            "certain: an account is being used",
            false,
            true,
        ),
        (
            "cause-stolen-account",
            "certain: an account is being used",
            true,
            false,
        ),
        (
            "cause-stolen-account",
            "possible: an account is being used",
            false,
            false,
        ),
        (
            "cause-unknown-recipients",
            "probable: mail goes nowhere",
            false,
            true,
        ),
        // An effect of the listing does not wait for itself.
        (
            "cause-reputation-throttling",
            "probable: receivers slow down",
            false,
            false,
        ),
    ];
    for (code, summary, answered, blocks) in table {
        let mut desk = Desk {
            site: site(),
            ..Desk::default()
        };
        let mut finding = desk.finding(code, Severity::Critical, ADDRESS);
        finding.summary = summary.to_owned();
        desk.findings = vec![finding.clone()];
        desk.ended("events.analyze", json!({"x": 1}))
            .findings
            .push(finding);
        if answered {
            desk.manual_done("done");
        }
        desk.ended("blacklist.scan", json!({"listed": listed()}));
        let report = desk.carry_out("delisting.draft", json!({})).await.unwrap();
        let form = draft(&report, "barracuda-brbl", "self-service-form");
        assert_eq!(
            form["state"] == "blocked",
            blocks,
            "{code} {summary} {answered}: {form:#}"
        );
        assert_eq!(
            form["blocked_by"],
            if blocks { json!([code]) } else { json!([]) }
        );
        assert_eq!(
            report.outcome,
            if blocks {
                StepOutcome::Finding
            } else {
                StepOutcome::Good
            }
        );
        if blocks {
            assert!(
                desk.files.lock().unwrap().is_empty(),
                "{code}: nothing is written"
            );
            assert_eq!(report.outputs["count"], 0);
            assert_eq!(
                draft(&report, "spamcop-bl", "automatic-expiry")["not_before"],
                Value::Null,
                "no timer before the cause is gone"
            );
        }
    }
}

#[tokio::test]
async fn the_reverse_name_of_another_address_does_not_block() {
    let mut desk = cleaned_up();
    desk.finding("rdns-missing", Severity::Major, "203.0.113.99");
    let report = desk.carry_out("delisting.draft", json!({})).await.unwrap();
    assert_eq!(report.outputs["blocked"], 0);
}

#[tokio::test]
async fn what_is_not_recorded_is_not_claimed() {
    let desk = Desk {
        site: site(),
        ..Desk::default()
    };
    let args = json!({"listings": [{"target": ADDRESS, "list": "barracuda-brbl", "codes": ["127.0.0.2"]}]});
    let report = desk.carry_out("delisting.draft", args).await.unwrap();
    let form = draft(&report, "barracuda-brbl", "self-service-form");
    assert!(
        form["note"]
            .as_str()
            .unwrap()
            .contains("nothing is recorded about the cause"),
        "{form}"
    );
    let files = desk.files.lock().unwrap();
    let text = files.values().next().unwrap();
    assert!(
        !text.contains("Cause:") && !text.contains("Done:") && !text.contains("Checked since:"),
        "{text}"
    );
}

#[tokio::test]
async fn nothing_listed_is_nothing_to_do() {
    let desk = Desk {
        site: site(),
        ..Desk::default()
    };
    let report = desk.carry_out("delisting.draft", json!({})).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::NotApplicable);
    assert_eq!(report.outputs["count"], 0);
    let wrong = desk
        .carry_out("delisting.draft", json!({"listings": [{"target": 1}]}))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        wrong.starts_with("argument 'listings' must hold listings"),
        "{wrong}"
    );
}
