//! The plan of a run: a pure function from runbook, site and inputs to the first event.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::record::{
    EventKind, Mode, NewEvent, PinnedSite, PlannedStep, RunCreated, RunLock, Section, StepState,
};
use crate::runbook::{Checked, Lock, Runbook, Step};
use crate::site::Site;

/// What a run is made from.
#[derive(Debug)]
pub struct PlanRequest<'a> {
    /// The run's id.
    pub run: String,
    /// The checked runbook.
    pub runbook: &'a Checked,
    /// The site.
    pub site: &'a Site,
    /// The same, pinned.
    pub snapshot: PinnedSite,
    /// Checked inputs.
    pub inputs: Map<String, Value>,
    /// Real run or check run.
    pub mode: Mode,
    /// Who starts it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The run it repeats.
    pub parent: Option<String>,
    /// The steps whose results are taken over from that run; see [`inherit`](super::inherit).
    pub inherited: Vec<StepState>,
}

/// The first event of the run.
pub fn plan(request: PlanRequest<'_>) -> NewEvent {
    let runbook = &request.runbook.runbook;
    NewEvent {
        at: request.at,
        actor: request.by,
        event: EventKind::RunCreated(Arc::new(RunCreated {
            run: request.run,
            runbook: runbook.name.clone(),
            runbook_text: request.runbook.text.clone(),
            runbook_digest: request.runbook.digest.clone(),
            runbook_origin: Some(request.runbook.origin.clone()),
            lock: lock(runbook),
            inputs: request.inputs,
            site: request.site.id.clone(),
            site_snapshot: request.snapshot,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            mode: request.mode,
            laboratory: request.site.laboratory,
            parent: request.parent,
            inherited: request.inherited,
            fleet: None,
            report_template: report_template(runbook),
            steps: steps(runbook),
        })),
    }
}

/// What may not be open at the same time.
pub(super) fn lock(runbook: &Runbook) -> RunLock {
    match runbook.lock {
        Lock::Runbook => RunLock::Runbook,
        Lock::Site => RunLock::Site,
        Lock::Nothing => RunLock::Nothing,
    }
}

/// The template of the final report.
pub(super) fn report_template(runbook: &Runbook) -> String {
    runbook
        .report
        .clone()
        .unwrap_or_else(|| "handover".to_owned())
}

/// The steps of a run, in the order of the runbook's sections.
pub(super) fn steps(runbook: &Runbook) -> Vec<PlannedStep> {
    let mut steps: Vec<PlannedStep> = runbook.section(Section::Steps).map(planned).collect();
    steps.extend(runbook.section(Section::OnFailure).map(planned));
    steps.extend(runbook.verify.iter().filter_map(|id| {
        let step = runbook.step(id)?;
        Some(PlannedStep {
            key: format!("verify:{id}"),
            title: format!("{} (again)", step.title),
            section: Section::Verify,
            needs: Vec::new(),
            ..planned(step)
        })
    }));
    steps.extend(runbook.section(Section::Finally).map(planned));
    steps
}

fn planned(step: &Step) -> PlannedStep {
    PlannedStep {
        key: step.id.clone(),
        title: step.title.clone(),
        description: step.description.clone(),
        action: step.action.clone(),
        check: step.check.clone(),
        effect: step.effect,
        section: step.section,
        needs: step.needs.clone(),
    }
}

/// The id of the runbook's step behind a key: `verify:scan` -> `scan`, `draft[zen]` -> `draft`.
pub(super) fn id_of(key: &str) -> &str {
    let key = key.strip_prefix("verify:").unwrap_or(key);
    key.split_once('[').map_or(key, |(id, _)| id)
}
