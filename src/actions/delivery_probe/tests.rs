//! Marked messages through the servers of the practice world.
#![allow(clippy::unwrap_used)]

mod faults;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::actions::desk::Desk;
use crate::actions::testing::codes;
use crate::actions::{Args, Secrets, StepInfo};
use crate::practice::dns::ZoneSet;
use crate::practice::mailbox::{Delivery, MailStore};
use crate::practice::smtp::{Personality, Reply, ServerSetup, SmtpServer, StartTls};
use crate::practice::{Scenario, World};
use crate::probes::{DnsSettings, ProbeSettings, Probes, SystemClock};
use crate::record::{StepOutcome, Wait};
use crate::site::{Imap, ProbeMailbox, SecretRef, Server, Site, Smarthost, Tls};
use crate::templates::Templates;

const INBOX: &str = "in@outside.test";
const SENDER: &str = "office@site.test";

struct Rig {
    world: World,
    desk: Desk,
    probes: Probes,
    /// The step's idempotency key: another message.
    key: &'static str,
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
    let mut desk = Desk {
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
    desk.approve();
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
        key: "run/deliver",
        _folder: folder,
    }
}

enum Called {
    Step(Result<Next, ActionError>),
    Look(Result<Reconciled, ActionError>),
}

impl Rig {
    async fn step(&self, args: &Value, wait: Option<&Wait>) -> Result<Next, ActionError> {
        match self.call(args, wait, false).await {
            Called::Step(next) => next,
            Called::Look(_) => panic!("a look"),
        }
    }

    /// A look at what became of a try that was interrupted.
    async fn look(&self) -> Reconciled {
        match self.call(&json!({}), None, true).await {
            Called::Look(found) => found.unwrap(),
            Called::Step(_) => panic!("a step"),
        }
    }

