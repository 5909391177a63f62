//! Candidates on scripted lists.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::actions::testing::{NameServer, Zone, carry_out};
use crate::actions::{ActionError, Report};
use crate::record::StepOutcome;
use crate::site::Site;

/// Answers as every list's own zone would: test entries listed, nothing else, unless the rest says so.
fn lists(rest: &str) -> Zone {
    let mut zone = String::new();
    for list in &crate::mail::dnsbl::catalogue().lists {
        for name in &list.zones {
            for point in list.test_points.iter() {
                let entries = point.positive.iter().chain(&point.also);
                let code = point.positive_answers.first();
                let code = code.map_or_else(|| "127.0.0.2".to_owned(), ToString::to_string);
                for entry in entries {
                    let entry = match entry.parse::<std::net::Ipv4Addr>() {
                        Ok(v4) => {
                            let [a, b, c, d] = v4.octets();
                            format!("{d}.{c}.{b}.{a}")
                        }
                        Err(_) => entry.clone(),
                    };
                    zone.push_str(&format!("{entry}.{name} A {code}\n"));
                }
            }
        }
    }
    Zone::read(&format!("{zone}{rest}"))
}

fn site() -> Site {
    Site {
        id: "lab".to_owned(),
        laboratory: true,
        mailboxes: Some(12),
        ..Site::default()
    }
}

async fn vet(at: SocketAddr, site: &Site, args: Value) -> Result<Report, ActionError> {
    carry_out("outbound.vet", site, args, at).await
}

const NAMES: &str = "
90.113.0.203.in-addr.arpa PTR mail2.example.org
mail2.example.org A 203.0.113.90
141.113.0.203.in-addr.arpa PTR 203-0-113-141.dsl.isp.example
203-0-113-141.dsl.isp.example A 203.0.113.141
141.113.0.203.zen.spamhaus.org A 127.0.0.10
7.100.51.198.bl.spamcop.net A 127.0.0.2
143.113.0.203.bl.spamcop.net A 127.0.0.2
140.113.0.203.bl.spamcop.net A 127.0.0.2
";

#[tokio::test]
async fn candidates_are_ranked_with_their_reasons() {
    let server = NameServer::serve(lists(NAMES)).await;
    let args =
        json!({"addresses": ["198.51.100.7", "203.0.113.141", "203.0.113.90", "198.51.100.9"]});
    let report = vet(server.address, &site(), args).await.unwrap();
    let told: Vec<(&str, &str)> = report.outputs["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|view| {
            (
                view["address"].as_str().unwrap(),
                view["grade"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("203.0.113.90", "usable"),
            ("198.51.100.9", "after_the_name"),
            ("203.0.113.141", "poor"),
            ("198.51.100.7", "unfit"),
        ],
        "{:#}",
        report.outputs["candidates"]
    );
    assert_eq!(report.outcome, StepOutcome::Good);
    assert_eq!(report.outputs["best"], "203.0.113.90");
    assert_eq!(report.outputs["warm_up"].as_array().unwrap().len(), 5);
    assert!(report.findings.is_empty(), "they are not the site's");
    let poor = &report.outputs["candidates"][2];
    assert_eq!(poor["listed"][0]["policy"], true);
    assert_eq!(
        poor["neighbours"],
        json!({"asked": 8, "known": 8, "unknown": 0, "listed": ["203.0.113.140", "203.0.113.143"]}),
        "{poor:#}"
    );
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| !asked.starts_with("149.")),
        "too far away"
    );
}

#[tokio::test]
async fn without_a_good_one_there_is_a_finding() {
    let server = NameServer::serve(lists(NAMES)).await;
    let args = json!({"addresses": ["198.51.100.7"], "neighbours": 0});
    let report = vet(server.address, &site(), args).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::Finding);
    assert_eq!(report.findings[0].code, "outbound-no-candidate");
    assert_eq!(report.outputs["best"], Value::Null);
    assert_eq!(report.outputs["candidates"][0]["neighbours"]["asked"], 0);
}

#[tokio::test]
async fn lists_that_cannot_be_asked_make_nobody_usable() {
    let server = NameServer::serve(Zone::read(
        "90.113.0.203.in-addr.arpa PTR mail2.example.org\nmail2.example.org A 203.0.113.90\n* SERVFAIL",
    ))
    .await;
    let args = json!({"addresses": ["203.0.113.90"], "neighbours": 1});
    let report = vet(server.address, &site(), args).await.unwrap();
    let view = &report.outputs["candidates"][0];
    assert_eq!(report.outcome, StepOutcome::Unknown);
    assert_eq!(view["grade"], "unknown");
    assert_eq!(
        view["neighbours"],
        json!({"asked": 1, "known": 0, "unknown": 1, "listed": []})
    );
    assert_eq!(report.outputs["best"], Value::Null);
}

#[tokio::test]
async fn a_site_without_candidates_has_nothing_to_vet() {
    let server = NameServer::serve(Zone::default()).await;
    let report = vet(server.address, &site(), json!({})).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::NotApplicable);
    assert!(server.asked().is_empty());
    for (args, expected) in [
        (json!({"addresses": "mail"}), "cannot vet 'mail'"),
        (
            json!({"addresses": "203.0.113.90", "neighbours": 65}),
            "0 to 64",
        ),
    ] {
        let error = vet(server.address, &site(), args).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
