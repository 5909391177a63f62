//! "Save Log File As" of Event Viewer in Server 2000 and 2003: text (tabs) and CSV, without a header
//! line. Order of the columns: date, time, source, type, category, event, user, computer, description.

use std::sync::LazyLock;

use regex::Regex;

use super::model::{Unparsed, Why};
use super::reader::{Options, Reader, Sheet};
use super::record::{Record, finish};
use super::when::RawTime;

/// The tab-separated form.
pub(super) struct Text2003;

/// The comma-separated form.
pub(super) struct Csv2003;

impl Reader for Text2003 {
    fn name(&self) -> &'static str {
        "eventlog-txt-2003"
    }

    fn summary(&self) -> &'static str {
        "log saved as text (tab) by Event Viewer of Server 2000 and 2003"
    }

    fn recognise(&self, text: &str) -> u8 {
        score(text, '\t')
    }

    fn read(&self, file: &str, text: &str, options: &Options) -> Sheet {
        read_export(file, text, options, '\t')
    }
}

impl Reader for Csv2003 {
    fn name(&self) -> &'static str {
        "eventlog-csv-2003"
    }

    fn summary(&self) -> &'static str {
        "log saved as CSV (comma) by Event Viewer of Server 2000 and 2003"
    }

    fn recognise(&self, text: &str) -> u8 {
        // A locale with a decimal comma separates by semicolon.
        score(text, ',').max(score(text, ';'))
    }

    fn read(&self, file: &str, text: &str, options: &Options) -> Sheet {
        let separator = if score(text, ';') > score(text, ',') {
            ';'
        } else {
            ','
        };
        read_export(file, text, options, separator)
    }
}

static DATE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\d{1,4}[./\-]\s?\d{1,2}[./\-]\s?\d{1,4}$").ok());
static TIME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^\d{1,2}[:.]\d{2}([:.]\d{2})?\s*([ap]\.?m\.?)?$").ok());

/// How many of the columns stand before the description.
const LEADING: usize = 8;

fn score(text: &str, separator: char) -> u8 {
    let hit = text
        .lines()
        .take(200)
        .any(|line| begin(line, separator).is_some());
    if hit { 85 } else { 0 }
}

fn read_export(file: &str, text: &str, options: &Options, separator: char) -> Sheet {
    let mut sheet = Sheet::default();
    let mut records: Vec<Record> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        if let Some(mut record) = begin(line, separator) {
            record.first = number;
            record.last = number;
            records.push(record);
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        // A description of several lines goes on; before the first record a line is a stranger.
        match records.last_mut() {
            Some(record) => {
                record.description.push('\n');
                record.description.push_str(line);
                record.last = number;
            }
            None => sheet.unparsed.push(Unparsed {
                line: number,
                text: line.to_owned(),
                why: Why::Outside,
            }),
        }
    }
    for record in &mut records {
        record.description = unquote(&record.description);
    }
    finish(file, records, options, &mut sheet);
    sheet
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
