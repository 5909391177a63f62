//! What can happen next, read off the state of a run. Pure.

use jiff::Timestamp;

use crate::record::{
    RunConclusion, RunState, Section, Severity, StepOutcome, StepState, StepStatus,
};

/// Something that can happen next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    /// The step is left out, for this reason.
    Skip(String, String),
    /// The step may begin, or go on after a wait.
    Begin(String),
    /// All instances of this `foreach` step have ended.
    Close(String),
    /// Everything has ended.
    Finish(RunConclusion),
}

/// The sections in the order in which they are carried out.
const ORDER: [Section; 4] = [
    Section::Steps,
    Section::OnFailure,
    Section::Verify,
    Section::Finally,
];

/// All that can happen now. `reads` tells whether the condition of a step (first) reads the status of another (second).
pub(super) fn moves(
    state: &RunState,
    now: Timestamp,
    reads: impl Fn(&str, &str) -> bool,
) -> Vec<Move> {
    if state.cancelled.is_some() {
        let running = state
            .steps
            .iter()
            .any(|step| matches!(step.status, StepStatus::Running));
        return if running {
            Vec::new()
        } else {
            vec![Move::Finish(RunConclusion::Cancelled)]
        };
    }
    for section in ORDER {
        let mut members = state
            .steps
            .iter()
            .map(|step| &**step)
            .filter(|step| step.plan.section == section)
            .peekable();
        if members.peek().is_none() {
            continue;
        }
        let mut unsettled = false;
        let mut moves = Vec::new();
        for step in members {
            if !step.is_settled() {
                unsettled = true;
                moves.extend(next_of(state, step, now, &reads));
            }
        }
        if unsettled {
            return moves;
        }
    }
    vec![Move::Finish(conclusion(state))]
}

fn next_of(
    state: &RunState,
    step: &StepState,
    now: Timestamp,
    reads: &impl Fn(&str, &str) -> bool,
) -> Option<Move> {
    let key = &step.plan.key;
    match &step.status {
        StepStatus::Pending => pending(state, step, reads),
        StepStatus::Interrupted { ask: false } => Some(Move::Begin(key.clone())),
        StepStatus::Waiting(wait) => {
            let due = |moment: Option<Timestamp>| moment.is_some_and(|moment| now >= moment);
            (due(wait.wake) || due(wait.deadline)).then(|| Move::Begin(key.clone()))
        }
        StepStatus::Unfolded => state
            .instances(key)
            .all(StepState::is_settled)
            .then(|| Move::Close(key.clone())),
        StepStatus::Running
        | StepStatus::Interrupted { ask: true }
        | StepStatus::Finished { .. }
        | StepStatus::Skipped { .. } => None,
    }
}

fn pending(
    state: &RunState,
    step: &StepState,
    reads: &impl Fn(&str, &str) -> bool,
) -> Option<Move> {
    let key = &step.plan.key;
    if step.parent.is_some() {
        return Some(Move::Begin(key.clone()));
    }
    match step.plan.section {
        Section::OnFailure if !any_failed(state) => {
            return Some(Move::Skip(key.clone(), "nothing failed".to_owned()));
        }
        Section::Verify => {
            let id = key.strip_prefix("verify:").unwrap_or(key);
            if let Some(first) = state.step(id)
                && matches!(first.status, StepStatus::Skipped { .. })
            {
                return Some(Move::Skip(
                    key.clone(),
                    format!("'{id}' was not carried out"),
                ));
            }
        }
        _ => {}
    }
    for need in &step.plan.needs {
        let Some(needed) = state.step(need) else {
            continue;
        };
        if !needed.is_settled() {
            return None;
        }
        let why = match &needed.status {
            StepStatus::Skipped { .. } => "was skipped",
            StepStatus::Finished {
                outcome,
                tolerated: false,
            } if !outcome.lets_dependants_go() => match outcome {
                StepOutcome::Rejected => "was rejected",
                _ => "failed",
            },
            _ => continue,
        };
        if !reads(key, need) {
            return Some(Move::Skip(key.clone(), format!("'{need}' {why}")));
        }
    }
    Some(Move::Begin(key.clone()))
}

fn any_failed(state: &RunState) -> bool {
    state.steps.iter().any(|step| {
        matches!(
            step.status,
            StepStatus::Finished {
                outcome: StepOutcome::Failed,
                tolerated: false
            }
        )
    })
}

/// How a run whose steps have all ended is to be called.
///
/// "Could not tell" keeps a run from being healthy as much as a finding does, unless a later look at the same thing could tell.
fn conclusion(state: &RunState) -> RunConclusion {
    if any_failed(state) {
        return RunConclusion::Failed;
    }
    let open = state
        .open_findings()
        .iter()
        .any(|(finding, _)| finding.severity > Severity::Informational);
    if open || !unknown_steps(state).is_empty() {
        RunConclusion::FindingsOpen
    } else {
        RunConclusion::Healthy
    }
}

/// The steps whose last look at their matter could not tell.
pub(super) fn unknown_steps(state: &RunState) -> Vec<&StepState> {
    state
        .steps
        .iter()
        .map(|step| &**step)
        .filter(|step| {
            step.outcome() == Some(StepOutcome::Unknown)
                && !state.steps.iter().any(|later| {
                    later.judging_action() == step.judging_action()
                        && later.finished_seq > step.finished_seq
                        && later
                            .outcome()
                            .is_some_and(|outcome| outcome != StepOutcome::Unknown)
                })
        })
        .collect()
}
