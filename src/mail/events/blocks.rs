//! Event blocks as Event Viewer's copy button makes them, also after mail programs and web pages
//! have turned tabs into blanks, quoted, bulleted, joined or escaped the lines.

mod fields;

use std::sync::LazyLock;

use regex::Regex;

use super::eventlog::element;
use super::log::{Unparsed, Why};
use super::reader::{Format, Head, LineReader, Options, Out, Reader};
use super::record::{Record, Records};
use fields::{Field, Layout, tidy};

/// Server 2003's copy button: `Event Type:` ... `Description:`.
pub(super) struct Clipboard2003;

/// Copy as text of Server 2008 and later: `Log Name:` ... `Description:`, with or without `Event Xml:`.
pub(super) struct Clipboard2008;

impl Format for Clipboard2003 {
    fn name(&self) -> &'static str {
        "eventlog-clipboard-2003"
    }

    fn summary(&self) -> &'static str {
        "events copied from Event Viewer of Server 2000 and 2003, one block each"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        score(head.text, &fields::SERVER_2003)
    }

    fn reader(&self, options: &Options) -> Reader {
        Reader::Lines(Box::new(Paste::new(options, &fields::SERVER_2003)))
    }
}

impl Format for Clipboard2008 {
    fn name(&self) -> &'static str {
        "eventlog-clipboard-2008"
    }

    fn summary(&self) -> &'static str {
        "events copied as text from Event Viewer of Server 2008 and later"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        score(head.text, &fields::SERVER_2008)
    }

    fn reader(&self, options: &Options) -> Reader {
        Reader::Lines(Box::new(Paste::new(options, &fields::SERVER_2008)))
    }
}

fn score(text: &str, layout: &Layout) -> u8 {
    let mut starts = false;
    let mut ids = false;
    for line in text.lines() {
        for found in layout.find(&tidy(line)) {
            starts |= layout.begins(found.field);
            ids |= found.field == Field::Id;
        }
        if starts && ids {
            return layout.score;
        }
    }
    0
}

/// Where the scanner stands.
enum State {
    Outside,
    Header(Record),
    Description(Record),
    Data(Record),
    Xml(Record, String),
}

static CONTINUES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)^(?:for more information|for additional|weitere informationen|data:|daten:|causes?:|solution:|[0-9a-f]{4}: |event xml:|<event\b|"\s*\.|see also)"#).ok()
});
/// The parts of the security log's descriptions, which have blank lines between them.
static SECURITY_PARTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^(?:logon (?:failure|attempt by|type|information|guid)|reason|user name|(?:source )?workstation(?: name)?|subject|account (?:for which logon failed|information)|new logon|(?:failure|process|network|additional|detailed authentication) information):|^(?:this event is generated|the (?:subject|logon type|new logon|process information|network information|authentication information|impersonation level) fields?|(?:transited services|package name|key length) indicates?)\b").ok()
});
static HEX: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^[0-9a-f]{4}: (?:[0-9a-f]{2,8}\b|\S)").ok());

/// Text that is read at once, in bytes. Blocks are copied by hand, one by one: no such file is longer.
const AT_ONCE: usize = 16 << 20;

/// Collects a pasted text; blocks need a look ahead over blank lines.
struct Paste {
    layout: &'static Layout,
    raw: Vec<String>,
    size: usize,
    records: Records,
}

impl Paste {
    fn new(options: &Options, layout: &'static Layout) -> Self {
        Self {
            layout,
            raw: Vec::new(),
            size: 0,
            records: Records::new(options),
        }
    }
}

impl LineReader for Paste {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        self.size += line.len() + 1;
        if self.size <= AT_ONCE {
            self.raw.push(line.to_owned());
        } else {
            out.unparsed(number, line, Why::BeyondLimit);
        }
    }

    fn end(&mut self, out: &mut Out<'_>) {
        let sheet = read_blocks(&self.raw, self.layout);
        for line in sheet.unparsed {
            out.unparsed(line.line, &line.text, line.why);
        }
        for record in sheet.records {
            self.records.push(record, out);
        }
        self.records.end(out);
    }
}

/// What is found in a text.
#[derive(Default)]
struct Sheet {
    records: Vec<Record>,
    unparsed: Vec<Unparsed>,
}

