//! Logs against causes: one file a case in `tests/cases/causes/`, and the first case's own text.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use jiff::civil::DateTime;
use jiff::{SignedDuration, tz::TimeZone};
use serde::Deserialize;

use super::*;
use crate::mail::events::{Direction, Event, Options, Place, What, read};
use crate::mail::reply::Class;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    #[serde(default)]
    site: CaseSite,
    #[serde(default)]
    facts: CaseFacts,
    events: Vec<Rows>,
    enough: bool,
    signals: BTreeMap<String, String>,
    causes: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct CaseSite {
    mailboxes: Option<u32>,
    #[serde(default)]
    smarthosts: Vec<String>,
    #[serde(default)]
    addresses: Vec<IpAddr>,
    #[serde(default)]
    domains: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct CaseFacts {
    relay: Option<String>,
    accepts_unknown: Option<bool>,
    listings: Option<Vec<String>>,
    rdns_ok: Option<bool>,
    dead_domains: Option<(usize, usize)>,
}

/// Rows of a log; `{n}` is replaced by the row's number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    repeat: Option<u32>,
    every: Option<i64>,
    start: Option<DateTime>,
    what: What,
    remote: Option<String>,
    command: Option<String>,
    reply: Option<String>,
    status: Option<String>,
    recipient: Option<String>,
    domain: Option<String>,
    account: Option<String>,
    source: Option<String>,
    kind: Option<String>,
    count: Option<u32>,
    address: Option<String>,
    sender: Option<String>,
}

impl Rows {
    fn events(&self) -> Vec<Event<'static>> {
        let row = |n: u32| {
            let filled = |text: &Option<String>| {
                text.as_ref()
                    .map(|t| t.replace("{n}", &n.to_string()).into())
            };
            let pause = SignedDuration::from_secs(self.every.unwrap_or(0) * i64::from(n - 1));
            let local = self.start.map(|start| start.checked_add(pause).unwrap());
            Event {
                time: local.map(|l| l.to_zoned_datetime(TimeZone::UTC).unwrap().timestamp()),
                local,
                what: self.what,
                direction: match self.what {
                    What::RefusedClient | What::Authenticated | What::AuthFailed => {
                        Direction::Inbound
                    }
                    _ => Direction::Outbound,
                },
                remote: filled(&self.remote),
                command: filled(&self.command),
                reply: filled(&self.reply),
                status: self.status.as_ref().map(|s| s.parse().unwrap()),
                recipient: filled(&self.recipient),
                domain: filled(&self.domain),
                account: filled(&self.account),
                source: filled(&self.source),
                kind: filled(&self.kind),
                count: self.count.unwrap_or(1),
                address: filled(&self.address).map(|address| address.parse().unwrap()),
                sender: filled(&self.sender),
                ..Event::at(Place {
                    file: "case".into(),
                    first: n,
                    last: n,
                })
            }
        };
        (1..=self.repeat.unwrap_or(1)).map(row).collect()
    }
}

fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

/// All cases with their names.
fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/causes");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let case: Case = serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let stem = path.file_stem().unwrap().to_str().unwrap();
        (format!("{stem}: {}", case.about), case)
    };
    let cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(read).collect();
    assert!(cases.len() >= 15, "{} cases", cases.len());
    cases
}

impl Case {
    fn site(&self) -> SiteFacts {
        SiteFacts {
            mailboxes: self.site.mailboxes,
            smarthosts: self.site.smarthosts.clone(),
            addresses: self.site.addresses.clone(),
            domains: self.site.domains.clone(),
            ..SiteFacts::default()
        }
    }

    fn facts(&self) -> Facts {
        let facts = &self.facts;
        Facts {
            relay: facts.relay.as_deref().map(|word| match word {
                "open" => RelayFact::Open,
                _ => RelayFact::Closed,
            }),
            accepts_unknown: facts.accepts_unknown,
            listings: facts.listings.clone(),
            rdns_ok: facts.rdns_ok,
            dead_domains: facts
                .dead_domains
                .map(|(asked, dead)| DeadDomains { asked, dead }),
            ..Facts::default()
        }
    }

    fn events(&self) -> Vec<Event<'static>> {
        self.events.iter().flat_map(Rows::events).collect()
    }
}

#[test]
fn a_cause_with_too_few_cases_does_not_quote_them_as_proof() {
    let text = "{about: three refusals, enough: false, signals: {}, causes: {}, events: [{repeat: 3, start: '2011-01-18T09:00:00', what: refused, remote: mx.alpha.example, command: rcpt, reply: 452 Too many recipients received this hour}]}";
    let case: Case = serde_saphyr::from_str(text).unwrap();
    let got = analyse(&case.events(), &case.site(), &case.facts());
    let throttled = got
        .causes
        .iter()
        .find(|c| c.cause == "reputation-throttling");
    let cause = throttled.unwrap_or_else(|| panic!("{:?}", got.causes));
    assert_eq!(cause.confidence, Confidence::Possible);
    assert!(
        cause
            .signals
            .iter()
            .all(|line| line.contains("(too little data to judge")),
        "{:?}",
        cause.signals
    );
}

