//! The `<Event>` element of Vista and later, as `wevtutil`, Event Viewer, `.evtx` readers and copied events have it.

use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event as Node};

use super::messages::{self, Insertions};
use crate::mail::events::record::Record;

/// Depth of an element that is looked at; events are four deep.
const DEEPEST: usize = 32;

/// The facts of one element.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in super::super) struct Element {
    provider: Option<String>,
    id: Option<u32>,
    level: Option<u16>,
    task: Option<u16>,
    time: Option<Timestamp>,
    number: Option<u64>,
    computer: Option<String>,
    insertions: Insertions,
    /// The words of the system that rendered it, where one did.
    message: Option<String>,
    level_text: Option<String>,
    task_text: Option<String>,
}

/// Reads one element. What is damaged ends it; what was read until then counts.
pub(in super::super) fn read(xml: &str) -> Element {
    let mut element = Element::default();
    let mut reader = Reader::from_str(xml);
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut data_name: Option<String> = None;
    loop {
        match reader.read_event() {
            Ok(Node::Start(start)) => {
                let name = local(&start);
                text.clear();
                if name == "Data" {
                    data_name = attribute(&start, "Name");
                }
                element.attributes(&name, &start);
                path.push(name);
                if path.len() > DEEPEST {
                    break;
                }
            }
            Ok(Node::Empty(start)) => {
                let name = local(&start);
                element.attributes(&name, &start);
                if name == "Data" {
                    element.datum(attribute(&start, "Name"), String::new());
                }
            }
            Ok(Node::Text(part)) => text.push_str(&part.xml10_content()),
            Ok(Node::CData(part)) => text.push_str(&part.xml10_content()),
            Ok(Node::GeneralRef(entity)) => match entity.resolve_char_ref() {
                Ok(Some(letter)) => text.push(letter),
                _ => text.push_str(match &*entity.xml10_content() {
                    "lt" => "<",
                    "gt" => ">",
                    "amp" => "&",
                    "quot" => "\"",
                    "apos" => "'",
                    _ => "?",
                }),
            },
            Ok(Node::End(_)) => {
                let Some(name) = path.pop() else { break };
                let inside = path.last().map_or("", String::as_str);
                element.content(inside, &name, data_name.take(), std::mem::take(&mut text));
            }
            Ok(Node::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    element
}

impl Element {
    fn attributes(&mut self, name: &str, start: &BytesStart<'_>) {
        match name {
            // The classic name of a source is the one that people know.
            "Provider" => {
                self.provider =
                    attribute(start, "EventSourceName").or_else(|| attribute(start, "Name"));
            }
            "TimeCreated" => {
                self.time = attribute(start, "SystemTime").and_then(|time| time.parse().ok());
            }
            _ => {}
        }
    }

    fn content(&mut self, inside: &str, name: &str, data_name: Option<String>, text: String) {
        let trimmed = || filled(&text);
        match (inside, name) {
            ("RenderingInfo", "Message") => self.message = trimmed(),
            ("RenderingInfo", "Level") => self.level_text = trimmed(),
            ("RenderingInfo", "Task") => self.task_text = trimmed(),
            (_, "EventID") => self.id = text.trim().parse::<u32>().ok().map(|id| id & 0xffff),
            ("System", "Level") => self.level = text.trim().parse().ok(),
            ("System", "Task") => self.task = text.trim().parse().ok(),
            (_, "EventRecordID") => self.number = text.trim().parse().ok(),
            (_, "Computer") => self.computer = trimmed(),
            ("EventData", "Data") => self.datum(data_name, text),
            _ => {}
        }
    }

    fn datum(&mut self, name: Option<String>, value: String) {
        match name.filter(|name| !name.is_empty()) {
            Some(name) => self.insertions.named.push((name, value)),
            // Some tools write all strings of a classic event into one element, a line each.
            None => self.insertions.strings.push(value),
        }
    }

    /// Whether it is an event at all.
    pub(in super::super) fn is_usable(&self) -> bool {
        self.id.is_some() && self.provider.is_some()
    }

    /// The number of the record, as far as a place can hold it.
    pub(in super::super) fn number(&self) -> Option<u32> {
        self.number
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// Takes the facts over into a record; they win over what a locale has written there.
    pub(in super::super) fn take(self, record: &mut Record) {
        record.id = self.id.or(record.id);
        record.exact = self.time.or(record.exact);
        record.number = self.number.or(record.number);
        record.source = self.provider.or(record.source.take());
        record.computer = self.computer.or(record.computer.take());
        let level = self.level_text.or_else(|| self.level.and_then(level));
        record.kind = record.kind.take().or(level);
        let source = record.source.as_deref().unwrap_or_default();
        let task = self
            .task_text
            .or_else(|| self.task.and_then(|task| messages::category(source, task)));
        record.category = record.category.take().or(task);
        if record.description.trim().is_empty() {
            record.description = self.message.unwrap_or_else(|| {
                messages::render(source, record.id.unwrap_or(0), &self.insertions)
            });
        }
        record.strings = self.insertions.strings;
    }
}

/// The level in Event Viewer's words.
pub(super) fn level(number: u16) -> Option<String> {
    let word = match number {
        1 => "Critical",
        2 => "Error",
        3 => "Warning",
        0 | 4 => "Information",
        5 => "Verbose",
        _ => return None,
    };
    Some(word.to_owned())
}

fn local(start: &BytesStart<'_>) -> String {
    start.local_name().into_inner().to_owned()
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = start
        .attributes()
        .filter_map(Result::ok)
        .find(|attribute| attribute.key.local_name().into_inner() == name)?;
    let value = found.normalized_value(XmlVersion::Explicit1_0).ok()?;
    filled(&value)
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
