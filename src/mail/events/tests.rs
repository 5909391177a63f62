//! Logs against their events: one text and one expectation a case, in `tests/cases/events/`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    format: String,
    until: Option<jiff::Timestamp>,
    timezone: Option<String>,
    unparsed: usize,
    noise: u64,
    events: Vec<serde_json::Map<String, Value>>,
}

impl Expectation {
    fn options(&self) -> Options {
        let zone = |name: &String| jiff::tz::TimeZone::get(name).unwrap();
        Options {
            timezone: self.timezone.as_ref().map(zone),
            until: self.until,
            ..Options::default()
        }
    }
}

fn cases() -> Vec<(PathBuf, Expectation)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/events");
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let expectation = path.with_extension("expect.yaml");
        if path.extension().is_some_and(|e| e == "txt") && expectation.exists() {
            let text = std::fs::read_to_string(&expectation).unwrap();
            out.push((path, serde_saphyr::from_str(&text).unwrap()));
        }
    }
    assert!(out.len() >= 7, "{} cases", out.len());
    out
}

#[test]
fn the_cases_read_as_expected() {
    for (path, expected) in cases() {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let log = read(name, &bytes, None, &expected.options()).unwrap();
        assert_eq!(log.log.format, expected.format, "{name}");
        assert_eq!(log.log.noise, expected.noise, "{name}");
        assert_eq!(log.log.unparsed, log.unparsed.len() as u64, "{name}");
        assert_eq!(
            log.events.len(),
            expected.events.len(),
            "{name}: {:#?}",
            log.events
        );
        for (event, wanted) in log.events.iter().zip(&expected.events) {
            let got = serde_json::to_value(event).unwrap();
            for (field, value) in wanted {
                if field == "lines" {
                    let lines = format!("{}-{}", event.place.first, event.place.last);
                    assert_eq!(Value::from(lines), *value, "{name}");
                    continue;
                }
                assert_eq!(got.get(field), Some(value), "{name}: {field} of {event:#?}");
            }
        }
        assert_eq!(
            log.unparsed.len(),
            expected.unparsed,
            "{name}: {:#?}",
            log.unparsed
        );
    }
}

fn as_text(bytes: &[u8]) -> String {
    decode::head_text(bytes, decode::encoding_of(bytes))
}

/// Nothing is dropped: every line that is not blank is in an event or among the unparsed.
#[test]
fn every_line_is_accounted_for() {
    for (path, _) in cases() {
        let bytes = std::fs::read(&path).unwrap();
        let log = read("f", &bytes, None, &Options::default()).unwrap();
        let mut covered: BTreeSet<u32> = log.unparsed.iter().map(|u| u.line).collect();
        for event in &log.events {
            covered.extend(event.place.first..=event.place.last);
        }
        let text = as_text(&bytes);
        let left = text
            .lines()
            .zip(1..)
            .filter(|(line, number)| !line.trim().is_empty() && !covered.contains(number))
            .count();
        assert_eq!(left as u64, log.log.passed, "{path:?}");
    }
}

#[test]
fn encodings_are_recognised() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/events/clipboard-2003-german.txt");
    let text = std::fs::read_to_string(path)
        .unwrap()
        .replace("Fehler", "Fehler-\u{fc}");
    let utf16 = |big: bool, mark: bool| {
        let mut out: Vec<u8> = Vec::new();
        let units = mark
            .then_some(0xfeff)
            .into_iter()
            .chain(text.encode_utf16());
        for unit in units {
            out.extend(if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            });
        }
        out
    };
    let ansi: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let table = [
        (text.clone().into_bytes(), "UTF-8"),
        (marked, "UTF-8"),
        (utf16(false, true), "UTF-16LE"),
        (utf16(true, true), "UTF-16BE"),
        (utf16(false, false), "UTF-16LE"),
        (utf16(true, false), "UTF-16BE"),
        (ansi, "windows-1252"),
    ];
    for (bytes, encoding) in table {
        let log = read("f", &bytes, None, &Options::default()).unwrap();
        assert_eq!(log.log.encoding, encoding);
        assert_eq!(
            log.events[0].kind.as_deref(),
            Some("Fehler-\u{fc}"),
            "{encoding}"
        );
        assert_eq!(
            log.events[0].remote.as_deref(),
            Some("192.0.2.40"),
            "{encoding}"
        );
    }
}

