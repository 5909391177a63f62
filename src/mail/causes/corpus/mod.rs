//! Generated servers against the causes that they have: sizes, incidents, mixtures, and cuts that leave too little.
#![allow(clippy::unwrap_used)]

mod incident;
mod render;
mod server;

use std::collections::BTreeMap;

use incident::{ALL, Incident, office};
use render::{EVERY, Software};
use server::Server;

use super::*;
use crate::mail::events::{Options, read};

/// Causes that come along with others: not the cause of the incident, and true of it.
const COMPANIONS: &[&str] = &["unknown-recipients", "listed-at-receivers"];

fn site(mailboxes: u64) -> SiteFacts {
    SiteFacts {
        mailboxes: Some(mailboxes.try_into().unwrap()),
        domains: vec!["acme.example".to_owned()],
        addresses: vec!["203.0.113.10".parse().unwrap()],
        ..SiteFacts::default()
    }
}

fn judged(
    software: Software,
    incidents: &[Incident],
    (mailboxes, seed): (u64, u64),
    cut: Option<usize>,
) -> Analysis {
    let mut server = Server::new(mailboxes, seed);
    let mut facts = Facts::default();
    office(&mut server);
    for incident in incidents {
        incident.happen(&mut server);
        incident.facts(&mut facts);
    }
    if cut.is_some() {
        facts = Facts::default();
    }
    analysed(software, &server, cut, &facts)
}

fn analysed(software: Software, server: &Server, cut: Option<usize>, facts: &Facts) -> Analysis {
    let mut events = Vec::new();
    for log in software.logs(&server.messages, cut) {
        let log = read("log", log.as_bytes(), None, &Options::default()).unwrap();
        assert_eq!(
            log.log.unparsed,
            0,
            "{software:?}: {:?}",
            log.log.samples.first()
        );
        events.extend(log.events);
    }
    analyse(&events, &site(server.mailboxes), facts)
}

fn mixtures() -> Vec<Vec<Incident>> {
    let mut all: Vec<Vec<Incident>> = vec![Vec::new()];
    all.extend(ALL.iter().map(|incident| vec![*incident]));
    all.extend([
        vec![Incident::StolenAccount, Incident::Throttled],
        vec![Incident::OpenRelay, Incident::Throttled],
        vec![Incident::Backscatter, Incident::OwnDns],
        vec![Incident::InfectedThrough, Incident::InfectedPast],
        vec![Incident::ForgedAbroad, Incident::Throttled],
        vec![
            Incident::StolenAccount,
            Incident::InfectedThrough,
            Incident::Throttled,
        ],
    ]);
    all
}

#[test]
fn nine_in_ten_servers_are_judged_right_and_none_is_certain_and_wrong() {
    for software in EVERY {
        let (mut right, mut wrong) = (0, Vec::new());
        // The sizes are a matter of the thresholds, not of the format: all of them once.
        let sizes: &[(u64, u64)] = match software {
            Software::Postfix => &[(3, 1), (12, 2), (12, 3), (60, 4)],
            _ => &[(3, 1), (12, 2)],
        };
        for incidents in mixtures() {
            for size in sizes {
                match verdict(software, &incidents, *size) {
                    Ok(()) => right += 1,
                    Err(said) => wrong.push(said),
                }
            }
        }
        let all = right + wrong.len();
        assert!(
            all >= 17 * sizes.len() && right * 10 >= all * 9,
            "{software:?}: {right} of {all}:\n{}",
            wrong.join("\n")
        );
    }
}

/// Whether a server's causes are those of its incidents, and none else is more than possible.
fn verdict(software: Software, incidents: &[Incident], size: (u64, u64)) -> Result<(), String> {
    let got = judged(software, incidents, size, None);
    let expected: Vec<&str> = incidents.iter().map(|incident| incident.cause()).collect();
    let causes: BTreeMap<&str, Confidence> =
        got.causes.iter().map(|c| (c.cause, c.confidence)).collect();
    let said = format!("{incidents:?} with {} mailboxes: {causes:?}", size.0);
    for (cause, confidence) in &causes {
        let false_alarm = *confidence == Confidence::Certain && !expected.contains(cause);
        assert!(
            !false_alarm,
            "{software:?}: certain and wrong: {said}\n{:#?}",
            got.causes
        );
    }
    let missing = expected.iter().any(|cause| {
        causes
            .get(cause)
            .is_none_or(|confidence| *confidence < Confidence::Possible)
    });
    let extra = causes.iter().any(|(cause, confidence)| {
        *confidence > Confidence::Possible
            && !expected.contains(cause)
            && !COMPANIONS.contains(cause)
    });
    if missing || extra { Err(said) } else { Ok(()) }
}

