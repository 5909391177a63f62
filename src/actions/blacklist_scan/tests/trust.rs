//! Which lists and resolvers a scan believes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{FIVE, HEALTHY, TARGET, TURNED, found, laboratory, scan, scan_with};
use crate::actions::testing::{NameServer, Zone, carry_out, carry_out_through};
use crate::probes::{DnsSettings, ProbeSettings, Probes, SystemClock};
use crate::record::{Severity, StepOutcome};

#[tokio::test]
async fn broken_lists_neither_list_nor_clear() {
    for (zone, expected) in [
        // Answers everything: a parked or abandoned zone.
        ("*.psbl.surriel.com A 127.0.0.2", "lists 127.0.0.1"),
        ("*.psbl.surriel.com A 198.51.100.9", "outside 127.0.0.0/8"),
        ("2.0.0.127.psbl.surriel.com NODATA", "test entry"),
    ] {
        let zone_text = if zone.contains("NODATA") {
            String::new()
        } else {
            zone.to_owned()
        };
        let healthy = HEALTHY.replace(
            "2.0.0.127.psbl.surriel.com A 127.0.0.2",
            if zone_text.is_empty() { zone } else { "" },
        );
        let few = vec![TARGET];
        let many = [
            few.clone(),
            vec!["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"],
        ];
        for addresses in [few, many.concat()] {
            let server = NameServer::serve(Zone::read(&format!("{healthy}{zone_text}"))).await;
            let args = json!({"addresses": addresses, "domains": [], "lists": FIVE});
            let report = carry_out("blacklist.scan", &laboratory(), args, server.address)
                .await
                .unwrap();
            let target = &report.outputs["targets"][0];
            assert_eq!(target["broken"][0]["list"], "psbl", "{zone}: {target:#}");
            let reason = target["broken"][0]["reason"].as_str().unwrap();
            assert!(reason.contains(expected), "{reason}");
            assert_eq!(found(&report), [("list-broken", Severity::Informational)]);
            // Three other blocklists, ZEN among them, still say clean.
            assert_eq!(
                (report.outcome, &target["clean"]),
                (StepOutcome::Good, &json!(3)),
                "{zone}"
            );
            assert_eq!(report.outputs["lists"]["broken"], 1);
            // With few targets it is asked beside its controls, which saves a round trip; with more it is not troubled.
            assert_eq!(
                server
                    .asked()
                    .iter()
                    .any(|question| question.starts_with(&format!("{TURNED}.psbl"))),
                addresses.len() == 1
            );
            assert!(
                !report
                    .subjects
                    .iter()
                    .any(|subject| subject.contains("psbl"))
            );
        }
    }
}

/// Two resolvers, the first of which is not to be believed: the lists speak through the second, and nothing that the first
/// said counts.
#[tokio::test]
async fn lists_are_believed_only_through_a_resolver_that_shows_them() {
    for (first, word) in [
        ("* NODATA", "blind"),
        ("* A 198.51.100.9", "rewriting"),
        ("* SILENT", "mute"),
        ("* REFUSED", "refused"),
    ] {
        let bad = NameServer::serve(Zone::read(first)).await;
        let listed = format!("{HEALTHY}{TURNED}.psbl.surriel.com A 127.0.0.2");
        let good = NameServer::serve(Zone::read(&listed)).await;
        let probes = through(&[bad.address, good.address]);
        let args = json!({"addresses": [TARGET], "domains": [], "lists": FIVE});
        let report = carry_out_through(&probes, "blacklist.scan", &laboratory(), args)
            .await
            .unwrap();
        assert_eq!(report.outcome, StepOutcome::Finding, "{word}");
        assert_eq!(report.outputs["listed"][0]["list"], "psbl", "{word}");
        assert_eq!(report.outputs["targets"][0]["clean"], 3, "{word}");
        let resolver = &report.outputs["resolver"];
        assert_eq!(resolver["verdict"], "fit", "{resolver:#}");
        assert_eq!(resolver["compared"][0]["verdict"], word);
        assert_eq!(resolver["compared"][1]["verdict"], "fit");
        let unfit = report
            .findings
            .iter()
            .find(|finding| finding.code == "resolver-unfit")
            .unwrap();
        assert_eq!(unfit.subject, format!("resolver {}", bad.address));
        assert!(unfit.severity <= Severity::Minor);
        let proof = &report.findings[0].evidence[0];
        assert_eq!(
            proof.from.as_deref(),
            Some(format!("resolver {}", good.address).as_str())
        );
    }
}

