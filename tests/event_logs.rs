//! The same incident in every container of Windows events: the same events, the same verdict.
#![allow(clippy::unwrap_used)]

mod incident;

use std::collections::BTreeMap;

use incident::evt::State;
use incident::{Incident, bad_day};
use mailmedic::mail::causes::{Facts, SiteFacts, analyse};
use mailmedic::mail::events::{Collected, Event, FORMATS, Options, read};
use proptest::prelude::*;

fn options() -> Options {
    Options {
        timezone: Some(jiff::tz::TimeZone::get(incident::ZONE).unwrap()),
        ..Options::default()
    }
}

/// Every container: format, what it is, bytes.
fn containers(log: &Incident) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let texts = incident::text::CONTAINERS.iter();
    let mut all: Vec<_> = texts
        .chain(incident::structured::CONTAINERS)
        .map(|(format, what, write)| (*format, *what, write(log)))
        .collect();
    all.push((
        "eventlog-evt",
        "binary, closed",
        incident::evt::file(log, State::Clean),
    ));
    all.push((
        "eventlog-evt",
        "binary, copied while in use",
        incident::evt::file(log, State::Stale),
    ));
    all.push((
        "eventlog-evt",
        "binary, wrapped",
        incident::evt::file(log, State::Wrapped),
    ));
    all.push(("eventlog-evtx", "binary of 2008", incident::evtx::file(log)));
    all
}

/// What an event says, without what only some containers have.
fn facts(event: &Event<'_>) -> String {
    let trimmed =
        |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or("-").trim().to_owned();
    format!(
        "{} {} {:?} {:?} #{:?} {} {} [{}] {:?} to {} of {} by {} {}",
        event.time.unwrap(),
        event.id.unwrap(),
        event.what,
        event.direction,
        event.connection,
        trimmed(&event.remote),
        trimmed(&event.command),
        trimmed(&event.reply),
        event.status,
        trimmed(&event.recipient),
        trimmed(&event.domain),
        trimmed(&event.account),
        trimmed(&event.source),
    )
}

/// Signals and causes in a word each.
fn verdict(collected: &Collected) -> BTreeMap<String, String> {
    let site = SiteFacts {
        mailboxes: Some(12),
        ..SiteFacts::default()
    };
    let analysis = analyse(&collected.events, &site, &Facts::default());
    let word = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    let mut out: BTreeMap<String, String> = analysis
        .causes
        .iter()
        .map(|cause| (cause.cause.to_owned(), cause.confidence.word().to_owned()))
        .collect();
    for signal in &analysis.signals {
        out.insert(
            signal.id.to_owned(),
            word(serde_json::to_value(signal.state).unwrap()),
        );
    }
    for (class, count) in &analysis.classes {
        out.insert(
            word(serde_json::to_value(class).unwrap()),
            count.to_string(),
        );
    }
    out
}

#[test]
fn the_same_incident_means_the_same_in_every_container() {
    let log = bad_day();
    let reference = read(
        "reference",
        &incident::evt::file(&log, State::Clean),
        None,
        &options(),
    )
    .unwrap();
    let wanted: Vec<String> = reference.events.iter().map(facts).collect();
    let expected = verdict(&reference);
    assert_eq!(expected["stolen-account"], "certain", "{expected:#?}");
    assert_eq!(expected["T14"], "shown", "{expected:#?}");
    assert_eq!(reference.log.noise, 6);
    for (format, what, bytes) in containers(&log) {
        let got = read(what, &bytes, None, &options()).unwrap();
        assert_eq!(got.log.format, format, "{what}");
        let prose = if what.contains("forum") { 3 } else { 0 };
        assert_eq!(got.log.unparsed, prose, "{what}: {:#?}", got.log.samples);
        let facts: Vec<String> = got.events.iter().map(facts).collect();
        for (got, wanted) in facts.iter().zip(&wanted) {
            assert_eq!(got, wanted, "{what}");
        }
        assert_eq!(facts.len(), wanted.len(), "{what}");
        assert_eq!(verdict(&got), expected, "{what}");
    }
}

#[test]
fn every_format_is_under_test() {
    let log = bad_day();
    let mut shown: Vec<String> = containers(&log)
        .iter()
        .map(|(format, ..)| (*format).to_owned())
        .collect();
    // Its own test is below: without descriptions it says nothing about causes.
    shown.push("eventlog-list-2003".to_owned());
    // The other formats have a file and an expectation each.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/events");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().ends_with(".expect.yaml") {
            let text = std::fs::read_to_string(path).unwrap();
            let format = text.lines().find_map(|line| line.strip_prefix("format: "));
            shown.extend(format.map(str::to_owned));
        }
    }
    for format in FORMATS {
        assert!(
            shown.iter().any(|name| name == format.name()),
            "{}",
            format.name()
        );
    }
}

