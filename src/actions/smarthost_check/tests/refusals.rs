//! What a smarthost refuses: the stage at which it shows, what becomes of that stage, and the class of the reply.

use serde_json::json;

use super::cases::{Change, login, refuse_login};
use super::{rig, stage};
use crate::practice::smtp::{Greeting, Reply, StartTls};

/// What happens, how that is brought about, the stage, its outcome, and the class of the reply.
type Refusal = (
    &'static str,
    Change,
    &'static str,
    &'static str,
    &'static str,
);

const REFUSALS: &[Refusal] = &[
    (
        "too busy at the greeting",
        |rig| {
            let refusal = Reply::new(421, "4.3.2 too busy");
            rig.edit(|server| server.greeting = Greeting::Refuse(refusal));
        },
        "H05",
        "unknown",
        "rate",
    ),
    (
        "blocked at the greeting",
        |rig| {
            let refusal = Reply::new(554, "5.7.1 listed, blocked using bl.example");
            rig.edit(|server| server.greeting = Greeting::Refuse(refusal));
        },
        "H05",
        "failed",
        "block_ip",
    ),
    (
        "TLS not available now",
        |rig| rig.edit(|server| server.starttls = StartTls::Unavailable),
        "H08",
        "failed",
        "tls",
    ),
    (
        "a wrong password",
        |rig| rig.edit(|server| login(server).password = "other".to_owned()),
        "H12",
        "failed",
        "relay",
    ),
    (
        "logins cannot be checked now",
        |rig| refuse_login(rig, 454, "4.7.0 temporary authentication failure"),
        "H12",
        "unknown",
        "local_system",
    ),
    (
        "the account is disabled",
        |rig| refuse_login(rig, 525, "5.7.13 account disabled"),
        "H12",
        "failed",
        "relay",
    ),
    (
        "a sender that the account does not own",
        |rig| rig.smarthost().senders = vec!["info@other.example".to_owned()],
        "H14",
        "failed",
        "sender",
    ),
    (
        "too many recipients this hour",
        |rig| rig.edit(|server| server.limits.recipients_this_hour = Some(0)),
        "H14",
        "unknown",
        "rate",
    ),
    (
        "too many messages in this connection",
        |rig| rig.edit(|server| server.limits.messages_per_connection = Some(0)),
        "H14",
        "unknown",
        "rate",
    ),
    (
        "no bounces",
        |rig| {
            let refusal = Reply::new(550, "5.7.1 no empty sender here");
            rig.edit(|server| server.refuse_null_sender = Some(refusal));
        },
        "H15",
        "warning",
        "sender",
    ),
];

#[tokio::test]
async fn each_refusal_shows_at_its_stage_with_its_class() {
    let mut told = Vec::new();
    for (what, change, id, outcome, class) in REFUSALS {
        let mut rig = rig().await;
        change(&mut rig);
        let report = rig.check(json!({})).await.unwrap();
        let stage = stage(&report, id);
        assert!(stage["reply"].is_string(), "{what}: {stage:#}");
        if stage["outcome"] != *outcome || stage["class"] != *class {
            told.push(format!("{what}: {stage:#}"));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}
