//! Replies against their meaning, as tables.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn class_of(line: &str) -> Classification {
    classify(&Reply::parse(line), &Context::default())
}

#[test]
fn every_sample_hits_its_own_entry_first() {
    let mut seen = 0;
    for pattern in &catalogue().patterns {
        for sample in &pattern.samples {
            let got = class_of(sample);
            assert_eq!(got.rule, Some(pattern.id.as_str()), "{sample}");
            assert_eq!(got.class, pattern.class, "{sample}");
            seen += 1;
        }
    }
    assert!(seen > 190, "only {seen} samples");
}

#[test]
fn parses_codes_in_all_positions() {
    // raw, basic code, enhanced status, wording
    let table = [
        (
            "550 5.1.1 User unknown",
            Some(550),
            Some("5.1.1"),
            "User unknown",
        ),
        (
            "550 #5.1.0 Address rejected a@example.org",
            Some(550),
            Some("5.1.0"),
            "Address rejected a@example.org",
        ),
        (
            "550-5.7.1 [192.0.2.1] one\r\n550-5.7.1 two\r\n550 5.7.1 three",
            Some(550),
            Some("5.7.1"),
            "[192.0.2.1] one two three",
        ),
        (
            "550-5.7.1 one 550-5.7.1 two 550 5.7.1 three",
            Some(550),
            Some("5.7.1"),
            "one two three",
        ),
        ("550-first\n550 second", Some(550), None, "first second"),
        (
            "554 sorry, no (#5.7.1)",
            Some(554),
            Some("5.7.1"),
            "sorry, no (#5.7.1)",
        ),
        (
            "553 Mail not allowed - 5.7.1 [BL23] no",
            Some(553),
            Some("5.7.1"),
            "Mail not allowed - 5.7.1 [BL23] no",
        ),
        (
            "smtp; 550 5.1.1 <a@example.org>: unknown",
            Some(550),
            Some("5.1.1"),
            "<a@example.org>: unknown",
        ),
        ("smtp;550-5.1.1 gone", Some(550), Some("5.1.1"), "gone"),
        (
            "452 Too many recipients received this hour ",
            Some(452),
            None,
            "Too many recipients received this hour",
        ),
        (
            "421+4.7.0+[TSS04]+Messages+deferred",
            Some(421),
            Some("4.7.0"),
            "[TSS04] Messages deferred",
        ),
        ("550 4.2.1 odd", Some(550), None, "4.2.1 odd"),
        (
            "550 4.4.7 QUEUE.Expired; message expired",
            Some(550),
            Some("4.4.7"),
            "QUEUE.Expired; message expired",
        ),
        (
            "#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##",
            Some(550),
            Some("5.1.1"),
            "RESOLVER.ADR.RecipNotFound; not found",
        ),
        (
            "550 7.7.1 The IP you're using",
            Some(550),
            Some("5.7.1"),
            "7.7.1 The IP you're using",
        ),
        (
            "250 version 4.16.55.1 here",
            Some(250),
            None,
            "version 4.16.55.1 here",
        ),
        ("nothing at all", None, None, "nothing at all"),
        ("", None, None, ""),
    ];
    for (raw, code, status, text) in table {
        let got = Reply::parse(raw);
        assert_eq!(got.code, code, "{raw}");
        assert_eq!(
            got.status.map(|s| s.to_string()).as_deref(),
            status,
            "{raw}"
        );
        assert_eq!(got.text, text, "{raw}");
    }
    assert_eq!(
        Reply::parse("550 4.2.1 odd")
            .refused_status
            .unwrap()
            .to_string(),
        "4.2.1"
    );
}

