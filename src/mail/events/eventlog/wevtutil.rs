//! `wevtutil qe ... /f:text`: blocks that begin with `Event[0]:`, with a name and a value a line.

use std::sync::LazyLock;

use regex::Regex;

use super::row::{Field, Row, field};
use super::{Found, Lines};
use crate::mail::events::log::Why;

static BEGIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\s*Event\s?\[\d+\]:?\s*$").ok());

/// Lines of one description, at most.
const LONGEST: usize = 500;

/// How sure it is that a text is of this kind.
pub(in super::super) fn score(text: &str) -> u8 {
    let begins = |line: &str| BEGIN.as_ref().is_some_and(|r| r.is_match(line));
    let mut head = text.lines().take(400);
    let hit = head.any(begins) && head.any(|line| line.trim_start().starts_with("Event ID:"));
    // Its names are those of a copied block too; the line before each event is not.
    if hit { 95 } else { 0 }
}

/// Reads the blocks.
#[derive(Default)]
pub(in super::super) struct Blocks {
    current: Option<Block>,
}

struct Block {
    first: u32,
    lines: Vec<(u32, String)>,
    row: Row,
    description: Option<String>,
}

impl Blocks {
    fn close(&mut self, out: &mut Found) {
        let Some(mut block) = self.current.take() else {
            return;
        };
        if let Some(description) = &block.description {
            block.row.set(Field::Text, description);
        }
        let last = block
            .lines
            .last()
            .map_or(block.first, |(number, _)| *number);
        match block.row.finish(block.first, last) {
            Some(record) => out.records.push(record),
            None => {
                for (number, line) in &block.lines {
                    out.stranger(*number, line, Why::Malformed);
                }
            }
        }
    }
}

impl Lines for Blocks {
    fn line(&mut self, number: u32, line: &str, out: &mut Found) {
        if BEGIN.as_ref().is_some_and(|r| r.is_match(line)) {
            self.close(out);
            self.current = Some(Block {
                first: number,
                lines: vec![(number, line.to_owned())],
                row: Row::default(),
                description: None,
            });
            return;
        }
        if line.trim().is_empty() {
            return;
        }
        let Some(block) = self
            .current
            .as_mut()
            .filter(|block| block.lines.len() < LONGEST)
        else {
            self.close(out);
            out.stranger(number, line, Why::Outside);
            return;
        };
        block.lines.push((number, line.to_owned()));
        if let Some(description) = &mut block.description {
            description.push('\n');
            description.push_str(line);
        } else if let Some((name, value)) = line.split_once(':') {
            match (name.trim(), field(name)) {
                ("Description", _) => block.description = Some(value.trim().to_owned()),
                // The time stands in `Date`, with the date.
                (_, Some(Field::Date)) => block.row.set(Field::Moment, value),
                (_, Some(Field::CategoryNumber)) => block.row.set(Field::Category, value),
                (_, Some(field)) => block.row.set(field, value),
                (_, None) => {}
            }
        }
    }

    fn end(&mut self, out: &mut Found) {
        self.close(out);
    }
}
