//! A log that was rotated in the middle of its messages says what it says in one piece.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::actions::desk::Desk;

/// What the logs say, without the places of lines.
async fn said(files: &[PathBuf]) -> Value {
    let report = Desk::default()
        .carry_out("events.analyze", json!({"files": files, "timezone": "UTC"}))
        .await
        .unwrap();
    let outputs = &report.outputs;
    let of = |list: &str, keys: &[&str]| {
        let rows = outputs[list].as_array().unwrap();
        let row = |row: &Value| keys.iter().map(|key| row[*key].clone()).collect::<Vec<_>>();
        rows.iter().map(row).collect::<Vec<_>>()
    };
    json!({
        "failures": outputs["failures"],
        "classes": outputs["classes"],
        "refused_clients": outputs["refused_clients"],
        "remotes": outputs["remotes"],
        "usage": outputs["usage"],
        "timeline": outputs["timeline"],
        "signals": of("signals", &["id", "state", "measured"]),
        "causes": of("causes", &["cause", "confidence", "signals", "against"]),
    })
}

fn write(path: &Path, head: &str, lines: &[&str]) {
    let text = format!("{head}{}\n", lines.join("\n"));
    if path.extension().is_some_and(|ending| ending == "gz") {
        let file = std::fs::File::create(path).unwrap();
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap();
    } else {
        std::fs::write(path, text).unwrap();
    }
}

/// Names of an older and a younger part, in the ways of those who rotate.
const NAMES: &[(&str, &str)] = &[
    ("mail.log.1", "mail.log"),
    ("mail.log.10.gz", "mail.log.9.gz"),
    ("maillog-20240505", "maillog-20240506"),
];

#[tokio::test]
async fn a_cut_at_any_line_changes_nothing() {
    for name in [
        "postfix.txt",
        "postfix-filter.txt",
        "exim.txt",
        "sendmail.txt",
        "exchange-receive.txt",
        "exchange-send.txt",
        "iis-w3c.txt",
        "iis-ncsa.txt",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/cases/events")
            .join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let whole = said(&[path]).await;
        let lines: Vec<&str> = text.lines().collect();
        for at in 1..lines.len() {
            let folder = tempfile::tempdir().unwrap();
            let (older, younger) = NAMES[at % NAMES.len()];
            let older = folder.path().join(older);
            let younger = folder.path().join(younger);
            // Every file of Exchange and IIS begins with its own header.
            let told = lines[..at].iter().filter(|line| line.starts_with('#'));
            let head: String = told.map(|line| format!("{line}\n")).collect();
            write(&older, "", &lines[..at]);
            write(&younger, &head, &lines[at..]);
            for files in [
                vec![younger.clone(), older.clone()],
                vec![folder.path().to_owned()],
            ] {
                let cut = said(&files).await;
                assert_eq!(cut, whole, "{name} cut before line {}: {files:?}", at + 1);
            }
        }
    }
}

/// A message that is brought in one file, is put off in the next and delivered in the third: names say nothing, times do.
#[tokio::test]
async fn whoever_brought_a_message_is_known_two_files_later() {
    let folder = tempfile::tempdir().unwrap();
    let line = |day: u32, text: &str| format!("May {day:2} 10:00:00 mx1 postfix/{text}");
    let parts = [
        (
            "z",
            vec![
                line(
                    1,
                    "submission/smtpd[1]: 4C0000001: client=pc.acme.example[192.0.2.7], sasl_method=PLAIN, sasl_username=anna",
                ),
                line(1, "cleanup[2]: 4C0000001: message-id=<1@acme.example>"),
            ],
        ),
        (
            "m",
            vec![
                line(
                    2,
                    "qmgr[3]: 4C0000001: from=<anna@acme.example>, size=1000, nrcpt=1 (queue active)",
                ),
                line(
                    2,
                    "smtp[4]: 4C0000001: to=<x@b.example>, relay=mx.b.example[198.51.100.1]:25, delay=1, delays=0/0/0/1, dsn=4.2.2, status=deferred (host mx.b.example[198.51.100.1] said: 452 4.2.2 full)",
                ),
            ],
        ),
        (
            "a",
            vec![
                line(
                    3,
                    "smtp[5]: 4C0000001: to=<x@b.example>, relay=mx.b.example[198.51.100.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
                ),
                line(3, "qmgr[3]: 4C0000001: removed"),
            ],
        ),
    ];
    for (name, lines) in &parts {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        write(&folder.path().join(name), "", &lines);
    }
    let said = said(&[folder.path().to_owned()]).await;
    let users = said["usage"]["users"].as_array().unwrap();
    let anna = users.iter().find(|user| user["name"] == "anna").unwrap();
    let numbers = ["messages", "failed", "delivered"].map(|key| anna[key].as_u64().unwrap());
    assert_eq!(numbers, [1, 1, 1], "{anna}");
}