#[test]
fn takes_wrappers_off_and_keeps_what_they_tell() {
    let table = [
        (
            "host mx.example.org[192.0.2.25] said: 550 5.1.1 User unknown (in reply to RCPT TO command)",
            "550 5.1.1 User unknown",
            Some(Stage::Rcpt),
            Some("mx.example.org"),
        ),
        (
            "<a@example.org>: host mx.example.org[192.0.2.25] refused to talk to me: 554 no",
            "554 no",
            Some(Stage::Connect),
            Some("mx.example.org"),
        ),
        (
            "SMTP error from remote mail server after RCPT TO:<a@example.org>: 550 5.7.1 no",
            "550 5.7.1 no",
            Some(Stage::Rcpt),
            None,
        ),
        (
            "SMTP error from remote mail server after end of data: 552 too big",
            "552 too big",
            Some(Stage::Dot),
            None,
        ),
        (
            "SMTP error from remote mailer after initial connection: host mx.example.org [192.0.2.25]: 421 busy",
            "421 busy",
            Some(Stage::Connect),
            Some("mx.example.org"),
        ),
        (
            "192.0.2.25 does not like recipient.\nRemote host said: 550 no such user\nGiving up",
            "550 no such user Giving up",
            None,
            None,
        ),
    ];
    for (raw, line, stage, peer) in table {
        let got = Reply::parse(raw);
        assert_eq!(got.line, line, "{raw}");
        assert_eq!(got.stage, stage, "{raw}");
        assert_eq!(got.peer.as_deref(), peer, "{raw}");
    }
}

#[test]
fn decides_by_wording_then_status_then_code() {
    use Class::*;
    let table = [
        // The three replies of the first case, at RCPT.
        (
            "550 #5.1.0 Address rejected ",
            Some(Stage::Rcpt),
            RcptUnknown,
            None,
            Basis::GenericText,
        ),
        (
            "452 Too many recipients received this hour",
            Some(Stage::Rcpt),
            Rate,
            None,
            Basis::GenericText,
        ),
        (
            "421 Service not available - too busy",
            Some(Stage::Rcpt),
            Rate,
            Some(BlockIp),
            Basis::GenericText,
        ),
        (
            "550 5.1.1 xyz",
            Some(Stage::Rcpt),
            RcptUnknown,
            None,
            Basis::EnhancedCode,
        ),
        ("550 5.7.25 xyz", None, Ptr, None, Basis::EnhancedCode),
        ("550 5.7.642 xyz", None, BlockIp, None, Basis::EnhancedCode),
        (
            "451 4.7.853 xyz",
            None,
            Reputation,
            None,
            Basis::EnhancedCode,
        ),
        (
            "550 xyz",
            Some(Stage::Rcpt),
            RcptUnknown,
            None,
            Basis::BasicCode,
        ),
        ("550 xyz", Some(Stage::Dot), Content, None, Basis::BasicCode),
        (
            "550 xyz",
            Some(Stage::Connect),
            BlockIp,
            None,
            Basis::BasicCode,
        ),
        ("550 xyz", None, Unknown, None, Basis::Unknown),
        ("454 xyz", Some(Stage::Rcpt), Relay, None, Basis::BasicCode),
        (
            "550 5.7.1 xyz",
            None,
            PolicyOther,
            None,
            Basis::EnhancedCode,
        ),
        (
            "250 2.0.0 queued",
            Some(Stage::Dot),
            Ok,
            None,
            Basis::BasicCode,
        ),
        // A vague wording yields to a definite code, a clear one does not.
        (
            "550 5.1.1 Access denied",
            Some(Stage::Rcpt),
            RcptUnknown,
            None,
            Basis::EnhancedCode,
        ),
        (
            "550 5.1.1 blocked using zen.spamhaus.org",
            Some(Stage::Rcpt),
            BlockIp,
            None,
            Basis::GenericText,
        ),
        (
            "554 5.7.1 Unable to relay",
            Some(Stage::Rcpt),
            Relay,
            None,
            Basis::GenericText,
        ),
        // The receiver's resolver is refused: nobody is listed.
        (
            "554 5.7.1 blocked using zen.spamhaus.org; Error: open resolver",
            None,
            PolicyOther,
            None,
            Basis::GenericText,
        ),
        (
            "552 5.2.2 Mailbox full",
            Some(Stage::Rcpt),
            RcptFull,
            None,
            Basis::GenericText,
        ),
    ];
    for (line, stage, class, or, basis) in table {
        let got = classify(
            &Reply::parse(line),
            &Context {
                stage,
                ..Context::default()
            },
        );
        assert_eq!(
            (got.class, got.or, got.basis),
            (class, or, basis),
            "{line} at {stage:?}: {:?}",
            got.rule
        );
    }
}

