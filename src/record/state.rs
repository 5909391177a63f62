//! The one function that moves the state of a run.
//!
//! Executor, resume, status, board and report all fold events with [`next`], and nobody else decides what an event means.
//! It is pure: no clock, no I/O. It refuses an event that cannot follow, naming both the event and the state.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    Decision, Event, EventKind, Finding, GENESIS, PlannedStep, Resolution, RunConclusion,
    RunCreated, StepOutcome, StepState, StepStatus, Wait, WaitKind, step::Given,
};

/// An event that cannot follow the events before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} ({event}) cannot follow: {state}")]
pub struct IllegalTransition {
    /// Number of the refused event.
    pub seq: u64,
    /// What it was.
    pub event: String,
    /// What the state was.
    pub state: String,
}

/// A run as its events have left it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunState {
    /// The first event.
    pub created: RunCreated,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// Number of the last event.
    pub seq: u64,
    /// Time of the last event.
    pub updated: Timestamp,
    /// All steps, in the order of the runbook; instances of a `foreach` step follow at the end.
    pub steps: Vec<StepState>,
    /// How it ended, if it ended, and when.
    pub conclusion: Option<(RunConclusion, Timestamp)>,
    /// Who called it off and why.
    pub cancelled: Option<(String, Option<String>)>,
    /// Times a process took it up.
    pub executors: u32,
    /// Reports written: path, template, format.
    pub reports: Vec<(String, String, String)>,
    positions: HashMap<String, usize>,
}

/// Where a run stands as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// A step can go on.
    Active,
    /// Nothing goes on before a person answers or a date comes.
    Waiting,
    /// An interrupted external step must be resolved by a person.
    NeedsResolve,
    /// It ended.
    Finished(RunConclusion),
}

impl RunStatus {
    /// The word used in files and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Active => "active",
            RunStatus::Waiting => "waiting",
            RunStatus::NeedsResolve => "needs_resolve",
            RunStatus::Finished(conclusion) => conclusion.as_str(),
        }
    }
}

/// The state after `event`. `state` is `None` before the first event.
///
/// # Errors
/// [`IllegalTransition`] when the event cannot follow; the state is gone then, and the run must not go on.
pub fn next(state: Option<RunState>, event: &Event) -> Result<RunState, IllegalTransition> {
    match (state, &event.event) {
        (None, EventKind::RunCreated(created)) if event.seq == 1 && event.prev == GENESIS => {
            Ok(RunState::begin(created, event))
        }
        (None, other) => Err(IllegalTransition {
            seq: event.seq,
            event: name(other),
            state: "a run begins with run_created".to_owned(),
        }),
        (Some(mut state), _) => {
            state.apply(event)?;
            Ok(state)
        }
    }
}

impl RunState {
    /// Folds a whole run.
    ///
    /// # Errors
    /// The first event that cannot follow, or an empty list.
    pub fn replay<'a>(
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<Self, IllegalTransition> {
        let mut state = None;
        for event in events {
            state = Some(next(state, event)?);
        }
        state.ok_or_else(|| IllegalTransition {
            seq: 0,
            event: "nothing".to_owned(),
            state: "a run has at least one event".to_owned(),
        })
    }

    fn begin(created: &RunCreated, event: &Event) -> Self {
        let mut state = RunState {
            created: created.clone(),
            created_at: event.at,
            created_by: event.actor.clone(),
            seq: event.seq,
            updated: event.at,
            steps: Vec::with_capacity(created.steps.len()),
            conclusion: None,
            cancelled: None,
            executors: 0,
            reports: Vec::new(),
            positions: HashMap::with_capacity(created.steps.len()),
        };
        for plan in &created.steps {
            state.add(StepState::new(plan.clone()));
        }
        state
    }

    fn add(&mut self, step: StepState) {
        self.positions
            .insert(step.plan.key.clone(), self.steps.len());
        self.steps.push(step);
    }

    /// The step with this key.
    pub fn step(&self, key: &str) -> Option<&StepState> {
        self.positions
            .get(key)
            .map(|position| &self.steps[*position])
    }

