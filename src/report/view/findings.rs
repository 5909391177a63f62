//! Findings with their whole life: seen first, seen last, settled by which step, or still open.

use serde::Serialize;

use super::moment::{Calendar, When};
use super::read::{line, lines};
use super::words::{self, Word};
use crate::record::{Evidence, Finding, RunState, StepState};

/// A fact about the site and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingView {
    /// `F1`, `F2`, ...: the number in this document.
    pub number: String,
    /// Stable code.
    pub code: String,
    /// How much it hurts.
    pub severity: Word,
    /// What it is about.
    pub subject: String,
    /// One plain sentence.
    pub summary: String,
    /// What to do about it.
    pub remedy: String,
    /// True while nothing has shown that it is gone.
    pub open: bool,
    /// `open` or `settled`, with a sentence that says since when.
    pub state: Word,
    /// When it was seen first, and by which step.
    pub first_seen: Seen,
    /// When it was seen last.
    pub last_seen: Seen,
    /// When and by which step it was seen to be gone.
    pub settled: Option<Seen>,
    /// What proves it, as it was seen last.
    pub evidence: Vec<EvidenceView>,
    /// Numbers of the evidence, joined: `E1, E2`; empty when there is none.
    pub evidence_numbers: String,
}

impl FindingView {
    /// For information only: nobody has to act on it.
    pub(crate) fn is_remark(&self) -> bool {
        self.severity.code == "informational"
    }
}

/// A step that saw something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Key of the step.
    pub step: String,
    /// Its title.
    pub title: String,
    /// When it ended.
    pub when: When,
}

/// What proves a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceView {
    /// `E1`, `E2`, ...: the number in this document.
    pub number: String,
    /// `dns`, `smtp`, `log`, ...
    pub kind: String,
    /// The same in words: `DNS answer`.
    pub kind_text: String,
    /// The thing itself.
    pub lines: Vec<String>,
    /// When it was seen.
    pub when: When,
    /// From where.
    pub place: Option<String>,
    /// A finding before this one shows the same; it is printed there.
    pub repeated: bool,
}

struct Life<'a> {
    finding: &'a Finding,
    first: &'a StepState,
    last: &'a StepState,
    settled: Option<&'a StepState>,
}

/// The findings of a run, the worst first, open ones before settled ones.
pub(super) fn findings(state: &RunState, calendar: &Calendar) -> Vec<FindingView> {
    let mut lives = lives(state);
    lives.sort_by_key(|life| {
        (
            life.settled.is_some(),
            std::cmp::Reverse(life.finding.severity),
            life.first.end_order(),
        )
    });
    let mut numbered = Numbered::default();
    lives
        .iter()
        .enumerate()
        .map(|(position, life)| view(life, position + 1, &mut numbered, state, calendar))
        .collect()
}

/// Follows the rule of [`RunState::open_findings`], and keeps what it lets go.
fn lives(state: &RunState) -> Vec<Life<'_>> {
    let mut lives: Vec<Life<'_>> = Vec::new();
    for step in state.ended() {
        let action = step.judging_action();
        for life in &mut lives {
            if life.settled.is_none()
                && life.first.judging_action() == action
                && step.subjects.contains(&life.finding.subject)
            {
                life.settled = Some(step);
            }
        }
        for finding in &step.findings {
            let known = lives.iter_mut().find(|life| {
                life.first.judging_action() == action
                    && life.finding.code == finding.code
                    && life.finding.subject == finding.subject
            });
            match known {
                Some(life) => {
                    life.finding = finding;
                    life.last = step;
                    life.settled = None;
                }
                None => lives.push(Life {
                    finding,
                    first: step,
                    last: step,
                    settled: None,
                }),
            }
        }
    }
    lives
}

fn view(
    life: &Life<'_>,
    number: usize,
    numbered: &mut Numbered,
    state: &RunState,
    calendar: &Calendar,
) -> FindingView {
    let seen = |step: &StepState| Seen {
        step: line(&step.plan.key),
        title: line(&step.plan.title),
        when: calendar.when(step.finished.unwrap_or(state.updated)),
    };
    let finding = life.finding;
    let first_seen = seen(life.first);
    let settled = life.settled.map(seen);
    let evidence: Vec<EvidenceView> = finding
        .evidence
        .iter()
        .map(|evidence| numbered.view(evidence, calendar))
        .collect();
    FindingView {
        number: format!("F{number}"),
        code: line(&finding.code),
        severity: words::severity(finding.severity),
        subject: line(&finding.subject),
        summary: line(&finding.summary),
        remedy: line(&finding.remedy).trim_end_matches('.').to_owned(),
        open: settled.is_none(),
        state: match &settled {
            Some(seen) => Word::new("settled", format!("settled, seen {}", seen.when.day), "✓"),
            None => Word::new("open", format!("open since {}", first_seen.when.day), "✗"),
        },
        first_seen,
        last_seen: seen(life.last),
        settled,
        evidence_numbers: evidence
            .iter()
            .map(|evidence| evidence.number.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        evidence,
    }
}

/// The numbers of the evidence of a document: the same conversation has one, whatever it proves.
#[derive(Default)]
struct Numbered(Vec<EvidenceView>);

impl Numbered {
    fn view(&mut self, evidence: &Evidence, calendar: &Calendar) -> EvidenceView {
        let new = evidence_view(evidence, self.0.len() + 1, calendar);
        let same = |known: &&EvidenceView| {
            (&known.kind, &known.lines, &known.place, &known.when.text)
                == (&new.kind, &new.lines, &new.place, &new.when.text)
        };
        if let Some(known) = self.0.iter().find(same) {
            return EvidenceView {
                repeated: true,
                ..known.clone()
            };
        }
        self.0.push(new.clone());
        new
    }
}

fn evidence_view(evidence: &Evidence, number: usize, calendar: &Calendar) -> EvidenceView {
    let kind_text = match evidence.kind.as_str() {
        "dns" => "DNS answer",
        "smtp" => "SMTP conversation",
        "log" => "log lines",
        "certificate" => "certificate",
        "http" => "web answer",
        "command" => "output of a command",
        "note" => "note",
        other => other,
    };
    EvidenceView {
        number: format!("E{number}"),
        kind: line(&evidence.kind),
        kind_text: line(kind_text),
        lines: lines(&evidence.text),
        when: calendar.when(evidence.at),
        place: evidence
            .from
            .as_deref()
            .map(line)
            .filter(|place| !place.is_empty()),
        repeated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_conversation_has_one_number_whatever_it_proves() {
        let calendar = Calendar::new(None);
        let said = |kind: &str, text: &str, from: &str| {
            Evidence::new(kind, text, jiff::Timestamp::UNIX_EPOCH).from(from.to_owned())
        };
        let mut numbered = Numbered::default();
        let seen: Vec<(String, bool)> = [
            said("smtp", "220 mx\n250 ok", "192.0.2.1:25"),
            said("dns", "220 mx\n250 ok", "192.0.2.1:25"),
            said("smtp", "220 mx\n250 ok", "192.0.2.1:25"),
            said("smtp", "220 mx\n250 ok", "192.0.2.2:25"),
            said("smtp", "220 mx", "192.0.2.1:25"),
        ]
        .iter()
        .map(|evidence| numbered.view(evidence, &calendar))
        .map(|view| (view.number, view.repeated))
        .collect();
        let expected = [
            ("E1", false),
            ("E2", false),
            ("E1", true),
            ("E3", false),
            ("E4", false),
        ];
        assert_eq!(
            seen,
            expected.map(|(number, repeated)| (number.to_owned(), repeated))
        );
    }
}
