//! Findings about SPF, each with the record to paste where it is plain.

use std::net::IpAddr;

use super::remark::{Remarks, publish, replace};
use super::spf::Seen;
use crate::mail::spf::{
    Cause, Evaluation, MOST_LOOKUPS, RemarkKind, SpfResult, Visit, allowing, merged, parse,
};
use crate::record::{Evidence, Finding, Severity};

/// Findings about the record of a domain.
pub(super) fn of_domain(subject: &str, seen: &Seen<'_>, proof: Evidence) -> Vec<Finding> {
    let mut remarks = Remarks::about(subject, proof);
    let domain = seen.domain;
    match seen.texts.as_slice() {
        [] => {
            if seen.worst.cause == Cause::NoRecord {
                missing(&mut remarks, seen);
            }
            return remarks.into_findings();
        }
        [text] => {
            let text = text.joined();
            let parsed = parse(&text);
            if parsed.is_valid() {
                evaluated(&mut remarks, seen, &text);
            } else {
                let faults: Vec<String> = parsed
                    .faults
                    .iter()
                    .map(|fault| format!("'{}': {}", fault.term, fault.what))
                    .collect();
                remarks.add(
                    "spf-invalid",
                    Severity::Major,
                    format!(
                        "the SPF record of {domain} cannot be used, because it has a fault ({}); receivers give the whole record up",
                        faults.join("; ")
                    ),
                    match parsed.mended() {
                        Some(mended) => replace(domain, &mended),
                        None => "Correct the terms named in the summary. One faulty term spoils all others.".to_owned(),
                    },
                );
            }
        }
        several => {
            let texts: Vec<String> = several
                .iter()
                .map(crate::mail::lookup::Text::joined)
                .collect();
            remarks.add(
                "spf-multiple",
                Severity::Major,
                format!("{domain} has {} SPF records; one is allowed, and receivers treat several as an error", texts.len()),
                match merged(&texts) {
                    Some(one) => format!("Remove all of them and publish this one record:\n{domain}. TXT \"{one}\""),
                    None => "Join them to one record that begins with 'v=spf1' and ends in '-all' or '~all', and remove the others.".to_owned(),
                },
            );
        }
    }
    advice(&mut remarks, seen);
    remarks.into_findings()
}

fn missing(remarks: &mut Remarks, seen: &Seen<'_>) {
    let domain = seen.domain;
    if let Some((text, what)) = seen.lookalikes.first() {
        let mended = text
            .trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'')
            .replacen("v=spf1;", "v=spf1 ", 1);
        let mended = (crate::mail::spf::is_spf(&mended) && parse(&mended).is_valid())
            .then(|| replace(domain, &mended));
        remarks.add(
            "spf-invalid",
            Severity::Major,
            format!("{domain} has a text record that is meant to be SPF, but {what}; receivers pass over it"),
            mended.unwrap_or_else(|| {
                "Correct the record so that it begins with 'v=spf1' and a blank.".to_owned()
            }),
        );
        return;
    }
    let remedy = if seen.addresses.is_empty() {
        "Publish a record that names the addresses that send, such as \"v=spf1 mx -all\"."
            .to_owned()
    } else {
        format!(
            "{}\nIf mail also leaves through a provider, put the include that it names before '-all'.",
            publish(domain, &allowing(None, seen.addresses))
        )
    };
    remarks.add(
        "spf-missing",
        Severity::Major,
        format!(
            "{domain} has no SPF record: large receivers refuse or suspect mail from such a domain"
        ),
        remedy,
    );
}

/// A record without fault: what it came to.
fn evaluated(remarks: &mut Remarks, seen: &Seen<'_>, text: &str) {
    let (domain, worst) = (seen.domain, seen.worst);
    let reason = &worst.reason;
    match worst.cause {
        Cause::Lookups => remarks.add(
            "spf-too-many-lookups",
            Severity::Major,
            format!("the SPF record of {domain} fails: {reason}"),
            fewer(seen.whole),
        ),
        Cause::Voids => remarks.add(
            "spf-void-lookups",
            Severity::Major,
            format!("the SPF record of {domain} fails: {reason}"),
            "Remove the terms whose names do not exist any more; the evidence shows them.",
        ),
        Cause::Circle => remarks.add(
            "spf-loop",
            Severity::Major,
            format!("the SPF record of {domain} fails: {reason}"),
            "Remove the include or redirect that leads back.",
        ),
        Cause::Target => remarks.add(
            "spf-include-broken",
            Severity::Major,
            format!("the SPF record of {domain} fails: {reason}"),
            "Remove that term if nothing is sent through that provider any more; else ask the provider for the name it wants to be included by.",
        ),
        Cause::Match | Cause::NoMatch if !seen.addresses.is_empty() => not_allowed(remarks, seen, text),
        Cause::Match | Cause::NoMatch | Cause::NoRecord | Cause::Several | Cause::Fault | Cause::Dns => {}
    }
    if !remarks.is_empty() {
        return;
    }
    if let Some(whole) = seen.whole {
        if whole.lookups > MOST_LOOKUPS {
            remarks.add(
                "spf-too-many-lookups",
                Severity::Minor,
                format!(
                    "the SPF record of {domain} needs {} look-ups in all; {MOST_LOOKUPS} are allowed, so senders that match late fail",
                    whole.lookups
                ),
                fewer(Some(whole)),
            );
        }
        if let Some((term, trouble)) = broken(&whole.visit) {
            remarks.add(
                "spf-include-broken",
                Severity::Minor,
                format!("'{term}' in the SPF record of {domain} cannot be used: {trouble}; senders that match behind it fail"),
                "Remove that term, or ask the provider for the name it wants to be included by.",
            );
        }
    }
}

