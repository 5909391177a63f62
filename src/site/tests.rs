//! The site file: every rule both ways, what comes out, and no text that panics.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::yaml::{cases, conform};

#[test]
fn every_rule_both_ways() {
    cases::hold("site", 20, |text| {
        read(text, "site.yaml", Path::new("/etc/mailmedic")).map(|_| ())
    });
}

const FULL: &str = r#"
id: example
name: Example Ltd
timezone: Europe/Berlin
tags: [bakery, north]
contacts:
  owner: {name: Ann Example, email: ann@example.com}
  isp: {name: Line Company, email: noc@example.net, phone: "+49 30 1234"}
domains: [example.com, bücher.example, example.org.]
mailboxes: 25
outbound: {addresses: [192.0.2.25, "2001:db8::25"], candidates: [198.51.100.8/30], helo: mail.example.com}
servers:
  - host: mail.example.com
    address: 10.0.0.5
    ports: [25, 587]
    product: exchange-2003
    valid_mailbox: info@example.com
    account: {username: test, password: {env: TEST_PASSWORD}, sender: test@example.com, other_sender: info@example.com, ca: own.pem}
smarthost:
  host: relay.example.net
  ports: [587]
  tls: starttls
  username: example
  password: {file: secrets/relay}
  senders: [info@example.com]
  ca: ca.pem
probe:
  sender: check@example.net
  recipient: check@example.net
  imap: {host: imap.example.net, username: check, password: {command: [pass, show, imap]}}
resolver: [192.0.2.53, "192.0.2.53:5353", "::1", "[::1]:53"]
rdap: http://127.0.0.1:8080/rdap/
vantage: outside
laboratory: true
lists: {keys: {dqs: {env: DQS_KEY}}, except: [some-list], also: []}
logs: {working_hours: 6-15, inside: [198.51.100.16/28, "2001:db8:5::1"], limits: {T1.floor: 50, T3.share: 0.3}}
allow_hosts: [hooks.example.net, 192.0.2.80, "[2001:db8::80]"]
notes: |
  The key is under the mat.
"#;

#[test]
fn a_full_site_is_read() {
    let site = read(FULL, "site.yaml", Path::new("/etc/mailmedic/sites")).unwrap();
    assert_eq!(
        site.domains,
        ["example.com", "bücher.example", "example.org."]
    );
    let candidates: Vec<IpAddr> = vec![
        "198.51.100.9".parse().unwrap(),
        "198.51.100.10".parse().unwrap(),
    ];
    assert_eq!(site.outbound.candidates, candidates);
    let smarthost = site.smarthost.clone().unwrap();
    assert_eq!(
        smarthost.ca,
        Some(PathBuf::from("/etc/mailmedic/sites/ca.pem"))
    );
    assert_eq!(
        smarthost.password,
        Some(SecretRef::File("/etc/mailmedic/sites/secrets/relay".into()))
    );
    assert_eq!(smarthost.tls, Tls::Starttls);
    let account = site.servers[0].account.clone().unwrap();
    assert_eq!(
        account.password,
        Some(SecretRef::Env("TEST_PASSWORD".into()))
    );
    assert_eq!(
        account.ca,
        Some(PathBuf::from("/etc/mailmedic/sites/own.pem"))
    );
    assert_eq!(site.resolver.len(), 4);
    assert_eq!(site.rdap.as_deref(), Some("http://127.0.0.1:8080/rdap/"));
    assert!(site.laboratory && site.knows_host("192.0.2.80"));
    let inside: Vec<String> = site.logs.inside.iter().map(ToString::to_string).collect();
    assert_eq!(inside, ["198.51.100.16/28", "2001:db8:5::1/128"]);
    assert_eq!(site.logs.limits["T3.share"].as_f64(), Some(0.3));
    assert_eq!(
        site.probe.unwrap().imap.unwrap().password,
        Some(SecretRef::Command(vec![
            "pass".into(),
            "show".into(),
            "imap".into()
        ]))
    );
}

#[test]
fn a_site_file_is_named_after_its_site() {
    let folder = tempfile::tempdir().unwrap();
    let text = "id: example\nname: Example\n";
    let good = folder.path().join("example.yaml");
    std::fs::write(&good, text).unwrap();
    assert_eq!(load(&good).unwrap().id, "example");
    let bad = folder.path().join("other.yaml");
    std::fs::write(&bad, text).unwrap();
    let said = load(&bad).unwrap_err().plain();
    assert!(
        said.contains("in a file of another name") && said.contains("id: other"),
        "{said}"
    );
    let said = load(&folder.path().join("none.yaml")).unwrap_err().plain();
    assert!(said.contains("cannot read the site file"), "{said}");
}

