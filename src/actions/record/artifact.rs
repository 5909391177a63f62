//! Files that belong to a run, kept by the digest of their bytes.

use serde::{Deserialize, Serialize};

/// A file of a run. The bytes lie in the store under `digest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// File name for people: `acme-spamhaus-zen.md`.
    pub name: String,
    /// SHA-256 of the bytes, in lower-case hex.
    pub digest: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Media type: `text/markdown`, `text/plain`, ...
    pub media: String,
}
