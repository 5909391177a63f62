//! The book of a scan: what each list said about each target, in as little room as it takes.

use super::{EXAMPLES, Heard, Mark, Unit, reply};
use crate::mail::dnsbl::Verdict;
use crate::probes::dns::{Answer, Outcome};

/// Where answers are written down.
pub(super) struct Book<'b, 'a> {
    pub(super) marks: &'b mut [Mark],
    pub(super) heard: &'b mut Vec<Heard>,
    pub(super) kept: &'b mut [usize],
    pub(super) many: bool,
    pub(super) units: &'b [Unit<'a>],
}

impl Book<'_, '_> {
    /// Whether a unit has still to answer about a subject.
    pub(super) fn is_open(&self, unit: usize, subject: usize) -> bool {
        self.marks[subject * self.units.len() + unit] == Mark::NotAsked
    }

    pub(super) fn note(&mut self, unit: usize, subject: usize, answer: Answer) {
        let place = subject * self.units.len() + unit;
        let reading = self.units[unit].chosen.list.read(&reply(&answer));
        let doubtful = answer.outcome == Outcome::NoData;
        if reading.verdict == Verdict::NotListed && !doubtful {
            self.marks[place] = Mark::Clean;
            return;
        }
        self.marks[place] = Mark::Told;
        let keep = !self.many || self.kept[unit] < EXAMPLES;
        self.kept[unit] += 1;
        self.heard.push(Heard {
            unit,
            subject,
            reading,
            answer: keep.then(|| Box::new(answer)),
            text: Vec::new(),
            network: None,
        });
    }
}
