//! The `Event Xml:` part of a copied event: the same facts in a form that no locale touches.

use std::sync::LazyLock;

use regex::Regex;

use super::super::record::Record;

static EVENT_ID: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"<EventID(?:\s[^>]*)?>\s*(\d+)\s*</EventID>").ok());
static CREATED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"<TimeCreated\s[^>]*SystemTime=["']([^"']+)["']"#).ok());
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"<EventRecordID>\s*(\d+)\s*</EventRecordID>").ok());
static PROVIDER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"<Provider\s[^>]*?Name=["']([^"']+)["']"#).ok());
static COMPUTER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"<Computer>([^<]*)</Computer>").ok());
static DATA: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?s)<Data(?:\s[^>]*)?>(.*?)</Data>").ok());

/// Takes the facts of the XML over into the record; they win, because they are exact.
pub(super) fn take(xml: &str, record: &mut Record) {
    let first = |regex: &'static LazyLock<Option<Regex>>| {
        let captures = regex.as_ref()?.captures(xml)?;
        captures.get(1).map(|m| unescape(m.as_str().trim()))
    };
    if let Some(id) = first(&EVENT_ID).and_then(|t| t.parse().ok()) {
        record.id = Some(id);
    }
    record.exact = first(&CREATED)
        .and_then(|t| t.parse().ok())
        .or(record.exact);
    record.number = first(&NUMBER)
        .and_then(|t| t.parse().ok())
        .or(record.number);
    record.source = first(&PROVIDER).or(record.source.take());
    record.computer = first(&COMPUTER).or(record.computer.take());
    record.strings = DATA
        .iter()
        .flat_map(|r| r.captures_iter(xml))
        .filter_map(|c| c.get(1).map(|m| unescape(m.as_str())))
        .collect();
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
