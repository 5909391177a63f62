//! The check against the practice world's servers, right and wrong, and against one that speaks NTLM.
#![allow(clippy::unwrap_used)]

mod backup;
mod windows;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::actions::Report;
use crate::actions::testing::{carry_out_through, codes};
use crate::practice::dns::{Rr, ZoneSet};
use crate::practice::mailbox::MailStore;
use crate::practice::smtp::{
    Auth, Greeting, Personality, Recipients, Reply, ServerSetup, StartTls,
};
use crate::practice::{Certificate, Scenario, World};
use crate::probes::{ChannelSettings, DnsSettings, ProbeSettings, Probes, SystemClock, smtp};
use crate::record::StepOutcome;
use crate::site::{ProbeMailbox, Server, Site};

const HOST: &str = "mail.client.example";
const BACKUP: &str = "backup.isp.example";
const KNOWN: [&str; 2] = ["office@client.example", "abuse@client.example"];

/// A world with a good server and a backup exchanger, and the site they belong to.
struct Rig {
    world: World,
    site: Site,
}

async fn rig() -> Rig {
    let mut zones = ZoneSet::default();
    for zone in ["client.example", "isp.example", "in-addr.arpa"] {
        zones.add_zone(zone);
    }
    zones.add(HOST, Rr::A(Ipv4Addr::LOCALHOST));
    zones.add(BACKUP, Rr::A(Ipv4Addr::new(127, 0, 0, 1)));
    zones.add("client.example", Rr::Mx(10, HOST.to_owned()));
    let mut good = Personality::postfix(HOST, &["client.example"], &KNOWN);
    good.starttls = StartTls::Offered;
    let backup = Personality::postfix(BACKUP, &["client.example"], &KNOWN);
    let world = World::start(Scenario {
        id: "server".to_owned(),
        zones,
        servers: vec![
            ServerSetup::on_smtp("main", good),
            ServerSetup::on_smtp("backup", backup),
        ],
        mail: MailStore::default(),
        imap_name: "imap.elsewhere.example".to_owned(),
        event_log: String::new(),
        secrets: Vec::new(),
        site_yaml: |_, _| String::new(),
    })
    .await
    .unwrap();
    let site = Site {
        id: "client".to_owned(),
        domains: vec!["client.example".to_owned()],
        servers: vec![Server {
            host: HOST.to_owned(),
            ports: vec![world.address("main", "smtp").unwrap().port()],
            valid_mailbox: Some(KNOWN[0].to_owned()),
            ..Server::default()
        }],
        probe: Some(ProbeMailbox {
            sender: Some("sender@probe.example".to_owned()),
            recipient: Some("recipient@probe.example".to_owned()),
            ..ProbeMailbox::default()
        }),
        laboratory: true,
        ..Site::default()
    };
    Rig { world, site }
}

impl Rig {
    fn edit(&self, change: impl FnOnce(&mut Personality)) {
        self.world.server("main").unwrap().edit(change);
    }

    async fn check(&self, args: Value) -> Report {
        let roots = self.world.ca_pem();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), roots).unwrap();
        let settings = ProbeSettings {
            dns: DnsSettings {
                servers: vec![self.world.dns()],
                tries: vec![Duration::from_millis(500)],
                ..DnsSettings::default()
            },
            smtp: ChannelSettings {
                reply_cap: Duration::from_millis(1500),
                extra_roots: smtp::read_roots(file.path()).unwrap(),
                ..ChannelSettings::default()
            },
            ..ProbeSettings::default()
        };
        let probes = Probes::new(settings, Arc::new(SystemClock)).unwrap();
        carry_out_through(&probes, "server.check", &self.site, args)
            .await
            .unwrap()
    }
}

fn outcome<'a>(report: &'a Report, endpoint: usize, id: &str) -> &'a str {
    let stages = report.outputs["endpoints"][endpoint]["stages"].as_array();
    let stage = stages.unwrap().iter().find(|stage| stage["id"] == id);
    stage.map_or("absent", |stage| stage["outcome"].as_str().unwrap())
}

/// What is wrong, how that is brought about, the findings, and the outcome of a stage that matters.
type Case = (
    &'static str,
    fn(&mut Rig),
    &'static [&'static str],
    (&'static str, &'static str),
);

