//! The action on files, with and without other facts of the run.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::actions::desk::Desk;
use crate::actions::testing::{NameServer, Zone, carry_out};
use crate::record::{Severity, StepOutcome};
use crate::site::Site;

fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/events")
        .join(name);
    path.to_str().unwrap().to_owned()
}

fn causes(outputs: &serde_json::Map<String, Value>) -> Vec<(String, String)> {
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap().to_owned();
    let list = outputs["causes"].as_array().unwrap();
    list.iter()
        .map(|cause| (text(cause, "cause"), text(cause, "confidence")))
        .collect()
}

#[tokio::test]
async fn the_first_case_in_a_report() {
    let file = case("seed-thread.txt");
    let report = Desk::default()
        .carry_out("events.analyze", json!({"files": [file]}))
        .await
        .unwrap();
    assert_eq!(report.outcome, StepOutcome::Finding);
    let source = &report.outputs["sources"][0];
    assert_eq!(source["format"], "eventlog-clipboard-2003");
    assert_eq!(
        (source["records"].as_u64(), source["unparsed"].as_u64()),
        (Some(4), Some(23))
    );
    assert_eq!(source["span"]["first"], "2011-01-18T07:33:29Z");
    assert_eq!(
        report.outputs["classes"],
        json!({"rate": 2, "rcpt_unknown": 1, "dns": 1})
    );
    assert!(
        report.outputs["reason"]
            .as_str()
            .unwrap()
            .contains("not enough data: 4 failures, 20 are needed")
    );
    let found: Vec<&str> = report.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(
        found,
        [
            "cause-unknown-recipients",
            "cause-reputation-throttling",
            "cause-dns-fault"
        ]
    );
    for finding in &report.findings {
        assert_eq!(finding.severity, Severity::Minor);
        assert!(
            finding.summary.starts_with("possible: "),
            "{}",
            finding.summary
        );
        assert!(finding.remedy.starts_with("First settle it: "));
        assert!(
            finding.evidence[0]
                .text
                .starts_with("4 failures counted, from 18 Jan 2011 07:33 to ")
        );
    }
    let throttling = &report.findings[1];
    let quoted: Vec<&str> = throttling
        .evidence
        .iter()
        .map(|e| e.text.as_str())
        .collect();
    assert!(
        quoted
            .iter()
            .any(|text| text.contains("452 Too many recipients received this hour")),
        "{quoted:#?}"
    );
    assert!(
        throttling.evidence[1]
            .from
            .as_deref()
            .unwrap()
            .ends_with("seed-thread.txt:42-51")
    );
    let open_relay = report.outputs["not_shown"]
        .as_array()
        .unwrap()
        .iter()
        .find(|n| n["cause"] == "open-relay")
        .unwrap();
    assert!(
        open_relay["why"]
            .as_str()
            .unwrap()
            .contains("nobody looked")
    );
    // Too little data settles nothing that an earlier log has shown.
    assert!(report.subjects.is_empty());
}

#[tokio::test]
async fn what_other_checks_found_is_joined_in() {
    let mut desk = Desk::default();
    desk.ended("relay.test", json!({"verdict": "closed"}));
    desk.ended(
        "blacklist.scan",
        json!({"listed": [
            {"list": "spamhaus-zen", "policy": false, "parts": ["XBL"]},
            {"list": "spamrats", "policy": true, "parts": []},
        ]}),
    );
    desk.ended(
        "rdns.verify",
        json!({"addresses": [{"verdict": "pass"}, {"verdict": "none"}]}),
    );
    let report = desk
        .carry_out("events.analyze", json!({"files": case("seed-thread.txt")}))
        .await
        .unwrap();
    let causes = causes(&report.outputs);
    assert!(
        causes.contains(&("open-relay".into(), "unlikely".into())),
        "{causes:?}"
    );
    assert!(
        causes.contains(&("infected-machine".into(), "probable".into())),
        "{causes:?}"
    );
    let throttling = report
        .findings
        .iter()
        .find(|f| f.code == "cause-reputation-throttling")
        .unwrap();
    let counts = &throttling.evidence[0].text;
    assert!(
        counts.contains("K4 an address of the site is listed: spamhaus-zen"),
        "{counts}"
    );
    assert!(!counts.contains("spamrats"), "{counts}");
    assert!(
        counts.contains("K6 reverse DNS is not in order"),
        "{counts}"
    );
    assert!(!report.findings.iter().any(|f| f.code == "cause-open-relay"));
}

