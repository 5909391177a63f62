//! Names against scripted name servers.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::actions::Report;
use crate::actions::testing::{NameServer, Zone, carry_out};
use crate::record::{Severity, StepOutcome};
use crate::site::Site;

const REVERSE: &str = "25.113.0.203.in-addr.arpa";
const REVERSE6: &str = "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";

async fn verify(zone: &str, args: Value) -> Report {
    let zone = zone
        .replace("REVERSE6", REVERSE6)
        .replace("REVERSE", REVERSE);
    let server = NameServer::serve(Zone::read(&zone)).await;
    let site = Site {
        id: "lab".to_owned(),
        laboratory: true,
        domains: vec!["example.org".to_owned()],
        ..Site::default()
    };
    carry_out("rdns.verify", &site, args, server.address)
        .await
        .unwrap()
}

/// zone, verdict, findings
type AddressCase = (
    &'static str,
    &'static str,
    &'static [(&'static str, Severity)],
);

/// name, more of the zone, verdict, finding
type HeloCase = (
    &'static str,
    &'static str,
    &'static str,
    Option<(&'static str, Severity)>,
);

#[tokio::test]
async fn addresses_are_judged_by_the_whole_chain() {
    let cases: &[AddressCase] = &[
        (
            "REVERSE PTR Mail.Example.org\nmail.example.org A 203.0.113.25",
            "pass",
            &[],
        ),
        (
            "REVERSE PTR mail.example.org\nmail.example.org A 203.0.113.9\nmail.example.org A 203.0.113.25",
            "pass",
            &[],
        ),
        (
            "mail.example.org A 203.0.113.25",
            "none",
            &[("rdns-missing", Severity::Critical)],
        ),
        (
            "REVERSE NODATA",
            "none",
            &[("rdns-missing", Severity::Critical)],
        ),
        ("REVERSE SERVFAIL", "unknown", &[]),
        ("REVERSE REFUSED", "unknown", &[]),
        ("REVERSE SILENT", "unknown", &[]),
        (
            "REVERSE PTR mail.example.org\nmail.example.org A 203.0.113.9",
            "fail",
            &[("rdns-unconfirmed", Severity::Major)],
        ),
        (
            "REVERSE PTR mail.example.org",
            "fail",
            &[("rdns-unconfirmed", Severity::Major)],
        ),
        (
            "REVERSE PTR mail.example.org\nmail.example.org SERVFAIL",
            "unknown",
            &[],
        ),
        (
            "REVERSE PTR mail.example.org\nmail.example.org AAAA 2001:db8::25",
            "fail",
            &[("rdns-unconfirmed", Severity::Major)],
        ),
        (
            "REVERSE PTR dsl-203-0-113-25.isp.example\ndsl-203-0-113-25.isp.example A 203.0.113.25",
            "generic",
            &[("rdns-generic", Severity::Major)],
        ),
        (
            "REVERSE PTR static-203-0-113-25.isp.example\nstatic-203-0-113-25.isp.example A 203.0.113.25",
            "generic",
            &[("rdns-generic", Severity::Minor)],
        ),
        (
            "REVERSE PTR mail_out.example.org\nmail_out.example.org A 203.0.113.25",
            "generic",
            &[("rdns-generic", Severity::Major)],
        ),
        (
            "REVERSE PTR localhost",
            "fail",
            &[("rdns-unconfirmed", Severity::Major)],
        ),
        // An unconfirmed or generic name beside a good one: the good one counts, two are told.
        (
            "REVERSE PTR mail.example.org\nREVERSE PTR old.example.org\nmail.example.org A 203.0.113.25",
            "pass",
            &[("rdns-multiple", Severity::Minor)],
        ),
        (
            "REVERSE CNAME 25.0-31.113.0.203.in-addr.arpa\n25.0-31.113.0.203.in-addr.arpa PTR mail.example.org\nmail.example.org A 203.0.113.25",
            "pass",
            &[],
        ),
    ];
    for (zone, verdict, findings) in cases {
        let report = verify(zone, json!({"addresses": ["203.0.113.25"]})).await;
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|f| (f.code.as_str(), f.severity))
            .collect();
        assert_eq!(
            report.outputs["addresses"][0]["verdict"], *verdict,
            "{zone}"
        );
        assert_eq!(&found, findings, "{zone}");
        let expected = match (*verdict, findings.is_empty()) {
            ("unknown", _) => StepOutcome::Unknown,
            (_, true) => StepOutcome::Good,
            (_, false) => StepOutcome::Finding,
        };
        assert_eq!(report.outcome, expected, "{zone}");
        assert_eq!(report.subjects.is_empty(), *verdict == "unknown", "{zone}");
    }
}

