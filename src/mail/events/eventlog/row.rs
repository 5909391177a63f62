//! A row with named fields, whatever tool wrote it: the names that Windows' tools use, and what they mean.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::messages::{self, Insertions};
use super::strings;
use crate::mail::events::record::Record;
use crate::mail::events::when::RawTime;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Field {
    Number,
    Source,
    Id,
    Kind,
    KindNumber,
    Category,
    CategoryNumber,
    Moment,
    Date,
    Time,
    Computer,
    Text,
    /// Strings with bars between.
    Strings,
}

/// The names, in lower case without blanks. Of two columns with one meaning the first that is filled counts.
const NAMES: &[(&str, Field)] = &[
    ("recordid", Field::Number),
    ("recordnumber", Field::Number),
    ("eventrecordid", Field::Number),
    ("index", Field::Number),
    ("providername", Field::Source),
    ("sourcename", Field::Source),
    ("source", Field::Source),
    ("quelle", Field::Source),
    ("id", Field::Id),
    ("eventid", Field::Id),
    ("event", Field::Id),
    ("ereignis-id", Field::Id),
    ("leveldisplayname", Field::Kind),
    ("eventtypename", Field::Kind),
    ("entrytype", Field::Kind),
    ("type", Field::Kind),
    ("ebene", Field::Kind),
    ("level", Field::KindNumber),
    ("taskdisplayname", Field::Category),
    ("taskcategory", Field::Category),
    ("eventcategoryname", Field::Category),
    ("category", Field::Category),
    ("aufgabenkategorie", Field::Category),
    ("eventcategory", Field::CategoryNumber),
    ("categorynumber", Field::CategoryNumber),
    ("task", Field::CategoryNumber),
    ("timegenerated", Field::Moment),
    ("timecreated", Field::Moment),
    ("dateandtime", Field::Moment),
    ("datumunduhrzeit", Field::Moment),
    ("datetime", Field::Moment),
    ("date", Field::Date),
    ("time", Field::Time),
    ("machinename", Field::Computer),
    ("computername", Field::Computer),
    ("computer", Field::Computer),
    ("message", Field::Text),
    ("description", Field::Text),
    ("strings", Field::Strings),
    ("replacementstrings", Field::Strings),
];

/// What a column of this name holds.
pub(in super::super) fn field(name: &str) -> Option<Field> {
    let plain: String = name
        .trim_matches(['\u{feff}', '"', ' '])
        .chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect();
    NAMES
        .iter()
        .find(|(known, _)| *known == plain)
        .map(|(_, field)| *field)
}

/// The values of one row while they come in.
#[derive(Debug, Default)]
pub(in super::super) struct Row {
    record: Record,
    category_number: Option<u16>,
    strings: Vec<String>,
}

impl Row {
    /// Sets a field; an empty value, or one that is taken already, changes nothing.
    pub(in super::super) fn set(&mut self, field: Field, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        let record = &mut self.record;
        let text = |slot: &mut Option<String>| {
            if slot.is_none() && !matches!(value, "None" | "N/A" | "(0)" | "-") {
                *slot = Some(value.to_owned());
            }
        };
        match field {
            Field::Number => record.number = record.number.or(value.parse().ok()),
            Field::Source => text(&mut record.source),
            // Some write the 32 bits with the severity in front.
            Field::Id => {
                record.id = record
                    .id
                    .or(value.parse::<u32>().ok().map(|id| id & 0xffff))
            }
            Field::Kind => text(&mut record.kind),
            Field::KindNumber => match value.parse::<u16>() {
                Ok(number) => {
                    record.kind = record.kind.take().or(super::element::level(number));
                }
                Err(_) => text(&mut record.kind),
            },
            Field::Category => text(&mut record.category),
            Field::CategoryNumber => self.category_number = value.parse().ok(),
            Field::Moment => self.moment(value),
            Field::Date => record.when.date = value.to_owned(),
            Field::Time => record.when.time = value.to_owned(),
            Field::Computer => text(&mut record.computer),
            Field::Text => {
                if record.description.is_empty() {
                    record.description = value.to_owned();
                }
            }
            Field::Strings => self.strings = value.split('|').map(str::to_owned).collect(),
        }
    }

