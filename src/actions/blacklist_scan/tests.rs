//! Scans against scripted name servers: what is found and told. See `trust` for what is believed.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

mod trust;

use crate::actions::Report;
use crate::actions::testing::{NameServer, Zone, carry_out, carry_out_through};
use crate::probes::dns::Budget;
use crate::probes::{DnsSettings, ProbeSettings, Probes, SystemClock};
use crate::record::{Severity, StepOutcome};
use crate::site::{SecretRef, Site};

/// The target, at the site's end and turned round.
const TARGET: &str = "203.0.113.25";
const TURNED: &str = "25.113.0.203";

/// Test entries of lists in good health.
const HEALTHY: &str = "
2.0.0.127.zen.spamhaus.org A 127.0.0.2
2.0.0.127.zen.spamhaus.org A 127.0.0.4
2.0.0.127.psbl.surriel.com A 127.0.0.2
2.0.0.127.bl.spamcop.net A 127.0.0.2
2.0.0.127.all.spamrats.com A 127.0.0.36
2.0.0.127.hostkarma.junkemailfilter.com A 127.0.0.2
dbltest.com.dbl.spamhaus.org A 127.0.1.2
test.uribl.com.multi.uribl.com A 127.0.0.14
";

const FIVE: &[&str] = &[
    "spamhaus-zen",
    "psbl",
    "spamcop-bl",
    "spamrats-all",
    "hostkarma",
];

fn laboratory() -> Site {
    Site {
        id: "lab".to_owned(),
        laboratory: true,
        ..Site::default()
    }
}

async fn scan_with(zone: &str, site: &Site, args: Value) -> (Report, NameServer) {
    let server = NameServer::serve(Zone::read(&format!("{HEALTHY}{zone}"))).await;
    let report = carry_out("blacklist.scan", site, args, server.address)
        .await
        .unwrap();
    (report, server)
}

async fn scan(zone: &str, lists: &[&str]) -> (Report, NameServer) {
    let args = json!({"addresses": [TARGET], "domains": [], "lists": lists});
    scan_with(zone, &laboratory(), args).await
}

fn found(report: &Report) -> Vec<(&str, Severity)> {
    report
        .findings
        .iter()
        .map(|f| (f.code.as_str(), f.severity))
        .collect()
}

#[tokio::test]
async fn a_clean_address_is_clean_by_number() {
    let (report, server) = scan("", FIVE).await;
    assert_eq!(report.outcome, StepOutcome::Good, "{report:#?}");
    let target = &report.outputs["targets"][0];
    assert_eq!(target["clean"], 4, "{target:#}");
    assert_eq!(target["verdict"], "clean");
    assert_eq!(
        report.outputs["lists"],
        json!({"asked": 5, "healthy": 5, "weak": 0, "unknown": 0, "broken": 0, "skipped": 0})
    );
    assert_eq!(report.outputs["resolver"]["verdict"], "fit");
    assert!(
        report
            .subjects
            .contains(&"203.0.113.25 on zen.spamhaus.org".to_owned())
    );
    assert!(report.findings.is_empty());
    // One question for each control and for the target, none twice, and no TXT without a hit.
    let mut asked = server.asked();
    let all = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), all);
    assert!(!asked.iter().any(|question| question.ends_with("TXT")));
}