    /// The instances of a `foreach` step, in order.
    pub fn instances<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a StepState> {
        self.steps
            .iter()
            .filter(move |step| step.parent.as_deref() == Some(key))
    }

    /// Where the run stands.
    pub fn status(&self) -> RunStatus {
        if let Some((conclusion, _)) = self.conclusion {
            return RunStatus::Finished(conclusion);
        }
        let mut waiting = false;
        let mut ask = false;
        for step in &self.steps {
            match &step.status {
                StepStatus::Waiting(_) => waiting = true,
                StepStatus::Interrupted { ask: true } => ask = true,
                StepStatus::Running | StepStatus::Interrupted { ask: false } => {
                    return RunStatus::Active;
                }
                _ => {}
            }
        }
        match (ask, waiting) {
            (true, _) => RunStatus::NeedsResolve,
            (false, true) => RunStatus::Waiting,
            (false, false) => RunStatus::Active,
        }
    }

    /// The earliest moment at which a waiting step must be looked at again.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.steps
            .iter()
            .filter_map(|step| match &step.status {
                StepStatus::Waiting(wait) => match (wait.wake, wait.deadline) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                },
                _ => None,
            })
            .min()
    }

    /// The findings that still stand, with the key of the step that saw each last.
    ///
    /// A later result of the same action settles an earlier finding only for the subjects that it really judged; "could not
    /// tell" settles nothing.
    pub fn open_findings(&self) -> Vec<(&Finding, &str)> {
        let mut ended: Vec<&StepState> = self
            .steps
            .iter()
            .filter(|step| step.finished_seq.is_some())
            .collect();
        ended.sort_by_key(|step| step.finished_seq);
        let mut open: Vec<(&Finding, &StepState)> = Vec::new();
        for step in ended {
            let action = step.judging_action();
            open.retain(|(finding, seen)| {
                seen.judging_action() != action
                    || !(step.subjects.contains(&finding.subject)
                        || step
                            .findings
                            .iter()
                            .any(|new| new.code == finding.code && new.subject == finding.subject))
            });
            open.extend(step.findings.iter().map(|finding| (finding, step)));
        }
        open.into_iter()
            .map(|(finding, step)| (finding, step.plan.key.as_str()))
            .collect()
    }

    /// Every finding of the run, settled ones too, each once as it was seen first.
    pub fn all_findings(&self) -> Vec<(&Finding, &str)> {
        let mut ended: Vec<&StepState> = self.steps.iter().collect();
        ended.sort_by_key(|step| step.finished_seq.unwrap_or(u64::MAX));
        let mut all: Vec<(&Finding, &str)> = Vec::new();
        for step in ended {
            for finding in &step.findings {
                if !all
                    .iter()
                    .any(|(seen, _)| seen.code == finding.code && seen.subject == finding.subject)
                {
                    all.push((finding, step.plan.key.as_str()));
                }
            }
        }
        all
    }

    fn apply(&mut self, event: &Event) -> Result<(), IllegalTransition> {
        let refuse = |state: String| IllegalTransition {
            seq: event.seq,
            event: name(&event.event),
            state,
        };
        if event.seq != self.seq + 1 {
            return Err(refuse(format!("the last event was {}", self.seq)));
        }
        if let Some((conclusion, _)) = self.conclusion
            && !matches!(event.event, EventKind::ReportWritten { .. })
        {
            return Err(refuse(format!("the run ended as {}", conclusion.as_str())));
        }
        match &event.event {
            EventKind::RunCreated(_) => return Err(refuse("the run exists already".to_owned())),
            EventKind::ExecutorStarted { .. } => self.executors += 1,
            EventKind::Interrupted { .. } => {}
            EventKind::Cancelled { by, note } => self.cancelled = Some((by.clone(), note.clone())),
            EventKind::RunFinished { conclusion } => {
                self.conclusion = Some((*conclusion, event.at))
            }
            EventKind::ReportWritten {
                path,
                template,
                format,
                ..
            } => {
                self.reports
                    .push((path.clone(), template.clone(), format.clone()));
            }
            EventKind::Unfolded { step, items } => {
                let parent = self.expect(step, &refuse, |status| {
                    matches!(status, StepStatus::Pending)
                })?;
                parent.status = StepStatus::Unfolded;
                parent.started = Some(event.at);
                let plan = parent.plan.clone();
                for (key, item) in items {
                    let instance = PlannedStep {
                        key: format!("{step}[{key}]"),
                        title: format!("{} ({key})", plan.title),
                        ..plan.clone()
                    };
                    let mut instance = StepState::new(instance);
                    instance.parent = Some(step.clone());
                    instance.item = Some(item.clone());
                    self.add(instance);
                }
            }
            other => self.apply_to_step(event, other, &refuse)?,
        }
        self.seq = event.seq;
        self.updated = event.at;
        Ok(())
    }

    fn apply_to_step(
        &mut self,
        event: &Event,
        kind: &EventKind,
        refuse: &dyn Fn(String) -> IllegalTransition,
    ) -> Result<(), IllegalTransition> {
        match kind {
            EventKind::StepStarted { step, attempt, .. } => {
                let step = self.expect(step, refuse, |status| {
                    matches!(
                        status,
                        StepStatus::Pending
                            | StepStatus::Waiting(_)
                            | StepStatus::Interrupted { ask: false }
                    )
                })?;
                step.attempts = *attempt;
                step.started.get_or_insert(event.at);
                step.status = StepStatus::Running;
            }
            EventKind::StepFinished {
                step,
                outcome,
                tolerated,
                outputs,
                findings,
                subjects,
                artifacts,
                error,
                ..
            } => {
                let step = self.expect(step, refuse, |status| {
                    matches!(
                        status,
                        StepStatus::Running
                            | StepStatus::Unfolded
                            | StepStatus::Interrupted { ask: false }
                    )
                })?;
                step.outputs.clone_from(outputs);
                step.findings.clone_from(findings);
                step.subjects.clone_from(subjects);
                step.artifacts.clone_from(artifacts);
                step.error.clone_from(error);
                step.end(
                    event,
                    StepStatus::Finished {
                        outcome: *outcome,
                        tolerated: *tolerated,
                    },
                );
            }
            EventKind::StepSkipped { step, reason } => {
                let step = self.expect(step, refuse, |status| {
                    matches!(
                        status,
                        StepStatus::Pending
                            | StepStatus::Waiting(_)
                            | StepStatus::Interrupted { .. }
                    )
                })?;
                step.end(
                    event,
                    StepStatus::Skipped {
                        reason: reason.clone(),
                    },
                );
            }
            EventKind::AttemptFailed { step, error, .. } => {
                let step =
                    self.expect(step, refuse, |status| matches!(status, StepStatus::Running))?;
                step.error = Some(error.clone());
            }
            EventKind::Waiting {
                step,
                kind,
                reason,
                wake,
                deadline,
                memo,
                ..
            } => {
                let step =
                    self.expect(step, refuse, |status| matches!(status, StepStatus::Running))?;
                let since = match &step.status {
                    StepStatus::Waiting(wait) => wait.since,
                    _ => event.at,
                };
                if !matches!(kind, WaitKind::Retry | WaitKind::Time) {
                    step.asked = Some(kind.clone());
                }
                step.status = StepStatus::Waiting(Wait {
                    kind: kind.clone(),
                    reason: reason.clone(),
                    since,
                    wake: *wake,
                    deadline: *deadline,
                    memo: memo.clone(),
                });
            }
            EventKind::StepInterrupted { step, ask, .. } => {
                let step = self.expect(step, refuse, |status| {
                    matches!(status, StepStatus::Running | StepStatus::Interrupted { .. })
                })?;
                step.interruptions += 1;
                step.status = StepStatus::Interrupted { ask: *ask };
            }
            EventKind::Decided {
                step,
                decision,
                by,
                note,
                evidence,
                values,
            } => {
                let allowed = |status: &StepStatus| match decision {
                    Decision::Approve | Decision::Reject => {
                        matches!(status, StepStatus::Waiting(wait) if matches!(wait.kind, WaitKind::Approval { .. }))
                    }
                    Decision::Done => {
                        matches!(status, StepStatus::Waiting(wait) if matches!(wait.kind, WaitKind::Manual { .. }))
                    }
                    Decision::Skip => matches!(
                        status,
                        StepStatus::Pending
                            | StepStatus::Waiting(_)
                            | StepStatus::Interrupted { ask: true }
                    ),
                    Decision::Resolve(_) => matches!(status, StepStatus::Interrupted { ask: true }),
                };
                let step = self.expect(step, refuse, allowed)?;
                step.decide(
                    event,
                    Given {
                        decision: *decision,
                        by: by.clone(),
                        at: event.at,
                        note: note.clone(),
                        evidence: evidence.clone(),
                        values: values.clone(),
                    },
                );
            }
            _ => {}
        }
        Ok(())
    }

    fn expect(
        &mut self,
        key: &str,
        refuse: &dyn Fn(String) -> IllegalTransition,
        allowed: impl Fn(&StepStatus) -> bool,
    ) -> Result<&mut StepState, IllegalTransition> {
        let Some(position) = self.positions.get(key).copied() else {
            return Err(refuse(format!("the run has no step '{key}'")));
        };
        let step = &mut self.steps[position];
        if allowed(&step.status) {
            Ok(step)
        } else {
            Err(refuse(format!("step '{key}' is {}", step.status_word())))
        }
    }
}