#[test]
fn the_cases_end_as_expected() {
    for (name, case) in cases() {
        let got = analyse(&case.events(), &case.site(), &case.facts());
        assert_eq!(
            got.not_enough_data.is_none(),
            case.enough,
            "{name}: {:?}",
            got.not_enough_data
        );
        for (id, state) in &case.signals {
            let signal = got.signals.iter().find(|s| s.id == *id).unwrap();
            assert_eq!(word(signal.state), *state, "{name}: {}", signal.line());
        }
        let causes: BTreeMap<String, String> = got
            .causes
            .iter()
            .map(|c| (c.cause.to_owned(), word(c.confidence)))
            .collect();
        assert_eq!(causes, case.causes, "{name}: {:#?}", got.causes);
    }
}

/// Files may be read in any order: what is counted over failures does not depend on it.
#[test]
fn counts_do_not_depend_on_the_order_of_the_events() {
    let counted = [
        "T1", "T2", "T3", "T4", "T11", "T12", "T14", "T15", "R1", "R2", "R3", "R4",
    ];
    for (name, case) in cases() {
        let lines = |events: &[Event<'static>]| {
            let got = analyse(events, &case.site(), &case.facts());
            let of = |signal: &&Signal| counted.contains(&signal.id);
            let signals = got.signals.iter().filter(of);
            signals.map(Signal::line).collect::<Vec<_>>()
        };
        let mut events = case.events();
        let forward = lines(&events);
        events.reverse();
        assert_eq!(lines(&events), forward, "{name}");
        let half = events.len() / 2;
        events.rotate_left(half);
        assert_eq!(lines(&events), forward, "{name}");
    }
}

/// Whoever reads of a stolen account wants its name, and its log-ins among what is quoted.
#[test]
fn a_cause_names_the_account_and_quotes_each_signal() {
    let event = |n: u32, what: What| Event {
        what,
        time: Some(jiff::Timestamp::from_second(1_780_000_000 + i64::from(n) * 60).unwrap()),
        text: format!("line {n}").into(),
        ..Event::at(Place {
            file: "log".into(),
            first: n,
            last: n,
        })
    };
    let mut events: Vec<_> = (1..=90)
        .map(|n| Event {
            direction: Direction::Outbound,
            remote: Some(format!("mx.receiver{n}.example").into()),
            reply: Some("550 5.1.1 user unknown".into()),
            recipient: Some(format!("who{n}@receiver{n}.example").into()),
            ..event(n, What::Refused)
        })
        .collect();
    events.push(Event {
        direction: Direction::Inbound,
        remote: Some("198.51.100.7".into()),
        account: Some("ACME\\Guest".into()),
        ..event(91, What::Authenticated)
    });
    let got = analyse(&events, &SiteFacts::default(), &Facts::default());
    let stolen = got
        .causes
        .iter()
        .find(|c| c.cause == "stolen-account")
        .unwrap();
    assert_eq!(stolen.who, ["acme\\guest"]);
    // It supports the other cause, and nobody knows whether it made it.
    let unknown = got.causes.iter().find(|c| c.cause == "unknown-recipients");
    assert!(unknown.unwrap().who.is_empty());
    let quoted = stolen
        .lines
        .iter()
        .take(5)
        .filter_map(|line| line.text.as_deref());
    assert!(
        quoted.into_iter().any(|text| text.ends_with("line 91")),
        "{:?}",
        stolen.lines
    );
}

