//! `http.request` and `notify` against a scripted web server on loopback.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::matches;
use crate::actions::testing::carry_out_through;
use crate::actions::{ActionError, Args, Effect, Report, find};
use crate::probes::{HttpSettings, ProbeSettings, Probes, SystemClock};
use crate::record::StepOutcome;
use crate::site::Site;

/// Answers one request with this status line and body; gives back what it was asked.
async fn serve(status: &'static str, body: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        loop {
            stream.read_buf(&mut heard).await.unwrap();
            let text = String::from_utf8_lossy(&heard).to_ascii_lowercase();
            let Some(end) = text.find("\r\n\r\n") else {
                continue;
            };
            let length: usize = text.split("content-length: ").nth(1).map_or(0, |rest| {
                rest.split("\r\n").next().unwrap().parse().unwrap()
            });
            if heard.len() >= end + 4 + length {
                break;
            }
        }
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nset-cookie: a=b\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&heard).into_owned()
    });
    (address, task)
}

async fn run(action: &str, args: Value) -> Result<Report, ActionError> {
    let settings = ProbeSettings {
        http: HttpSettings {
            use_proxy: false,
            ..HttpSettings::default()
        },
        ..ProbeSettings::default()
    };
    let probes = Probes::new(settings, Arc::new(SystemClock)).unwrap();
    let site = Site {
        id: "client".to_owned(),
        allow_hosts: vec!["127.0.0.1".to_owned()],
        ..Site::default()
    };
    carry_out_through(&probes, action, &site, args).await
}

#[tokio::test]
async fn an_answer_becomes_outputs() {
    let (address, task) = serve("200 OK", r#"{"id": 7}"#).await;
    let report = run(
        "http.request",
        json!({"url": format!("http://{address}/tickets?key=1")}),
    )
    .await
    .unwrap();
    assert_eq!(report.outcome, StepOutcome::Good);
    assert_eq!(report.outputs["json"]["id"], 7);
    assert_eq!(report.outputs["headers"]["content-length"], "9");
    assert!(report.outputs["headers"].get("set-cookie").is_none());
    let heard = task.await.unwrap();
    assert!(heard.starts_with("GET /tickets?key=1 "));
    assert!(
        !heard.contains("idempotency-key"),
        "a look needs none: {heard}"
    );
}

#[tokio::test]
async fn a_wrong_status_is_a_finding_when_looking_and_an_error_when_acting() {
    let (address, _task) = serve("503 Busy", "come back later").await;
    let url = format!("http://{address}/health?key=s3cr3t");
    let report = run("http.request", json!({"url": url})).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::Finding);
    assert_eq!(report.findings[0].code, "http-unexpected");
    assert!(!format!("{:?}", report.findings).contains("s3cr3t"));
    let (address, _task) = serve("503 Busy", "come back later").await;
    let args = json!({"method": "post", "url": format!("http://{address}/"), "body": "x"});
    let error = run("http.request", args).await.unwrap_err();
    assert!(
        !error.is_not_sent() && error.to_string().contains("come back later"),
        "{error}"
    );
}

#[tokio::test]
async fn a_body_is_sent_as_text_or_json_with_the_idempotency_key() {
    for (body, sent) in [(json!("a=b"), "a=b"), (json!({"a": [1]}), r#"{"a":[1]}"#)] {
        let (address, task) = serve("204 No Content", "").await;
        let args = json!({
            "method": "PUT", "url": format!("http://{address}/"), "body": body,
            "headers": {"x-number": 5}, "expect": ["200", "204"],
        });
        run("http.request", args).await.unwrap();
        let heard = task.await.unwrap();
        assert!(heard.ends_with(sent), "{heard}");
        assert!(
            heard.contains("idempotency-key: key") && heard.contains("x-number: 5"),
            "{heard}"
        );
        assert_eq!(
            heard.contains("content-type: application/json"),
            body.is_object()
        );
    }
}

#[tokio::test]
async fn hosts_of_others_are_refused_before_anything_is_sent() {
    for action in ["http.request", "notify"] {
        for url in [
            "http://other.example/",
            "http://127.0.0.2/",
            "ftp://127.0.0.1/",
            "x",
        ] {
            let error = run(action, json!({"url": url, "text": "hello"}))
                .await
                .unwrap_err();
            assert!(error.is_not_sent(), "{action} {url}: {error}");
        }
    }
    let error = run(
        "http.request",
        json!({"url": "http://127.0.0.1:1/", "expect": ["ok"]}),
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("expect"), "{error}");
}

#[tokio::test]
async fn a_notification_is_json_and_a_refused_one_is_an_error() {
    let (address, task) = serve("200 OK", "ok").await;
    let args = json!({"url": format!("http://{address}/hook"), "text": "three lists left", "data": {"listed": 3}});
    let report = run("notify", args).await.unwrap();
    assert_eq!(report.outputs["status"], 200);
    let heard = task.await.unwrap();
    let body: Value = serde_json::from_str(heard.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(
        body,
        json!({"text": "three lists left", "site": "client", "run": "run", "step": "step", "data": {"listed": 3}})
    );
    let (address, task) = serve("200 OK", "ok").await;
    let args = json!({"url": format!("http://{address}/hook"), "payload": {"content": "x"}});
    run("notify", args).await.unwrap();
    assert!(task.await.unwrap().ends_with(r#"{"content":"x"}"#));
    let (address, _task) = serve("404 Gone", "no such hook").await;
    let error = run(
        "notify",
        json!({"url": format!("http://{address}/hook"), "text": "x"}),
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("no such hook"), "{error}");
}

#[test]
fn looking_is_a_probe_and_anything_else_is_external() {
    let action = find("http.request").unwrap();
    for (args, effect) in [
        (json!({}), Effect::Probe),
        (json!({"method": "head"}), Effect::Probe),
        (json!({"method": "POST"}), Effect::External),
        (json!({"method": "{{inputs.method}}"}), Effect::External),
    ] {
        let Value::Object(map) = args.clone() else {
            unreachable!()
        };
        assert_eq!(action.effect_with(&Args(map)), effect, "{args}");
    }
}

#[test]
fn status_patterns() {
    for (pattern, status, fits) in [
        ("200", 200, true),
        ("2xx", 204, true),
        ("2XX", 301, false),
        ("20x", 209, true),
        ("20", 200, false),
    ] {
        assert_eq!(matches(pattern, status), fits, "{pattern}");
    }
}
