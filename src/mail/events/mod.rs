//! Events of mail servers: one model, and readers for what administrators can get hold of.
//!
//! A file is decoded ([`decode`]), its format recognised by its content, and read by one of
//! [`READERS`] into a [`Log`]. What a reader does not understand is kept as [`Unparsed`] with its
//! line; nothing is dropped. To add a format: a file with a [`Reader`], and a line in the slice.

mod blocks;
mod decode;
mod description;
mod export;
mod model;
mod reader;
mod record;
#[cfg(test)]
mod tests;
mod when;

pub use decode::{Decoded, decode};
pub use description::normalize_address;
pub use model::{Direction, Event, Gap, Log, Place, Unparsed, What, Why};
pub use reader::{Options, READERS, ReadError, Reader, Sheet, read};
pub use when::DateOrder;
