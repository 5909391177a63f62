//! Addresses that could be used instead, best first, and how to begin with one.

use serde::Serialize;
use serde_json::Value;

use super::moment::{Calendar, When};
use super::observe::latest;
use super::read::{count, get, list, text, texts};
use super::words::{Word, and, many};
use crate::record::{Event, RunState};

/// The candidates of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChoiceView {
    /// Title of the step.
    pub title: String,
    /// When they were looked at.
    pub when: When,
    /// What to take, in a sentence.
    pub text: String,
    /// The address to take, if one is any good.
    pub best: Option<String>,
    /// All of them, best first.
    pub candidates: Vec<CandidateView>,
    /// How to begin with an address that receivers do not know.
    pub warm_up: Vec<StageOfDays>,
}

/// One candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CandidateView {
    /// Its place, from 1.
    pub rank: String,
    /// The address.
    pub address: String,
    /// What it is good for.
    pub grade: Word,
    /// Why, in a sentence.
    pub reasons: String,
    /// What to do before it is used.
    pub before: Vec<String>,
    /// Lists that hold it.
    pub lists: String,
    /// How many lists were asked, and how they answered.
    pub asked: String,
    /// Its present reverse names.
    pub names: String,
    /// How its neighbours stand.
    pub neighbours: String,
}

/// Days of a warm-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageOfDays {
    /// `1 to 3`, `from 13`.
    pub days: String,
    /// Messages a day at most.
    pub a_day: String,
    /// What to send.
    pub what: String,
}

/// The candidates as they were looked at last.
pub(super) fn choices(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<ChoiceView> {
    latest(events, state, "outbound.vet")
        .iter()
        .filter_map(|seen| {
            let candidates: Vec<CandidateView> = list(&seen.outputs, "candidates")
                .iter()
                .map(candidate)
                .collect();
            let best = Some(text(&seen.outputs, "best")).filter(|best| !best.is_empty());
            (!candidates.is_empty()).then(|| ChoiceView {
                title: super::line(&seen.step.plan.title),
                when: calendar.when(seen.at),
                text: advice(best.as_deref(), &candidates),
                warm_up: list(&seen.outputs, "warm_up").iter().map(stage).collect(),
                best,
                candidates,
            })
        })
        .collect()
}

fn advice(best: Option<&str>, candidates: &[CandidateView]) -> String {
    let first = candidates.first();
    match (best, first) {
        (Some(best), Some(first)) if !first.before.is_empty() => {
            format!("{best} can be used, after this: {}.", and(&first.before))
        }
        (Some(best), _) => format!("{best} can be used as it is."),
        (None, Some(first)) if first.grade.code == "unknown" => {
            "Whether one of them is any good could not be told.".to_owned()
        }
        (None, _) => "None of them is fit to send mail from.".to_owned(),
    }
}

fn candidate(view: &Value) -> CandidateView {
    let listed: Vec<String> = list(view, "listed")
        .iter()
        .map(|listing| {
            let name = super::read::first_text(listing, &["name", "list"]);
            match texts(listing, "parts").join(", ") {
                parts if parts.is_empty() => name,
                parts => format!("{name} ({parts})"),
            }
        })
        .collect();
    let number = |key: &str| count(view, key).unwrap_or(0);
    let name = get(view, "name");
    let names = texts(name, "ptr").join(", ");
    CandidateView {
        rank: text(view, "rank"),
        address: text(view, "address"),
        grade: grade(&text(view, "grade")),
        reasons: texts(view, "reasons").join("; "),
        before: texts(view, "before"),
        asked: format!(
            "on {}, {} clean, {} could not tell",
            many(listed.len(), "list", "lists"),
            number("clean"),
            number("unknown")
        ),
        lists: listed.join(", "),
        names: if names.is_empty() {
            text(name, "detail")
        } else {
            names
        },
        neighbours: neighbours(get(view, "neighbours")),
    }
}

fn neighbours(view: &Value) -> String {
    let asked = count(view, "asked").unwrap_or(0);
    if asked == 0 {
        return "not known".to_owned();
    }
    let listed = texts(view, "listed");
    match listed.as_slice() {
        [] => format!("none of {asked} listed"),
        some => format!("{} of {asked} listed: {}", some.len(), some.join(", ")),
    }
}

fn grade(code: &str) -> Word {
    let (text, mark) = match code {
        "usable" => ("can be used", "✓"),
        "after_the_name" => ("can be used once its name is set", "✓"),
        "poor" => ("poor", "!"),
        "unfit" => ("not for mail", "✗"),
        _ => ("could not tell", "?"),
    };
    Word::new(if code.is_empty() { "unknown" } else { code }, text, mark)
}

fn stage(view: &Value) -> StageOfDays {
    let (from, to) = (text(view, "from"), text(view, "to"));
    StageOfDays {
        days: if to.is_empty() {
            format!("from day {from}")
        } else {
            format!("day {from} to {to}")
        },
        a_day: text(view, "a_day"),
        what: text(view, "what"),
    }
}
