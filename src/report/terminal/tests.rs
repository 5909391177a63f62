//! The live reporter and the tables, case by case.

#![allow(clippy::unwrap_used)]

use indicatif::ProgressDrawTarget;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::record::{Decision, EventKind, RunConclusion, RunSummary};
use crate::report::fixture;

/// A whole run as a person sees it.
fn seen(events: &[Event], style: Style, verbosity: Verbosity) -> String {
    let mut out = Vec::new();
    let mut human = Human::new(&mut out, style, verbosity, ProgressDrawTarget::hidden());
    for (position, event) in events.iter().enumerate() {
        let state = RunState::replay(&events[..=position]).unwrap();
        human.progress("scan", Progress::Count { done: 3, of: 39 });
        human.event(event, &state).unwrap();
    }
    drop(human);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_run_reads_line_by_line() {
    for (name, events) in fixture::cases() {
        insta::assert_snapshot!(
            format!("live_{name}"),
            seen(&events, Style::plain(100), Verbosity::Normal)
        );
    }
}

#[test]
fn quiet_keeps_what_a_person_must_know() {
    let text = seen(
        &fixture::waiting(fixture::created()).events,
        Style::plain(100),
        Verbosity::Quiet,
    );
    assert!(text.contains("go on with: mailmedic done r-20261124-acme clean_up --by NAME"));
    assert!(!text.contains("Ask the blocklists"));
    let verbose = seen(
        &fixture::waiting(fixture::created()).events,
        Style::plain(100),
        Verbosity::Verbose,
    );
    assert!(verbose.contains("| 7.113.0.203.zen.example. A 127.0.0.3"));
}

/// A process that takes a run up and cannot go on says whom it waits for, and the command that goes on.
#[test]
fn a_run_that_is_taken_up_for_nothing_says_what_it_waits_for() {
    let mut run = fixture::waiting(fixture::created());
    let asked = seen(&run.events, Style::plain(100), Verbosity::Normal);
    for pid in [8, 9] {
        run.push(
            "engine",
            EventKind::ExecutorStarted {
                pid,
                host: "desk".to_owned(),
                tool: "0.1.0".to_owned(),
                torn: 0,
            },
        );
    }
    let again = seen(&run.events, Style::plain(100), Verbosity::Normal);
    let (_, new) = again.rsplit_once("taken up again\n").unwrap();
    let (_, question) = asked.rsplit_once("▸ clean_up").unwrap();
    let question = question.split_once('\n').unwrap().1;
    assert_eq!(new, question);
    assert!(question.contains("--set computers=TEXT"), "{question}");
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    use std::ffi::OsStr;
    let set = Some(OsStr::new("1"));
    for (choice, terminal, no_color, expected) in [
        (Colour::Auto, true, None, true),
        (Colour::Auto, false, None, false),
        (Colour::Auto, true, set, false),
        (Colour::Auto, true, Some(OsStr::new("")), true),
        (Colour::Always, false, set, true),
        (Colour::Never, true, None, false),
    ] {
        let style = Style::choose(choice, terminal, no_color, None, Some(80));
        assert_eq!(style.colour, expected, "{choice:?} {terminal} {no_color:?}");
    }
    let narrow = Style::choose(Colour::Auto, true, None, Some(OsStr::new("72")), Some(200));
    assert_eq!(narrow.width, 72);
    assert_eq!(
        Style::choose(Colour::Auto, false, None, None, Some(80)).width,
        DEFAULT_WIDTH
    );

    let events = fixture::finished(fixture::created(), &[]).events;
    let plain = seen(&events, Style::plain(100), Verbosity::Normal);
    assert!(!plain.contains('\u{1b}'));
    let coloured = Style {
        colour: true,
        width: 100,
    };
    let coloured = seen(&events, coloured, Verbosity::Normal);
    let codes = regex::Regex::new("\u{1b}\\[[0-9]+m").unwrap();
    assert_eq!(codes.replace_all(&coloured, ""), plain);
}

#[test]
fn tables_tell_where_runs_stand() {
    let now = "2026-11-30T08:00:00Z".parse().unwrap();
    let cases = fixture::cases();
    let states: Vec<RunState> = cases
        .iter()
        .map(|(_, events)| RunState::replay(events).unwrap())
        .collect();
    let style = Style::plain(120);
    let mut out = Vec::new();
    let summaries: Vec<RunSummary> = states.iter().map(RunSummary::of).collect();
    for worked_on in [true, false] {
        let lines: Vec<RunLine<'_>> = summaries
            .iter()
            .map(|run| RunLine { run, worked_on })
            .collect();
        out.extend_from_slice(format!("\n-- worked on: {worked_on} --\n").as_bytes());
        runs(&mut out, style, now, &lines).unwrap();
        out.push(b'\n');
        open_runs(&mut out, style, now, &lines).unwrap();
    }
    for (name, wanted) in [
        ("waiting", "clean_up"),
        ("watched", "clean"),
        ("finished_open", "scan"),
    ] {
        let position = cases.iter().position(|(case, _)| *case == name).unwrap();
        let (state, events) = (&states[position], &cases[position].1);
        out.extend_from_slice(format!("\n-- status {name} --\n").as_bytes());
        status(&mut out, style, now, state, events, None).unwrap();
        out.extend_from_slice(format!("\n-- show {name} --\n").as_bytes());
        show_run(&mut out, style, state, events, Some("process 7 on desk")).unwrap();
        out.extend_from_slice(format!("\n-- show {name} {wanted} --\n").as_bytes());
        show_step(&mut out, style, state, state.step(wanted).unwrap()).unwrap();
    }
    insta::assert_snapshot!("tables", String::from_utf8(out).unwrap());
}

#[test]
fn a_table_never_wraps() {
    let now = "2026-11-30T08:00:00Z".parse().unwrap();
    for width in [40, 60, 80, 100] {
        for (_, events) in fixture::cases() {
            let state = RunState::replay(&events).unwrap();
            let mut out = Vec::new();
            let run = &RunSummary::of(&state);
            let worked_on = false;
            runs(
                &mut out,
                Style::plain(width),
                now,
                &[RunLine { run, worked_on }],
            )
            .unwrap();
            // Seven columns need their least width.
            let room = width.max(7 * 6 + 6 * 2);
            for line in String::from_utf8(out).unwrap().lines() {
                assert!(line.width() <= room, "{width}: {line}");
            }
        }
    }
}

#[test]
fn a_hostile_name_cannot_command_the_terminal() {
    let mut created = fixture::created();
    created.site = "acme\u{1b}[2J".to_owned();
    created.steps[0].title = "scan\u{1b}]0;owned\u{7}\nsecond line".to_owned();
    let run = fixture::finished(created, &[]);
    let text = seen(&run.events, Style::plain(100), Verbosity::Verbose);
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    assert!(!text.contains("\nsecond line"));
}

#[test]
fn programs_get_one_object_a_line() {
    let mut run = fixture::waiting(fixture::created());
    run.decide(
        "clean_up",
        Decision::Done,
        "technician",
        "",
        serde_json::json!({}),
        &[],
    )
    .conclude(RunConclusion::FindingsOpen);
    let mut out = Vec::new();
    let mut json = JsonLines::new(&mut out);
    for (position, event) in run.events.iter().enumerate() {
        let state = RunState::replay(&run.events[..=position]).unwrap();
        json.event(event, &state).unwrap();
        json.progress("scan", Progress::Note("asking"));
    }
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count(), run.events.len());
    for (line, event) in text.lines().zip(&run.events) {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["schema"], EVENT_SCHEMA);
        assert_eq!(value["run"], "r-20261124-acme");
        assert_eq!(value["event"]["seq"], event.seq);
        let back: Event = serde_json::from_value(value["event"].clone()).unwrap();
        assert_eq!(back, *event);
    }
    assert!(
        text.lines()
            .last()
            .unwrap()
            .contains("\"status\":\"findings_open\"")
    );
}

