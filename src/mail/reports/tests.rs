//! Reports as files and in messages, damaged and not.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::mail::events::{Options, read};

const REPORT: &str = include_str!("../../../tests/cases/events/dmarc-report.txt");
const TLS: &str = include_str!("../../../tests/cases/events/tls-report.txt");
const MESSAGE: &str = include_str!("../../../tests/cases/events/dmarc-message.txt");
const COMPLAINT: &str = include_str!("../../../tests/cases/events/complaint.txt");

#[test]
fn a_report_that_breaks_off_is_told_with_its_reason() {
    let half = &REPORT[..REPORT.find("</policy_published>").unwrap()];
    let got = read("r.xml", half.as_bytes(), None, &Options::default()).unwrap();
    assert_eq!(got.log.format, "dmarc-report");
    assert!(got.events.is_empty());
    assert_eq!(got.log.unparsed, 1);
    assert!(
        got.log.notes[0].starts_with("the report cannot be read: "),
        "{:?}",
        got.log.notes
    );
}

#[test]
fn a_damaged_attachment_is_not_passed_over() {
    let damaged = MESSAGE.replace("H4sI", "H4sJ");
    assert_ne!(damaged, MESSAGE);
    let got = read("r.eml", damaged.as_bytes(), None, &Options::default()).unwrap();
    assert!(got.events.is_empty());
    assert_eq!(got.log.unparsed, 1);
    assert!(
        got.log.notes[0].contains("cannot be unpacked"),
        "{:?}",
        got.log.notes
    );
}

#[test]
fn other_mail_with_attachments_is_passed_over() {
    let plain = MESSAGE.replace("receiver.example!acme.example!1709510400!1709596799", "log");
    let got = read("m.eml", plain.as_bytes(), None, &Options::default()).unwrap();
    assert_eq!((got.events.len(), got.log.unparsed), (0, 0));
    assert!(got.log.passed > 0);
}

#[test]
fn other_kinds_of_feedback_are_no_complaints() {
    let praise = COMPLAINT.replace("Feedback-Type: abuse", "Feedback-Type: not-spam");
    let got = read("m.eml", praise.as_bytes(), None, &Options::default()).unwrap();
    assert_eq!(got.events[0].what, crate::mail::events::What::Other);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn damaged_reports_never_panic(at in 0_usize..1_000, with in any::<[u8; 4]>()) {
        for text in [REPORT, TLS, MESSAGE, COMPLAINT] {
            let mut bytes = text.as_bytes().to_vec();
            let at = at % (bytes.len() - with.len());
            bytes[at..at + with.len()].copy_from_slice(&with);
            // Whatever comes of it: each line is an event's, passed over or told.
            if let Ok(got) = read("r", &bytes, None, &Options::default()) {
                prop_assert!(!got.events.is_empty() || got.log.passed + got.log.unparsed > 0);
            }
        }
    }
}