#[test]
fn what_cannot_be_told_is_said() {
    let block = |date: &str| {
        format!(
            "Event Type: Error\nEvent Source: MSExchangeTransport\nEvent ID: 7004\nDate: {date}\nTime: 10:00:00\nDescription:\nx\n"
        )
    };
    let notes = |date: &str| {
        read("f", block(date).as_bytes(), None, &Options::default())
            .unwrap()
            .log
            .notes
    };
    assert!(
        notes("1/2/2011")
            .iter()
            .any(|n| n.contains("month is assumed"))
    );
    assert!(!notes("1/22/2011").iter().any(|n| n.contains("assumed")));
    assert!(notes("1/22/2011").iter().any(|n| n.contains("time zone")));
    assert!(notes("13/13/2011").iter().any(|n| n.contains("no date")));
    let zone = Options {
        timezone: Some(jiff::tz::TimeZone::fixed(jiff::tz::offset(1))),
        date_order: Some(DateOrder::DayFirst),
        until: None,
    };
    let log = read("f", block("1/2/2011").as_bytes(), None, &zone).unwrap();
    assert_eq!(
        log.events[0].time.unwrap().to_string(),
        "2011-02-01T09:00:00Z"
    );
    // All that is left is what nobody had switched on.
    let [note] = &log.log.notes[..] else {
        panic!("{:?}", log.log.notes);
    };
    assert!(note.contains("diagnostics logging"), "{note}");
}

/// Where the bytes are cut on their way in means nothing, and no line is ever longer than the limit.
#[test]
fn pieces_of_any_size_read_the_same() {
    let text = std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/events/export-2003.txt"),
    )
    .unwrap();
    let utf16: Vec<u8> = String::from_utf8(text.clone())
        .unwrap()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for bytes in [text, utf16] {
        // Longer than the head, so that most of it comes in pieces.
        let long = bytes.repeat(40_000 / bytes.len() * 4 + 4);
        let whole = read("f", &long, None, &Options::default()).unwrap();
        for size in [1, 7, 4096, 100_000] {
            let mut pieces = Collected::default();
            let mut intake = Intake::new("f", None, &Options::default()).unwrap();
            for piece in long.chunks(size) {
                intake.push(piece, &mut pieces).unwrap();
            }
            let log = intake.finish(&mut pieces).unwrap();
            assert_eq!(log, whole.log, "{size}");
            assert!(pieces.events == whole.events, "{size}");
        }
    }
    let mut overlong = b"1/18/2011\t7:33:29 AM\tS\tError\tNone\t7004\tN/A\tC\tx\n".to_vec();
    overlong.resize(overlong.len() + 3 * LONGEST, b'x');
    overlong.extend_from_slice(b"\n1/18/2011\t7:33:30 AM\tS\tError\tNone\t7004\tN/A\tC\ty\n");
    let got = read("f", &overlong, None, &Options::default()).unwrap();
    assert_eq!(
        (got.log.records, got.log.lines, got.unparsed.len()),
        (2, 3, 1)
    );
    assert_eq!(
        (got.unparsed[0].line, got.unparsed[0].why),
        (2, Why::BeyondLimit)
    );
}

#[test]
fn record_numbers_that_jump_are_gaps() {
    let mut log = Log::new("f", "x", "");
    for number in [5, 3, 4, 9, 8, 8, 20, u64::MAX, 0] {
        log.seen(&Event {
            record: Some(number),
            ..Event::at(Place {
                file: "f".into(),
                first: 1,
                last: 1,
            })
        });
    }
    log.close();
    let gaps: Vec<(u64, u64)> = log.gaps.iter().map(|gap| (gap.after, gap.before)).collect();
    assert_eq!(gaps, [(0, 3), (5, 8), (9, 20), (20, u64::MAX)]);
}

#[test]
fn strangers_are_refused_with_the_way_out() {
    let error = read("mail.log", b"once upon a time\n", None, &Options::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("mail.log") && error.contains("`format`"),
        "{error}"
    );
    let error = read("f", b"x", Some("nope"), &Options::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("'nope'") && error.contains("eventlog-csv-2003"),
        "{error}"
    );
    assert!(matches!(
        read("f", b" \n", None, &Options::default()),
        Err(ReadError::Empty { .. })
    ));
}

#[test]
fn the_registry_is_in_order() {
    let names: BTreeSet<&str> = FORMATS.iter().map(|r| r.name()).collect();
    assert_eq!(names.len(), FORMATS.len());
    for reader in FORMATS {
        assert!(!reader.summary().ends_with('.') && !reader.summary().contains('\n'));
    }
}

