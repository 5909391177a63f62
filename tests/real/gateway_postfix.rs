//! The gateway of `templates/gateway-postfix`: Postfix and Dovecot find no fault with the files, and it relays for those who
//! have logged in, for the old server with the site's own senders, and for nobody else.

use std::time::{Duration, Instant};

use crate::lab::{Lab, MAILBOX, PASSWORD, Personality, Side, VALID, address};

const OUTSIDE: &str = "post@outside.example";

/// The gateway in front of a smarthost that has an account for it.
fn lab(old_servers: &[&str]) -> (Lab, String) {
    let lab = Lab::new();
    let relay = lab.certificate("relay", "smtp.relay.example", VALID);
    let own = lab.certificate("gateway", "gateway.office.example", VALID);
    let records = format!(
        "smtp.relay.example. 300 IN A 203.0.113.{}\n",
        address::MAIL_FROM
    );
    lab.resolver(address::RESOLVER, &records, "");
    lab.mailboxes(&["office", OUTSIDE], &relay);
    lab.postfix(
        &[Personality::SmarthostImplicit(&relay)],
        &format!("{MAILBOX} office\n"),
    );
    let at = lab.gateway(&own, old_servers);
    (lab, at)
}

/// Sends a message through the gateway: swaks' exit code, and the dialogue.
fn send(
    lab: &Lab,
    side: Side,
    at: &str,
    port: &str,
    sender: &str,
    login: &[&str],
) -> (i32, String) {
    let mut arguments = vec![
        "--server", at, "--port", port, "--from", sender, "--to", OUTSIDE,
    ];
    arguments.extend(["--header", "Subject: by the gateway"]);
    arguments.extend(login);
    let output = lab.output(side, "swaks", &arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap(), said)
}

fn login(password: &str) -> [&str; 7] {
    [
        "--tls",
        "--auth",
        "LOGIN",
        "--auth-user",
        "office",
        "--auth-password",
        password,
    ]
}

#[test]
fn it_relays_for_people_who_have_logged_in_and_for_nobody_else() {
    let (lab, at) = lab(&[]);
    let stranger = "me@tester.example";
    // swaks' exit codes: 2 no connection, 23 the sender refused, 24 no recipient taken, 28 the login refused.
    type Case<'a> = (&'a str, &'a str, &'a [&'a str], &'a [i32], &'a str);
    let table: [Case<'_>; 6] = [
        ("587", MAILBOX, &[], &[23, 24], "530 5.7.0"),
        ("587", MAILBOX, &["--tls"], &[23, 24], "554 5.7.1"),
        ("587", stranger, &["--tls"], &[23, 24], "554 5.7.1"),
        ("587", stranger, &login(PASSWORD), &[23, 24], "553 5.7.1"),
        ("587", MAILBOX, &login("wrong"), &[28], "535 5.7.8"),
        ("25", MAILBOX, &[], &[2], ""),
    ];
    for (port, sender, login, codes, reply) in table {
        let (code, said) = send(&lab, Side::Client, &at, port, sender, login);
        assert!(
            codes.contains(&code),
            "{port} {sender} {login:?}: {code}\n{said}"
        );
        assert!(said.contains(reply), "{port} {sender} {login:?}\n{said}");
    }
    let (code, said) = send(&lab, Side::Client, &at, "587", MAILBOX, &login(PASSWORD));
    assert_eq!(code, 0, "{said}");
    arrives(&lab);
    // Who sent what stands in its log.
    let log = lab.log("gateway");
    assert!(log.contains("sasl_username=office"), "{log}");
    assert!(
        log.contains("relay=smtp.relay.example[203.0.113.101]:465"),
        "{log}"
    );
}

#[test]
fn the_old_server_may_hand_over_with_the_sites_own_senders() {
    let (lab, at) = lab(&[address::CLIENT]);
    for (side, sender) in [
        (Side::Client, "boss@elsewhere.example"),
        (Side::Servers, MAILBOX),
    ] {
        let (code, said) = send(&lab, side, &at, "25", sender, &[]);
        assert!([23, 24].contains(&code), "{sender}: {code}\n{said}");
        assert!(said.contains("554 5.7.1"), "{sender}\n{said}");
    }
    let (code, said) = send(&lab, Side::Client, &at, "25", MAILBOX, &[]);
    assert_eq!(code, 0, "{said}");
    arrives(&lab);
}

/// Delivery takes a moment after the 250.
fn arrives(lab: &Lab) {
    let started = Instant::now();
    let mut inbox = lab.inbox(OUTSIDE);
    while !inbox.contains("Subject: by the gateway") {
        let waited = started.elapsed().as_secs();
        assert!(waited < 20, "{inbox}\n{}", lab.log("gateway"));
        std::thread::sleep(Duration::from_millis(200));
        inbox = lab.inbox(OUTSIDE);
    }
    assert!(inbox.contains("gateway.office.example"), "{inbox}");
}
