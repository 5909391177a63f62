//! `smarthost.check` against a Postfix submission server whose passwords Dovecot knows.

use std::path::Path;

use crate::lab::{EXPIRED, Lab, MAILBOX, PASSWORD, Personality, VALID, address};

/// Four names: a good one, one with an expired certificate, one with another's certificate, and one with TLS from the
/// first byte.
fn lab() -> Lab {
    let lab = Lab::new();
    let good = lab.certificate("good", "smtp.relay.example", VALID);
    let expired = lab.certificate("expired", "expired.relay.example", EXPIRED);
    let implicit = lab.certificate("implicit", "implicit.relay.example", VALID);
    let names = ["smtp", "expired", "wrong", "implicit"];
    let mut records: String = (0u8..)
        .zip(names)
        .map(|(number, name)| {
            let last = address::MAIL_FROM + number;
            format!("{name}.relay.example. 300 IN A 203.0.113.{last}\n")
        })
        .collect();
    records.push_str("mail.office.example. 300 IN A 198.51.100.7\n");
    lab.resolver(address::RESOLVER, &records, "");
    lab.mailboxes(&["office", "post@outside.example"], &good);
    lab.postfix(
        &[
            Personality::Smarthost(&good),
            Personality::Smarthost(&expired),
            Personality::Smarthost(&good),
            Personality::SmarthostImplicit(&implicit),
        ],
        &format!("{MAILBOX} office\n"),
    );
    lab
}

fn site(host: &str, port: u16, password: &Path, senders: &str, ca: &Path) -> String {
    format!(
        "\
id: office
name: Office
laboratory: true
domains: [office.example]
outbound: {{addresses: [198.51.100.7], helo: mail.office.example}}
smarthost:
  host: {host}
  ports: [{port}]
  username: office
  password: {{file: {}}}
  senders: [{senders}]
  ca: {}
probe: {{recipient: post@outside.example}}
",
        password.display(),
        ca.display()
    )
}

#[test]
fn a_good_smarthost_is_ready() {
    let lab = lab();
    let password = lab.write("password", &format!("{PASSWORD}\n"));
    let ca = lab.authority();
    for (host, port) in [("smtp.relay.example", 587), ("implicit.relay.example", 465)] {
        let before = lab.password_attempts();
        let answer = lab.probe(
            "smarthost.check",
            &site(host, port, &password, MAILBOX, &ca),
            &[],
        );
        assert_eq!(
            answer.text("/outputs/verdict"),
            "ready",
            "{}",
            answer.printed
        );
        answer.assert_outcome("good");
        // What comes after the essential stages: bounces, the limit, an unknown mailbox, the site's own mail.
        for id in ["H15", "H16", "H27", "H28", "H29"] {
            assert!(
                matches!(
                    answer.find("/outputs/stages", "id", id)["outcome"].as_str(),
                    Some("good" | "not_applicable")
                ),
                "{id}: {}",
                answer.printed
            );
        }
        assert_eq!(
            lab.password_attempts() - before,
            1,
            "{}",
            lab.log("dovecot")
        );
        assert!(
            !answer.printed.contains(PASSWORD),
            "the password was printed"
        );
    }
    let log = lab.log("postfix");
    assert!(!log.contains("message-id="), "a message was sent\n{log}");
}

#[test]
fn a_wrong_password_is_tried_once() {
    let lab = lab();
    let password = lab.write("password", "no-such-horse\n");
    let site = site(
        "smtp.relay.example",
        587,
        &password,
        MAILBOX,
        &lab.authority(),
    );
    let answer = lab.probe("smarthost.check", &site, &[]);
    assert_eq!(
        answer.text("/outputs/verdict"),
        "blocked",
        "{}",
        answer.printed
    );
    assert_eq!(
        answer.text("/outputs/blocked_at"),
        "H12",
        "{}",
        answer.printed
    );
    assert!(
        answer.find("/outputs/stages", "id", "H12")["reply"]
            .to_string()
            .contains("535"),
        "{}",
        answer.printed
    );
    answer.assert_outcome("finding");
    assert_eq!(lab.password_attempts(), 1, "{}", lab.log("dovecot"));
    assert!(
        !answer.printed.contains("no-such-horse"),
        "the password was printed"
    );
}

#[test]
fn a_password_never_goes_to_a_server_that_is_not_proven() {
    let lab = lab();
    let password = lab.write("password", PASSWORD);
    let ca = lab.authority();
    let other = lab.write(
        "other/ca.pem",
        &std::fs::read_to_string(lab.certificate("stranger", "x.example", VALID).certificate)
            .unwrap(),
    );
    for (host, ca) in [
        ("expired.relay.example", &ca),
        ("wrong.relay.example", &ca),
        // signed by an authority that nobody trusts
        ("smtp.relay.example", &other),
    ] {
        let answer = lab.probe(
            "smarthost.check",
            &site(host, 587, &password, MAILBOX, ca),
            &[],
        );
        assert_eq!(
            answer.text("/outputs/verdict"),
            "blocked",
            "{host}\n{}",
            answer.printed
        );
        assert_eq!(
            answer.text("/outputs/blocked_at"),
            "H09",
            "{host}\n{}",
            answer.printed
        );
        answer.assert_outcome("finding");
    }
    assert_eq!(lab.password_attempts(), 0, "{}", lab.log("dovecot"));
}

#[test]
fn a_sender_that_is_not_the_accounts_own_is_seen() {
    let lab = lab();
    let password = lab.write("password", PASSWORD);
    let senders = format!("{MAILBOX}, boss@office.example");
    let site = site(
        "smtp.relay.example",
        587,
        &password,
        &senders,
        &lab.authority(),
    );
    let answer = lab.probe("smarthost.check", &site, &[]);
    assert_eq!(
        answer.text("/outputs/verdict"),
        "blocked",
        "{}",
        answer.printed
    );
    assert_eq!(
        answer.text("/outputs/blocked_at"),
        "H14",
        "{}",
        answer.printed
    );
    assert!(
        answer.printed.contains("boss@office.example"),
        "{}",
        answer.printed
    );
    assert!(answer.printed.contains("553 5.7.1"), "{}", answer.printed);
    assert_eq!(lab.password_attempts(), 1, "{}", lab.log("dovecot"));
}
