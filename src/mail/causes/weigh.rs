//! Weighing: which causes the signals speak for, and how strongly.

use std::collections::BTreeMap;

use serde::Serialize;

use super::definition::{CauseDefinition, Weight, definitions};
use super::line::Line;
use super::signal::{NOBODY_LOOKED, Signal, State};
use crate::mail::events::Place;

/// Lines that a cause names, at most: a record is no log.
const LINES: usize = 100;

/// How strongly the signals speak for a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Something conclusive speaks against it.
    Unlikely,
    /// What it needs was seen.
    Possible,
    /// What it needs is shown, and another kind of observation supports it.
    Probable,
    /// One conclusive signal.
    Certain,
}

impl Confidence {
    /// The word as it is written in outputs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unlikely => "unlikely",
            Self::Possible => "possible",
            Self::Probable => "probable",
            Self::Certain => "certain",
        }
    }
}

/// A cause that something speaks for (or, when unlikely, against).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Stable name.
    pub cause: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// How strongly.
    pub confidence: Confidence,
    /// Why it is not more, in a sentence; empty when it is certain.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reservation: String,
    /// What speaks for it, with counts.
    pub signals: Vec<String>,
    /// What speaks against it.
    pub against: Vec<String>,
    /// The accounts, programs or machines that the signals for it name, the most suspicious first.
    pub who: Vec<String>,
    /// How many cases it rests on.
    pub cases: usize,
    /// Lines of them, a hundred at most: the first of each signal, then the second of each, and so on.
    #[serde(serialize_with = "as_text")]
    pub lines: Vec<Line>,
    /// What would settle it.
    pub settles: &'static [String],
    /// What to do.
    pub remedy: &'static str,
    /// How much it hurts.
    pub severity: Weight,
}

impl Cause {
    /// The finding code.
    pub fn code(&self) -> String {
        format!("cause-{}", self.cause)
    }
}

/// A cause for which nothing was seen; that does not mean that it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotShown {
    /// Stable name.
    pub cause: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// Why nothing can be said.
    pub why: String,
    /// What would settle it.
    pub settles: &'static [String],
}

/// Weighs all causes. `thin` says, when there is too little data to judge, how much there is.
pub(super) fn weigh(signals: &[Signal], thin: Option<&str>) -> (Vec<Cause>, Vec<NotShown>) {
    let mut causes = Vec::new();
    let mut not_shown = Vec::new();
    for definition in &definitions().causes {
        match weigh_one(definition, signals, thin) {
            Ok(cause) => causes.push(cause),
            Err(nothing) => not_shown.push(nothing),
        }
    }
    // Stable: among equals the order of the data file, which is that of their weight.
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.confidence));
    (causes, not_shown)
}

fn weigh_one(
    definition: &'static CauseDefinition,
    signals: &[Signal],
    thin: Option<&str>,
) -> Result<Cause, NotShown> {
    let find = |id: &String| signals.iter().find(|s| s.id == *id);
    let state = |id: &String| find(id).map_or(State::NotMeasured, |s| s.state);
    let shown = |id: &String| state(id) == State::Shown;
    let seen = |id: &String| matches!(state(id), State::Shown | State::Seen);

    let proved = definition.conclusive.iter().any(shown);
    let complete = definition
        .needs
        .iter()
        .find(|group| group.iter().all(shown));
    let begun = definition.needs.iter().any(|group| group.iter().all(seen));
    let contradicted = definition.against.iter().any(shown);

    if !(proved || begun || contradicted) {
        return Err(NotShown {
            cause: &definition.id,
            title: &definition.title,
            why: why_nothing(definition, signals, thin),
            settles: &definition.settles,
        });
    }
    let outdated = definition.outdated_by.iter().any(shown);

    let (confidence, reservation) = if proved && outdated {
        (
            Confidence::Probable,
            "the log proves it for its time; a later check says that it is over".to_owned(),
        )
    } else if proved {
        (Confidence::Certain, String::new())
    } else if contradicted {
        (Confidence::Unlikely, String::new())
    } else if let Some(group) = complete {
        if supported(definition, group, signals) {
            (
                Confidence::Probable,
                "more than one kind of observation speaks for it, but none is proof".to_owned(),
            )
        } else {
            (
                Confidence::Possible,
                "nothing of another kind supports it yet".to_owned(),
            )
        }
    } else {
        let thin = thin.map_or_else(
            || "too few cases to judge".to_owned(),
            |thin| format!("not enough data: {thin}"),
        );
        (Confidence::Possible, thin)
    };
    let mut ids: Vec<&String> = Vec::new();
    for id in definition
        .conclusive
        .iter()
        .chain(definition.needs.iter().flatten())
        .chain(&definition.supports)
    {
        if seen(id) && !ids.contains(&id) {
            ids.push(id);
        }
    }
    let speaking: Vec<&Signal> = ids.into_iter().filter_map(find).collect();
    let opposing: Vec<&Signal> = definition
        .against
        .iter()
        .filter(|id| seen(id))
        .filter_map(find)
        .collect();
    let lines = lines_of(speaking.iter().chain(&opposing).copied());
    let mut who: Vec<String> = Vec::new();
    // What merely supports a cause may be about somebody else.
    let makes = |signal: &&&Signal| {
        let mut makers = definition
            .conclusive
            .iter()
            .chain(definition.needs.iter().flatten());
        makers.any(|id| id == signal.id)
    };
    for name in speaking.iter().filter(makes).flat_map(|s| &s.who) {
        if !who.contains(name) {
            who.push(name.clone());
        }
    }
    // Signals keep the first of their lines; one that counts more cases than there are lines tells how many there were.
    let most = speaking.iter().chain(&opposing).map(|s| s.cases).max();
    let cases = if lines.is_empty() {
        0
    } else {
        lines.len().max(most.unwrap_or(0))
    };
    Ok(Cause {
        cause: &definition.id,
        title: &definition.title,
        confidence,
        reservation,
        signals: speaking.iter().map(|s| s.line()).collect(),
        against: opposing.iter().map(|s| s.line()).collect(),
        cases,
        lines: lines.into_iter().take(LINES).collect(),
        who,
        settles: &definition.settles,
        remedy: &definition.remedy,
        severity: definition.severity,
    })
}

