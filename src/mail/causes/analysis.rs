//! The whole analysis: logs in, counts, signals and ranked causes out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::definition::{Minimum, definitions};
use super::facts::{Facts, SiteFacts};
use super::signal::{NOBODY_LOOKED, Signal, State};
use super::signals;
use super::timeline::Timeline;
use super::traffic::{Register, Reported, Traffic};
use super::weigh::{Cause, Confidence, NotShown, waiting, weigh};
use crate::mail::events::Event;
use crate::mail::reply::Class;

/// What a set of logs says.
#[derive(Debug, Clone, Serialize)]
pub struct Analysis {
    /// Failures after noise was taken out, in both directions.
    pub failures: usize,
    /// Known noise, counted apart.
    pub noise: usize,
    /// Times of the first and the last failure.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Why nothing can be judged by numbers, when there is too little data.
    pub not_enough_data: Option<String>,
    /// Outbound failures by class.
    pub classes: BTreeMap<Class, usize>,
    /// Clients that this server refused, by class.
    pub refused_clients: BTreeMap<Class, usize>,
    /// The remote hosts of outbound failures, busiest first.
    pub remotes: Vec<Remote>,
    /// Outbound failures over time, by class.
    pub timeline: Timeline,
    /// Who and what sends through the server.
    pub register: Register,
    /// What receivers report: complaints, DMARC results, connections over TLS.
    pub reported: Reported,
    /// What was summed up and not told apart, as there was too much of it; the busiest entries are told apart always.
    pub summed_up: Vec<String>,
    /// All signals, also those that were not seen.
    pub signals: Vec<Signal>,
    /// Causes that something speaks for, strongest first.
    pub causes: Vec<Cause>,
    /// Causes for which nothing was seen.
    pub not_shown: Vec<NotShown>,
    /// Why the log cannot be called clean although no cause stands: signals that make none by themselves, and what could not
    /// be measured for want of something that the caller knows.
    #[serde(skip)]
    pub unsettled: Vec<String>,
}

/// A remote host that refused us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remote {
    /// Name or address.
    pub host: String,
    /// The organisation behind it.
    pub organisation: String,
    /// Failures.
    pub failures: usize,
    /// By class.
    pub classes: BTreeMap<Class, usize>,
    /// What to keep in mind about this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// Analyses events, all of which are at hand. What other checks found is joined in by `facts`.
pub fn analyse(events: &[Event<'static>], site: &SiteFacts, facts: &Facts) -> Analysis {
    let mut traffic = Traffic::new(site);
    for event in events {
        traffic.add(event);
    }
    analyse_counted(&traffic, site, facts)
}

/// Analyses what was counted of all events.
pub fn analyse_counted(traffic: &Traffic, site: &SiteFacts, facts: &Facts) -> Analysis {
    let thin = too_thin(traffic);
    let enough_traffic =
        traffic.has_traffic() && traffic_thin(traffic, definitions().minimum).is_none();

    let measured = signals::measure(&signals::Input {
        traffic,
        site,
        facts,
        enough: thin.is_none(),
        enough_traffic,
    });
    let (causes, not_shown) = weigh(&measured, thin.as_deref());
    let unsettled = unsettled(&measured, &causes);
    Analysis {
        unsettled,
        failures: traffic.failures,
        noise: traffic.noise,
        span: traffic.failure_span,
        not_enough_data: thin,
        classes: traffic.classes.clone(),
        refused_clients: traffic.refused_clients.clone(),
        remotes: traffic.remotes(),
        timeline: Timeline::of(&traffic.hours),
        register: traffic.register(),
        reported: traffic.reported.clone(),
        summed_up: traffic.summed_up(),
        signals: measured,
        causes,
        not_shown,
    }
}

/// What keeps a log without a cause from being a clean one.
fn unsettled(signals: &[Signal], causes: &[Cause]) -> Vec<String> {
    let standing = || {
        causes
            .iter()
            .filter(|cause| cause.confidence > Confidence::Unlikely)
    };
    let cited = |line: &String| standing().any(|cause| cause.signals.contains(line));
    let mut unsettled: Vec<String> = waiting(signals)
        .map(Signal::line)
        .filter(|line| !cited(line))
        .map(|line| format!("this alone names no cause, and is to be looked at: {line}"))
        .collect();
    let unmeasured = signals
        .iter()
        .filter(|signal| signal.state == State::NotMeasured);
    for signal in unmeasured.filter(|signal| signal.measured != NOBODY_LOOKED) {
        if !unsettled.contains(&signal.measured) {
            unsettled.push(signal.measured.clone());
        }
    }
    unsettled
}

/// Too little to judge by numbers: few failures, or where a log shows what succeeded too, few attempts.
fn too_thin(traffic: &Traffic) -> Option<String> {
    let minimum = definitions().minimum;
    let few_failures = too_few("failures", traffic.failures, traffic.failure_span, minimum);
    if few_failures.is_some() && traffic.delivered > 0 && traffic_thin(traffic, minimum).is_none() {
        return None;
    }
    few_failures
}

fn traffic_thin(traffic: &Traffic, minimum: Minimum) -> Option<String> {
    let attempts = traffic.attempts.max(traffic.own_messages);
    let attempts = usize::try_from(attempts).unwrap_or(usize::MAX);
    too_few("attempts to deliver", attempts, traffic.span, minimum)
}

fn too_few(
    what: &str,
    count: usize,
    span: Option<(Timestamp, Timestamp)>,
    minimum: Minimum,
) -> Option<String> {
    let minutes = span.map_or(0, |(first, last)| {
        (last.as_second() - first.as_second()) / 60
    });
    let mut reasons = Vec::new();
    if count < minimum.failures {
        reasons.push(format!("{count} {what}, {} are needed", minimum.failures));
    }
    if minutes < minimum.span_minutes {
        reasons.push(format!(
            "they span {minutes} minutes, {} are needed",
            minimum.span_minutes
        ));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
