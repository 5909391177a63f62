//! Resolvers of every kind, scripted on loopback, and a site whose server greets.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::actions::Report;
use crate::actions::testing::{NameServer, Zone, carry_out, carry_out_through};
use crate::probes::{DnsSettings, ProbeSettings, Probes, SystemClock};
use crate::record::{Severity, StepOutcome};
use crate::site::{Server, Site};

const HEALTHY: &str = "
2.0.0.127.zen.spamhaus.org A 127.0.0.2
2.0.0.127.psbl.surriel.com A 127.0.0.2
2.0.0.127.bl.spamcop.net A 127.0.0.2
dbltest.com.dbl.spamhaus.org A 127.0.1.2
";
const LISTS: &[&str] = &["spamhaus-zen", "psbl", "spamcop-bl", "spamhaus-dbl"];

async fn check(zone: &str) -> Report {
    let server = NameServer::serve(Zone::read(zone)).await;
    let args = json!({ "lists": LISTS });
    let site = Site::default();
    carry_out("vantage.check", &site, args, server.address)
        .await
        .unwrap()
}

#[tokio::test]
async fn each_kind_of_resolver_is_told_with_what_to_do_about_it() {
    let refused_by_zen = HEALTHY.replace(
        "2.0.0.127.zen.spamhaus.org A 127.0.0.2",
        "*.zen.spamhaus.org A 127.255.255.254",
    );
    let forwarder = format!("{HEALTHY}o-o.myaddr.l.google.com TXT 172.253.9.1\n");
    let own = format!("{HEALTHY}o-o.myaddr.l.google.com TXT 192.0.2.53\n");
    for (zone, verdict, severity, remedy) in [
        (HEALTHY, "fit", None, ""),
        (&own, "fit", None, ""),
        (
            &refused_by_zen,
            "refused",
            Some(Severity::Major),
            "spamhaus-zen-dqs",
        ),
        (
            "* A 198.51.100.9",
            "rewriting",
            Some(Severity::Major),
            "search pages",
        ),
        (
            "* NODATA",
            "blind",
            Some(Severity::Major),
            "private-address",
        ),
        ("* SILENT", "mute", Some(Severity::Major), "access-control"),
        (&forwarder, "fit", Some(Severity::Major), "no forward-zone"),
    ] {
        let report = check(zone).await;
        let seen = &report.outputs["resolvers"][0];
        assert_eq!(seen["verdict"], verdict, "{zone}: {seen:#}");
        let found = report.findings.first();
        assert_eq!(found.map(|f| f.severity), severity, "{zone}: {seen:#}");
        assert_eq!(
            report.outcome,
            match severity {
                Some(_) => StepOutcome::Finding,
                None => StepOutcome::Good,
            },
            "{zone}"
        );
        if let Some(finding) = found {
            assert_eq!(finding.code, "resolver-unfit");
            assert!(finding.remedy.contains(remedy), "{}", finding.remedy);
            assert!(finding.remedy.contains("apt install unbound"));
            assert!(!finding.evidence.is_empty());
        }
    }
    let report = check(&forwarder).await;
    let seen = &report.outputs["resolvers"][0];
    assert_eq!(seen["public"], "Google Public DNS");
    assert_eq!(seen["egress"], "172.253.9.1");
}

#[tokio::test]
async fn several_resolvers_are_compared_and_the_good_one_is_named() {
    let blind = NameServer::serve(Zone::read("* NODATA")).await;
    let good = NameServer::serve(Zone::read(HEALTHY)).await;
    let dns = DnsSettings {
        servers: vec![blind.address, good.address],
        tries: vec![Duration::from_millis(300)],
        ..DnsSettings::default()
    };
    let settings = ProbeSettings {
        dns,
        ..ProbeSettings::default()
    };
    let probes = Probes::new(settings, Arc::new(SystemClock)).unwrap();
    let args = json!({ "lists": LISTS });
    let report = carry_out_through(&probes, "vantage.check", &Site::default(), args)
        .await
        .unwrap();
    assert_eq!(report.outputs["resolvers"][0]["verdict"], "blind");
    assert_eq!(report.outputs["resolvers"][1]["verdict"], "fit");
    let [finding] = report.findings.as_slice() else {
        panic!("{:#?}", report.findings)
    };
    assert_eq!(finding.severity, Severity::Minor);
    assert!(
        finding.remedy.contains(&good.address.to_string()),
        "{}",
        finding.remedy
    );
    let subject = format!("resolver {}", good.address);
    assert!(report.subjects.contains(&subject), "{:?}", report.subjects);
}

#[tokio::test]
async fn a_greeting_shows_the_way_out_and_the_clock() {
    use tokio::io::AsyncWriteExt;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let greeting =
                b"220 mail.office.example ESMTP ready at Mon, 1 Jan 2001 08:00:00 +0100\r\n";
            stream.write_all(greeting).await.unwrap();
        }
    });
    let site = Site {
        laboratory: true,
        servers: vec![Server {
            host: "mail.office.example".to_owned(),
            address: Some(address.ip()),
            ports: vec![address.port()],
            ..Server::default()
        }],
        ..Site::default()
    };
    let server = NameServer::serve(Zone::read(HEALTHY)).await;
    let args = json!({ "lists": LISTS });
    let report = carry_out("vantage.check", &site, args, server.address)
        .await
        .unwrap();
    let outbound = &report.outputs["outbound"];
    assert_eq!(outbound["tried"][0]["result"], "greeted", "{outbound:#}");
    // Another port than 25 says nothing about 25.
    assert_eq!(outbound["verdict"], "unknown");
    let clock = &report.outputs["clock"];
    let offset = clock["offset_seconds"].as_i64().unwrap();
    assert!(offset > 20 * 365 * 86_400, "{clock:#}");
}

#[tokio::test]
async fn a_list_that_is_not_known_is_an_error_before_anything_is_asked() {
    let server = NameServer::serve(Zone::read(HEALTHY)).await;
    let args = json!({"lists": ["spamhous"]});
    let error = carry_out("vantage.check", &Site::default(), args, server.address)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("mailmedic lists"), "{error}");
    assert!(server.asked().is_empty());
}