#[test]
fn addresses_in_plain_form() {
    let table = [
        ("rfc822;<A@Example.ORG>", Some("A@example.org")),
        ("rfc822;a@example.org.", Some("a@example.org")),
        ("<>", None),
        ("", None),
        ("[email\u{a0}protected]", None),
        ("nobody", None),
        ("a b@example.org", Some("a b@example.org")),
    ];
    for (raw, plain) in table {
        assert_eq!(normalize_address(raw).as_deref(), plain, "{raw}");
    }
}

#[test]
fn brackets_between_json_objects_are_passed_over() {
    for (text, passed) in [("[\n{}\n,\n]", 3), ("[", 1), ("]", 1), ("[{}]", 0)] {
        let sheet = read(
            "f",
            text.as_bytes(),
            Some("eventlog-json"),
            &Options::default(),
        )
        .unwrap();
        assert_eq!(sheet.log.passed, passed, "{text:?}");
        assert_eq!(
            sheet.log.unparsed,
            u64::from(text.contains('{')),
            "{text:?}"
        );
    }
}

proptest! {
    #[test]
    fn no_reader_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read("f", &bytes, None, &Options::default());
    }

    #[test]
    fn no_reader_panics_on_text(lines in proptest::collection::vec(piece(), 0..30)) {
        let text = lines.join("\n");
        for reader in FORMATS {
            let _ = reader.recognise(&Head { bytes: text.as_bytes(), text: &text });
            if text.trim().is_empty() {
                continue;
            }
            let sheet = read("f", text.as_bytes(), Some(reader.name()), &Options::default()).unwrap();
            // Nothing is dropped, whatever comes: a binary format says that it is no such file, a text each line.
            if matches!(reader.reader(&Options::default()), Reader::Bytes(_)) {
                prop_assert!(sheet.log.unparsed > 0, "{}: {:?}", reader.name(), text);
                continue;
            }
            let mut covered: BTreeSet<u32> = sheet.unparsed.iter().map(|u| u.line).collect();
            for event in &sheet.events {
                covered.extend(event.place.first..=event.place.last);
            }
            let left = text
                .lines()
                .zip(1..)
                .filter(|(line, number)| {
                    let bare = line.trim_matches(|c: char| c.is_whitespace() || "\u{feff}\u{200b}\u{200e}\u{200f}>|*-\u{2022}\u{b7}".contains(c));
                    !bare.is_empty() && !covered.contains(number)
                })
                .count();
            prop_assert!(left as u64 <= sheet.log.passed, "{}: {left} lines are lost, {} were passed", reader.name(), sheet.log.passed);
        }
    }
}

/// Pieces of real logs and rubbish between them.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Event Type: Error".to_owned()),
        Just("Event Source: MSExchangeTransport Event ID: 7004".to_owned()),
        Just("Event ID: x".to_owned()),
        Just("Log Name: Application".to_owned()),
        Just("Source: MSExchangeTransport".to_owned()),
        Just("Date: 1/1/2011".to_owned()),
        Just("Description:".to_owned()),
        Just("The remote host \"a\", responded to the SMTP command \"rcpt\" with \"5\". The full command sent was \"".to_owned()),
        Just("Event Xml:".to_owned()),
        Just("<EventID>5</EventID></Event>".to_owned()),
        Just("Data:".to_owned()),
        Just("0000: ff".to_owned()),
        Just("1/1/2011\t10:00:00\tS\tE\tC\t7004\tU\tC\tx".to_owned()),
        Just("1/1/2011,10:00:00,S,E,C,7004,U,C,\"x".to_owned()),
        mutated(),
        Just(String::new()),
        "\\PC{0,40}",
    ]
}

/// Lines of all cases, with a piece cut out or put in.
fn mutated() -> impl Strategy<Value = String> {
    let mut lines: Vec<String> = Vec::new();
    for (path, _) in cases() {
        let text = as_text(&std::fs::read(path).unwrap());
        lines.extend(text.lines().map(str::to_owned));
    }
    let at = any::<proptest::sample::Index>;
    (proptest::sample::select(lines), at(), at(), "[\\PC]{0,3}").prop_map(
        |(line, from, to, put)| {
            let chars: Vec<char> = line.chars().collect();
            let (a, b) = (from.index(chars.len() + 1), to.index(chars.len() + 1));
            let (a, b) = (a.min(b), a.max(b));
            // Most keep all but a few characters.
            let b = if b - a > 12 { a } else { b };
            let head: String = chars[..a].iter().collect();
            let tail: String = chars[b..].iter().collect();
            format!("{head}{put}{tail}")
        },
    )
}
