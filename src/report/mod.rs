//! Reports: the record of a run, for people and for programs.
//!
//! [`View`] is made from events alone by a pure function; templates and the terminal only show it. This layer reads `record`
//! and `templates` and nothing else, so a run of three years ago can be reported without its runbook.

pub mod fleet;
mod pdf;
mod render;
pub mod terminal;
pub mod view;

pub use pdf::PdfError;
pub use render::{Format, RenderError, render};
pub use view::View;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
