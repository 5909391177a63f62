//! Fix first: the findings that make a request worthless, or worse, while they stand.

use std::net::IpAddr;

use crate::actions::Context;
use crate::mail::causes::cause_definition;
use crate::record::{Finding, StepOutcome};

/// Findings that are a cause of listings by themselves.
const CAUSES: &[&str] = &[
    "relay-open",
    "relay-suspected",
    "accepts-unknown-recipients",
];

/// Findings about the address that operators look at before anything else.
const NAMES: &[&str] = &["rdns-missing", "rdns-unconfirmed", "rdns-generic"];

/// An open finding that blocks requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocker {
    code: String,
    subject: String,
    summary: String,
}

impl Blocker {
    /// Whether it stands in the way of a request about this target. The reverse name of another address does not.
    pub(super) fn concerns(&self, target: &str) -> bool {
        if !NAMES.contains(&self.code.as_str()) {
            return true;
        }
        match (self.subject.parse::<IpAddr>(), target.parse::<IpAddr>()) {
            (Ok(subject), Ok(target)) => subject == target,
            _ => true,
        }
    }
}

/// What blocks at present.
pub(super) fn blockers(context: &Context<'_>) -> Vec<Blocker> {
    let open = context.facts.open_findings();
    open.iter()
        .filter(|finding| blocks(context, finding))
        .map(|finding| Blocker {
            code: finding.code.clone(),
            subject: finding.subject.clone(),
            summary: finding.summary.clone(),
        })
        .collect()
}

/// The codes, each once.
pub(super) fn codes(blockers: &[&Blocker]) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for blocker in blockers {
        if !codes.contains(&blocker.code) {
            codes.push(blocker.code.clone());
        }
    }
    codes
}

/// Why, for people.
pub(super) fn note(blockers: &[&Blocker]) -> String {
    let reasons: Vec<&str> = blockers
        .iter()
        .map(|blocker| blocker.summary.as_str())
        .collect();
    format!("not written while this is open: {}", reasons.join("; "))
}

fn blocks(context: &Context<'_>, finding: &Finding) -> bool {
    let code = finding.code.as_str();
    if CAUSES.contains(&code) || NAMES.contains(&code) {
        return true;
    }
    // What the logs show is past; nobody can prove from them that it has ended. A person can.
    code.starts_with("cause-")
        && is_likely(finding)
        && must_be_fixed(code)
        && !is_answered(context, finding)
}

/// Certain or probable; the summary begins with the word.
fn is_likely(finding: &Finding) -> bool {
    ["certain", "probable"]
        .iter()
        .any(|word| finding.summary.starts_with(word))
}

/// Causes that are rather effects of the listing (throttling, the listing itself) do not wait for themselves.
fn must_be_fixed(code: &str) -> bool {
    cause_definition(code).is_none_or(|cause| cause.fix_first)
}

/// Whether a person has ended a manual step after the finding was last seen.
fn is_answered(context: &Context<'_>, finding: &Finding) -> bool {
    let steps = context.facts.ended_steps();
    let same = |other: &Finding| other.code == finding.code && other.subject == finding.subject;
    let seen = steps
        .iter()
        .rposition(|step| step.findings.iter().any(same));
    let after = seen.map_or(0, |index| index + 1);
    steps.iter().skip(after).any(|step| {
        step.plan.action == "manual"
            && step.given.is_some()
            && step.outcome() == Some(StepOutcome::Good)
    })
}
