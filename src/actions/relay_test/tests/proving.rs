//! Marked messages through practice servers, and what comes back: each row ends in its verdict.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{DOMAIN, PROBE_MAILBOX, Rig, USER, recorded};
use super::{Call, Inquiry, Limits, MX, ids, trusting};
use crate::actions::relay_test::proving;
use crate::actions::relay_test::trial::Fate;
use crate::actions::{Next, Reconciled};
use crate::practice::smtp::{Line, Personality, Recipients, StartTls, Trust};
use crate::record::StepOutcome;

const PROVE: &str = r#"{"mode": "prove", "wait": "1s", "every": "0s"}"#;

fn prove() -> Value {
    serde_json::from_str(PROVE).unwrap()
}

fn open() -> Personality {
    Personality::open_relay(MX, &[DOMAIN], &[USER])
}

/// The levels of all variants that had a message, each once.
fn levels(outputs: &Value) -> Vec<(String, String)> {
    let endpoints = outputs["endpoints"].as_array().unwrap().iter();
    let all = endpoints.flat_map(|endpoint| {
        let controls = endpoint["controls"].as_array().unwrap().iter();
        controls.chain(endpoint["variants"].as_array().unwrap())
    });
    let tried = all.filter(|variant| variant["message"].is_object());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    tried.map(|v| (text(&v["id"]), text(&v["level"]))).collect()
}

/// What went out: the recipient of each message. A message has one recipient, in the controlled domain or of K01.
fn messages(rig: &Rig) -> Vec<String> {
    let mut sent = Vec::new();
    for transcript in rig.server().transcripts() {
        let mut named = Vec::new();
        let mut taken: Vec<String> = Vec::new();
        let mut last: Option<String> = None;
        for line in &transcript.lines {
            match line {
                Line::Command(command) => {
                    let verb = command.to_uppercase();
                    if verb.starts_with("MAIL") || verb.starts_with("RSET") {
                        taken.clear();
                    }
                    last = Some(command.clone());
                    named.push(command.clone());
                    if verb == "DATA" {
                        assert_eq!(taken.len(), 1, "{named:?}");
                        sent.push(taken[0].clone());
                    }
                }
                Line::Reply(reply) => {
                    let rcpt = last.take().filter(|c| c.to_uppercase().starts_with("RCPT"));
                    taken.extend(rcpt.filter(|_| reply.starts_with('2')));
                }
                Line::Data(_) => {}
            }
        }
    }
    sent
}

#[tokio::test]
async fn the_laboratory_rows_are_proved_or_not() {
    use StepOutcome::{Finding, Good, Unknown};
    let accepts_everything = Personality {
        recipients: Recipients::Anything,
        ..open()
    };
    let ours = (MX, &[DOMAIN][..], &[USER][..]);
    // server, verdict, outcome, finding codes, open by, levels of what had a message
    type Row = (
        &'static str,
        Personality,
        &'static str,
        StepOutcome,
        &'static [&'static str],
        &'static [&'static str],
        &'static [(&'static str, &'static str)],
    );
    #[rustfmt::skip]
    let rows: Vec<Row> = vec![
        ("closed", Personality::postfix(ours.0, ours.1, ours.2), "closed", Good, &[], &[], &[]),
        ("own senders", Personality::trusts_own_senders(ours.0, ours.1, ours.2), "open", Finding, &["relay-open"],
            &["A05", "A06", "A07"], &[("A05", "6a"), ("A06", "6a"), ("A07", "6a")]),
        ("HELO", Personality::trusts_helo(ours.0, ours.1, ours.2), "open", Finding, &["relay-open"], &["A20"], &[("A20", "6a")]),
        ("null sender", trusting(Trust::NullSender), "open", Finding, &["relay-open"], &["A04"], &[("A04", "6a")]),
        ("percent only", trusting(Trust::Percent), "open", Finding, &["relay-open"], &["B03"], &[("B03", "6a")]),
        ("bang only", trusting(Trust::Bang), "open", Finding, &["relay-open"], &["E01", "E02", "E03", "E04"],
            &[("E01", "6a"), ("E02", "6a"), ("E03", "6a"), ("E04", "6a")]),
        ("accepts and relays everything", accepts_everything, "open", Finding, &["relay-open", "accepts-unknown-recipients"],
            &["A01", "B03", "C05", "D03", "E04"],
            &[("K01", "6b"), ("A01", "6a"), ("B03", "6a"), ("C05", "6a"), ("D03", "6a"), ("E04", "6a"), ("F01", "6b")]),
        ("Exchange 2003", Personality::exchange_2003(ours.0, ours.1), "not_proven", Finding, &["accepts-unknown-recipients"], &[],
            &[("K01", "6b"), ("B03", "6b"), ("C05", "6b"), ("E04", "6b"), ("F01", "6b")]),
        ("accepts all, discards", Personality::discards(ours.0, ours.1), "undetermined", Finding, &["accepts-unknown-recipients"], &[],
            &[("K01", "6c"), ("A01", "6c"), ("B03", "6c"), ("C05", "6c"), ("D03", "6c"), ("E04", "6c"), ("F01", "6c")]),
        ("blocks us", Personality::refuses_connections(MX, 554, "5.7.1 you are listed"), "inconclusive", Unknown, &[], &[], &[]),
    ];
    for (row, personality, verdict, outcome, codes, open_by, expected) in rows {
        let rig = Rig::new(personality).await;
        let report = rig.to_the_end(prove()).await;
        let outputs = Value::Object(report.outputs.clone());
        let tried = levels(&outputs);
        assert_eq!(
            outputs["verdict"], verdict,
            "{row}: {} {tried:?}",
            outputs["reason"]
        );
        let tried: Vec<(&str, &str)> = tried
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(tried, expected, "{row}");
        assert_eq!(ids(&outputs["open_by"]), open_by, "{row}");
        assert_eq!(report.outcome, outcome, "{row}");
        let found: Vec<&str> = report.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(found, codes, "{row}");
        assert_eq!(
            messages(&rig).len(),
            expected.len(),
            "{row}: one message each"
        );
    }
}