#[tokio::test]
async fn a_listing_is_told_with_its_parts_reason_and_way_off() {
    let zone = format!(
        "{TURNED}.zen.spamhaus.org A 127.0.0.4
         {TURNED}.zen.spamhaus.org A 127.0.0.10
         {TURNED}.zen.spamhaus.org TXT https://check.example/xbl
         {TURNED}.all.spamrats.com A 127.0.0.37
         {TURNED}.hostkarma.junkemailfilter.com A 127.0.0.2"
    );
    let (report, _) = scan(&zone, FIVE).await;
    assert_eq!(report.outcome, StepOutcome::Finding);
    assert_eq!(
        found(&report),
        [
            ("listed", Severity::Critical),
            ("listed-policy", Severity::Critical),
            ("listed-policy", Severity::Minor)
        ]
    );
    let zen = &report.outputs["listed"][0];
    assert_eq!(zen["list"], "spamhaus-zen");
    assert_eq!(zen["zone"], "zen.spamhaus.org");
    assert_eq!(zen["codes"], json!(["127.0.0.4", "127.0.0.10"]));
    assert_eq!(zen["parts"], json!(["XBL", "PBL"]));
    assert_eq!(zen["severity"], "critical");
    assert_eq!(zen["text"], "https://check.example/xbl");
    assert_eq!(
        zen["lookup_url"],
        "https://check.spamhaus.org/listed/?searchterm=203.0.113.25"
    );
    assert_eq!(report.outputs["listed"].as_array().unwrap().len(), 2);
    // Black at HostKarma is a value on a scale.
    assert_eq!(
        report.outputs["targets"][0]["reputation"][0]["list"],
        "hostkarma"
    );
    let finding = &report.findings[0];
    assert_eq!(finding.subject, "203.0.113.25 on zen.spamhaus.org");
    for part in ["127.0.0.4", "XBL", "TXT \"https://check.example/xbl\""] {
        assert!(
            finding.evidence[0].text.contains(part),
            "{}",
            finding.evidence[0].text
        );
    }
    assert!(
        finding.evidence[0]
            .from
            .as_deref()
            .unwrap()
            .starts_with("resolver 127.0.0.1:")
    );
    assert!(
        finding.remedy.contains("stolen login")
            && finding.remedy.contains("https://check.spamhaus.org/"),
        "{}",
        finding.remedy
    );
}

#[tokio::test]
async fn the_way_off_a_list_is_told_by_code() {
    for (list, zone, code, expected) in [
        (
            "spamhaus-zen",
            "zen.spamhaus.org",
            "127.0.0.2",
            "Removal from SBL: only the network owner",
        ),
        (
            "spamhaus-zen",
            "zen.spamhaus.org",
            "127.0.0.11",
            "Removal from PBL: end user of one static address",
        ),
        (
            "spamcop-bl",
            "bl.spamcop.net",
            "127.0.0.2",
            "Then wait: the entry ends by itself. Time: 24 hours",
        ),
        (
            "psbl",
            "psbl.surriel.com",
            "127.0.0.2",
            "Then ask for removal at https://psbl.org/ Time: 30 minutes",
        ),
    ] {
        let (report, _) = scan(&format!("{TURNED}.{zone} A {code}"), &[list]).await;
        let remedy = &report.findings[0].remedy;
        assert!(remedy.contains(expected), "{remedy}");
    }
}