#[test]
fn a_list_without_descriptions_is_read_and_says_no_more_than_it_has() {
    let text = "Type\tDate\tTime\tSource\tCategory\tEvent\tUser\tComputer\r\nError\t1/18/2011\t7:33:29 AM\tMSExchangeTransport\tSMTP Protocol \t7004\tN/A\tSERVER\r\n";
    let got = read("list", text.as_bytes(), None, &options()).unwrap();
    assert_eq!(
        (got.log.format.as_str(), got.log.records, got.log.unparsed),
        ("eventlog-list-2003", 1, 0)
    );
    assert_eq!(
        got.events[0].time.unwrap().to_string(),
        "2011-01-18T12:33:29Z"
    );
}

#[test]
fn a_ring_tells_how_it_came() {
    let log = bad_day();
    let notes = |state| {
        read("f", &incident::evt::file(&log, state), None, &options())
            .unwrap()
            .log
            .notes
            .join("; ")
    };
    assert_eq!(
        notes(State::Clean),
        "the log has wrapped: older events were overwritten, what came before is not in it"
    );
    assert!(
        notes(State::Stale).contains("the header is stale (next record 1393"),
        "{}",
        notes(State::Stale)
    );
    assert!(notes(State::Wrapped).contains("overwritten"));
    // Cut in the middle of a record: the events before it are there, the damage is told.
    let whole = incident::evt::file(&log, State::Clean);
    let got = read("cut", &whole[..whole.len() / 2], None, &options()).unwrap();
    assert!(
        got.log
            .notes
            .iter()
            .any(|note| note.contains("no end record")),
        "{:?}",
        got.log.notes
    );
    assert!(
        got.log.unparsed >= 1 && got.log.records > 40,
        "{:?}",
        got.log
    );
}

#[test]
fn a_cleared_log_keeps_its_old_life_out() {
    let mut log = bad_day();
    let whole = incident::evt::file(&log, State::Clean);
    // The log is cleared and begins at 1; behind the new end the old records still stand.
    log.entries.truncate(5);
    for (number, entry) in (1..).zip(&mut log.entries) {
        entry.number = number;
    }
    let fresh = incident::evt::file(&log, State::Clean);
    let mixed = [&fresh[..], &whole[fresh.len()..]].concat();
    let got = read("cleared", &mixed, None, &options()).unwrap();
    let numbers: Vec<u64> = got.events.iter().filter_map(|event| event.record).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5], "{:?}", got.log);
    assert!(
        got.log
            .notes
            .iter()
            .any(|note| note.contains("before the log was cleared")),
        "{:?}",
        got.log.notes
    );
}

#[test]
fn a_damaged_chunk_costs_itself() {
    let mut log = bad_day();
    for round in 0..3 {
        let more = bad_day().entries;
        log.entries.extend(more.into_iter().map(|mut entry| {
            entry.number += (round + 1) * 1000;
            entry
        }));
    }
    let mut bytes = incident::evtx::file(&log);
    let whole = read("f", &bytes, None, &options()).unwrap();
    assert_eq!(
        (whole.log.records as usize, whole.log.unparsed),
        (log.entries.len(), 0),
        "{:#?}",
        whole.log.samples
    );
    let second = 4096 + 65_536;
    assert!(bytes.len() > second + 65_536);
    bytes[second..second + 40].fill(0xff);
    let damaged = read("f", &bytes, None, &options()).unwrap();
    assert!(damaged.log.unparsed >= 1, "{:#?}", damaged.log);
    assert!(damaged.log.records < whole.log.records && damaged.log.records > whole.log.records / 4);
    let cut = read("f", &bytes[..second + 70_000], None, &options()).unwrap();
    assert!(
        cut.log
            .samples
            .iter()
            .any(|line| line.text.contains("cut after")),
        "{:#?}",
        cut.log.samples
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is done to a file, its reader ends, and what it could not read is counted.
    #[test]
    fn mutated_files_are_read_to_their_end(which in 0_usize..26, changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..60), cut in any::<proptest::sample::Index>(), pieces in 1_usize..9000) {
        let mut log = bad_day();
        log.entries.truncate(12);
        let all = containers(&log);
        let (format, _, mut bytes) = all[which % all.len()].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.index(bytes.len()).max(1));
        let mut intake = mailmedic::mail::events::Intake::new("f", Some(format), &options()).unwrap();
        let mut sink = Collected::default();
        for piece in bytes.chunks(pieces) {
            intake.push(piece, &mut sink).unwrap();
        }
        if let Ok(read) = intake.finish(&mut sink) {
            prop_assert_eq!(read.unparsed as usize, sink.unparsed.len());
            let texts: usize = sink.events.iter().map(|event| event.text.len()).sum();
            prop_assert!(texts < 4 * bytes.len() + 100_000, "{} bytes became {}", bytes.len(), texts);
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_trouble(bytes in proptest::collection::vec(any::<u8>(), 0..3000), mark in 0_usize..4) {
        let mark: &[u8] = [&b""[..], b"0\0\0\0LfLe", b"ElfFile\0", b"<Event><System>"][mark];
        let bytes = [mark, &bytes].concat();
        for format in FORMATS {
            let _ = read("f", &bytes, Some(format.name()), &options());
        }
    }
}
