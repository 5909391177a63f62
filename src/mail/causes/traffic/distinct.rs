//! How many different things there were, in bounded memory: exact up to a thousand, estimated above.
//!
//! Of the digests the smallest are kept. As long as not more were seen than are kept, their number is exact. Then the
//! largest of the kept ones tells how densely the digests lie, and so how many there are in all, to about 3 % (k minimum
//! values: Bar-Yossef and others, 2002). The order in which things come does not matter.

use std::collections::BTreeSet;

/// Digests that are kept.
const KEPT: usize = 1_024;

/// Counts different digests.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Distinct {
    smallest: BTreeSet<u64>,
    /// The largest of them, once no more are kept.
    border: Option<u64>,
    /// Others were seen too.
    more: bool,
}

impl Distinct {
    /// Counts a digest.
    pub(super) fn add(&mut self, digest: u64) {
        if let Some(border) = self.border {
            if digest > border {
                self.more = true;
                return;
            }
            if self.smallest.insert(digest) {
                self.smallest.pop_last();
                self.more = true;
            }
        } else {
            self.smallest.insert(digest);
        }
        if self.smallest.len() >= KEPT {
            self.border = self.smallest.last().copied();
        }
    }

    /// How many different ones there were.
    pub(in super::super) fn count(&self) -> usize {
        match self.border.filter(|_| self.more) {
            None => self.smallest.len(),
            Some(border) => {
                let all = u128::from(u64::MAX) * (KEPT as u128 - 1) / u128::from(border.max(1));
                usize::try_from(all).unwrap_or(usize::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest;
    use super::*;

    #[test]
    fn few_are_counted_exactly_and_many_nearly() {
        for (all, slack) in [
            (0_u64, 0),
            (1, 0),
            (1_024, 0),
            (1_025, 60),
            (200_000, 12_000),
        ] {
            let mut forward = Distinct::default();
            let mut backward = Distinct::default();
            for n in 0..all {
                // Each one twice: a second time changes nothing.
                forward.add(digest(&n));
                forward.add(digest(&n));
                backward.add(digest(&(all - 1 - n)));
            }
            let count = forward.count() as u64;
            assert!(count.abs_diff(all) <= slack, "{count} of {all}");
            assert_eq!(forward.count(), backward.count());
            assert!(forward.smallest.len() <= KEPT);
        }
    }
}
