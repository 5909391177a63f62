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
    /// Those of which it could not be told, where none is known to be good: they are to be looked at again.
    pub again: Vec<String>,
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
            let again: Vec<String> = candidates
                .iter()
                .filter(|one| best.is_none() && one.grade.code == "unknown")
                .map(|one| one.address.clone())
                .collect();
            (!candidates.is_empty()).then(|| ChoiceView {
                title: super::line(&seen.step.plan.title),
                when: calendar.when(seen.at),
                text: advice(best.as_deref(), &again, &candidates),
                warm_up: list(&seen.outputs, "warm_up").iter().map(stage).collect(),
                best,
                again,
                candidates,
            })
        })
        .collect()
}

fn advice(best: Option<&str>, again: &[String], candidates: &[CandidateView]) -> String {
    let first = candidates.first();
    match (best, first) {
        (Some(best), Some(first)) if !first.before.is_empty() => {
            format!("{best} can be used, after this: {}.", and(&first.before))
        }
        (Some(best), _) => format!("{best} can be used as it is."),
        (None, _) if again.is_empty() => "None of them is fit to send mail from.".to_owned(),
        (None, _) if again.len() == candidates.len() => {
            "Whether one of them is any good could not be told.".to_owned()
        }
        (None, _) => format!(
            "Whether {} can be used could not be told; none of the others is fit to send mail from.",
            and(again)
        ),
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
    let unknown = count(view, "unknown").unwrap_or(0);
    let known = asked.saturating_sub(unknown);
    if known == 0 {
        return "not known".to_owned();
    }
    let listed = texts(view, "listed");
    let mut told = match listed.as_slice() {
        [] => format!("none of {known} listed"),
        some => format!("{} of {known} listed: {}", some.len(), some.join(", ")),
    };
    if unknown > 0 {
        told.push_str(&format!("; {unknown} could not be told"));
    }
    told
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use crate::record::StepOutcome;
    use crate::report::fixture::{Recorder, created};
    use crate::report::{Format, View, render};
    use crate::templates::Templates;

    fn seen(address: &str, grade: &str, reason: &str, before: &[&str]) -> Value {
        json!({"address": address, "grade": grade, "reasons": [reason], "before": before, "listed": [], "clean": 30, "unknown": 2,
            "name": {"ptr": [], "detail": "it has no reverse name"}, "neighbours": {"asked": 8, "unknown": 3, "listed": []}})
    }

    fn document(candidates: Vec<Value>) -> (View, String) {
        let mut run = Recorder::new(created());
        let outputs = json!({"best": null, "candidates": candidates, "warm_up": []});
        run.finish("vet", StepOutcome::Unknown, outputs, Vec::new(), &[]);
        let view = View::of(&run.events).unwrap();
        let templates = Templates::default();
        let made = render(&view, "address-choice", Format::Markdown, &templates, None);
        let text = String::from_utf8(made.unwrap()).unwrap();
        (view, text)
    }

    #[test]
    fn what_could_not_be_told_is_not_called_bad() {
        let unknown = |address| seen(address, "unknown", "it may be listed", &["look it up"]);
        let bad = |address| seen(address, "unfit", "a list holds it", &[]);
        let (first, second) = ("203.0.113.90", "203.0.113.91");
        for (name, candidates, again, advice) in [
            (
                "all_unknown",
                vec![unknown(first), unknown(second)],
                vec![first, second],
                "Whether one of them is any good could not be told.",
            ),
            (
                "one_unknown",
                vec![unknown(first), bad(second)],
                vec![first],
                "Whether 203.0.113.90 can be used could not be told; none of the others is fit to send mail from.",
            ),
            (
                "all_bad",
                vec![bad(first), bad(second)],
                Vec::new(),
                "None of them is fit to send mail from.",
            ),
        ] {
            let (view, text) = document(candidates);
            assert_eq!(view.choices[0].again, again, "{name}");
            assert_eq!(view.choices[0].text, advice, "{name}");
            assert_eq!(
                text.contains("## Look again first"),
                !again.is_empty(),
                "{text}"
            );
            insta::assert_snapshot!(format!("address_choice_{name}"), text);
        }
    }
}
