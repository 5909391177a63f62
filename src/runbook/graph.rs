//! Which step waits for which: needs written out, cycles, and what has ended before a step begins.

use std::collections::{BTreeSet, HashMap};

use super::draft::{At, Draft};
use crate::record::Section;
use crate::yaml::{Reader, hint};

/// The needs of all steps, by position in the draft.
pub(super) struct Graph {
    needs: Vec<Vec<usize>>,
    positions: HashMap<String, usize>,
    sections: Vec<Section>,
}

impl Graph {
    /// Writes the needs out and notes unknown ones, misplaced ones and cycles.
    pub(super) fn build(reader: &mut Reader, draft: &Draft) -> Self {
        let mut positions: HashMap<String, usize> = HashMap::new();
        for (position, step) in draft.steps.iter().enumerate() {
            if let Some(first) = positions.get(&step.id.value) {
                let (line, _) = reader.file().position(draft.steps[*first].id.span.start);
                reader.fault(
                    step.id.span,
                    format!("there are two steps '{}'", step.id.value),
                    format!("the first is in line {line}; give this one another id"),
                );
            } else {
                positions.insert(step.id.value.clone(), position);
            }
        }
        let mut needs = Vec::with_capacity(draft.steps.len());
        for (position, step) in draft.steps.iter().enumerate() {
            needs.push(match &step.needs {
                Some(named) => named
                    .iter()
                    .filter_map(|need| look_up(reader, draft, &positions, position, need))
                    .collect(),
                None => match position.checked_sub(1) {
                    Some(before) if draft.steps[before].section == step.section => vec![before],
                    _ => Vec::new(),
                },
            });
        }
        let graph = Graph {
            needs,
            positions,
            sections: draft.steps.iter().map(|step| step.section).collect(),
        };
        graph.refuse_cycles(reader, draft);
        graph
    }

    /// Position of a step.
    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.positions.get(id).copied()
    }

    /// Direct needs of a step.
    pub(super) fn needs(&self, position: usize) -> &[usize] {
        &self.needs[position]
    }

    /// Everything that a step waits for, over any number of steps.
    pub(super) fn before(&self, position: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open: Vec<usize> = self.needs[position].clone();
        while let Some(next) = open.pop() {
            if next != position && found.insert(next) {
                open.extend(&self.needs[next]);
            }
        }
        // The later sections begin when the earlier ones have ended.
        for (other, section) in self.sections.iter().enumerate() {
            let earlier = match self.sections[position] {
                Section::OnFailure => *section == Section::Steps,
                Section::Finally => *section != Section::Finally,
                _ => false,
            };
            if earlier {
                found.insert(other);
            }
        }
        found
    }

    fn refuse_cycles(&self, reader: &mut Reader, draft: &Draft) {
        // 0 not seen, 1 on the path, 2 done
        let mut marks = vec![0_u8; self.needs.len()];
        for start in 0..self.needs.len() {
            if marks[start] != 0 {
                continue;
            }
            let mut path: Vec<(usize, usize)> = vec![(start, 0)];
            marks[start] = 1;
            while let Some((step, next)) = path.last().copied() {
                match self.needs[step].get(next) {
                    None => {
                        marks[step] = 2;
                        path.pop();
                    }
                    Some(&need) => {
                        if let Some(top) = path.last_mut() {
                            top.1 += 1;
                        }
                        match marks[need] {
                            0 => {
                                marks[need] = 1;
                                path.push((need, 0));
                            }
                            1 => report_cycle(reader, draft, &path, need),
                            _ => {}
                        }
                    }
                }
            }
        }
    }
}

fn look_up(
    reader: &mut Reader,
    draft: &Draft,
    positions: &HashMap<String, usize>,
    position: usize,
    need: &At<String>,
) -> Option<usize> {
    let step = &draft.steps[position];
    let Some(&found) = positions.get(&need.value) else {
        let known = draft
            .steps
            .iter()
            .filter(|other| other.section == step.section && other.id.value != step.id.value)
            .map(|other| other.id.value.as_str());
        reader.fault_labelled(
            need.span,
            format!("there is no step '{}'", need.value),
            "unknown step",
            hint(&need.value, known),
        );
        return None;
    };
    if draft.steps[found].section != step.section {
        reader.fault(
            need.span,
            format!(
                "step '{}' is in another section than step '{}'",
                need.value, step.id.value
            ),
            "'on_failure' and 'finally' begin when 'steps' has ended: only steps of the same section can be needed",
        );
        return None;
    }
    Some(found)
}

fn report_cycle(reader: &mut Reader, draft: &Draft, path: &[(usize, usize)], again: usize) {
    let begin = path
        .iter()
        .position(|(step, _)| *step == again)
        .unwrap_or(0);
    let mut names: Vec<&str> = path[begin..]
        .iter()
        .map(|(step, _)| draft.steps[*step].id.value.as_str())
        .collect();
    names.push(&draft.steps[again].id.value);
    let last = path.last().map_or(again, |(step, _)| *step);
    let closing = &draft.steps[last];
    let span = closing
        .needs
        .iter()
        .flatten()
        .find(|need| need.value == draft.steps[again].id.value)
        .map_or(closing.id.span, |need| need.span);
    reader.fault_labelled(
        span,
        format!("these steps wait for each other: {}", names.join(" -> ")),
        "closes the circle",
        "take one of the needs out (a step without 'needs' needs the step before it)",
    );
}
