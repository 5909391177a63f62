//! The run itself: where it stands in words, and the numbers, with every outcome named.

use serde::Serialize;

use super::findings::FindingView;
use super::moment::{Calendar, When};
use super::observe::current_checks;
use super::read::{line, plain, words as spaced};
use super::words::{self, Word, and, many};
use crate::record::{
    Mode, RunConclusion, RunState, RunStatus, StepOutcome, StepState, StepStatus, WaitKind,
};

/// The run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// Name of the runbook.
    pub runbook: String,
    /// SHA-256 of the runbook's text, lower-case hex.
    pub runbook_digest: String,
    /// `run` or `check`.
    pub mode: String,
    /// Version of the program that created it.
    pub tool: String,
    /// When it was created.
    pub created: When,
    /// By whom.
    pub created_by: String,
    /// When it ended.
    pub finished: Option<When>,
    /// The run it repeats.
    pub parent: Option<String>,
    /// The fleet run it belongs to.
    pub fleet: Option<String>,
    /// Inputs of the runbook.
    pub inputs: Vec<NamedValue>,
    /// Number of the last event.
    pub events: u64,
    /// How often a process took it up.
    pub taken_up: u32,
}

/// A name and a value, both for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedValue {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// Where the run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusView {
    /// `active`, `waiting`, `needs_resolve`, `healthy`, `findings_open`, `failed`, `cancelled`.
    pub state: Word,
    /// The most important sentence of the document.
    pub headline: String,
    /// Further sentences: why, since when, what is next.
    pub sentences: Vec<String>,
}

/// How the checks of a run stand; a check that was repeated counts once, with its last result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CountsView {
    /// All checks of the runbook.
    pub checks: usize,
    /// In order.
    pub good: usize,
    /// With a problem.
    pub finding: usize,
    /// Could not tell. Never counted as in order.
    pub unknown: usize,
    /// Nothing to look at.
    pub not_applicable: usize,
    /// The check itself did not work.
    pub failed: usize,
    /// Not ended yet.
    pub not_done: usize,
    /// Left out.
    pub left_out: usize,
    /// Findings that are open and that somebody should act on.
    pub findings_open: usize,
    /// Findings that were settled.
    pub findings_settled: usize,
    /// Open findings that are for information only.
    pub remarks: usize,
    /// All of it in a sentence.
    pub text: String,
}

/// Describes the run.
pub(super) fn run(state: &RunState, calendar: &Calendar) -> RunView {
    let created = &state.created;
    RunView {
        id: line(&created.run),
        runbook: line(&created.runbook),
        runbook_digest: line(&created.runbook_digest),
        mode: match created.mode {
            Mode::Run => "run",
            Mode::Check => "check",
        }
        .to_owned(),
        tool: line(&created.tool),
        created: calendar.when(state.created_at),
        created_by: line(&state.created_by),
        finished: state.conclusion.map(|(_, at)| calendar.when(at)),
        parent: created.parent.as_deref().map(line),
        fleet: created.fleet.as_deref().map(line),
        inputs: created
            .inputs
            .iter()
            .map(|(name, value)| NamedValue {
                name: spaced(name),
                value: plain(value),
            })
            .filter(|input| !input.value.is_empty())
            .collect(),
        events: state.seq,
        taken_up: state.executors,
    }
}