fn not_allowed(remarks: &mut Remarks, seen: &Seen<'_>, text: &str) {
    let domain = seen.domain;
    let all: Vec<String> = seen.addresses.iter().map(ToString::to_string).collect();
    let all = all.join(", ");
    let (severity, what) = match seen.worst.result {
        SpfResult::Fail => (Severity::Critical, "forbids the site's own server to send"),
        SpfResult::SoftFail => (Severity::Major, "calls the site's own server doubtful"),
        SpfResult::Neutral => (Severity::Minor, "says nothing about the site's own server"),
        SpfResult::Pass | SpfResult::None | SpfResult::TempError | SpfResult::PermError => return,
    };
    remarks.add(
        "spf-not-allowed",
        severity,
        format!(
            "the SPF record of {domain} {what} ({all}): {} ({})",
            seen.worst.result, seen.worst.reason
        ),
        replace(domain, &allowing(Some(text), seen.addresses)),
    );
}

/// Where the look-ups go, the dearest terms first.
fn fewer(whole: Option<&Evaluation>) -> String {
    let mut dear: Vec<(&str, usize)> = whole
        .iter()
        .flat_map(|whole| &whole.visit.terms)
        .filter(|term| term.lookups > 0)
        .map(|term| (term.text.as_str(), term.lookups))
        .collect();
    dear.sort_by_key(|(_, lookups)| std::cmp::Reverse(*lookups));
    let told: Vec<String> = dear
        .iter()
        .take(12)
        .map(|(term, lookups)| format!("{term} ({lookups})"))
        .collect();
    format!(
        "Remove includes of providers that are no longer used, and write fixed servers as ip4: and ip6: terms, which need no look-up. What each term costs: {}.",
        told.join(", ")
    )
}

/// The first term that leads to a record nobody can use.
fn broken(visit: &Visit) -> Option<(String, String)> {
    visit.terms.iter().find_map(|term| {
        let below = term.below.as_ref()?;
        match &below.trouble {
            // what DNS did not tell is no fault of the record
            Some(trouble) if !trouble.contains("could not be asked") => {
                Some((term.text.clone(), trouble.clone()))
            }
            _ => broken(below),
        }
    })
}

fn advice(remarks: &mut Remarks, seen: &Seen<'_>) {
    let domain = seen.domain;
    for remark in &seen.remarks {
        let term = if remark.term.is_empty() {
            format!("the SPF record of {domain}")
        } else {
            format!("'{}' in the SPF record of {domain}", remark.term)
        };
        let (code, severity, remedy) = match remark.kind {
            RemarkKind::AllowsAll => (
                "spf-allows-all",
                Severity::Critical,
                "End the record in '-all' (or '~all' while you test) and name only the servers that really send.",
            ),
            RemarkKind::TooWide => (
                "spf-too-wide",
                Severity::Minor,
                "Name the servers themselves, or the small networks they stand in.",
            ),
            RemarkKind::NoAll | RemarkKind::NeutralAll => (
                "spf-no-all",
                Severity::Minor,
                "Put '~all' at the end of the record, and '-all' once you are sure that all senders are in it.",
            ),
            RemarkKind::Ptr => (
                "spf-ptr",
                Severity::Minor,
                "Replace 'ptr' by the addresses (ip4:, ip6:) or names (a:) of the servers that send.",
            ),
            RemarkKind::Ignored | RemarkKind::Seam => (
                "spf-ignored-term",
                Severity::Minor,
                "Correct the place: terms are separated by blanks, mechanisms take a colon, and 'all' comes last.",
            ),
            RemarkKind::NotPublic => (
                "spf-private-address",
                Severity::Minor,
                "Replace it by the public address from which receivers see the mail come.",
            ),
            RemarkKind::TooLong => (
                "spf-too-long",
                Severity::Minor,
                "Remove what is no longer used, join addresses to networks, or move a part of the record into an include of your own.",
            ),
            RemarkKind::Twice => continue,
        };
        remarks.add(code, severity, format!("{term}: {}", remark.what), remedy);
    }
}

/// The finding about the HELO name, if any.
pub(super) fn of_helo(
    subject: &str,
    name: &str,
    address: IpAddr,
    worst: &Evaluation,
    proof: Evidence,
) -> Vec<Finding> {
    let severity = match worst.result {
        SpfResult::Fail => Severity::Major,
        SpfResult::SoftFail | SpfResult::PermError => Severity::Minor,
        SpfResult::Pass | SpfResult::None | SpfResult::Neutral | SpfResult::TempError => {
            return Vec::new();
        }
    };
    let mut remarks = Remarks::about(subject, proof);
    remarks.add(
        "spf-helo",
        severity,
        format!(
            "the SPF record of the HELO name {name} does not let {address} pass: {} ({}); receivers look at it, for bounces at nothing else",
            worst.result, worst.reason
        ),
        match worst.visit.record.as_deref().filter(|text| parse(text).is_valid()) {
            Some(text) => replace(name, &allowing(Some(text), &[address])),
            None => replace(name, "v=spf1 a -all"),
        },
    );
    remarks.into_findings()
}
