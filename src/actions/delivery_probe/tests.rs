//! Marked messages through the servers of the practice world.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::actions::desk::Desk;
use crate::actions::{Args, Secrets, StepInfo};
use crate::practice::dns::ZoneSet;
use crate::practice::mailbox::{Delivery, MailStore};
use crate::practice::smtp::{Personality, ServerSetup};
use crate::practice::{Scenario, World};
use crate::probes::{DnsSettings, ProbeSettings, Probes, SystemClock};
use crate::record::{StepOutcome, Wait};
use crate::site::{Imap, ProbeMailbox, SecretRef, Server, Site, Tls};
use crate::templates::Templates;

const INBOX: &str = "in@outside.test";
const SENDER: &str = "office@site.test";

struct Rig {
    world: World,
    desk: Desk,
    probes: Probes,
    _folder: tempfile::TempDir,
}

async fn rig(personality: Personality) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "mailbox-pass-7").unwrap();
    let mut mail = MailStore::default();
    mail.add(INBOX, "mailbox-pass-7");
    let world = World::start(Scenario {
        id: "delivery".to_owned(),
        zones: ZoneSet::default(),
        servers: vec![ServerSetup::on_smtp("mx", personality)],
        mail,
        imap_name: "imap.outside.test".to_owned(),
        event_log: String::new(),
        secrets: Vec::new(),
        site_yaml: |_, _| String::new(),
    })
    .await
    .unwrap();
    let (smtp, imap) = (world.address("mx", "smtp").unwrap(), world.imap().address());
    let desk = Desk {
        site: Site {
            id: "site".to_owned(),
            name: "Site".to_owned(),
            laboratory: true,
            servers: vec![Server {
                host: "mx.site.test".to_owned(),
                address: Some(smtp.ip()),
                ports: vec![smtp.port()],
                valid_mailbox: Some(SENDER.to_owned()),
                ..Server::default()
            }],
            probe: Some(ProbeMailbox {
                recipient: Some(INBOX.to_owned()),
                imap: Some(Imap {
                    host: "imap.outside.test".to_owned(),
                    address: Some(imap.ip()),
                    port: Some(imap.port()),
                    tls: Tls::None,
                    username: INBOX.to_owned(),
                    password: Some(SecretRef::File(password)),
                    ca: None,
                }),
                ..ProbeMailbox::default()
            }),
            ..Site::default()
        },
        ..Desk::default()
    };
    let dns = DnsSettings {
        servers: vec![world.dns()],
        ..DnsSettings::default()
    };
    let settings = ProbeSettings {
        dns,
        ..ProbeSettings::default()
    };
    Rig {
        world,
        desk,
        probes: Probes::new(settings, Arc::new(SystemClock)).unwrap(),
        _folder: folder,
    }
}

impl Rig {
    async fn step(&self, args: &Value, wait: Option<&Wait>) -> Result<Next, ActionError> {
        let args = Args(args.as_object().unwrap().clone());
        let (secrets, templates) = (Secrets(BTreeMap::new()), Templates::default());
        let context = Context {
            site: &self.desk.site,
            args: &args,
            probes: &self.probes,
            progress: &self.desk,
            artifacts: &self.desk,
            secrets: &secrets,
            facts: &self.desk,
            templates: &templates,
            conditions: &self.desk,
            step: StepInfo {
                run: "run",
                key: "deliver",
                attempt: 1,
                idempotency_key: "run/deliver",
                wait,
            },
        };
        DeliveryProbe.carry_out(&context).await
    }

    /// The step to its end, however often it waits.
    async fn run(&self, args: Value) -> Report {
        let mut wait: Option<Wait> = None;
        for _ in 0..200 {
            match self.step(&args, wait.as_ref()).await.unwrap() {
                Next::Done(report) => return *report,
                Next::Wait(next) => {
                    wait = Some(Wait {
                        kind: next.kind,
                        reason: next.reason,
                        since: Timestamp::now(),
                        wake: next.wake,
                        deadline: next.deadline,
                        memo: next.memo,
                    });
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        panic!("the step waits for ever: {wait:?}")
    }
}

fn open() -> Personality {
    Personality::open_relay("mx.site.test", &["site.test"], &[SENDER])
}

fn codes(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|f| f.code.as_str()).collect()
}

#[tokio::test]
async fn accepted_is_not_arrived() {
    let greylisting = Personality::greylists(
        "mx.site.test",
        &["site.test"],
        &[SENDER],
        Duration::from_millis(30),
    );
    let patient = Personality {
        trust: open().trust,
        ..greylisting
    };
    for (what, personality, accepted, arrived, found) in [
        ("open path", open(), json!(true), true, &[][..]),
        ("greylisted first", patient, json!(true), true, &[]),
        (
            "closed",
            Personality::closed("mx.site.test", &["site.test"], &[SENDER]),
            json!(false),
            false,
            &["delivery-refused"],
        ),
        (
            "discards",
            Personality::discards("mx.site.test", &["site.test"]),
            json!(true),
            false,
            &["delivery-lost"],
        ),
        (
            "refused after the dot",
            Personality::refuses_message("mx.site.test", &["site.test"], &[SENDER]),
            json!(false),
            false,
            &["delivery-refused"],
        ),
    ] {
        let rig = rig(personality).await;
        let report = rig.run(json!({"wait": "1s", "every": "1s"})).await;
        let outputs = &report.outputs;
        assert_eq!(codes(&report), found, "{what}: {}", outputs["reason"]);
        if what != "greylisted first" {
            assert_eq!(
                outputs["accepted"], accepted,
                "{what}: {}",
                outputs["reason"]
            );
        }
        assert_eq!(outputs["arrived"], arrived, "{what}: {}", outputs["reason"]);
        if arrived {
            assert_eq!(outputs["folder"], "INBOX", "{what}");
            assert!(!outputs["hops"].as_array().unwrap().is_empty(), "{what}");
        }
    }
}

#[tokio::test]
async fn junk_is_told_and_nothing_is_sent_twice() {
    let rig = rig(open()).await;
    let junk = Delivery {
        folder: "Junk".to_owned(),
        ..Delivery::default()
    };
    rig.world.mailboxes().set_delivery(INBOX, junk);
    let first = rig.run(json!({})).await;
    assert_eq!(codes(&first), ["delivery-junk"]);
    assert_eq!(first.outcome, StepOutcome::Finding);
    // The same step again, as after an interruption: found, not sent.
    let again = rig.run(json!({})).await;
    assert_eq!(again.outputs["message_id"], first.outputs["message_id"]);
    assert_eq!(rig.world.server("mx").unwrap().commands("DATA"), 1);
}

#[tokio::test]
async fn without_a_readable_mailbox_nothing_is_sent() {
    let mut rig = rig(open()).await;
    rig.desk
        .site
        .probe
        .as_mut()
        .unwrap()
        .imap
        .as_mut()
        .unwrap()
        .username = "nobody".to_owned();
    let error = rig.step(&json!({}), None).await.unwrap_err();
    assert!(error.is_not_sent(), "{error}");
    rig.desk.site.probe.as_mut().unwrap().imap = None;
    let error = rig.step(&json!({}), None).await.unwrap_err();
    assert!(error.to_string().contains("probe.imap"), "{error}");
    assert_eq!(rig.world.server("mx").unwrap().connections(), 0);
}