#[test]
fn a_password_in_the_file_is_refused_and_shown_nowhere() {
    let text = "id: a\nname: A\nsmarthost:\n  host: relay.example.net\n  password: correct-horse\n  ports: [0]\nlists: {keys: {dqs: abcdefgh}}\n";
    let faults = read(text, "a.yaml", Path::new("")).unwrap_err();
    for shown in [
        faults.render(true, 100),
        faults.plain(),
        format!("{faults:?}"),
        serde_json::to_string(&faults.views()).unwrap(),
    ] {
        assert!(
            !shown.contains("correct-horse") && !shown.contains("abcdefgh"),
            "{shown}"
        );
    }
    assert_eq!(faults.0.len(), 3);
}

#[test]
fn special_addresses_are_known() {
    for (address, special) in [
        ("8.8.8.8", false),
        ("0.1.2.3", true),
        ("10.1.2.3", true),
        ("100.63.255.255", false),
        ("100.64.0.1", true),
        ("100.127.255.255", true),
        ("100.128.0.0", false),
        ("127.0.0.2", true),
        ("169.254.1.1", true),
        ("172.15.0.1", false),
        ("172.16.0.1", true),
        ("172.31.255.255", true),
        ("172.32.0.1", false),
        ("192.0.2.1", true),
        ("192.168.1.1", true),
        ("198.18.0.1", true),
        ("198.20.0.1", false),
        ("203.0.113.9", true),
        ("223.255.255.255", false),
        ("224.0.0.1", true),
        ("255.255.255.255", true),
        ("2a00:1450::1", false),
        ("2001:db8::1", true),
        ("2001:0:1::1", true),
        ("2001:4860::1", false),
        ("3fff:1::1", true),
        ("::", true),
        ("::1", true),
        ("fd00::1", true),
        ("fe80::1", true),
        ("ff02::1", true),
        ("::ffff:10.0.0.1", true),
    ] {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(special_use(address).is_some(), special, "{address}");
    }
}

/// Both ways: what a site has is in the schema, and what the schema offers is in a site.
#[test]
fn the_schema_and_the_site_have_the_same_fields() {
    fn same(schema: &Value, value: &Value, at: &str) {
        match (schema.get("properties"), value) {
            (Some(Value::Object(known)), Value::Object(fields)) => {
                let known_names: BTreeSet<_> = known.keys().collect();
                let names: BTreeSet<_> = fields.keys().collect();
                assert_eq!(known_names, names, "{at}");
                for (name, value) in fields {
                    same(&known[name], value, &format!("{at}/{name}"));
                }
            }
            (None, Value::Array(items)) => {
                for item in items {
                    same(&schema["items"], item, &format!("{at}[]"));
                }
            }
            _ => {}
        }
    }
    let site = read(FULL, "site.yaml", Path::new("")).unwrap();
    same(&schema(), &serde_json::to_value(site).unwrap(), "site");
}

#[test]
fn every_good_site_conforms_to_the_schema() {
    let tree = |text: &str| {
        crate::yaml::parse(&crate::yaml::SourceFile::new("x", text))
            .unwrap()
            .to_json()
    };
    let schema = schema();
    assert_eq!(conform::fault(&schema, &tree(FULL)), None);
    for (name, good) in cases::good("site") {
        assert_eq!(conform::fault(&schema, &tree(&good)), None, "{name}");
    }
    for name in [
        "unknown-field",
        "password-in-clear",
        "ports",
        "tls",
        "vantage",
        "laboratory",
        "imap",
        "account",
        "secret-reference",
    ] {
        let faulty = cases::faulty("site", name);
        assert!(conform::fault(&schema, &tree(&faulty)).is_some(), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_site_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "id: a\n", "name: A\n", "domains: [", "é.example", "@", "]\n", "outbound: {addresses: [1.2.3.4/0, ::/127]}\n",
        "smarthost:\n", "  host: [x]\n", "  password: {env: A}\n", "  password: {}\n", "resolver: [\":53\", \"[::1]\"]\n",
        "timezone: Nowhere\n", "probe: {recipient: a@b@c}\n", "lists: {keys: [a]}\n", "servers:\n", "  - {ports: [x]}\n",
        "contacts: {owner: {}}\n", "laboratory: maybe\n", "xn--\n", "..", "{", "\"",
    ]), 0..20)) {
        if let Err(faults) = read(&parts.concat(), "x", Path::new("")) {
            prop_assert!(!faults.is_empty());
            let _ = faults.render(false, 80);
        }
    }

    #[test]
    fn no_name_panics(text in ".{0,40}") {
        let _ = checks::domain(&text);
        let _ = checks::host(&text);
        let _ = checks::mail_address(&text);
        let _ = checks::resolver(&text);
        let _ = checks::addresses(&text);
    }
}
