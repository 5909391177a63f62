//! `server.check` against Postfix and Dovecot's passwords: set up well, and with one fault each.

use crate::lab::{Answer, DOMAIN, EXPIRED, HOST, Lab, MAILBOX, Personality, VALID, address};

fn site(ports: &[u16]) -> String {
    format!(
        "\
id: office
name: Office
laboratory: true
domains: [{DOMAIN}]
outbound: {{addresses: [203.0.113.{first}], helo: {HOST}}}
servers: [{{host: {HOST}, address: 203.0.113.{first}, ports: {ports:?}, valid_mailbox: {MAILBOX}}}]
probe: {{helo: probe.tester.example, sender: sender@tester.example, recipient: post@outside.example}}
",
        first = address::MAIL_FROM,
    )
}

/// What a good server has: STARTTLS with its own certificate, logins over TLS only, no VRFY.
fn good(lab: &Lab, host: &str, validity: [&str; 2]) -> Vec<String> {
    let certificate = lab.certificate("server", host, validity);
    vec![
        "smtpd_tls_security_level = may".to_owned(),
        format!("smtpd_tls_chain_files = {}", certificate.chain.display()),
        "smtpd_sasl_auth_enable = yes".to_owned(),
        "smtpd_sasl_type = dovecot".to_owned(),
        format!("smtpd_sasl_path = inet:{}:12345", address::MAILBOXES),
        "smtpd_tls_auth_only = yes".to_owned(),
        "disable_vrfy_command = yes".to_owned(),
    ]
}

/// The servers at the first address, checked. The laboratory's authority is one that the tester's machine trusts not: the
/// check never needs that, it tells.
fn check(make: impl FnOnce(&Lab) -> Vec<(u16, Vec<String>)>) -> (Lab, Answer) {
    let lab = Lab::new();
    let reverse = format!(
        "{}.113.0.203.in-addr.arpa. 300 IN PTR {HOST}.\n",
        address::MAIL_FROM
    );
    let records = format!(
        "{HOST}. 300 IN A 203.0.113.{}\n{reverse}",
        address::MAIL_FROM
    );
    lab.resolver(address::RESOLVER, &records, "");
    let passwords = lab.certificate("passwords", "imap.office.example", VALID);
    lab.mailboxes(&["office"], &passwords);
    let servers = make(&lab);
    let ports: Vec<u16> = servers.iter().map(|(port, _)| *port).collect();
    let one_address = Personality::Ports(servers);
    lab.postfix(&[one_address], "");
    let answer = lab.probe("server.check", &site(&ports), &[]);
    let log = lab.log("postfix");
    assert!(!log.contains("message-id="), "a message was sent\n{log}");
    assert_eq!(lab.password_attempts(), 0, "{}", lab.log("dovecot"));
    (lab, answer)
}

fn without(mut parameters: Vec<String>, word: &str) -> Vec<String> {
    parameters.retain(|one| !one.contains(word));
    parameters
}

/// The codes, but for the certificate's authority, which is the laboratory's own.
fn codes(answer: &Answer) -> Vec<&str> {
    let mut codes = answer.findings();
    codes.retain(|code| *code != "certificate-untrusted");
    codes
}

#[test]
fn a_good_server_has_no_fault() {
    let (_lab, answer) = check(|lab| vec![(25, good(lab, HOST, VALID))]);
    assert!(codes(&answer).is_empty(), "{}", answer.printed);
    let stages = "/outputs/endpoints/0/stages";
    for id in [
        "connect", "greeting", "ehlo", "starttls", "auth", "vrfy", "turn",
    ] {
        assert_eq!(
            answer.find(stages, "id", id)["outcome"],
            "good",
            "{id}\n{}",
            answer.printed
        );
    }
    assert_eq!(answer.text("/outputs/endpoints/0/tls"), "starttls");
    assert_eq!(answer.text("/outputs/endpoints/0/greeting_name"), HOST);
}

#[test]
fn each_fault_is_told_by_its_code() {
    type Make = fn(&Lab) -> Vec<(u16, Vec<String>)>;
    let cases: [(&str, Make, &str); 7] = [
        (
            "an expired certificate",
            |lab| vec![(25, good(lab, HOST, EXPIRED))],
            "certificate-expired",
        ),
        (
            "a certificate for another name",
            |lab| vec![(25, good(lab, "www.office.example", VALID))],
            "certificate-name",
        ),
        (
            "logins in clear",
            |lab| vec![(25, without(good(lab, HOST, VALID), "smtpd_tls_auth_only"))],
            "auth-before-tls",
        ),
        (
            "VRFY",
            |lab| vec![(25, without(good(lab, HOST, VALID), "disable_vrfy"))],
            "vrfy-enabled",
        ),
        (
            "no encryption",
            |lab| {
                let all = without(good(lab, HOST, VALID), "smtpd_tls");
                vec![(25, without(all, "sasl"))]
            },
            "starttls-missing",
        ),
        (
            "an internal name",
            |lab| {
                let mut all = good(lab, HOST, VALID);
                all.push("smtpd_banner = server.office.local ESMTP".to_owned());
                vec![(25, all)]
            },
            "server-name",
        ),
        (
            "a forgotten port that takes mail from strangers",
            |lab| {
                let all = good(lab, HOST, VALID);
                vec![(25, all.clone()), (2525, all)]
            },
            "server-alternate-port",
        ),
    ];
    for (what, make, code) in cases {
        let (_lab, answer) = check(make);
        assert_eq!(codes(&answer), [code], "{what}\n{}", answer.printed);
        answer.assert_outcome("finding");
    }
}

/// A port of the site file at which nothing listens is told; that the server answers on 25 does not hide it.
#[test]
fn a_closed_port_is_told() {
    let lab = Lab::new();
    lab.resolver(address::RESOLVER, "", "");
    lab.postfix(&[Personality::Closed], "");
    let answer = lab.probe("server.check", &site(&[25, 587]), &[]);
    assert!(
        answer.findings().contains(&"server-port-closed"),
        "{}",
        answer.printed
    );
}