#[test]
fn an_analysis_of_logs_is_shown_as_tables() {
    let outputs = serde_json::json!({
        "sources": [
            {"file": "/var/log/mail.log", "format": "postfix", "records": 812, "unparsed": 3,
             "span": {"first": "2026-11-02T08:00:00Z", "last": "2026-11-04T09:30:00Z"}, "notes": ["lines of other programs were passed over: dovecot 1"]},
            {"file": "/var/log/x.gz", "records": 4, "unparsed": 0, "error": "x.gz breaks off", "span": null, "notes": []},
        ],
        "failures": 96,
        "classes": {"rate": 17, "dns": 2, "rcpt_unknown": 77},
        "refused_clients": {"relay": 3},
        "remotes": (1..=12).map(|n| serde_json::json!({"host": format!("mx{n}.example"), "organisation": "example", "failures": 20 - n, "classes": {"rate": 20 - n}})).collect::<Vec<_>>(),
        "usage": {"users": [
            {"kind": "address", "name": "info@acme.example", "messages": 5, "log_ins": 0, "failed": 1, "most_an_hour": 2, "client_count": 1, "last": "2026-11-04T09:00:00Z"},
            {"kind": "account", "name": "scanner", "messages": 500, "log_ins": 510, "failed": 77, "most_an_hour": 200, "client_count": 9, "last": null},
        ]},
        "signals": [
            {"id": "T1", "state": "shown", "title": "many unknown recipients", "measured": "77 on the worst day"},
            {"id": "T2", "state": "absent", "title": "scattered", "measured": "none"},
            {"id": "T14", "state": "seen", "title": "several receivers put us off", "measured": "2 organisations"},
        ],
        "causes": [
            {"cause": "stolen-account", "title": "an account is being used by others to send", "confidence": "probable", "who": ["scanner"], "signals": ["T9 an account sends too fast: 200", "T1 many"], "against": []},
        ],
        "not_shown": [{"cause": "port-blocked", "title": "outbound connections are blocked", "why": "the log has enough data and no sign of it", "settles": ["connect"]}],
        "summed_up": ["remote hosts: the busiest 20000 at least were told apart, 3 of the rarest were not"],
        "reason": "x.gz breaks off",
    });
    let mut out = Vec::new();
    let calendar = crate::report::view::Calendar::new(Some("Europe/Rome"));
    super::logs::analysis(&mut out, Style::plain(100), &outputs, &calendar).unwrap();
    insta::assert_snapshot!("events_analysis", String::from_utf8(out).unwrap());
}

