//! The smarthost over IPv6, beside IPv4: the same server, another one, and none.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::record::Severity;

async fn with_ipv6() -> Rig {
    let rig = rig().await;
    rig.world
        .zones()
        .edit(|zones| zones.add(HOST, Rr::Aaaa(Ipv6Addr::LOCALHOST)));
    rig
}

/// One port that is the world's smarthost over IPv4; over IPv6 another server greets, and answers EHLO, like this.
async fn split(rig: &mut Rig, greeting: &'static str, ehlo: &'static str) {
    let smarthost = rig.world.address("smarthost", "submission").unwrap();
    let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = v4.local_addr().unwrap().port();
    let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port))
        .await
        .unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = v4.accept().await.unwrap();
            let mut server = TcpStream::connect(smarthost).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    tokio::spawn(async move {
        loop {
            let (mut client, _) = v6.accept().await.unwrap();
            let mut heard = [0; 512];
            let _ = client.write_all(greeting.as_bytes()).await;
            while client.read(&mut heard).await.is_ok_and(|length| length > 0) {
                let reply = if heard[0] == b'E' {
                    ehlo
                } else {
                    "221 bye\r\n"
                };
                let _ = client.write_all(reply.as_bytes()).await;
            }
        }
    });
    rig.smarthost().ports = vec![port];
}

#[tokio::test]
async fn the_same_server_is_judged_over_both() {
    let rig = with_ipv6().await;
    let report = rig.check(json!({})).await.unwrap();
    assert_eq!(
        stage(&report, "H03")["outcome"],
        "good",
        "{}",
        stage(&report, "H03")
    );
    let over = &report.outputs["ipv6"];
    assert!(
        over["endpoint"].as_str().unwrap().starts_with("[::1]:"),
        "{over}"
    );
    let seen: Vec<&str> = over["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["id"].as_str().unwrap())
        .collect();
    assert_eq!(seen, ["H05", "H06", "H08", "H09", "H10", "H11"]);
    assert_eq!(rig.said("AUTH"), 1, "one login, over IPv4");
}

#[tokio::test]
async fn what_is_wrong_over_both_is_told_once() {
    let rig = with_ipv6().await;
    rig.edit(|server| server.certificate = Certificate::Expired);
    let report = rig.check(json!({})).await.unwrap();
    assert_eq!(codes(&report), ["certificate-expired"]);
    assert_eq!(stage(&report, "H03")["outcome"], "good");
    assert_eq!(report.outputs["verdict"], "blocked");
}

/// Another machine answers over IPv6: it has no encryption, so mail that takes this way stands still.
#[tokio::test]
async fn another_server_over_ipv6_is_a_finding() {
    let mut rig = with_ipv6().await;
    let (greeting, ehlo) = (
        "220 old.provider.example\r\n",
        "250 old.provider.example\r\n",
    );
    split(&mut rig, greeting, ehlo).await;
    let report = rig.check(json!({})).await.unwrap();
    let finding = report.findings.iter().find(|f| f.code == "smarthost-ipv6");
    let finding = finding.unwrap_or_else(|| panic!("{:?}", codes(&report)));
    assert_eq!(finding.severity, Severity::Major);
    assert!(finding.summary.contains("STARTTLS"), "{}", finding.summary);
    assert!(finding.evidence[0].text.contains("old.provider.example"));
    assert_eq!(report.outputs["verdict"], "ready_with_warnings");
    assert_eq!(rig.said("AUTH"), 1);
}

/// A server that is too busy over IPv6 says nothing about what it would do on another day.
#[tokio::test]
async fn a_busy_server_over_ipv6_is_no_finding() {
    let mut rig = with_ipv6().await;
    split(&mut rig, "421 busy\r\n", "421 busy\r\n").await;
    let report = rig.check(json!({})).await.unwrap();
    assert_eq!(codes(&report), [] as [&str; 0]);
    let stage = stage(&report, "H03");
    assert_eq!(stage["outcome"], "warning");
    assert!(stage["detail"].as_str().unwrap().contains("H05"), "{stage}");
}
