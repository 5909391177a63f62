//! Tests over the whole catalogue: its shape and the reading of answers.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
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

#[test]
fn the_catalogue_is_well_formed() {
    let book = Catalogue::read(include_str!("../data/dnsbl.yaml")).unwrap();
    assert_eq!(
        (
            book.lists.len(),
            book.receivers.len(),
            book.candidates.len(),
            book.dead.len()
        ),
        (67, 10, 26, 61)
    );
    let mut seen = HashSet::new();
    let mut zones = HashSet::new();
    for list in &book.lists {
        assert!(seen.insert(list.id.as_str()), "{} twice", list.id);
        assert!(
            !list.zones.is_empty() && !list.target.is_empty(),
            "{}",
            list.id
        );
        assert!(list.severity != Severity::None, "{}", list.id);
        for zone in list
            .zones
            .iter()
            .chain(&list.parts)
            .chain(&list.related_zones)
        {
            assert!(zones.insert(zone.as_str()), "{zone} of {} twice", list.id);
            assert_eq!(zone.to_lowercase().trim_matches('.'), zone);
            assert!(book.dead(zone).is_none(), "{zone} is asked and dead");
            assert_eq!(
                zone.contains("{key}") && list.zones.contains(zone),
                list.access.key_required && list.zones.contains(zone)
            );
        }
        if let Some(other) = &list.same_as {
            assert!(book.list(other).is_some(), "{}", list.id);
        }
        assert_eq!(
            list.target.contains(&Target::Ipv6),
            list.ipv6 == Ternary::Yes || list.id == "hostkarma" || list.id == "dan-me-uk-torexit",
            "{}",
            list.id
        );
        for (key, code) in &list.return_codes {
            let bit = matches!(key, CodeKey::Bit(_));
            assert_eq!(bit, list.decode == Decode::Bitmask, "{} {key}", list.id);
            assert!(!code.meaning.is_empty());
        }
        for source in &list.sources {
            assert!(
                book.sources.contains_key(source),
                "{} cites {source}",
                list.id
            );
        }
    }
    for dead in &book.dead {
        assert!(seen.insert(dead.id.as_str()), "{} twice", dead.id);
        assert!(
            dead.names.iter().all(|name| !zones.contains(name.as_str())),
            "{}",
            dead.id
        );
    }
}

#[test]
fn malformed_catalogues_are_refused() {
    let good = include_str!("../data/dnsbl.yaml");
    for (from, to) in [
        ("kind: blocklist", "kind: blacklist"),
        ("decode: enumerated", "decode: bits"),
        ("\"127.0.0.2\": {list: SBL", "\"127.0.0.\": {list: SBL"),
        ("bit:128", "bit:129"),
        ("    target: [ipv4, ipv6]", "    targets: [ipv4, ipv6]"),
        ("severity: critical", "severity: severe"),
        ("ipv6: \"yes\"", "ipv6: maybe"),
        (
            "positive_answers: [\"127.0.0.2\"",
            "positive_answers: [\"127.0.0.x\"",
        ),
        ("    danger: fraud\n", ""),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(
            Catalogue::read(&good.replacen(from, to, 1)).is_err(),
            "{to}"
        );
    }
}

#[test]
fn lists_are_found_by_id_and_zone() {
    let book = catalogue();
    for (name, id) in [
        ("spamhaus-zen", "spamhaus-zen"),
        ("ZEN.spamhaus.org.", "spamhaus-zen"),
        ("urired.spameatingmonkey.net", "sem-uri"),
    ] {
        assert_eq!(book.list(name).unwrap().id, id);
    }
    assert!(book.list("pbl.spamhaus.org").is_none());
    assert_eq!(
        book.combined("pbl.spamhaus.org").unwrap().id,
        "spamhaus-zen"
    );
    assert_eq!(
        book.candidate("rbl.your-server.de").unwrap().id,
        "hetzner-rbl"
    );
}

#[test]
fn operators_set_the_pace() {
    let rates = catalogue().rates();
    let zones_of = |operator: &str| {
        catalogue()
            .lists
            .iter()
            .filter(|l| l.operator == operator)
            .count()
    };
    assert_eq!(rates.values().copied().collect::<Vec<_>>(), [10, 5]);
    assert!(
        rates.keys().all(|operator| zones_of(operator) >= 2),
        "{rates:?}"
    );
}

#[test]
fn dead_zones_are_dead_with_all_below_them() {
    for (zone, expected) in [
        ("dnsbl.sorbs.net", Some("sorbs")),
        ("sorbs.net.", Some("sorbs")),
        ("Spam.DNSBL.sorbs.net", Some("sorbs")),
        ("notsorbs.net", None),
        ("sorbs", Some("sorbs")),
        ("ix.dnsbl.manitu.net", Some("nixspam")),
        ("rbl.spamhaus.org", Some("spamhaus-typos")),
        ("zen.spamhaus.org", None),
        ("spameatingmonkey.net", None),
        ("badnets.spameatingmonkey.net", Some("sem-badnets")),
    ] {
        assert_eq!(
            catalogue().dead(zone).map(|d| d.id.as_str()),
            expected,
            "{zone}"
        );
    }
}