const CASES: &[Case] = &[
    ("all is well", |_| {}, &[], ("postmaster", "good")),
    (
        "an Exchange of 2003 as it comes",
        |rig| {
            rig.edit(|server| {
                *server = Personality::exchange_2003("server.client.local", &["client.example"]);
                server.auth.as_mut().unwrap().mechanisms = vec!["LOGIN".to_owned()];
            });
        },
        &[
            "server-name",
            "auth-before-tls",
            "starttls-missing",
            "server-turn",
        ],
        ("postmaster", "unknown"),
    ),
    (
        "an expired certificate",
        |rig| rig.edit(|server| server.certificate = Certificate::Expired),
        &["certificate-expired"],
        ("starttls", "good"),
    ),
    (
        "another's certificate",
        |rig| rig.edit(|server| server.certificate = Certificate::WrongName),
        &["certificate-name"],
        ("postmaster", "good"),
    ),
    (
        "a self-signed certificate",
        |rig| rig.edit(|server| server.certificate = Certificate::SelfSigned),
        &["certificate-untrusted"],
        ("certificate", "finding"),
    ),
    (
        "STARTTLS without a handshake; the rest is asked in clear",
        |rig| rig.edit(|server| server.starttls = StartTls::Broken),
        &["starttls-broken"],
        ("abuse", "good"),
    ),
    (
        "STARTTLS refused",
        |rig| rig.edit(|server| server.starttls = StartTls::Unavailable),
        &["starttls-broken"],
        ("vrfy", "good"),
    ),
    (
        "no STARTTLS",
        |rig| rig.edit(|server| server.starttls = StartTls::Absent),
        &["starttls-missing"],
        ("certificate", "not_applicable"),
    ),
    (
        "login after encryption only",
        |rig| rig.edit(|server| server.auth = Some(auth(&["PLAIN"], false))),
        &[],
        ("auth_encrypted", "good"),
    ),
    (
        "passwords in clear",
        |rig| rig.edit(|server| server.auth = Some(auth(&["PLAIN", "LOGIN"], true))),
        &["auth-before-tls"],
        ("auth", "finding"),
    ),
    (
        "VRFY tells",
        |rig| rig.edit(|server| server.vrfy = true),
        &["vrfy-enabled"],
        ("expn", "good"),
    ),
    (
        "nobody reads abuse@",
        |rig| {
            rig.edit(|server| {
                server.recipients = Recipients::Known([KNOWN[0].to_owned()].into());
            });
        },
        &["postmaster-abuse-missing"],
        ("postmaster", "good"),
    ),
    (
        "a firewall masks",
        |rig| {
            rig.edit(|server| {
                server.starttls = StartTls::Absent;
                server.keywords.push("XXXXXXXA".to_owned());
            });
        },
        &["server-masked", "starttls-missing"],
        ("names", "finding"),
    ),
    (
        "EHLO is not known",
        |rig| rig.edit(|server| server.helo_only = true),
        &["server-no-ehlo"],
        ("postmaster", "good"),
    ),
    (
        "it refuses this machine: nothing is known, nothing is said to be good",
        |rig| {
            let refusal = Reply::new(
                554,
                "5.7.1 your address is listed, blocked using bl.example",
            );
            rig.edit(|server| server.greeting = Greeting::Refuse(refusal));
        },
        &[],
        ("greeting", "unknown"),
    ),
    (
        "greylisting is no refusal",
        |rig| {
            let reply = Reply::new(451, "4.7.1 Greylisted, please try again later");
            rig.edit(|server| server.greylist = Some((Duration::from_secs(60), reply)));
        },
        &[],
        // postmaster passes, as it should; the invented mailbox is refused before greylisting.
        ("postmaster", "good"),
    ),
    (
        "a login is wanted first",
        |rig| {
            let wanted = Auth {
                required: true,
                ..auth(&["PLAIN"], false)
            };
            rig.edit(|server| server.auth = Some(wanted));
        },
        &[],
        ("postmaster", "not_applicable"),
    ),
    (
        "nothing listens",
        |rig| rig.site.servers[0].ports = vec![1],
        &["server-port-closed"],
        ("connect", "finding"),
    ),
];

fn auth(mechanisms: &[&str], in_the_clear: bool) -> Auth {
    Auth {
        mechanisms: mechanisms.iter().map(|word| (*word).to_owned()).collect(),
        in_the_clear,
        ..Auth::default()
    }
}

#[tokio::test]
async fn each_fault_is_found_and_nothing_else() {
    for (case, change, wanted, (stage, ended)) in CASES {
        let mut rig = rig().await;
        change(&mut rig);
        let report = rig.check(json!({})).await;
        let shown = serde_json::to_string_pretty(&report.outputs["endpoints"]).unwrap();
        assert_eq!(codes(&report), *wanted, "{case}: {shown}");
        assert_eq!(outcome(&report, 0, stage), *ended, "{case}: {shown}");
        let open = shown.contains("\"outcome\": \"unknown\"");
        let whole = match (wanted.is_empty(), open) {
            (false, _) => StepOutcome::Finding,
            (true, true) => StepOutcome::Unknown,
            (true, false) => StepOutcome::Good,
        };
        assert_eq!(report.outcome, whole, "{case}: {shown}");
        let server = rig.world.server("main").unwrap();
        assert_eq!(server.commands("DATA"), 0, "{case}: nothing is sent");
        for finding in &report.findings {
            assert!(
                !finding.remedy.is_empty() && !finding.evidence[0].text.is_empty(),
                "{case}: {finding:?}"
            );
            let stage = finding.subject.rsplit_once(": ").unwrap().1;
            let left_open = shown.contains("\"unknown\"");
            assert!(
                report.subjects.contains(&finding.subject) || left_open,
                "{case}: {stage} is judged"
            );
        }
    }
}