    /// A date with its time, in one of the forms that tools write.
    fn moment(&mut self, value: &str) {
        let record = &mut self.record;
        if record.exact.is_some() || !record.when.date.is_empty() {
            return;
        }
        record.exact = of_json(value).or_else(|| value.parse::<Timestamp>().ok());
        if record.exact.is_none() {
            record.when = RawTime {
                date: of_c(value).unwrap_or_else(|| value.to_owned()),
                time: String::new(),
            };
        }
    }

    /// Strings that stand apart, in order.
    pub(in super::super) fn strings(&mut self, strings: Vec<String>) {
        self.strings = strings;
    }

    /// The record, when there is enough to call it an event.
    pub(in super::super) fn finish(self, first: u32, last: u32) -> Option<Record> {
        let mut record = self.record;
        (record.first, record.last) = (first, last);
        let source = record.source.clone().unwrap_or_default();
        let id = record.id.unwrap_or(0);
        if let Some(number) = self.category_number
            && record
                .category
                .as_deref()
                .is_none_or(|known| known.starts_with('('))
        {
            record.category = messages::category(&source, number).or(record.category.take());
        }
        // `Error event`: LogParser.
        record.kind = record
            .kind
            .map(|kind| kind.strip_suffix(" event").unwrap_or(&kind).to_owned());
        let given = strings::of_missing_text(id, &record.description).or_else(|| {
            (record.description.is_empty() && !self.strings.is_empty()).then(Insertions::default)
        });
        if let Some(mut insertions) = given {
            if !self.strings.is_empty() {
                insertions.strings = self.strings;
            }
            record.description = messages::render(&source, id, &insertions);
            record.strings = insertions.strings;
        } else {
            record.strings = self.strings;
        }
        record.is_usable().then_some(record)
    }
}

/// `/Date(1295335409000)/` of Windows PowerShell's JSON, milliseconds since 1970.
fn of_json(value: &str) -> Option<Timestamp> {
    let inner = value
        .trim_matches(['\\', '/'])
        .strip_prefix("Date(")?
        .trim_end_matches(['\\', '/'])
        .strip_suffix(')')?;
    // A zone behind it, `+0100`, says only where it was written.
    let end = inner
        .get(1..)?
        .find(['+', '-'])
        .map_or(inner.len(), |at| at + 1);
    Timestamp::from_millisecond(inner.get(..end)?.parse().ok()?).ok()
}

/// `Tue Jan 18 07:33:29 2011` as C's `ctime` writes it, in the form that the other dates have.
fn of_c(value: &str) -> Option<String> {
    let time = DateTime::strptime("%a %b %e %H:%M:%S %Y", value).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_tools() {
        let table = [
            ("/Date(1295335409000)/", Some("2011-01-18T07:23:29Z"), ""),
            (
                "\\/Date(1295335409000+0100)\\/",
                Some("2011-01-18T07:23:29Z"),
                "",
            ),
            (
                "2011-01-18T08:23:29.0000000+01:00",
                Some("2011-01-18T07:23:29Z"),
                "",
            ),
            ("Tue Jan 18 07:23:29 2011", None, "2011-01-18 07:23:29"),
            ("1/18/2011 7:23:29 AM", None, "1/18/2011 7:23:29 AM"),
        ];
        for (text, exact, wall) in table {
            let mut row = Row::default();
            row.set(Field::Moment, text);
            assert_eq!(
                row.record.exact.map(|t| t.to_string()).as_deref(),
                exact,
                "{text}"
            );
            assert_eq!(row.record.when.date, wall, "{text}");
        }
        // Not even a blank stands between the bracket and nothing.
        for text in ["/Date()/", "Date(", "/Date(-)/", "\u{fc}"] {
            Row::default().set(Field::Moment, text);
        }
    }

    #[test]
    fn names_of_columns() {
        for (name, wanted) in [
            ("Event ID", Some(Field::Id)),
            ("\u{feff}\"Level\"", Some(Field::KindNumber)),
            ("Date and Time", Some(Field::Moment)),
            ("Site", None),
        ] {
            assert_eq!(field(name), wanted, "{name}");
        }
    }
}
