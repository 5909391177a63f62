//! `outbound.vet` through unbound to rbldnsd: an address with a past is not recommended, and silence recommends nobody.

use crate::lab::{Lab, Zone, address};

const SITE: &str = "\
id: office
name: Office
laboratory: true
outbound: {addresses: [203.0.113.101], candidates: [203.0.113.150, 203.0.113.120]}
";

fn lab() -> Lab {
    let lab = Lab::new();
    let records = lab.lists(&[
        Zone {
            name: "zen.spamhaus.org",
            sets: &[
                (
                    "ip4set",
                    ":127.0.0.2:SBL\n127.0.0.2\n203.0.113.150\n203.0.113.152",
                ),
                ("ip4set", ":127.0.0.4:XBL\n127.0.0.2"),
                ("ip4set", ":127.0.0.10:PBL\n127.0.0.2\n203.0.113.151"),
            ],
        },
        Zone {
            name: "bl.spamcop.net",
            sets: &[("ip4set", ":127.0.0.2:listed\n127.0.0.2")],
        },
    ]);
    let names = "120.113.0.203.in-addr.arpa. 300 IN PTR out.office.example.\n\
                 out.office.example. 300 IN A 203.0.113.120\n";
    lab.resolver(address::RESOLVER, &(records + names), "");
    lab
}

#[test]
fn an_address_with_a_past_is_told_and_silence_recommends_nobody() {
    let lab = lab();
    let answer = lab.probe("outbound.vet", SITE, &[]);
    // most lists of a scan do not exist in this world, so the clean one is not called clean
    answer.assert_outcome("unknown");
    assert!(answer.at("/outputs/best").is_null(), "{}", answer.printed);
    let listed = answer.find("/outputs/candidates", "address", "203.0.113.150");
    assert_eq!(listed["grade"], "unfit", "{}", answer.printed);
    assert_eq!(listed["rank"], 2, "{}", answer.printed);
    assert_eq!(listed["name"]["verdict"], "none", "{}", answer.printed);
    let other = answer.find("/outputs/candidates", "address", "203.0.113.120");
    assert_eq!(other["grade"], "unknown", "{}", answer.printed);
    assert_eq!(
        other["name"]["ptr"][0], "out.office.example",
        "{}",
        answer.printed
    );
}

#[test]
fn an_address_that_only_has_listed_neighbours_is_told_so() {
    let lab = lab();
    let answer = lab.probe(
        "outbound.vet",
        SITE,
        &["addresses=203.0.113.153", "neighbours=4"],
    );
    let view = answer.find("/outputs/candidates", "address", "203.0.113.153");
    let listed = &view["neighbours"]["listed"];
    // the policy listing of .151 says nothing about what it sent
    assert_eq!(
        listed,
        &serde_json::json!(["203.0.113.152"]),
        "{}",
        answer.printed
    );
}
