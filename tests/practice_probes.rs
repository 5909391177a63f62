//! The practice office, looked at with the program itself: what the world is built to show must be found.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use mailmedic::practice::{World, office};
use serde_json::Value;

/// One read-only action as a user runs it. The runtime's other workers keep the world running meanwhile.
fn probe(action: &str, site: &Path, with: &[String]) -> Value {
    let output = tokio::task::block_in_place(|| {
        let mut command = assert_cmd::Command::cargo_bin("mailmedic").unwrap();
        command
            .env_clear()
            .args(["probe", action, "--json", "--site"])
            .arg(site);
        command.arg("--state").arg(site.with_file_name("state"));
        for pair in with {
            command.args(["--with", pair]);
        }
        command.timeout(Duration::from_secs(180)).output().unwrap()
    });
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{action}: {error}: {text} {errors}"))
}

/// The distinct values of `field` in a list of objects, sorted.
fn column(list: &Value, field: &str) -> Vec<String> {
    let values = list
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item[field].as_str().unwrap().to_owned());
    values.collect::<BTreeSet<_>>().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_office_is_found_as_it_is_and_mended() {
    let world = World::start(office::scenario()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = world.unpack(folder.path()).unwrap();

    let scan = probe("blacklist.scan", &files.site, &[]);
    let listings = office::LISTINGS
        .map(|(zone, _, _)| zone.to_owned())
        .into_iter()
        .collect::<BTreeSet<_>>();
    assert_eq!(
        column(&scan["outputs"]["listed"], "zone"),
        Vec::from_iter(listings)
    );
    let target = &scan["outputs"]["targets"][0];
    assert_eq!(column(&target["unknown"], "list"), ["psbl", "spfbl-dnsbl"]);
    assert_eq!(column(&target["broken"], "list"), ["swinog-dnsrbl"]);
    // Three controls and the listing with its text: nobody is asked more than that.
    assert!(
        world.zones().count("zen.spamhaus.org") <= 8,
        "{}",
        world.zones().count("zen.spamhaus.org")
    );

    let rdns = probe("rdns.verify", &files.site, &[]);
    assert_eq!(
        column(&rdns["findings"], "code"),
        ["helo-invalid", "rdns-unconfirmed"]
    );
    let relay = probe("relay.test", &files.site, &[]);
    assert_eq!(
        column(&relay["findings"], "code"),
        ["accepts-unknown-recipients"]
    );
    let server = world.server(office::SERVER).unwrap();
    assert!(
        server.commands("RCPT") > 28 && server.commands("DATA") == 0,
        "a screen sends no message"
    );
    let smarthost = probe("smarthost.check", &files.site, &[]);
    assert_eq!(smarthost["outputs"]["verdict"], "ready_with_warnings");
    let events = probe(
        "events.analyze",
        &files.site,
        &[format!("files={}", files.event_log.display())],
    );
    assert_eq!(
        column(&events["findings"], "code"),
        ["cause-reputation-throttling"]
    );

    for change in office::changes() {
        change.apply(&world);
    }
    let files = world.unpack(folder.path()).unwrap();
    let scan = probe("blacklist.scan", &files.site, &[]);
    assert!(column(&scan["outputs"]["listed"], "zone").is_empty());
    assert_eq!(probe("rdns.verify", &files.site, &[])["outcome"], "good");
    assert_eq!(probe("relay.test", &files.site, &[])["outcome"], "good");
    let smarthost = probe("smarthost.check", &files.site, &[]);
    assert!(column(&smarthost["findings"], "code").is_empty());
}
