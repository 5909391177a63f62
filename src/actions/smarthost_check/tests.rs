//! The ladder against the practice world's smarthost, right and wrong.
#![allow(clippy::unwrap_used)]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::actions::testing::carry_out_through;
use crate::actions::{ActionError, Report};
use crate::practice::dns::{Rr, Trouble, ZoneSet};
use crate::practice::mailbox::MailStore;
use crate::practice::smtp::{
    Greeting, Login, Personality, PortSetup, Reply, ServerSetup, StartTls,
};
use crate::practice::{Certificate, Scenario, World};
use crate::probes::{DnsSettings, ProbeSettings, Probes, SmtpSettings, SystemClock};
use crate::record::StepOutcome;
use crate::site::{ProbeMailbox, SecretRef, Server, Site, Smarthost, Tls, Vantage};

const HOST: &str = "smtp.provider.example";
const PASSWORD: &str = "Tr0ub4dor&3";
const SENDER: &str = "info@client.example";
const RECIPIENT: &str = "probe@elsewhere.example";

/// A world with one smarthost, a site that uses it, and the folder that keeps the secret.
struct Rig {
    world: World,
    site: Site,
    _folder: tempfile::TempDir,
}

async fn rig() -> Rig {
    let mut zones = ZoneSet::default();
    zones.add_zone("provider.example");
    zones.add_zone("client.example");
    zones.add(HOST, Rr::A(Ipv4Addr::LOCALHOST));
    zones.add("mail.client.example", Rr::A(Ipv4Addr::new(192, 0, 2, 25)));
    let port = |name: &str, implicit_tls| PortSetup {
        name: name.to_owned(),
        implicit_tls,
    };
    let server = ServerSetup {
        id: "smarthost".to_owned(),
        personality: Personality::smarthost(HOST, "client", PASSWORD, &["@client.example"]),
        ports: vec![port("submission", false), port("submissions", true)],
    };
    let mut mail = MailStore::default();
    mail.add(RECIPIENT, "x");
    let world = World::start(Scenario {
        id: "smarthost".to_owned(),
        zones,
        servers: vec![server],
        mail,
        imap_name: "imap.elsewhere.example".to_owned(),
        event_log: String::new(),
        secrets: Vec::new(),
        site_yaml: |_, _| String::new(),
    })
    .await
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (ca, secret) = (folder.path().join("ca.pem"), folder.path().join("password"));
    std::fs::write(&ca, world.ca_pem()).unwrap();
    std::fs::write(&secret, PASSWORD).unwrap();
    let mut site = Site {
        id: "client".to_owned(),
        smarthost: Some(Smarthost {
            host: HOST.to_owned(),
            ports: vec![world.address("smarthost", "submission").unwrap().port()],
            username: Some("client".to_owned()),
            password: Some(SecretRef::File(secret)),
            senders: vec![SENDER.to_owned()],
            ca: Some(ca),
            ..Smarthost::default()
        }),
        probe: Some(ProbeMailbox {
            recipient: Some(RECIPIENT.to_owned()),
            ..ProbeMailbox::default()
        }),
        vantage: Some(Vantage::Inside),
        laboratory: true,
        ..Site::default()
    };
    site.outbound.addresses = vec![Ipv4Addr::new(192, 0, 2, 25).into()];
    site.outbound.helo = Some("mail.client.example".to_owned());
    Rig {
        world,
        site,
        _folder: folder,
    }
}

impl Rig {
    fn edit(&self, change: impl FnOnce(&mut Personality)) {
        self.world.server("smarthost").unwrap().edit(change);
    }

    fn smarthost(&mut self) -> &mut Smarthost {
        self.site.smarthost.as_mut().unwrap()
    }

    fn said(&self, verb: &str) -> usize {
        self.world.server("smarthost").unwrap().commands(verb)
    }

