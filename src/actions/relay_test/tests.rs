//! The screen against practice servers on loopback: each row of the laboratory ends in its verdict.
#![allow(clippy::unwrap_used)]

mod account;
mod greylisting;
mod logins;
mod proving;
mod rig;
mod scripted;
mod time;

use std::time::Duration;

use serde_json::{Value, json};

use self::rig::{DOMAIN, Rig, USER};
use super::asking::Call;
use super::{Inquiry, Limits, RelayTest};
use crate::actions::{Action, Args, Effect, Next};
use crate::practice::smtp::{Greeting, Personality, Reply, StartTls, Tarpit, Trust};
use crate::record::{Severity, StepOutcome};

const MX: &str = "mx.site.test";

/// A closed server that trusts these.
fn trusting(trust: Trust) -> Personality {
    Personality {
        trust: vec![trust],
        ..Personality::postfix(MX, &[DOMAIN], &[USER])
    }
}

fn ids(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn the_laboratory_rows() {
    use StepOutcome::{Finding, Good, Unknown};
    let wait = Duration::from_secs(3600);
    let tarpit = Tarpit {
        greeting: Duration::from_millis(50),
        rcpt: Duration::from_millis(10),
        refusal: Duration::from_millis(10),
        message: Duration::ZERO,
    };
    let ours = (MX, &[DOMAIN][..], &[USER][..]);
    // server, verdict, outcome, finding codes, suspected by
    type Row = (
        &'static str,
        Personality,
        &'static str,
        StepOutcome,
        &'static [&'static str],
        Option<&'static [&'static str]>,
    );
    #[rustfmt::skip]
    let rows: Vec<Row> = vec![
        ("default Postfix", Personality::postfix(ours.0, ours.1, ours.2), "closed", Good, &[], Some(&[])),
        ("closed with 554", Personality::closed(ours.0, ours.1, ours.2), "closed", Good, &[], Some(&[])),
        ("relay for the world", Personality::open_relay(ours.0, ours.1, ours.2), "suspected", Finding, &["relay-suspected"], None),
        ("relay for own senders", Personality::trusts_own_senders(ours.0, ours.1, ours.2), "suspected", Finding, &["relay-suspected"], Some(&["A05", "A06", "A07"])),
        ("relay by HELO", Personality::trusts_helo(ours.0, ours.1, ours.2), "suspected", Finding, &["relay-suspected"], Some(&["A20"])),
        ("null sender", trusting(Trust::NullSender), "suspected", Finding, &["relay-suspected"], Some(&["A04"])),
        ("sender is recipient", trusting(Trust::SenderIsRecipient), "suspected", Finding, &["relay-suspected"], Some(&["A02"])),
        ("percent only", trusting(Trust::Percent), "not_proven", Unknown, &[], Some(&[])),
        ("bang only", trusting(Trust::Bang), "suspected", Finding, &["relay-suspected"], Some(&["E01", "E02", "E03", "E04"])),
        ("trailing dot", trusting(Trust::TrailingDot), "suspected", Finding, &["relay-suspected"], Some(&["A16"])),
        ("after a local recipient", trusting(Trust::AfterLocalRecipient), "suspected", Finding, &["relay-suspected"], Some(&["A17", "A18"])),
        ("Exchange 2003", Personality::exchange_2003(ours.0, ours.1), "not_proven", Finding, &["accepts-unknown-recipients"], Some(&[])),
        ("refused at DATA", Personality::refuses_data(ours.0, ours.1, ours.2), "suspected", Finding, &["relay-suspected"], None),
        ("refused after the dot", Personality::refuses_message(ours.0, ours.1, ours.2), "suspected", Finding, &["relay-suspected"], None),
        ("accepts all, discards", Personality::discards(ours.0, ours.1), "undetermined", Finding, &["accepts-unknown-recipients"], Some(&[])),
        ("greylisting", Personality::greylists(ours.0, ours.1, ours.2, wait), "inconclusive", Unknown, &[], Some(&[])),
        ("closed, each reply late", Personality { tarpit, ..Personality::postfix(ours.0, ours.1, ours.2) }, "closed", Good, &[], Some(&[])),
        ("open, each reply late", Personality { tarpit, ..trusting(Trust::NullSender) }, "suspected", Finding, &["relay-suspected"], Some(&["A04"])),
        ("554 at the greeting", Personality::refuses_connections(MX, 554, "5.7.1 you are listed"), "inconclusive", Unknown, &[], Some(&[])),
        ("421 at the greeting", Personality::refuses_connections(MX, 421, "4.3.2 too busy"), "inconclusive", Unknown, &[], Some(&[])),
        ("silence", Personality::silent(MX), "inconclusive", Unknown, &[], Some(&[])),
        ("smarthost, login wanted", Personality::smarthost(MX, "user", "secret-1", &[]), "closed", Good, &[], Some(&[])),
    ];
    for (row, personality, verdict, outcome, codes, suspected) in rows {
        let rig = Rig::new(personality).await;
        let report = rig.run(json!({})).await.unwrap();
        let outputs = &report.outputs;
        assert_eq!(outputs["verdict"], verdict, "{row}: {}", outputs["reason"]);
        assert_eq!(report.outcome, outcome, "{row}");
        let found: Vec<&str> = report.findings.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(found, codes, "{row}");
        if let Some(suspected) = suspected {
            assert_eq!(ids(&outputs["suspected_by"]), suspected, "{row}");
        }
        assert_eq!(
            outputs["open_by"],
            json!([]),
            "{row}: a screen proves nothing open"
        );
        assert_eq!(
            rig.server().commands("DATA"),
            0,
            "{row}: a screen sends no mail"
        );
        assert_eq!(
            rig.server().commands("BDAT"),
            0,
            "{row}: a screen sends no mail"
        );
    }
}

