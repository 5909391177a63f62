//! TLS reports: how many connections to the domain's mail servers were made over TLS, and how many failed and why.

use std::borrow::Cow;

use mail_auth::report::tlsrpt::{FailureDetails, Policy, TlsReport};

use super::{add, moment, own};
use crate::mail::events::{Direction, Event, What};

/// The events of a report: for each policy one of the good connections and one for each kind of failure.
pub(super) fn events(report: &TlsReport, about: &Event<'static>) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    for policy in &report.policies {
        let good = policy.summary.total_success;
        if good > 0 {
            let text = format!("{good} connections over TLS were made");
            events.push(event(report, policy, about, ("pass", good, text)));
        }
        for detail in &policy.failure_details {
            let failed = failed(report, policy, detail, about);
            events.extend((failed.count > 0).then_some(failed));
        }
        let told: u64 = policy
            .failure_details
            .iter()
            .map(|detail| u64::from(detail.failed_session_count))
            .sum();
        let rest = u64::from(policy.summary.total_failure).saturating_sub(told);
        if let Some(rest) = u32::try_from(rest).ok().filter(|rest| *rest > 0) {
            let text = format!("{rest} connections over TLS failed, why is not told");
            events.push(event(report, policy, about, ("fail", rest, text)));
        }
    }
    events
}

fn failed(
    report: &TlsReport,
    policy: &Policy,
    detail: &FailureDetails,
    about: &Event<'static>,
) -> Event<'static> {
    let count = detail.failed_session_count;
    // The names of RFC 8460, 4.3, which the type keeps for its JSON form.
    let kind = serde_json::to_value(detail.result_type).ok();
    let kind = kind.as_ref().and_then(serde_json::Value::as_str);
    let kind = kind.unwrap_or("other").to_ascii_lowercase();
    let mut text = format!("{count} connections over TLS failed: {kind}");
    let told = |value: &Option<String>| value.clone().unwrap_or_default();
    add(&mut text, "server", &told(&detail.receiving_mx_hostname));
    add(&mut text, "reason", &told(&detail.failure_reason_code));
    let mut event = event(report, policy, about, ("fail", count, text));
    event.category = Some(Cow::Owned(kind));
    event.address = detail.sending_mta_ip;
    event
}

fn event(
    report: &TlsReport,
    policy: &Policy,
    about: &Event<'static>,
    (kind, count, mut text): (&'static str, u32, String),
) -> Event<'static> {
    let mut event = about.clone();
    event.what = What::Reported;
    event.direction = Direction::Inbound;
    event.source = Some(Cow::Borrowed("tlsrpt"));
    event.computer = report.organization_name.as_deref().and_then(own);
    event.queue = own(&report.report_id);
    event.time = moment(report.date_range.start_datetime.to_timestamp()).or(event.time);
    event.local = None;
    event.kind = Some(Cow::Borrowed(kind));
    event.count = count;
    event.sender = None;
    event.domain = own(&policy.policy.policy_domain);
    let by = report.organization_name.clone().unwrap_or_default();
    add(&mut text, "reported by", &by);
    event.text = Cow::Owned(text);
    event
}
