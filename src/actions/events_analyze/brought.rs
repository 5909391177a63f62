//! What a technician brings along: whole folders, with copies of logs and files that are none; and logs that name no cause.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::actions::Report;
use crate::actions::desk::Desk;
use crate::record::StepOutcome;

/// An hour of Postfix in which the account `scanner` sends a message a minute from outside.
fn log() -> String {
    let mut log = String::new();
    for n in 0..40 {
        let (id, minute) = (format!("3F40{n:04X}"), n + 10);
        log.push_str(&format!(
            "2026-11-20T08:{minute}:01Z mx postfix/smtpd[1]: {id}: client=u[198.51.100.{n}], sasl_method=LOGIN, sasl_username=scanner\n\
             2026-11-20T08:{minute}:01Z mx postfix/qmgr[2]: {id}: from=<a@acme.example>, size=900, nrcpt=1 (queue active)\n\
             2026-11-20T09:{minute}:02Z mx postfix/smtp[3]: {id}: to=<b{n}@other.example>, relay=mx.other.example[192.0.2.1]:25, dsn=2.0.0, status=sent (250 ok)\n"
        ));
    }
    log
}

/// A folder of files by their names.
fn folder(files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

async fn analysis(files: &Path) -> Report {
    Desk::default()
        .carry_out("events.analyze", json!({"files": files}))
        .await
        .unwrap()
}

fn sources(outputs: &Map<String, Value>) -> Vec<(PathBuf, bool)> {
    let sources = outputs["sources"].as_array().unwrap().iter();
    sources
        .map(|source| {
            let read = source["format"].is_string();
            (source["file"].as_str().unwrap().into(), read)
        })
        .collect()
}

#[tokio::test]
async fn files_that_are_no_logs_are_told_in_one_sentence() {
    let bounce = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/cases/events/bounce-dsn.txt"
    );
    let bounce = std::fs::read_to_string(bounce).unwrap();
    let nothing = || "nothing that anybody knows\n".to_owned();
    let folder = folder(&[
        ("wtmp", nothing()),
        ("boot.log", nothing()),
        ("empty", String::new()),
        // A folder of a Maildir begins with a dot; other hidden ones are none of ours.
        (".Junk/cur/1.M1.host:2,S", bounce.clone()),
        (".cache/state", bounce),
    ]);
    let outputs = analysis(folder.path()).await.outputs;
    let reason = outputs["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("3 files are empty or of no known log format, and were not read: "),
        "{reason}"
    );
    let sources = sources(&outputs);
    assert_eq!(sources.len(), 4, "{sources:?}");
    let read: Vec<_> = sources.iter().filter(|(_, read)| *read).collect();
    assert_eq!(read.len(), 1);
    assert!(read[0].0.ends_with(".Junk/cur/1.M1.host:2,S"));
}

/// Debian writes each line of the mail system into `mail.log` and into `syslog`, older ones into `mail.info` too.
#[tokio::test]
async fn a_log_and_its_copies_count_once() {
    let other = "2026-11-20T08:00:00Z mx systemd[1]: Started something.\n";
    let syslog: String = log().lines().flat_map(|line| [line, "\n", other]).collect();
    let one = folder(&[("mail.log", log())]);
    let copied = folder(&[
        ("mail.log", log()),
        ("mail.info", log()),
        ("syslog", format!("{other}{syslog}")),
    ]);
    let (one, all) = (
        analysis(one.path()).await.outputs,
        analysis(copied.path()).await.outputs,
    );
    assert_eq!(sources(&all).len(), 3);
    assert_eq!(one["usage"]["users"][0]["messages"], 40);
    assert_eq!(all["usage"], one["usage"]);
    assert_eq!(all["signals"], one["signals"]);
    assert_eq!(one["duplicates"], 0);
    assert!(
        all["duplicates"].as_u64() > Some(80),
        "{}",
        all["duplicates"]
    );
}

#[tokio::test]
async fn a_log_is_not_clean_while_something_in_it_wants_a_look() {
    let folder = folder(&[("mail.log", log())]);
    let report = analysis(folder.path()).await;
    assert_eq!(report.outcome, StepOutcome::Unknown);
    let reason = report.outputs["reason"].as_str().unwrap();
    for said in [
        "this alone names no cause, and is to be looked at: T10 ",
        "40 log-ins of scanner",
        "the site's own domains are not known",
    ] {
        assert!(reason.contains(said), "{said}: {reason}");
    }
    let not_shown = report.outputs["not_shown"].as_array().unwrap();
    let stolen = not_shown
        .iter()
        .find(|cause| cause["cause"] == "stolen-account")
        .unwrap();
    let why = stolen["why"].as_str().unwrap();
    assert!(
        why.starts_with("seen, but alone no proof of it: an account is used from many places"),
        "{why}"
    );
}

/// What a program or a mailbox of the server sends is one entry: its messages and what became of them.
#[tokio::test]
async fn a_program_has_its_deliveries_in_its_own_entry() {
    let exim = "2026-11-20 08:06:09 1tDabf-000000001Y1-1xyz <= www-data@web.acme.example U=www-data P=local S=700\n\
        2026-11-20 08:06:10 1tDabf-000000001Y1-1xyz ** owner@other.example R=smarthost T=remote_smtp: retry timeout exceeded\n";
    let postfix = "2026-11-20T08:06:09Z mx postfix/pickup[8]: 5AAA00001: uid=33 from=<cron>\n\
        2026-11-20T08:06:09Z mx postfix/qmgr[2]: 5AAA00001: from=<cron@web.acme.example>, size=700, nrcpt=1 (queue active)\n\
        2026-11-20T08:06:10Z mx postfix/smtp[3]: 5AAA00001: to=<b@other.example>, relay=mx.other.example[192.0.2.1]:25, dsn=2.0.0, status=sent (250 ok)\n";
    let folder = folder(&[
        ("mainlog", exim.to_owned()),
        ("mail.log", postfix.to_owned()),
    ]);
    let outputs = analysis(folder.path()).await.outputs;
    let users = outputs["usage"]["users"].as_array().unwrap();
    let told: Vec<(&str, &str, u64, u64, u64)> = users
        .iter()
        .filter(|user| user["kind"] != "address")
        .map(|user| {
            let count = |key: &str| user[key].as_u64().unwrap();
            (
                user["kind"].as_str().unwrap(),
                user["name"].as_str().unwrap(),
                count("messages"),
                count("delivered"),
                count("failed"),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("application", "cron@web.acme.example", 1, 1, 0),
            ("application", "www-data", 1, 0, 1),
        ]
    );
}

/// Who writes in Outlook or in web mail is a person, not a program.
#[tokio::test]
async fn a_mailbox_of_exchange_is_no_program() {
    let tracking = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/cases/events/exchange-tracking.txt"
    );
    let outputs = analysis(Path::new(tracking)).await.outputs;
    let users = outputs["usage"]["users"].as_array().unwrap();
    let anna = users.iter().find(|user| user["kind"] == "mailbox").unwrap();
    assert_eq!(
        (
            &anna["name"],
            &anna["messages"],
            &anna["delivered"],
            &anna["failed"]
        ),
        (&json!("anna@acme.example"), &json!(1), &json!(2), &json!(3))
    );
    assert!(users.iter().all(|user| user["kind"] != "application"));
}

#[tokio::test]
async fn a_format_that_does_not_exist_is_told_once() {
    let args = json!({"files": ["/one", "/two"], "format": "postfixx"});
    let error = Desk::default()
        .carry_out("events.analyze", args)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("there is no log format 'postfixx': known are eventlog-evt, "),
        "{error}"
    );
}