#[tokio::test]
async fn a_proof_shows_the_message_and_its_way() {
    let rig = Rig::new(open()).await;
    let report = rig.to_the_end(prove()).await;
    let finding = &report.findings[0];
    assert_eq!(finding.code, "relay-open");
    let mail: Vec<_> = finding
        .evidence
        .iter()
        .filter(|e| e.kind == "mail")
        .collect();
    assert_eq!(mail.len(), 6, "as many as are quoted");
    for part in [
        "Subject: relay test of Site ",
        "Auto-Submitted: auto-generated",
        "by mx.site.test",
    ] {
        assert!(mail[0].text.contains(part), "{part} in {}", mail[0].text);
    }
    // Eight messages prove it; the other forms are left alone.
    let sent = messages(&rig);
    assert_eq!(sent.len(), 8, "{sent:?}");
    for recipient in &sent {
        assert!(recipient.contains("@theirs.test"), "{recipient}");
    }
    let variants = report.outputs["endpoints"][0]["variants"]
        .as_array()
        .unwrap();
    let a01 = &variants.iter().find(|v| v["id"] == "A01").unwrap()["message"];
    assert_eq!(
        (&a01["proof"], &a01["folder"]),
        (&json!("arrived"), &json!("INBOX"))
    );
    assert_eq!(a01["egress"], "127.0.0.1");
    let transcript = rig.artifact(&report.artifacts[0].name);
    assert!(transcript.contains("DATA"), "{transcript}");
}

#[tokio::test]
async fn a_late_refusal_is_no_proof_and_every_form_is_tried_by_eights() {
    for personality in [
        Personality::refuses_data(MX, &[DOMAIN], &[USER]),
        Personality::refuses_message(MX, &[DOMAIN], &[USER]),
    ] {
        let rig = Rig::new(personality).await;
        let report = rig.to_the_end(prove()).await;
        assert_eq!(
            report.outputs["verdict"], "not_proven",
            "{}",
            report.outputs["reason"]
        );
        let tried = levels(&Value::Object(report.outputs.clone()));
        assert_eq!(
            tried.len(),
            26,
            "every accepted form but A17, which would reach a mailbox of the site"
        );
        assert!(tried.iter().all(|(_, level)| level == "4"), "{tried:?}");
        assert_eq!(report.outputs["open_by"], json!([]));
        for transcript in rig.server().transcripts() {
            let data = transcript.commands().filter(|c| *c == "DATA").count();
            assert!(data <= 8, "{data} messages in one connection");
        }
    }
}

