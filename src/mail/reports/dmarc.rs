//! DMARC aggregate reports: one event a record, which stands for all messages from one address with one result.

use std::borrow::Cow;

use mail_auth::report::{ActionDisposition, DmarcResult, Record, Report};

use super::{add, moment, own};
use crate::mail::events::{Event, What};

/// The records of a report.
pub(super) fn events(report: &Report, about: &Event<'static>) -> Vec<Event<'static>> {
    let record = |record| event(report, record, about);
    report.records().iter().map(record).collect()
}

fn event(report: &Report, record: &Record, about: &Event<'static>) -> Event<'static> {
    let mut event = about.clone();
    event.what = What::Reported;
    event.source = Some(Cow::Borrowed("dmarc"));
    event.computer = own(report.org_name());
    event.queue = own(report.report_id());
    event.time = moment(report.date_range_begin()).or(event.time);
    event.local = None;
    event.address = record.source_ip();
    event.count = record.count();
    event.sender = own(record.header_from()).map(|domain| Cow::Owned(format!("@{domain}")));
    event.domain = record.envelope_to().and_then(own);
    // One aligned result is enough (RFC 9989, 4).
    let passed = record.dmarc_dkim_result() == DmarcResult::Pass
        || record.dmarc_spf_result() == DmarcResult::Pass;
    event.kind = Some(Cow::Borrowed(if passed { "pass" } else { "fail" }));
    event.category = disposition(record).map(Cow::Borrowed);
    event.text = Cow::Owned(words(report, record));
    event
}

fn words(report: &Report, record: &Record) -> String {
    let from = record.source_ip().map_or_else(
        || "an address that is not named".to_owned(),
        |ip| ip.to_string(),
    );
    let mut text = format!(
        "{} messages from {from} as {}: DKIM {}, SPF {}",
        record.count(),
        record.header_from(),
        result(record.dmarc_dkim_result()),
        result(record.dmarc_spf_result())
    );
    add(
        &mut text,
        "disposition",
        disposition(record).unwrap_or_default(),
    );
    add(&mut text, "envelope sender", record.envelope_from());
    for signature in record.dkim_auth_result() {
        add(&mut text, "signed by", signature.domain());
    }
    add(&mut text, "reported by", report.org_name());
    text
}

fn result(result: DmarcResult) -> &'static str {
    match result {
        DmarcResult::Pass => "pass",
        DmarcResult::Fail => "fail",
        DmarcResult::Unspecified => "not told",
    }
}

fn disposition(record: &Record) -> Option<&'static str> {
    match record.action_disposition() {
        ActionDisposition::None | ActionDisposition::Pass => Some("none"),
        ActionDisposition::Quarantine => Some("quarantine"),
        ActionDisposition::Reject => Some("reject"),
        ActionDisposition::Unspecified => None,
    }
}
