//! What can happen next, read off the state of a run.
//!
//! The rules are pure functions of the state. [`Frontier`] remembers which steps are worth a look: those that changed, and those
//! that wait for one that changed; so a move costs the same in a run of ten steps and of a hundred thousand.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use jiff::Timestamp;

use crate::record::{
    Event, RunConclusion, RunState, Section, Severity, StepOutcome, StepState, StepStatus,
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

/// Which steps are worth a look, kept up to date with the state by [`Frontier::follow`].
#[derive(Debug, Default)]
pub(super) struct Frontier {
    /// What was last seen of each step, by its position.
    seen: Vec<Seen>,
    /// Key of a step -> positions of the steps that need it.
    dependants: HashMap<String, Vec<usize>>,
    /// Positions to look at, by section.
    look: [BTreeSet<usize>; 4],
    /// Steps that have not ended, by section.
    unsettled: [usize; 4],
    /// When a waiting step must be looked at, and its position.
    wakes: BTreeSet<(Timestamp, usize)>,
    /// Instances of a `foreach` step, by its position.
    families: HashMap<usize, Family>,
    running: usize,
    failed: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    section: usize,
    parent: Option<usize>,
    settled: bool,
    running: bool,
    failed: bool,
    wake: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Family {
    range: Range<usize>,
    unsettled: usize,
    running: usize,
}

impl Frontier {
    /// The frontier of a run as it stands.
    pub(super) fn of(state: &RunState) -> Self {
        let mut frontier = Frontier::default();
        frontier.take_in(state);
        frontier
    }

    /// Takes in what `event`, which was folded into `state`, has changed.
    pub(super) fn follow(&mut self, state: &RunState, event: &Event) {
        self.take_in(state);
        if let Some(position) = event.event.step().and_then(|key| state.position(key)) {
            self.update(state, position);
        }
    }

    /// Notes steps that are new.
    fn take_in(&mut self, state: &RunState) {
        for position in self.seen.len()..state.steps.len() {
            let Some(step) = state.steps.get(position) else {
                return;
            };
            let section = ORDER
                .iter()
                .position(|section| *section == step.plan.section)
                .unwrap_or_default();
            let parent = step.parent.as_deref().and_then(|key| state.position(key));
            self.seen.push(Seen {
                section,
                parent,
                ..Seen::default()
            });
            self.unsettled[section] += 1;
            match (parent, &step.parent) {
                (Some(parent), Some(key)) => {
                    let family = self.families.entry(parent).or_default();
                    family.range = state.family(key);
                    family.unsettled += 1;
                }
                _ => {
                    for need in &step.plan.needs {
                        self.dependants
                            .entry(need.clone())
                            .or_default()
                            .push(position);
                    }
                }
            }
            self.update(state, position);
        }
    }

    /// Compares a step with what was last seen of it.
    fn update(&mut self, state: &RunState, position: usize) {
        let (Some(step), Some(before)) = (state.steps.get(position), self.seen.get(position))
        else {
            return;
        };
        let before = *before;
        let now = Seen {
            settled: step.is_settled(),
            running: matches!(step.status, StepStatus::Running),
            failed: has_failed(step),
            wake: match &step.status {
                StepStatus::Waiting(wait) => wait.next_look(),
                _ => None,
            },
            ..before
        };
        self.seen[position] = now;
        shift(&mut self.running, before.running, now.running);
        shift(&mut self.failed, before.failed, now.failed);
        shift(
            &mut self.unsettled[now.section],
            !before.settled,
            !now.settled,
        );
        if before.wake != now.wake {
            if let Some(moment) = before.wake {
                self.wakes.remove(&(moment, position));
            }
            if let Some(moment) = now.wake {
                self.wakes.insert((moment, position));
            }
        }
        if let Some(family) = now.parent.and_then(|parent| self.families.get_mut(&parent)) {
            shift(&mut family.running, before.running, now.running);
            shift(&mut family.unsettled, !before.settled, !now.settled);
        }
        if now.settled {
            self.look[now.section].remove(&position);
            let waiting = self.dependants.get(&step.plan.key);
            for dependant in waiting.into_iter().flatten().copied().chain(now.parent) {
                if let Some(seen) = self.seen.get(dependant) {
                    self.look[seen.section].insert(dependant);
                }
            }
        } else {
            self.look[now.section].insert(position);
        }
    }

    /// Instances of `parent` that are running.
    pub(super) fn running_of(&self, state: &RunState, parent: &str) -> usize {
        state
            .position(parent)
            .and_then(|position| self.families.get(&position))
            .map_or(0, |family| family.running)
    }

    /// The first thing that can happen to a step at `from` or after it, and the position from which to go on looking. `reads`
    /// tells whether the condition of a step (first) reads the status of another (second).
    pub(super) fn next(
        &mut self,
        state: &RunState,
        now: Timestamp,
        reads: impl Fn(&str, &str) -> bool,
        from: usize,
    ) -> Option<(Move, usize)> {
        let finish =
            |conclusion| (from != usize::MAX).then_some((Move::Finish(conclusion), usize::MAX));
        if state.cancelled.is_some() {
            return (self.running == 0)
                .then(|| finish(RunConclusion::Cancelled))
                .flatten();
        }
        while let Some((moment, position)) = self.wakes.first().copied()
            && moment <= now
        {
            self.wakes.remove(&(moment, position));
            self.look[self.seen[position].section].insert(position);
        }
        let Some(section) = self.unsettled.iter().position(|count| *count > 0) else {
            return finish(conclusion(state));
        };
        let mut from = from;
        loop {
            let position = *self.look[section].range(from..).next()?;
            let step = state.steps.get(position)?;
            if let Some(next) = self.next_of(state, position, step, now, &reads) {
                return Some((next, position + 1));
            }
            self.look[section].remove(&position);
            from = position;
        }
    }

    /// Where to go on looking when no more instances of the `foreach` step of the one before `from` can begin.
    pub(super) fn after_family(&self, from: usize) -> usize {
        from.checked_sub(1)
            .and_then(|position| self.seen.get(position)?.parent)
            .and_then(|parent| self.families.get(&parent))
            .map_or(from, |family| family.range.end)
    }

    fn next_of(
        &self,
        state: &RunState,
        position: usize,
        step: &StepState,
        now: Timestamp,
        reads: &impl Fn(&str, &str) -> bool,
    ) -> Option<Move> {
        let key = &step.plan.key;
        match &step.status {
            StepStatus::Pending => self.pending(state, step, reads),
            StepStatus::Interrupted { ask: false } => Some(Move::Begin(key.clone())),
            StepStatus::Waiting(wait) => wait
                .next_look()
                .is_some_and(|moment| now >= moment)
                .then(|| Move::Begin(key.clone())),
            StepStatus::Unfolded => self
                .families
                .get(&position)
                .is_none_or(|family| family.unsettled == 0)
                .then(|| Move::Close(key.clone())),
            StepStatus::Running
            | StepStatus::Interrupted { ask: true }
            | StepStatus::Finished { .. }
            | StepStatus::Skipped { .. } => None,
        }
    }

    fn pending(
        &self,
        state: &RunState,
        step: &StepState,
        reads: &impl Fn(&str, &str) -> bool,
    ) -> Option<Move> {
        let key = &step.plan.key;
        if step.parent.is_some() {
            return Some(Move::Begin(key.clone()));
        }
        match step.plan.section {
            Section::OnFailure if self.failed == 0 => {
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
}

/// Counts something in or out.
fn shift(count: &mut usize, before: bool, now: bool) {
    match (before, now) {
        (false, true) => *count += 1,
        (true, false) => *count -= 1,
        _ => {}
    }
}

fn has_failed(step: &StepState) -> bool {
    matches!(
        step.status,
        StepStatus::Finished {
            outcome: StepOutcome::Failed,
            tolerated: false
        }
    )
}

/// How a run whose steps have all ended is to be called.
///
/// "Could not tell" keeps a run from being healthy as much as a finding does, unless a later look at the same thing could tell.
fn conclusion(state: &RunState) -> RunConclusion {
    if state.steps.iter().any(|step| has_failed(step)) {
        return RunConclusion::Failed;
    }
    let open = state
        .open_findings()
        .iter()
        .any(|(finding, _)| finding.severity > Severity::Informational);
    if open || has_unknown_steps(state) {
        RunConclusion::FindingsOpen
    } else {
        RunConclusion::Healthy
    }
}

/// Is there a step whose last look at its matter could not tell?
fn has_unknown_steps(state: &RunState) -> bool {
    // For each action: the last time that one of its steps could tell.
    let mut told: HashMap<&str, (Option<u64>, Option<Timestamp>)> = HashMap::new();
    for step in &state.steps {
        if step
            .outcome()
            .is_some_and(|outcome| outcome != StepOutcome::Unknown)
        {
            let last = told.entry(step.judging_action()).or_default();
            *last = (*last).max(step.end_order());
        }
    }
    state.steps.iter().any(|step| {
        step.outcome() == Some(StepOutcome::Unknown)
            && told
                .get(step.judging_action())
                .is_none_or(|last| *last <= step.end_order())
    })
}
