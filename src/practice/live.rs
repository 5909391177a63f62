//! A part of the world that servers read while a test, a rehearsal or the demo edits it.

use std::sync::{Arc, PoisonError, RwLock};

/// A shared value. Clones are handles to the same value.
#[derive(Debug, Default)]
pub struct Live<T>(Arc<RwLock<T>>);

impl<T> Live<T> {
    /// Shares `value`.
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(value)))
    }

    /// Looks at the value. The lock is held while `look` runs: copy out what outlives it.
    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the value. Servers see the change with their next question or command.
    pub fn edit<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
