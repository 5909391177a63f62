//! What the words of a smarthost mean, from the socket to the stage: each row of the tables of basic and of enhanced codes.

use std::time::Duration;

use super::*;
use crate::actions::scripted::Script;
use crate::site::Tls;

/// The check of a smarthost that follows this script. It wants no login: the address is the ticket.
async fn check(rig: &mut Rig, script: Script) -> Report {
    let at = script.serve().await.address;
    *rig.smarthost() = Smarthost {
        host: HOST.to_owned(),
        address: Some(at.ip()),
        ports: vec![at.port()],
        tls: Tls::None,
        senders: vec![SENDER.to_owned()],
        ..Smarthost::default()
    };
    rig.check(json!({})).await.unwrap()
}

/// A reply at this stage of the dialogue, and the stage of the ladder that hears it.
fn at(stage: &str, reply: &str) -> (Script, &'static str) {
    match stage {
        "connect" => (Script::greeting(reply), "H05"),
        "helo" => (Script::new(&[("^(EHLO|HELO)", reply)]), "H06"),
        "mail" => (Script::new(&[("^MAIL", reply)]), "H14"),
        "rcpt" => (Script::new(&[("RCPT", reply)]), "H14"),
        other => panic!("no such stage: {other}"),
    }
}

/// Stage, code, and the classes that it may stand for.
const BASIC: &[(&str, &[u16], &[&str])] = &[
    ("connect", &[421], &["rate", "block_ip"]),
    ("connect", &[550, 553, 554, 571], &["block_ip"]),
    ("helo", &[421], &["rate"]),
    ("helo", &[500, 502], &["protocol"]),
    ("helo", &[550], &["block_ip", "ptr"]),
    ("helo", &[554], &["block_ip"]),
    ("mail", &[421], &["rate"]),
    ("mail", &[450], &["greylist", "sender"]),
    ("mail", &[451], &["local_system", "greylist"]),
    ("mail", &[452], &["local_system"]),
    ("mail", &[501], &["sender"]),
    ("mail", &[523, 538], &["tls"]),
    ("mail", &[530], &["relay"]),
    ("mail", &[550], &["sender", "block_ip"]),
    ("mail", &[552], &["size"]),
    ("mail", &[553], &["sender"]),
    ("mail", &[554, 571], &["block_ip"]),
    ("rcpt", &[421], &["rate"]),
    ("rcpt", &[450], &["greylist"]),
    ("rcpt", &[451], &["greylist", "local_system"]),
    ("rcpt", &[452], &["rate"]),
    ("rcpt", &[454, 551, 530], &["relay"]),
    ("rcpt", &[501, 521, 556], &["rcpt_unknown"]),
    ("rcpt", &[523, 538], &["tls"]),
    ("rcpt", &[550], &["rcpt_unknown"]),
    ("rcpt", &[552], &["rcpt_full"]),
    ("rcpt", &[553], &["rcpt_unknown", "relay"]),
    ("rcpt", &[554], &["block_ip", "relay"]),
    ("rcpt", &[571], &["block_ip"]),
];

/// Enhanced codes (RFC 3463, RFC 5248) behind a 550 to RCPT, without words that would decide.
const ENHANCED: &[(&str, &[&str])] = &[
    (
        "rcpt_unknown",
        &[
            "5.1.0", "5.1.1", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.0", "5.2.1", "5.2.4",
            "5.7.17",
        ],
    ),
    ("dns", &["5.1.2", "5.4.0", "5.4.4"]),
    ("sender", &["5.1.7", "5.1.8", "5.7.27"]),
    (
        "protocol",
        &["5.1.9", "5.3.3", "5.5.1", "5.5.2", "5.5.4", "5.5.6"],
    ),
    ("rcpt_full", &["5.2.2"]),
    ("size", &["5.2.3", "5.3.4", "5.7.16"]),
    ("local_system", &["5.3.0", "5.3.1", "5.3.5", "5.4.3"]),
    ("network", &["5.4.1", "5.4.2", "5.4.8"]),
    ("rate", &["5.4.5", "5.5.3", "5.7.15", "5.7.28"]),
    ("loop", &["5.4.6"]),
    ("expired", &["5.4.7"]),
    ("content", &["5.6.0", "5.6.1", "5.6.7", "5.6.9"]),
    ("policy_other", &["5.7.0", "5.7.2"]),
    ("tls", &["5.7.3", "5.7.7", "5.7.10", "5.7.11", "5.7.30"]),
    ("relay", &["5.7.8", "5.7.9", "5.7.12", "5.7.13", "5.7.14"]),
    (
        "authpol",
        &["5.7.20", "5.7.22", "5.7.23", "5.7.24", "5.7.26", "5.7.29"],
    ),
    ("ptr", &["5.7.25"]),
];

#[tokio::test]
async fn each_basic_code_has_its_class_at_its_stage() {
    let mut rig = rig().await;
    let mut wrong = Vec::new();
    for (place, codes, classes) in BASIC {
        for code in *codes {
            let (script, id) = at(place, &format!("{code} so it is"));
            let report = check(&mut rig, script).await;
            let stage = stage(&report, id);
            let class = stage["class"].as_str().unwrap_or_default();
            if !classes.contains(&class) {
                wrong.push(format!("{code} at {place}: {class}, not {classes:?}"));
            }
            // "Later" is never told as "no", and no "no" as "good".
            let expected = if *code < 500 { "unknown" } else { "failed" };
            let about_recipient = matches!(class, "rcpt_unknown" | "rcpt_full");
            if stage["outcome"] != expected && !about_recipient {
                wrong.push(format!("{code} at {place}: {}", stage["outcome"]));
            }
            assert_ne!(stage["outcome"], "good", "{code} at {place}");
            assert_ne!(report.outputs["verdict"], "ready", "{code} at {place}");
        }
    }
    assert_eq!(wrong, [] as [&str; 0]);
}

#[tokio::test]
async fn each_enhanced_code_has_its_class() {
    let mut rig = rig().await;
    let mut wrong = Vec::new();
    for (class, codes) in ENHANCED {
        for code in *codes {
            let (script, id) = at("rcpt", &format!("550 {code} so it is"));
            let report = check(&mut rig, script).await;
            let told = &stage(&report, id)["class"];
            if told != class {
                wrong.push(format!("{code}: {told}, not {class}"));
            }
        }
    }
    assert_eq!(wrong, [] as [&str; 0]);
}

/// A smarthost that keeps everybody waiting for 20 seconds is slow, not dead.
#[tokio::test]
async fn a_tarpit_is_waited_out() {
    let mut rig = rig().await;
    rig.patient = true;
    let script = Script {
        patience: Duration::from_secs(20),
        ..Script::new(&[("RCPT", "250 ok")])
    };
    let report = check(&mut rig, script).await;
    let greeting = stage(&report, "H05");
    assert_eq!(greeting["outcome"], "good", "{greeting}");
    assert!(greeting["ms"].as_u64().unwrap() >= 19_000, "{greeting}");
    assert_eq!(stage(&report, "H14")["outcome"], "good");
}
