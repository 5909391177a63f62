//! Before and after: the first result of a check against its run at the end, or against the last look of a `wait`.

use serde::Serialize;
use serde_json::Value;

use super::listings::entries;
use super::moment::{Calendar, When};
use super::observe::{Observation, base, observations};
use super::read::{count, first_text, get, line, list, text, texts};
use super::words::{self, Word};
use crate::record::{Event, RunState, Section, StepOutcome, StepState};

/// One line of the before/after table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeView {
    /// Title of the check.
    pub what: String,
    /// What it is about; empty where the check has one result for all.
    pub subject: String,
    /// The first result.
    pub before: Cell,
    /// The last result; `None`: not checked again.
    pub after: Option<Cell>,
    /// `better`, `same`, `worse`, `unknown`, `not_checked`.
    pub change: Word,
}

/// A result in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The verdict.
    pub verdict: Word,
    /// In short.
    pub text: String,
    /// When it was seen.
    pub when: When,
}

/// The before/after table. Checks that were done once and are not to be repeated are left out.
pub(super) fn changes(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<ChangeView> {
    let mut rows = Vec::new();
    for step in &state.steps {
        if !words::is_check(step) || step.plan.section == Section::Verify {
            continue;
        }
        let again =
            state.steps.iter().map(|step| &**step).find(|other| {
                other.plan.section == Section::Verify && base(other) == step.plan.key
            });
        rows.extend(compare(events, state, step, again, calendar));
    }
    // An ended run that never looked again has nothing to compare.
    if state.conclusion.is_some() && rows.iter().all(|row: &ChangeView| row.after.is_none()) {
        return Vec::new();
    }
    rows
}

fn compare(
    events: &[Event],
    state: &RunState,
    step: &StepState,
    again: Option<&StepState>,
    calendar: &Calendar,
) -> Vec<ChangeView> {
    let seen = observations(events, state, step.judging_action());
    let own = |key: &str| {
        seen.iter()
            .filter(|seen| seen.step.plan.key == key)
            .collect::<Vec<_>>()
    };
    let (first, last) = if step.plan.action == "wait" {
        // A wait goes into the line of the check that it repeats, where there is one.
        let other = state.steps.iter().any(|other| {
            other.plan.action == step.judging_action() && other.plan.section != Section::Verify
        });
        if other {
            return Vec::new();
        }
        let looks = own(&step.plan.key);
        (
            looks.first().copied(),
            looks.last().copied().filter(|_| looks.len() > 1),
        )
    } else {
        let first = own(&step.plan.key).last().copied();
        let verified = again.and_then(|again| own(&again.plan.key).last().copied());
        let watched = seen
            .iter()
            .rev()
            .find(|look| look.step.plan.action == "wait");
        (first, verified.or(watched))
    };
    let Some(first) = first else {
        return Vec::new();
    };
    if last.is_none() && again.is_none() {
        return Vec::new();
    }
    rows(first, last, calendar)
}

fn rows(
    first: &Observation<'_>,
    last: Option<&Observation<'_>>,
    calendar: &Calendar,
) -> Vec<ChangeView> {
    let before = facets(first);
    let mut after = last.map(facets).unwrap_or_default();
    let cell = |seen: &Observation<'_>, facet: Facet| Cell {
        verdict: facet.verdict,
        text: facet.text,
        when: calendar.when(seen.at),
    };
    let mut rows: Vec<ChangeView> = Vec::new();
    for facet in before {
        let position = after
            .iter()
            .position(|other| other.subject == facet.subject);
        let again = position.map(|position| after.remove(position)).zip(last);
        rows.push(ChangeView {
            what: line(&first.step.plan.title),
            subject: facet.subject.clone(),
            change: change(&facet, again.as_ref().map(|(again, _)| again)),
            before: cell(first, facet),
            after: again.map(|(facet, last)| cell(last, facet)),
        });
    }
    rows
}

fn change(before: &Facet, after: Option<&Facet>) -> Word {
    let rank = |facet: &Facet| match facet.verdict.mark.as_str() {
        "✓" => Some(2),
        "!" => Some(1),
        "✗" => Some(0),
        _ => None,
    };
    match after {
        None => Word::new("not_checked", "not checked again yet", "?"),
        Some(after) => match (rank(before), rank(after)) {
            (_, None) if after.verdict.mark == "–" => {
                Word::new("same", "not applicable any more", "–")
            }
            (_, None) => Word::new("unknown", "could not tell", "?"),
            (None, Some(2)) => Word::new("better", "now in order", "✓"),
            (None, Some(_)) => Word::new("worse", "now a problem", "✗"),
            (Some(a), Some(b)) if b > a => Word::new("better", "better", "✓"),
            (Some(a), Some(b)) if b < a => Word::new("worse", "worse", "✗"),
            (Some(2), _) => Word::new("same", "in order as before", "✓"),
            _ if after.problems < before.problems => {
                Word::new("better", "better, not settled yet", "✗")
            }
            _ if after.problems > before.problems => Word::new("worse", "worse", "✗"),
            _ => Word::new("same", "not better yet", "✗"),
        },
    }
}

