//! The hash chain over the events of a run: each event carries the hash of the one before.

use sha2::{Digest, Sha256};

use super::Event;

/// `prev` of the first event.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// SHA-256 of an event's line of JSON, in lower-case hex.
pub fn hash(line: &[u8]) -> String {
    let digest = Sha256::digest(line);
    let mut text = String::with_capacity(64);
    for byte in digest {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}

/// Where and how a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {seq}: {fault}")]
pub struct Broken {
    /// The first event that does not fit.
    pub seq: u64,
    /// What is wrong with it.
    pub fault: String,
}

/// Checks numbers and hashes of a run's events, given with the exact bytes they were stored as.
///
/// # Errors
/// The first event that was altered, left out or moved.
pub fn verify<'a>(lines: impl IntoIterator<Item = (&'a Event, &'a [u8])>) -> Result<(), Broken> {
    let mut prev = GENESIS.to_owned();
    for (position, (event, line)) in lines.into_iter().enumerate() {
        let expected = position as u64 + 1;
        if event.seq != expected {
            return Err(Broken {
                seq: event.seq,
                fault: format!("stands where event {expected} belongs"),
            });
        }
        if event.prev != prev {
            let fault = if expected == 1 {
                "is not the first event of a run".to_owned()
            } else {
                format!(
                    "does not follow event {}: one of the two was altered",
                    expected - 1
                )
            };
            return Err(Broken {
                seq: event.seq,
                fault,
            });
        }
        prev = hash(line);
    }
    Ok(())
}
