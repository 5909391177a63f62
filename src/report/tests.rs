//! Every document of every case, at every moment.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use self::well_formed::{check_html, check_markdown, check_text};
use super::fixture::{self, Recorder};
use super::*;
use crate::record::{Decision, Event, EventKind, Resolution, RunState, StepOutcome};
use crate::templates::Templates;

mod well_formed;

const DOCUMENTS: &[(&str, Format)] = &[
    ("handover", Format::Markdown),
    ("handover", Format::Html),
    ("technical", Format::Markdown),
    ("technical", Format::Html),
    ("summary", Format::Markdown),
    ("isp-ptr-request", Format::Markdown),
    ("address-choice", Format::Markdown),
    ("usage-register", Format::Markdown),
    ("usage-register", Format::Html),
    ("handover", Format::Json),
];

fn document(events: &[Event], template: &str, format: Format) -> String {
    let view = View::of(events).unwrap();
    let made = render(&view, template, format, &Templates::default(), None).unwrap();
    String::from_utf8(made).unwrap()
}

#[test]
fn documents_and_view_of_each_case() {
    for (name, events) in fixture::cases() {
        let markdown = document(&events, "handover", Format::Markdown);
        insta::assert_snapshot!(format!("handover_{name}"), markdown);
        let summary = document(&events, "summary", Format::Markdown);
        insta::assert_snapshot!(format!("summary_{name}"), summary);
    }
    for name in ["waiting", "finished_open"] {
        let (_, events) = fixture::cases()
            .into_iter()
            .find(|(case, _)| *case == name)
            .unwrap();
        let view = document(&events, "handover", Format::Json);
        insta::assert_snapshot!(format!("view_{name}"), view);
        let letter = document(&events, "isp-ptr-request", Format::Markdown);
        insta::assert_snapshot!(format!("isp_{name}"), letter);
    }
}

/// A run may be asked for a report at any moment.
#[test]
fn every_moment_of_every_run_can_be_reported() {
    for (name, events) in fixture::cases() {
        for end in 1..=events.len() {
            for (template, format) in DOCUMENTS {
                // Templates take their time in a debug build: one document at some moments is enough.
                let chosen = end % 9 == 0 && *template == "summary" || end == events.len();
                if *format != Format::Json && !chosen {
                    continue;
                }
                let text = document(&events[..end], template, *format);
                check_text(&text, *format, &format!("{name} up to {end}, {template}"));
            }
        }
    }
}

/// A run whose every text is `text`.
fn hostile(text: &str) -> Vec<Event> {
    let mut created = fixture::created();
    let mut site = created.site_snapshot.value();
    site["name"] = json!(text);
    site["contacts"]["isp"]["name"] = json!(text);
    site["domains"] = json!([text]);
    created.site_snapshot = fixture::pinned(site);
    created.steps[0].title = text.to_owned();
    created.inputs.insert(text.to_owned(), json!(text));
    let mut run = Recorder::new(created);
    let mut finding = fixture::finding(
        "rdns-missing",
        crate::record::Severity::Major,
        text,
        text,
        text,
        text,
    );
    finding.evidence[0].from = Some(text.to_owned());
    run.finish(
        "scan",
        StepOutcome::Finding,
        json!({"targets": [{"target": text, "listed": [{"list": text, "zone": text, "codes": [text], "lookup_url": format!("javascript:{text}"), "text": text}]}], "lists": {"asked": 1}}),
        vec![finding],
        &[],
    )
    .finish(
        "relay",
        StepOutcome::Unknown,
        json!({"endpoints": [{"address": text, "verdict": text, "transcript": text, "variants": [{"id": text, "mail": text, "rcpt": text, "replies": [text]}]}]}),
        Vec::new(),
        &[],
    );
    run.events
}

#[test]
fn hostile_names_stay_text() {
    for text in [
        "<script>alert(1)</script>",
        "a | b | c",
        "{{site.name}}",
        "\" onmouseover=\"x",
        "</style><script>",
        "![x](javascript:y) <b>",
        "two\nlines\u{1b}[31m",
        "`code` ``` ~~~",
        "",
    ] {
        let events = hostile(text);
        for (template, format) in &DOCUMENTS[..2] {
            let made = document(&events, template, *format);
            let place = format!("{template} with {text:?}");
            match format {
                Format::Html => {
                    check_html(&made, &place);
                    assert_eq!(made.matches("<style>").count(), 1, "{place}");
                }
                Format::Markdown => check_markdown(&made, &place),
                _ => {}
            }
            assert!(!made.contains('\u{1b}'), "{place}");
        }
        let view = View::of(&events).unwrap();
        assert!(
            view.listings
                .iter()
                .all(|listing| listing.lookup_url.is_none())
        );
    }
}