/// What one observation says about one subject.
struct Facet {
    subject: String,
    verdict: Word,
    text: String,
    /// How many problems: fewer is better, also where some are left.
    problems: usize,
}

impl Facet {
    fn new(subject: String, verdict: Word, text: String) -> Self {
        let problems = usize::from(verdict.mark == "✗");
        Facet {
            subject,
            verdict,
            text,
            problems,
        }
    }
}

/// What an observation says, subject by subject.
fn facets(seen: &Observation<'_>) -> Vec<Facet> {
    let outputs = &seen.outputs;
    let facets: Vec<Facet> = match seen.step.judging_action() {
        "blacklist.scan" => list(outputs, "targets")
            .iter()
            .map(|target| scanned(outputs, target, seen.outcome))
            .collect(),
        "rdns.verify" => list(outputs, "addresses")
            .iter()
            .map(|address| {
                let names = texts(address, "ptr");
                let names = match names.is_empty() {
                    true => "no name".to_owned(),
                    false => names.join(", "),
                };
                Facet::new(
                    text(address, "address"),
                    words::verdict(&text(address, "verdict")),
                    names,
                )
            })
            .collect(),
        "relay.test" => list(outputs, "endpoints")
            .iter()
            .map(|endpoint| {
                let port = text(endpoint, "port");
                Facet::new(
                    format!("{} port {port}", text(endpoint, "address")),
                    words::verdict(&text(endpoint, "verdict")),
                    String::new(),
                )
            })
            .collect(),
        "smarthost.check" => {
            let blocked = text(outputs, "blocked_at");
            let text = match blocked.is_empty() {
                true => String::new(),
                false => format!("stopped at {blocked}"),
            };
            vec![Facet::new(
                String::new(),
                words::verdict(&super::read::text(outputs, "verdict")),
                text,
            )]
        }
        "mailauth.check" => list(outputs, "domains").iter().map(authenticated).collect(),
        _ => Vec::new(),
    };
    if !facets.is_empty() {
        return facets;
    }
    let verdict = match seen.outcome {
        Some(outcome) => words::outcome(outcome),
        None => Word::new("unknown", "looked at, goes on", "?"),
    };
    vec![Facet::new(String::new(), verdict, String::new())]
}

fn scanned(outputs: &Value, target: &Value, outcome: Option<StepOutcome>) -> Facet {
    let name = text(target, "target");
    let lists: Vec<String> = entries(outputs)
        .iter()
        .filter(|(target, _)| *target == name)
        .map(|(_, entry)| first_text(entry, &["list", "name", "zone"]))
        .collect();
    let clean = count(target, "clean").unwrap_or(0);
    let untold = count(target, "unknown").unwrap_or(0) + count(target, "broken").unwrap_or(0);
    let fine_print = match untold {
        0 => String::new(),
        untold => format!(
            "; {} could not tell",
            words::many(untold as usize, "list", "lists")
        ),
    };
    let (verdict, said) = if !lists.is_empty() {
        (
            Word::new("finding", "listed", "✗"),
            format!(
                "on {}: {}",
                words::many(lists.len(), "list", "lists"),
                lists.join(", ")
            ),
        )
    } else if clean == 0 || untold > clean || outcome == Some(StepOutcome::Unknown) {
        (
            Word::new("unknown", "could not tell", "?"),
            format!("clean on {}", words::many(clean as usize, "list", "lists")),
        )
    } else {
        (
            Word::new("good", "not listed", "✓"),
            format!("clean on {}", words::many(clean as usize, "list", "lists")),
        )
    };
    Facet {
        subject: name,
        verdict,
        text: format!("{said}{fine_print}"),
        problems: lists.len(),
    }
}

fn authenticated(domain: &Value) -> Facet {
    let mut worst: Option<Word> = None;
    let mut said = Vec::new();
    for (key, name) in [
        ("spf", "SPF"),
        ("dkim", "DKIM"),
        ("dmarc", "DMARC"),
        ("mx", "MX"),
    ] {
        let proof = match get(domain, key) {
            Value::Array(items) => items.first().unwrap_or(&Value::Null),
            other => other,
        };
        if proof.is_null() {
            continue;
        }
        let word = match proof {
            Value::String(_) => words::verdict(&super::read::plain(proof)),
            _ => words::verdict(&first_text(proof, &["verdict", "result"])),
        };
        said.push(format!("{name} {}", word.text));
        let rank = |word: &Word| match word.mark.as_str() {
            "✗" => 0,
            "?" => 1,
            "!" => 2,
            "✓" => 3,
            _ => 4,
        };
        if worst.as_ref().is_none_or(|worst| rank(&word) < rank(worst)) {
            worst = Some(word);
        }
    }
    let worst = worst.unwrap_or_else(|| words::verdict("unknown"));
    let verdict = match worst.mark.as_str() {
        "✓" => Word::new("good", "in order", "✓"),
        "✗" => Word::new("finding", "problem found", "✗"),
        _ => worst,
    };
    Facet::new(text(domain, "domain"), verdict, said.join(", "))
}
