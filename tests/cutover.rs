//! The runbook `smarthost-cutover` from its start to its end, in the practice office: the program, the sockets and the record
//! are the real ones; the people's answers are given here.
#![allow(clippy::unwrap_used)]

mod program;
#[path = "program/record.rs"]
mod record;

use std::path::Path;
use std::time::Duration;

use mailmedic::practice::{World, office};

use record::{record, step};

/// Runs the program; its exit code, and what it printed on both streams.
fn mailmedic(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = program::mailmedic(folder, arguments);
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code().unwrap(), printed.concat())
}

/// Goes on until a person is asked about `key`: what the process printed that asked.
async fn until_asked(folder: &Path, key: &str) -> String {
    let mut said = String::new();
    for _ in 0..100 {
        let (code, printed) = mailmedic(folder, &["resume", "acme"]);
        assert_eq!(code, 3, "{printed}");
        if printed.contains(&format!(" {key} --by")) {
            return printed;
        }
        said = printed;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{key} is never asked: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_over_proves_itself_from_the_check_to_the_narrow_spf() {
    let world = World::start(office::scenario()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(mailmedic(folder, &["init"]).0, 0);
    let files = world.unpack(&folder.join("practice")).unwrap();
    std::fs::copy(&files.site, folder.join("sites/acme.yaml")).unwrap();
    // The shipped runbook, but for how often the mailbox is looked into.
    let shipped = include_str!("../runbooks/smarthost-cutover.yaml");
    let often = shipped.replace(
        "with: {via: smarthost}",
        "with: {via: smarthost, every: 200ms}",
    );
    assert_ne!(often, shipped);
    std::fs::write(folder.join("often.yaml"), often).unwrap();

    // A gateway's log of the soak: a scanner was forgotten, and still hands its mail to the world itself.
    let log = "\
        Nov 24 10:00:00 gateway postfix/smtp[41]: 4AbCdE1234: to=<a@other.example>, relay=mx.other.example[198.51.100.9]:25, \
        delay=1, delays=0/0/1/0, dsn=5.7.1, status=bounced (host mx.other.example[198.51.100.9] said: \
        550 5.7.1 rejected: your address is on a blocklist (in reply to RCPT TO command))\n";
    std::fs::write(folder.join("soak.log"), log).unwrap();

    let start = [
        "run",
        "often.yaml",
        "--site",
        "sites/acme.yaml",
        "--by",
        "tech",
        "--set",
        "soak=1s",
        "--set",
        "gateway=gateway.acme.example",
        "--set",
        "accounts=office@acme.example office",
        "--set",
        "outgoing_logs=soak.log",
    ];
    let (code, printed) = mailmedic(folder, &start);
    assert_eq!(code, 3, "{printed}");
    assert!(printed.contains(" ready --by"), "{printed}");
    let marked = || world.server(office::SMARTHOST).unwrap().commands("DATA");
    assert_eq!(marked(), 0, "nothing is sent before the approval");

    let yes = ["approve", "acme", "ready", "--by", "boss"];
    let (code, printed) = mailmedic(folder, &yes);
    assert_eq!(code, 0, "{printed}");
    for (key, answers) in [
        ("gateway_up", &[][..]),
        (
            "spf_wider",
            &[
                "--set",
                "record=v=spf1 include:relay.example a -all",
                "--set",
                "dkim=relay1",
            ],
        ),
        ("switch", &[]),
        ("direct_closed", &[]),
        ("stopped", &[]),
        (
            "spf_narrow",
            &["--set", "record=v=spf1 include:relay.example -all"],
        ),
    ] {
        let asked = until_asked(folder, key).await;
        if key == "stopped" {
            assert!(asked.contains("* mx.other.example"), "{asked}");
        }
        // What a form asks for is in the command that goes on; a second look repeats the question.
        for answer in answers.chunks(2) {
            let (name, _) = answer[1].split_once('=').unwrap();
            assert!(asked.contains(&format!("--set {name}=TEXT")), "{asked}");
        }
        let (_, again) = mailmedic(folder, &["resume", "acme"]);
        assert!(again.contains(&format!(" {key} --by")), "{again}");
        let mut done = vec![
            "done",
            "acme",
            key,
            "--by",
            "tech",
            "--note",
            "done and seen",
        ];
        done.extend(answers);
        let (code, printed) = mailmedic(folder, &done);
        assert_eq!(code, 0, "{key}: {printed}");
    }
    let mut end = (3, String::new());
    for _ in 0..100 {
        end = mailmedic(folder, &["resume", "acme"]);
        if end.0 != 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!([0, 4].contains(&end.0), "{}", end.1);
    let record = record(folder);
    let shown = record.to_string();
    for file in [
        "main.cf",
        "master.cf",
        "senders",
        "dovecot.conf",
        "guide.md",
    ] {
        assert!(shown.contains(file), "{file} is not in the record");
    }
    for key in ["arrives", "proof"] {
        let outputs = &step(&record, key)["outputs"];
        assert_eq!(outputs["arrived"], true, "{key}: {outputs:#}");
    }
    assert_eq!(marked(), 2, "one message before the switch, one at the end");
    // The last look at the smarthost has read what became of the message.
    let stages = step(&record, "verify:smarthost")["outputs"]["stages"].clone();
    let arrival = stages.as_array().unwrap().iter().find(|s| s["id"] == "H20");
    assert_eq!(arrival.unwrap()["outcome"], "good", "{stages:#}");
    // The lists of the practice world answer, also about the address that the smarthost's mail leaves from.
    let egress = stages.as_array().unwrap().iter().find(|s| s["id"] == "H26");
    let egress = egress.unwrap();
    assert_eq!(egress["outcome"], "good", "{egress:#}");
    assert!(
        egress["detail"].as_str().unwrap().contains("198.51.100.7"),
        "{egress:#}"
    );
    let (code, report) = mailmedic(folder, &["report", "acme", "--format", "md"]);
    assert_eq!(code, 0, "{report}");
    // Each stage of the smarthost and of the server, by its name; the class of a reply that refuses nothing is "ok".
    for words in [
        "| H14 office@acme.example |",
        "| H20 ",
        "### Server: mail.acme.example, 127.0.0.1 port ",
    ] {
        assert!(report.contains(words), "{words:?} is missing in {report}");
    }
    assert!(!report.contains("| tls |"), "{report}");
    assert!(report.contains("Switch outgoing mail"), "{report}");
}