#[tokio::test]
async fn the_other_channel_is_tried_only_when_the_first_proves_nothing() {
    let encrypted = |server: Personality| Personality {
        starttls: StartTls::Offered,
        ..server
    };
    let late = Personality {
        trust: vec![Trust::LocalSender],
        ..Personality::refuses_message(MX, &[DOMAIN], &[USER])
    };
    for (server, verdict, sent) in [
        (trusting(Trust::LocalSender), "open", 3),
        (late, "not_proven", 6),
    ] {
        let rig = Rig::new(encrypted(server)).await;
        let report = rig.to_the_end(prove()).await;
        let outputs = &report.outputs;
        assert_eq!(outputs["verdict"], verdict, "{}", outputs["reason"]);
        assert_eq!(messages(&rig).len(), sent, "{verdict}");
        assert!(report.findings.len() <= 1, "no suspicion beside the proof");
    }
}

#[tokio::test]
async fn a_screen_that_cannot_see_it_does_not_settle_what_was_proved() {
    let rig = Rig::new(trusting(Trust::Percent)).await;
    let proved = rig.to_the_end(prove()).await;
    assert_eq!(proved.findings[0].code, "relay-open");
    assert!(proved.subjects.contains(&proved.findings[0].subject));
    let screened = rig.run(json!({})).await.unwrap();
    assert_eq!(screened.outputs["verdict"], "not_proven");
    assert_eq!(screened.subjects, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_sent_before_it_is_written_down() {
    let rig = Rig::new(trusting(Trust::LocalSender)).await;
    let wait = recorded(rig.step(prove(), None).await.unwrap());
    assert_eq!(rig.server().commands("DATA"), 0, "only planned");
    assert!(wait.reason.contains("3 marked messages"), "{}", wait.reason);
    let note = wait.memo.to_string();
    assert_eq!(note.matches("\"planned\"").count(), 3);

    // The process dies after the messages went out, and the step is done again from the same note.
    for _ in 0..2 {
        rig.step(prove(), Some(&wait)).await.unwrap();
    }
    assert_eq!(messages(&rig).len(), 3, "what has come is not sent again");
    assert_eq!(rig.world_messages(PROBE_MAILBOX), 3);
}

#[tokio::test]
async fn an_interrupted_attempt_is_looked_up_by_its_marks() {
    let rig = Rig::new(trusting(Trust::LocalSender)).await;
    let looked = rig.reconcile(prove(), None).await.unwrap();
    assert!(
        matches!(looked, Reconciled::NotDone),
        "the first call sends nothing"
    );
    let wait = recorded(rig.step(prove(), None).await.unwrap());
    let Reconciled::CannotTell(why) = rig.reconcile(prove(), Some(&wait)).await.unwrap() else {
        panic!("nothing has come back yet")
    };
    assert!(
        why.contains("3 marked messages") && why.contains("a05"),
        "{why}"
    );
    rig.step(prove(), Some(&wait)).await.unwrap();
    let looked = rig.reconcile(prove(), Some(&wait)).await.unwrap();
    assert!(
        matches!(looked, Reconciled::NotDone),
        "all came back: it may go on"
    );
    assert_eq!(messages(&rig).len(), 3, "a look sends nothing");
}

#[tokio::test]
async fn a_relay_behind_greylisting_is_proved_after_the_wait() {
    let greylists = Personality {
        trust: vec![Trust::LocalSender],
        ..Personality::greylists(MX, &[DOMAIN], &[USER], Duration::from_secs(3600))
    };
    let rig = Rig::new(greylists).await;
    let wait = recorded(rig.step(prove(), None).await.unwrap());
    assert!(wait.reason.contains("greylisted"), "{}", wait.reason);
    rig.server().edit(|server| server.greylist = None);
    let report = rig.go_on(prove(), Some(wait)).await;
    assert_eq!(
        report.outputs["verdict"], "open",
        "{}",
        report.outputs["reason"]
    );
}

#[tokio::test]
async fn what_a_receiver_outside_sends_back_was_passed_on() {
    let mut rig = Rig::new(open()).await;
    // The relay is open, but the receiver knows no such mailbox: its refusal comes back to the sender.
    rig.site.probe.as_mut().unwrap().recipient = Some("gone@theirs.test".to_owned());
    let report = rig.to_the_end(prove()).await;
    let outputs = &report.outputs;
    assert_eq!(outputs["verdict"], "suspected", "{}", outputs["reason"]);
    let reason = outputs["reason"].as_str().unwrap();
    assert!(reason.contains("passed a marked message on"), "{reason}");
    let tried = levels(&Value::Object(outputs.clone()));
    let a01 = ("A01".to_owned(), "6e".to_owned());
    assert!(tried.contains(&a01), "{tried:?}");
    let finding = &report.findings[0];
    assert_eq!(finding.code, "relay-suspected");
    assert!(finding.summary.contains("passed on"), "{}", finding.summary);
    let quoted = finding.evidence.iter().find(|e| e.kind == "mail");
    assert!(
        quoted
            .unwrap()
            .text
            .contains("Remote-MTA: dns; mx.theirs.test")
    );
}

#[tokio::test]
async fn messages_that_there_is_no_time_for_stay_planned() {
    let rig = Rig::new(trusting(Trust::LocalSender)).await;
    let wait = recorded(rig.step(prove(), None).await.unwrap());
    let paused = rig
        .with(prove(), Some(&wait), async |context| {
            let mailbox = proving::prepare(context).await.unwrap();
            let mut inquiry = Inquiry::noted(context).unwrap().unwrap();
            let call = Call::begin(Limits {
                a_call: Duration::ZERO,
                ..Limits::LABORATORY
            });
            let pause = proving::turn(context, &mailbox, &mut inquiry, &call).await;
            let pause = pause.unwrap().unwrap();
            assert!(pause.wake <= context.now(), "the next call comes at once");
            inquiry.trials().filter(|t| t.fate == Fate::Planned).count()
        })
        .await;
    assert_eq!((paused, messages(&rig).len()), (3, 0));
}

#[tokio::test]
async fn without_approval_or_mailbox_nothing_begins() {
    let mut rig = Rig::new(open()).await;
    rig.approved = None;
    let error = rig.step(prove(), None).await.unwrap_err();
    assert!(
        error.to_string().contains("no person has approved"),
        "{error}"
    );
    assert!(error.is_not_sent());

    let mut rig = Rig::new(open()).await;
    rig.site.probe.as_mut().unwrap().imap.as_mut().unwrap().port = Some(1);
    let error = rig.step(prove(), None).await.unwrap_err();
    assert!(
        error.to_string().contains("cannot read the mailbox"),
        "{error}"
    );

    let mut rig = Rig::new(open()).await;
    rig.site.probe.as_mut().unwrap().imap = None;
    let error = rig.step(prove(), None).await.unwrap_err();
    assert!(error.to_string().contains("probe.imap"), "{error}");
    assert_eq!(rig.server().connections(), 0);
}

#[tokio::test]
async fn a_mailbox_that_refuses_the_login_is_not_asked_again() {
    let mut rig = Rig::new(Personality::discards(MX, &[DOMAIN])).await;
    let wait = recorded(rig.step(prove(), None).await.unwrap());
    let args = json!({"mode": "prove", "wait": "1h"});
    let sent = recorded(rig.step(args.clone(), Some(&wait)).await.unwrap());
    let probe = rig.site.probe.as_mut().unwrap();
    probe.imap.as_mut().unwrap().username = "nobody".to_owned();
    let Next::Done(report) = rig.step(args, Some(&sent)).await.unwrap() else {
        panic!("there is nothing to wait for")
    };
    assert_eq!(report.outputs["verdict"], "undetermined");
    let notes = report.outputs["notes"].to_string();
    assert!(
        notes.contains("a refused login is not tried again"),
        "{notes}"
    );
}

#[tokio::test]
async fn a_mailbox_that_cannot_be_read_at_the_end_loses_nothing() {
    let mut rig = Rig::new(trusting(Trust::LocalSender)).await;
    let wait = recorded(rig.step(prove(), None).await.unwrap());
    let sent = recorded(rig.step(prove(), Some(&wait)).await.unwrap());
    rig.site.probe.as_mut().unwrap().imap.as_mut().unwrap().port = Some(1);
    let report = rig.go_on(prove(), Some(sent)).await;
    assert_eq!(report.outputs["verdict"], "undetermined");
    assert!(
        report.outputs["notes"]
            .to_string()
            .contains("could not be read")
    );
    let levels = levels(&Value::Object(report.outputs));
    assert!(levels.iter().all(|(_, level)| level == "5"), "{levels:?}");
}

#[tokio::test]
async fn from_inside_nothing_is_sent() {
    let mut rig = Rig::new(open()).await;
    rig.site.vantage = Some(crate::site::Vantage::Inside);
    let report = rig.to_the_end(prove()).await;
    assert_eq!(report.outputs["verdict"], "vantage_internal");
    assert_eq!(messages(&rig), Vec::<String>::new());
}