    async fn call(&self, args: &Value, wait: Option<&Wait>, look: bool) -> Called {
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
                idempotency_key: self.key,
                wait,
            },
        };
        if look {
            Called::Look(DeliveryProbe.reconcile(&context).await)
        } else {
            Called::Step(DeliveryProbe.carry_out(&context).await)
        }
    }

    /// The step to its end, however often it waits.
    async fn run(&self, args: Value) -> Report {
        let mut wait: Option<Wait> = None;
        for _ in 0..200 {
            match self.step(&args, wait.as_ref()).await.unwrap() {
                Next::Done(report) => return *report,
                Next::Wait(next) => {
                    wait = Some(waiting(*next));
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

fn mx(rig: &Rig) -> &SmtpServer {
    rig.world.server("mx").unwrap()
}

/// The wait that a step asked for, as the engine gives it back.
fn waiting(next: WaitFor) -> Wait {
    Wait {
        kind: next.kind,
        reason: next.reason,
        since: Timestamp::now(),
        wake: next.wake,
        deadline: next.deadline,
        memo: next.memo,
    }
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
        assert_eq!(
            outputs["accepted"], accepted,
            "{what}: {}",
            outputs["reason"]
        );
        assert_eq!(outputs["arrived"], arrived, "{what}: {}", outputs["reason"]);
        if what == "greylisted first" {
            let tried = outputs["tried"].as_array().unwrap();
            let first = tried[0]["reply"].as_str().unwrap();
            assert!(first.starts_with("451") && tried.len() == 2, "{tried:?}");
        }
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

/// The site's servers and their ports, in the order of the site file, until one takes the message; each is told.
#[tokio::test]
async fn the_next_server_is_tried_where_one_does_not_take_it() {
    let mut rig = rig(open()).await;
    for (id, personality) in [
        (
            "busy",
            Personality::refuses_connections("busy.site.test", 421, "too busy"),
        ),
        (
            "closed",
            Personality::closed("closed.site.test", &["site.test"], &[SENDER]),
        ),
    ] {
        let setup = ServerSetup::on_smtp(id, personality);
        rig.world.add_server(setup).await.unwrap();
        let at = rig.world.address(id, "smtp").unwrap();
        let server = Server {
            host: format!("{id}.site.test"),
            address: Some(at.ip()),
            // Nothing listens at the first of its ports.
            ports: vec![1, at.port()],
            ..Server::default()
        };
        rig.desk.site.servers.insert(0, server);
    }
    let report = rig.run(json!({"via": "site"})).await;
    assert_eq!(
        report.outputs["arrived"], true,
        "{}",
        report.outputs["reason"]
    );
    assert_eq!(report.outputs["via"], "mx.site.test");
    let tried = report.outputs["tried"].as_array().unwrap();
    let told: Vec<(&str, &str)> = tried
        .iter()
        .map(|one| {
            let reply = one["reply"].as_str().unwrap();
            (one["host"].as_str().unwrap(), reply.get(..3).unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("closed.site.test", "con"),
            ("closed.site.test", "554"),
            ("busy.site.test", "con"),
            ("busy.site.test", "421"),
            ("mx.site.test", "250"),
        ],
        "{tried:#?}"
    );
    // With the last one gone nobody takes it. One of them was too busy: it is asked again until the end of the wait.
    rig.desk.site.servers.pop();
    rig.key = "run/again";
    let report = rig
        .run(json!({"via": "site", "sender": SENDER, "wait": "1s", "every": "1s"}))
        .await;
    assert_eq!(codes(&report), ["delivery-refused"]);
    assert_eq!(report.outputs["via"], "busy.site.test");
    let text = &report.findings[0].evidence[0].text;
    assert!(text.contains("S: 554") && text.contains("S: 421"), "{text}");
}

/// After an interruption the mailbox tells: there it was sent; where it is not there, a person is asked, and told its id.
#[tokio::test]
async fn an_interrupted_step_is_found_by_its_message_id() {
    let rig = rig(open()).await;
    let Reconciled::CannotTell(why) = rig.look().await else {
        panic!("nothing was sent");
    };
    assert!(
        why.contains("<mailmedic.") && why.contains("mx.site.test"),
        "{why}"
    );
    let sent = rig.run(json!({})).await;
    let Reconciled::Done(found) = rig.look().await else {
        panic!("it is in the mailbox");
    };
    for output in ["message_id", "arrived", "accepted", "folder", "hops"] {
        assert_eq!(found.outputs[output], sent.outputs[output], "{output}");
    }
    assert_eq!(rig.world.server("mx").unwrap().commands("DATA"), 1);
}

/// One failed login: the smarthost is not asked again with a password that another step of the run saw refused.
#[tokio::test]
async fn a_refused_login_is_not_tried_again() {
    let mut rig = rig(Personality::smarthost(
        "mx.site.test",
        "site",
        "right",
        &["@site.test"],
    ))
    .await;
    let at = rig.world.address("mx", "smtp").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [password, ca] = ["password", "ca.pem"].map(|name| folder.path().join(name));
    std::fs::write(&password, "wrong").unwrap();
    std::fs::write(&ca, rig.world.ca_pem()).unwrap();
    rig.desk.site.smarthost = Some(Smarthost {
        host: "mx.site.test".to_owned(),
        address: Some(at.ip()),
        // The second port would be a second login.
        ports: vec![at.port(), at.port()],
        username: Some("site".to_owned()),
        password: Some(SecretRef::File(password.clone())),
        senders: vec![SENDER.to_owned()],
        ca: Some(ca),
        ..Smarthost::default()
    });
    let asked = |rig: &Rig| rig.world.server("mx").unwrap().commands("AUTH");
    let first = rig.run(json!({})).await;
    assert_eq!(codes(&first), ["delivery-refused"]);
    assert_eq!(first.outputs["login"]["accepted"], false);
    assert_eq!(asked(&rig), 1);
    rig.desk
        .ended("delivery.probe", Value::Object(first.outputs.clone()));
    let second = rig.run(json!({})).await;
    assert_eq!(codes(&second), ["delivery-refused"]);
    assert!(
        second.outputs["reason"]
            .as_str()
            .unwrap()
            .contains("not tried again")
    );
    assert_eq!(asked(&rig), 1);
    // A person has answered a step: the password is right now.
    std::fs::write(&password, "right").unwrap();
    rig.desk.manual_done("the password is right now");
    let given = rig.desk.steps.last_mut().unwrap().given.as_mut().unwrap();
    given.at = Timestamp::now();
    let third = rig.run(json!({})).await;
    assert_eq!(
        third.outputs["arrived"], true,
        "{}",
        third.outputs["reason"]
    );
    assert_eq!(asked(&rig), 2);
}
