//! `blacklist.scan` through unbound to rbldnsd. Whatever is wrong on the way: never "clean" where it cannot be known.

use crate::lab::{Answer, Lab, Zone, address, delegation};

const SITE: &str = "\
id: office
name: Office
laboratory: true
domains: [office.example]
outbound: {addresses: [203.0.113.101], helo: mail.office.example}
";

const ZEN: &str = "zen.spamhaus.org";
const SPAMCOP: &str = "bl.spamcop.net";
const PSBL: &str = "psbl.surriel.com";
const LISTS: &str = "lists=spamhaus-zen,spamcop-bl,psbl";

/// ZEN: several data sets in one zone, so several codes come back for one address.
const ZEN_SETS: &[(&str, &str)] = &[
    ("ip4set", ":127.0.0.2:SBL\n127.0.0.2\n203.0.113.101"),
    ("ip4set", ":127.0.0.4:XBL\n127.0.0.2\n203.0.113.101"),
    ("ip4set", ":127.0.0.10:PBL\n127.0.0.2"),
];
const SMALL_SET: &[(&str, &str)] = &[("ip4set", ":127.0.0.2:listed, see example\n127.0.0.2")];

fn zone<'a>(name: &'a str, sets: &'a [(&'a str, &'a str)]) -> Zone<'a> {
    Zone { name, sets }
}

fn healthy() -> [Zone<'static>; 3] {
    [
        zone(ZEN, ZEN_SETS),
        zone(SPAMCOP, SMALL_SET),
        zone(PSBL, SMALL_SET),
    ]
}

/// No target may count as clean, and no list may count as having said so.
fn assert_nothing_is_clean(answer: &Answer) {
    answer.assert_outcome("unknown");
    let address = answer.find("/outputs/targets", "target", "203.0.113.101");
    assert_eq!(address["verdict"], "unknown", "{}", answer.printed);
    for target in answer.at("/outputs/targets").as_array().unwrap() {
        assert_ne!(target["verdict"], "clean", "{}", answer.printed);
        assert_eq!(target["clean"], 0, "{}", answer.printed);
        assert_eq!(target["clean_weak"], 0, "{}", answer.printed);
    }
    let nothing = serde_json::json!([]);
    assert_eq!(answer.at("/outputs/listed"), &nothing, "{}", answer.printed);
}

