//! What the site file says of the analysis, and what a step says instead.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::actions::Report;
use crate::actions::desk::Desk;

/// A log of one day in which a client in 198.51.100.16/28 hands in mail, and two messages come back at night.
fn log() -> String {
    let mut log = String::new();
    for minute in 0..40 {
        log.push_str(&format!(
            "May  6 10:{minute:02}:00 mx1 postfix/smtpd[1]: 4C00000{minute:02}: client=pc[198.51.100.18]\n\
             May  6 10:{minute:02}:01 mx1 postfix/qmgr[3]: 4C00000{minute:02}: from=<anna@acme.example>, size=1000, nrcpt=1 (queue active)\n\
             May  6 10:{minute:02}:02 mx1 postfix/smtp[4]: 4C00000{minute:02}: to=<x@b.example>, relay=mx.b.example[203.0.113.9]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.b.example[203.0.113.9] said: 550 5.1.1 unknown)\n"
        ));
    }
    log
}

async fn analysed(desk: &Desk, more: Value) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.log");
    std::fs::write(&file, log()).unwrap();
    let mut args = json!({"files": file, "timezone": "UTC"});
    args.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    desk.carry_out("events.analyze", args).await.unwrap()
}

fn expected(report: &Report, id: &str) -> String {
    let signals = report.outputs["signals"].as_array().unwrap();
    let signal = signals.iter().find(|signal| signal["id"] == id).unwrap();
    signal["expected"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn limits_of_the_site_hold_until_the_step_says_others() {
    let mut desk = Desk::default();
    let usual = expected(&analysed(&desk, json!({})).await, "T1");
    desk.site.logs.limits = [("T1.floor".to_owned(), 31.into())].into();
    let of_site = expected(&analysed(&desk, json!({})).await, "T1");
    let of_step = analysed(&desk, json!({"limits": {"T1.floor": 47}})).await;
    assert!(!usual.contains("31") && of_site.contains("31"), "{of_site}");
    assert!(expected(&of_step, "T1").contains("47"));
}

#[tokio::test]
async fn hours_of_the_site_hold_until_the_step_says_others() {
    let mut desk = Desk::default();
    desk.site.logs.working_hours = Some("6-9".to_owned());
    let of_site = expected(&analysed(&desk, json!({})).await, "T3");
    let of_step = expected(
        &analysed(&desk, json!({"working_hours": "8-11"})).await,
        "T3",
    );
    assert!(of_site.contains("6:00 to 9:00"), "{of_site}");
    assert!(of_step.contains("8:00 to 11:00"), "{of_step}");
}

#[tokio::test]
async fn a_network_of_the_site_is_inside() {
    let kinds = |report: &Report| -> Vec<String> {
        let users = report.outputs["usage"]["users"].as_array().unwrap();
        users
            .iter()
            .map(|user| format!("{} {}", user["kind"], user["name"]))
            .collect()
    };
    let mut desk = Desk::default();
    let stranger = kinds(&analysed(&desk, json!({})).await);
    desk.site.logs.inside = vec!["198.51.100.16/28".parse().unwrap()];
    let own = kinds(&analysed(&desk, json!({})).await);
    assert!(
        !stranger.contains(&"\"device\" \"198.51.100.18\"".to_owned()),
        "{stranger:?}"
    );
    assert!(
        own.contains(&"\"device\" \"198.51.100.18\"".to_owned()),
        "{own:?}"
    );
}
