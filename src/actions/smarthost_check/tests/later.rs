//! What comes after the essential stages, and the login that is not tried again.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{HOST, PASSWORD, Rig, codes, rig, stage};
use crate::actions::desk::Desk;
use crate::actions::{Args, Context, Next, Secrets, StepInfo};
use crate::practice::dns::Rr;
use crate::practice::smtp::Reply;
use crate::record::{StepOutcome, Wait};
use crate::site::Vantage;
use crate::templates::Templates;

impl Rig {
    /// Carries an action out in a run that knows what the desk knows.
    async fn with(&self, desk: &Desk, action: &str, args: Value, wait: Option<&Wait>) -> Next {
        let args = Args(args.as_object().unwrap().clone());
        let (probes, secrets, templates) =
            (self.probes(), Secrets::default(), Templates::default());
        let context = Context {
            site: &self.site,
            args: &args,
            probes: &probes,
            progress: desk,
            artifacts: desk,
            secrets: &secrets,
            facts: desk,
            templates: &templates,
            conditions: desk,
            step: StepInfo {
                run: "run",
                key: "step",
                attempt: 1,
                idempotency_key: "key",
                wait,
            },
        };
        let action = crate::actions::find(action).unwrap();
        action.carry_out(&context).await.unwrap()
    }

    async fn outputs(&self, desk: &Desk) -> Value {
        match self.with(desk, "smarthost.check", json!({}), None).await {
            Next::Done(report) => Value::Object(report.outputs.clone()),
            Next::Wait(wait) => panic!("it waits: {}", wait.reason),
        }
    }
}

fn outcome<'a>(outputs: &'a Value, id: &str) -> &'a str {
    let stages = outputs["stages"].as_array().unwrap();
    let stage = stages.iter().find(|stage| stage["id"] == id).unwrap();
    stage["outcome"].as_str().unwrap()
}

/// A session that is lost in the middle of a login may count as a failed one: it is no second time, and no fault.
#[tokio::test]
async fn a_login_that_was_lost_is_not_tried_again() {
    let rig = rig().await;
    let mut desk = Desk::default();
    let login = json!({
        "host": HOST, "account": "client", "accepted": false, "at": jiff::Timestamp::now(),
        "reply": "connection reset", "lost": true,
    });
    desk.ended("delivery.probe", json!({"login": login}));
    let outputs = rig.outputs(&desk).await;
    assert_eq!(rig.said("AUTH"), 0);
    assert_eq!(outcome(&outputs, "H12"), "unknown");
    assert_eq!(outputs["verdict"], "inconclusive");
    assert_eq!(outputs["login"], login, "it stays noted");
}

/// A person's answer at this moment.
fn answered(desk: &mut Desk) {
    desk.manual_done("the password is right now");
    let step = desk.steps.last_mut().unwrap();
    step.given.as_mut().unwrap().at = jiff::Timestamp::now();
}

#[tokio::test]
async fn a_wait_does_not_try_a_refused_password_again() {
    let rig = rig().await;
    rig.edit(|server| {
        let logins = &mut server.auth.as_mut().unwrap().logins;
        logins.get_mut("client").unwrap().password = "other".to_owned();
    });
    let mut desk = Desk::default();
    // A task that was done before says nothing about the refusal that comes now.
    answered(&mut desk);
    let args = json!({"check": "smarthost.check", "every": "1h"});
    let mut wait: Option<Wait> = None;
    for round in 0..4 {
        let Next::Wait(next) = rig.with(&desk, "wait", args.clone(), wait.as_ref()).await else {
            panic!("round {round}: the wait is over");
        };
        let result = &next.memo["result"];
        assert_eq!(result["blocked_at"], "H12", "round {round}");
        assert_eq!(result["verdict"], "blocked", "round {round}");
        assert_eq!(rig.said("AUTH"), 1, "round {round}: one login in the run");
        wait = Some(Wait {
            kind: next.kind,
            reason: next.reason,
            since: jiff::Timestamp::now(),
            wake: next.wake,
            deadline: next.deadline,
            memo: next.memo,
        });
    }
    answered(&mut desk);
    rig.edit(|server| {
        let logins = &mut server.auth.as_mut().unwrap().logins;
        logins.get_mut("client").unwrap().password = PASSWORD.to_owned();
    });
    let Next::Done(report) = rig.with(&desk, "wait", args, wait.as_ref()).await else {
        panic!("the wait goes on");
    };
    assert_eq!(report.outcome, StepOutcome::Good);
    assert_eq!(rig.said("AUTH"), 2);
}