#[test]
fn every_list_reads_its_own_test_point() {
    let mut read = 0;
    for list in &catalogue().lists {
        let Some(points) = &list.test_points else {
            continue;
        };
        if points.positive.is_none() && points.ipv6_positive.is_none() {
            continue;
        }
        let answers = match points.positive_answers.as_slice() {
            [] => vec![Ipv4Addr::new(127, 0, 0, 2)],
            given => given.to_vec(),
        };
        let reading = list.decode(&answers);
        let expected = match list.kind {
            Kind::Blocklist => Verdict::Listed,
            Kind::Allowlist => Verdict::Allowed,
            Kind::Reputation => Verdict::Noted,
        };
        assert_eq!(reading.verdict, expected, "{} {answers:?}", list.id);
        read += 1;
    }
    assert!(read > 35, "only {read} lists have a test point");
}

#[test]
fn every_code_of_every_list_is_read_as_its_row_says() {
    for list in &catalogue().lists {
        for (key, row) in &list.return_codes {
            let reading = list.decode(&[key.example()]);
            if let Verdict::Refused(_) = reading.verdict {
                assert!(
                    list.error_codes
                        .iter()
                        .any(|(error, _)| error.matches(key.example()))
                );
                continue;
            }
            let part = reading
                .parts
                .iter()
                .find(|part| part.meaning == row.meaning);
            let part = part.unwrap_or_else(|| panic!("{} {key}: {reading:?}", list.id));
            assert_eq!(part.severity, row.severity, "{} {key}", list.id);
            let listed = list.kind == Kind::Blocklist && row.severity != Severity::None;
            assert_eq!(
                part.standing == Standing::Listed,
                listed,
                "{} {key}",
                list.id
            );
            assert_eq!(
                reading.verdict == Verdict::Listed,
                listed,
                "{} {key}",
                list.id
            );
        }
        for (key, _) in &list.error_codes {
            let reading = list.decode(&[key.example(), Ipv4Addr::new(127, 0, 0, 2)]);
            assert!(
                matches!(reading.verdict, Verdict::Refused(_)),
                "{} {key}",
                list.id
            );
        }
        for last in [0, 1, 252, 253, 254, 255] {
            let reading = list.decode(&[Ipv4Addr::new(127, 255, 255, last)]);
            assert!(
                matches!(reading.verdict, Verdict::Refused(_)),
                "{} .{last}",
                list.id
            );
        }
        for foreign in ["10.0.0.1", "198.51.100.7", "126.255.255.255", "128.0.0.1"] {
            let reading = list.decode(&addresses(&format!("127.0.0.2 {foreign}")));
            assert!(
                matches!(reading.verdict, Verdict::Broken(_)),
                "{} {foreign}",
                list.id
            );
        }
        assert_eq!(list.decode(&[]).verdict, Verdict::NotListed);
        assert_eq!(list.read(&Reply::NoName).verdict, Verdict::NotListed);
        assert!(matches!(
            list.read(&Reply::Rcode("REFUSED".into())).verdict,
            Verdict::Refused(_)
        ));
        assert!(matches!(
            list.read(&Reply::Rcode("SERVFAIL".into())).verdict,
            Verdict::Unknown(_)
        ));
        assert!(matches!(
            list.read(&Reply::Silence("timed out".into())).verdict,
            Verdict::Unknown(_)
        ));
    }
}