/// A resolver that is well is asked alone: nobody is troubled twice.
#[tokio::test]
async fn a_second_resolver_is_not_asked_without_need() {
    let first = NameServer::serve(Zone::read(HEALTHY)).await;
    let second = NameServer::serve(Zone::read(HEALTHY)).await;
    let probes = through(&[first.address, second.address]);
    let lists = ["spamhaus-zen", "psbl", "spamcop-bl"];
    let args = json!({"addresses": [TARGET], "domains": [], "lists": lists});
    let report = carry_out_through(&probes, "blacklist.scan", &laboratory(), args)
        .await
        .unwrap();
    assert_eq!(report.outcome, StepOutcome::Good);
    assert!(second.asked().is_empty(), "{:?}", second.asked());
    // A list that fails through the first one speaks through the second.
    let without_psbl = HEALTHY.replace(
        "2.0.0.127.psbl.surriel.com A 127.0.0.2",
        "*.psbl.surriel.com SERVFAIL",
    );
    let first = NameServer::serve(Zone::read(&without_psbl)).await;
    let probes = through(&[first.address, second.address]);
    let args = json!({"addresses": [TARGET], "domains": [], "lists": lists});
    let report = carry_out_through(&probes, "blacklist.scan", &laboratory(), args)
        .await
        .unwrap();
    assert_eq!(report.outputs["targets"][0]["clean"], 3);
    assert_eq!(report.outcome, StepOutcome::Good, "{:#?}", report.outputs);
}

fn through(servers: &[std::net::SocketAddr]) -> Probes {
    let dns = DnsSettings {
        servers: servers.to_vec(),
        tries: [200, 200].map(Duration::from_millis).to_vec(),
        ..DnsSettings::default()
    };
    let settings = ProbeSettings {
        dns,
        ..ProbeSettings::default()
    };
    Probes::new(settings, Arc::new(SystemClock)).unwrap()
}

#[tokio::test]
async fn nothing_is_clean_without_the_lists_that_matter() {
    for (line, expected) in [
        (
            "*.zen.spamhaus.org A 127.255.255.254",
            "refused: 127.255.255.254",
        ),
        ("*.zen.spamhaus.org REFUSED", "refused: REFUSED"),
        ("*.zen.spamhaus.org SERVFAIL", "SERVFAIL"),
        ("*.zen.spamhaus.org SILENT", "no answer in time"),
    ] {
        let healthy: String = HEALTHY
            .lines()
            .filter(|l| !l.contains("zen.spamhaus"))
            .map(|l| format!("{l}\n"))
            .collect();
        let server = NameServer::serve(Zone::read(&format!("{healthy}{line}"))).await;
        let args = json!({"addresses": [TARGET], "domains": [], "lists": FIVE});
        let report = carry_out("blacklist.scan", &laboratory(), args, server.address)
            .await
            .unwrap();
        let target = &report.outputs["targets"][0];
        assert_eq!(report.outcome, StepOutcome::Unknown, "{line}");
        assert_eq!(
            (&target["clean"], &target["verdict"]),
            (&json!(3), &json!("unknown"))
        );
        let reason = target["unknown"][0]["reason"].as_str().unwrap();
        assert!(reason.contains(expected), "{line}: {reason}");
        let refused = reason.contains("refused");
        assert_eq!(
            report.outputs["resolver"]["verdict"],
            if refused { "refused" } else { "fit" }
        );
        assert_eq!(
            found(&report).contains(&("resolver-unfit", Severity::Major)),
            refused,
            "{line}"
        );
        assert_eq!(report.subjects.contains(&"resolver".to_owned()), !refused);
    }
}