    async fn check(&self, args: Value) -> Result<Report, ActionError> {
        let settings = ProbeSettings {
            dns: DnsSettings {
                servers: vec![self.world.dns()],
                tries: vec![Duration::from_millis(500)],
                ..DnsSettings::default()
            },
            smtp: SmtpSettings {
                reply_cap: Duration::from_millis(1500),
                ..SmtpSettings::default()
            },
            ..ProbeSettings::default()
        };
        let probes = Probes::new(settings, Arc::new(SystemClock)).unwrap();
        carry_out_through(&probes, "smarthost.check", &self.site, args).await
    }
}

fn stage<'a>(report: &'a Report, id: &str) -> &'a Value {
    let stages = report.outputs["stages"].as_array().unwrap();
    stages.iter().find(|stage| stage["id"] == id).unwrap()
}

fn codes(report: &Report) -> Vec<&str> {
    report
        .findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect()
}

type Change = fn(&mut Rig);

/// What is changed, the verdict, where it is blocked, and the findings.
const CASES: &[(&str, Change, &str, Option<&str>, &[&str])] = &[
    ("all is well", |_| {}, "ready", None, &[]),
    (
        "TLS from the first byte",
        |rig| {
            let port = rig
                .world
                .address("smarthost", "submissions")
                .unwrap()
                .port();
            rig.smarthost().ports = vec![port];
            rig.smarthost().tls = Tls::Implicit;
        },
        "ready",
        None,
        &[],
    ),
    (
        "the name does not exist",
        |rig| rig.smarthost().host = "smpt.provider.example".to_owned(),
        "blocked",
        Some("H02"),
        &["smarthost-dns"],
    ),
    (
        "the name is no name",
        |rig| rig.smarthost().host = "smtp provider".to_owned(),
        "blocked",
        Some("H01"),
        &["smarthost-name"],
    ),
    (
        "the resolver is silent",
        |rig| {
            rig.world
                .zones()
                .edit(|zones| zones.set_trouble(HOST, Some(Trouble::Silent)))
        },
        "inconclusive",
        Some("H02"),
        &[],
    ),
    (
        "nothing listens",
        |rig| rig.smarthost().ports = vec![1],
        "blocked",
        Some("H04"),
        &["smarthost-unreachable"],
    ),
    (
        "nothing listens, seen from elsewhere",
        |rig| {
            rig.smarthost().ports = vec![1];
            rig.site.vantage = Some(Vantage::Outside);
        },
        "inconclusive",
        Some("H04"),
        &[],
    ),
    (
        "seen from elsewhere",
        |rig| rig.site.vantage = Some(Vantage::Outside),
        "ready_with_warnings",
        None,
        &[],
    ),
    (
        "our address is blocked",
        |rig| {
            let refusal = Reply::new(
                554,
                "5.7.1 your address is listed, blocked using bl.example",
            );
            rig.edit(|server| server.greeting = Greeting::Refuse(refusal));
        },
        "blocked",
        Some("H05"),
        &["smarthost-refuses-us"],
    ),
    (
        "busy",
        |rig| {
            let refusal = Reply::new(421, "4.3.2 too busy");
            rig.edit(|server| server.greeting = Greeting::Refuse(refusal));
        },
        "inconclusive",
        Some("H05"),
        &[],
    ),
    (
        "silent",
        |rig| rig.edit(|server| server.greeting = Greeting::Silent),
        "blocked",
        Some("H05"),
        &["smarthost-no-dialogue"],
    ),
    (
        "EHLO unknown",
        |rig| rig.edit(|server| server.helo_only = true),
        "blocked",
        Some("H06"),
        &["smarthost-ehlo"],
    ),
    (
        "a firewall masks",
        |rig| {
            rig.edit(|server| {
                server.keywords.push("XXXXXXXA".to_owned());
                server.starttls = StartTls::Absent;
            });
        },
        "blocked",
        Some("H08"),
        &["smarthost-masked", "smarthost-no-tls"],
    ),
    (
        "a local HELO name",
        |rig| rig.site.outbound.helo = Some("server.local".to_owned()),
        "ready_with_warnings",
        None,
        &["smarthost-helo"],
    ),
    (
        "STARTTLS without a handshake",
        |rig| rig.edit(|server| server.starttls = StartTls::Broken),
        "blocked",
        Some("H08"),
        &["starttls-broken"],
    ),
    (
        "STARTTLS refused",
        |rig| rig.edit(|server| server.starttls = StartTls::Unavailable),
        "blocked",
        Some("H08"),
        &["starttls-broken"],
    ),
    (
        "an expired certificate",
        |rig| rig.edit(|server| server.certificate = Certificate::Expired),
        "blocked",
        Some("H09"),
        &["certificate-expired"],
    ),
    (
        "a certificate that ends soon",
        |rig| rig.edit(|server| server.certificate = Certificate::ExpiresSoon),
        "ready_with_warnings",
        None,
        &["certificate-expiring"],
    ),
    (
        "another's certificate",
        |rig| rig.edit(|server| server.certificate = Certificate::WrongName),
        "blocked",
        Some("H09"),
        &["certificate-name"],
    ),
    (
        "a self-signed certificate",
        |rig| rig.edit(|server| server.certificate = Certificate::SelfSigned),
        "blocked",
        Some("H09"),
        &["certificate-untrusted"],
    ),
    (
        "in clear by the site's own will",
        |rig| {
            rig.smarthost().tls = Tls::None;
            rig.edit(|server| server.auth.as_mut().unwrap().in_the_clear = true);
        },
        "blocked",
        Some("H12"),
        &["smarthost-login-unprotected"],
    ),
    (
        "OAuth only",
        |rig| {
            rig.edit(|server| server.auth.as_mut().unwrap().mechanisms = vec!["XOAUTH2".to_owned()])
        },
        "blocked",
        Some("H11"),
        &["smarthost-no-login"],
    ),
    (
        "an old server that cannot log in",
        |rig| {
            rig.edit(|server| server.auth.as_mut().unwrap().mechanisms = vec!["PLAIN".to_owned()]);
            rig.site.servers = vec![Server {
                product: Some("exchange-2003".to_owned()),
                ..Server::default()
            }];
        },
        "ready_with_warnings",
        None,
        &["smarthost-old-server"],
    ),
    (
        "a wrong password",
        |rig| rig.edit(|server| login(server).password = "other".to_owned()),
        "blocked",
        Some("H12"),
        &["smarthost-login"],
    ),
    (
        "an application password is wanted",
        |rig| refuse_login(rig, 534, "5.7.9 application-specific password required"),
        "blocked",
        Some("H12"),
        &["smarthost-login"],
    ),
    (
        "logins cannot be checked now",
        |rig| refuse_login(rig, 454, "4.7.0 temporary authentication failure"),
        "inconclusive",
        Some("H12"),
        &[],
    ),
    (
        "one sender of two is not registered",
        |rig| {
            rig.smarthost()
                .senders
                .push("info@other.example".to_owned())
        },
        "blocked",
        Some("H14"),
        &["smarthost-sender"],
    ),
    (
        "no recipient to ask about",
        |rig| rig.site.probe = None,
        "inconclusive",
        Some("H14"),
        &[],
    ),
    (
        "no login is wanted",
        |rig| {
            rig.smarthost().username = None;
            rig.edit(|server| {
                server.auth = None;
                server.trust = vec![crate::practice::smtp::Trust::Everyone];
            });
        },
        "ready",
        None,
        &[],
    ),
];