fn read_blocks(raw: &[String], layout: &Layout) -> Sheet {
    let mut sheet = Sheet::default();
    let mut state = State::Outside;
    let lines: Vec<String> = raw.iter().map(|line| tidy(line)).collect();
    for (index, line) in lines.iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let found = layout.find(line);
        let begins = found
            .first()
            .is_some_and(|f| f.at == 0 && layout.begins(f.field));
        let opens = begins || (matches!(state, State::Outside) && layout.may_open(&found));
        // A start key inside an XML part or a header that already has it begins the next event.
        if opens
            && !matches!(&state, State::Header(r) if r.kind.is_none() && r.source.is_none() && r.id.is_none())
        {
            let fresh = Record {
                first: number,
                last: number,
                ..Record::default()
            };
            close(
                std::mem::replace(&mut state, State::Header(fresh)),
                &mut sheet,
                raw,
            );
        }
        state = match state {
            State::Outside => {
                outside(line, number, &raw[index], &mut sheet);
                State::Outside
            }
            State::Header(record) => header(record, line, number, &raw[index], layout, &mut sheet),
            State::Description(mut record) => {
                if line.is_empty() {
                    if continues(&lines[index..]) {
                        State::Description(record)
                    } else {
                        close(State::Description(record), &mut sheet, raw);
                        State::Outside
                    }
                } else if let Some(tail) = after_label(line, "event xml") {
                    record.last = number;
                    xml_state(record, tail.to_owned(), tail, &mut sheet.records)
                } else if HEX.as_ref().is_some_and(|r| r.is_match(line))
                    || after_label(line, "data").is_some_and(str::is_empty)
                {
                    record.last = number;
                    State::Data(record)
                } else {
                    record.last = number;
                    if !record.description.is_empty() {
                        record.description.push('\n');
                    }
                    record.description.push_str(line);
                    State::Description(record)
                }
            }
            State::Data(mut record) => {
                if HEX.as_ref().is_some_and(|r| r.is_match(line)) {
                    record.last = number;
                    State::Data(record)
                } else if line.is_empty() && continues(&lines[index..]) {
                    State::Data(record)
                } else if let Some(tail) = after_label(line, "event xml") {
                    record.last = number;
                    xml_state(record, tail.to_owned(), tail, &mut sheet.records)
                } else {
                    close(State::Data(record), &mut sheet, raw);
                    outside(line, number, &raw[index], &mut sheet);
                    State::Outside
                }
            }
            State::Xml(mut record, mut xml) => {
                record.last = number;
                xml.push('\n');
                xml.push_str(&raw[index]);
                xml_state(record, xml, &raw[index], &mut sheet.records)
            }
        };
    }
    close(state, &mut sheet, raw);
    sheet
}

/// One line of the part with the named fields; several fields may have been joined on it.
fn header(
    mut record: Record,
    line: &str,
    number: u32,
    raw: &str,
    layout: &Layout,
    sheet: &mut Sheet,
) -> State {
    if line.is_empty() {
        return State::Header(record);
    }
    let found = layout.find(line);
    if found.first().is_none_or(|f| f.at > 0) {
        sheet.unparsed.push(Unparsed {
            line: number,
            text: raw.to_owned(),
            why: Why::Malformed,
        });
        return State::Header(record);
    }
    record.last = number;
    for (index, field) in found.iter().enumerate() {
        if field.field == Field::Description {
            record.description = line[field.value..].trim().to_owned();
            return State::Description(record);
        }
        let end = found.get(index + 1).map_or(line.len(), |next| next.at);
        let value = line[field.value..end].trim();
        set(&mut record, field.field, value);
    }
    State::Header(record)
}

fn set(record: &mut Record, field: Field, value: &str) {
    let text = (!value.is_empty()).then(|| value.to_owned());
    match field {
        Field::Kind => record.kind = text,
        Field::Source => record.source = text,
        Field::Category => {
            record.category = text.filter(|t| !matches!(t.as_str(), "None" | "(0)" | "N/A"))
        }
        Field::Id => record.id = value.split_whitespace().next().and_then(|v| v.parse().ok()),
        Field::Date => record.when.date = value.to_owned(),
        Field::Time => record.when.time = value.to_owned(),
        Field::Computer => record.computer = text,
        Field::Log | Field::User | Field::Keywords | Field::Description => {}
    }
}

/// A line outside any event: prose, a greeting, a signature. Counted, never dropped.
fn outside(line: &str, number: u32, raw: &str, sheet: &mut Sheet) {
    if !line.is_empty() {
        sheet.unparsed.push(Unparsed {
            line: number,
            text: raw.to_owned(),
            why: Why::Outside,
        });
    }
}

/// Blank lines within one event, at most.
const BLANKS: usize = 8;

/// Whether the text after a blank line still belongs to the description.
fn continues(rest: &[String]) -> bool {
    rest.iter()
        .take(BLANKS)
        .find(|line| !line.is_empty())
        .is_some_and(|line| {
            let is = |regex: &'static LazyLock<Option<Regex>>| {
                regex.as_ref().is_some_and(|r| r.is_match(line))
            };
            is(&CONTINUES) || is(&SECURITY_PARTS)
        })
}

/// What stands behind a label at the start of a line.
fn after_label<'l>(line: &'l str, label: &str) -> Option<&'l str> {
    let head = line.get(..label.len())?;
    if !head.eq_ignore_ascii_case(label) {
        return None;
    }
    line[label.len()..]
        .trim_start()
        .strip_prefix(':')
        .map(str::trim)
}

/// Stays in the XML part until its last line closes the element, then takes its better facts over.
fn xml_state(mut record: Record, xml: String, last: &str, records: &mut Vec<Record>) -> State {
    if last.contains("</Event>") {
        element::read(&xml).take(&mut record);
        records.push(record);
        return State::Outside;
    }
    State::Xml(record, xml)
}

/// Ends an event. One without an id or a source is no event: its lines are kept as not understood.
fn close(state: State, sheet: &mut Sheet, raw: &[String]) {
    let record = match state {
        State::Outside => return,
        State::Header(record) | State::Description(record) | State::Data(record) => record,
        State::Xml(mut record, xml) => {
            element::read(&xml).take(&mut record);
            record
        }
    };
    if record.is_usable() {
        sheet.records.push(record);
        return;
    }
    let known: Vec<u32> = sheet
        .unparsed
        .iter()
        .rev()
        .take(64)
        .map(|u| u.line)
        .collect();
    for number in record.first..=record.last {
        let text = raw.get(number as usize - 1).map_or("", String::as_str);
        if !text.trim().is_empty() && !known.contains(&number) {
            sheet.unparsed.push(Unparsed {
                line: number,
                text: text.to_owned(),
                why: Why::Malformed,
            });
        }
    }
}
