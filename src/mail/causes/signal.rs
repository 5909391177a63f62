//! A measured signal.

use serde::Serialize;

use super::definition::{SignalDefinition, definitions};
use super::line::Line;

/// How a signal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Over its limits, with enough data.
    Shown,
    /// There are cases, but too few to judge.
    Seen,
    /// Enough data, and below the limits.
    Absent,
    /// No case, and too little data to say that there is none.
    NotEnoughData,
    /// Nothing here can show it, or nobody told.
    NotMeasured,
}

/// A signal with what was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signal {
    /// Short stable name.
    pub id: &'static str,
    /// What it says when it is shown.
    pub title: &'static str,
    /// How it stands.
    pub state: State,
    /// What was counted, in words.
    pub measured: String,
    /// From when it counts, in words.
    pub expected: String,
    /// How many cases there are.
    #[serde(skip)]
    pub cases: usize,
    /// The lines of the first of them.
    #[serde(skip)]
    pub lines: Vec<Line>,
    /// The accounts, programs or machines that it is about.
    #[serde(skip)]
    pub who: Vec<String>,
}

impl Signal {
    /// The same signal about these accounts, programs or machines, when it says something.
    pub(super) fn about(self, who: Vec<String>) -> Self {
        let telling = matches!(self.state, State::Shown | State::Seen);
        let who = if telling { who } else { Vec::new() };
        Self { who, ..self }
    }

    /// One line for a report: `T14 several receivers ...: 2 organisations (counts from: 3)`. A signal that cannot be judged says so.
    pub fn line(&self) -> String {
        let counts = match self.expected.as_str() {
            "" => None,
            expected => Some(format!("counts from: {expected}")),
        };
        let unjudged = (self.state == State::Seen).then(|| "too little data to judge".to_owned());
        let notes: Vec<String> = unjudged.into_iter().chain(counts).collect();
        let line = format!("{} {}: {}", self.id, self.title, self.measured);
        match notes.is_empty() {
            true => line,
            false => format!("{line} ({})", notes.join("; ")),
        }
    }
}

/// What a measurement hands in, before the amount of data is weighed.
pub(super) struct Measure {
    pub(super) over: bool,
    pub(super) cases: usize,
    pub(super) measured: String,
    pub(super) expected: String,
    pub(super) lines: Vec<Line>,
}

/// Makes a signal of a measurement. Without enough data only conclusive signals are shown.
pub(super) fn judge(id: &str, enough: bool, measure: Measure) -> Option<Signal> {
    let definition = definitions().signal(id)?;
    let state = match (enough || definition.conclusive, measure.over, measure.cases) {
        (true, true, _) => State::Shown,
        (false, _, 1..) => State::Seen,
        (_, false, _) if enough => State::Absent,
        (_, _, 1..) => State::Seen,
        _ => State::NotEnoughData,
    };
    Some(signal(definition, state, measure))
}

/// What stands for the measure where nobody has looked.
pub(super) const NOBODY_LOOKED: &str = "nobody looked";

/// A signal by a verdict that somebody else reached; `None` is not measured.
pub(super) fn told(id: &str, verdict: Option<bool>, words: String) -> Option<Signal> {
    let definition = definitions().signal(id)?;
    let state = match verdict {
        Some(true) => State::Shown,
        Some(false) => State::Absent,
        None => State::NotMeasured,
    };
    let measured = match verdict {
        Some(_) => words,
        None => NOBODY_LOOKED.to_owned(),
    };
    Some(by_word(definition, state, measured))
}

/// A signal that these logs could show if more were known, and what that is.
pub(super) fn unmeasured(id: &str, why: &str) -> Option<Signal> {
    let definition = definitions().signal(id)?;
    Some(by_word(definition, State::NotMeasured, why.to_owned()))
}

fn by_word(definition: &'static SignalDefinition, state: State, measured: String) -> Signal {
    let measure = Measure {
        over: false,
        cases: 0,
        measured,
        expected: String::new(),
        lines: Vec::new(),
    };
    signal(definition, state, measure)
}

fn signal(definition: &'static SignalDefinition, state: State, measure: Measure) -> Signal {
    Signal {
        id: &definition.id,
        title: &definition.title,
        state,
        measured: measure.measured,
        expected: measure.expected,
        cases: measure.cases,
        lines: measure.lines,
        who: Vec::new(),
    }
}