#[test]
fn a_scan_of_blocklists_is_shown_as_tables() {
    let missing = |list: &str, why: &str| serde_json::json!({"list": list, "reason": why});
    let listing = serde_json::json!({"target": "203.0.113.7", "list": "spamhaus-zen", "severity": "critical",
        "codes": ["127.0.0.3", "127.0.0.4"], "meanings": ["low reputation", "exploited host"]});
    let outputs = serde_json::json!({
        "targets": [
            {"target": "203.0.113.7", "verdict": "listed", "listed": [listing], "operators": 1, "clean": 20, "clean_weak": 3,
             "unknown": [missing("barracuda-brbl", "it timed out")], "broken": []},
            {"target": "office.example", "verdict": "unknown", "listed": [], "operators": 0, "clean": 1, "clean_weak": 0,
             "unknown": [missing("spamhaus-dbl", "refused: query came through a public resolver")],
             "broken": [missing("swinog-dnsrbl", "it lists 127.0.0.1")]},
        ],
        "listed": [listing],
        "skipped": [missing("spamhaus-zen-dqs", "needs an access key")],
        "lists": {"asked": 30, "healthy": 24, "weak": 3, "unknown": 2, "broken": 1, "skipped": 1},
        "warnings": ["203.0.113.7 is on at least 9 of 20 lists that did not hold it before"],
        "resolver": {"servers": ["192.0.2.53:53"], "verdict": "refused", "detail": "refused by spamhaus-dbl", "compared": []},
    });
    let mut out = Vec::new();
    super::scan::scan(&mut out, Style::plain(100), &outputs).unwrap();
    insta::assert_snapshot!("blacklist_scan", String::from_utf8(out).unwrap());
}