/// Counts the checks.
pub(super) fn counts(state: &RunState, findings: &[FindingView]) -> CountsView {
    let mut counts = CountsView {
        findings_open: findings
            .iter()
            .filter(|finding| finding.open && !finding.is_remark())
            .count(),
        remarks: findings
            .iter()
            .filter(|finding| finding.open && finding.is_remark())
            .count(),
        findings_settled: findings.iter().filter(|finding| !finding.open).count(),
        ..CountsView::default()
    };
    for step in current_checks(state) {
        counts.checks += 1;
        let place = match (&step.status, step.outcome()) {
            (_, Some(StepOutcome::Good)) => &mut counts.good,
            (_, Some(StepOutcome::Finding)) => &mut counts.finding,
            (_, Some(StepOutcome::Unknown)) => &mut counts.unknown,
            (_, Some(StepOutcome::NotApplicable)) => &mut counts.not_applicable,
            (_, Some(StepOutcome::Failed | StepOutcome::Rejected)) => &mut counts.failed,
            (StepStatus::Skipped { .. }, None) => &mut counts.left_out,
            _ => &mut counts.not_done,
        };
        *place += 1;
    }
    let not_done = match state.conclusion {
        Some(_) => "not done",
        None => "not done yet",
    };
    let mut text = format!(
        "{}: {} in order, {} with a problem, {} could not tell, {} not applicable",
        words::capital(&many(counts.checks, "check", "checks")),
        counts.good,
        counts.finding,
        counts.unknown,
        counts.not_applicable
    );
    for (count, say) in [
        (counts.failed, "did not work"),
        (counts.not_done, not_done),
        (counts.left_out, "left out"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {say}"));
        }
    }
    text.push_str(&format!(
        ". Findings: {} open, {} settled",
        counts.findings_open, counts.findings_settled
    ));
    if counts.remarks > 0 {
        text.push_str(&format!(", {} for information", counts.remarks));
    }
    text.push('.');
    counts.text = text;
    counts
}

/// Says where the run stands.
pub(super) fn status(state: &RunState, counts: &CountsView, calendar: &Calendar) -> StatusView {
    let status = state.status();
    let mut word = words::run(status);
    let headline = match status {
        RunStatus::Finished(RunConclusion::Healthy | RunConclusion::FindingsOpen)
            if state.created.mode == Mode::Check =>
        {
            checked(counts)
        }
        RunStatus::Finished(RunConclusion::Healthy) if counts.unknown + counts.failed > 0 => {
            word.text = "finished, not everything could be judged".to_owned();
            word.mark = "?".to_owned();
            format!(
                "The work is finished and no problem is open, but {} could not be judged.",
                many(counts.unknown + counts.failed, "check", "checks")
            )
        }
        RunStatus::Finished(RunConclusion::Healthy) if refused(state).is_some() => {
            let step = refused(state).map(|step| (line(&step.plan.title), step.given.is_some()));
            let (title, answered) = step.unwrap_or_default();
            let became = match answered {
                true => "was refused",
                false => "was not agreed to in time",
            };
            format!("The work is finished, but \"{title}\" {became}: what needs it was left out.")
        }
        RunStatus::Finished(RunConclusion::Healthy) if counts.findings_settled > 0 => format!(
            "The work is finished. {} found and settled; none is open.",
            was_or_were(counts.findings_settled)
        ),
        RunStatus::Finished(RunConclusion::Healthy) => {
            "The work is finished. No problem was found.".to_owned()
        }
        RunStatus::Finished(RunConclusion::FindingsOpen) if counts.findings_open == 0 => {
            word.text = "finished, not everything could be judged".to_owned();
            word.mark = "?".to_owned();
            "The work is finished and no problem is open, but not everything could be judged."
                .to_owned()
        }
        RunStatus::Finished(RunConclusion::FindingsOpen) => format!(
            "The work is finished, and {} still open.",
            is_or_are(counts.findings_open)
        ),
        RunStatus::Finished(RunConclusion::Failed) => match first_failed(state) {
            Some(step) if step.outcome() == Some(StepOutcome::Rejected) => format!(
                "The work stopped because \"{}\" was refused.",
                line(&step.plan.title)
            ),
            Some(step) => format!(
                "The work stopped because \"{}\" did not work.",
                line(&step.plan.title)
            ),
            None => "The work stopped because a step did not work.".to_owned(),
        },
        RunStatus::Finished(RunConclusion::Cancelled) => match &state.cancelled {
            Some((by, _)) => format!("The work was called off by {}.", line(by)),
            None => "The work was called off.".to_owned(),
        },
        _ if state.cancelled.is_some() => {
            let by = state.cancelled.as_ref().map(|(by, _)| line(by));
            format!(
                "The work was called off by {}; what is under way still ends.",
                by.unwrap_or_default()
            )
        }
        RunStatus::NeedsResolve => {
            "The work stopped in the middle of a step; a person must find out what became of it."
                .to_owned()
        }
        RunStatus::Waiting => waiting(state),
        RunStatus::Active if state.steps.iter().all(|step| step.attempts == 0) => {
            "The work has not begun yet.".to_owned()
        }
        RunStatus::Active => "The work is under way.".to_owned(),
    };
    StatusView {
        state: word,
        headline,
        sentences: sentences(state, counts, calendar),
    }
}

