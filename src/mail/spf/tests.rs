//! The standard as cases (`tests/cases/spf`): by our evaluator, and by another implementation as the second opinion.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::MessageAuthenticator;
use mail_auth::spf::verify::SpfParameters;
use serde::Deserialize;

use super::*;
use crate::mail::lookup::{Found, Known, Lookup, Text};
use crate::practice::dns::{Dns, Rr, Trouble, ZoneSet, Zones, reverse_name};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    zone: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    ip: IpAddr,
    domain: String,
    #[serde(default)]
    sender: Option<String>,
    #[serde(default)]
    helo: Option<String>,
    result: String,
    #[serde(default)]
    lookups: Option<usize>,
    #[serde(default)]
    voids: Option<usize>,
    /// Look-ups of the whole record.
    #[serde(default)]
    whole: Option<usize>,
    /// A part of the reason.
    #[serde(default)]
    reason: Option<String>,
    /// What the other implementation says where it departs from the standard.
    #[serde(default)]
    mail_auth: Option<String>,
    /// For who reads the case.
    #[serde(default, rename = "why")]
    _why: Option<String>,
}

impl Case {
    fn request(&self) -> Request {
        Request {
            ip: self.ip,
            domain: self.domain.clone(),
            sender: self
                .sender
                .clone()
                .unwrap_or_else(|| format!("postmaster@{}", self.domain)),
            helo: self.helo.clone().unwrap_or_else(|| self.domain.clone()),
        }
    }
}

fn files() -> Vec<(String, File)> {
    ["mechanisms", "limits", "macros"]
        .map(|name| (name.to_owned(), serde_yaml::from_str(&text(name)).unwrap()))
        .into()
}

fn text(name: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(format!("tests/cases/spf/{name}.yaml"))).unwrap()
}

/// The zone of a file as the practice server serves it. A line is `name TYPE value`; the name of a PTR line is an address.
fn zones(text: &str) -> ZoneSet {
    let mut zones = ZoneSet::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.trim().splitn(3, ' ');
        let (name, kind) = (words.next().unwrap(), words.next().unwrap());
        let value = words.next().unwrap_or_default();
        let name = match name.parse::<IpAddr>() {
            Ok(address) => reverse_name(address),
            Err(_) => name.to_owned(),
        };
        let record = match kind {
            "A" => Rr::A(value.parse().unwrap()),
            "AAAA" => Rr::Aaaa(value.parse().unwrap()),
            "PTR" => Rr::Ptr(value.to_owned()),
            "CNAME" => Rr::Cname(value.to_owned()),
            "MX" => {
                let (preference, host) = value.split_once(' ').unwrap();
                Rr::Mx(
                    preference.parse().unwrap(),
                    host.trim_matches('.').to_owned(),
                )
            }
            "TXT" => Rr::Txt(value.trim_matches('"').replace("\" \"", "")),
            "SERVFAIL" => {
                zones.set_trouble(&name, Some(Trouble::ServFail));
                continue;
            }
            "REFUSED" => {
                zones.set_trouble(&name, Some(Trouble::Refused));
                continue;
            }
            other => panic!("no such type: {other}"),
        };
        zones.add(&name, record);
    }
    zones
}

/// Evaluates with answers out of the zone, each asked only when it is needed.
fn evaluated(zone: &str, request: &Request, extent: Extent) -> Evaluation {
    let mut known = Known::default();
    loop {
        match evaluate(request, &known, extent) {
            Ok(evaluation) => return evaluation,
            Err(ask) => {
                assert!(known.len() < 200, "{request:?} asks without end");
                for lookup in ask.0 {
                    let found = found(zone, &lookup);
                    known.learn(lookup, found);
                }
            }
        }
    }
}

/// What a resolver says from this zone.
fn found(zone: &str, lookup: &Lookup) -> Found {
    let (name, kind) = match lookup {
        Lookup::Txt(name) => (name.clone(), "TXT"),
        Lookup::A(name) => (name.clone(), "A"),
        Lookup::Aaaa(name) => (name.clone(), "AAAA"),
        Lookup::Mx(name) => (name.clone(), "MX"),
        Lookup::Cname(name) => (name.clone(), "CNAME"),
        Lookup::Ptr(address) => (address.to_string(), "PTR"),
    };
    let lines: Vec<(&str, &str)> = zone
        .lines()
        .filter_map(|line| {
            let mut words = line.trim().splitn(3, ' ');
            let same = words.next()? == name;
            same.then(|| (words.next().unwrap(), words.next().unwrap_or_default()))
        })
        .collect();
    if lines.is_empty() {
        return Found::NoName;
    }
    if let Some((trouble, _)) = lines
        .iter()
        .find(|(kind, _)| ["SERVFAIL", "REFUSED"].contains(kind))
    {
        return Found::Failed((*trouble).to_owned());
    }
    if let Some((_, target)) = lines.iter().find(|(kind, _)| *kind == "CNAME")
        && matches!(lookup, Lookup::A(_))
    {
        return found(zone, &Lookup::A((*target).to_owned()));
    }
    let values: Vec<&str> = lines
        .iter()
        .filter(|(known, _)| *known == kind)
        .map(|(_, value)| *value)
        .collect();
    if values.is_empty() {
        return Found::NoData;
    }
    let texts = || values.iter().map(|value| (*value).to_owned());
    match lookup {
        Lookup::Txt(_) => Found::Txt(
            values
                .iter()
                .map(|value| value.trim_matches('"').split("\" \""))
                .map(|parts| Text(parts.map(str::to_owned).collect()))
                .collect(),
        ),
        Lookup::A(_) => Found::A(values.iter().map(|value| value.parse().unwrap()).collect()),
        Lookup::Aaaa(_) => Found::Aaaa(values.iter().map(|value| value.parse().unwrap()).collect()),
        Lookup::Mx(_) => Found::Mx(
            values
                .iter()
                .map(|value| value.split_once(' ').unwrap())
                .map(|(preference, host)| {
                    (
                        preference.parse().unwrap(),
                        host.trim_matches('.').to_owned(),
                    )
                })
                .collect(),
        ),
        Lookup::Ptr(_) => Found::Ptr(texts().collect()),
        Lookup::Cname(_) => Found::Cname(values[0].to_owned()),
    }
}

