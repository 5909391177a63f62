//! What was done: tasks, answers and decisions of people, and every step that did more than look.

use serde::Serialize;
use serde_json::{Map, Value};

use super::moment::{Calendar, When};
use super::read::{line, lines, plain, words as spaced};
use super::words::{self, Word};
use crate::record::{
    Artifact, Decision, Effect, Event, EventKind, Resolution, RunState, StepOutcome, StepState,
    WaitKind,
};

/// One thing that somebody or the tool did, in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkView {
    /// `task`, `approval`, `left_out`, `resolved`, `action`, `lists`, `adopted`, `cancelled`.
    pub kind: String,
    /// When.
    pub when: When,
    /// Who: a name, or `mailmedic` for what the tool did by itself.
    pub who: String,
    /// Title of the step.
    pub title: String,
    /// Key of the step; empty for the run as a whole.
    pub step: String,
    /// The question or the instructions, as they were shown.
    pub asked: Vec<String>,
    /// How it ended: `done`, `approved`, `refused`, ...
    pub result: Word,
    /// What they wrote.
    pub note: Option<String>,
    /// Answers to the form.
    pub answers: Vec<Answer>,
    /// Files that belong to it.
    pub files: Vec<FileView>,
    /// Note, answers and names of the files, for one cell of a table.
    pub remarks: Vec<String>,
}

/// A question of a form and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The question, or the name of the field.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// A file of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileView {
    /// Its name.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub digest: String,
    /// Size in bytes.
    pub bytes: u64,
    /// `812 bytes`, `3.4 kB`.
    pub size: String,
    /// Key of the step that wrote it.
    pub step: String,
}

