//! `mailauth.check` through unbound: records that need TCP, chains that are too long, and servers that refuse.

use crate::lab::{Answer, EXPIRED, Host, Lab, VALID, Zone, address, delegation};

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

/// A domain with a policy: its own name, and what its policy's host does.
struct Announced {
    name: &'static str,
    /// Certificate and answer; `None` where no web server stands behind the name.
    host: Option<(Shown, String)>,
    /// Where the name of the policy's host leads.
    address: Option<&'static str>,
    /// Verdict of MTA-STS, the finding's code, a part of the reason or of the finding's summary.
    wanted: (&'static str, Option<&'static str>, &'static str),
}

/// What a host shows.
#[derive(Clone, Copy)]
enum Shown {
    Good,
    Expired,
    OtherName,
    SelfSigned,
}

fn file(kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn policy(mx: &str) -> String {
    format!("version: STSv1\r\nmode: enforce\r\nmx: {mx}\r\nmax_age: 604800\r\n")
}

fn announced() -> Vec<Announced> {
    let good = file("text/plain; charset=utf-8", &policy("mail.office.example"));
    let moved = "HTTP/1.1 301 Moved\r\nlocation: https://mta-sts.good.example/.well-known/mta-sts.txt\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n";
    let gone = "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno";
    let long = format!(
        "{}{}",
        policy("mail.office.example"),
        "x: y\r\n".repeat(20_000)
    );
    let served = |name, shown, answer: &str, wanted| Announced {
        name,
        host: Some((shown, answer.to_owned())),
        address: Some(address::LISTS),
        wanted,
    };
    let away = |name, address, wanted| Announced {
        name,
        host: None,
        address,
        wanted,
    };
    let bad = |code, part| ("finding", Some(code), part);
    let not_told = |part| ("unknown", None, part);
    vec![
        served("good", Shown::Good, &good, ("good", None, "")),
        served(
            "expired",
            Shown::Expired,
            &good,
            bad("mta-sts-certificate", "it ended on 2020-01-31"),
        ),
        served(
            "othername",
            Shown::OtherName,
            &good,
            bad(
                "mta-sts-certificate",
                "it is for www.othername.example, not for",
            ),
        ),
        served(
            "selfsigned",
            Shown::SelfSigned,
            &good,
            bad("mta-sts-certificate", "signed by itself"),
        ),
        served(
            "moved",
            Shown::Good,
            moved,
            bad("mta-sts-policy", "sends on to https://mta-sts.good"),
        ),
        served(
            "gone",
            Shown::Good,
            gone,
            bad("mta-sts-policy", "status 404"),
        ),
        served(
            "page",
            Shown::Good,
            &file("text/html", &policy("mail.office.example")),
            bad("mta-sts-policy", "text/html"),
        ),
        served(
            "long",
            Shown::Good,
            &file("text/plain", &long),
            bad("mta-sts-policy", "larger than 65536 octets"),
        ),
        served(
            "othermx",
            Shown::Good,
            &file("text/plain", &policy("*.office.example.net")),
            bad("mta-sts-mx", "mail.office.example"),
        ),
        served(
            "broken",
            Shown::Good,
            &file("text/plain", "version: STSv1\r\nmode: on\r\n"),
            bad("mta-sts-policy", "the mode is 'on'"),
        ),
        served(
            "quiet",
            Shown::Good,
            "",
            not_told("could not be fetched from here"),
        ),
        away("nohost", None, bad("mta-sts-policy", "has no address")),
        away(
            "vanishes",
            Some(address::SILENT),
            not_told("could not be fetched from here"),
        ),
        away(
            "closed",
            Some(address::OTHER_RESOLVER),
            not_told("could not be fetched from here"),
        ),
    ]
}

/// The policy of each domain of a site, on a web server of its own behind one address; `settings` are those of mailmedic.
fn with_policies(lab: &Lab, laboratory: bool, settings: &str) -> Answer {
    let mut records = HOSTS.to_owned();
    let mut hosts = Vec::new();
    for one in announced() {
        let domain = format!("{}.example", one.name);
        let host = format!("mta-sts.{domain}");
        records.push_str(&format!(
            "{domain}. 300 IN MX 10 mail.office.example.\n\
             {domain}. 300 IN TXT \"v=spf1 mx -all\"\n\
             _dmarc.{domain}. 300 IN TXT \"v=DMARC1; p=reject\"\n\
             _smtp._tls.{domain}. 300 IN TXT \"v=TLSRPTv1; rua=mailto:t@{domain}\"\n\
             _mta-sts.{domain}. 300 IN TXT \"v=STSv1; id=1;\"\n"
        ));
        if let Some(at) = one.address {
            records.push_str(&format!("{host}. 300 IN A {at}\n"));
        }
        let Some((shown, answer)) = one.host else {
            continue;
        };
        let certificate = match shown {
            Shown::Good => lab.certificate(one.name, &host, VALID),
            Shown::Expired => lab.certificate(one.name, &host, EXPIRED),
            Shown::OtherName => lab.certificate(one.name, "www.othername.example", VALID),
            Shown::SelfSigned => lab.self_signed(one.name, &host),
        };
        hosts.push(Host {
            name: host,
            certificate,
            answer,
        });
    }
    lab.https(address::LISTS, &hosts);
    lab.resolver(address::RESOLVER, &records, "");
    lab.write("mailmedic.yaml", settings);
    let domains: Vec<String> = announced()
        .iter()
        .map(|one| format!("{}.example", one.name))
        .collect();
    let site = format!(
        "id: office\nname: Office\nlaboratory: {laboratory}\ndomains: [{}]\n",
        domains.join(", ")
    );
    lab.probe("mailauth.check", &site, &[])
}

#[test]
fn policies_are_fetched_over_https_as_senders_fetch_them() {
    let lab = Lab::new();
    let authority = lab.authority();
    let settings = format!("authorities: {}\n", authority.display());
    let answer = with_policies(&lab, true, &settings);
    answer.assert_outcome("finding");
    for one in announced() {
        let domain = format!("{}.example", one.name);
        let (verdict, code, part) = one.wanted;
        let view = &answer.find("/outputs/domains", "domain", &domain)["mta_sts"];
        assert_eq!(view["verdict"], verdict, "{domain}: {view}");
        let all = answer.at("/findings").as_array().unwrap();
        let subject = format!("MTA-STS of {domain}");
        let found: Vec<_> = all
            .iter()
            .filter(|f| f["subject"] == subject.as_str())
            .collect();
        let codes: Vec<_> = found.iter().filter_map(|f| f["code"].as_str()).collect();
        assert_eq!(
            codes,
            code.into_iter().collect::<Vec<_>>(),
            "{domain}: {view}"
        );
        let told = match found.first() {
            Some(finding) => {
                let proofs = finding["evidence"].as_array().unwrap();
                assert!(
                    proofs.len() > 1,
                    "the web server's answer is evidence: {finding}"
                );
                finding["summary"].as_str().unwrap()
            }
            None => view["reason"].as_str().unwrap(),
        };
        assert!(told.contains(part), "{domain}: {told}");
    }
    let log = lab.log("https");
    assert_eq!(
        log.matches("mta-sts.good.example GET").count(),
        1,
        "a redirect was followed: {log}"
    );
}

#[test]
fn what_only_this_machine_sees_is_no_finding_about_the_policy() {
    let lab = Lab::new();
    let authority = lab.authority();
    // a firewall that looks into HTTPS: its authority is trusted here, and nowhere else
    let settings = format!("authorities: {}\n", authority.display());
    let answer = with_policies(&lab, false, &settings);
    let at = |name: &str| answer.find("/outputs/domains", "domain", name)["mta_sts"].clone();
    let seen = at("good.example");
    assert_eq!(seen["verdict"], "unknown", "{seen}");
    let reason = seen["reason"].as_str().unwrap();
    assert!(reason.contains("leads mta-sts.good.example to"), "{reason}");
    assert!(
        !answer.findings().contains(&"mta-sts-certificate"),
        "{}",
        answer.printed
    );
    assert!(!lab.log("https").contains("GET"), "{}", lab.log("https"));
}