#[test]
fn every_case_comes_to_what_the_standard_says() {
    let mut faults = Vec::new();
    for (name, file) in files() {
        for case in &file.cases {
            let request = case.request();
            let seen = evaluated(&file.zone, &request, Extent::Verdict);
            let whole = evaluated(&file.zone, &request, Extent::Whole);
            let wrong = seen.result.as_str() != case.result
                || case.lookups.is_some_and(|wanted| wanted != seen.lookups)
                || case.voids.is_some_and(|wanted| wanted != seen.voids)
                || case.whole.is_some_and(|wanted| wanted != whole.lookups)
                || !case
                    .reason
                    .iter()
                    .all(|part| seen.reason.contains(part.as_str()));
            if wrong {
                faults.push(format!(
                    "{name}: {} from {}: wanted {} ({:?} look-ups, {:?} void, {:?} in all, {:?}), came to {} ({}, {}, {}; {})",
                    case.domain, case.ip, case.result, case.lookups, case.voids, case.whole, case.reason,
                    seen.result, seen.lookups, seen.voids, whole.lookups, seen.reason
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn another_implementation_agrees_where_it_keeps_to_the_standard() {
    let mut faults = Vec::new();
    let mut agreed = 0;
    for (name, file) in files() {
        let server = Dns::start(Zones::new(zones(&file.zone))).await.unwrap();
        let address = server.address();
        let mut upstream = NameServerConfig::udp_and_tcp(address.ip());
        for connection in &mut upstream.connections {
            connection.port = address.port();
        }
        let mut options = ResolverOpts::default();
        options.attempts = 0;
        options.timeout = Duration::from_millis(500);
        options.edns0 = true;
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![upstream]);
        let other = MessageAuthenticator::new(config, options).unwrap();
        for case in &file.cases {
            let request = case.request();
            let parameters = SpfParameters::verify_mail_from(
                request.ip,
                &request.helo,
                "receiver.example",
                &request.sender,
            );
            // it takes the domain from the sender, so a case with another sender cannot be put to it
            if !request.sender.ends_with(&format!("@{}", request.domain)) {
                continue;
            }
            let said = other.verify_spf(parameters).await.result();
            let said = format!("{said:?}").to_lowercase();
            let wanted = case.mail_auth.as_ref().unwrap_or(&case.result);
            if said == *wanted {
                agreed += usize::from(case.mail_auth.is_none());
            } else {
                faults.push(format!(
                    "{name}: {} from {}: {} here, {said} there",
                    case.domain, case.ip, case.result
                ));
            }
        }
        server.stop().await;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(agreed > 60, "only {agreed} cases were compared");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Syntax {
    records: Vec<Faulty>,
    remarks: Vec<Remarked>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Faulty {
    record: String,
    #[serde(default)]
    faults: Vec<String>,
    #[serde(default)]
    mended: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remarked {
    #[serde(default)]
    record: Option<String>,
    #[serde(default)]
    strings: Vec<String>,
    remarks: Vec<String>,
}

#[test]
fn each_fault_is_told_and_mended_where_it_is_plain() {
    let syntax: Syntax = serde_yaml::from_str(&text("syntax")).unwrap();
    for case in &syntax.records {
        let parsed = parse(&case.record);
        let told: Vec<&str> = parsed
            .faults
            .iter()
            .map(|fault| fault.what.as_str())
            .collect();
        assert_eq!(told.len(), case.faults.len(), "{}: {told:?}", case.record);
        for (told, wanted) in told.iter().zip(&case.faults) {
            assert!(told.contains(wanted.as_str()), "{}: {told}", case.record);
        }
        assert_eq!(parsed.mended(), case.mended, "{}", case.record);
        for fault in &parsed.faults {
            assert!(
                case.record[fault.at..].starts_with(&fault.term),
                "{}: {fault:?}",
                case.record
            );
        }
    }
}

#[test]
fn what_is_allowed_and_wrong_is_remarked() {
    let syntax: Syntax = serde_yaml::from_str(&text("syntax")).unwrap();
    for case in &syntax.remarks {
        let record = match &case.record {
            Some(record) => Text(vec![record.clone()]),
            None => Text(case.strings.clone()),
        };
        let remarks = advise(&record, &parse(&record.joined()), |address| {
            address
                .to_string()
                .starts_with("10.")
                .then_some("private networks")
        });
        let kinds: Vec<String> = remarks
            .iter()
            .map(|remark| format!("{:?}", remark.kind))
            .collect();
        assert_eq!(kinds, case.remarks, "{}: {remarks:?}", record.joined());
    }
    let long = format!("v=spf1 {}-all", "ip4:198.51.100.100 ".repeat(30));
    let remarks = advise(&Text(vec![long.clone()]), &parse(&long), |_| None);
    assert!(remarks.iter().any(|one| one.kind == RemarkKind::TooLong));
}

#[test]
fn a_record_to_paste_lets_the_address_pass() {
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    for (record, wanted) in [
        (None, "v=spf1 ip4:192.0.2.1 -all"),
        (Some("v=spf1 mx ~all"), "v=spf1 mx ip4:192.0.2.1 ~all"),
        (
            Some("v=spf1 mx redirect=a.example"),
            "v=spf1 mx ip4:192.0.2.1 redirect=a.example",
        ),
        (Some("v=spf1"), "v=spf1 ip4:192.0.2.1"),
        (Some("v=spf1 -all"), "v=spf1 ip4:192.0.2.1 -all"),
        (
            Some("v=spf1 ip4:192.0.2.1 -all"),
            "v=spf1 ip4:192.0.2.1 -all",
        ),
    ] {
        assert_eq!(allowing(record, &[address]), wanted);
    }
}

#[test]
fn what_only_looks_like_spf_is_seen() {
    for (text, wanted) in [
        ("v=spf1 -all", None),
        ("google-site-verification=abc", None),
        ("\"v=spf1 -all\"", Some("quotation mark")),
        (" v=spf1 -all", Some("blank stands before")),
        ("v=spf1; mx -all", Some("a blank must follow")),
        ("v=spf10 mx", Some("a blank must follow")),
        ("v=spf mx -all", Some("must begin with")),
        ("spf2.0/pra mx -all", Some("Sender ID")),
    ] {
        let found = lookalikes(&[Text(vec![text.to_owned()])]);
        match wanted {
            None => assert!(found.is_empty(), "{text}: {found:?}"),
            Some(part) => assert!(found[0].1.contains(part), "{text}: {found:?}"),
        }
    }
}

mod anything {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever stands in DNS: no panic, places inside the text, and a mended record is a good one.
        #[test]
        fn any_text_is_read(text in "(v=spf1)?( ?[-+~?]?(all|a|mx|ip4|ip6|include|exists|ptr|redirect|[a-z]{1,5})?[:=/]?[ -~–]{0,12}){0,6}") {
            let parsed = parse(&text);
            for fault in &parsed.faults {
                prop_assert!(text.get(fault.at..).is_some_and(|rest| rest.starts_with(&fault.term)));
            }
            if let Some(mended) = parsed.mended() {
                prop_assert!(parse(&mended).is_valid());
            }
            advise(&Text(vec![text]), &parsed, |_| None);
        }

        #[test]
        fn any_answers_come_to_an_end(records in prop::collection::vec("v=spf1( (include:[ab]\\.example|redirect=[ab]\\.example|a:[ab]\\.example|exists:%\\{i\\}\\.[ab]\\.example)){0,6}", 2)) {
            let mut known = Known::default();
            for (name, record) in ["a.example", "b.example"].iter().zip(records) {
                known.learn(Lookup::txt(name), Found::Txt(vec![Text(vec![record])]));
            }
            let request = Request::mail_from("192.0.2.1".parse().unwrap(), "a.example", "a.example");
            for extent in [Extent::Verdict, Extent::Whole] {
                for _ in 0..100 {
                    match evaluate(&request, &known, extent) {
                        Ok(_) => break,
                        Err(ask) => for lookup in ask.0 { known.learn(lookup, Found::NoData) },
                    }
                }
                prop_assert!(evaluate(&request, &known, extent).is_ok());
            }
        }
    }
}

#[test]
fn several_records_become_one() {
    for (records, wanted) in [
        (
            vec!["v=spf1 mx -all", "v=spf1 mx a:w.example ~all"],
            Some("v=spf1 mx a:w.example -all"),
        ),
        (vec!["v=spf1 mx", "v=spf1 a ?all"], Some("v=spf1 mx a ?all")),
        (vec!["v=spf1 mx -all", "v=spf1 redirect=a.example"], None),
        (vec!["v=spf1 mx -all", "v=spf1 foo"], None),
    ] {
        let records: Vec<String> = records.into_iter().map(str::to_owned).collect();
        assert_eq!(merged(&records).as_deref(), wanted, "{records:?}");
    }
}
