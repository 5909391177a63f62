//! Bounded tables of counters: the busy entries stay, the rare ones are given up and counted.

use std::borrow::Borrow;
use std::hash::Hash;

use hashbrown::{HashMap, HashSet};

/// What an entry weighs when the table is full.
pub(in super::super) trait Weighed {
    /// The larger, the longer it stays.
    fn weight(&self) -> u64;
}

/// A plain count.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Count(pub(in super::super) u64);

impl Weighed for Count {
    fn weight(&self) -> u64 {
        self.0
    }
}

/// A table that keeps the heaviest entries.
#[derive(Debug, Clone)]
pub(in super::super) struct Table<K, V> {
    rows: HashMap<K, V>,
    most: usize,
    /// Entries that were given up for want of room.
    pub(super) given_up: u64,
}

impl<K: Hash + Eq + Ord, V: Default + Weighed> Table<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            rows: HashMap::new(),
            most,
            given_up: 0,
        }
    }

    /// The entry of a name or number, made where there is none.
    pub(super) fn at<Q>(&mut self, key: &Q) -> &mut V
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if self.rows.len() >= self.most * 2 && !self.rows.contains_key(key) {
            self.shrink();
        }
        self.rows.entry_ref(key).or_default()
    }

    /// The entry of a name or number, where there is one.
    pub(super) fn known<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.rows.get_mut(key)
    }

    /// All entries, in no order.
    pub(in super::super) fn rows(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    fn shrink(&mut self) {
        let mut weights: Vec<u64> = self.rows.values().map(Weighed::weight).collect();
        weights.sort_unstable();
        let border = weights[weights.len() - self.most];
        let before = self.rows.len();
        // Entries on the border go first: all of equal weight would never make room.
        self.rows.retain(|_, row| row.weight() > border);
        self.given_up += (before - self.rows.len()) as u64;
    }

    /// All entries, heaviest first, equals by their names.
    pub(in super::super) fn ranked(&self) -> Vec<(&K, &V)> {
        let mut rows: Vec<(&K, &V)> = self.rows.iter().collect();
        rows.sort_by(|(a, x), (b, y)| y.weight().cmp(&x.weight()).then_with(|| a.cmp(b)));
        rows
    }
}

/// Remembers what was seen lately: two generations, so that memory is bounded.
#[derive(Debug, Clone, Default)]
pub(super) struct Lately<K> {
    young: HashSet<K>,
    old: HashSet<K>,
}

/// Entries of one generation.
const GENERATION: usize = 100_000;

impl<K: Hash + Eq> Lately<K> {
    /// `true` for what was not seen lately.
    pub(super) fn is_new(&mut self, key: K) -> bool {
        if self.old.contains(&key) {
            return false;
        }
        if self.young.len() >= GENERATION {
            if self.young.contains(&key) {
                return false;
            }
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_ones_stay_and_the_others_are_counted() {
        let mut table: Table<String, Count> = Table::new(10);
        for round in 0..200 {
            table.at("busy").0 += 1;
            table.at(&format!("once-{round}")).0 += 1;
        }
        let ranked = table.ranked();
        assert_eq!((ranked[0].0.as_str(), ranked[0].1.0), ("busy", 200));
        assert!(ranked.len() <= 20, "{}", ranked.len());
        assert_eq!(table.given_up + ranked.len() as u64, 201);
    }

    #[test]
    fn what_was_seen_is_not_new() {
        let mut lately = Lately::default();
        assert!((0..GENERATION * 3).all(|n| lately.is_new(n)));
        assert!(!lately.is_new(GENERATION * 3 - 1));
        assert!(lately.young.len() + lately.old.len() <= 2 * GENERATION);
    }
}
