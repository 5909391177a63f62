//! The signals, measured: each one function, all in one list.

mod checks;
mod clients;
mod receivers;
mod recipients;
mod reported;
mod senders;
mod submission;
mod times;

use super::facts::{Facts, SiteFacts};
use super::signal::Signal;
use super::traffic::Traffic;

/// What is measured.
pub(super) struct Input<'a> {
    /// Counters of all events.
    pub(super) traffic: &'a Traffic,
    pub(super) site: &'a SiteFacts,
    pub(super) facts: &'a Facts,
    /// Whether there is enough data to judge by numbers.
    pub(super) enough: bool,
    /// Whether the logs show messages, not failures alone, and enough of them.
    pub(super) enough_traffic: bool,
}

/// A measurement.
type Measurement = fn(&Input<'_>) -> Option<Signal>;

/// All measurements, in the order of the report.
static MEASUREMENTS: &[Measurement] = &[
    recipients::t1_unknown,
    recipients::t2_dispersion,
    times::t3_night,
    times::t4_bursts,
    senders::t5_null_sender,
    senders::t6_foreign_sender,
    clients::t7_guest,
    submission::t8_spread,
    submission::t9_rate,
    clients::t10_odd_account,
    clients::t11_guessing,
    clients::t12_relay_refused,
    senders::t13_relayed,
    receivers::t14_standing,
    recipients::t15_dns,
    checks::t16_dead_domains,
    receivers::t17_unreachable,
    recipients::t18_order,
    submission::m1_mailbox,
    submission::p1_inside,
    senders::j1_bounces_in,
    receivers::r1_reverse_name,
    receivers::r2_authentication,
    receivers::r3_listing,
    receivers::r4_relay,
    reported::a1_complaints,
    reported::d1_elsewhere,
    reported::d2_own,
    reported::s1_tls,
    checks::k1_open,
    checks::k2_closed,
    checks::k3_accepts_unknown,
    checks::k4_listed,
    checks::k5_exploit,
    checks::k6_rdns,
    checks::k7_resolver_failed,
];

/// Measures all signals.
pub(super) fn measure(input: &Input<'_>) -> Vec<Signal> {
    MEASUREMENTS
        .iter()
        .filter_map(|measurement| measurement(input))
        .collect()
}

/// `1 host`, `2 hosts`.
fn counted(n: usize, one: &str, many: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{n} {many}")
    }
}

fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