#[tokio::test]
async fn a_refusal_stands_for_later_steps_of_the_run() {
    let rig = rig().await;
    rig.edit(|server| {
        let refusal = Reply::new(535, "5.7.8 no");
        let logins = &mut server.auth.as_mut().unwrap().logins;
        logins.get_mut("client").unwrap().refuse = Some(refusal);
    });
    let mut desk = Desk::default();
    let first = rig.outputs(&desk).await;
    assert_eq!(first["login"]["accepted"], false);
    desk.ended("smarthost.check", first.clone());
    let Next::Done(second) = rig.with(&desk, "smarthost.check", json!({}), None).await else {
        panic!("it waits");
    };
    assert_eq!(rig.said("AUTH"), 1);
    assert_eq!(codes(&second), ["smarthost-login"], "the fault stands");
    assert!(second.findings[0].summary.contains("535 5.7.8"));
    assert_eq!(second.outputs["login"], first["login"], "with its own time");
    // Another account is another matter; and whoever begins anew from a step has decided so.
    for change in [
        |desk: &mut Desk| {
            Arc::make_mut(&mut desk.steps[0].outputs)["login"]["account"] = json!("another")
        },
        |desk: &mut Desk| desk.steps[0].inherited = Some("earlier".to_owned()),
    ] {
        let before = rig.said("AUTH");
        let mut desk = Desk::default();
        desk.ended("smarthost.check", first.clone());
        change(&mut desk);
        rig.outputs(&desk).await;
        assert_eq!(rig.said("AUTH"), before + 1);
    }
}

#[tokio::test]
async fn from_elsewhere_it_says_what_it_cannot_judge() {
    let mut rig = rig().await;
    let inside = rig.outputs(&Desk::default()).await;
    assert_eq!(outcome(&inside, "H13"), "not_applicable", "not asked for");
    assert_eq!(outcome(&inside, "H30"), "not_from_here", "no control host");
    assert_eq!(inside["verdict"], "ready", "H30 does not lower it");
    rig.site.vantage = Some(Vantage::Outside);
    let outside = rig.outputs(&Desk::default()).await;
    for id in ["H04", "H13", "H21", "H30"] {
        assert_eq!(outcome(&outside, id), "not_from_here", "{id}");
    }
    assert_eq!(outside["verdict"], "ready_with_warnings", "H04 lowers it");
}

#[tokio::test]
async fn an_invented_login_is_tried_when_asked_for() {
    let rig = rig().await;
    let args = json!({"negative_control": true});
    let report = rig.check(args.clone()).await.unwrap();
    assert_eq!(stage(&report, "H13")["outcome"], "good");
    assert_eq!(rig.said("AUTH"), 2, "the site's and the invented one");
    rig.edit(|server| server.auth.as_mut().unwrap().accepts_anything = true);
    let report = rig.check(args).await.unwrap();
    assert_eq!(stage(&report, "H13")["outcome"], "warning");
    assert_eq!(codes(&report), ["smarthost-accepts-anything"]);
    assert_eq!(report.outputs["verdict"], "ready_with_warnings");
}

/// A machine with several addresses may be known to the provider by one of them.
#[tokio::test]
async fn it_connects_from_the_address_that_was_asked_for() {
    let rig = rig().await;
    let report = rig.check(json!({"from": "127.0.0.77"})).await.unwrap();
    let transcript = report.outputs["transcript"].to_string();
    assert!(
        transcript.contains("connected from 127.0.0.77"),
        "{transcript}"
    );
    assert_eq!(report.outputs["verdict"], "ready");
    let before = rig.world.server("smarthost").unwrap().connections();
    for from in ["192.0.2.1", "here"] {
        let error = rig.check(json!({"from": from})).await.unwrap_err();
        assert!(
            error.is_not_sent() && error.to_string().contains("from"),
            "{error}"
        );
    }
    assert_eq!(rig.world.server("smarthost").unwrap().connections(), before);
}

