//! "Save Log File As" of Event Viewer in Server 2000 and 2003: text (tabs) and CSV, without a header
//! line. Order of the columns: date, time, source, type, category, event, user, computer, description.

use std::sync::LazyLock;

use regex::Regex;

use super::log::Why;
use super::reader::{Format, Head, LineReader, Options, Out, Reader};
use super::record::{Record, Records};
use super::when::RawTime;

/// The tab-separated form.
pub(super) struct Text2003;

/// The comma-separated form.
pub(super) struct Csv2003;

impl Format for Text2003 {
    fn name(&self) -> &'static str {
        "eventlog-txt-2003"
    }

    fn summary(&self) -> &'static str {
        "log saved as text (tab) by Event Viewer of Server 2000 and 2003"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        score(head.text, &['\t'])
    }

    fn reader(&self, options: &Options) -> Reader {
        Reader::Lines(Box::new(Rows::new(options, &['\t'])))
    }
}

impl Format for Csv2003 {
    fn name(&self) -> &'static str {
        "eventlog-csv-2003"
    }

    fn summary(&self) -> &'static str {
        "log saved as CSV (comma) by Event Viewer of Server 2000 and 2003"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        // A locale with a decimal comma separates by semicolon.
        score(head.text, &[',', ';'])
    }

    fn reader(&self, options: &Options) -> Reader {
        Reader::Lines(Box::new(Rows::new(options, &[',', ';'])))
    }
}

static DATE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\d{1,4}[./\-]\s?\d{1,2}[./\-]\s?\d{1,4}$").ok());
static TIME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^\d{1,2}[:.]\d{2}([:.]\d{2})?\s*([ap]\.?m\.?)?$").ok());

/// How many of the columns stand before the description.
const LEADING: usize = 8;

fn score(text: &str, separators: &[char]) -> u8 {
    let hit = text
        .lines()
        .take(200)
        .any(|line| separators.iter().any(|s| begin(line, *s).is_some()));
    if hit { 85 } else { 0 }
}

/// Lines of one description, at most: beyond, something that is no log has been taken for one.
const DESCRIPTION_LINES: u32 = 2_000;

/// Reads the rows of one file. The first row decides which of the separators it is.
struct Rows {
    separators: &'static [char],
    current: Option<Record>,
    records: Records,
}

impl Rows {
    fn new(options: &Options, separators: &'static [char]) -> Self {
        Self {
            separators,
            current: None,
            records: Records::new(options),
        }
    }

    fn begin(&mut self, line: &str) -> Option<Record> {
        let found = self
            .separators
            .iter()
            .position(|separator| begin(line, *separator).is_some())?;
        self.separators = &self.separators[found..=found];
        begin(line, self.separators[0])
    }

    fn close(&mut self, out: &mut Out<'_>) {
        if let Some(mut record) = self.current.take() {
            record.description = unquote(&record.description);
            self.records.push(record, out);
        }
    }
}

impl LineReader for Rows {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        if let Some(mut record) = self.begin(line) {
            self.close(out);
            record.first = number;
            record.last = number;
            self.current = Some(record);
            return;
        }
        if line.trim().is_empty() {
            return;
        }
        // A description of several lines goes on; before the first record a line is a stranger.
        match &mut self.current {
            Some(record) if number - record.first <= DESCRIPTION_LINES => {
                record.description.push('\n');
                record.description.push_str(line);
                record.last = number;
            }
            Some(_) => out.unparsed(number, line, Why::BeyondLimit),
            None => out.unparsed(number, line, Why::Outside),
        }
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.close(out);
        self.records.end(out);
    }
}

/// The record that begins in this line, if one does.
fn begin(line: &str, separator: char) -> Option<Record> {
    let (columns, rest) = columns(line, separator)?;
    let [date, time, source, kind, category, id, _user, computer] = columns.as_slice() else {
        return None;
    };
    let dated = DATE.as_ref()?.is_match(date) && TIME.as_ref()?.is_match(time);
    let id: u32 = id.parse().ok().filter(|_| dated)?;
    let text = |value: &String| {
        (!value.is_empty() && value != "None" && value != "N/A").then(|| value.clone())
    };
    Some(Record {
        when: RawTime {
            date: date.clone(),
            time: time.clone(),
        },
        source: text(source),
        kind: text(kind),
        category: text(category),
        id: Some(id),
        computer: text(computer),
        description: rest.to_owned(),
        ..Record::default()
    })
}

/// The leading columns and what is left of the line. Only these may be quoted as a whole: the
/// description holds quotes of its own, which not every version doubled.
fn columns(line: &str, separator: char) -> Option<(Vec<String>, &str)> {
    let mut rest = line.trim_start_matches('\u{feff}');
    let mut out = Vec::with_capacity(LEADING);
    while out.len() < LEADING {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"')?;
            out.push(quoted[..end].trim().to_owned());
            rest = quoted[end + 1..]
                .trim_start_matches(' ')
                .strip_prefix(separator)?;
        } else {
            let end = rest.find(separator)?;
            out.push(rest[..end].trim().to_owned());
            rest = &rest[end + separator.len_utf8()..];
        }
    }
    Some((out, rest))
}

/// Takes the quotes of a quoted column off: only when they enclose the whole of it.
fn unquote(text: &str) -> String {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    match inner {
        Some(inner) => inner.replace("\"\"", "\""),
        None => trimmed.to_owned(),
    }
}
