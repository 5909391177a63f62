//! A server that says "later" is asked the same again, later.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::rig::{DOMAIN, Rig, USER, recorded};
use super::{MX, Next};
use crate::practice::smtp::Personality;
use crate::record::StepOutcome;

fn server() -> Personality {
    Personality::greylists(MX, &[DOMAIN], &[USER], Duration::from_secs(3600))
}

/// The time of the greylist is over.
fn let_in(rig: &Rig) {
    rig.server().edit(|server| {
        if let Some((wait, _)) = &mut server.greylist {
            *wait = Duration::ZERO;
        }
    });
}

/// The recipients that were named on connection `from` and later.
fn recipients(rig: &Rig, from: usize) -> Vec<String> {
    let transcripts = rig.server().transcripts();
    let lines = transcripts[from..].iter().flat_map(|t| t.commands());
    lines
        .filter(|line| line.starts_with("RCPT"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn what_was_put_off_is_asked_again_and_nothing_else() {
    let rig = Rig::new(server()).await;
    let before = Timestamp::now();
    let wait = recorded(rig.step(json!({}), None).await.unwrap());
    assert!(
        wait.reason.contains("greylisted by 127.0.0.1"),
        "{}",
        wait.reason
    );
    let seconds = |at: Option<Timestamp>| at.unwrap().as_second() - before.as_second();
    assert!((600..700).contains(&seconds(wait.wake)), "{:?}", wait.wake);
    assert!((14_400..14_500).contains(&seconds(wait.deadline)));
    let (asked, connections) = (recipients(&rig, 0), rig.server().connections());
    let_in(&rig);

    let Next::Done(report) = rig.step(json!({}), Some(&wait)).await.unwrap() else {
        panic!("it was let through")
    };
    let outputs = &report.outputs;
    assert_eq!(outputs["verdict"], "closed", "{}", outputs["reason"]);
    assert_eq!(
        (report.outcome, &outputs["retry_after"]),
        (StepOutcome::Good, &Value::Null)
    );
    let again = recipients(&rig, connections);
    assert!(
        again[0].contains(USER) && again.len() < asked.len(),
        "{again:?}"
    );
    for line in &again {
        assert!(asked.contains(line), "{line} is new to the server");
    }
    let controls = outputs["endpoints"][0]["controls"].as_array().unwrap();
    let valid = controls
        .iter()
        .find(|control| control["id"] == "K02")
        .unwrap();
    assert_eq!(valid["accepted"], true);
    assert_eq!(rig.server().commands("DATA"), 0);
}

#[tokio::test]
async fn an_open_relay_behind_greylisting_is_seen_after_the_wait() {
    let open = Personality {
        trust: Personality::open_relay(MX, &[DOMAIN], &[USER]).trust,
        ..server()
    };
    let rig = Rig::new(open).await;
    let wait = recorded(rig.step(json!({}), None).await.unwrap());
    let_in(&rig);
    let Next::Done(report) = rig.step(json!({}), Some(&wait)).await.unwrap() else {
        panic!("it was let through")
    };
    assert_eq!(report.outputs["verdict"], "suspected");
}

#[tokio::test]
async fn a_server_that_never_lets_in_is_unknown_in_the_end() {
    let rig = Rig::new(server()).await;
    let mut wait = recorded(rig.step(json!({}), None).await.unwrap());
    let again = recorded(rig.step(json!({}), Some(&wait)).await.unwrap());
    assert_eq!(again.deadline, wait.deadline, "the deadline stands");
    wait.memo["greylist_until"] = json!(Timestamp::now());
    for (args, wait) in [
        (json!({}), Some(&wait)),
        (json!({"greylist_wait": "0s"}), None),
    ] {
        let Next::Done(report) = rig.step(args, wait).await.unwrap() else {
            panic!("the time is over")
        };
        assert_eq!(report.outputs["verdict"], "inconclusive");
        assert_eq!(
            (report.outcome, report.subjects.len()),
            (StepOutcome::Unknown, 0)
        );
        assert_eq!(report.outputs["retry_after"], 600);
    }
}

#[tokio::test]
async fn greylisting_has_its_own_deadline() {
    let rig = Rig::new(server()).await;
    let wait = recorded(
        rig.step(json!({"greylist_wait": "2h"}), None)
            .await
            .unwrap(),
    );
    // The wait before was for another reason, and its time is over.
    let mut other = wait.clone();
    other.deadline = Some(Timestamp::now());
    other.memo["greylist_until"] = Value::Null;
    let next = recorded(
        rig.step(json!({"greylist_wait": "2h"}), Some(&other))
            .await
            .unwrap(),
    );
    assert!(next.reason.contains("greylisted"), "{}", next.reason);
    assert!(
        next.deadline.unwrap() > wait.deadline.unwrap(),
        "two hours from now"
    );
}

#[tokio::test]
async fn a_note_that_cannot_be_read_is_an_error_and_asks_nothing() {
    let rig = Rig::new(server()).await;
    let mut wait = recorded(rig.step(json!({}), None).await.unwrap());
    let connections = rig.server().connections();
    wait.memo["screenings"][0]["asked"][0]["probe"]["variant"] = json!("Z99");
    let error = rig.step(json!({}), Some(&wait)).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("no relay variant \"Z99\""), "{cause}");
    assert_eq!(rig.server().connections(), connections);
}
