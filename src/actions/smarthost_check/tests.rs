//! The ladder against the practice world's smarthost, right and wrong.
#![allow(clippy::unwrap_used)]

mod cases;
mod families;
mod later;
mod refusals;
mod scripted;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::actions::testing::{carry_out_through, codes};
use crate::actions::{ActionError, Report};
use crate::practice::dns::{Rr, ZoneSet};
use crate::practice::mailbox::MailStore;
use crate::practice::smtp::{Greeting, Personality, PortSetup, Reply, ServerSetup};
use crate::practice::{Certificate, Scenario, World};
use crate::probes::{ChannelSettings, DnsSettings, ProbeSettings, Probes, SystemClock};
use crate::record::StepOutcome;
use crate::site::{ProbeMailbox, SecretRef, Site, Smarthost, Vantage};

use cases::CASES;

const HOST: &str = "smtp.provider.example";
const PASSWORD: &str = "Tr0ub4dor&3";
const SENDER: &str = "info@client.example";
const RECIPIENT: &str = "probe@elsewhere.example";

/// A world with one smarthost, a site that uses it, and the folder that keeps the secret.
struct Rig {
    world: World,
    site: Site,
    /// Replies are waited for as long as in life.
    patient: bool,
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
        patient: false,
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

    fn probes(&self) -> Probes {
        let settings = ProbeSettings {
            dns: DnsSettings {
                servers: vec![self.world.dns()],
                tries: vec![Duration::from_millis(500)],
                ..DnsSettings::default()
            },
            smtp: ChannelSettings {
                reply_cap: match self.patient {
                    true => ChannelSettings::default().reply_cap,
                    false => Duration::from_millis(1500),
                },
                ..ChannelSettings::default()
            },
            ..ProbeSettings::default()
        };
        Probes::new(settings, Arc::new(SystemClock)).unwrap()
    }

    async fn check(&self, args: Value) -> Result<Report, ActionError> {
        carry_out_through(&self.probes(), "smarthost.check", &self.site, args).await
    }
}

fn stage<'a>(report: &'a Report, id: &str) -> &'a Value {
    let stages = report.outputs["stages"].as_array().unwrap();
    stages.iter().find(|stage| stage["id"] == id).unwrap()
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
        assert!(ids.len() >= 32, "{case}: every stage is told: {ids:?}");
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
