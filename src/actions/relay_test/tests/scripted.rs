//! The rows that no real server plays, against servers that follow a script.

use std::net::SocketAddr;

use serde_json::json;

use super::ids;
use super::rig::{DOMAIN, Rig, USER};
use crate::actions::Report;
use crate::actions::scripted::{Script, filtered};
use crate::practice::smtp::Personality;
use crate::record::StepOutcome;

/// A site whose server is at this address.
async fn aimed_at(address: SocketAddr) -> Rig {
    let mut rig = Rig::new(Personality::postfix(super::MX, &[DOMAIN], &[USER])).await;
    let server = &mut rig.site.servers[0];
    (server.address, server.ports) = (Some(address.ip()), vec![address.port()]);
    rig
}

/// The screen of the server at this address.
async fn screen(address: SocketAddr) -> Report {
    let rig = aimed_at(address).await;
    let report = rig.run(json!({})).await.unwrap();
    assert_eq!(rig.server().connections(), 0, "no other server is asked");
    report
}

const VALID: (&str, &str) = (r"RCPT TO:<info@site\.test>$", "250 2.1.5 ok");
const UNKNOWN: (&str, &str) = (r"RCPT TO:<[^@%!:]*@site\.test>$", "550 5.1.1 User unknown");

#[tokio::test]
async fn no_false_closed_and_no_false_open() {
    // rules beside the valid mailbox and the unknown ones, verdict, suspected by
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);
    #[rustfmt::skip]
    let rows: &[Row<'_>] = &[
        ("closed", &[], "closed", &[]),
        ("bang only", &[(r"RCPT TO:<[^@]*!", "250 ok")], "suspected", &["E01", "E02", "E03", "E04"]),
        ("percent only", &[(r"RCPT TO:<[^@]*%", "250 ok")], "not_proven", &[]),
        ("null sender", &[(r"MAIL FROM:<> RCPT TO:<to\+[^@%!]*@theirs\.test>$", "250 ok")], "suspected", &["A04"]),
        ("first recipient alone is checked", &[(r"RCPT TO:<info@site\.test> RCPT TO:<to\+", "250 ok")], "suspected", &["A17"]),
        ("refuses at DATA", &[("RCPT TO:<to", "250 ok"), (" DATA$", "554 5.7.1 no")], "suspected",
            &["A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A09", "A10", "A11"]),
        ("wants a login", &[("^MAIL", "530 5.7.0 Authentication required")], "closed", &[]),
        ("refuses this machine", &[("RCPT", "554 5.7.1 Client host rejected: Access denied")], "inconclusive", &[]),
        ("too busy after HELO", &[("^MAIL", "421 4.3.2 shutting down")], "inconclusive", &[]),
    ];
    for (row, rules, verdict, by) in rows {
        let rules = [rules, &[VALID, UNKNOWN][..]].concat();
        let server = Script::new(&rules).serve().await;
        let report = screen(server.address).await;
        let outputs = &report.outputs;
        assert_eq!(outputs["verdict"], *verdict, "{row}: {}", outputs["reason"]);
        let suspected = ids(&outputs["suspected_by"]);
        assert!(suspected.starts_with(by), "{row}: {suspected:?}");
        assert_eq!(suspected.is_empty(), by.is_empty(), "{row}: {suspected:?}");
        assert_eq!(ids(&outputs["open_by"]), [] as [&str; 0], "{row}");
        assert_eq!(server.commands("DATA"), 0, "{row}: a screen sends nothing");
        assert!(
            server.commands("RCPT") + server.commands("MAIL") > 0,
            "{row}"
        );
    }
}

/// No recipient check, and odd addresses taken as its own mailboxes: what it cannot deliver it bounces later. Relaying is refused.
const EXCHANGE_LIKE: [(&str, &str); 4] = [
    (r"RCPT TO: ?<[^@]*>$", "250 2.1.5 ok"),
    (r"RCPT TO: ?<[^@:]*(@[^@:]*)?@site\.test>$", "250 2.1.5 ok"),
    (r"RCPT TO: ?<[^@:]*(@[^@:]*)?@\[[^\]]*\]>$", "250 2.1.5 ok"),
    (
        r"RCPT TO: ?<[^@:]*(@[^@:]*)?@(mx\.site\.test|scripted\.example|localhost)>$",
        "250 2.1.5 ok",
    ),
];

