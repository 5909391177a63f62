//! A backup exchanger, which belongs to somebody else.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::json;

use super::{BACKUP, outcome, rig};
use crate::practice::dns::Rr;
use crate::practice::smtp::{Recipients, Reply, Trust};
use crate::record::Severity;

#[tokio::test]
async fn a_backup_exchanger_is_only_looked_at_when_the_site_file_allows_it() {
    let mut rig = rig().await;
    rig.world
        .zones()
        .edit(|zones| zones.add("client.example", Rr::Mx(20, BACKUP.to_owned())));
    let report = rig.check(json!({})).await;
    assert_eq!(report.outputs["endpoints"].as_array().unwrap().len(), 1);
    let notes = report.outputs["notes"].to_string();
    assert!(
        notes.contains(BACKUP) && notes.contains("allow_hosts"),
        "{notes}"
    );
    assert_eq!(rig.world.server("backup").unwrap().connections(), 0);

    // The practice world has one address: the site's own server stands elsewhere now.
    rig.site.servers[0].address = Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9)));
    rig.site.allow_hosts.push(BACKUP.to_owned());
    let port = rig.world.address("backup", "smtp").unwrap().port();
    let backup = rig.world.server("backup").unwrap();
    backup.edit(|server| {
        server.recipients = Recipients::Anything;
        server.trust = vec![Trust::Everyone];
    });
    let report = rig.check(json!({"ports": [port]})).await;
    let about: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.subject.starts_with(BACKUP))
        .map(|finding| (finding.code.as_str(), finding.severity))
        .collect();
    assert!(
        about.contains(&("accepts-unknown-recipients", Severity::Major)),
        "{about:?}"
    );
    // It says yes to a domain that cannot exist, too: that is no proof of relaying.
    assert!(
        about.iter().all(|(code, _)| *code != "relay-suspected"),
        "{about:?}"
    );
    assert_eq!(outcome(&report, 1, "relay"), "unknown");

    backup.edit(|server| {
        server.trust = vec![Trust::SenderIn(vec!["probe.example".to_owned()])];
        server.denial = Reply::new(554, "5.7.1 Relay access denied");
    });
    let report = rig.check(json!({"ports": [port]})).await;
    assert_eq!(
        outcome(&report, 1, "relay"),
        "unknown",
        "both recipients pass by the sender"
    );
    // A refusal that is about this machine tells nothing about others.
    for (denial, expected) in [
        ("5.7.1 Relay access denied", "good"),
        ("5.7.1 Client host rejected: Access denied", "unknown"),
        (
            "5.7.1 Client host [127.0.0.1] blocked using bl.example",
            "unknown",
        ),
    ] {
        backup.edit(|server| {
            server.trust.clear();
            server.denial = Reply::new(554, denial);
            server.recipients = Recipients::Known(BTreeSet::new());
            server.unknown = Reply::new(550, denial);
        });
        let report = rig.check(json!({"ports": [port]})).await;
        for stage in ["relay", "unknown_recipient"] {
            assert_eq!(outcome(&report, 1, stage), expected, "{stage}: {denial}");
        }
    }
    assert_eq!(backup.commands("DATA"), 0);
}
