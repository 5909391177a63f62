//! The walk and the record by cases.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::mail::lookup::{Found, Known, Text};

/// Answers a walk from `domain -> record` pairs; `SERVFAIL` as a record is a failure.
fn walked(domain: &str, records: &[(&str, &str)]) -> Discovery {
    let mut known = Known::default();
    loop {
        match discover(domain, &known) {
            Ok(found) => return found,
            Err(ask) => {
                for lookup in ask.0 {
                    let name = lookup.to_string();
                    let name = name
                        .strip_prefix("_dmarc.")
                        .and_then(|rest| rest.strip_suffix(" TXT"))
                        .unwrap();
                    let texts: Vec<Text> = records
                        .iter()
                        .filter(|(at, _)| *at == name)
                        .map(|(_, text)| Text(vec![(*text).to_owned()]))
                        .collect();
                    let found = match texts.first() {
                        None => Found::NoName,
                        Some(first) if first.joined() == "SERVFAIL" => {
                            Found::Failed("SERVFAIL".to_owned())
                        }
                        Some(_) => Found::Txt(texts),
                    };
                    known.learn(lookup, found);
                }
            }
        }
    }
}

#[test]
fn the_walk_finds_policy_and_organization() {
    let reject = "v=DMARC1; p=reject";
    for (domain, records, policy, organization) in [
        (
            "acme.example",
            vec![("acme.example", reject)],
            Some(("acme.example", Held::Own)),
            "acme.example",
        ),
        (
            "a.b.acme.example",
            vec![("acme.example", reject)],
            Some(("acme.example", Held::Organization)),
            "acme.example",
        ),
        // the record in between is neither the domain's nor the organization's
        (
            "a.b.acme.example",
            vec![
                ("b.acme.example", "v=DMARC1; p=none"),
                ("acme.example", reject),
            ],
            Some(("acme.example", Held::Organization)),
            "acme.example",
        ),
        (
            "a.b.acme.example",
            vec![
                ("b.acme.example", "v=DMARC1; p=none; psd=n"),
                ("acme.example", reject),
            ],
            Some(("b.acme.example", Held::Organization)),
            "b.acme.example",
        ),
        (
            "a.acme.bank",
            vec![("bank", "v=DMARC1; p=reject; psd=y")],
            Some(("bank", Held::Suffix)),
            "acme.bank",
        ),
        (
            "a.acme.bank",
            vec![
                ("acme.bank", "v=DMARC1; p=none"),
                ("bank", "v=DMARC1; p=reject; psd=y"),
            ],
            Some(("acme.bank", Held::Organization)),
            "acme.bank",
        ),
        // psd=y at the domain itself does not make it a suffix of itself
        (
            "gov.example",
            vec![("gov.example", "v=DMARC1; p=reject; psd=y")],
            Some(("gov.example", Held::Own)),
            "gov.example",
        ),
        ("acme.example", vec![], None, "acme.example"),
        (
            "acme.example",
            vec![
                ("acme.example", reject),
                ("acme.example", "v=DMARC1; p=none"),
            ],
            None,
            "acme.example",
        ),
        (
            "acme.example",
            vec![("acme.example", "v=dmarc1; p=reject")],
            None,
            "acme.example",
        ),
        (
            "acme.example",
            vec![("acme.example", "p=reject; v=DMARC1")],
            None,
            "acme.example",
        ),
    ] {
        let found = walked(domain, &records);
        let seen = found
            .policy
            .as_ref()
            .map(|(_, at, held)| (at.as_str(), *held));
        assert_eq!(
            (seen, found.organization.as_str()),
            (policy, organization),
            "{domain} {records:?}"
        );
    }
}

#[test]
fn a_long_name_is_asked_at_eight_places() {
    let found = walked("a.b.c.d.e.f.g.h.i.j.mail.example.com", &[]);
    let asked: Vec<&str> = found
        .steps
        .iter()
        .map(|step| step.domain.as_str())
        .collect();
    assert_eq!(
        asked,
        [
            "a.b.c.d.e.f.g.h.i.j.mail.example.com",
            "g.h.i.j.mail.example.com",
            "h.i.j.mail.example.com",
            "i.j.mail.example.com",
            "j.mail.example.com",
            "mail.example.com",
            "example.com",
            "com",
        ]
    );
}