#[test]
fn listed_and_clean() {
    let lab = Lab::new();
    let records = lab.lists(&healthy());
    lab.resolver(address::RESOLVER, &records, "");

    let answer = lab.probe(
        "blacklist.scan",
        SITE,
        &[LISTS, "addresses=203.0.113.101,203.0.113.102"],
    );
    answer.assert_outcome("finding");
    let listing = answer.find("/outputs/listed", "list", "spamhaus-zen");
    assert_eq!(listing["target"], "203.0.113.101");
    let mut codes: Vec<&str> = listing["codes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|c| c.as_str())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, ["127.0.0.2", "127.0.0.4"], "{}", answer.printed);
    assert_eq!(
        answer.at("/outputs/listed").as_array().unwrap().len(),
        1,
        "{}",
        answer.printed
    );
    let clean = answer.find("/outputs/targets", "target", "203.0.113.102");
    assert_eq!(clean["verdict"], "clean", "{}", answer.printed);
    assert_eq!(clean["clean"], 3, "{}", answer.printed);
    assert_eq!(answer.at("/outputs/lists/healthy"), 3, "{}", answer.printed);
    assert!(answer.findings().contains(&"listed"), "{}", answer.printed);

    let answer = lab.probe(
        "blacklist.scan",
        SITE,
        &[LISTS, "addresses=203.0.113.102", "domains=office.example"],
    );
    answer.assert_outcome("good");
}

#[test]
fn the_parts_of_a_combined_list_are_not_asked_beside_it() {
    let lab = Lab::new();
    // the parts are served too, and would answer
    let parts = ["sbl.spamhaus.org", "xbl.spamhaus.org"].map(|name| {
        let set = &[("ip4set", "127.0.0.2\n203.0.113.101")];
        zone(name, set)
    });
    let [zen, spamcop, psbl] = healthy();
    let [sbl, xbl] = parts;
    let records = lab.lists(&[zen, spamcop, psbl, sbl, xbl]);
    lab.resolver(address::RESOLVER, &records, "");
    let answer = lab.probe(
        "blacklist.scan",
        SITE,
        &[
            "lists=sbl.spamhaus.org,xbl.spamhaus.org,spamhaus-zen,zen.spamhaus.org",
            "addresses=203.0.113.101",
        ],
    );
    answer.assert_outcome("finding");
    let listed = answer.at("/outputs/listed").as_array().unwrap();
    assert_eq!(listed.len(), 1, "{}", answer.printed);
    assert_eq!(listed[0]["list"], "spamhaus-zen", "{}", answer.printed);
    assert_eq!(answer.at("/outputs/lists/asked"), 1, "{}", answer.printed);
    let listings = answer.findings();
    assert_eq!(
        listings.iter().filter(|code| **code == "listed").count(),
        1,
        "{}",
        answer.printed
    );
    let asked = lab
        .log(&format!("unbound-{}", address::RESOLVER))
        .to_ascii_lowercase();
    assert!(asked.contains("101.113.0.203.zen.spamhaus.org."), "{asked}");
    for part in [".sbl.spamhaus.org.", ".xbl.spamhaus.org."] {
        assert!(!asked.contains(part), "{asked}");
    }
}

/// Listings of one address on three operators' lists, two of which have several zones.
#[test]
fn several_zones_of_one_operator_are_one_voice() {
    let lab = Lab::new();
    let all: &[(&str, &str)] = &[("ip4set", ":127.0.0.2:listed\n127.0.0.2\n203.0.113.101")];
    let records = lab.lists(&[
        zone(ZEN, SMALL_SET),
        zone("dnsbl-1.uceprotect.net", all),
        zone("dnsbl-2.uceprotect.net", all),
        zone("dnsbl-3.uceprotect.net", all),
        zone("ips.backscatterer.org", all),
        zone(PSBL, all),
    ]);
    lab.resolver(address::RESOLVER, &records, "");
    let lists = "lists=spamhaus-zen,psbl,dnsbl-1.uceprotect.net,dnsbl-2.uceprotect.net,dnsbl-3.uceprotect.net,ips.backscatterer.org";
    let answer = lab.probe("blacklist.scan", SITE, &[lists, "addresses=203.0.113.101"]);
    answer.assert_outcome("finding");
    let listed = answer.at("/outputs/listed").as_array().unwrap();
    assert_eq!(listed.len(), 5, "{}", answer.printed);
    let of_one = |one: &&serde_json::Value| one["operator"] == "UCEPROTECT-Network";
    assert_eq!(
        listed.iter().filter(of_one).count(),
        4,
        "{}",
        answer.printed
    );
    // five listings on five of six lists, but of two operators: nothing to wonder about, and no reason to alarm
    assert_eq!(
        answer.at("/outputs/targets/0/operators"),
        2,
        "{}",
        answer.printed
    );
    assert!(
        !answer.findings().contains(&"listings-doubtful"),
        "{}",
        answer.printed
    );
    for (zone, severity) in [
        ("dnsbl-2.uceprotect.net", "informational"),
        ("dnsbl-3.uceprotect.net", "informational"),
    ] {
        let one = answer.find("/outputs/listed", "zone", zone);
        assert_eq!(one["severity"], severity, "{one}");
    }
}

/// A resolver that knows the test entries and lies about everything else cannot be told by its controls.
#[test]
fn a_forged_resolver_that_lists_an_address_everywhere_is_doubted() {
    let lab = Lab::new();
    let everywhere: &[(&str, &str)] = &[("ip4set", ":127.0.0.2:listed\n127.0.0.2\n203.0.113.101")];
    let zones = [
        ZEN,
        SPAMCOP,
        PSBL,
        "bl.mailspike.net",
        "dnsbl.dronebl.org",
        "bl.blocklist.de",
        "dnsbl-1.uceprotect.net",
    ];
    let records = lab.lists(&zones.map(|name| zone(name, everywhere)));
    lab.resolver(address::RESOLVER, &records, "");
    let lists = format!("lists={}", zones.join(","));
    let answer = lab.probe("blacklist.scan", SITE, &[&lists, "addresses=203.0.113.101"]);
    answer.assert_outcome("finding");
    assert!(
        answer.findings().contains(&"listings-doubtful"),
        "{}",
        answer.printed
    );
    let doubt = answer.find("/findings", "code", "listings-doubtful");
    assert_eq!(doubt["severity"], "informational");
    let proof = doubt["evidence"][0]["text"].as_str().unwrap();
    for name in zones {
        assert!(
            proof.contains(&format!("203.0.113.101 {name} 127.0.0.2")),
            "{proof}"
        );
    }
    assert!(
        doubt["evidence"][0]["from"]
            .as_str()
            .unwrap()
            .contains(address::RESOLVER),
        "{doubt}"
    );
    // whoever answers everything with a listing is told by its controls, and lists nobody
    let forged = zones
        .map(|name| {
            format!(
                "  local-zone: \"{name}.\" redirect\n  local-data: \"{name}. 60 IN A 127.0.0.2\""
            )
        })
        .join("\n");
    lab.resolver(address::OTHER_RESOLVER, &records, &forged);
    let site = format!("{SITE}resolver: [{}]\n", address::OTHER_RESOLVER);
    let answer = lab.probe(
        "blacklist.scan",
        &site,
        &[&lists, "addresses=203.0.113.101"],
    );
    assert_nothing_is_clean(&answer);
}

#[test]
fn a_list_that_refuses_is_unknown() {
    let lab = Lab::new();
    let refuses = &[("ip4trie", "0/0 :127.255.255.254:Error: open resolver")];
    let records = lab.lists(&[
        zone(ZEN, refuses),
        zone(SPAMCOP, SMALL_SET),
        zone(PSBL, SMALL_SET),
    ]);
    lab.resolver(address::RESOLVER, &records, "");
    let answer = lab.probe("blacklist.scan", SITE, &[LISTS, "addresses=203.0.113.101"]);
    answer.assert_outcome("unknown");
    assert_eq!(
        answer.text("/outputs/targets/0/verdict"),
        "unknown",
        "{}",
        answer.printed
    );
    assert_eq!(
        answer.at("/outputs/targets/0/clean"),
        2,
        "{}",
        answer.printed
    );
    answer.find("/outputs/targets/0/unknown", "list", "spamhaus-zen");
    assert_eq!(
        answer.text("/outputs/resolver/verdict"),
        "refused",
        "{}",
        answer.printed
    );
}

#[test]
fn a_blind_resolver_is_seen() {
    let lab = Lab::new();
    let records = lab.lists(&healthy());
    // the usual rebinding filter: every listing becomes "no answer", without an error
    lab.resolver(
        address::RESOLVER,
        &records,
        "  private-address: 127.0.0.0/8",
    );
    let answer = lab.probe("blacklist.scan", SITE, &[LISTS, "addresses=203.0.113.101"]);
    assert_nothing_is_clean(&answer);
    assert_eq!(
        answer.text("/outputs/resolver/verdict"),
        "blind",
        "{}",
        answer.printed
    );
}

#[test]
fn a_rewriting_resolver_is_seen() {
    let lab = Lab::new();
    // what does not exist leads to a search page, as some providers do it
    let records = lab.lists(&[zone(
        ZEN,
        &[("ip4trie", "0/0 :192.0.2.66:\n127.0.0.2 :127.0.0.2:")],
    )]);
    let rewrite = r#"  local-zone: "." redirect
  local-data: ". 60 IN A 192.0.2.66"
  local-zone: "invalid." nodefault"#;
    lab.resolver(address::RESOLVER, &records, "");
    lab.resolver(address::OTHER_RESOLVER, &records, rewrite);
    let site = format!("{SITE}resolver: [{}]\n", address::OTHER_RESOLVER);
    let answer = lab.probe("blacklist.scan", &site, &[LISTS, "addresses=203.0.113.101"]);
    assert_nothing_is_clean(&answer);
    assert_eq!(
        answer.text("/outputs/resolver/verdict"),
        "rewriting",
        "{}",
        answer.printed
    );

    // one list only, whose test entry works: what is left is a parked zone
    let answer = lab.probe(
        "blacklist.scan",
        SITE,
        &["lists=spamhaus-zen", "addresses=203.0.113.101"],
    );
    assert_nothing_is_clean(&answer);
}

#[test]
fn a_list_that_lists_the_world_lists_nobody() {
    let lab = Lab::new();
    let records = lab.lists(&[
        zone(ZEN, ZEN_SETS),
        zone(SPAMCOP, SMALL_SET),
        zone(PSBL, &[("ip4trie", "0/0 :127.0.0.2:gone")]),
    ]);
    lab.resolver(address::RESOLVER, &records, "");
    let answer = lab.probe("blacklist.scan", SITE, &[LISTS, "addresses=203.0.113.102"]);
    assert_eq!(
        answer.at("/outputs/listed"),
        &serde_json::json!([]),
        "{}",
        answer.printed
    );
    answer.find("/outputs/targets/0/broken", "list", "psbl");
    assert_eq!(
        answer.at("/outputs/targets/0/clean"),
        2,
        "{}",
        answer.printed
    );
}

#[test]
fn a_dead_list_server_is_unknown() {
    let lab = Lab::new();
    let mut records = lab.lists(&[zone(SPAMCOP, SMALL_SET), zone(PSBL, SMALL_SET)]);
    records.push_str(&delegation(ZEN, address::SILENT));
    lab.resolver(address::RESOLVER, &records, "");
    let answer = lab.probe("blacklist.scan", SITE, &[LISTS, "addresses=203.0.113.101"]);
    answer.assert_outcome("unknown");
    assert_eq!(
        answer.text("/outputs/targets/0/verdict"),
        "unknown",
        "{}",
        answer.printed
    );
    assert_eq!(
        answer.at("/outputs/targets/0/clean"),
        2,
        "{}",
        answer.printed
    );
    answer.find("/outputs/targets/0/unknown", "list", "spamhaus-zen");
}

#[test]
fn without_any_resolver_nothing_is_known() {
    let lab = Lab::new();
    for resolver in [address::SILENT, address::RESOLVER] {
        let site = format!("{SITE}resolver: [{resolver}]\n");
        let answer = lab.probe("blacklist.scan", &site, &[LISTS, "addresses=203.0.113.101"]);
        assert_nothing_is_clean(&answer);
        assert_eq!(
            answer.text("/outputs/resolver/verdict"),
            "mute",
            "{}",
            answer.printed
        );
    }
}
