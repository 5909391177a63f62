//! The office as it stands at the start, and after each change.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use super::*;
use crate::practice::World;
use crate::practice::smtp::Recipients;

#[tokio::test]
async fn the_office_today() {
    let start = Instant::now();
    let world = World::start(scenario()).await.unwrap();
    assert!(
        start.elapsed().as_millis() < 1000,
        "start-up took {:?}",
        start.elapsed()
    );
    let outbound = OUTBOUND.to_string();
    world.zones().read(|zones| {
        for (zone, _, _) in LISTINGS {
            assert!(zones.list(zone).unwrap().lists(&outbound), "{zone}");
        }
        let failing = zones
            .list_names()
            .into_iter()
            .filter(|zone| zones.list(zone).unwrap().mode != ListMode::Healthy);
        assert_eq!(
            failing.collect::<Vec<_>>(),
            [REFUSING_LIST, WILDCARD_LIST, SILENT_LIST]
        );
    });
    let folder = std::env::temp_dir().join(format!("practice-office-{}", std::process::id()));
    let unpacked = world.unpack(&folder).unwrap();
    let site = std::fs::read_to_string(&unpacked.site).unwrap();
    let port = world.address(SERVER, "smtp").unwrap().port();
    assert!(
        site.contains(&format!("ports: [{port}]")) && site.contains("helo: mail.acme.example"),
        "{site}"
    );
    assert!(
        std::fs::read_to_string(&unpacked.ca)
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
    assert_eq!(
        std::fs::read_to_string(folder.join("probe-password")).unwrap(),
        PROBE_PASSWORD
    );
    std::fs::remove_dir_all(&folder).unwrap();
    world.stop().await;
}

#[tokio::test]
async fn changes_mend_it() {
    let world = World::start(scenario_with(Vec::new())).await.unwrap();
    let names = changes()
        .into_iter()
        .map(|change| change.name)
        .collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names.len(), 5 + LISTINGS.len());
    for change in changes().iter().chain(&changes()) {
        change.apply(&world);
    }
    let server = world.server(SERVER).unwrap().personality();
    assert_eq!(server.name, PUBLIC_NAME);
    assert!(matches!(server.recipients, Recipients::Known(_)));
    assert!(server.auth.is_none());
    assert_eq!(server.path.len(), 2);
    let outbound = OUTBOUND.to_string();
    let left = world.zones().read(|zones| {
        LISTINGS
            .iter()
            .filter(|(zone, _, _)| zones.list(zone).unwrap().lists(&outbound))
            .count()
    });
    assert_eq!(left, 0);
    assert!(
        world
            .site_yaml(std::path::Path::new("/x"))
            .contains("helo: mail.acme.example")
    );
}