#[tokio::test]
async fn dead_zones_are_refused_by_name_and_never_asked() {
    let zone = "*.sorbs.net A 127.0.0.2";
    let (report, server) = scan(zone, &["spamhaus-zen", "dnsbl.sorbs.net"]).await;
    assert_eq!(report.outcome, StepOutcome::Good);
    assert_eq!(report.outputs["skipped"][0]["list"], "dnsbl.sorbs.net");
    assert!(
        report.outputs["skipped"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("dead")
    );
    assert!(
        !server
            .asked()
            .iter()
            .any(|question| question.contains("sorbs"))
    );
    let (report, _) = scan(zone, &["dnsbl.sorbs.net"]).await;
    assert_eq!(report.outcome, StepOutcome::NotApplicable);
}

#[tokio::test]
async fn names_are_asked_in_full_and_by_their_registrable_domain() {
    let zone = "
        example.org.dbl.spamhaus.org A 127.0.1.4
        mail.example.org.multi.uribl.com A 127.0.0.2";
    let args = json!({"addresses": [], "domains": ["Mail.Example.org."], "lists": ["spamhaus-dbl", "uribl-multi", "psbl"]});
    let (report, server) = scan_with(zone, &laboratory(), args).await;
    let targets = report.outputs["targets"].as_array().unwrap();
    let verdicts: Vec<_> = targets
        .iter()
        .map(|t| {
            (
                t["target"].as_str().unwrap(),
                t["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        verdicts,
        [("mail.example.org", "clean"), ("example.org", "listed")]
    );
    assert_eq!(found(&report), [("listed", Severity::Critical)]);
    assert_eq!(
        report.findings[0].subject,
        "example.org on dbl.spamhaus.org"
    );
    // URIBL wants registrable domains only.
    assert!(
        !server
            .asked()
            .iter()
            .any(|question| question.starts_with("mail.example.org.multi"))
    );
    assert_eq!(report.outputs["lists"]["asked"], 2);
}

#[tokio::test]
async fn addresses_nobody_can_see_are_refused() {
    let site = Site::default();
    let server = NameServer::serve(Zone::read(HEALTHY)).await;
    for address in [
        "10.0.0.5",
        "127.0.0.1",
        "100.64.1.1",
        "203.0.113.25",
        "fe80::1",
    ] {
        let args = json!({"addresses": [address], "domains": [], "lists": ["psbl"]});
        let error = carry_out("blacklist.scan", &site, args, server.address)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(address), "{error}");
        assert!(error.is_not_sent());
    }
    assert!(server.asked().is_empty(), "{:?}", server.asked());
    // Beside a public one it is left out, but the whole is no longer "good".
    let args = json!({"addresses": ["10.0.0.5", "8.8.4.4"], "domains": [], "lists": ["psbl"]});
    let report = carry_out("blacklist.scan", &site, args, server.address)
        .await
        .unwrap();
    assert_eq!(report.outcome, StepOutcome::Unknown);
    assert_eq!(report.outputs["refused"][0]["target"], "10.0.0.5");
    assert_eq!(report.outputs["targets"][0]["verdict"], "clean");
}

#[tokio::test]
async fn keys_are_used_and_never_shown() {
    let place = std::env::temp_dir().join(format!("mailmedic-key-{}", std::process::id()));
    std::fs::write(&place, "opensesame0123456789\n").unwrap();
    let mut site = laboratory();
    let key: SecretRef = serde_json::from_value(json!({"file": place})).unwrap();
    site.lists.keys.insert("spamhaus-zen-dqs".to_owned(), key);
    let zone = format!(
        "2.0.0.127.opensesame0123456789.zen.dq.spamhaus.net A 127.0.0.2
         {TURNED}.opensesame0123456789.zen.dq.spamhaus.net A 127.0.0.3
         {TURNED}.opensesame0123456789.zen.dq.spamhaus.net TXT look up opensesame0123456789 for more"
    );
    let args = json!({"addresses": [TARGET], "domains": [], "lists": ["spamhaus-zen", "spamhaus-zen-dqs"]});
    let (report, server) = scan_with(&zone, &site, args).await;
    std::fs::remove_file(place).unwrap();
    assert_eq!(found(&report), [("listed", Severity::Critical)]);
    assert_eq!(
        report.findings[0].subject,
        "203.0.113.25 on zen.dq.spamhaus.net"
    );
    assert!(!format!("{report:?}").contains("opensesame"), "{report:#?}");
    // The key takes the place of the public zone.
    assert!(
        !server
            .asked()
            .iter()
            .any(|question| question.contains("zen.spamhaus.org"))
    );
}

#[tokio::test]
async fn ipv6_is_asked_only_where_it_is_held() {
    let nibbles = "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";
    let test = "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0";
    let zone =
        format!("{test}.zen.spamhaus.org A 127.0.0.2\n{nibbles}.zen.spamhaus.org A 127.0.0.3");
    let args =
        json!({"addresses": ["2001:db8::25"], "domains": [], "lists": ["spamhaus-zen", "psbl"]});
    let (report, server) = scan_with(&zone, &laboratory(), args).await;
    assert_eq!(found(&report), [("listed", Severity::Critical)]);
    assert!(
        !server
            .asked()
            .iter()
            .any(|question| question.contains("psbl"))
    );
}

#[tokio::test]
async fn a_list_that_holds_the_whole_network_of_an_ipv6_address_is_seen() {
    let test = "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0";
    let nibbles = "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";
    let network = "0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2";
    let alone = format!("{nibbles}.zen.spamhaus.org A 127.0.0.3");
    let all = format!("*.{network}.zen.spamhaus.org A 127.0.0.3");
    // a neighbour that is listed for another reason says nothing about this one
    let otherwise = format!("{alone}\n*.{network}.zen.spamhaus.org A 127.0.0.4");
    for (records, covered) in [(&alone, false), (&all, true), (&otherwise, false)] {
        let zone = format!("{test}.zen.spamhaus.org A 127.0.0.2\n{records}");
        let args = json!({"addresses": ["2001:db8::25"], "domains": [], "lists": ["spamhaus-zen"]});
        let (report, server) = scan_with(&zone, &laboratory(), args).await;
        assert_eq!(
            found(&report),
            [("listed", Severity::Critical)],
            "{records}"
        );
        let finding = &report.findings[0];
        let network = report.outputs["listed"][0]["network"].as_str();
        assert_eq!(network, covered.then_some("2001:db8::/64"), "{records}");
        assert_eq!(
            finding
                .summary
                .contains("with its whole network 2001:db8::/64"),
            covered
        );
        assert_eq!(
            finding
                .remedy
                .starts_with("Look at everything that sends from 2001:db8::/64"),
            covered
        );
        assert_eq!(
            finding.evidence[0].text.contains("the same answer"),
            covered
        );
        let of_network =
            |name: &&String| name.contains(".8.b.d.0.1.0.0.2.zen") && !name.starts_with("5.2.0");
        assert_eq!(
            server.asked().iter().filter(of_network).count(),
            1,
            "{:?}",
            server.asked()
        );
    }
}

#[tokio::test]
async fn nothing_to_scan_is_not_applicable() {
    let (report, _) = scan_with("", &laboratory(), json!({"lists": ["psbl"]})).await;
    assert_eq!(report.outcome, StepOutcome::NotApplicable);
}

/// Of very many targets the report tells what a person can read, and counts the rest.
#[tokio::test]
async fn very_many_targets_are_told_in_short() {
    let mut zone = String::new();
    for host in 1..=40 {
        zone.push_str(&format!("{host}.1.18.198.psbl.surriel.com A 127.0.0.2\n"));
    }
    let addresses: Vec<String> = (0..600)
        .map(|n| format!("198.18.{}.{}", n / 250, n % 250))
        .collect();
    let lists = ["spamhaus-zen", "psbl", "spamcop-bl"];
    let args = json!({"addresses": addresses, "domains": [], "lists": lists});
    let site = laboratory();
    let server = NameServer::serve(Zone::read(&format!("{HEALTHY}{zone}"))).await;
    let probes = unlimited(server.address);
    let report = carry_out_through(&probes, "blacklist.scan", &site, args)
        .await
        .unwrap();
    assert_eq!(report.outcome, StepOutcome::Finding);
    assert_eq!(
        report.outputs["verdicts"],
        json!({"listed": 40, "clean": 560, "unknown": 0, "not_applicable": 0})
    );
    assert_eq!(report.outputs["targets"].as_array().unwrap().len(), 40);
    let listed = report.outputs["listed"].as_array().unwrap();
    assert_eq!(listed.len(), 40);
    assert_eq!(listed[0]["codes"], json!(["127.0.0.2"]));
    let [finding] = report.findings.as_slice() else {
        panic!("{:#?}", report.findings)
    };
    assert_eq!(finding.subject, "targets on psbl.surriel.com");
    assert!(
        finding.summary.starts_with("40 of 600 targets are on"),
        "{}",
        finding.summary
    );
    assert_eq!(finding.evidence.len(), 3);
}

fn unlimited(server: std::net::SocketAddr) -> Probes {
    let dns = DnsSettings {
        servers: vec![server],
        default_budget: Budget::UNLIMITED,
        ..DnsSettings::default()
    };
    let settings = ProbeSettings {
        dns,
        ..ProbeSettings::default()
    };
    Probes::new(settings, std::sync::Arc::new(SystemClock)).unwrap()
}