#[test]
fn the_view_agrees_with_the_record_about_what_is_open() {
    for (name, events) in fixture::cases() {
        for end in 1..=events.len() {
            let state = RunState::replay(&events[..end]).unwrap();
            let view = View::from_state(&state, &events[..end]);
            let mut open: Vec<_> = view
                .open_findings
                .iter()
                .map(|finding| (finding.code.clone(), finding.subject.clone()))
                .collect();
            let mut expected: Vec<_> = state
                .open_findings()
                .iter()
                .map(|(finding, _)| (finding.code.clone(), finding.subject.clone()))
                .collect();
            open.sort();
            expected.sort();
            assert_eq!(open, expected, "{name} up to {end}");
            let all = view.open_findings.len() + view.settled_findings.len();
            assert_eq!(all, state.all_findings().len(), "{name} up to {end}");
        }
    }
}

#[test]
fn a_listing_goes_through_its_states() {
    let states = |events: &[Event]| -> Vec<(String, String)> {
        View::of(events)
            .unwrap()
            .listings
            .iter()
            .map(|listing| (listing.list.clone(), listing.state.code.clone()))
            .collect()
    };
    let expect = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(list, state)| ((*list).to_owned(), (*state).to_owned()))
            .collect()
    };
    let run = fixture::watched(fixture::created()).events;
    let up_to = |key: &str, kind: fn(&EventKind) -> bool| {
        let end = run
            .iter()
            .position(|event| {
                kind(&event.event) && serde_json::to_string(&event.event).unwrap().contains(key)
            })
            .unwrap();
        &run[..=end]
    };
    let decided = |kind: &EventKind| matches!(kind, EventKind::Decided { .. });
    let finished = |kind: &EventKind| matches!(kind, EventKind::StepFinished { .. });
    for (events, zen, spamcop, psbl) in [
        (up_to("\"scan\"", finished), "found", "found", "found"),
        (
            up_to("\"draft\"", finished),
            "drafted",
            "drafted",
            "drafted",
        ),
        (
            up_to("\"file\"", decided),
            "requested",
            "drafted",
            "requested",
        ),
        (&run[..], "delisted", "waiting", "delisted"),
    ] {
        let expected = expect(&[("zen", zen), ("spamcop", spamcop), ("psbl", psbl)]);
        assert_eq!(states(events), expected);
    }
    let ended = fixture::finished(fixture::created(), &["zen"]).events;
    let expected = expect(&[
        ("zen", "still_listed"),
        ("spamcop", "delisted"),
        ("psbl", "delisted"),
    ]);
    assert_eq!(states(&ended), expected);
}

#[test]
fn a_draft_without_a_scan_is_told_too() {
    let mut run = Recorder::new(fixture::created());
    run.finish(
        "draft",
        StepOutcome::Good,
        json!({"drafts": [{"list": "tosa", "target": "203.0.113.7", "method": "email", "to": "tosa@list.example", "not_before": "2026-12-01"}]}),
        Vec::new(),
        &[],
    );
    for (template, format) in &DOCUMENTS[..2] {
        let text = document(&run.events, template, *format);
        assert!(text.contains(
            "203.0.113.7 on tosa: mail to the operator, tosa@list.example, not before 1 Dec 2026 01:00"
        ));
    }
}

#[test]
fn what_a_login_may_do_is_told_once_while_it_stays_the_same() {
    let mut created = fixture::created();
    let mut again = created.steps[4].clone();
    assert_eq!(again.action, "relay.test");
    again.key = "relay_again".to_owned();
    created.steps.insert(5, again);
    let outputs = |outcome: &str| {
        json!({"verdict": "closed", "endpoints": [], "accounts": [{"server": "mail.acme.example", "account": "relaytest",
            "endpoint": null, "checks": [{"id": "G5", "outcome": outcome, "detail": "as office@acme.example", "replies": []}]}]})
    };
    for (after, sections) in [("finding", 1), ("good", 2)] {
        let mut run = Recorder::new(created.clone());
        for (step, outcome) in [("relay", "finding"), ("relay_again", after)] {
            run.finish(step, StepOutcome::Good, outputs(outcome), Vec::new(), &[]);
        }
        let text = document(&run.events, "technical", Format::Markdown);
        assert_eq!(
            text.matches("### Logins: mail").count(),
            sections,
            "{after}: {text}"
        );
    }
}

#[test]
fn unknown_is_never_good() {
    let mut run = Recorder::new(fixture::created());
    run.finish(
        "scan",
        StepOutcome::Unknown,
        json!({"targets": [{"target": "203.0.113.7", "listed": [], "clean": 2, "unknown": [{"list": "a"}, {"list": "b"}, {"list": "c"}]}]}),
        Vec::new(),
        &[],
    );
    let view = View::of(&run.events).unwrap();
    assert_eq!((view.counts.unknown, view.counts.good), (1, 0));
    assert!(
        view.counts
            .text
            .contains("0 in order, 0 with a problem, 1 could not tell, 0 not applicable")
    );
    let blocklists = view
        .topics
        .iter()
        .find(|topic| topic.code == "listings")
        .unwrap();
    assert_eq!(blocklists.state.mark, "?");
    assert!(blocklists.text.contains("not an all-clear"));
}

