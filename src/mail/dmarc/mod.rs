//! DMARC (RFC 9989, reports RFC 9990): the record with its faults, the walk up the tree that finds it, and what it asks
//! receivers to do.

mod record;
#[cfg(test)]
mod tests;
mod walk;

pub use record::{Destination, Policy, Psd, Record, is_dmarc, record};
pub use walk::{Discovery, Held, Step, authorisation_name, discover, is_authorisation};