impl StepState {
    fn end(&mut self, event: &Event, status: StepStatus) {
        self.status = status;
        self.finished = Some(event.at);
        self.finished_seq = Some(event.seq);
    }

    /// A decision settles a gate by itself: whoever waits for the step may go on.
    fn decide(&mut self, event: &Event, given: Given) {
        let finished = |outcome| StepStatus::Finished {
            outcome,
            tolerated: false,
        };
        let status = match given.decision {
            Decision::Approve | Decision::Done | Decision::Resolve(Resolution::Done) => {
                finished(StepOutcome::Good)
            }
            Decision::Reject => finished(StepOutcome::Rejected),
            Decision::Resolve(Resolution::NotDone) => finished(StepOutcome::Failed),
            Decision::Resolve(Resolution::Rerun) => StepStatus::Pending,
            Decision::Skip | Decision::Resolve(Resolution::Skip) => StepStatus::Skipped {
                reason: match &given.note {
                    Some(note) => format!("left out by {}: {note}", given.by),
                    None => format!("left out by {}", given.by),
                },
            },
        };
        let say = |name: &str, value: serde_json::Value| (name.to_owned(), value);
        self.outputs.extend([
            say("by", given.by.clone().into()),
            say("at", given.at.to_string().into()),
            say("note", given.note.clone().unwrap_or_default().into()),
        ]);
        match given.decision {
            Decision::Approve => self.outputs.extend([say("approved", true.into())]),
            Decision::Reject => self.outputs.extend([say("approved", false.into())]),
            Decision::Done => {
                self.outputs
                    .extend([say("form", given.values.clone().into())]);
            }
            _ => {}
        }
        self.artifacts.extend(given.evidence.iter().cloned());
        self.given = Some(given);
        if status == StepStatus::Pending {
            self.status = status;
        } else {
            self.end(event, status);
        }
    }
}

/// The snake_case name of an event kind, as in the journal.
fn name(kind: &EventKind) -> String {
    let name = match kind {
        EventKind::RunCreated(_) => "run_created",
        EventKind::ExecutorStarted { .. } => "executor_started",
        EventKind::Unfolded { .. } => "unfolded",
        EventKind::StepStarted { .. } => "step_started",
        EventKind::StepFinished { .. } => "step_finished",
        EventKind::StepSkipped { .. } => "step_skipped",
        EventKind::AttemptFailed { .. } => "attempt_failed",
        EventKind::Waiting { .. } => "waiting",
        EventKind::Decided { .. } => "decided",
        EventKind::StepInterrupted { .. } => "step_interrupted",
        EventKind::Interrupted { .. } => "interrupted",
        EventKind::Cancelled { .. } => "cancelled",
        EventKind::RunFinished { .. } => "run_finished",
        EventKind::ReportWritten { .. } => "report_written",
    };
    name.to_owned()
}