/// A site that writes to lists has other limits than an office.
#[test]
fn a_site_may_have_limits_of_its_own() {
    let (name, case) = cases()
        .into_iter()
        .find(|(_, case)| case.signals.get("T1").is_some_and(|state| state == "shown"))
        .unwrap();
    let limits = BTreeMap::from([("T1.floor".to_owned(), 1e6)]);
    let site = SiteFacts {
        limits,
        ..case.site()
    };
    let got = analyse(&case.events(), &site, &case.facts());
    let t1 = got.signals.iter().find(|s| s.id == "T1").unwrap();
    assert_ne!(t1.state, State::Shown, "{name}: {}", t1.line());
    assert!(
        t1.expected.starts_with("more than 1000000 "),
        "{}",
        t1.expected
    );
    for (key, said) in [
        (
            "T1.flor",
            "there is no limit 'T1.flor': T1 has T1.floor, T1.per_mailbox",
        ),
        ("T99.count", "no signal 'T99' has limits"),
        ("K1.count", "no signal 'K1' has limits"),
    ] {
        let error = definitions().check_limit(key).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(definitions().check_limit("T14.organisations"), Ok(()));
}

/// A long log is weighed as a whole, and what speaks is quoted wherever it stands.
#[test]
fn the_end_of_a_long_log_weighs_as_much_as_its_beginning() {
    let refused = |n: u32, remote: String, reply: &str| Event {
        time: Some(jiff::Timestamp::from_second(1_780_000_000 + i64::from(n) * 30).unwrap()),
        what: What::Refused,
        direction: Direction::Outbound,
        remote: Some(remote.into()),
        reply: Some(reply.to_owned().into()),
        recipient: Some(format!("who{n}@partner.example").into()),
        text: format!("line {n}").into(),
        ..Event::at(Place {
            file: "mail.log".into(),
            first: n,
            last: n,
        })
    };
    let full = "452 4.2.2 mailbox full";
    let mut events: Vec<_> = (1..=60_000)
        .map(|n| refused(n, "mx.partner.example".to_owned(), full))
        .collect();
    let slow =
        "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints";
    events.extend(
        (60_001..=60_040).map(|n| refused(n, format!("mx.receiver{}.example", n % 5), slow)),
    );
    let got = analyse(&events, &SiteFacts::default(), &Facts::default());
    assert_eq!(got.failures, 60_040);
    let t14 = got.signals.iter().find(|s| s.id == "T14").unwrap();
    assert_eq!(t14.state, State::Shown, "{}", t14.line());
    assert!(
        t14.measured.starts_with("40 replies of 5 organisations"),
        "{}",
        t14.measured
    );
    let throttled = got
        .causes
        .iter()
        .find(|c| c.cause == "reputation-throttling");
    let cause = throttled.unwrap();
    assert_eq!((cause.cases, cause.lines.len()), (40, 40));
    let quoted = cause.lines[0].text.as_deref().unwrap();
    assert!(quoted.ends_with("line 60001"), "{quoted}");
}

/// The text with which it began: four events among prose.
#[test]
fn the_first_case_shows_what_it_can_and_no_more() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/events/seed-thread.txt");
    let log = read(
        "seed-thread.txt",
        &std::fs::read(path).unwrap(),
        None,
        &Options::default(),
    )
    .unwrap();
    let got = analyse(&log.events, &SiteFacts::default(), &Facts::default());

    assert_eq!(got.failures, 4);
    assert_eq!(
        got.classes,
        BTreeMap::from([(Class::Rate, 2), (Class::RcptUnknown, 1), (Class::Dns, 1)])
    );
    assert!(
        got.not_enough_data
            .as_deref()
            .unwrap()
            .contains("4 failures, 20 are needed")
    );
    let organisations: Vec<&str> = got
        .remotes
        .iter()
        .map(|r| r.organisation.as_str())
        .collect();
    assert!(
        organisations.iter().any(|o| o.starts_with("Italiaonline")),
        "{organisations:?}"
    );
    assert!(
        organisations.iter().any(|o| o.starts_with("TIM")),
        "{organisations:?}"
    );

    let confidence = |id: &str| {
        got.causes
            .iter()
            .find(|c| c.cause == id)
            .map(|c| c.confidence)
    };
    assert_eq!(
        confidence("reputation-throttling"),
        Some(Confidence::Possible)
    );
    assert_eq!(confidence("unknown-recipients"), Some(Confidence::Possible));
    assert_eq!(confidence("dns-fault"), Some(Confidence::Possible));
    assert_eq!(got.causes.len(), 3, "{:#?}", got.causes);
    assert!(
        got.causes
            .iter()
            .all(|c| c.reservation.contains("not enough data"))
    );

    let throttling = got
        .causes
        .iter()
        .find(|c| c.cause == "reputation-throttling")
        .unwrap();
    let lines: Vec<String> = throttling
        .lines
        .iter()
        .map(|line| line.place.to_string())
        .collect();
    assert_eq!(
        lines,
        [
            "seed-thread.txt:42-51",
            "seed-thread.txt:27-36",
            "seed-thread.txt:57-66"
        ]
    );
    assert!(
        throttling.signals[0].contains("2 replies of 2 organisations"),
        "{:?}",
        throttling.signals
    );

    let relay = got
        .not_shown
        .iter()
        .find(|n| n.cause == "open-relay")
        .unwrap();
    assert!(relay.why.starts_with("nobody looked"), "{}", relay.why);
    assert!(relay.settles[0].contains("relay test from outside"));
    for id in ["stolen-account", "backscatter"] {
        assert!(got.not_shown.iter().any(|n| n.cause == id), "{id}");
    }
}

#[test]
fn every_definition_is_used_and_can_be_explained() {
    let all = definitions();
    let measured: Vec<&str> = analyse(&[], &SiteFacts::default(), &Facts::default())
        .signals
        .iter()
        .map(|s| s.id)
        .collect();
    for signal in &all.signals {
        assert!(
            measured.contains(&signal.id.as_str()),
            "{} is defined but not measured",
            signal.id
        );
        assert!(!signal.why.is_empty() && !signal.measures.is_empty() && !signal.source.is_empty());
    }
    assert_eq!(measured.len(), all.signals.len());
    for cause in &all.causes {
        assert!(
            !cause.settles.is_empty() && !cause.remedy.is_empty(),
            "{}",
            cause.id
        );
        assert_eq!(
            cause_definition(&format!("cause-{}", cause.id)).unwrap().id,
            cause.id
        );
    }
}

#[test]
fn nothing_given_is_nothing_said() {
    let got = analyse(&[], &SiteFacts::default(), &Facts::default());
    assert!(got.causes.is_empty() && got.failures == 0);
    assert!(got.not_enough_data.is_some());
    assert_eq!(got.not_shown.len(), definitions().causes.len());
}