#[tokio::test]
async fn a_server_that_takes_odd_addresses_as_its_own_is_never_called_open() {
    let server = Script::new(&EXCHANGE_LIKE).serve().await;
    let report = screen(server.address).await;
    let outputs = &report.outputs;
    assert_eq!(outputs["verdict"], "not_proven", "{}", outputs["reason"]);
    for list in ["open_by", "suspected_by"] {
        assert_eq!(ids(&outputs[list]), [] as [&str; 0], "{list}");
    }
    let codes: Vec<&str> = report.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["accepts-unknown-recipients"]);
    let variants = outputs["endpoints"][0]["variants"].as_array().unwrap();
    for id in [
        "B01", "B02", "B03", "B04", "B05", "C02", "C03", "C04", "C05", "E01", "E02", "E03", "E04",
    ] {
        let taken = variants
            .iter()
            .find(|v| v["id"] == id && v["accepted"] == true);
        let taken = taken.unwrap_or_else(|| panic!("{id} is not taken"));
        assert_eq!(taken["level"], "2", "{id}: taken, and it proves nothing");
    }
    let a01 = variants.iter().find(|v| v["id"] == "A01").unwrap();
    assert_eq!(a01["level"], "1", "relaying itself is refused");
    assert_eq!(server.commands("DATA"), 0, "a screen sends nothing");
}

#[tokio::test]
async fn what_would_reach_a_mailbox_of_the_site_is_not_proved_and_says_so() {
    let first_alone = (r"RCPT TO:<info@site\.test> RCPT TO:<to\+", "250 ok");
    let server = Script::new(&[first_alone, VALID, UNKNOWN]).serve().await;
    let rig = aimed_at(server.address).await;
    let prove = json!({"mode": "prove", "wait": "1s", "every": "0s"});
    let report = rig.to_the_end(prove).await;
    assert_eq!(report.outputs["verdict"], "suspected");
    assert_eq!(ids(&report.outputs["suspected_by"]), ["A17"]);
    let notes = report.outputs["notes"].to_string();
    assert!(notes.contains("no message was sent for A17"), "{notes}");
    assert_eq!(server.commands("DATA"), 0);
}

#[tokio::test]
async fn a_banner_that_turns_away_says_nothing_about_relaying() {
    for (greeting, words) in [
        ("421 4.3.2 Service not available - too busy", "421"),
        ("554 5.7.1 You are listed at bl.example", "554"),
    ] {
        let server = Script::greeting(greeting).serve().await;
        let report = screen(server.address).await;
        assert_eq!(report.outputs["verdict"], "inconclusive", "{greeting}");
        assert_eq!(
            (report.outcome, report.findings.len(), report.subjects.len()),
            (StepOutcome::Unknown, 0, 0)
        );
        let reason = report.outputs["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{reason}");
        assert_eq!(server.commands("RCPT"), 0, "{greeting}");
    }
}

#[tokio::test]
async fn silence_refusal_and_a_filter_are_told_apart() {
    let silent = Script::greeting("").serve().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = closed.local_addr().unwrap();
    drop(closed);
    let (swallowed, kept) = filtered().await;
    let (silence, refusal, filter) =
        tokio::join!(screen(silent.address), screen(refused), screen(swallowed));
    for (report, words) in [
        (silence, "no reply"),
        (refusal, "nothing listens"),
        (filter, "no answer to the connection"),
    ] {
        let reason = report.outputs["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{words}: {reason}");
        assert_eq!(report.outputs["verdict"], "inconclusive", "{reason}");
        assert_eq!(
            (report.outcome, report.findings.len()),
            (StepOutcome::Unknown, 0)
        );
    }
    kept.iter().for_each(tokio::task::JoinHandle::abort);
}
