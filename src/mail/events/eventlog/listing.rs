//! Listings without a header line: `dumpel -t` and `psloglist -s`.

use super::row::{Field, Row};
use super::strings::separated;
use super::{Found, Lines};
use crate::mail::events::log::Why;

/// A tool by the place of its columns.
#[derive(Debug)]
pub(in super::super) struct Tool {
    pub(in super::super) name: &'static str,
    pub(in super::super) summary: &'static str,
    separator: char,
    /// What stands where; the last goes to the end of the line.
    columns: &'static [Option<Field>],
    /// Which column holds the number of the event, and which the date.
    id: usize,
    date: usize,
    /// Whether the last column holds insertion strings, not the text.
    strings: bool,
}

/// Date, time, type, category, event, source, user, computer, strings.
pub(in super::super) static DUMPEL: Tool = Tool {
    name: "dumpel",
    summary: "output of dumpel with tabs",
    separator: '\t',
    columns: &[
        Some(Field::Date),
        Some(Field::Time),
        None,
        Some(Field::CategoryNumber),
        Some(Field::Id),
        Some(Field::Source),
        None,
        Some(Field::Computer),
        None,
    ],
    id: 4,
    date: 0,
    strings: true,
};

/// Record, log, source, type, computer, time, event, user, text.
pub(in super::super) static PSLOGLIST: Tool = Tool {
    name: "psloglist",
    summary: "output of psloglist -s",
    separator: ',',
    columns: &[
        Some(Field::Number),
        None,
        Some(Field::Source),
        Some(Field::Kind),
        Some(Field::Computer),
        Some(Field::Moment),
        Some(Field::Id),
        None,
        Some(Field::Text),
    ],
    id: 6,
    date: 5,
    strings: false,
};

impl Tool {
    /// The columns of a line that begins a record.
    fn columns<'l>(&self, line: &'l str) -> Option<Vec<&'l str>> {
        let columns: Vec<&str> = line
            .trim_start_matches('\u{feff}')
            .splitn(self.columns.len(), self.separator)
            .map(|column| column.trim_matches(['"', ' ']))
            .collect();
        let number = |text: &str| text.parse::<u32>().is_ok();
        let date = columns.get(self.date)?;
        let fits = columns.len() + 1 >= self.columns.len()
            && number(columns.get(self.id)?)
            && date.contains(|c: char| c.is_ascii_digit())
            && date.contains(['/', '.', '-', ':'])
            // dumpel's type and psloglist's record number are numbers too.
            && number(columns.get(if self.strings { 2 } else { 0 })?);
        fits.then_some(columns)
    }
}

/// How sure it is that a text is such a listing.
pub(in super::super) fn score(tool: &Tool, text: &str) -> u8 {
    let hit = text
        .lines()
        .take(50)
        .any(|line| tool.columns(line).is_some());
    if hit { 84 } else { 0 }
}

/// Lines of one record, at most.
const LONGEST: usize = 120;

/// Reads one listing.
pub(in super::super) struct Listing {
    tool: &'static Tool,
    pending: Vec<(u32, String)>,
}

impl Listing {
    pub(in super::super) fn new(tool: &'static Tool) -> Self {
        Self {
            tool,
            pending: Vec::new(),
        }
    }

    fn close(&mut self, out: &mut Found) {
        let pending = std::mem::take(&mut self.pending);
        let (Some((first, _)), Some((last, _))) = (pending.first(), pending.last()) else {
            return;
        };
        let whole: Vec<&str> = pending.iter().map(|(_, line)| line.as_str()).collect();
        let text = whole.join("\n");
        let columns = self.tool.columns(&text).unwrap_or_default();
        let mut row = Row::default();
        for (field, value) in self.tool.columns.iter().zip(&columns) {
            if let Some(field) = field {
                row.set(*field, value);
            }
        }
        if self.tool.strings {
            let kind = match columns.get(2) {
                Some(&"1") => "Error",
                Some(&"2") => "Warning",
                Some(&"8") => "Success Audit",
                Some(&"16") => "Failure Audit",
                _ => "Information",
            };
            row.set(Field::Kind, kind);
            let id = columns.get(self.tool.id).and_then(|id| id.parse().ok());
            let run = columns.last().copied().unwrap_or_default();
            let separator = if run.contains('\t') { "\t" } else { " " };
            row.strings(separated(id.unwrap_or(0), run, separator));
        }
        match row.finish(*first, *last) {
            Some(record) => out.records.push(record),
            None => {
                for (number, line) in &pending {
                    out.stranger(*number, line, Why::Malformed);
                }
            }
        }
    }
}

impl Lines for Listing {
    fn line(&mut self, number: u32, line: &str, out: &mut Found) {
        if self.tool.columns(line).is_some() {
            self.close(out);
            self.pending.push((number, line.to_owned()));
        } else if !line.trim().is_empty() {
            // The text of an event goes on; before the first one a line is a stranger.
            if self.pending.is_empty() || self.pending.len() >= LONGEST {
                self.close(out);
                out.stranger(number, line, Why::Outside);
            } else {
                self.pending.push((number, line.to_owned()));
            }
        }
    }

    fn end(&mut self, out: &mut Found) {
        self.close(out);
    }
}
