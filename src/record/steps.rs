//! The steps of a run in a list that is cheap to copy: an attempt keeps what was known when it began, and a run may have a
//! hundred thousand steps.

use std::sync::Arc;

use super::StepState;

/// Steps that are copied together when one of them changes while a copy is held.
const CHUNK: usize = 128;

/// The steps of a run, in order. A clone shares everything; changing a step copies the pointers of its chunk, and the step,
/// only while a clone is held.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps {
    chunks: Vec<Arc<Vec<Arc<StepState>>>>,
    len: usize,
}

impl Steps {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The step at a position from 0.
    pub fn get(&self, position: usize) -> Option<&StepState> {
        Some(self.chunks.get(position / CHUNK)?.get(position % CHUNK)?)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<StepState>> + Clone {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    pub(super) fn push(&mut self, step: StepState) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => Arc::make_mut(last).push(Arc::new(step)),
            _ => self.chunks.push(Arc::new(vec![Arc::new(step)])),
        }
        self.len += 1;
    }

    pub(super) fn get_mut(&mut self, position: usize) -> Option<&mut StepState> {
        let chunk = Arc::make_mut(self.chunks.get_mut(position / CHUNK)?);
        Some(Arc::make_mut(chunk.get_mut(position % CHUNK)?))
    }
}

impl<'a> IntoIterator for &'a Steps {
    type Item = &'a Arc<StepState>;
    type IntoIter = Box<dyn Iterator<Item = &'a Arc<StepState>> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Effect, PlannedStep, Section};

    #[test]
    fn a_copy_keeps_what_it_had() {
        let step = |number: usize| {
            StepState::new(PlannedStep {
                key: format!("s{number}"),
                title: String::new(),
                description: None,
                action: "wait".to_owned(),
                check: None,
                effect: Effect::Probe,
                section: Section::Steps,
                needs: Vec::new(),
            })
        };
        let mut steps = Steps::default();
        for number in 0..CHUNK + 3 {
            steps.push(step(number));
        }
        let copy = steps.clone();
        if let Some(changed) = steps.get_mut(CHUNK) {
            changed.attempts = 7;
        }
        steps.push(step(CHUNK + 3));
        assert_eq!(steps.get(CHUNK).map(|step| step.attempts), Some(7));
        assert_eq!(copy.get(CHUNK).map(|step| step.attempts), Some(0));
        assert_eq!((copy.len(), copy.iter().count()), (CHUNK + 3, CHUNK + 3));
        let keys: Vec<&str> = steps.iter().map(|step| step.plan.key.as_str()).collect();
        let wanted: Vec<String> = (0..CHUNK + 4).map(|number| format!("s{number}")).collect();
        assert_eq!(keys, wanted);
    }
}