#[test]
fn a_laboratory_and_a_check_run_say_so_first_and_on_every_page() {
    for (name, on_screen, on_paper) in [
        ("laboratory", "Laboratory: ", "content: \"LABORATORY"),
        ("check_run", "Check run: ", "content: \"CHECK RUN"),
    ] {
        let cases = fixture::cases();
        let (_, events) = cases.iter().find(|(case, _)| *case == name).unwrap();
        let html = document(events, "handover", Format::Html);
        assert!(html.contains(on_paper), "{name}");
        let notice = html.find(on_screen).unwrap();
        assert!(notice < html.find("<main>").unwrap(), "{name}");
        let markdown = document(events, "handover", Format::Markdown);
        assert!(
            markdown
                .lines()
                .nth(2)
                .unwrap()
                .starts_with(&format!("> **{on_screen}"))
        );
        let (_, other) = &cases[2];
        assert!(!document(other, "handover", Format::Html).contains(on_paper));
    }
}

#[test]
fn the_same_events_give_the_same_bytes() {
    for (_, events) in fixture::cases() {
        let first = document(&events, "handover", Format::Json);
        assert_eq!(first, document(&events, "handover", Format::Json));
        let value: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(value["schema"], "mailmedic.report/1");
    }
}

#[test]
fn an_unknown_template_or_format_is_named() {
    let view = View::of(&fixture::cases()[0].1).unwrap();
    let error = render(
        &view,
        "nothing",
        Format::Markdown,
        &Templates::default(),
        None,
    );
    let text = std::error::Error::source(&error.unwrap_err())
        .unwrap()
        .to_string();
    assert!(
        text.contains("nothing.md") && text.contains("handover.md"),
        "{text}"
    );
    let error = "docx".parse::<Format>().unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no report format 'docx' (known: md, html, pdf, json)"
    );
}

/// Any JSON, with the names that outputs use.
fn any_value() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "targets",
        "target",
        "listed",
        "list",
        "lists",
        "asked",
        "unknown",
        "broken",
        "clean",
        "addresses",
        "address",
        "verdict",
        "ptr",
        "endpoints",
        "port",
        "controls",
        "variants",
        "replies",
        "stages",
        "reply",
        "code",
        "text",
        "domains",
        "spf",
        "dkim",
        "causes",
        "signals",
        "count",
        "classes",
        "sources",
        "drafts",
        "not_before",
        "result",
        "hops",
        "transcript",
        "seconds",
        "accepted",
        "arrived",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~\u{0}-\u{20}é]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..8).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// Runs of other versions leave other outputs.
    #[test]
    fn odd_outputs_never_fail(outputs in prop::collection::vec(any_value(), 6), site in any_value()) {
        let mut created = fixture::created();
        created.site_snapshot = fixture::pinned(site);
        let mut run = Recorder::new(created);
        for (key, outputs) in ["scan", "rdns", "relay", "logs", "auth", "smarthost"].iter().zip(outputs) {
            run.finish(key, StepOutcome::Good, outputs, Vec::new(), &[]);
        }
        let html = document(&run.events, "handover", Format::Html);
        check_html(&html, "odd outputs");
        document(&run.events, "handover", Format::Markdown);
    }
}

/// Prints the page where a browser is installed; elsewhere there is nothing to try.
#[test]
fn a_pdf_is_made_where_a_program_is_installed() {
    let Ok(_) = pdf::find(None) else { return };
    let (_, events) = &fixture::cases()[3];
    let view = View::of(events).unwrap();
    let pdf = render(&view, "handover", Format::Pdf, &Templates::default(), None).unwrap();
    assert!(pdf.starts_with(b"%PDF") && pdf.len() > 5_000);
}

#[test]
fn an_interrupted_step_asks_for_a_person() {
    use crate::record::Effect;
    let mut created = fixture::created();
    created.steps = vec![fixture::step(
        "tell",
        "Tell the client",
        "notify",
        Effect::External,
        &[],
    )];
    let mut run = Recorder::new(created);
    let items = fixture::object(json!({"a b": {"to": "x"}, "c": null}));
    run.push(
        "engine",
        EventKind::Unfolded {
            step: "tell".to_owned(),
            items,
        },
    );
    run.start("tell[a b]").push(
        "engine",
        EventKind::StepInterrupted {
            step: "tell[a b]".to_owned(),
            attempt: 1,
            ask: true,
            reason: None,
        },
    );
    let view = View::of(&run.events).unwrap();
    assert_eq!(view.status.state.code, "needs_resolve");
    let need = &view.needs[0];
    assert_eq!(need.kind, "resolve");
    let command = need.command.as_deref().unwrap();
    assert!(command.starts_with("mailmedic resolve r-20261124-acme 'tell[a b]' --done --by NAME"));
    check_markdown(
        &document(&run.events, "handover", Format::Markdown),
        "interrupted",
    );
    let by = Decision::Resolve(Resolution::NotDone);
    run.decide(
        "tell[a b]",
        by,
        "technician",
        "not in the sent folder",
        json!({}),
        &[],
    );
    let view = View::of(&run.events).unwrap();
    assert!(view.needs.is_empty());
    assert_eq!(view.work[0].result.text, "it did not happen");
}
