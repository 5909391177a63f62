//! The records of domains as cases (`tests/cases/mailauth`), and policies from web servers on loopback.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::transport::{Fetched, fetch, fetch_as_strangers};
use crate::actions::Report;
use crate::actions::testing::{NameServer, Zone, carry_out};
use crate::practice::{Authority, Certificate};
use crate::probes::{Dns, DnsSettings, Http, HttpSettings, SystemClock};
use crate::site::{Dkim, Site};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    good: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    /// Lines of the zone beside `good`; `-name TYPE` takes one of its lines out.
    #[serde(default)]
    zone: String,
    #[serde(default)]
    bare: bool,
    #[serde(default)]
    common: bool,
    #[serde(default)]
    args: Value,
    outcome: String,
    #[serde(default)]
    findings: Vec<String>,
    /// A part of a remedy.
    #[serde(default)]
    remedy: Option<String>,
    #[serde(default)]
    judged: Option<Vec<String>>,
    #[serde(default)]
    at: BTreeMap<String, Value>,
}

/// A record's worth of a fresh RSA-like key: the wrapping is real, the modulus is made of ones.
fn key(bits: usize) -> String {
    let modulus_length = bits / 8 + 1;
    let number = |content: Vec<u8>| {
        let mut bytes = vec![2, 0x82];
        bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        bytes.extend(content);
        bytes
    };
    let sequence = |tag: u8, content: Vec<u8>| {
        let mut bytes = vec![tag, 0x82];
        bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        bytes.extend(content);
        bytes
    };
    let mut modulus = vec![0xff; modulus_length];
    modulus[0] = 0;
    let pair = [number(modulus), vec![2, 3, 1, 0, 1]].concat();
    let algorithm = [
        0x30, 0x0d, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0,
    ];
    let held = sequence(3, [vec![0], sequence(0x30, pair)].concat());
    let whole = sequence(0x30, [algorithm.to_vec(), held].concat());
    base64::engine::general_purpose::STANDARD.encode(whole)
}

fn zone(file: &File, case: &Case) -> Zone {
    let taken: Vec<&str> = case
        .zone
        .lines()
        .filter_map(|line| line.strip_prefix('-'))
        .collect();
    let kept = file
        .good
        .lines()
        .filter(|line| !case.bare && !taken.iter().any(|gone| line.starts_with(gone)));
    let own = case.zone.lines().filter(|line| !line.starts_with('-'));
    let text: Vec<String> = kept
        .chain(own)
        .map(|line| {
            let long = key(2048);
            line.replace("KEY2048CUT", &long[..long.len() - 2])
                .replace("KEY2048", &long)
                .replace("KEY1024", &key(1024))
        })
        .collect();
    Zone::read(&text.join("\n"))
}

async fn carried_out(file: &File, case: &Case) -> Report {
    let server = NameServer::serve(zone(file, case)).await;
    let site = Site {
        id: "lab".to_owned(),
        laboratory: true,
        domains: vec!["acme.example".to_owned()],
        outbound: crate::site::Outbound {
            addresses: vec!["203.0.113.25".parse().unwrap()],
            helo: Some("mail.acme.example".to_owned()),
            ..Default::default()
        },
        dkim: Dkim {
            common: case.common,
            ..Dkim::default()
        },
        ..Site::default()
    };
    let args = match &case.args {
        Value::Null => json!({}),
        args => args.clone(),
    };
    carry_out("mailauth.check", &site, args, server.address)
        .await
        .unwrap()
}

