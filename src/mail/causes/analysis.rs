//! The whole analysis: logs in, counts, signals and ranked causes out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::definition::definitions;
use super::facts::{Facts, SiteFacts};
use super::failure::Failure;
use super::signal::Signal;
use super::signals;
use super::weigh::{Cause, NotShown, weigh};
use crate::mail::events::{Event, What};
use crate::mail::reply::{Class, catalogue};

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
    /// All signals, also those that were not seen.
    pub signals: Vec<Signal>,
    /// Causes that something speaks for, strongest first.
    pub causes: Vec<Cause>,
    /// Causes for which nothing was seen.
    pub not_shown: Vec<NotShown>,
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

/// Analyses events. What other checks found is joined in by `facts`.
pub fn analyse(events: &[Event<'static>], site: &SiteFacts, facts: &Facts) -> Analysis {
    let failures: Vec<Failure<'_>> = events
        .iter()
        .filter_map(|event| Failure::of(event, site))
        .collect();
    let times = || failures.iter().filter_map(|f| f.event.time);
    let span = times().min().zip(times().max());
    let thin = too_thin(failures.len(), span);

    let measured = signals::measure(&signals::Input {
        failures: &failures,
        events: &events.iter().collect::<Vec<_>>(),
        site,
        facts,
        enough: thin.is_none(),
    });
    let (causes, not_shown) = weigh(&measured, thin.as_deref());
    Analysis {
        failures: failures.len(),
        noise: events.iter().filter(|e| e.what == What::Noise).count(),
        span,
        not_enough_data: thin,
        classes: count(failures.iter().filter(|f| f.is_outbound())),
        refused_clients: count(failures.iter().filter(|f| !f.is_outbound())),
        remotes: remotes(&failures),
        signals: measured,
        causes,
        not_shown,
    }
}

fn too_thin(failures: usize, span: Option<(Timestamp, Timestamp)>) -> Option<String> {
    let minimum = definitions().minimum;
    let minutes = span.map_or(0, |(first, last)| {
        (last.as_second() - first.as_second()) / 60
    });
    let few = failures < minimum.failures;
    let short = minutes < minimum.span_minutes;
    let mut reasons = Vec::new();
    if few {
        reasons.push(format!(
            "{failures} failures, {} are needed",
            minimum.failures
        ));
    }
    if short {
        reasons.push(format!(
            "they span {minutes} minutes, {} are needed",
            minimum.span_minutes
        ));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn count<'f>(failures: impl Iterator<Item = &'f Failure<'f>>) -> BTreeMap<Class, usize> {
    let mut counts = BTreeMap::new();
    for failure in failures {
        *counts.entry(failure.class).or_insert(0) += 1;
    }
    counts
}

fn remotes(failures: &[Failure<'_>]) -> Vec<Remote> {
    let mut by_host: BTreeMap<&str, Remote> = BTreeMap::new();
    for failure in failures.iter().filter(|f| f.is_outbound()) {
        let Some(host) = failure.event.remote.as_deref() else {
            continue;
        };
        let remote = by_host.entry(host).or_insert_with(|| Remote {
            host: host.to_owned(),
            organisation: failure.organisation.clone().unwrap_or_default(),
            failures: 0,
            classes: BTreeMap::new(),
            note: catalogue()
                .owner(host)
                .and_then(|owner| owner.note.as_deref()),
        });
        remote.failures += 1;
        *remote.classes.entry(failure.class).or_insert(0) += 1;
    }
    let mut remotes: Vec<Remote> = by_host.into_values().collect();
    remotes.sort_by_key(|remote| std::cmp::Reverse(remote.failures));
    remotes
}