#[tokio::test]
async fn nothing_to_look_at_is_not_applicable_and_nothing_seen_is_unknown() {
    let report = Desk::default()
        .carry_out("events.analyze", json!({}))
        .await
        .unwrap();
    assert_eq!(report.outcome, StepOutcome::NotApplicable);
    assert!(
        report.outputs["reason"]
            .as_str()
            .unwrap()
            .contains("'files'")
    );

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.log"), "once upon a time\n").unwrap();
    std::fs::write(folder.path().join(".hidden"), "x").unwrap();
    let given = folder.path().to_str().unwrap();
    let report = Desk::default()
        .carry_out("events.analyze", json!({"files": given}))
        .await
        .unwrap();
    assert_eq!(report.outcome, StepOutcome::Unknown);
    assert_eq!(report.outputs["sources"].as_array().unwrap().len(), 1);
    let reason = report.outputs["reason"].as_str().unwrap();
    assert!(
        reason.contains("cannot tell the format of") && reason.contains("0 failures"),
        "{reason}"
    );
    let missing = Desk::default()
        .carry_out("events.analyze", json!({"files": "/does/not/exist"}))
        .await
        .unwrap();
    assert_eq!(missing.outcome, StepOutcome::Unknown);
    assert!(
        missing.outputs["sources"][0]["error"]
            .as_str()
            .unwrap()
            .contains("cannot read /does/not/exist")
    );
}

#[tokio::test]
async fn a_long_quiet_log_is_good_and_settles_what_was() {
    let mut text = String::new();
    for hour in 8..18 {
        for minute in [0, 20, 40] {
            text.push_str(&format!(
                "1/18/2011\t{hour}:{minute:02}:00\tMSExchangeTransport\tError\tSMTP Protocol \t7004\tN/A\tSERVER\tThis is an SMTP protocol error log for virtual server ID 1, connection #1. The remote host \"mx.partner.example\", responded to the SMTP command \"rcpt\" with \"452 4.2.2 Mailbox full  \". The full command sent was \"RCPT TO:<a@partner.example>  \".  This will probably cause the connection to fail.\r\n"
            ));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.txt");
    std::fs::write(&file, text).unwrap();
    let mut desk = Desk::default();
    desk.site.id = "acme".to_owned();
    let args =
        json!({"files": file.to_str().unwrap(), "format": "eventlog-txt-2003", "timezone": "UTC"});
    let report = desk.carry_out("events.analyze", args).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::Good, "{:#?}", report.outputs);
    assert_eq!(report.subjects, ["mail server of acme"]);
    assert_eq!(report.outputs["reason"], Value::Null);
}

#[tokio::test]
async fn a_wrong_time_zone_is_told_with_the_way_out() {
    let args = json!({"files": case("seed-thread.txt"), "timezone": "Mars/Olympus"});
    let error = Desk::default()
        .carry_out("events.analyze", args)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("'Mars/Olympus'") && error.contains("Europe/Rome"),
        "{error}"
    );
}

