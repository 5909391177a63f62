//! Binary event logs: what this program reads is what independent readers (libevt, libevtx) read.

use std::process::Command;

use mailmedic::mail::events::{Options, read};

use crate::incident::evt::State;
use crate::incident::{Incident, bad_day, evt, evtx};

/// What the other reader says of a file, and the numbers of the records that ours finds in it.
fn by_both(program: &str, options: &[&str], name: &str, bytes: &[u8]) -> (String, Vec<u32>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let output = Command::new(program)
        .args(options)
        .arg(&path)
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot start {program} (tests/install installs it): {error}")
        });
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}{complaint}");
    let ours = read(name, bytes, None, &Options::default()).unwrap();
    assert_eq!(ours.log.unparsed, 0, "{:#?}", ours.log.samples);
    let numbers = ours.events.iter().map(|event| event.place.first);
    (said, numbers.collect())
}

/// Each event of the incident stands in what the other reader says, with all its strings; `mark` is what it writes once
/// an event.
fn agrees(said: &str, mark: &str, log: &Incident) {
    let events: Vec<&str> = said.split(mark).skip(1).collect();
    assert_eq!(events.len(), log.entries.len(), "{said:.3000}");
    for (event, entry) in events.iter().zip(&log.entries) {
        assert!(event.contains(entry.source), "{} in {event}", entry.source);
        for string in &entry.strings {
            let escaped = string.replace('<', "&lt;").replace('>', "&gt;");
            let found = event.contains(string.as_str()) || event.contains(&escaped);
            assert!(found, "{string:?} of {} in {event}", entry.number);
        }
    }
}

fn numbers(log: &Incident) -> Vec<u32> {
    log.entries.iter().map(|entry| entry.number).collect()
}

#[test]
fn libevt_reads_the_binary_logs_of_2003() {
    let log = bad_day();
    for state in [State::Clean, State::Stale, State::Wrapped] {
        let bytes = evt::file(&log, state);
        let (said, ours) = by_both("evtexport", &[], "app.evt", &bytes);
        // A stale header misleads readers that believe it; ours follows the end record.
        if state != State::Stale {
            agrees(&said, "Event number", &log);
        }
        assert_eq!(ours, numbers(&log), "{state:?}");
    }
}

#[test]
fn libevtx_reads_the_binary_logs_of_2008() {
    let log = bad_day();
    let bytes = evtx::file(&log);
    let (said, ours) = by_both("evtxexport", &["-f", "xml"], "app.evtx", &bytes);
    agrees(&said, "<Event ", &log);
    assert_eq!(ours, numbers(&log));
}
