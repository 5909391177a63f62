//! The laboratory itself: each server does what the other tests build on.

use std::time::{Duration, Instant};

use crate::lab::{EXPIRED, Lab, PASSWORD, Personality, Side, VALID, Zone, address};

#[test]
fn listings_are_seen_through_the_resolver() {
    let lab = Lab::new();
    let records = lab.lists(&[Zone {
        name: "bl.lists.example",
        sets: &[("ip4set", ":127.0.0.3:listed $\n127.0.0.2\n198.51.100.9")],
    }]);
    lab.resolver(address::RESOLVER, &records, "");
    for (name, kind, expected) in [
        ("2.0.0.127.bl.lists.example", "A", "127.0.0.3"),
        ("9.100.51.198.bl.lists.example", "A", "127.0.0.3"),
        (
            "9.100.51.198.bl.lists.example",
            "TXT",
            "\"listed 198.51.100.9\"",
        ),
        ("1.0.0.127.bl.lists.example", "A", ""),
        ("10.100.51.198.bl.lists.example", "A", ""),
        ("bl.lists.example", "NS", "ns.bl.lists.example."),
        ("elsewhere.example", "A", ""),
    ] {
        assert_eq!(
            lab.dig(address::RESOLVER, &[name, kind]),
            expected,
            "{name} {kind}"
        );
    }
}

#[test]
fn postfix_refuses_to_relay_unless_told() {
    let lab = Lab::new();
    lab.resolver(address::RESOLVER, "", "");
    let at = lab.postfix(
        &[
            Personality::Closed,
            Personality::OpenToAll,
            Personality::Greeting("554 5.7.1 go away"),
        ],
        "",
    );
    // swaks' exit codes: 24 when no recipient was taken, 21 when the greeting refused.
    for (server, recipient, code, reply) in [
        (&at[0], "someone@outside.example", 24, "454 4.7.1"),
        (&at[0], "info@office.example", 0, "250 2.1.5"),
        (&at[0], "nobody@office.example", 24, "550 5.1.1"),
        (&at[1], "someone@outside.example", 0, "250 2.1.5"),
        (&at[2], "info@office.example", 21, "554 5.7.1"),
    ] {
        let output = lab.output(
            Side::Client,
            "swaks",
            &[
                "--server",
                server,
                "--from",
                "me@tester.example",
                "--to",
                recipient,
                "--quit-after",
                "RCPT",
            ],
        );
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{server} {recipient}\n{said}"
        );
        assert!(said.contains(reply), "{server} {recipient}\n{said}");
    }
}

#[test]
fn the_smarthost_takes_mail_and_the_mailbox_shows_it() {
    let lab = Lab::new();
    lab.resolver(address::RESOLVER, "", "");
    let good = lab.certificate("good", "smtp.relay.example", VALID);
    let expired = lab.certificate("expired", "smtp.relay.example", EXPIRED);
    lab.mailboxes(&["office", "post@outside.example"], &good);
    let at = lab.postfix(
        &[
            Personality::Smarthost(&good),
            Personality::Smarthost(&expired),
        ],
        "info@office.example office\n",
    );
    let send = |server: &str, sender: &str, password: &str| {
        let output = lab.output(
            Side::Client,
            "swaks",
            &[
                "--server",
                server,
                "--port",
                "587",
                "--tls",
                "--auth",
                "LOGIN",
                "--auth-user",
                "office",
                "--auth-password",
                password,
                "--from",
                sender,
                "--to",
                "post@outside.example",
                "--header",
                "Subject: marked 4711",
            ],
        );
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = send(&at[0], "info@office.example", PASSWORD);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = send(&at[0], "info@office.example", "wrong");
    assert_eq!(code, Some(28), "{said}");
    assert!(said.contains("535 5.7.8"), "{said}");
    let (code, said) = send(&at[0], "boss@elsewhere.example", PASSWORD);
    assert_eq!(code, Some(24), "{said}");
    assert!(said.contains("553 5.7.1"), "{said}");

    // Delivery takes a moment after the 250.
    let started = Instant::now();
    let inbox = loop {
        let inbox = lab.inbox("post@outside.example");
        if inbox.contains("Subject: marked 4711") || started.elapsed().as_secs() > 15 {
            break inbox;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(inbox.contains("Subject: marked 4711"), "{inbox}");
    assert_eq!(lab.password_attempts(), 3, "{}", lab.log("dovecot"));
}
