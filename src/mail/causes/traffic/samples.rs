//! Lines that are kept as evidence of a count: the first ones. Counts go over the whole log, samples do not.

use super::super::line::Line;
use crate::mail::events::Event;

/// How many lines are kept, and how many of them with their texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    lines: usize,
    texts: usize,
}

/// Of a signal: as many as a report names.
pub(super) const OF_A_SIGNAL: Extent = Extent {
    lines: 100,
    texts: 20,
};

/// Of one account or machine, of which there may be thousands.
pub(super) const OF_A_USER: Extent = Extent {
    lines: 10,
    texts: 2,
};

/// The first lines of their kind.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Samples(Vec<Line>);

impl Samples {
    /// Keeps the line of an event while there is room.
    pub(super) fn keep(&mut self, event: &Event<'_>, extent: Extent) {
        if self.0.len() < extent.texts {
            self.0.push(Line::quoted(event));
        } else if self.0.len() < extent.lines {
            self.0.push(Line::at(event));
        }
    }

    /// Keeps a line that was noted before.
    pub(super) fn keep_line(&mut self, line: &Line, extent: Extent) {
        if self.0.len() < extent.lines {
            self.0.push(line.clone());
        }
    }

    /// The lines.
    pub(in super::super) fn lines(&self) -> Vec<Line> {
        self.0.clone()
    }

    pub(in super::super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
