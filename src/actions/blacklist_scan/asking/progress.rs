//! Says how far a scan is, and not more often than somebody can see.

use crate::actions::Context;

/// Counts answers.
pub(super) struct Counter<'a> {
    context: &'a Context<'a>,
    done: u64,
    of: u64,
    step: u64,
}

impl<'a> Counter<'a> {
    /// A counter up to `of`.
    pub(super) fn new(context: &'a Context<'a>, of: usize) -> Self {
        let of = of as u64;
        Counter {
            context,
            done: 0,
            of,
            step: (of / 200).max(1),
        }
    }

    /// One more answer is there.
    pub(super) fn one(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(self.step) || self.done == self.of {
            self.context.progress.count(self.done, self.of);
        }
    }
}
