//! `rdns.verify` through unbound: every way in which an address may be named, or not.

use crate::lab::{Lab, Zone, address, delegation};

const SITE: &str = "\
id: office
name: Office
laboratory: true
domains: [office.example]
outbound: {addresses: [203.0.113.101]}
";

/// Names on the address that has too many for a UDP answer.
const MANY: usize = 120;

fn records() -> String {
    let mut records = String::from(
        "101.113.0.203.in-addr.arpa. 300 IN PTR mail.office.example.
mail.office.example. 300 IN A 203.0.113.101
103.113.0.203.in-addr.arpa. 300 IN PTR 203-0-113-103.dsl.dynamic.isp.example.
203-0-113-103.dsl.dynamic.isp.example. 300 IN A 203.0.113.103
104.113.0.203.in-addr.arpa. 300 IN PTR ghost.office.example.
105.113.0.203.in-addr.arpa. 300 IN PTR other.office.example.
other.office.example. 300 IN A 203.0.113.199
5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 300 IN PTR mail.office.example.
mail.office.example. 300 IN AAAA 2001:db8:5::25
",
    );
    for number in 0..MANY {
        let name = format!("site-with-a-long-name-{number}.hosting.example.");
        records.push_str(&format!(
            "106.113.0.203.in-addr.arpa. 300 IN PTR {name}\n{name} 300 IN A 203.0.113.106\n"
        ));
    }
    // rbldnsd refuses zones it does not know: behind unbound that is SERVFAIL
    records.push_str(&delegation("100.51.198.in-addr.arpa", address::LISTS));
    records.push_str(&delegation("2.0.192.in-addr.arpa", address::SILENT));
    records
}

fn lab() -> Lab {
    let lab = Lab::new();
    let lists = lab.lists(&[Zone {
        name: "bl.lists.example",
        sets: &[("ip4set", "127.0.0.2")],
    }]);
    lab.resolver(address::RESOLVER, &(lists + &records()), "");
    lab
}

#[test]
fn each_address_is_judged_by_its_names() {
    let lab = lab();
    for (at, verdict, outcome) in [
        ("203.0.113.101", "pass", "good"),
        ("2001:db8:5::25", "pass", "good"),
        ("203.0.113.102", "none", "finding"),
        ("203.0.113.103", "generic", "finding"),
        ("203.0.113.104", "fail", "finding"),
        ("203.0.113.105", "fail", "finding"),
        // SERVFAIL: the zone's server will not say
        ("198.51.100.9", "unknown", "unknown"),
        // silence
        ("192.0.2.9", "unknown", "unknown"),
    ] {
        let answer = lab.probe("rdns.verify", SITE, &[&format!("addresses={at}")]);
        let judged = answer.find("/outputs/addresses", "address", at);
        assert_eq!(judged["verdict"], verdict, "{at}\n{}", answer.printed);
        answer.assert_outcome(outcome);
        assert_eq!(
            answer.findings().is_empty(),
            outcome != "finding",
            "{}",
            answer.printed
        );
    }
}

#[test]
fn names_that_need_tcp_are_all_read() {
    let lab = lab();
    let flags = [
        "+noshort",
        "+comments",
        "+notcp",
        "+ignore",
        "-x",
        "203.0.113.106",
    ];
    assert!(
        lab.dig(address::RESOLVER, &flags).contains(" tc"),
        "the answer fits in UDP, so this tests nothing"
    );
    let answer = lab.probe("rdns.verify", SITE, &["addresses=203.0.113.106"]);
    assert_eq!(
        answer
            .at("/outputs/addresses/0/ptr")
            .as_array()
            .unwrap()
            .len(),
        MANY,
        "{}",
        answer.printed
    );
    assert_ne!(answer.text("/outcome"), "unknown", "{}", answer.printed);
}

#[test]
fn the_name_the_server_greets_with_must_lead_back() {
    let lab = lab();
    for (helo, verdict) in [
        ("mail.office.example", "pass"),
        ("other.office.example", "mismatch"),
        ("ghost.office.example", "mismatch"),
        ("office-server", "invalid"),
    ] {
        let answer = lab.probe("rdns.verify", SITE, &[&format!("helo={helo}")]);
        assert_eq!(
            answer.text("/outputs/helo/verdict"),
            verdict,
            "{helo}\n{}",
            answer.printed
        );
    }
}
