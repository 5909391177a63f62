//! A site's data as a run or a fleet run has pinned them.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A site's data without secrets, as they were when the run was made.
///
/// They are held as their JSON, and a copy is another pointer to it: thousands of runs are held at once, as a tree of values a
/// site takes ten times as much memory, and most of what is done to a run asks nothing of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PinnedSite(Arc<RawValue>);

impl PinnedSite {
    /// Pins a site.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(site: &(impl Serialize + ?Sized)) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(site).map(|json| PinnedSite(json.into()))
    }

    /// Reads it, or a part of it.
    ///
    /// # Errors
    /// When it is not of this kind.
    pub fn read<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(self.0.get())
    }

    /// The whole as a value; `null` where it cannot be read.
    pub fn value(&self) -> Value {
        self.read().unwrap_or_default()
    }

    /// The time zone that the site names.
    pub fn timezone(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Zone {
            timezone: Option<String>,
        }
        self.read::<Zone>().ok()?.timezone
    }
}

impl PartialEq for PinnedSite {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.get() == other.0.get()
    }
}
