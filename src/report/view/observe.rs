//! All results of one action in the order of time: its steps, their runs at the end, and each look of a `wait`.

use jiff::Timestamp;
use serde_json::Value;

use super::words::is_check;
use crate::record::{Event, EventKind, RunState, Section, StepOutcome, StepState, StepStatus};

/// One result of an action.
#[derive(Debug, Clone)]
pub(super) struct Observation<'a> {
    /// The step that saw it.
    pub(super) step: &'a StepState,
    /// When.
    pub(super) at: Timestamp,
    /// How the attempt ended; `None` for a look of a `wait` that goes on.
    pub(super) outcome: Option<StepOutcome>,
    /// The action's outputs, unwrapped from a `wait`.
    pub(super) outputs: Value,
    /// What was really judged.
    pub(super) subjects: &'a [String],
}

/// The results of `action`, oldest first. Attempts that failed saw nothing and are left out.
pub(super) fn observations<'a>(
    events: &'a [Event],
    state: &'a RunState,
    action: &str,
) -> Vec<Observation<'a>> {
    let step = |key: &str| {
        state
            .step(key)
            .filter(|step| step.judging_action() == action)
    };
    events
        .iter()
        .filter_map(|event| match &event.event {
            EventKind::StepFinished {
                step: key,
                outcome,
                outputs,
                subjects,
                ..
            } if outcome.lets_dependants_go() => {
                let step = step(key)?;
                let wrapped = step.plan.action == "wait";
                let outputs = match outputs.get("result") {
                    Some(result) if wrapped => result.clone(),
                    _ => Value::Object((**outputs).clone()),
                };
                Some(Observation {
                    step,
                    at: event.at,
                    outcome: Some(*outcome),
                    outputs,
                    subjects,
                })
            }
            EventKind::Waiting {
                step: key, memo, ..
            } => {
                let step = step(key)?;
                // A look that could not be taken leaves an empty result.
                let result = memo
                    .get("result")
                    .filter(|result| result.as_object().is_some_and(|r| !r.is_empty()))?;
                Some(Observation {
                    step,
                    at: event.at,
                    outcome: None,
                    outputs: result.clone(),
                    subjects: &[],
                })
            }
            _ => None,
        })
        .collect()
}

/// The last finished result for each check step, its run at the end instead of the first where there is one.
pub(super) fn latest<'a>(
    events: &'a [Event],
    state: &'a RunState,
    action: &str,
) -> Vec<Observation<'a>> {
    let all = observations(events, state, action);
    let mut latest: Vec<Observation<'a>> = Vec::new();
    for seen in all {
        let base = base(seen.step);
        match latest
            .iter_mut()
            .find(|known| self::base(known.step) == base)
        {
            Some(known) => *known = seen,
            None => latest.push(seen),
        }
    }
    latest
}

/// The key of the step that a `verify` entry runs again; any other step's own key.
pub(super) fn base(step: &StepState) -> &str {
    step.plan
        .key
        .strip_prefix("verify:")
        .unwrap_or(&step.plan.key)
}

/// The checks of a run as they stand: the run at the end counts in place of the first where it has ended.
pub(super) fn current_checks(state: &RunState) -> Vec<&StepState> {
    let ended = |step: &StepState| step.outcome().is_some();
    let superseded = |step: &StepState| {
        state.steps.iter().any(|other| {
            other.plan.section == Section::Verify && base(other) == step.plan.key && ended(other)
        })
    };
    state
        .steps
        .iter()
        .map(|step| &**step)
        .filter(|step| is_check(step) && step.status != StepStatus::Unfolded)
        .filter(|step| match step.plan.section {
            Section::Verify => ended(step),
            _ => !superseded(step),
        })
        .collect()
}