#[tokio::test]
async fn each_domain_is_judged_by_its_records() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/mailauth/domains.yaml");
    let file: File = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut faults = Vec::new();
    for case in &file.cases {
        let report = carried_out(&file, case).await;
        let mut fault = |what: String| faults.push(format!("{}: {what}", case.about));
        let outcome = report.outcome.as_str();
        if outcome != case.outcome {
            fault(format!("outcome {outcome}, wanted {}", case.outcome));
        }
        let findings: Vec<String> = report
            .findings
            .iter()
            .map(|one| format!("{} {} {}", one.severity.as_str(), one.code, one.subject))
            .collect();
        if findings != case.findings {
            fault(format!("findings {findings:#?}"));
        }
        for one in &report.findings {
            assert!(!one.evidence[0].text.is_empty() && !one.remedy.is_empty());
            assert!(
                one.evidence[0].text.contains("TXT") || one.evidence[0].text.contains("MX"),
                "{one:?}"
            );
        }
        if let Some(part) = &case.remedy
            && !report.findings.iter().any(|one| one.remedy.contains(part))
        {
            let all: Vec<&str> = report
                .findings
                .iter()
                .map(|one| one.remedy.as_str())
                .collect();
            fault(format!("no remedy holds {part}: {all:#?}"));
        }
        if let Some(judged) = &case.judged
            && *judged != report.subjects
        {
            fault(format!("judged {:?}", report.subjects));
        }
        let outputs = Value::Object(report.outputs.clone());
        for (pointer, wanted) in &case.at {
            let seen = outputs.pointer(pointer).unwrap_or(&Value::Null);
            if seen != wanted {
                fault(format!("{pointer} is {seen}, wanted {wanted}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn arguments_that_are_no_names_or_addresses_are_refused() {
    let server = NameServer::serve(Zone::default()).await;
    let site = Site::default();
    for (args, part) in [
        (
            json!({"domains": ["192.0.2.1"]}),
            "cannot check domain '192.0.2.1'",
        ),
        (
            json!({"address": ["mail.acme.example"]}),
            "it is no address",
        ),
        (
            json!({"address": ["10.0.0.1"]}),
            "cannot evaluate SPF for 10.0.0.1",
        ),
        (json!({"helo": "SERVER"}), "cannot check HELO name 'SERVER'"),
        (json!({"selectors": ["a b"]}), "cannot use selector 'a b'"),
    ] {
        let error = carry_out("mailauth.check", &site, args, server.address)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.is_not_sent());
    }
    let nothing = carry_out("mailauth.check", &site, json!({}), server.address)
        .await
        .unwrap();
    assert_eq!(nothing.outcome.as_str(), "not_applicable");
    assert!(server.asked().is_empty());
}

/// Serves one answer over TLS with a certificate for `names`, as often as it is asked.
async fn serve(
    authority: &Authority,
    names: &[&str],
    kind: Certificate,
    answer: String,
) -> SocketAddr {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let acceptor = authority.acceptor(&names, kind).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut heard = [0; 4096];
            let _ = stream.read(&mut heard).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

fn answer(head: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_policy_is_fetched_as_senders_do() {
    const HOST: &str = "mta-sts.acme.example";
    const PATIENCE: Duration = Duration::from_secs(10);
    let policy = "version: STSv1\nmode: enforce\nmx: mail.acme.example\nmax_age: 604800\n";
    let text = "content-type: text/plain; charset=utf-8";
    let authority = Authority::new().unwrap();
    let names = NameServer::serve(Zone::read(&format!("{HOST} A 127.0.0.1"))).await;
    let dns = DnsSettings {
        servers: vec![names.address],
        ..DnsSettings::default()
    };
    let settings = HttpSettings {
        use_proxy: false,
        extra_roots: vec![CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()],
        ..HttpSettings::default()
    };
    let http = Http::new(settings, Some(Dns::new(dns, Arc::new(SystemClock)))).unwrap();
    let good = answer(&format!("200 OK\r\n{text}"), policy);
    for (name, kind, answer, wanted) in [
        (
            HOST,
            Certificate::Good,
            good.clone(),
            Fetched::Policy(policy.to_owned()),
        ),
        (
            HOST,
            Certificate::Expired,
            good.clone(),
            Fetched::Certificate("it ended on 20".to_owned()),
        ),
        (
            "acme.example",
            Certificate::Good,
            good.clone(),
            Fetched::Certificate("it is for acme.example, not for mta-sts.acme.example".to_owned()),
        ),
        (
            HOST,
            Certificate::SelfSigned,
            good.clone(),
            Fetched::Certificate("its issuer is not known".to_owned()),
        ),
        (
            HOST,
            Certificate::Good,
            answer("301 Moved\r\nlocation: https://www.acme.example/", ""),
            Fetched::Refused("sends on to https://www.acme.example/".to_owned()),
        ),
        (
            HOST,
            Certificate::Good,
            answer("404 Not Found\r\ncontent-type: text/plain", "no"),
            Fetched::Refused("status 404".to_owned()),
        ),
        (
            HOST,
            Certificate::Good,
            answer("200 OK\r\ncontent-type: text/html", policy),
            Fetched::Refused("text/html".to_owned()),
        ),
        (
            HOST,
            Certificate::Good,
            answer(&format!("200 OK\r\n{text}"), &"x".repeat(70_000)),
            Fetched::Refused("larger than".to_owned()),
        ),
    ] {
        let address = serve(&authority, &[name], kind, answer).await;
        let seen = fetch(
            &http,
            &format!("https://{HOST}:{}/.well-known/mta-sts.txt", address.port()),
            PATIENCE,
        )
        .await;
        let alike = match (&seen, &wanted) {
            (Fetched::Policy(seen), Fetched::Policy(wanted)) => seen == wanted,
            (Fetched::Refused(seen), Fetched::Refused(wanted))
            | (Fetched::Certificate(seen), Fetched::Certificate(wanted)) => {
                seen.contains(wanted.as_str())
            }
            _ => false,
        };
        assert!(alike, "{seen:?}, wanted {wanted:?}");
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap().port();
    drop(listener);
    let silent = fetch(&http, &format!("https://{HOST}:{closed}/"), PATIENCE).await;
    assert!(matches!(silent, Fetched::Silent(_)), "{silent:?}");

    // an authority of this machine's own is none for senders
    let address = serve(&authority, &[HOST], Certificate::Good, good).await;
    let strangers = http.as_strangers().unwrap();
    let url = format!("https://{HOST}:{}/", address.port());
    let seen = fetch(&strangers, &url, PATIENCE).await;
    assert!(
        matches!(&seen, Fetched::Certificate(why) if why.contains("its issuer is not known")),
        "{seen:?}"
    );
    assert!(strangers.as_strangers().is_none());
    let seen = fetch_as_strangers(&http, &url, PATIENCE).await;
    assert!(
        matches!(&seen, Fetched::Silent(why) if why.contains("something between looks into HTTPS")),
        "{seen:?}"
    );
    let address = serve(&authority, &[HOST], Certificate::Expired, String::new()).await;
    let url = format!("https://{HOST}:{}/", address.port());
    let seen = fetch_as_strangers(&http, &url, PATIENCE).await;
    assert!(matches!(seen, Fetched::Certificate(_)), "{seen:?}");
}