#[test]
fn the_proofs_of_mail_are_shown_as_tables() {
    let outputs = serde_json::json!({"domains": [{
        "domain": "office.example",
        "spf": {"verdict": "finding", "result": "permerror", "reason": "more than ten look-ups", "lookups": 11, "void_lookups": 0,
            "lookups_whole": 11, "faults": [], "warnings": [], "terms": [
                {"domain": "office.example", "depth": 0, "term": "include:spf.provider.example", "lookups": 10, "void_lookups": 0, "detail": "its record is read"},
                {"domain": "spf.provider.example", "depth": 1, "term": "a", "lookups": 1, "void_lookups": 1, "detail": "no such name"},
                {"domain": "office.example", "depth": 0, "term": "-all", "lookups": 0, "void_lookups": 0, "detail": ""},
            ]},
        "dkim": [{"selector": "s1", "verdict": "good", "bits": 2048, "reason": "", "warnings": []}],
        "dmarc": {"verdict": "good", "policy": "reject", "reason": "the record of the domain itself", "warnings": []},
        "mx": {"verdict": "good", "hosts": "mail.office.example (10)", "reason": "", "warnings": []},
        "mta_sts": {"verdict": "unknown", "mode": null, "reason": "the policy could not be fetched from here", "warnings": []},
        "tls_rpt": {"verdict": "not_applicable", "mode": null, "reason": "not published; it is optional", "record": null, "warnings": []},
    }]});
    let mut out = Vec::new();
    super::proofs::proofs(&mut out, Style::plain(110), &outputs).unwrap();
    insta::assert_snapshot!("mail_proofs", String::from_utf8(out).unwrap());
}

#[test]
fn what_smtp_servers_were_asked_is_shown_as_tables() {
    let stage = |id: &str, outcome: &str, detail: &str| serde_json::json!({"id": id, "outcome": outcome, "ms": 12, "detail": detail, "reply": null, "class": null});
    let relay = serde_json::json!({
        "verdict": "closed",
        "endpoints": [
            {"server": "mail.office.example", "address": "203.0.113.7", "port": 25, "verdict": "closed", "reason": "all forms were refused", "stopped": null, "variants": [1, 2, 3], "left_out": []},
            {"server": "mail.office.example", "address": "2001:db8::7", "port": 25, "verdict": "inconclusive", "reason": "", "stopped": "the server fell silent", "variants": [1], "left_out": [2, 3]},
        ],
        "accounts": [{"server": "mail.office.example", "account": "tests", "endpoint": "203.0.113.7:587", "checks": [
            {"id": "G4", "outcome": "good", "detail": "logged in, and may send as itself"},
            {"id": "G5", "outcome": "finding", "detail": "may send as orders@office.example"},
            {"id": "G8", "outcome": "unknown", "detail": "the hourly rate was not measured"},
        ]}],
        "notes": ["the site file names no second sender"],
    });
    let smarthost = serde_json::json!({"verdict": "blocked", "blocked_at": "H14", "ipv6": null, "stages": [
        {"id": "H04", "name": "connect", "subject": "smtp.relay.example", "outcome": "good", "ms": 31, "detail": "connect: port 587"},
        {"id": "H14", "name": "login", "subject": "office@office.example via smtp.relay.example", "outcome": "failed", "ms": 4, "detail": "535 5.7.8 refused"},
        {"id": "H17", "name": "senders", "subject": "", "outcome": "skipped", "ms": null, "detail": "an earlier stage failed"},
    ]});
    let server = serde_json::json!({"notes": [], "endpoints": [{"host": "mail.office.example", "address": "203.0.113.7", "port": 25, "role": "backup_mx",
        "stages": [stage("banner", "good", "mail.office.example"), stage("vrfy", "finding", "252 for everybody")]}]});
    let mut out = Vec::new();
    super::sessions::relay(&mut out, Style::plain(110), &relay).unwrap();
    super::sessions::smarthost(&mut out, Style::plain(110), &smarthost).unwrap();
    super::sessions::server(&mut out, Style::plain(110), &server).unwrap();
    insta::assert_snapshot!("smtp_sessions", String::from_utf8(out).unwrap());
}
