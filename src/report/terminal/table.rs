//! Tables that never wrap: where the screen is too narrow, the widest columns are cut.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::paint::{Ink, Style, cut};

/// Columns between two columns.
const GAP: usize = 2;
/// No column becomes narrower than this.
const LEAST: usize = 6;

/// A table for people.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<(String, Option<Ink>)>>,
}

impl Table {
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        Table {
            heads: heads.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; each cell is clean text in one line, with its ink.
    pub(crate) fn row(&mut self, cells: Vec<(String, Option<Ink>)>) {
        self.rows.push(cells);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes it, indented by `indent` columns.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub(crate) fn write(&self, out: &mut dyn Write, style: Style, indent: usize) -> io::Result<()> {
        let widths = self.widths(style.width.saturating_sub(indent));
        let heads: Vec<(String, Option<Ink>)> = self
            .heads
            .iter()
            .map(|head| ((*head).to_owned(), Some(Ink::Soft)))
            .collect();
        for row in std::iter::once(&heads).chain(&self.rows) {
            let mut line = " ".repeat(indent);
            let last = row.iter().rposition(|(text, _)| !text.is_empty());
            for (position, ((text, ink), width)) in row.iter().zip(&widths).enumerate() {
                if Some(position) > last {
                    break;
                }
                let text = cut(text, *width);
                let padding = if Some(position) == last {
                    0
                } else {
                    width - text.width() + GAP
                };
                line.push_str(&match ink {
                    Some(ink) => style.paint(*ink, &text),
                    None => text,
                });
                line.push_str(&" ".repeat(padding));
            }
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn widths(&self, room: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|head| head.width()).collect();
        for row in &self.rows {
            for (width, (text, _)) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.width());
            }
        }
        let gaps = GAP * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > room {
            let Some(widest) = widths.iter_mut().max() else {
                break;
            };
            if *widest <= LEAST {
                break;
            }
            *widest -= 1;
        }
        widths
    }
}