/// The lines of signals, each once: the first of each signal, then the second of each, and so on, so that every signal is
/// among those that are quoted.
fn lines_of<'s>(signals: impl Iterator<Item = &'s Signal>) -> Vec<Line> {
    let signals: Vec<&Signal> = signals.collect();
    let longest = signals.iter().map(|s| s.lines.len()).max().unwrap_or(0);
    let mut lines: Vec<Line> = Vec::new();
    let mut known: BTreeMap<&Place, usize> = BTreeMap::new();
    for line in (0..longest).flat_map(|turn| signals.iter().filter_map(move |s| s.lines.get(turn)))
    {
        match known.get(&line.place) {
            Some(at) if lines[*at].text.is_none() => lines[*at].text.clone_from(&line.text),
            Some(_) => {}
            None => {
                known.insert(&line.place, lines.len());
                lines.push(line.clone());
            }
        }
    }
    lines
}

/// Whether a shown support comes from another kind of observation than all of the needs.
fn supported(definition: &CauseDefinition, group: &[String], signals: &[Signal]) -> bool {
    let source = |id: &str| definitions().signal(id).map(|s| s.source.as_str());
    let used: Vec<Option<&str>> = group.iter().map(|id| source(id)).collect();
    let apart = |id: &String| !used.contains(&source(id));
    let shown = |id: &String| {
        signals
            .iter()
            .any(|s| s.id == *id && s.state == State::Shown)
    };
    definition.supports.iter().any(|id| apart(id) && shown(id))
}

/// Signals that are shown and would make a cause only together with another one. When something happened tells nothing of
/// itself; what speaks against a cause is no suspicion; and other checks report what they find themselves.
pub(super) fn waiting(signals: &[Signal]) -> impl Iterator<Item = &Signal> {
    let causes = || definitions().causes.iter();
    let is_in = |groups: &[Vec<String>], id: &str| groups.iter().flatten().any(|known| known == id);
    signals.iter().filter(move |signal| {
        let source = definitions()
            .signal(signal.id)
            .map_or("", |s| s.source.as_str());
        let counts = source == "reports" || causes().any(|cause| is_in(&cause.needs, signal.id));
        let own = !matches!(source, "times" | "relay" | "lists" | "rdns" | "resolver");
        signal.state == State::Shown && counts && own
    })
}

fn why_nothing(definition: &CauseDefinition, signals: &[Signal], thin: Option<&str>) -> String {
    let needs = |signal: &Signal| definition.needs.iter().flatten().any(|id| id == signal.id);
    let mut whys = Vec::new();
    let alone: Vec<&str> = waiting(signals)
        .filter(|s| needs(s))
        .map(|s| s.title)
        .collect();
    if !alone.is_empty() {
        whys.push(format!(
            "seen, but alone no proof of it: {}",
            alone.join(", ")
        ));
    }
    let missing: Vec<&Signal> = definition
        .needs
        .iter()
        .flatten()
        .filter_map(|id| signals.iter().find(|s| s.id == *id))
        .filter(|s| s.state == State::NotMeasured)
        .collect();
    let (unasked, reasoned): (Vec<&Signal>, Vec<&Signal>) = missing
        .into_iter()
        .partition(|s| s.measured == NOBODY_LOOKED);
    let titles = once(unasked.iter().map(|s| s.title));
    if !titles.is_empty() {
        whys.push(format!(
            "nobody looked whether {}",
            titles.join(", or whether ")
        ));
    }
    whys.extend(
        once(reasoned.iter().map(|s| s.measured.as_str()))
            .into_iter()
            .map(str::to_owned),
    );
    if !whys.is_empty() {
        return whys.join("; ");
    }
    match thin {
        Some(thin) => format!(
            "no case of it in the log, and not enough data to say that there is none ({thin})"
        ),
        None => "the log has enough data and no sign of it".to_owned(),
    }
}

/// Each text once, in order.
fn once<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut known = Vec::new();
    for text in texts {
        if !known.contains(&text) {
            known.push(text);
        }
    }
    known
}

/// Places as people read them, `app.txt:27-36`.
fn as_text<S: serde::Serializer>(lines: &[Line], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(lines.iter().map(|line| line.place.to_string()))
}
