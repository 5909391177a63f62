//! A run as its events have left it, and the questions everybody asks about it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Artifact, Event, Finding, RunConclusion, RunCreated, StepState, StepStatus, Steps};

/// A run as its events have left it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunState {
    /// The first event.
    pub created: Arc<RunCreated>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// Number of the last event.
    pub seq: u64,
    /// Time of the last event.
    pub updated: Timestamp,
    /// All steps, in the order of the runbook; instances of a `foreach` step follow at the end.
    pub steps: Steps,
    /// How it ended, if it ended, and when.
    pub conclusion: Option<(RunConclusion, Timestamp)>,
    /// Who called it off and why.
    pub cancelled: Option<(String, Option<String>)>,
    /// Times a process took it up.
    pub executors: u32,
    /// Times in a row that a process took it up after one that had died in the middle of a step, without any progress since.
    pub fruitless: u32,
    /// SHA-256 of the workspace's `lists.yaml` that is in force, if there is one.
    pub lists: Option<String>,
    /// Reports written: path, template, format.
    pub reports: Vec<(String, String, String)>,
    pub(super) positions: Arc<HashMap<String, usize>>,
    /// Where the instances of an unfolded step stand.
    pub(super) families: Arc<HashMap<String, Range<usize>>>,
}

/// Where a run stands as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "&str", try_from = "String")]
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

impl From<RunStatus> for &'static str {
    fn from(status: RunStatus) -> Self {
        status.as_str()
    }
}

impl TryFrom<String> for RunStatus {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        let finished = [
            RunConclusion::Healthy,
            RunConclusion::FindingsOpen,
            RunConclusion::Failed,
            RunConclusion::Cancelled,
        ]
        .map(RunStatus::Finished);
        [
            RunStatus::Active,
            RunStatus::Waiting,
            RunStatus::NeedsResolve,
        ]
        .into_iter()
        .chain(finished)
        .find(|status| status.as_str() == word)
        .ok_or_else(|| format!("'{word}' is no status of a run"))
    }
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

impl RunState {
    pub(super) fn begin(created: &Arc<RunCreated>, event: &Event) -> Self {
        let mut state = RunState {
            created: created.clone(),
            created_at: event.at,
            created_by: event.actor.clone(),
            seq: event.seq,
            updated: event.at,
            steps: Steps::default(),
            conclusion: None,
            cancelled: None,
            executors: 0,
            fruitless: 0,
            lists: None,
            reports: Vec::new(),
            positions: Arc::default(),
            families: Arc::default(),
        };
        for plan in &created.steps {
            let inherited = created
                .inherited
                .iter()
                .find(|step| step.plan.key == plan.key);
            state.add(match inherited {
                Some(step) => step.clone().inherit(plan.clone(), event.seq),
                None => StepState::new(plan.clone()),
            });
        }
        for instance in &created.inherited {
            if let Some(parent) = &instance.parent {
                let plan = instance.plan.clone();
                state.add_instance(parent, instance.clone().inherit(plan, event.seq));
            }
        }
        state
    }

    pub(super) fn add(&mut self, step: StepState) {
        Arc::make_mut(&mut self.positions).insert(step.plan.key.clone(), self.steps.len());
        self.steps.push(step);
    }

    /// Makes room for so many steps more.
    pub(super) fn expect_more(&mut self, count: usize) {
        Arc::make_mut(&mut self.positions).reserve(count);
    }

    /// Adds an instance of a `foreach` step. Those of one step are added one after another.
    pub(super) fn add_instance(&mut self, parent: &str, instance: StepState) {
        let position = self.steps.len();
        self.add(instance);
        let families = Arc::make_mut(&mut self.families);
        match families.get_mut(parent) {
            Some(family) => family.end = position + 1,
            None => {
                families.insert(parent.to_owned(), position..position + 1);
            }
        }
    }

    /// The step with this key.
    pub fn step(&self, key: &str) -> Option<&StepState> {
        self.steps.get(self.position(key)?)
    }

    /// Where the step with this key stands in [`RunState::steps`].
    pub fn position(&self, key: &str) -> Option<usize> {
        self.positions.get(key).copied()
    }

    /// Where the instances of an unfolded `foreach` step stand in [`RunState::steps`].
    pub fn family(&self, key: &str) -> Range<usize> {
        self.families.get(key).cloned().unwrap_or_default()
    }

    /// True while an attempt has begun and has not ended.
    pub fn is_under_way(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.status, StepStatus::Running))
    }

    /// The steps that have ended, in the order in which they did. Results that were taken over from an earlier run come first,
    /// in the order that they had there.
    pub fn ended(&self) -> Vec<&StepState> {
        let mut ended: Vec<&StepState> = self
            .steps
            .iter()
            .map(Arc::as_ref)
            .filter(|step| step.finished_seq.is_some())
            .collect();
        ended.sort_by_key(|step| step.end_order());
        ended
    }

    /// The instances of a `foreach` step, in order.
    pub fn instances(&self, key: &str) -> impl Iterator<Item = &StepState> {
        self.family(key)
            .filter_map(|position| self.steps.get(position))
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
                StepStatus::Waiting(wait) => wait.next_look(),
                _ => None,
            })
            .min()
    }

    /// All files of the run, with the key of the step that each belongs to: those that steps wrote, and those that people gave.
    pub fn artifacts(&self) -> impl Iterator<Item = (&str, &Artifact)> {
        self.steps.iter().flat_map(|step| {
            let given = step.given.iter().flat_map(|given| &given.evidence);
            let all = step.artifacts.iter().chain(given);
            all.map(|artifact| (step.plan.key.as_str(), artifact))
        })
    }

    /// The findings that still stand, with the key of the step that saw each last.
    ///
    /// A later result of the same action settles an earlier finding only for the subjects that it really judged; "could not
    /// tell" settles nothing.
    pub fn open_findings(&self) -> Vec<(&Finding, &str)> {
        let mut open: Vec<(&Finding, &StepState)> = Vec::new();
        for step in self.ended() {
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
        let mut all: Vec<(&Finding, &str)> = Vec::new();
        for step in self.ended() {
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
}