#[test]
fn a_normal_office_has_no_cause() {
    for software in EVERY {
        for size in [(3, 11), (12, 12)] {
            let got = judged(software, &[], size, None);
            assert!(
                got.causes.is_empty(),
                "{software:?} {size:?}: {:#?}",
                got.causes
            );
            assert_eq!(got.not_enough_data, None, "{software:?}");
        }
    }
}

#[test]
fn where_there_is_too_little_nothing_is_more_than_possible() {
    for software in EVERY {
        for incidents in mixtures() {
            let got = judged(software, &incidents, (1, 5), Some(36));
            assert!(got.not_enough_data.is_some(), "{software:?}: {incidents:?}");
            for cause in &got.causes {
                // Some things are proved by one line: a log-in of the Guest account, mail of strangers to strangers.
                let true_of_it = incidents.iter().any(|of| of.cause() == cause.cause);
                let proved = true_of_it && cause.confidence == Confidence::Certain;
                assert!(
                    proved || cause.confidence <= Confidence::Possible,
                    "{software:?}: {incidents:?}: {cause:#?}"
                );
            }
        }
    }
}

/// Every mailbox of a large site forwards to somewhere else: nothing of it is relaying.
#[test]
fn forwarded_mail_is_no_proof_of_relaying() {
    let mut server = Server::new(60, 9);
    office(&mut server);
    for n in 0..400 {
        let at = server.at(n % 3, 8 + n % 9);
        let client = server::From::Client(format!("{}.7.1.25", 60 + n % 90));
        let end = server::End::Forwarded(format!("p{n}@freemail{}.example", n % 50));
        let to = format!("user{}@acme.example", n % 60);
        server.message(at, &client, &format!("w{n}@web{n}.example"), &to, &end);
    }
    let got = analysed(Software::Postfix, &server, None, &Facts::default());
    let relayed = got
        .signals
        .iter()
        .find(|signal| signal.id == "T13")
        .unwrap();
    assert_eq!(relayed.state, State::Absent, "{}", relayed.line());
    assert!(got.causes.is_empty(), "{:#?}", got.causes);
}

/// A branch office that may send without a log-in looks like one stranger: it is told, not called a proof.
#[test]
fn one_outside_client_is_to_be_looked_at() {
    let mut server = Server::new(12, 9);
    office(&mut server);
    for n in 0..50 {
        let at = server.at(1, 9);
        let client = server::From::Client("62.1.2.3".to_owned());
        let to = format!("b{n}@partner{n}.example");
        server.message(
            at,
            &client,
            &format!("me@branch{n}.example"),
            &to,
            &server::End::Sent,
        );
    }
    let got = analysed(Software::Postfix, &server, None, &Facts::default());
    let relay = got
        .causes
        .iter()
        .find(|cause| cause.cause == "open-relay")
        .unwrap();
    assert_eq!(relay.confidence, Confidence::Possible, "{relay:#?}");
}

/// More users come by than are kept: the others are counted, and who sends all the time is counted right.
#[test]
fn the_counters_are_bounded_and_keep_the_busy_one() {
    let mut server = Server::new(1, 9);
    for n in 0..12_000u32 {
        let at = server.at(1, 9);
        let from = server::From::Client(format!("10.{}.{}.{}", n >> 16, (n >> 8) & 255, n & 255));
        let to = "b@partner.example";
        server.message(at, &from, "a@acme.example", to, &server::End::Sent);
    }
    let got = analysed(Software::Postfix, &server, None, &Facts::default());
    let devices: Vec<&Usage> = got
        .register
        .users
        .iter()
        .filter(|user| user.kind == Kind::Device)
        .collect();
    assert_eq!(devices.len(), 200);
    assert!(got.register.left_out >= 12_000 - 200);
    let address = got
        .register
        .users
        .iter()
        .find(|user| user.kind == Kind::Address)
        .unwrap();
    assert_eq!(
        (address.name.as_str(), address.messages),
        ("a@acme.example", 12_000)
    );
}