#[tokio::test]
async fn an_open_relay_is_a_critical_finding_with_its_transcript() {
    let rig = Rig::new(Personality::open_relay(MX, &[DOMAIN], &[USER])).await;
    let report = rig.run(json!({})).await.unwrap();
    let finding = &report.findings[0];
    assert_eq!(
        (finding.severity, finding.subject.as_str()),
        (Severity::Critical, rig.subject().as_str())
    );
    let evidence = &finding.evidence[0];
    assert_eq!(evidence.kind, "smtp");
    assert!(
        evidence.text.contains("C: RCPT TO:<to+"),
        "{}",
        evidence.text
    );
    assert!(evidence.text.contains("S: 250"), "{}", evidence.text);
    assert!(
        evidence.text.contains("controls:\nK02"),
        "{}",
        evidence.text
    );
    assert!(finding.remedy.contains("A01"), "{}", finding.remedy);
    assert_eq!(report.subjects, [rig.subject()]);
    let transcript = &report.artifacts[0];
    assert!(
        transcript.name.starts_with("relay-127.0.0.1-"),
        "{}",
        transcript.name
    );
    assert!(rig.artifact(&transcript.name).contains("RCPT TO:<to+"));
}

#[tokio::test]
async fn every_attempt_is_in_the_outputs_with_its_replies() {
    let rig = Rig::new(Personality::postfix(MX, &[DOMAIN], &[USER])).await;
    let report = rig.run(json!({})).await.unwrap();
    let endpoint = &report.outputs["endpoints"][0];
    assert_eq!(endpoint["tls"], "none");
    assert_eq!(endpoint["vantage"], "laboratory");
    assert_eq!(endpoint["controls"][0]["id"], "K02", "controls come first");
    assert_eq!(endpoint["controls"][0]["accepted"], true);
    let a01 = endpoint["variants"]
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["id"] == "A01")
        .unwrap();
    assert_eq!(a01["mail"], "MAIL FROM:<from@ours.test>");
    assert!(a01["rcpt"].as_str().unwrap().starts_with("RCPT TO:<to+"));
    assert_eq!(a01["replies"][1]["code"], 454);
    assert_eq!(a01["level"], "1");
    assert_eq!(endpoint["left_out"], json!([]));
    assert_eq!(endpoint["offers"][0]["keyword"], "ETRN");
    let first = &rig.server().transcripts()[1];
    let first: Vec<&str> = first.commands().filter(|c| c.starts_with("RCPT")).collect();
    assert_eq!(first.len(), 8, "at most eight attempts a connection");
    assert!(
        first[0].contains(USER),
        "the valid mailbox is asked first: {first:?}"
    );
}

