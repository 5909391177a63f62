//! Tests of controls and of the judgement from them, over the built-in catalogue.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::*;

fn list(id: &str) -> &'static List {
    catalogue().list(id).unwrap()
}

fn addresses(text: &str) -> Vec<Ipv4Addr> {
    text.split_whitespace()
        .map(|a| a.parse().unwrap())
        .collect()
}

fn asked(id: &str, target: Target) -> Vec<Control> {
    let list = list(id);
    controls(list, &list.zones[0], target, Some("k"), &[], false).unwrap()
}

#[test]
fn controls_are_those_the_operator_publishes() {
    for (id, target, expected) in [
        (
            "spamhaus-zen",
            Target::Ipv4,
            "+127.0.0.2 -127.0.0.1 ~192.0.2.201",
        ),
        (
            "spamhaus-zen",
            Target::Ipv6,
            "+::ffff:127.0.0.2 -::ffff:127.0.0.1 ~2001:db8:6d6d:77::c9",
        ),
        (
            "hostkarma",
            Target::Ipv4,
            "+127.0.0.2 ~192.0.2.201 ~198.51.100.83",
        ),
        ("hostkarma", Target::Domain, "~example.com ~INVALID"),
        (
            "efnet-rbl",
            Target::Ipv4,
            "+127.0.0.2 ~192.0.2.201 ~198.51.100.83",
        ),
        (
            "spamhaus-dbl",
            Target::Domain,
            "+dbltest.com -example.com ~INVALID",
        ),
        (
            "surbl-multi",
            Target::Domain,
            "+test.surbl.org -example.com ~INVALID",
        ),
        (
            "sem-uri",
            Target::Domain,
            "+_DNSBL_.test -_DNSBLNEG_.test ~INVALID",
        ),
        (
            "nordspam-dbl",
            Target::Domain,
            "+test -example.com ~INVALID",
        ),
        ("scientificspam-rhsbl", Target::Domain, "+TEST -INVALID"),
        ("swinog-uribl", Target::Domain, "~example.com ~INVALID"),
        ("mailspike-wl", Target::Ipv4, "-127.0.0.1 ~192.0.2.201"),
        ("dnswl", Target::Ipv4, "~192.0.2.201 ~198.51.100.83"),
        (
            "sem-ipv6",
            Target::Ipv6,
            "+::ffff:127.0.0.2 -::ffff:127.0.0.1 ~2001:db8:6d6d:77::c9",
        ),
    ] {
        let shown: Vec<String> = asked(id, target)
            .iter()
            .map(|c| match c.expect {
                Expect::Listed => format!("+{}", c.subject),
                Expect::NotListed => format!("-{}", c.subject),
                Expect::ProbablyNot => format!("~{}", c.subject),
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "{id}");
    }
    let zen = asked("spamhaus-zen", Target::Ipv6);
    assert!(
        zen[0]
            .question
            .name
            .starts_with("2.0.0.0.0.0.f.7.f.f.f.f.0.0."),
        "{}",
        zen[0].question.name
    );
}

#[test]
fn controls_stay_away_from_what_is_examined() {
    let zen = list("spamhaus-zen");
    let avoid = [
        "192.0.2.10".parse().unwrap(),
        "198.51.100.1".parse().unwrap(),
    ];
    let found = controls(zen, &zen.zones[0], Target::Ipv4, None, &avoid, false).unwrap();
    assert_eq!(found[2].subject, "203.0.113.149");
    let found = controls(zen, &zen.zones[0], Target::Ipv4, None, &avoid, true).unwrap();
    assert_eq!(found[2].subject, "198.18.77.201");
    for list in &catalogue().lists {
        for target in &list.target {
            let found = controls(list, &list.zones[0], *target, Some("k"), &avoid, false).unwrap();
            let negatives = found.iter().filter(|c| c.expect != Expect::Listed).count();
            assert!(negatives >= 1 && found.len() >= 2, "{} {target:?}", list.id);
        }
    }
}

/// What a control gets: `-` no such name, `o` no data, `t` time-out, `s` SERVFAIL, `r` REFUSED, else addresses.
fn reply(text: &str) -> Reply {
    match text {
        "-" => Reply::NoName,
        "o" => Reply::NoData,
        "t" => Reply::Silence("timed out".into()),
        "s" => Reply::Rcode("SERVFAIL".into()),
        "r" => Reply::Rcode("REFUSED".into()),
        answers => Reply::Addresses(addresses(answers)),
    }
}

fn health(id: &str, target: Target, replies: &[&str]) -> Health {
    let asked = asked(id, target);
    assert_eq!(asked.len(), replies.len(), "{id}");
    let answered: Vec<_> = asked
        .into_iter()
        .zip(replies.iter().map(|r| reply(r)))
        .collect();
    judge(list(id), &answered)
}

#[test]
fn health_follows_the_controls() {
    use Target::{Domain, Ipv4};
    for (id, target, replies, expected) in [
        (
            "spamhaus-zen",
            Ipv4,
            ["127.0.0.2 127.0.0.4 127.0.0.10", "-", "-"].as_slice(),
            "Healthy",
        ),
        ("spamhaus-zen", Ipv4, &["127.0.0.2", "o", "-"], "Healthy"),
        ("spamhaus-zen", Ipv4, &["127.0.0.2", "t", "-"], "Healthy"),
        // A bogon network on a list is no wildcard; a promise broken is enough.
        (
            "spamhaus-zen",
            Ipv4,
            &["127.0.0.2", "-", "127.0.0.2"],
            "Healthy",
        ),
        (
            "spamhaus-zen",
            Ipv4,
            &["127.0.0.2", "127.0.0.2", "-"],
            "ListsTheWorld",
        ),
        (
            "spamhaus-zen",
            Ipv4,
            &["127.0.0.2", "127.0.0.2", "127.0.0.2"],
            "ListsTheWorld",
        ),
        ("spamhaus-zen", Ipv4, &["-", "-", "-"], "Silent"),
        ("spamhaus-zen", Ipv4, &["o", "o", "o"], "Silent"),
        (
            "spamhaus-zen",
            Ipv4,
            &["127.255.255.254", "127.255.255.254", "-"],
            "Refused",
        ),
        ("spamhaus-zen", Ipv4, &["r", "r", "r"], "Refused"),
        (
            "spamhaus-zen",
            Ipv4,
            &["198.51.100.1", "198.51.100.1", "198.51.100.1"],
            "Foreign",
        ),
        (
            "spamhaus-zen",
            Ipv4,
            &["127.0.0.2", "198.51.100.1", "-"],
            "Foreign",
        ),
        ("spamhaus-zen", Ipv4, &["t", "-", "-"], "Unknown"),
        ("spamhaus-zen", Ipv4, &["s", "s", "s"], "Unknown"),
        ("spamhaus-zen", Ipv4, &["127.0.0.2", "t", "t"], "Unknown"),
        ("efnet-rbl", Ipv4, &["127.0.0.2", "-", "-"], "Healthy"),
        (
            "efnet-rbl",
            Ipv4,
            &["127.0.0.2", "127.0.0.1", "127.0.0.1"],
            "ListsTheWorld",
        ),
        (
            "hostkarma",
            Ipv4,
            &["127.0.0.2", "127.0.0.3", "-"],
            "Healthy",
        ),
        ("dnswl", Ipv4, &["-", "-"], "Weak"),
        ("dnswl", Ipv4, &["127.0.10.3", "127.0.10.3"], "Refused"),
        ("dnswl", Ipv4, &["127.0.5.3", "127.0.5.3"], "ListsTheWorld"),
        ("dnswl", Ipv4, &["t", "t"], "Unknown"),
        ("uribl-multi", Domain, &["127.0.0.14", "-", "-"], "Healthy"),
        (
            "uribl-multi",
            Domain,
            &["127.0.0.1", "127.0.0.1", "127.0.0.1"],
            "Refused",
        ),
        ("swinog-uribl", Domain, &["-", "-"], "Weak"),
        (
            "swinog-uribl",
            Domain,
            &["127.0.0.2", "127.0.0.2"],
            "ListsTheWorld",
        ),
        ("suomispam-bl", Ipv4, &["127.0.0.99", "-", "-"], "Healthy"),
    ] {
        let found = health(id, target, replies);
        let word = format!("{found:?}");
        let word = word.split('(').next().unwrap_or_default();
        assert_eq!(word, expected, "{id} {replies:?}");
        assert_eq!(found.usable(), found.reason().is_none());
    }
}

#[test]
fn many_lists_failing_alike_point_to_the_resolver() {
    let by_letter: BTreeMap<char, Health> = BTreeMap::from([
        ('h', Health::Healthy),
        ('w', Health::Weak),
        ('s', Health::Silent),
        ('f', Health::Foreign("x".into())),
        ('l', Health::ListsTheWorld("x".into())),
        ('r', Health::Refused("x".into())),
        ('u', Health::Unknown("x".into())),
    ]);
    for (lists, impossible, expected) in [
        ("hhhh", Some(Reply::NoName), "Fit"),
        ("hhhsl", None, "Fit"),
        ("s", None, "Fit"),
        ("ssww", None, "Blind"),
        ("ssww", Some(Reply::NoName), "Blind"),
        ("sshww", None, "Fit"),
        ("ssl", None, "Fit"),
        ("ssruu", None, "Blind"),
        ("ffsuu", None, "Fit"),
        ("sshhh", None, "Fit"),
        ("ffff", None, "Rewriting"),
        ("ffh", None, "Fit"),
        ("hhhh", Some(reply("198.51.100.1")), "Rewriting"),
        ("hhrr", None, "Refusing"),
        ("uuuu", Some(Reply::Silence("timed out".into())), "Mute"),
        ("uuuh", None, "Fit"),
        ("u", Some(Reply::Silence("timed out".into())), "Mute"),
        ("u", Some(Reply::NoName), "Fit"),
        ("u", None, "Fit"),
        ("", None, "Fit"),
    ] {
        let lists: Vec<(&str, &Health)> = lists.chars().map(|c| ("list", &by_letter[&c])).collect();
        let found = format!("{:?}", judge_resolver(&lists, impossible.as_ref()));
        assert!(found.starts_with(expected), "{lists:?}: {found}");
    }
}