#[tokio::test]
async fn a_resolver_that_lies_is_never_believed() {
    let blind = "* NODATA";
    let rewriting = "* A 198.51.100.9";
    let rewriting_but_for_lists = format!("{HEALTHY}*.invalid A 198.51.100.9");
    let mute = "* SILENT";
    let refusing = "* REFUSED";
    for (zone, word) in [
        (blind, "blind"),
        (rewriting, "rewriting"),
        (&rewriting_but_for_lists, "rewriting"),
        (mute, "mute"),
        (refusing, "refused"),
    ] {
        let listed = format!("{zone}\n{TURNED}.zen.spamhaus.org A 127.0.0.2");
        let server = NameServer::serve(Zone::read(&listed)).await;
        let args = json!({"addresses": [TARGET], "domains": ["example.org"], "lists": FIVE});
        let report = carry_out("blacklist.scan", &laboratory(), args, server.address)
            .await
            .unwrap();
        assert_eq!(report.outcome, StepOutcome::Unknown, "{word}");
        assert_eq!(report.outputs["resolver"]["verdict"], word);
        let target = &report.outputs["targets"][0];
        assert_eq!(
            (&target["clean"], &target["verdict"]),
            (&json!(0), &json!("unknown"))
        );
        assert_eq!(target["unknown"].as_array().unwrap().len(), 5, "{target:#}");
        assert_eq!(
            found(&report),
            [("resolver-unfit", Severity::Major)],
            "{word}"
        );
        assert!(report.subjects.is_empty(), "{:?}", report.subjects);
        assert_eq!(report.outputs["lists"]["unknown"], 5);
    }
}

#[tokio::test]
async fn a_list_that_stops_answering_in_the_middle_is_no_longer_believed() {
    // No data for the target is suspicious; the test entry is shown again, and here it still answers.
    let (report, server) = scan(
        &format!("{TURNED}.psbl.surriel.com NODATA"),
        &["psbl", "spamhaus-zen"],
    )
    .await;
    assert_eq!(report.outcome, StepOutcome::Good);
    let again = server
        .asked()
        .iter()
        .filter(|q| q.starts_with("2.0.0.127.psbl"))
        .count();
    assert_eq!(again, 2);
}

#[tokio::test]
async fn a_list_that_went_silent_meanwhile_clears_nobody() {
    let zone = format!(
        "2.0.0.127.bl.blocklist.de ONCE 127.0.0.2
         {TURNED}.bl.blocklist.de NODATA"
    );
    let (report, _) = scan(&zone, &["blocklist-de", "spamhaus-zen", "psbl"]).await;
    let target = &report.outputs["targets"][0];
    assert_eq!(target["clean"], 2);
    assert_eq!(target["broken"][0]["list"], "blocklist-de");
    assert!(
        !report
            .subjects
            .iter()
            .any(|subject| subject.contains("blocklist.de"))
    );
}

#[tokio::test]
async fn clean_needs_most_of_the_lists_and_a_proof() {
    // One of three answers.
    let (report, _) = scan(
        "*.dnsbl.dronebl.org REFUSED\n*.bl.blocklist.de REFUSED",
        &["psbl", "dronebl", "blocklist-de"],
    )
    .await;
    assert_eq!(report.outcome, StepOutcome::Unknown);
    // Two of three do.
    let (report, _) = scan(
        "*.dnsbl.dronebl.org REFUSED",
        &["psbl", "dronebl", "spamcop-bl"],
    )
    .await;
    assert_eq!(report.outcome, StepOutcome::Good);
    // A list without a test entry proves nothing by itself, and settles nothing that was found before.
    let args = json!({"addresses": [], "domains": ["example.org"], "lists": ["swinog-uribl"]});
    let (report, _) = scan_with("", &laboratory(), args).await;
    assert_eq!(report.outcome, StepOutcome::Unknown);
    let target = &report.outputs["targets"][0];
    assert_eq!(
        (&target["clean"], &target["clean_weak"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(report.subjects, ["uribl.swinog.ch", "resolver"]);
}