#[tokio::test]
async fn what_is_the_same_on_two_ports_is_one_finding() {
    let mut rig = rig().await;
    let twin = ServerSetup::on_smtp(
        "twin",
        Personality {
            certificate: Certificate::Expired,
            ..rig.world.server("main").unwrap().personality()
        },
    );
    rig.world.add_server(twin).await.unwrap();
    rig.edit(|server| server.certificate = Certificate::Expired);
    let second = rig.world.address("twin", "smtp").unwrap().port();
    rig.site.servers[0].ports.push(second);
    let report = rig.check(json!({})).await;
    let certificate: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.code == "certificate-expired")
        .collect();
    assert_eq!(certificate.len(), 1, "{:?}", report.findings);
    assert_eq!(certificate[0].subject, format!("{HOST}: certificate"));
    assert_eq!(certificate[0].evidence.len(), 2);
    let first = rig.site.servers[0].ports[0];
    let places = format!("port {first}, port {second}: its certificate");
    assert!(
        certificate[0].summary.contains(&places),
        "{}",
        certificate[0].summary
    );
    assert_eq!(report.outputs["endpoints"][1]["role"], "alternate");
}

#[tokio::test]
async fn an_alternate_port_that_is_as_open_as_the_usual_one_is_told() {
    let mut rig = rig().await;
    let second = ServerSetup::on_smtp(
        "second",
        Personality {
            recipients: Recipients::Anything,
            ..rig.world.server("main").unwrap().personality()
        },
    );
    rig.world.add_server(second).await.unwrap();
    let port = rig.world.address("second", "smtp").unwrap().port();
    rig.site.servers[0].ports.push(port);
    let report = rig.check(json!({})).await;
    assert_eq!(codes(&report), ["server-alternate-port"]);
}

#[tokio::test]
async fn ipv6_is_held_against_ipv4() {
    let rig = rig().await;
    let v6 = rig.world.server("main").unwrap().address_v6("smtp");
    assert!(v6.is_some(), "this machine has no ::1");
    rig.world
        .zones()
        .edit(|zones| zones.add(HOST, Rr::Aaaa(Ipv6Addr::LOCALHOST)));
    let report = rig.check(json!({})).await;
    assert_eq!(outcome(&report, 1, "families"), "good");
    assert_eq!(report.outcome, StepOutcome::Good);

    // Another server answers over IPv6 in its place.
    let stranger = Ipv6Addr::LOCALHOST;
    let listener = tokio::net::TcpListener::bind((stranger, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut site = rig.site.clone();
    site.servers[0].ports = vec![port];
    let report = Rig {
        world: rig.world,
        site,
    }
    .check(json!({}))
    .await;
    assert_eq!(
        codes(&report),
        ["server-port-closed"],
        "closed over both is no difference"
    );
}

#[tokio::test]
async fn it_connects_from_the_address_that_is_named() {
    let rig = rig().await;
    let report = rig.check(json!({"from": "127.0.0.77"})).await;
    assert_eq!(report.outcome, StepOutcome::Good);
    let server = rig.world.server("main").unwrap();
    assert!(
        server
            .transcripts()
            .iter()
            .all(|one| one.peer.ip() == IpAddr::V4(Ipv4Addr::new(127, 0, 0, 77))),
        "every session"
    );
}

#[tokio::test]
async fn a_site_without_servers_has_nothing_to_look_at() {
    let mut rig = rig().await;
    rig.site.servers.clear();
    rig.site.domains.clear();
    let report = rig.check(json!({})).await;
    assert_eq!(report.outcome, StepOutcome::NotApplicable);
}

#[tokio::test]
async fn a_name_that_cannot_be_looked_up_is_unknown() {
    let mut rig = rig().await;
    rig.site.servers[0].host = "gone.client.example".to_owned();
    let report = rig.check(json!({})).await;
    assert_eq!(report.outcome, StepOutcome::Unknown);
    assert!(
        report.outputs["notes"]
            .to_string()
            .contains("gone.client.example")
    );
}
