//! Reports: the record of a run, for people and for programs.
//!
//! [`View`] is made from events alone by a pure function; templates and [`terminal`] only show it. This layer reads `record`
//! and `templates` and nothing else, so a run of three years ago can be reported without its runbook.

pub mod view;

pub use view::View;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
