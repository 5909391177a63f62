//! The same work on many things, spread over the processors.

use std::num::NonZero;
use std::thread::{self, available_parallelism};

/// Does `work` to each thing; the results are in the order of the things. So many things are `worth` a thread of their own: to
/// start one takes some 50 microseconds. Fewer are worked on one after the other.
pub fn spread<T: Send, R: Send>(
    worth: usize,
    things: Vec<T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let threads = available_parallelism().map_or(1, NonZero::get);
    let share = things.len().div_ceil(threads).max(worth);
    if things.len() <= share {
        return things.into_iter().map(work).collect();
    }
    let mut mine = things;
    let mut others = Vec::new();
    while mine.len() > share {
        others.push(mine.split_off(mine.len() - share));
    }
    let work = &work;
    thread::scope(|scope| {
        let others = others.into_iter().rev();
        let others: Vec<_> = others
            .map(|part| scope.spawn(|| part.into_iter().map(work).collect::<Vec<R>>()))
            .collect();
        let mut results: Vec<R> = mine.into_iter().map(work).collect();
        for part in others {
            match part.join() {
                Ok(part) => results.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_things() {
        for count in [0, 1, 7, 8, 9, 16, 17, 1000] {
            for worth in [1, 8] {
                let squares = spread(worth, (0..count).collect(), |n: u64| n * n);
                assert!(squares.into_iter().eq((0..count).map(|n| n * n)), "{count}");
            }
        }
    }
}
