//! `relay.test` against Postfix, set up well and in all the ways that go wrong.

use crate::lab::{Answer, DOMAIN, HOST, Lab, MAILBOX, PASSWORD, Personality, Side, VALID, address};

fn site(server: &str) -> String {
    format!(
        "\
id: office
name: Office
laboratory: true
domains: [{DOMAIN}]
outbound: {{addresses: [{server}], helo: {HOST}}}
servers: [{{host: {HOST}, address: {server}, valid_mailbox: {MAILBOX}}}]
probe: {{helo: probe.tester.example, sender: sender@tester.example, recipient: post@outside.example}}
"
    )
}

/// One Postfix with one server, tested.
fn test(personality: Personality) -> (Lab, Answer) {
    let lab = Lab::new();
    lab.resolver(address::RESOLVER, "", "");
    let at = lab.postfix(&[personality], "");
    let answer = lab.probe("relay.test", &site(&at[0]), &[]);
    // A screen asks, and never sends a message.
    let log = lab.log("postfix");
    assert!(!log.contains("message-id="), "a message was sent\n{log}");
    (lab, answer)
}

/// The ids of the variants that reached level 3: an external recipient accepted.
fn accepted(answer: &Answer) -> Vec<&str> {
    let mut all: Vec<&str> = answer
        .at("/outputs/endpoints")
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|endpoint| endpoint["variants"].as_array().into_iter().flatten())
        .filter(|variant| variant["level"] == "3")
        .filter_map(|variant| variant["id"].as_str())
        .collect();
    all.dedup();
    all
}

#[test]
fn a_default_postfix_is_closed() {
    // 454 4.7.1 is its way to say no: not greylisting, and not "unknown".
    let (_lab, answer) = test(Personality::Closed);
    assert_eq!(
        answer.text("/outputs/verdict"),
        "closed",
        "{}",
        answer.printed
    );
    answer.assert_outcome("good");
}

#[test]
fn trust_that_only_ipv6_has_is_seen() {
    let lab = Lab::new();
    let records = format!(
        "{HOST}. 300 IN A 203.0.113.{}\n{HOST}. 300 IN AAAA {}\n",
        address::MAIL_FROM,
        address::MAIL_6
    );
    lab.resolver(address::RESOLVER, &records, "");
    let at = lab.postfix(&[Personality::OpenOnIpv6], "");
    let site = site(&at[0]).replace(&format!("address: {}, ", at[0]), "");
    let answer = lab.probe("relay.test", &site, &[]);
    let v4 = answer.find("/outputs/endpoints", "address", &at[0]);
    let v6 = answer.find("/outputs/endpoints", "address", address::MAIL_6);
    assert_eq!(v4["verdict"], "closed", "{}", answer.printed);
    assert_eq!(v6["verdict"], "suspected", "{}", answer.printed);
    assert_eq!(answer.text("/outputs/verdict"), "suspected");
}

#[test]
fn from_a_trusted_network_there_is_no_verdict() {
    let lab = Lab::new();
    lab.resolver(address::RESOLVER, "", "");
    let at = lab.postfix(&[Personality::TrustsTester], "");
    let outbound = format!("addresses: [{}]", address::CLIENT);
    let site = site(&at[0]).replace(&format!("addresses: [{}]", at[0]), &outbound);
    let answer = lab.probe("relay.test", &site, &[]);
    assert_eq!(
        answer.text("/outputs/verdict"),
        "vantage_internal",
        "{}",
        answer.printed
    );
    answer.assert_outcome("unknown");
    assert!(answer.findings().is_empty(), "{}", answer.printed);
}

#[test]
fn a_greylisting_server_is_neither_open_nor_closed() {
    let (_lab, answer) = test(Personality::Greylists);
    assert_eq!(
        answer.text("/outputs/verdict"),
        "inconclusive",
        "{}",
        answer.printed
    );
    assert_eq!(answer.at("/outputs/retry_after"), 300);
    answer.assert_outcome("unknown");
}

#[test]
fn a_server_open_to_all_is_suspected() {
    let (_lab, answer) = test(Personality::OpenToAll);
    assert_eq!(
        answer.text("/outputs/verdict"),
        "suspected",
        "{}",
        answer.printed
    );
    answer.assert_outcome("finding");
    let accepted = accepted(&answer);
    assert!(
        accepted.contains(&"A01"),
        "{accepted:?}\n{}",
        answer.printed
    );
    assert_eq!(
        answer.at("/outputs/open_by"),
        &serde_json::json!([]),
        "only a delivered message proves"
    );
}

#[test]
fn trust_in_the_own_sender_domain_is_seen() {
    let (_lab, answer) = test(Personality::OwnSenderTrust);
    assert_eq!(
        answer.text("/outputs/verdict"),
        "suspected",
        "{}",
        answer.printed
    );
    let accepted = accepted(&answer);
    assert!(
        !accepted.contains(&"A01"),
        "{accepted:?}\n{}",
        answer.printed
    );
    for id in ["A05", "A06", "A07"] {
        assert!(
            accepted.contains(&id),
            "{id} in {accepted:?}\n{}",
            answer.printed
        );
    }
}