#[tokio::test]
async fn ipv6_needs_its_own_record() {
    let args = json!({"addresses": ["2001:db8::25"]});
    let report = verify(
        "REVERSE6 PTR mail.example.org\nmail.example.org A 203.0.113.25",
        args.clone(),
    )
    .await;
    let address = &report.outputs["addresses"][0];
    assert_eq!(address["verdict"], "fail");
    assert!(
        address["warnings"][0]
            .as_str()
            .unwrap()
            .contains("no AAAA record"),
        "{address:#}"
    );
    let report = verify(
        "REVERSE6 PTR mail.example.org\nmail.example.org AAAA 2001:db8::25",
        args,
    )
    .await;
    assert_eq!(
        report.outputs["addresses"][0]["confirmed"],
        json!(["mail.example.org"])
    );
}

#[tokio::test]
async fn the_one_who_can_set_it_is_told() {
    let zone = "113.0.203.in-addr.arpa SOA ns1.isp.example hostmaster.isp.example";
    let report = verify(zone, json!({"addresses": ["203.0.113.25"]})).await;
    let address = &report.outputs["addresses"][0];
    assert_eq!(
        address["zone"],
        json!({"name": "113.0.203.in-addr.arpa", "primary": "ns1.isp.example", "contact": "hostmaster@isp.example"})
    );
    let finding = &report.findings[0];
    for part in [
        "hostmaster@isp.example",
        "mail.example.org",
        "network operator",
    ] {
        assert!(finding.remedy.contains(part), "{}", finding.remedy);
    }
    assert!(
        finding.evidence[0].text.contains("PTR no such name"),
        "{}",
        finding.evidence[0].text
    );
    let zone = "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa SOA ns1.isp.example hostmaster.isp.example";
    let report = verify(zone, json!({"addresses": ["2001:db8::25"]})).await;
    assert_eq!(
        report.outputs["addresses"][0]["zone"]["name"],
        "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
    );
}

#[tokio::test]
async fn helo_names_are_judged_for_the_addresses_that_use_them() {
    let base = "REVERSE PTR mail.example.org\nmail.example.org A 203.0.113.25\n";
    let cases: &[HeloCase] = &[
        ("mail.example.org", "", "pass", None),
        (
            "smtp.example.org",
            "smtp.example.org A 203.0.113.25",
            "pass",
            None,
        ),
        (
            "smtp.example.org",
            "smtp.example.org A 203.0.113.9",
            "mismatch",
            Some(("helo-mismatch", Severity::Minor)),
        ),
        (
            "smtp.example.org",
            "",
            "mismatch",
            Some(("helo-mismatch", Severity::Major)),
        ),
        (
            "smtp.example.org",
            "smtp.example.org SERVFAIL",
            "unknown",
            None,
        ),
        (
            "smtp.example.org",
            "smtp.example.org SILENT",
            "unknown",
            None,
        ),
        (
            "EXCHANGE",
            "",
            "invalid",
            Some(("helo-invalid", Severity::Major)),
        ),
        (
            "exchange.company.local",
            "",
            "invalid",
            Some(("helo-invalid", Severity::Major)),
        ),
        (
            "mail_gw.example.org",
            "",
            "invalid",
            Some(("helo-invalid", Severity::Major)),
        ),
        (
            "203.0.113.25",
            "",
            "invalid",
            Some(("helo-invalid", Severity::Major)),
        ),
        (
            "[203.0.113.25]",
            "",
            "invalid",
            Some(("helo-invalid", Severity::Minor)),
        ),
    ];
    for (name, more, verdict, finding) in cases {
        let report = verify(
            &format!("{base}{more}"),
            json!({"addresses": ["203.0.113.25"], "helo": name}),
        )
        .await;
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|f| (f.code.as_str(), f.severity))
            .collect();
        assert_eq!(report.outputs["helo"]["verdict"], *verdict, "{name} {more}");
        assert_eq!(
            found,
            finding.iter().copied().collect::<Vec<_>>(),
            "{name} {more}"
        );
        assert_eq!(
            report.subjects.contains(&(*name).to_owned()),
            *verdict != "unknown",
            "{name} {more}"
        );
        if let Some(told) = report.findings.first() {
            assert_eq!(told.subject, *name);
        }
    }
}

#[tokio::test]
async fn another_reverse_name_is_a_warning_only() {
    let zone = "REVERSE PTR mail.example.org\nmail.example.org A 203.0.113.25\nsmtp.example.org A 203.0.113.25";
    let report = verify(
        zone,
        json!({"addresses": ["203.0.113.25"], "helo": "smtp.example.org"}),
    )
    .await;
    assert_eq!(report.outcome, StepOutcome::Good);
    assert!(
        report.outputs["helo"]["warnings"][0]
            .as_str()
            .unwrap()
            .contains("mail.example.org")
    );
}

#[tokio::test]
async fn without_addresses_there_is_nothing_to_verify() {
    let report = verify("", json!({})).await;
    assert_eq!(report.outcome, StepOutcome::NotApplicable);
    assert_eq!(report.outputs["helo"]["verdict"], "not_applicable");
}

#[tokio::test]
async fn private_addresses_are_refused() {
    let server = NameServer::serve(Zone::read("")).await;
    let args = json!({"addresses": ["192.168.1.5"]});
    let error = carry_out("rdns.verify", &Site::default(), args, server.address)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("192.168.1.5"));
    assert!(server.asked().is_empty());
}