#[test]
fn a_name_that_cannot_be_asked_is_not_a_missing_record() {
    assert!(
        walked("acme.example", &[("acme.example", "SERVFAIL")])
            .uncertain
            .is_some()
    );
    assert!(
        walked("a.acme.example", &[("acme.example", "SERVFAIL")])
            .uncertain
            .is_some()
    );
    let own = walked(
        "a.acme.example",
        &[
            ("a.acme.example", "v=DMARC1; p=none"),
            ("acme.example", "SERVFAIL"),
        ],
    );
    assert!(own.uncertain.is_none() && own.policy.is_some());
}

#[test]
fn records_are_read_with_faults_and_remarks() {
    // record, policy for the domain itself, a fault, a remark
    for (text, policy, fault, remark) in [
        (
            "v=DMARC1; p=reject; rua=mailto:d@acme.example",
            Some(Policy::Reject),
            "",
            "",
        ),
        ("v=DMARC1;p=none", Some(Policy::None), "", ""),
        ("v=DMARC1; p=reject; t=y", Some(Policy::Quarantine), "", ""),
        ("v=DMARC1; p=quarantine; t=y", Some(Policy::None), "", ""),
        ("v=DMARC1; p=block", None, "no policy", ""),
        (
            "v=DMARC1; p=block; rua=mailto:d@acme.example",
            Some(Policy::None),
            "no policy",
            "",
        ),
        (
            "v=DMARC1; rua=mailto:d@acme.example",
            Some(Policy::None),
            "",
            "'p=' is missing",
        ),
        ("v=DMARC1", None, "'p=' is missing", ""),
        ("v=DMARC1; p=none; sp=all", None, "'sp=all'", ""),
        (
            "v=DMARC1; p=none; pct=20",
            Some(Policy::None),
            "",
            "'pct=20' is out of use",
        ),
        (
            "v=DMARC1; p=none; ri=3600",
            Some(Policy::None),
            "",
            "'ri=' is out of use",
        ),
        (
            "v=DMARC1; p=none; rua=d@acme.example",
            Some(Policy::None),
            "lacks 'mailto:'",
            "",
        ),
        (
            "v=DMARC1; p=none; rua=mailto:acme.example",
            Some(Policy::None),
            "no mail address",
            "",
        ),
        (
            "v=DMARC1; p=none; adkim=x",
            Some(Policy::None),
            "neither s nor r",
            "",
        ),
        (
            "v=DMARC1; p=none; psd=x",
            Some(Policy::None),
            "none of y, n, u",
            "",
        ),
        (
            "v=DMARC1; aspf=r; p=none",
            Some(Policy::None),
            "",
            "right behind",
        ),
        (
            "v=DMARC1; p=none; foo=1",
            Some(Policy::None),
            "",
            "nobody knows",
        ),
        (
            "v=DMARC1; p=none rua=mailto:d@acme.example",
            None,
            "no policy",
            "",
        ),
        ("v=DMARC1; p=none; fo=2", Some(Policy::None), "", "fo=2"),
    ] {
        assert!(is_dmarc(text));
        let read = record(text);
        assert_eq!(read.applied(false, true), policy, "{text}: {read:?}");
        for (wanted, told) in [(fault, &read.faults), (remark, &read.remarks)] {
            if wanted.is_empty() {
                assert!(told.is_empty(), "{text}: {told:?}");
            } else {
                assert!(
                    told.iter().any(|one| one.contains(wanted)),
                    "{text}: {told:?}"
                );
            }
        }
    }
}

#[test]
fn subdomains_have_policies_of_their_own() {
    let read = record("v=DMARC1; p=none; sp=quarantine; np=reject");
    assert_eq!(read.applied(false, true), Some(Policy::None));
    assert_eq!(read.applied(true, true), Some(Policy::Quarantine));
    assert_eq!(read.applied(true, false), Some(Policy::Reject));
    let read = record("v=DMARC1; p=reject; sp=none");
    assert_eq!(read.applied(true, false), Some(Policy::None));
}