#[test]
fn trust_in_the_greeting_is_seen() {
    let (_lab, answer) = test(Personality::HeloTrust);
    assert_eq!(
        answer.text("/outputs/verdict"),
        "suspected",
        "{}",
        answer.printed
    );
    assert_eq!(accepted(&answer), ["A20"], "{}", answer.printed);
}

#[test]
fn late_refusals_prove_nothing_yet() {
    // Both take every recipient; a screen cannot tell them from an open relay, and says no more than "suspected".
    for personality in [Personality::RejectAtData, Personality::RejectAfterDot] {
        let (_lab, answer) = test(personality);
        assert_eq!(
            answer.text("/outputs/verdict"),
            "suspected",
            "{}",
            answer.printed
        );
        assert_eq!(answer.at("/outputs/open_by"), &serde_json::json!([]));
    }
}

#[test]
fn no_recipient_check_is_no_relay() {
    let (_lab, answer) = test(Personality::NoRecipientCheck);
    assert!(accepted(&answer).is_empty(), "{}", answer.printed);
    assert_eq!(
        answer.text("/outputs/verdict"),
        "not_proven",
        "{}",
        answer.printed
    );
    assert!(
        answer
            .findings()
            .iter()
            .any(|code| code.contains("recipient")),
        "that it accepts unknown recipients is a finding of its own\n{}",
        answer.printed
    );
}

#[test]
fn a_server_that_accepts_and_discards_is_not_called_open() {
    let (_lab, answer) = test(Personality::Discard);
    assert_eq!(
        answer.text("/outputs/verdict"),
        "undetermined",
        "{}",
        answer.printed
    );
    assert_ne!(answer.text("/outcome"), "good", "{}", answer.printed);
}

#[test]
fn a_server_that_turns_the_tester_away_is_not_judged() {
    let greeting = "554 5.7.1 your address is on a blacklist";
    let (_lab, answer) = test(Personality::Greeting(greeting));
    assert_eq!(
        answer.text("/outputs/verdict"),
        "inconclusive",
        "{}",
        answer.printed
    );
    answer.assert_outcome("unknown");
}

#[test]
fn a_server_that_is_not_there_is_not_judged() {
    let lab = Lab::new();
    lab.resolver(address::RESOLVER, "", "");
    for server in [address::MAILBOXES, address::SILENT] {
        let answer = lab.probe("relay.test", &site(server), &[]);
        assert_eq!(
            answer.text("/outputs/verdict"),
            "inconclusive",
            "{}",
            answer.printed
        );
        answer.assert_outcome("unknown");
    }
    let nothing = lab.output(Side::Client, "ip", &["route", "get", "192.88.99.1"]);
    assert!(!nothing.status.success(), "the laboratory has a way out");
}

#[test]
fn what_a_login_may_do_depends_on_sender_ownership() {
    let lab = Lab::new();
    lab.resolver(address::RESOLVER, "", "");
    let certificate = lab.certificate("mail", HOST, VALID);
    lab.mailboxes(&["relaytest"], &certificate);
    let logins = |owned| Personality::Logins {
        certificate: &certificate,
        owned,
    };
    let own = format!("relaytest@{DOMAIN}");
    let at = lab.postfix(
        &[logins(false), logins(true)],
        &format!("{own} relaytest\n{MAILBOX} boss\n"),
    );
    let with = |server: &str, password: &str| {
        let account = format!(
            "account: {{username: relaytest, password: {{file: {}}}, sender: {own}, ca: {}}}",
            lab.write("password", password).display(),
            lab.authority().display()
        );
        let site = site(server).replace(
            &format!("valid_mailbox: {MAILBOX}"),
            &format!("valid_mailbox: {MAILBOX}, {account}"),
        );
        lab.probe("relay.test", &site, &["logins=false"])
    };
    for (server, other, foreign, codes) in [
        (
            &at[0],
            "finding",
            "finding",
            &[
                "auth-other-sender",
                "auth-foreign-sender",
                "auth-on-port-25",
            ][..],
        ),
        (&at[1], "good", "good", &["auth-on-port-25"][..]),
    ] {
        let answer = with(server, PASSWORD);
        assert_eq!(
            answer.text("/outputs/verdict"),
            "closed",
            "{}",
            answer.printed
        );
        for (id, outcome) in [
            ("G4", "good"),
            ("G5", other),
            ("G6", foreign),
            ("G7", "finding"),
            ("G8", "unknown"),
        ] {
            let check = answer.find("/outputs/accounts/0/checks", "id", id);
            assert_eq!(
                check["outcome"], outcome,
                "{server} {id}: {}",
                answer.printed
            );
        }
        assert_eq!(answer.findings(), codes, "{}", answer.printed);
        assert!(!answer.printed.contains(PASSWORD), "{}", answer.printed);
    }
    assert_eq!(lab.password_attempts(), 2, "one login a test");
    let answer = with(&at[0], "another-password");
    let check = answer.find("/outputs/accounts/0/checks", "id", "G4-G8");
    assert_eq!(check["outcome"], "unknown", "{}", answer.printed);
    assert_eq!(
        lab.password_attempts(),
        3,
        "and no second one after a refusal"
    );
    let log = lab.log("postfix");
    assert!(!log.contains("message-id="), "a message was sent\n{log}");
}
