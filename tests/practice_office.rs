//! The practice office as the rest of the program sees it: what the world is built to show must be there.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::tz::TimeZone;
use mailmedic::mail::dnsbl::{self, DefaultScan, Health, Reply, Target};
use mailmedic::mail::{causes, events};
use mailmedic::practice::{World, office};
use mailmedic::probes::SystemClock;
use mailmedic::probes::dns::{Dns, DnsSettings, Outcome, Question, RecordKind};
use mailmedic::site::{SecretRef, Site, Tls};

#[tokio::test]
async fn the_site_file_is_one() {
    let world = World::start(office::scenario()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = world.unpack(folder.path()).unwrap();
    let site: Site =
        serde_saphyr::from_str(&std::fs::read_to_string(&files.site).unwrap()).unwrap();
    assert!(site.laboratory);
    assert_eq!(
        site.outbound.addresses,
        [std::net::IpAddr::from(office::OUTBOUND)]
    );
    assert_eq!(
        site.servers[0].ports,
        [world.address(office::SERVER, "smtp").unwrap().port()]
    );
    let smarthost = site.smarthost.unwrap();
    assert_eq!(
        (smarthost.tls, smarthost.ca),
        (Tls::Starttls, Some(files.ca))
    );
    for secret in [
        smarthost.password,
        site.probe.unwrap().imap.unwrap().password,
    ] {
        assert!(
            matches!(&secret, Some(reference @ SecretRef::File(_)) if reference.read().is_ok()),
            "{secret:?}"
        );
    }
    assert_eq!(site.resolver, [world.dns().to_string()]);
}

/// Every list of the default scan proves itself by its own test points, but for the three that are broken.
#[tokio::test]
async fn lists_are_healthy_but_three() {
    let world = World::start(office::scenario()).await.unwrap();
    let settings = DnsSettings {
        servers: vec![world.dns()],
        tries: vec![std::time::Duration::from_millis(700)],
        ..DnsSettings::default()
    };
    let dns = Dns::new(settings, Arc::new(SystemClock));
    let mut broken = BTreeMap::new();
    let mut judged = 0;
    let asked = [office::OUTBOUND.into()];
    for list in dnsbl::catalogue()
        .lists
        .iter()
        .filter(|list| list.default_scan == DefaultScan::On)
    {
        for (zone, target) in list
            .zones
            .iter()
            .flat_map(|zone| list.target.iter().map(move |target| (zone, *target)))
        {
            let mut answered = Vec::new();
            for control in dnsbl::controls(list, zone, target, None, &asked, true).unwrap() {
                let answer = dns
                    .query(&Question::new(&control.question.name, RecordKind::A))
                    .await;
                answered.push((control, reply(&answer.outcome)));
            }
            judged += 1;
            let health = dnsbl::judge(list, &answered);
            if !health.usable() {
                broken.insert((zone.clone(), target == Target::Ipv4), health);
            }
        }
    }
    assert!(judged > 30, "{judged}");
    let zones = broken
        .keys()
        .map(|(zone, _)| zone.as_str())
        .collect::<BTreeSet<_>>();
    assert_eq!(
        zones,
        BTreeSet::from([
            office::SILENT_LIST,
            office::REFUSING_LIST,
            office::WILDCARD_LIST
        ]),
        "{broken:?}"
    );
    let health = |zone: &str| broken[&(zone.to_owned(), true)].clone();
    assert!(matches!(health(office::SILENT_LIST), Health::Unknown(_)));
    assert!(matches!(health(office::REFUSING_LIST), Health::Refused(_)));
    assert!(matches!(
        health(office::WILDCARD_LIST),
        Health::ListsTheWorld(_)
    ));
}

fn reply(outcome: &Outcome) -> Reply {
    match outcome {
        Outcome::Records(_) => Reply::Addresses(addresses(outcome)),
        Outcome::NoData => Reply::NoData,
        Outcome::NxDomain => Reply::NoName,
        Outcome::Refused => Reply::Rcode("REFUSED".to_owned()),
        other => Reply::Silence(other.to_string()),
    }
}

fn addresses(outcome: &Outcome) -> Vec<std::net::Ipv4Addr> {
    let Outcome::Records(records) = outcome else {
        return Vec::new();
    };
    records
        .iter()
        .filter_map(|record| record.value.to_string().parse().ok())
        .collect()
}

#[test]
fn the_log_is_read_whole_and_tells_of_throttling() {
    let options = events::Options {
        timezone: Some(TimeZone::UTC),
        ..events::Options::default()
    };
    let log = events::read("events.txt", office::event_log().as_bytes(), None, &options).unwrap();
    assert_eq!(log.events.len(), office::EVENTS);
    assert!(log.unparsed.is_empty(), "{:?}", log.unparsed);
    let site = causes::SiteFacts {
        mailboxes: Some(12),
        addresses: vec![office::OUTBOUND.into()],
        ..causes::SiteFacts::default()
    };
    let analysis = causes::analyse(&log.events, &site, &causes::Facts::default());
    assert_eq!(analysis.not_enough_data, None);
    let confidence = |cause: &str| {
        analysis
            .causes
            .iter()
            .find(|found| found.cause == cause)
            .map(|found| found.confidence.word())
    };
    assert!(confidence("reputation-throttling").is_some_and(|word| word != "unlikely"));
    assert_eq!(confidence("open-relay"), Some("unlikely"));
}