/// Everything that was done, oldest first.
pub(super) fn work(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<WorkView> {
    events
        .iter()
        .filter_map(|event| entry(event, state, calendar))
        .map(|mut work| {
            work.remarks = remarks(&work);
            work
        })
        .collect()
}

/// What was done, in one sentence; empty when nothing was.
pub(super) fn done(work: &[WorkView]) -> String {
    let mut titles: Vec<String> = Vec::new();
    for entry in work {
        if entry.result.mark == "✓" && entry.kind != "approval" && !titles.contains(&entry.title)
        {
            titles.push(entry.title.clone());
        }
    }
    match titles.is_empty() {
        true => String::new(),
        false => format!("Done: {}.", titles.join("; ")),
    }
}

fn remarks(work: &WorkView) -> Vec<String> {
    let mut remarks: Vec<String> = work.note.iter().cloned().collect();
    remarks.extend(work.answers.iter().map(|answer| {
        let colon = if answer.question.ends_with(['?', ':']) {
            ""
        } else {
            ":"
        };
        format!("{}{colon} {}", answer.question, answer.answer)
    }));
    let names: Vec<&str> = work.files.iter().map(|file| file.name.as_str()).collect();
    if !names.is_empty() {
        remarks.push(format!("files: {}", names.join(", ")));
    }
    remarks
}

/// Every file of the run, in the order of its steps, each once.
pub(super) fn files(state: &RunState) -> Vec<FileView> {
    let mut files: Vec<FileView> = Vec::new();
    for step in &state.steps {
        for artifact in &step.artifacts {
            if !files
                .iter()
                .any(|known| known.digest == artifact.digest && known.name == artifact.name)
            {
                files.push(file(artifact, &step.plan.key));
            }
        }
    }
    files
}

fn entry(event: &Event, state: &RunState, calendar: &Calendar) -> Option<WorkView> {
    let when = calendar.when(event.at);
    match &event.event {
        EventKind::Decided {
            step,
            decision,
            by,
            note,
            evidence,
            values,
            ..
        } => {
            let (kind, result) = decision_words(*decision);
            let step = state.step(step)?;
            Some(WorkView {
                kind: kind.to_owned(),
                when,
                who: line(by),
                title: line(&step.plan.title),
                step: line(&step.plan.key),
                asked: asked(step),
                result,
                note: note.as_deref().map(line).filter(|note| !note.is_empty()),
                answers: answers(step, values),
                files: named(evidence, step),
                remarks: Vec::new(),
            })
        }
        EventKind::StepFinished {
            step,
            outcome,
            tolerated,
            outputs,
            artifacts,
            error,
            ..
        } => {
            let step = state.step(step)?;
            let gate = matches!(step.plan.action.as_str(), "approval" | "manual");
            if !gate && step.plan.effect == Effect::Probe {
                return None;
            }
            let mut result = match outcome {
                StepOutcome::Good if !words::is_check(step) => Word::new("good", "done", "✓"),
                StepOutcome::Rejected if gate => Word::new("rejected", "nobody answered", "✗"),
                other => words::outcome(*other),
            };
            if *tolerated {
                result.text = "did not work (tolerated)".to_owned();
            }
            Some(WorkView {
                kind: if gate { "approval" } else { "action" }.to_owned(),
                when,
                who: if gate { "nobody" } else { "mailmedic" }.to_owned(),
                title: line(&step.plan.title),
                step: line(&step.plan.key),
                asked: asked(step),
                result,
                note: error
                    .as_deref()
                    .map(line)
                    .or_else(|| outputs.get("note").map(plain))
                    .filter(|note| !note.is_empty()),
                answers: Vec::new(),
                files: named(artifacts, step),
                remarks: Vec::new(),
            })
        }
        EventKind::ListsInForce {
            changed: true,
            digest,
        } => {
            let note = match digest {
                Some(digest) => format!("SHA-256 {digest}"),
                None => "there is none any more".to_owned(),
            };
            let word = Word::new("lists_changed", "asked by another lists.yaml since", "…");
            let lists = whole("lists", when, "mailmedic", word, Some(&note));
            Some(WorkView {
                title: "The lists".to_owned(),
                ..lists
            })
        }
        EventKind::Adopted { by, note, .. } => {
            let word = Word::new("adopted", "goes on with a changed runbook", "…");
            Some(whole("adopted", when, by, word, note.as_deref()))
        }
        EventKind::Cancelled { by, note } => {
            let word = Word::new("cancelled", "called off", "–");
            Some(whole("cancelled", when, by, word, note.as_deref()))
        }
        _ => None,
    }
}

/// Something about the run as a whole.
fn whole(kind: &str, when: When, by: &str, result: Word, note: Option<&str>) -> WorkView {
    WorkView {
        kind: kind.to_owned(),
        when,
        who: line(by),
        title: "The whole run".to_owned(),
        step: String::new(),
        asked: Vec::new(),
        result,
        note: note.map(line).filter(|note| !note.is_empty()),
        answers: Vec::new(),
        files: Vec::new(),
        remarks: Vec::new(),
    }
}

fn decision_words(decision: Decision) -> (&'static str, Word) {
    match decision {
        Decision::Approve => ("approval", Word::new("approved", "approved", "✓")),
        Decision::Reject => ("approval", Word::new("rejected", "refused", "✗")),
        Decision::Done => ("task", Word::new("done", "done", "✓")),
        Decision::ByHand => ("by_hand", Word::new("done_by_hand", "done by hand", "✓")),
        Decision::Skip => ("left_out", Word::new("skipped", "left out", "–")),
        Decision::Resolve(what) => (
            "resolved",
            match what {
                Resolution::Done => Word::new("resolved_done", "it did happen", "✓"),
                Resolution::NotDone => Word::new("resolved_not_done", "it did not happen", "✗"),
                Resolution::Rerun => Word::new("resolved_rerun", "to be done again", "…"),
                Resolution::Skip => Word::new("resolved_skip", "left out", "–"),
            },
        ),
    }
}

/// The question or task of a gate, as it was shown last.
pub(crate) fn asked(step: &StepState) -> Vec<String> {
    match step.asked.as_deref() {
        Some(WaitKind::Approval { prompt, .. }) => lines(prompt),
        Some(WaitKind::Manual { instructions, .. }) => lines(instructions),
        _ => Vec::new(),
    }
}

fn answers(step: &StepState, values: &Map<String, Value>) -> Vec<Answer> {
    let form = match step.asked.as_deref() {
        Some(WaitKind::Manual { form, .. }) => Some(form),
        _ => None,
    };
    values
        .iter()
        .map(|(name, answer)| Answer {
            question: form
                .and_then(|form| form.get(name))
                .and_then(Value::as_str)
                .map_or_else(|| spaced(name), line),
            answer: plain(answer),
        })
        .filter(|answer| !answer.answer.is_empty())
        .collect()
}

fn named(artifacts: &[Artifact], step: &StepState) -> Vec<FileView> {
    artifacts
        .iter()
        .map(|artifact| file(artifact, &step.plan.key))
        .collect()
}

fn file(artifact: &Artifact, step: &str) -> FileView {
    FileView {
        name: line(&artifact.name),
        digest: line(&artifact.digest),
        bytes: artifact.bytes,
        size: size(artifact.bytes),
        step: line(step),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        0..=999 => format!("{bytes} bytes"),
        1_000..=999_999 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