/// list, answers, verdict (one letter), parts as `code/part/severity`
const ANSWERS: &[(&str, &str, char, &str)] = &[
    (
        "spamhaus-zen",
        "127.0.0.2 127.0.0.9",
        'L',
        "127.0.0.2/SBL/Critical 127.0.0.9/DROP/Critical",
    ),
    (
        "spamhaus-zen",
        "127.0.0.10 127.0.0.3 127.0.0.4",
        'L',
        "127.0.0.3/CSS/Critical 127.0.0.4/XBL/Critical 127.0.0.10/PBL/Critical",
    ),
    ("spamhaus-zen", "127.0.0.10", 'L', "127.0.0.10/PBL/Critical"),
    ("spamhaus-zen", "127.0.0.12", 'L', "127.0.0.12/?/Major"),
    ("spamhaus-zen", "127.0.0.2 127.255.255.254", 'R', ""),
    ("spamhaus-dbl", "127.0.1.255", 'R', ""),
    ("uribl-multi", "127.0.0.1", 'R', ""),
    (
        "uribl-multi",
        "127.0.0.14",
        'L',
        "127.0.0.14/black/Major 127.0.0.14/grey/Informational 127.0.0.14/red/Informational",
    ),
    ("uribl-multi", "127.0.0.3", 'R', ""),
    ("surbl-multi", "127.0.0.1", 'R', ""),
    (
        "surbl-multi",
        "127.0.0.80",
        'L',
        "127.0.0.80/MW/Major 127.0.0.80/ABUSE/Major",
    ),
    ("surbl-multi", "127.0.0.2", 'L', "127.0.0.2/?/Minor"),
    ("validity-rpbl", "127.0.0.1", 'L', "127.0.0.1/BOT/Major"),
    (
        "validity-rpbl",
        "127.0.0.26",
        'L',
        "127.0.0.26/NA/Major 127.0.0.26/SUS_ATT/Major 127.0.0.26/SCORE/Major",
    ),
    (
        "validity-senderscore",
        "127.0.4.12",
        'N',
        "127.0.4.12/?/Minor",
    ),
    (
        "validity-senderscore",
        "127.0.4.99",
        'N',
        "127.0.4.99/?/None",
    ),
    ("efnet-rbl", "127.0.0.1", 'L', "127.0.0.1/?/Informational"),
    (
        "zero-spam-bl",
        "127.0.0.1",
        'L',
        "127.0.0.1/?/Informational",
    ),
    (
        "zero-spam-nbl",
        "127.0.5.0",
        'L',
        "127.0.5.0/?/Informational",
    ),
    ("hostkarma", "127.0.0.1", 'N', "127.0.0.1/white/None"),
    ("hostkarma", "127.0.0.5", 'N', "127.0.0.5/nobl/None"),
    ("hostkarma", "127.0.0.2", 'N', "127.0.0.2/black/Minor"),
    ("mailspike-rep", "127.0.0.18", 'N', "127.0.0.18/?/None"),
    (
        "mailspike-bl",
        "127.0.0.2 127.0.0.10",
        'L',
        "127.0.0.2/Z/Minor 127.0.0.10/L5/Major",
    ),
    ("mailspike-wl", "127.0.0.20", 'A', "127.0.0.20/H5/None"),
    ("mailspike-wl", "127.0.0.2", '-', ""),
    ("dnswl", "127.0.5.2", 'A', "127.0.5.2/?/None"),
    ("dnswl", "127.0.10.3", 'R', ""),
    ("dnswl", "127.0.0.255", 'R', ""),
    ("dnswl", "127.0.99.1", '-', ""),
    ("s5h-all", "127.0.0.77", 'L', "127.0.0.77/?/Informational"),
    (
        "suomispam-bl",
        "127.0.0.99",
        'L',
        "127.0.0.99/?/Informational",
    ),
    (
        "spamrats-all",
        "127.0.0.36",
        'L',
        "127.0.0.36/RATS-Dyna/Minor",
    ),
    ("dronebl", "127.0.0.14", 'L', "127.0.0.14/?/Minor"),
    ("fmb-la", "127.0.1.26", 'L', "127.0.1.26/?/Informational"),
    (
        "tornevall",
        "127.0.0.24",
        'N',
        "127.0.0.24/?/None 127.0.0.24/?/None",
    ),
    (
        "tornevall",
        "127.0.0.66",
        'L',
        "127.0.0.66/?/Informational 127.0.0.66/?/Informational",
    ),
    ("isipp-iadb", "127.0.1.255", 'A', "127.0.1.255/?/None"),
];

#[test]
fn answers_are_read_by_the_lists_own_table() {
    for (id, answer, verdict, parts) in ANSWERS {
        let reading = list(id).decode(&addresses(answer));
        let letter = match reading.verdict {
            Verdict::Listed => 'L',
            Verdict::Allowed => 'A',
            Verdict::Noted => 'N',
            Verdict::NotListed => '-',
            Verdict::Refused(_) => 'R',
            Verdict::Broken(_) => 'B',
            Verdict::Unknown(_) => 'U',
        };
        let shown: Vec<String> = reading
            .parts
            .iter()
            .map(|p| {
                format!(
                    "{}/{}/{:?}",
                    p.code,
                    p.list.as_deref().unwrap_or("?"),
                    p.severity
                )
            })
            .collect();
        assert_eq!(
            (letter, shown.join(" ").as_str()),
            (*verdict, *parts),
            "{id} {answer}"
        );
    }
}

#[test]
fn policy_listings_are_told_apart() {
    for (id, answer, policy) in [
        ("spamhaus-zen", "127.0.0.10", true),
        ("spamhaus-zen", "127.0.0.11 127.0.0.10", true),
        ("spamhaus-zen", "127.0.0.10 127.0.0.4", false),
        ("spamrats-all", "127.0.0.37", true),
        ("spamrats-all", "127.0.0.38", false),
        ("abusix-combined", "127.0.0.11", true),
        ("spamhaus-zen", "", false),
    ] {
        assert_eq!(
            list(id).decode(&addresses(answer)).policy_only(),
            policy,
            "{id} {answer}"
        );
    }
}
