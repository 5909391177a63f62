//! What the tables of outputs have in common: how a value, a verdict and the rest of a long table are shown.

use std::io::{self, Write};

use serde_json::Value;

use super::paint::{Ink, Style, ink};
use super::table::Table;
use super::tables::paragraph;
use crate::report::view::read::plain;
use crate::report::view::words::Word;

/// Rows of a table; the rest is counted.
pub(super) const ROWS: usize = 10;

/// A text with the colour it is shown in.
pub(super) type Cell = (String, Option<Ink>);

/// A value as it is.
pub(super) fn cell(value: &Value) -> Cell {
    (plain(value), None)
}

/// A word in the colour of its mark.
pub(super) fn word(word: &Word) -> Cell {
    (word.text.clone(), Some(ink(&word.mark)))
}

/// Writes a table that shows no more than [`ROWS`] of `all` its rows.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn write(
    out: &mut dyn Write,
    style: Style,
    table: &Table,
    all: usize,
    what: &str,
) -> io::Result<()> {
    whole(out, style, table)?;
    match all.saturating_sub(ROWS) {
        0 => Ok(()),
        more => paragraph(
            out,
            style,
            4,
            Some(Ink::Soft),
            &format!("and {more} more {what} (--json shows all)"),
        ),
    }
}

/// Writes a table with all its rows.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn whole(out: &mut dyn Write, style: Style, table: &Table) -> io::Result<()> {
    if table.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    table.write(out, style, 2)
}
