//! `relay.test` in prove mode, as a run with an approval: marked messages through Postfix and Exim, found again by IMAP in
//! Dovecot, or their bounces.

use serde_json::Value;

use crate::lab::{DOMAIN, Exim, HOST, Lab, MAILBOX, PASSWORD, Personality, VALID, address};

const INBOX: &str = "post@outside.example";
const RUNBOOK: &str = "\
version: 1
name: proof
description: Prove what a relay does.
steps:
  - {id: leave, action: approval, with: {prompt: May marked messages be sent?}}
  - {id: prove, action: relay.test, with: {mode: prove, wait: 5s, every: 1s}}
";

/// Mailboxes outside, with the tester's own.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.resolver(address::RESOLVER, "", "");
    let certificate = lab.certificate("imap", "imap.outside.example", VALID);
    lab.mailboxes(&[INBOX], &certificate);
    lab.write("password", PASSWORD);
    lab.write("proof.yaml", RUNBOOK);
    lab
}

fn site(lab: &Lab, server: &str) -> String {
    format!(
        "\
id: office
name: Office
laboratory: true
domains: [{DOMAIN}]
outbound: {{addresses: [{server}], helo: {HOST}}}
servers: [{{host: {HOST}, address: {server}, valid_mailbox: {MAILBOX}}}]
probe:
  helo: probe.tester.example
  sender: post+bounce@outside.example
  recipient: {INBOX}
  imap:
    host: imap.outside.example
    address: {mailboxes}
    port: 143
    tls: none
    username: {INBOX}
    password: {{file: {password}}}
",
        mailboxes = address::MAILBOXES,
        password = lab.path("password").display(),
    )
}

/// Runs, agrees, and goes on to the end: the outputs of the proof.
fn prove(lab: &Lab, server: &str) -> Value {
    lab.write("office.yaml", &site(lab, server));
    let mailmedic = |arguments: &[&str]| {
        let output = lab.mailmedic(arguments);
        let printed = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (output.status.code().unwrap(), printed)
    };
    let (code, printed) = mailmedic(&["run", "proof.yaml", "--site", "office.yaml", "--by", "ann"]);
    assert_eq!(code, 3, "{printed}");
    let (code, printed) = mailmedic(&["approve", "office", "leave", "--by", "ann"]);
    assert_eq!(code, 0, "{printed}");
    let (mut code, mut printed) = (3, String::new());
    for _ in 0..30 {
        (code, printed) = mailmedic(&["resume", "office"]);
        if code != 3 {
            break;
        }
    }
    assert!(matches!(code, 0 | 4), "{code}: {printed}");
    let (_, shown) = mailmedic(&["show", "office", "prove", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    outputs(&shown).unwrap_or_else(|| panic!("no outputs in {shown}"))
}

/// The object that holds the verdict of the step.
fn outputs(shown: &Value) -> Option<Value> {
    match shown {
        Value::Object(map) if map.contains_key("open_by") => Some(shown.clone()),
        Value::Object(map) => map.values().find_map(outputs),
        Value::Array(all) => all.iter().find_map(outputs),
        _ => None,
    }
}

/// The levels of what had a message.
fn levels(outputs: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let endpoint = &outputs["endpoints"][0];
    let all = endpoint["controls"].as_array().into_iter().flatten();
    let all = all.chain(endpoint["variants"].as_array().into_iter().flatten());
    let tried = all.filter(|variant| variant["message"].is_object());
    tried.map(|v| (text(&v["id"]), text(&v["level"]))).collect()
}

#[test]
fn postfix_is_open_only_where_a_message_arrives() {
    let lab = lab();
    let rows = [
        (Personality::OpenToAll, "open", Some("6a")),
        (Personality::OwnSenderTrust, "open", Some("6a")),
        (Personality::HeloTrust, "open", Some("6a")),
        (Personality::Closed, "closed", None),
        (Personality::RejectAtData, "not_proven", Some("4")),
        (Personality::RejectAfterDot, "not_proven", Some("4")),
        (Personality::Discard, "undetermined", Some("6c")),
    ];
    let personalities: Vec<Personality> = rows.iter().map(|(p, _, _)| p.clone()).collect();
    let servers = lab.postfix(&personalities, "");
    for (server, (_, verdict, level)) in servers.iter().zip(&rows) {
        let outputs = prove(&lab, server);
        let levels = levels(&outputs);
        assert_eq!(
            outputs["verdict"], *verdict,
            "{server}: {} {levels:?}",
            outputs["reason"]
        );
        match level {
            None => assert!(levels.is_empty(), "{server}: {levels:?}"),
            Some(level) => {
                assert!(!levels.is_empty(), "{server}");
                for (id, reached) in &levels {
                    assert_eq!(reached, level, "{server} {id}: {levels:?}");
                }
            }
        }
        assert_eq!(
            outputs["open_by"] == serde_json::json!([]),
            *verdict != "open",
            "{server}: {}",
            outputs["open_by"]
        );
    }
}

#[test]
fn a_message_tells_what_no_recipient_check_hides() {
    // Its greeter takes odd addresses as its own, and nonsense too, so a screen proves nothing. Its queue routes them.
    let lab = lab();
    let server = &lab.postfix(&[Personality::NoRecipientCheck], "")[0];
    let screen = lab.probe("relay.test", &site(&lab, server), &[]);
    assert_eq!(screen.text("/outputs/verdict"), "not_proven");
    let outputs = prove(&lab, server);
    let levels = levels(&outputs);
    assert_eq!(
        outputs["verdict"], "open",
        "{} {levels:?}",
        outputs["reason"]
    );
    for (id, level) in [("K01", "6b"), ("B03", "6a"), ("F01", "6b")] {
        let reached = levels.iter().find(|(tried, _)| tried == id);
        assert_eq!(
            reached.map(|(_, l)| l.as_str()),
            Some(level),
            "{id}: {levels:?}"
        );
    }
}

#[test]
fn an_open_exim_is_proved_although_its_controls_accept_everything() {
    for (personality, screened, proved, by) in [
        (Exim::Open, "undetermined", "open", Some("A01")),
        (Exim::PercentHack, "not_proven", "open", Some("B03")),
        (Exim::Closed, "closed", "closed", None),
    ] {
        let lab = lab();
        let server = lab.exim(personality);
        let site = site(&lab, &server);
        let screen = lab.probe("relay.test", &site, &[]);
        assert_eq!(
            screen.text("/outputs/verdict"),
            screened,
            "{personality:?}: {}",
            screen.text("/outputs/reason")
        );
        let outputs = prove(&lab, &server);
        let levels = levels(&outputs);
        assert_eq!(
            outputs["verdict"], proved,
            "{personality:?}: {} {levels:?}",
            outputs["reason"]
        );
        let open_by = outputs["open_by"].as_array().unwrap();
        assert_eq!(
            by.is_some_and(|by| open_by.contains(&by.into())),
            by.is_some(),
            "{personality:?}: {open_by:?}"
        );
    }
}
