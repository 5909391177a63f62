//! The runbook `relay-audit` on the practice office, from the first question to the closed relay: nothing is sent before a
//! person has agreed, nothing at all when they say no, and "open" is said when a marked message has arrived.
#![allow(clippy::unwrap_used)]

mod program;
#[path = "program/record.rs"]
mod record;

use std::path::Path;
use std::process::Output;

use mailmedic::practice::smtp::{Recipients, Trust};
use mailmedic::practice::{World, office};

use program::mailmedic;
use record::record;

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs it; the exit code must be this.
fn ends(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = mailmedic(folder, arguments);
    let printed = out(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {printed}");
    printed
}

/// The office with a server that relays for whoever claims a sender of the office, and the site file in `folder`.
async fn open_office(folder: &Path) -> World {
    let world = World::start(office::scenario()).await.unwrap();
    world.server(office::SERVER).unwrap().edit(|server| {
        server.trust = vec![Trust::LocalSender];
        server.recipients = Recipients::Known(["office@acme.example".to_owned()].into());
    });
    ends(folder, &["init"], 0);
    let files = world.unpack(&folder.join("practice")).unwrap();
    std::fs::copy(&files.site, folder.join("sites/acme.yaml")).unwrap();
    world
}

fn data(world: &World) -> usize {
    world.server(office::SERVER).unwrap().commands("DATA")
}

fn verdict(folder: &Path, step: &str) -> String {
    let record = record(folder);
    let verdict = &record::step(&record, step)["outputs"]["verdict"];
    verdict.as_str().unwrap().to_owned()
}

const RUN: [&str; 6] = [
    "run",
    "relay-audit",
    "--site",
    "sites/acme.yaml",
    "--by",
    "ann",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_is_proved_with_leave_and_closed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let world = open_office(folder).await;

    let asked = ends(folder, &RUN, 3);
    assert!(asked.contains("may_we_prove"), "{asked}");
    assert_eq!(data(&world), 0, "nothing is sent before the answer");
    ends(folder, &["resume", "acme"], 3);
    assert_eq!(data(&world), 0, "and a resume is no answer");

    let yes = ["approve", "acme", "may_we_prove", "--by", "tech"];
    ends(folder, &yes, 0);
    assert_eq!(data(&world), 0);
    let mut told = ends(folder, &["resume", "acme"], 3);
    for _ in 0..20 {
        if told.contains("close --by") {
            break;
        }
        told = ends(folder, &["resume", "acme"], 3);
    }
    assert!(told.contains("close --by"), "{told}");
    assert_eq!(verdict(folder, "prove"), "open");
    assert_eq!(data(&world), 3, "one message for each of A05, A06 and A07");
    let arrived = world.mailboxes().messages(office::PROBE_MAILBOX, "INBOX");
    assert_eq!(arrived.len(), 3);
    let elsewhere = world.server(office::RECEIVER).unwrap().connections();
    assert_eq!(elsewhere, 0, "no other server is asked");

    world
        .server(office::SERVER)
        .unwrap()
        .edit(|server| server.trust.clear());
    let closed = [
        "done",
        "acme",
        "close",
        "--by",
        "tech",
        "--note",
        "own senders need a login now",
    ];
    ends(folder, &closed, 0);
    let mut ended = mailmedic(folder, &["resume", "acme"]);
    for _ in 0..20 {
        if ended.status.code() != Some(3) {
            break;
        }
        ended = mailmedic(folder, &["resume", "acme"]);
    }
    assert!(
        matches!(ended.status.code(), Some(0 | 4)),
        "{}",
        out(&ended)
    );
    assert_eq!(verdict(folder, "screen_again"), "closed");
    assert_eq!(data(&world), 3, "the test after it sends nothing");
    let report = ends(folder, &["report", "acme", "--format", "md"], 0);
    assert!(report.contains("marked message"), "{report}");
    ends(folder, &["verify", "acme"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_leave_nothing_is_sent_and_it_is_closed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let world = open_office(folder).await;
    ends(folder, &RUN, 3);
    let no = [
        "reject",
        "acme",
        "may_we_prove",
        "--by",
        "tech",
        "--note",
        "not today",
    ];
    ends(folder, &no, 0);
    let told = ends(folder, &["resume", "acme"], 3);
    assert!(told.contains("close --by"), "{told}");
    assert_eq!(data(&world), 0);
}