/// The same log as it stands, packed with gzip, and in an archive beside a damaged file.
#[tokio::test]
async fn packed_files_are_unpacked_and_damage_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = std::fs::read(case("postfix.txt")).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let gzip = {
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        to.write_all(&log).unwrap();
        to.finish().unwrap()
    };
    std::fs::write(path("whole.gz"), &gzip).unwrap();
    std::fs::write(path("half.gz"), &gzip[..gzip.len() - 20]).unwrap();
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path("logs.zip")).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    archive.add_directory("mail", options).unwrap();
    archive.start_file("mail/mail.log", options).unwrap();
    archive.write_all(&log).unwrap();
    archive.start_file("notes.txt", options).unwrap();
    archive.write_all(b"nothing here\n").unwrap();
    archive.finish().unwrap();
    std::fs::write(path("broken.zip"), b"PK\x03\x04 and no more").unwrap();

    let plain = sources(&case("postfix.txt")).await;
    let records = plain[0]["records"].as_u64().unwrap();
    assert!(records > 5, "{plain:?}");
    let whole = sources(&path("whole.gz")).await;
    assert_eq!(whole[0]["records"], records);
    let half = sources(&path("half.gz")).await;
    let error = half[0]["error"].as_str().unwrap();
    assert!(
        error.contains("half.gz breaks off after") && error.contains("is counted"),
        "{error}"
    );
    let archive = sources(&path("logs.zip")).await;
    let names: Vec<&str> = archive
        .iter()
        .map(|source| source["file"].as_str().unwrap())
        .collect();
    assert!(
        names.len() == 2 && names[0].ends_with("logs.zip/mail/mail.log"),
        "{names:?}"
    );
    assert_eq!(archive[0]["records"], records);
    assert!(
        archive[1]["error"]
            .as_str()
            .unwrap()
            .contains("cannot tell the format of")
    );
    let broken = sources(&path("broken.zip")).await;
    let error = broken[0]["error"].as_str().unwrap();
    assert!(error.starts_with("cannot unpack "), "{error}");
}