#[test]
fn the_peer_narrows_the_wording() {
    let yahoo = "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.10, because the ip is in Spamhaus's list";
    let at = |peer| {
        classify(
            &Reply::parse(yahoo),
            &Context {
                peer,
                ..Context::default()
            },
        )
    };
    assert_eq!(
        at(Some("mta5.am0.yahoodns.net")).rule,
        Some("yahoo-spamhaus")
    );
    assert_eq!(at(Some("mta5.am0.yahoodns.net")).certainty, Certainty::High);
    assert_eq!(at(None).certainty, Certainty::Medium);
    assert_eq!(at(Some("192.0.2.1")).rule, Some("yahoo-spamhaus"));
    assert_eq!(at(Some("mx.example.org")).rule, Some("generic-spamhaus"));
    // The same status means something else at Google than in the registry.
    let google = |peer| {
        classify(
            &Reply::parse("421 4.7.27 xyz"),
            &Context {
                peer,
                ..Context::default()
            },
        )
        .class
    };
    assert_eq!(google(Some("aspmx.l.google.com")), Class::Authpol);
}

#[test]
fn the_host_tells_the_organisation_when_the_wording_does_not() {
    let busy = Reply::parse("421 Service not available - too busy");
    let tim = classify(
        &busy,
        &Context {
            peer: Some("82.57.200.133"),
            ..Context::default()
        },
    );
    assert!(tim.receiver.unwrap().starts_with("TIM"));
    assert_eq!(tim.remedy.unwrap().method, RemedyMethod::Wait);
    let libero = catalogue().owner("212.52.84.180").unwrap();
    assert_eq!(libero.id, "libero");
    assert!(catalogue().owner("198.51.100.1").is_none());
}

#[test]
fn a_smarthost_that_rejects_an_address_refuses_to_relay() {
    let reply = Reply::parse("550 #5.1.0 Address rejected a@example.org");
    let context = Context {
        role: PeerRole::Smarthost,
        stage: Some(Stage::Rcpt),
        ..Context::default()
    };
    let got = classify(&reply, &context);
    assert_eq!(
        (got.class, got.or),
        (Class::Relay, Some(Class::RcptUnknown))
    );
}

#[test]
fn finds_what_a_reply_names() {
    let ours: Vec<IpAddr> = vec!["192.0.2.10".parse().unwrap()];
    let line = "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using zen.spamhaus.org; \
                https://www.spamhaus.org/query/ip/192.0.2.10 (AS16012611), try again in 15 minutes";
    let got = classify(
        &Reply::parse(line),
        &Context {
            ours: &ours,
            ..Context::default()
        },
    )
    .entities;
    assert_eq!(
        got.addresses,
        [FoundAddress {
            address: ours[0],
            ours: Some(true)
        }]
    );
    assert!(
        got.zones.contains(&"zen.spamhaus.org".to_owned()),
        "{got:?}"
    );
    assert_eq!(got.urls, ["https://www.spamhaus.org/query/ip/192.0.2.10"]);
    assert_eq!(got.tickets, ["AS16012611"]);
    assert_eq!(got.retry_after, Some(900));
    let other = class_of("550 5.7.1 blocked [2001:db8::7]").entities;
    assert_eq!(
        other.addresses[0].address,
        "2001:db8::7".parse::<IpAddr>().unwrap()
    );
    assert_eq!(other.addresses[0].ours, None);
    assert_eq!(
        class_of("452 Too many recipients received this hour")
            .entities
            .limit
            .unwrap(),
        "this hour"
    );
}

/// A log of a busy server has some 100,000 replies; a debug build must still do that in seconds.
#[test]
fn classification_is_cheap() {
    let _ = class_of("warm up");
    let lines: Vec<Reply> = (0..2_000)
        .map(|n| {
            Reply::parse(&format!(
                "550 5.1.1 <user{n}@example.org>: Recipient address rejected: User unknown"
            ))
        })
        .collect();
    let start = Instant::now();
    for line in &lines {
        assert_eq!(
            classify(line, &Context::default()).class,
            Class::RcptUnknown
        );
    }
    let each = start.elapsed() / 2_000;
    assert!(each < Duration::from_millis(5), "{each:?} a reply");
}

proptest! {
    #[test]
    fn never_panics(text in "(?s).{0,200}", peer in "[ -~]{0,20}") {
        let reply = Reply::parse(&text);
        let _ = classify(&reply, &Context { peer: Some(&peer), ..Context::default() });
    }

    #[test]
    fn a_plain_reply_survives(code in 400u16..560, word in "[a-z]{1,12}") {
        let reply = Reply::parse(&format!("{code} {word}"));
        prop_assert_eq!(reply.code, Some(code));
        prop_assert_eq!(reply.text, word);
    }
}