fn login(server: &mut Personality) -> &mut Login {
    server
        .auth
        .as_mut()
        .unwrap()
        .logins
        .get_mut("client")
        .unwrap()
}

fn refuse_login(rig: &mut Rig, code: u16, text: &str) {
    let refusal = Reply::new(code, text);
    rig.edit(|server| login(server).refuse = Some(refusal));
}

#[tokio::test]
async fn each_fault_is_found_at_its_stage() {
    for (case, change, verdict, blocked_at, wanted) in CASES {
        let mut rig = rig().await;
        change(&mut rig);
        let report = rig.check(json!({})).await.unwrap();
        let stages = serde_json::to_string_pretty(&report.outputs["stages"]).unwrap();
        assert_eq!(report.outputs["verdict"], *verdict, "{case}: {stages}");
        assert_eq!(
            report.outputs["blocked_at"],
            json!(blocked_at),
            "{case}: {stages}"
        );
        assert_eq!(codes(&report), *wanted, "{case}: {stages}");
        let outcome = match (*verdict, wanted.is_empty()) {
            ("inconclusive", _) => StepOutcome::Unknown,
            (_, true) => StepOutcome::Good,
            (_, false) => StepOutcome::Finding,
        };
        assert_eq!(report.outcome, outcome, "{case}");
        let ids: Vec<&Value> = report.outputs["stages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| &s["id"])
            .collect();
        assert!(ids.len() >= 13, "{case}: every stage is told: {ids:?}");
        assert!(rig.said("AUTH") <= 1, "{case}: one login at most");
        assert_eq!(rig.said("DATA"), 0, "{case}: nothing is sent");
        let whole = format!("{:?} {:?}", report.outputs, report.findings);
        assert!(!whole.contains(PASSWORD), "{case}");
        for finding in &report.findings {
            assert!(
                !finding.remedy.is_empty() && !finding.evidence[0].text.is_empty(),
                "{finding:?}"
            );
            assert!(
                report.subjects.contains(&finding.subject),
                "{case}: {finding:?}"
            );
        }
    }
}

#[tokio::test]
async fn no_password_goes_to_a_server_that_is_not_proven() {
    for certificate in [
        Certificate::Expired,
        Certificate::WrongName,
        Certificate::SelfSigned,
    ] {
        let rig = rig().await;
        rig.edit(|server| server.certificate = certificate);
        let report = rig.check(json!({})).await.unwrap();
        assert_eq!(rig.said("AUTH"), 0, "{certificate:?}");
        assert_eq!(stage(&report, "H12")["outcome"], "skipped");
    }
}

#[tokio::test]
async fn replies_are_classified_and_kept() {
    let rig = rig().await;
    let refusal = Reply::new(
        554,
        "5.7.1 your address is listed, blocked using bl.example",
    );
    rig.edit(|server| server.greeting = Greeting::Refuse(refusal));
    let report = rig.check(json!({})).await.unwrap();
    let greeting = stage(&report, "H05");
    assert_eq!(greeting["class"], "block_ip");
    assert!(greeting["reply"].as_str().unwrap().starts_with("554 5.7.1"));
    assert_eq!(
        report.findings[0].evidence[0].from.as_deref(),
        Some("127.0.0.1")
    );
    assert!(report.findings[0].evidence[0].text.contains("S: 554 5.7.1"));
}

#[tokio::test]
async fn a_host_that_is_not_the_sites_is_not_touched() {
    let rig = rig().await;
    let error = rig
        .check(json!({"host": "smtp.other.example"}))
        .await
        .unwrap_err();
    assert!(
        error.is_not_sent() && error.to_string().contains("smtp.other.example"),
        "{error}"
    );
    let error = rig
        .check(json!({"senders": ["a@b.example> SIZE=1"]}))
        .await
        .unwrap_err();
    assert!(error.is_not_sent(), "{error}");
    assert_eq!(rig.world.server("smarthost").unwrap().connections(), 0);
}

#[tokio::test]
async fn without_a_smarthost_there_is_nothing_to_check() {
    let mut rig = rig().await;
    rig.site.smarthost = None;
    let report = rig.check(json!({})).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::NotApplicable);
}
