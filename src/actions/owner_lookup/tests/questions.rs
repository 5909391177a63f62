//! How many questions the registries get, and which they do not.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::{Pages, Web, bootstrap, look_up, network, one_network, site};
use crate::record::StepOutcome;

/// The network of one address alone.
fn alone(address: &str) -> String {
    network()
        .replace(r#""203.0.113.0""#, &format!(r#""{address}""#))
        .replace(r#""203.0.113.255""#, &format!(r#""{address}""#))
}

#[tokio::test]
async fn a_registry_that_wants_no_more_questions_is_left_alone() {
    for (status, headers, expected) in [
        (
            "429 Too Many",
            "retry-after: 60\r\n",
            "answers no more questions for now: it says to come back after 60 seconds. It was asked about another",
        ),
        (
            "429 Too Many",
            "retry-after: Wed, 25 Nov 2026 07:28:00 GMT\r\n",
            "come back at 2026-11-25T07:28:00Z. It was",
        ),
        (
            "429 Too Many",
            "retry-after: soon\r\n",
            "try again tomorrow. It was",
        ),
        (
            "503 Busy",
            "",
            "cannot answer for now: try again later. It was",
        ),
    ] {
        let web = Web::serve(|address| {
            let page = (status, headers.to_owned(), String::new());
            Pages::from([
                bootstrap(address),
                ("/registry/ip/203.0.113.25".to_owned(), page.clone()),
                ("/registry/ip/203.0.113.26".to_owned(), page),
            ])
        })
        .await;
        let args = json!({"addresses": ["203.0.113.25", "203.0.113.26"], "rdap": format!("http://{}/rdap", web.address)});
        let report = look_up(&site(), args).await.unwrap();
        let detail = &report.outputs["addresses"][1]["network"]["detail"];
        assert_eq!(report.outcome, StepOutcome::Unknown, "{detail}");
        assert!(detail.as_str().unwrap().contains(expected), "{detail}");
        assert_eq!(
            web.asked(),
            ["/rdap/ipv4.json", "/registry/ip/203.0.113.25"],
            "one question"
        );
    }
}

#[tokio::test]
async fn a_registry_that_cannot_be_reached_is_tried_once() {
    let web = Web::serve(|_| {
        let body = r#"{"services": [[["203.0.113.0/24"], ["http://127.0.0.1:1/"]]]}"#;
        Pages::from([(
            "/rdap/ipv4.json".to_owned(),
            ("200 OK", String::new(), body.to_owned()),
        )])
    })
    .await;
    let args = json!({"addresses": ["203.0.113.25", "203.0.113.26"], "rdap": format!("http://{}/rdap", web.address)});
    let report = look_up(&site(), args).await.unwrap();
    let detail = |number: usize| {
        let detail = &report.outputs["addresses"][number]["network"]["detail"];
        detail.as_str().unwrap().to_owned()
    };
    assert_eq!(report.outcome, StepOutcome::Unknown);
    assert!(detail(0).contains("cannot connect"), "{}", detail(0));
    assert!(!detail(0).contains("not again"), "{}", detail(0));
    assert!(
        detail(1).contains("not again about this one"),
        "{}",
        detail(1)
    );
}

#[tokio::test]
async fn addresses_of_one_network_are_one_question() {
    let web = one_network().await;
    let args = json!({"addresses": ["203.0.113.25", "203.0.113.26", "192.0.2.27"], "rdap": format!("http://{}/rdap", web.address)});
    let report = look_up(&site(), args).await.unwrap();
    let views = report.outputs["addresses"].as_array().unwrap();
    assert_eq!(views[0]["network"], views[1]["network"]);
    assert_eq!(views[1]["network"]["holder"], "Example Telecom");
    assert_eq!(
        web.asked(),
        [
            "/rdap/ipv4.json",
            "/registry/ip/203.0.113.25",
            "/registry/ip/192.0.2.27"
        ],
        "another network is another question"
    );
}

#[tokio::test]
async fn what_is_over_the_most_questions_of_a_step_is_unknown() {
    let addresses: Vec<String> = (1..=17).map(|last| format!("203.0.113.{last}")).collect();
    let web = Web::serve(|address| {
        let pages = addresses.iter().map(|one| {
            let page = ("200 OK", String::new(), alone(one));
            (format!("/registry/ip/{one}"), page)
        });
        pages.chain([bootstrap(address)]).collect()
    })
    .await;
    let rdap = format!("http://{}/rdap", web.address);
    let args = json!({"addresses": addresses, "rdap": rdap});
    let report = look_up(&site(), args).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::Unknown);
    let network = |number: usize| &report.outputs["addresses"][number]["network"];
    assert_eq!(network(15)["holder"], "Example Telecom");
    let detail = network(16)["detail"].as_str().unwrap();
    assert!(
        detail.contains("16 questions at most: look up the rest in another step"),
        "{detail}"
    );
    assert_eq!(web.asked().len(), 17, "the list and 16 questions");

    let args = json!({"addresses": addresses[..16], "rdap": rdap});
    let report = look_up(&site(), args).await.unwrap();
    assert_eq!(report.outcome, StepOutcome::Good);
}
