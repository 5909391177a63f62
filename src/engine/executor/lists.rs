//! Which lists are asked: the workspace's own file about them is noted, not pinned.

use super::Worker;
use crate::actions;
use crate::engine::EngineError;
use crate::record::{EventKind, hash};

impl Worker {
    /// Notes the `lists.yaml` in force when it is another one than the run has heard of, and keeps its text.
    pub(super) fn note_lists(&mut self) -> Result<(), EngineError> {
        let text = actions::lists_in_force();
        let digest = text.map(|text| hash(text.as_bytes()));
        if digest == self.run.state.lists {
            return Ok(());
        }
        if let Some(text) = text {
            let store = &self.shared.engine.store;
            store.put_artifact("lists.yaml", "application/yaml", text.as_bytes())?;
        }
        let changed = self.run.state.executors > 1;
        self.say(EventKind::ListsInForce { digest, changed })
    }
}
