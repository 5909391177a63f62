//! How one file went: what was read, what was not understood, what had to be assumed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::level::Level;
use super::model::{Event, What};

/// Unparsed lines that are kept with their text, at most; all are counted.
const SAMPLES: usize = 100;

/// Gaps that are kept, at most; all are counted.
const GAPS: usize = 1_000;

/// Stretches of record numbers that are told apart, at most.
const STRETCHES: usize = 100_000;

/// Characters of an unparsed line that are kept.
const SAMPLE_LENGTH: usize = 400;

/// Why a line was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It stands outside any event, such as the prose around a pasted block.
    Outside,
    /// It stands where a part of an event was expected.
    Malformed,
    /// The file or the line goes on beyond what is read at once.
    BeyondLimit,
}

/// A line that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unparsed {
    /// Line, counted from 1. In a binary file the number of the record, or 0.
    pub line: u32,
    /// The line.
    pub text: String,
    /// Why.
    pub why: Why,
}

/// Records that are missing between two others, by their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last record before the gap.
    pub after: u64,
    /// The first record behind it.
    pub before: u64,
}

/// How the time zone of a log is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// The log states it with its times, or its format prescribes it.
    Stated,
    /// The caller gave it.
    Given,
    /// Nobody knows; times are taken as they stand.
    #[default]
    Unknown,
}

/// One file, read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The file as the caller named it.
    pub file: String,
    /// Name of the format.
    pub format: String,
    /// Character encoding; empty for binary formats.
    pub encoding: String,
    /// Lines, blank ones too. 0 for binary formats.
    pub lines: u64,
    /// Events that were found.
    pub records: u64,
    /// Those of them that are known noise.
    pub noise: u64,
    /// Lines that were understood and tell nothing that is looked for.
    pub passed: u64,
    /// Lines of other programs, by the program's name.
    pub strangers: BTreeMap<String, u64>,
    /// Lines that were not understood.
    pub unparsed: u64,
    /// The first of them.
    pub samples: Vec<Unparsed>,
    /// Times of the first and the last event. `None` when no event has one.
    pub span: Option<(Timestamp, Timestamp)>,
    /// How the time zone is known.
    pub zone: Zone,
    /// Jumps in the record numbers, where the format has them; the first of them. A log that was filtered before it was
    /// saved has many: they say that the picture is not complete, not that something was deleted.
    pub gaps: Vec<Gap>,
    /// What the reader had to assume, in words.
    pub notes: Vec<String>,
    #[serde(skip)]
    numbers: Numbers,
    #[serde(skip)]
    level: Level,
}

impl Log {
    pub(super) fn new(file: &str, format: &str, encoding: &str) -> Self {
        Self {
            file: file.to_owned(),
            format: format.to_owned(),
            encoding: encoding.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn seen(&mut self, event: &Event<'_>) {
        self.records += 1;
        self.noise += u64::from(event.what == What::Noise);
        if event.id.is_some() {
            self.level.add(event);
        }
        if let Some(time) = event.time {
            self.span = Some(match self.span {
                Some((first, last)) => (first.min(time), last.max(time)),
                None => (time, time),
            });
        }
        if let Some(number) = event.record {
            self.numbers.add(number);
        }
    }

    pub(super) fn not_understood(&mut self, line: u32, text: &str, why: Why) {
        self.unparsed += 1;
        if self.samples.len() < SAMPLES {
            self.samples.push(Unparsed {
                line,
                text: text.chars().take(SAMPLE_LENGTH).collect(),
                why,
            });
        }
    }

    /// Completes what can be told only at the end.
    pub(super) fn close(&mut self) {
        self.gaps = self.numbers.gaps();
        if self.numbers.lost {
            self.notes
                .push("the record numbers jump too often for all gaps to be told".to_owned());
        }
        self.notes.extend(self.level.note().map(str::to_owned));
        self.samples.sort_by_key(|sample| sample.line);
    }
}

/// Record numbers as stretches without a gap: in any order, each number as often as it likes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Numbers {
    /// First number to last number.
    stretches: BTreeMap<u64, u64>,
    lost: bool,
}

impl Numbers {
    fn add(&mut self, number: u64) {
        let before = self.stretches.range(..=number).next_back();
        if let Some((&first, &last)) = before {
            if number <= last {
                return;
            }
            if last.checked_add(1) == Some(number) {
                let end = self.joined(number);
                self.stretches.insert(first, end);
                return;
            }
        }
        if self.stretches.len() >= STRETCHES {
            self.lost = true;
            return;
        }
        let end = self.joined(number);
        self.stretches.insert(number, end);
    }

    /// The last number of the stretch that begins right behind `number`, which goes; or `number` itself.
    fn joined(&mut self, number: u64) -> u64 {
        number
            .checked_add(1)
            .and_then(|next| self.stretches.remove(&next))
            .unwrap_or(number)
    }

    fn gaps(&self) -> Vec<Gap> {
        let firsts = self.stretches.keys().skip(1);
        let lasts = self.stretches.values();
        lasts
            .zip(firsts)
            .map(|(&after, &before)| Gap { after, before })
            .take(GAPS)
            .collect()
    }
}
