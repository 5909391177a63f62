//! Signals that other checks found: relay test, lists, reverse DNS, resolver.

use super::super::facts::RelayFact;
use super::super::signal::{Measure, Signal, judge, told};
use super::super::wilson::lower_bound;
use super::{Input, counted};

/// T16: the failing domains do not exist for an independent resolver either.
pub(super) fn t16_dead_domains(input: &Input<'_>) -> Option<Signal> {
    let Some(domains) = input.facts.dead_domains else {
        return told("T16", None, String::new());
    };
    let definition = input.site.limits_of("T16")?;
    let (share, least) = (definition.limit("share"), definition.count("domains"));
    let over = domains.asked >= least && lower_bound(domains.dead, domains.asked) >= share;
    judge(
        "T16",
        domains.asked >= least,
        Measure {
            over,
            cases: domains.dead,
            measured: format!(
                "{} of {} do not exist",
                domains.dead,
                counted(domains.asked, "domain", "domains")
            ),
            expected: format!("at least {:.0} % of at least {least}", share * 100.0),
            lines: Vec::new(),
        },
    )
}

/// K1: proved open.
pub(super) fn k1_open(input: &Input<'_>) -> Option<Signal> {
    told(
        "K1",
        input.facts.relay.map(|r| r == RelayFact::Open),
        "relay test".to_owned(),
    )
}

/// K2: closed from outside.
pub(super) fn k2_closed(input: &Input<'_>) -> Option<Signal> {
    told(
        "K2",
        input.facts.relay.map(|r| r == RelayFact::Closed),
        "relay test".to_owned(),
    )
}

/// K3: accepts unknown recipients.
pub(super) fn k3_accepts_unknown(input: &Input<'_>) -> Option<Signal> {
    told(
        "K3",
        input.facts.accepts_unknown,
        "control of the relay test".to_owned(),
    )
}

/// K4: listed.
pub(super) fn k4_listed(input: &Input<'_>) -> Option<Signal> {
    let lists = input.facts.listings.as_ref();
    told(
        "K4",
        lists.map(|l| !l.is_empty()),
        lists.map(|l| l.join(", ")).unwrap_or_default(),
    )
}

/// K5: listed as infected.
pub(super) fn k5_exploit(input: &Input<'_>) -> Option<Signal> {
    let lists = input.facts.exploit_listings.as_ref();
    told(
        "K5",
        lists.map(|l| !l.is_empty()),
        lists.map(|l| l.join(", ")).unwrap_or_default(),
    )
}

/// K6: reverse DNS.
pub(super) fn k6_rdns(input: &Input<'_>) -> Option<Signal> {
    told(
        "K6",
        input.facts.rdns_ok.map(|ok| !ok),
        "reverse DNS check".to_owned(),
    )
}

/// K7: resolver failed.
pub(super) fn k7_resolver_failed(input: &Input<'_>) -> Option<Signal> {
    told(
        "K7",
        input.facts.resolver_ok.map(|ok| !ok),
        "resolver test".to_owned(),
    )
}
