//! The technical appendix: each step with its times, and the results of actions that have no section of their own.

use serde::Serialize;
use serde_json::Value;

use super::moment::{Calendar, When};
use super::read::{line, plain, words as spaced};
use super::run::NamedValue;
use super::words::{self, Word};
use crate::record::{Event, EventKind, RunState, Section, StepState, StepStatus};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepView {
    /// Its key.
    pub key: String,
    /// Title.
    pub title: String,
    /// Why it is there.
    pub description: Option<String>,
    /// Its action; for a `wait` with a check, both.
    pub action: String,
    /// `probe`, `local` or `external`.
    pub effect: String,
    /// `steps`, `verify`, `on_failure` or `finally`.
    pub section: String,
    /// Where it stands.
    pub state: Word,
    /// Why it was left out, why it failed, or what it waits for; empty otherwise.
    pub reason: String,
    /// Tries begun.
    pub attempts: u32,
    /// When the first try began.
    pub started: Option<When>,
    /// When it ended.
    pub finished: Option<When>,
    /// How long its last try took: `1.2 s`; empty when not known.
    pub took: String,
    /// Findings it reported.
    pub findings: usize,
}

/// The outputs of one step, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputView {
    /// Title of the step.
    pub title: String,
    /// Its outputs.
    pub values: Vec<NamedValue>,
}

/// All steps in the order of the runbook.
pub(super) fn steps(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<StepView> {
    state
        .steps
        .iter()
        .map(|step| StepView {
            key: line(&step.plan.key),
            title: line(&step.plan.title),
            description: step.plan.description.as_deref().map(line),
            action: match &step.plan.check {
                Some(check) => format!("{} ({})", line(&step.plan.action), line(check)),
                None => line(&step.plan.action),
            },
            effect: step.plan.effect.as_str().to_owned(),
            section: match step.plan.section {
                Section::Steps => "steps",
                Section::Verify => "verify",
                Section::OnFailure => "on_failure",
                Section::Finally => "finally",
            }
            .to_owned(),
            state: words::step(step),
            reason: reason(step, calendar),
            attempts: step.attempts,
            started: step.started.map(|at| calendar.when(at)),
            finished: step.finished.map(|at| calendar.when(at)),
            took: took(events, &step.plan.key),
            findings: step.findings.len(),
        })
        .collect()
}

/// Outputs of actions that no other section shows. Documents that were written are among the files.
pub(super) fn outputs(state: &RunState) -> Vec<OutputView> {
    const SHOWN_ELSEWHERE: &[&str] = &[
        "approval",
        "manual",
        "wait",
        "blacklist.scan",
        "rdns.verify",
        "owner.lookup",
        "outbound.vet",
        "relay.test",
        "smarthost.check",
        "server.check",
        "document.render",
        "mailauth.check",
        "events.analyze",
        "delivery.probe",
        "delisting.draft",
    ];
    state
        .steps
        .iter()
        .filter(|step| !SHOWN_ELSEWHERE.contains(&step.plan.action.as_str()))
        .filter_map(|step| {
            let values = outputs_of(step);
            (!values.is_empty()).then(|| OutputView {
                title: line(&step.plan.title),
                values,
            })
        })
        .collect()
}

/// The outputs of a step, a line each. A long value is cut; conversations are shown elsewhere.
pub(crate) fn outputs_of(step: &StepState) -> Vec<NamedValue> {
    step.outputs
        .iter()
        .filter(|(name, _)| *name != "transcript")
        .flat_map(|(name, value)| named(name, value))
        .filter(|named| !named.value.is_empty())
        .collect()
}

/// A list of objects becomes one line for each.
fn named(name: &str, value: &Value) -> Vec<NamedValue> {
    let one = |name: String, value: &Value| NamedValue {
        name,
        value: shorten(&plain(value)),
    };
    match value {
        Value::Array(items) if items.iter().any(Value::is_object) => items
            .iter()
            .enumerate()
            .map(|(position, item)| one(format!("{} {}", spaced(name), position + 1), item))
            .collect(),
        other => vec![one(spaced(name), other)],
    }
}

fn shorten(text: &str) -> String {
    const LIMIT: usize = 600;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Why a step stands where it stands; empty when there is nothing to say.
pub(crate) fn reason(step: &StepState, calendar: &Calendar) -> String {
    match &step.status {
        StepStatus::Skipped { reason } => line(reason),
        StepStatus::Waiting(wait) => match (wait.wake, wait.deadline) {
            (Some(wake), Some(end)) => format!(
                "next look {}, at the latest {}",
                calendar.when(wake).short,
                calendar.when(end).short
            ),
            (Some(wake), None) => format!("until {}", calendar.when(wake).short),
            (None, Some(end)) => {
                format!("for a person, at the latest {}", calendar.when(end).short)
            }
            (None, None) => "for a person".to_owned(),
        },
        StepStatus::Finished { .. } => match (&step.error, &step.given) {
            (Some(error), _) if step.outcome().is_some_and(|o| !o.lets_dependants_go()) => {
                line(error)
            }
            (_, Some(given)) => format!("by {}", line(&given.by)),
            (_, None) => match &step.inherited {
                Some(run) => format!("taken over from run {}", line(run)),
                None => String::new(),
            },
        },
        StepStatus::Running | StepStatus::Pending => step
            .error
            .as_deref()
            .map(|error| format!("last try: {}", line(error)))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

fn took(events: &[Event], key: &str) -> String {
    let ms = events.iter().rev().find_map(|event| match &event.event {
        EventKind::StepFinished { step, ms, .. } if step == key => Some(*ms),
        _ => None,
    });
    match ms {
        None => String::new(),
        Some(ms @ 0..=999) => format!("{ms} ms"),
        Some(ms @ 1_000..=119_999) => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        Some(ms) => super::moment::span(i64::try_from(ms / 1_000).unwrap_or(i64::MAX)),
    }
}