#[tokio::test]
async fn sizes_are_compared() {
    let rig = rig().await;
    for (size, mark, wanted) in [
        (26_214_400, "good", &[][..]),
        (26_214_401, "warning", &["smarthost-size"][..]),
    ] {
        let report = rig.check(json!({"size": size})).await.unwrap();
        assert_eq!(stage(&report, "H16")["outcome"], mark, "{size}");
        assert_eq!(codes(&report), wanted, "{size}");
    }
    let detail = rig.check(json!({})).await.unwrap();
    let detail = stage(&detail, "H16")["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("26214400"), "{detail}");
}

#[tokio::test]
async fn the_direct_way_shows_from_inside_alone() {
    let mut rig = rig().await;
    rig.site.allow_hosts = vec!["mx.elsewhere.example".to_owned()];
    rig.world.zones().edit(|zones| {
        zones.add_zone("elsewhere.example");
        // Nobody listens on port 25 of this loopback address.
        zones.add("mx.elsewhere.example", Rr::A([127, 9, 9, 9].into()));
    });
    let args = json!({"control": "mx.elsewhere.example"});
    let report = rig.check(args.clone()).await.unwrap();
    assert_eq!(stage(&report, "H30")["outcome"], "good");
    rig.site.vantage = Some(Vantage::Outside);
    let report = rig.check(args).await.unwrap();
    assert_eq!(stage(&report, "H30")["outcome"], "not_from_here");
}

#[tokio::test]
async fn mail_in_a_circle_is_warned_of() {
    let mut rig = rig().await;
    rig.site.domains = vec!["client.example".to_owned()];
    let outputs = rig.outputs(&Desk::default()).await;
    assert_eq!(outcome(&outputs, "H31"), "not_applicable", "no MX");
    for (exchanger, mark) in [("mx.client.example", "good"), (HOST, "warning")] {
        rig.world.zones().edit(|zones| {
            zones.set("client.example", [Rr::Mx(10, exchanger.to_owned())]);
        });
        let outputs = rig.outputs(&Desk::default()).await;
        assert_eq!(outcome(&outputs, "H29"), mark, "{exchanger}");
        assert_eq!(outcome(&outputs, "H31"), "good", "{exchanger}");
    }
}

/// What delivery.probe saw, and how the stages of the message stand after it.
#[tokio::test]
async fn a_followed_message_fills_its_stages() {
    let rig = rig().await;
    let seen = |via: &str, accepted: Value, arrived: bool| {
        json!({
            "via": via, "accepted": accepted, "arrived": arrived, "folder": "INBOX", "seconds": 3, "reason": "told",
            "hops": [{"seconds": null}, {"seconds": 2}], "egress": "192.0.2.77",
            "authentication": {"spf": "pass", "dkim": "pass", "dmarc": "pass"},
        })
    };
    let mut junk = seen(HOST, json!(true), true);
    junk["folder"] = json!("Junk");
    junk["hops"][1]["seconds"] = json!(900);
    junk["authentication"] = json!({"spf": "pass", "dkim": null, "dmarc": "fail"});
    let good = seen(HOST, json!(true), true);
    type Stages = &'static [(&'static str, &'static str)];
    let table: [(&str, Value, &str, &[&str], Stages); 6] = [
        (
            // No list answers in this world: whether the address that it left from is listed is not known, and never "good".
            "arrived",
            good,
            "ready_with_warnings",
            &[],
            &[
                ("H26", "unknown"),
                ("H19", "good"),
                ("H20", "good"),
                ("H21", "good"),
                ("H25", "good"),
            ],
        ),
        (
            "by another way",
            seen("mail.client.example", json!(true), true),
            "ready",
            &[],
            &[("H19", "not_applicable")],
        ),
        (
            "junk and slow",
            junk,
            "ready_with_warnings",
            &[],
            &[
                ("H20", "warning"),
                ("H21", "warning"),
                ("H23", "good"),
                ("H24", "warning"),
                ("H25", "warning"),
            ],
        ),
        (
            "refused",
            seen(HOST, json!(false), false),
            "blocked",
            &["delivery-refused"],
            &[("H19", "failed"), ("H20", "skipped")],
        ),
        (
            "lost",
            seen(HOST, json!(true), false),
            "blocked",
            &["delivery-lost"],
            &[("H19", "good"), ("H20", "failed")],
        ),
        (
            "not known",
            seen(HOST, Value::Null, false),
            "ready_with_warnings",
            &[],
            &[("H19", "unknown"), ("H20", "unknown")],
        ),
    ];
    for (case, seen, verdict, findings, stages) in table {
        let mut desk = Desk::default();
        desk.ended("delivery.probe", seen);
        let Next::Done(report) = rig.with(&desk, "smarthost.check", json!({}), None).await else {
            panic!("{case}: it waits");
        };
        assert_eq!(report.outputs["verdict"], verdict, "{case}");
        assert_eq!(codes(&report), findings, "{case}");
        for (id, mark) in stages {
            assert_eq!(stage(&report, id)["outcome"], *mark, "{case}: {id}");
        }
        if case == "not known" {
            assert_eq!(report.outcome, StepOutcome::Unknown, "unknown is not good");
        }
    }
    assert_eq!(rig.said("DATA"), 0, "the check itself sends nothing");
}
