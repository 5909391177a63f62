//! The one place that knows the YAML reader.
//!
//! [`parse`] reads a text into a small tree in which every key and value knows its place; [`Reader`] takes typed fields out
//! of it and collects all faults; [`Diagnostics`] show them.

mod diagnostic;
mod plain;
mod reader;
mod suggest;
mod tree;
mod typed;

#[cfg(test)]
pub(crate) mod cases;
#[cfg(test)]
pub(crate) mod conform;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use diagnostic::{Diagnostic, DiagnosticView, Diagnostics, SourceFile, Span};
pub use reader::{Fields, Reader};
pub use suggest::{hint, nearest};
pub use tree::{Key, Node, Value, parse};
pub use typed::misfit;

/// Reads a duration such as `90s`, `15m`, `2h`, `3d`, `1w`, or several together: `1h30m`. `None` when it is not one.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let milliseconds: u64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(number.checked_mul(milliseconds)?))?;
        rest = &rest[letters..];
    }
    Some(total)
}
