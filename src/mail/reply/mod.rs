//! SMTP replies: from the text of a refusal to who refuses, why, and what helps.
//!
//! [`Reply::parse`] frees a reply from what log writers put around it and finds its basic code and
//! enhanced status; [`classify`] decides what it means, in this order: a receiver's own wording, a
//! general wording, the enhanced status, the basic code at its stage, unknown. Wording comes before
//! codes because receivers misuse codes. The wordings are data: `mail/data/smtp-replies.yaml`.

mod catalogue;
mod class;
mod classify;
#[cfg(test)]
mod code_tests;
mod entities;
mod parse;
mod remedy;
mod status;
#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, CatalogueError, Fallback, Kin, Pattern, catalogue};
pub use class::{Class, Retry, Stage};
pub use classify::{Basis, Certainty, Classification, Context, PeerRole, classify};
pub use entities::{Entities, FoundAddress, entities};
pub use parse::Reply;
pub use remedy::{ClassRemedy, Remedy, RemedyMethod, class_remedy};
pub use status::EnhancedStatus;