#[tokio::test]
async fn both_channels_are_tested_where_starttls_is_offered() {
    let offered = Personality {
        starttls: StartTls::Offered,
        ..Personality::open_relay(MX, &[DOMAIN], &[USER])
    };
    let rig = Rig::new(offered).await;
    let report = rig.run(json!({})).await.unwrap();
    let channels: Vec<&Value> = report.outputs["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["tls"])
        .collect();
    assert_eq!(channels, ["none", "starttls"]);
    assert_eq!(report.findings.len(), 1, "one subject, one finding");
    assert_eq!(
        report.findings[0].evidence.len(),
        2,
        "with the evidence of both channels"
    );
}

#[tokio::test]
async fn tls_that_nobody_can_set_up_does_not_hide_the_verdict() {
    let broken = Personality {
        starttls: StartTls::Broken,
        ..Personality::postfix(MX, &[DOMAIN], &[USER])
    };
    let report = Rig::new(broken).await.run(json!({})).await.unwrap();
    assert_eq!(report.outputs["verdict"], "closed");
    assert_eq!(report.outputs["endpoints"][1]["verdict"], "inconclusive");
}

#[tokio::test]
async fn a_ban_stops_the_test_at_once() {
    let bans = Personality {
        denial: Reply::new(554, "5.7.1 Client host blocked using dnsbl.test"),
        starttls: StartTls::Offered,
        ..Personality::postfix(MX, &[DOMAIN], &[USER])
    };
    let rig = Rig::new(bans).await;
    let report = rig.run(json!({})).await.unwrap();
    assert_eq!(report.outputs["verdict"], "inconclusive");
    assert!(
        report.outputs["reason"]
            .as_str()
            .unwrap()
            .contains("listed or blocked")
    );
    assert!(
        rig.server().commands("RCPT") < 10,
        "{}",
        rig.server().commands("RCPT")
    );
    assert_eq!(
        report.outputs["endpoints"].as_array().unwrap().len(),
        1,
        "not asked again under TLS"
    );
}

#[tokio::test]
async fn a_server_that_turns_away_later_connections_is_left_alone() {
    let rig = Rig::new(Personality::postfix(MX, &[DOMAIN], &[USER])).await;
    let turns_away = Greeting::Refuse(Reply::new(421, "4.7.0 too many connections"));
    // Once the first recipient was named, every further connection is turned away.
    let watch = async {
        while rig.server().commands("RCPT") == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        rig.server().edit(|server| server.greeting = turns_away);
    };
    let (report, ()) = tokio::join!(rig.run(json!({})), watch);
    let report = report.unwrap();
    assert_eq!(report.outputs["verdict"], "inconclusive");
    let reason = report.outputs["reason"].as_str().unwrap();
    assert!(reason.contains("two connections in a row"), "{reason}");
    assert!(
        rig.server().commands("RCPT") <= 16,
        "{}",
        rig.server().commands("RCPT")
    );
    let variants = report.outputs["endpoints"][0]["variants"]
        .as_array()
        .unwrap();
    assert_eq!(
        variants.last().unwrap()["level"],
        "0",
        "what was not sent has no answer"
    );
}

#[tokio::test]
async fn a_server_that_hangs_up_after_errors_is_asked_to_the_end() {
    let mut impatient = Personality::postfix(MX, &[DOMAIN], &[USER]);
    impatient.limits.errors = Some(3);
    let report = Rig::new(impatient).await.run(json!({})).await.unwrap();
    assert_eq!(
        report.outputs["verdict"], "closed",
        "{}",
        report.outputs["reason"]
    );
}

#[tokio::test]
async fn a_server_without_ehlo_is_asked_by_helo() {
    let old = Personality {
        helo_only: true,
        ..Personality::postfix(MX, &[DOMAIN], &[USER])
    };
    let report = Rig::new(old).await.run(json!({})).await.unwrap();
    assert_eq!(
        report.outputs["verdict"], "closed",
        "{}",
        report.outputs["reason"]
    );
}

#[tokio::test]
async fn from_inside_there_is_no_verdict() {
    let mut rig = Rig::new(Personality::open_relay(MX, &[DOMAIN], &[USER])).await;
    rig.site.laboratory = false;
    let report = rig.run(json!({"pause": "0s"})).await.unwrap();
    assert_eq!(report.outputs["verdict"], "vantage_internal");
    assert_eq!(
        (report.outcome, report.findings.len(), report.subjects.len()),
        (StepOutcome::Unknown, 0, 0)
    );

    rig.site.laboratory = true;
    rig.site.vantage = Some(crate::site::Vantage::Inside);
    let report = rig.run(json!({})).await.unwrap();
    assert_eq!(report.outputs["verdict"], "vantage_internal");
}

#[tokio::test]
async fn without_a_valid_mailbox_the_denial_itself_must_name_relaying() {
    for (denial, verdict) in [
        ("4.7.1 Relay access denied", "closed"),
        ("5.7.1 go away", "inconclusive"),
    ] {
        let code = if verdict == "closed" { 454 } else { 554 };
        let server = Personality {
            denial: Reply::new(code, denial),
            ..Personality::postfix(MX, &[DOMAIN], &[USER])
        };
        let mut rig = Rig::new(server).await;
        rig.site.servers[0].valid_mailbox = None;
        let report = rig.run(json!({})).await.unwrap();
        assert_eq!(report.outputs["verdict"], verdict, "{denial}");
        assert!(
            report.outputs["notes"].to_string().contains("K02"),
            "{}",
            report.outputs["notes"]
        );
    }
}

#[tokio::test]
async fn without_probe_addresses_nothing_is_concluded() {
    let mut rig = Rig::new(Personality::postfix(MX, &[DOMAIN], &[USER])).await;
    rig.site.probe = None;
    let report = rig.run(json!({})).await.unwrap();
    assert_eq!(
        (&report.outputs["verdict"], report.outcome),
        (&json!("inconclusive"), StepOutcome::Unknown)
    );
    assert!(
        report.outputs["notes"]
            .to_string()
            .contains("probe.recipient")
    );
    assert_eq!(rig.server().commands("RCPT"), 0);
}

#[tokio::test]
async fn a_closed_port_is_told_apart() {
    let mut rig = Rig::new(Personality::postfix(MX, &[DOMAIN], &[USER])).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let good = rig.site.servers[0].ports[0];
    rig.site.servers[0].ports = vec![good, free];
    let report = rig.run(json!({})).await.unwrap();
    assert_eq!(
        report.outputs["verdict"], "closed",
        "where nothing listens nothing relays"
    );
    assert_eq!(report.outputs["endpoints"][1]["verdict"], "inconclusive");

    let report = rig.run(json!({"ports": [free]})).await.unwrap();
    assert_eq!(report.outputs["verdict"], "inconclusive");
    assert!(
        report.outputs["reason"]
            .as_str()
            .unwrap()
            .contains("nothing listens")
    );
}

#[tokio::test]
async fn what_is_refused_before_anything_is_sent() {
    let rig = Rig::new(Personality::postfix(MX, &[DOMAIN], &[USER])).await;
    for (args, expected) in [
        (json!({"mode": "guess"}), "no mode 'guess'"),
        (json!({"host": "mx.stranger.test"}), "not a host of site"),
        (json!({"ports": ["smtp"]}), "must be port numbers"),
    ] {
        let error = rig.run(args).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.is_not_sent(), "{error}");
    }
    assert_eq!(rig.server().connections(), 0);
}

#[tokio::test]
async fn a_site_without_servers_has_nothing_to_test() {
    let mut rig = Rig::new(Personality::postfix(MX, &[DOMAIN], &[USER])).await;
    rig.site.servers.clear();
    assert_eq!(
        rig.run(json!({})).await.unwrap().outcome,
        StepOutcome::NotApplicable
    );
}

#[test]
fn only_a_screen_is_a_probe() {
    let args = |value: Value| Args(value.as_object().unwrap().clone());
    assert_eq!(RelayTest.effect_with(&args(json!({}))), Effect::Probe);
    assert_eq!(
        RelayTest.effect_with(&args(json!({"mode": "screen"}))),
        Effect::Probe
    );
    assert_eq!(
        RelayTest.effect_with(&args(json!({"mode": "prove"}))),
        Effect::External
    );
    assert_eq!(
        RelayTest.effect_with(&args(json!({"mode": "{{inputs.mode}}"}))),
        Effect::External
    );
}