async fn sources(file: &str) -> Vec<Value> {
    let report = Desk::default()
        .carry_out("events.analyze", json!({"files": file}))
        .await
        .unwrap();
    report.outputs["sources"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_receivers_report_speaks_for_and_against_the_site() {
    let mut desk = Desk::default();
    desk.site.domains = vec!["acme.example".to_owned()];
    desk.site.outbound.addresses = vec!["192.0.2.10".parse().unwrap()];
    let files = [
        "dmarc-message.txt",
        "tls-report.txt",
        "complaint.txt",
        "dmarc-report.txt",
    ]
    .map(case);
    let report = desk
        .carry_out("events.analyze", json!({"files": files}))
        .await
        .unwrap();
    assert_eq!(
        report.outputs["reported"],
        json!({
            "complaints": 4,
            "own": {"all": 41, "failed": 0},
            "elsewhere": {"all": 300, "failed": 300},
            "tls": {"all": 43, "failed": 31},
            "tls_failures": {"certificate-expired": 30, "not told": 1},
            "reporters": ["Receiver Inc.", "mx.provider.example", "receiver.example"],
        })
    );
    let state = |id: &str| {
        let signals = report.outputs["signals"].as_array().unwrap();
        let signal = signals.iter().find(|signal| signal["id"] == id).unwrap();
        signal["state"].as_str().unwrap().to_owned()
    };
    // One network is a forgotten service rather than forgers.
    assert_eq!(
        ["A1", "D1", "D2", "S1"].map(state),
        ["shown", "absent", "absent", "shown"]
    );
    let causes = causes(&report.outputs);
    assert!(
        causes.contains(&("inbound-tls".into(), "possible".into())),
        "{causes:?}"
    );
}

#[test]
fn the_argument_names_every_format() {
    let argument = super::ARGUMENTS
        .iter()
        .find(|argument| argument.name == "format");
    let (_, names) = argument.unwrap().doc.split_once(": ").unwrap();
    let names: Vec<&str> = names.split(", ").collect();
    let known: Vec<&str> = crate::mail::events::FORMATS
        .iter()
        .map(|format| format.name())
        .collect();
    assert_eq!(names, known);
}

#[tokio::test]
async fn a_log_that_is_given_twice_counts_its_failures_once() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("rejectlog");
    std::fs::copy(case("exim.txt"), &copy).unwrap();
    let count = async |files: Value| {
        let report = Desk::default()
            .carry_out("events.analyze", json!({"files": files}))
            .await
            .unwrap();
        (
            report.outputs["failures"].as_u64().unwrap(),
            report.outputs["duplicates"].as_u64().unwrap(),
        )
    };
    let (once, none) = count(json!([case("exim.txt")])).await;
    assert_eq!(none, 0);
    let (both, left_out) = count(json!([case("exim.txt"), copy])).await;
    assert_eq!(both, once);
    assert!(left_out >= once, "{left_out}");
}

/// The same failures, once with domains that are gone, and once with domains that any other resolver finds.
#[tokio::test]
async fn domains_are_asked_elsewhere_before_the_resolver_is_blamed() {
    let mut text = String::new();
    for n in 0..30 {
        let (hour, minute) = (9 + n / 20, n * 3 % 60);
        text.push_str(&format!(
            "2024-05-05T{hour:02}:{minute:02}:00+02:00 mx postfix/smtp[7]: AA{n:04X}: to=<a@d{n}.example>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.3, status=deferred (Host or domain name not found. Name service error for name=d{n}.example type=MX: Host not found, try again)\n"
        ));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.log");
    std::fs::write(&file, text).unwrap();
    let args = json!({"files": [file], "ask_domains": true});
    let judged = async |zone: &str| {
        let server = NameServer::serve(Zone::read(zone)).await;
        let report = carry_out(
            "events.analyze",
            &Site::default(),
            args.clone(),
            server.address,
        )
        .await
        .unwrap();
        let asked = report.outputs["asked"]["domains"].clone();
        assert_eq!(asked.as_object().unwrap().len(), 30);
        let causes = causes(&report.outputs);
        let fault = causes.into_iter().find(|(cause, _)| cause == "dns-fault");
        (asked["d7.example"].clone(), fault.map(|(_, sure)| sure))
    };
    // Nothing is there: the addresses are wrong, not the resolver.
    let gone = judged("other.example A 192.0.2.1").await;
    assert_eq!(gone, (json!("dead"), Some("unlikely".to_owned())));
    let there = judged("*.example MX 10 mx.other.test").await;
    assert_eq!(there, (json!("exists"), Some("possible".to_owned())));
}

/// One refusal as Exchange's two logs tell it: in the dialogue, and in what became of the message.
#[tokio::test]
async fn message_tracking_and_the_protocol_log_tell_one_failure() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let tracking = write(
        "MSGTRK.LOG",
        "#Log-type: Message Tracking Log\n\
         #Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source,event-id,internal-message-id,message-id,recipient-address,recipient-status,sender-address,return-path\n\
         2024-05-05T07:01:09.000Z,10.0.0.2,EX1,198.51.100.30,mx.other.example,SMTP,FAIL,102,<out1@acme.example>,x@other.example,550 5.1.1 User unknown,anna@acme.example,anna@acme.example\n"
            .to_owned(),
    );
    let mut dialogue = "#Log-type: SMTP Send Protocol Log\n\
        #Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\n"
        .to_owned();
    let steps = [
        "+,,",
        "<,220 mx.other.example ESMTP,",
        ">,EHLO ex1.acme.example,",
        "<,250 mx.other.example,",
        ">,MAIL FROM:<anna@acme.example>,",
        "<,250 2.1.0 OK,",
        ">,RCPT TO:<x@other.example>,",
        "<,550 5.1.1 User unknown,",
    ];
    for (n, step) in steps.iter().enumerate() {
        dialogue.push_str(&format!(
            "2024-05-05T07:01:0{n}.000Z,Internet,08CE,{n},10.0.0.2:4000,198.51.100.30:25,{step}\n"
        ));
    }
    let protocol = write("SEND.LOG", dialogue);
    for (files, duplicates) in [
        (json!([tracking]), 0),
        (json!([protocol]), 0),
        (json!([tracking, protocol]), 1),
        (json!([protocol, tracking]), 1),
    ] {
        let report = Desk::default()
            .carry_out("events.analyze", json!({"files": files}))
            .await
            .unwrap();
        assert_eq!(report.outputs["failures"], 1, "{files}");
        assert_eq!(report.outputs["duplicates"], duplicates, "{files}");
    }
}