fn sentences(state: &RunState, counts: &CountsView, calendar: &Calendar) -> Vec<String> {
    let mut said = Vec::new();
    if let Some((_, Some(note))) = &state.cancelled {
        said.push(words::sentence(&format!("Reason: {}", line(note))));
    }
    for step in &state.steps {
        if step.outcome() == Some(StepOutcome::Failed)
            && let Some(error) = &step.error
        {
            said.push(format!(
                "\"{}\" did not work: {}.",
                line(&step.plan.title),
                line(error).trim_end_matches('.')
            ));
        }
    }
    let unfinished = !matches!(
        state.status(),
        RunStatus::Finished(RunConclusion::Healthy | RunConclusion::FindingsOpen)
    );
    if unfinished && counts.findings_open + counts.findings_settled > 0 {
        said.push(format!(
            "So far, {} found: {} open, {} settled.",
            was_or_were(counts.findings_open + counts.findings_settled).to_lowercase(),
            counts.findings_open,
            counts.findings_settled
        ));
    }
    if let Some(next) = state.next_wake().filter(|_| state.conclusion.is_none()) {
        said.push(format!("Next date: {}.", calendar.when(next).text));
    }
    said
}

/// The headline of a check run that ended well: nothing was to be settled.
fn checked(counts: &CountsView) -> String {
    let untold = match counts.unknown + counts.failed {
        0 => String::new(),
        n => format!(
            " {} could not be judged.",
            words::capital(&many(n, "check", "checks"))
        ),
    };
    let found = match counts.findings_open + counts.findings_settled {
        0 => "No problem was found".to_owned(),
        n => was_or_were(n) + " found",
    };
    format!("The check is finished. {found}.{untold}")
}

fn waiting(state: &RunState) -> String {
    let mut people = Vec::new();
    let mut dates = Vec::new();
    for step in &state.steps {
        if let StepStatus::Waiting(wait) = &step.status {
            let title = format!("\"{}\"", line(&step.plan.title));
            match wait.kind {
                WaitKind::Approval { .. } | WaitKind::Manual { .. } => people.push(title),
                WaitKind::Time | WaitKind::Retry => dates.push(title),
            }
        }
    }
    match (people.is_empty(), dates.is_empty()) {
        (false, _) => format!("The work waits for a person: {}.", and(&people)),
        (true, false) => format!("The work waits for time to pass: {}.", and(&dates)),
        (true, true) => "The work waits.".to_owned(),
    }
}

pub(super) fn first_failed(state: &RunState) -> Option<&StepState> {
    let ended_badly = |step: &&StepState| matches!(&step.status, StepStatus::Finished { outcome, tolerated: false } if !outcome.lets_dependants_go());
    state
        .steps
        .iter()
        .map(|step| &**step)
        .filter(ended_badly)
        .min_by_key(|step| step.end_order())
}

/// The first question that was answered with no, or not in time.
fn refused(state: &RunState) -> Option<&StepState> {
    first_failed(state).filter(|step| step.outcome() == Some(StepOutcome::Rejected))
}

fn was_or_were(count: usize) -> String {
    match count {
        1 => "One problem was".to_owned(),
        n => format!("{n} problems were"),
    }
}

fn is_or_are(count: usize) -> String {
    match count {
        1 => "one problem is".to_owned(),
        n => format!("{n} problems are"),
    }
}
