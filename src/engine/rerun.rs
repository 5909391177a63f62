//! A run once more: a new run that is linked to an ended one and keeps what is good of it.

use std::collections::HashSet;

use super::plan::steps;
use crate::record::{Effect, PlannedStep, RunState, Section, StepOutcome, StepState, StepStatus};
use crate::runbook::Checked;

/// What a new run takes over from an ended one, and what it does again.
#[derive(Debug, Clone, PartialEq)]
pub struct Inheritance {
    /// Results that are taken over, for [`PlanRequest::inherited`](super::PlanRequest).
    pub steps: Vec<StepState>,
    /// Keys of the planned steps that are carried out (again).
    pub again: Vec<String>,
    /// Keys of steps and items among them that others have noticed already, or may have: others will notice them twice.
    pub noticed: Vec<String>,
}

/// The run cannot be gone over again from there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RerunError {
    /// It has not ended.
    #[error(
        "run {run} is still open: go on with `mailmedic resume {run}`, or end it with `mailmedic cancel {run}` first"
    )]
    Open {
        /// Which run.
        run: String,
    },
    /// It has no such step.
    #[error("run {run} has no step '{step}' (it has: {known})")]
    NoSuchStep {
        /// Which run.
        run: String,
        /// As given.
        step: String,
        /// Keys of its steps.
        known: String,
    },
}

/// What of `old` a new run of `runbook` takes over when it goes again from step `from`; everything is done again when `from` is
/// `None`.
///
/// Done again are that step, all that need it, all that did not end well, and all of `on_failure`, `verify` and `finally`. Of a
/// `foreach` step one item can be named, `each[zen]`: the other items that ended well are kept then.
///
/// # Errors
/// When the run is open, or has no such step.
pub fn inherit(
    old: &RunState,
    runbook: &Checked,
    from: Option<&str>,
) -> Result<Inheritance, RerunError> {
    let run = &old.created.run;
    if old.conclusion.is_none() {
        return Err(RerunError::Open { run: run.clone() });
    }
    let planned = steps(&runbook.runbook);
    let Some(from) = from else {
        let all: HashSet<&str> = planned.iter().map(|plan| plan.key.as_str()).collect();
        return Ok(Inheritance::of(old, &planned, &all, Vec::new()));
    };
    let Some(named) = old.step(from) else {
        let known: Vec<&str> = old
            .steps
            .iter()
            .map(|step| step.plan.key.as_str())
            .collect();
        return Err(RerunError::NoSuchStep {
            run: run.clone(),
            step: from.to_owned(),
            known: known.join(", "),
        });
    };
    let family = named.parent.as_deref();
    let first = family.unwrap_or(from);
    let same_text = old.created.runbook_digest == runbook.digest;
    let mut again: HashSet<&str> = planned
        .iter()
        .filter(|plan| plan.key == first || !is_kept(old, plan, same_text))
        .map(|plan| plan.key.as_str())
        .collect();
    let needs_one = |plan: &&PlannedStep, again: &HashSet<&str>| {
        plan.needs.iter().any(|need| again.contains(need.as_str()))
    };
    loop {
        let more: Vec<&str> = planned
            .iter()
            .filter(|plan| !again.contains(plan.key.as_str()) && needs_one(plan, &again))
            .map(|plan| plan.key.as_str())
            .collect();
        if more.is_empty() {
            break;
        }
        again.extend(more);
    }
    let kept = |step: &StepState| {
        let key = step.parent.as_deref().unwrap_or(&step.plan.key);
        !again.contains(key) && planned.iter().any(|plan| plan.key == key)
    };
    let mut steps: Vec<StepState> = old
        .steps
        .iter()
        .filter(|step| kept(step))
        .map(|step| taken_over(step, run))
        .collect();
    // The items come from what the step needs: they are the same only while that is.
    let unfolded = planned
        .iter()
        .find(|plan| Some(plan.key.as_str()) == family && !needs_one(plan, &again));
    if let Some(plan) = unfolded {
        steps.extend(one_item(old, plan, from));
    }
    Ok(Inheritance::of(old, &planned, &again, steps))
}

impl Inheritance {
    fn of(
        old: &RunState,
        planned: &[PlannedStep],
        again: &HashSet<&str>,
        steps: Vec<StepState>,
    ) -> Self {
        let again: Vec<String> = planned
            .iter()
            .filter(|plan| again.contains(plan.key.as_str()))
            .map(|plan| plan.key.clone())
            .collect();
        let taken: HashSet<&str> = steps
            .iter()
            .filter(|step| step.is_settled())
            .map(|step| step.plan.key.as_str())
            .collect();
        let noticed = old
            .steps
            .iter()
            .filter(|step| again.contains(step.parent.as_ref().unwrap_or(&step.plan.key)))
            .filter(|step| !taken.contains(step.plan.key.as_str()) && may_be_noticed(step))
            .filter(|step| old.family(&step.plan.key).is_empty())
            .map(|step| step.plan.key.clone())
            .collect();
        Inheritance {
            steps,
            again,
            noticed,
        }
    }
}

/// Has the step, or may it have, done something that others notice?
fn may_be_noticed(step: &StepState) -> bool {
    let acted = match &step.status {
        StepStatus::Finished { outcome, .. } => match outcome {
            StepOutcome::NotApplicable => false,
            StepOutcome::Failed => !step.not_sent,
            _ => true,
        },
        // One that waits may have acted and waits for what came of it: a message that has not arrived yet.
        StepStatus::Running | StepStatus::Waiting(_) | StepStatus::Interrupted { .. } => true,
        _ => false,
    };
    acted && step.plan.effect == Effect::External && step.plan.section == Section::Steps
}

/// Did the step end well, and would it be the same work still?
fn is_kept(old: &RunState, plan: &PlannedStep, same_text: bool) -> bool {
    plan.section == Section::Steps
        && old.step(&plan.key).is_some_and(|step| {
            ended_well(step, same_text)
                && step.plan.action == plan.action
                && step.plan.check == plan.check
                && step.plan.effect == plan.effect
        })
}

fn ended_well(step: &StepState, same_text: bool) -> bool {
    match &step.status {
        StepStatus::Finished { outcome, tolerated } => *tolerated || outcome.lets_dependants_go(),
        // What a person has left out stays out; the condition of another text is judged anew.
        StepStatus::Skipped { .. } => same_text || step.given.is_some(),
        _ => false,
    }
}

fn taken_over(step: &StepState, run: &str) -> StepState {
    let mut step = step.clone();
    step.inherited.get_or_insert_with(|| run.to_owned());
    step
}

/// A `foreach` step whose other items are kept: unfolded as it was, with only what is not kept to be done.
fn one_item(old: &RunState, plan: &PlannedStep, named: &str) -> Vec<StepState> {
    let started = old.step(&plan.key).and_then(|step| step.started);
    let mut steps = vec![StepState {
        status: StepStatus::Unfolded,
        started,
        ..StepState::new(plan.clone())
    }];
    steps.extend(old.instances(&plan.key).map(|step| {
        if step.plan.key != named && ended_well(step, true) {
            return taken_over(step, &old.created.run);
        }
        StepState {
            parent: step.parent.clone(),
            item: step.item.clone(),
            ..StepState::new(step.plan.clone())
        }
    }));
    steps
}
