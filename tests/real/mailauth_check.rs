//! `mailauth.check` through unbound: records that need TCP, chains that are too long, and servers that refuse.

use crate::lab::{Answer, Lab, Zone, address, delegation};

const SITE: &str = "\
id: office
name: Office
laboratory: true
domains: [office.example]
outbound: {addresses: [203.0.113.7], helo: mail.office.example}
dkim: {selectors: [s1]}
";

/// Addresses and exchanger of the office.
const HOSTS: &str = "\
office.example. 300 IN MX 10 mail.office.example.
mail.office.example. 300 IN A 203.0.113.7
";
const DMARC: &str =
    "_dmarc.office.example. 300 IN TXT \"v=DMARC1; p=reject; rua=mailto:d@office.example\"\n";
const SPF: &str = "office.example. 300 IN TXT \"v=spf1 mx -all\"\n";

/// A text record in strings of 250 characters, as a long key needs them.
fn text(name: &str, value: &str) -> String {
    let strings: Vec<String> = value
        .as_bytes()
        .chunks(250)
        .map(|part| format!("\"{}\"", std::str::from_utf8(part).unwrap()))
        .collect();
    format!("{name}. 300 IN TXT {}\n", strings.join(" "))
}

/// The record of a fresh key.
fn dkim(lab: &Lab, bits: u32) -> String {
    let made = format!(
        "openssl genrsa {bits} 2>/dev/null | openssl rsa -pubout -outform DER 2>/dev/null | base64 -w0"
    );
    let key = lab.run(crate::lab::Side::Client, "bash", &["-c", &made]);
    let value = format!("v=DKIM1; k=rsa; p={}", key.trim());
    text("s1._domainkey.office.example", &value)
}

/// The delegation of a zone to a server that does not know it and refuses: behind unbound that is SERVFAIL.
fn refused(lab: &Lab, zone: &str) -> String {
    lab.lists(&[Zone {
        name: "lists.example",
        sets: &[("ip4set", "127.0.0.2")],
    }]);
    delegation(zone, address::LISTS)
}

fn check(lab: &Lab, records: &str, settings: &str) -> Answer {
    lab.resolver(address::RESOLVER, records, settings);
    lab.probe("mailauth.check", SITE, &[])
}

#[test]
fn records_in_order_are_good_also_where_the_answer_needs_tcp() {
    let lab = Lab::new();
    let records = [HOSTS, SPF, DMARC, &dkim(&lab, 4096)].concat();
    // nothing longer than this goes by UDP, whatever the question says
    let answer = check(&lab, &records, "  max-udp-size: 512");
    answer.assert_outcome("good");
    let domain = answer.find("/outputs/domains", "domain", "office.example");
    assert_eq!(domain["spf"]["result"], "pass", "{}", answer.printed);
    assert_eq!(domain["spf"]["lookups"], 1, "{}", answer.printed);
    assert_eq!(domain["dkim"][0]["bits"], 4096, "{}", answer.printed);
    assert_eq!(domain["dmarc"]["policy"], "reject", "{}", answer.printed);
    assert_eq!(domain["mx"]["verdict"], "good", "{}", answer.printed);
    let name = "s1._domainkey.office.example";
    let cut = &["+ignore", "+noshort", "+noall", "+comments", name, "TXT"];
    let told = lab.dig(address::RESOLVER, cut);
    assert!(told.contains(" tc "), "the answer was to be cut: {told}");
}

#[test]
fn a_chain_of_more_than_ten_look_ups_is_an_error_of_the_record() {
    let lab = Lab::new();
    let mut records = [HOSTS, DMARC, &dkim(&lab, 2048)].concat();
    records.push_str("office.example. 300 IN TXT \"v=spf1 include:p1.provider.example -all\"\n");
    for number in 1..=10 {
        let next = number + 1;
        records.push_str(&format!(
            "p{number}.provider.example. 300 IN TXT \"v=spf1 include:p{next}.provider.example -all\"\n"
        ));
    }
    records.push_str("p11.provider.example. 300 IN TXT \"v=spf1 ip4:203.0.113.7 -all\"\n");
    let answer = check(&lab, &records, "");
    answer.assert_outcome("finding");
    let domain = answer.find("/outputs/domains", "domain", "office.example");
    assert_eq!(domain["spf"]["result"], "permerror", "{}", answer.printed);
    assert!(
        answer.findings().contains(&"spf-too-many-lookups"),
        "{}",
        answer.printed
    );
}

#[test]
fn what_does_not_exist_is_missing() {
    let lab = Lab::new();
    let answer = check(&lab, HOSTS, "");
    answer.assert_outcome("finding");
    let mut codes = answer.findings();
    codes.sort_unstable();
    assert_eq!(
        codes,
        ["dkim-missing", "dmarc-missing", "spf-missing"],
        "{}",
        answer.printed
    );
}

#[test]
fn name_servers_that_refuse_make_nothing_missing() {
    let lab = Lab::new();
    let refused = refused(&lab, "office.example");
    let answer = check(&lab, &refused, "");
    answer.assert_outcome("unknown");
    assert!(answer.findings().is_empty(), "{}", answer.printed);
    let domain = answer.find("/outputs/domains", "domain", "office.example");
    for part in ["spf", "dmarc", "mx", "mta_sts", "tls_rpt"] {
        assert_eq!(domain[part]["verdict"], "unknown", "{}", answer.printed);
    }
}

#[test]
fn one_provider_that_refuses_leaves_the_rest_known() {
    let lab = Lab::new();
    let mut records = [HOSTS, DMARC, &dkim(&lab, 2048)].concat();
    records.push_str("office.example. 300 IN TXT \"v=spf1 include:spf.gone.example -all\"\n");
    records.push_str(&refused(&lab, "gone.example"));
    let answer = check(&lab, &records, "");
    answer.assert_outcome("unknown");
    let domain = answer.find("/outputs/domains", "domain", "office.example");
    assert_eq!(domain["spf"]["result"], "temperror", "{}", answer.printed);
    assert_eq!(domain["dkim"][0]["verdict"], "good", "{}", answer.printed);
    assert_eq!(domain["dmarc"]["policy"], "reject", "{}", answer.printed);
}
