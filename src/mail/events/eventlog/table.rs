//! Tables with a header line: Event Viewer's CSV and text of 2008 and later, its list export, `Export-Csv` of
//! `Get-EventLog` and `Get-WinEvent`, `eventquery.vbs` and LogParser.
//!
//! The header decides: columns are found by their names, in any order, separated by comma, semicolon or tab. A quoted
//! value may go over several lines.

use super::row::{Field, Row, field};
use super::{Found, Lines};
use crate::mail::events::log::Why;

/// Lines of one row, at most: a quote that is never closed shall not swallow the rest of the file.
const LONGEST: usize = 120;

/// A kind of table, told by columns that only it has.
#[derive(Debug)]
pub(in super::super) struct Tool {
    pub(in super::super) name: &'static str,
    pub(in super::super) summary: &'static str,
    /// Columns that must be there, as they are written, without blanks and in lower case.
    columns: &'static [&'static str],
}

/// Tables, the more particular first.
pub(in super::super) static EVENT_VIEWER: Tool = Tool {
    name: "eventlog-csv-2008",
    summary: "log saved as CSV or text by Event Viewer of Server 2008 and later",
    columns: &[
        "level|ebene|keywords|schlüsselwörter",
        "dateandtime|datumunduhrzeit",
        "eventid|ereignis-id",
    ],
};
pub(in super::super) static GET_EVENTLOG: Tool = Tool {
    name: "get-eventlog-csv",
    summary: "Get-EventLog piped to Export-Csv",
    columns: &["eventid", "entrytype", "instanceid", "message"],
};
pub(in super::super) static GET_WINEVENT: Tool = Tool {
    name: "get-winevent-csv",
    summary: "Get-WinEvent piped to Export-Csv",
    columns: &["id", "providername", "timecreated", "message"],
};
pub(in super::super) static EVENTQUERY: Tool = Tool {
    name: "eventquery-csv",
    summary: "output of eventquery.vbs /fo csv /v",
    columns: &["type", "event", "datetime", "source", "description"],
};
pub(in super::super) static LOGPARSER: Tool = Tool {
    name: "logparser-csv",
    summary: "events selected by LogParser, as CSV or TSV",
    columns: &["timegenerated", "eventid", "sourcename"],
};
pub(in super::super) static LIST_EXPORT: Tool = Tool {
    name: "eventlog-list-2003",
    summary: "list exported by Event Viewer of Server 2000 and 2003, which has no descriptions",
    columns: &["type", "date", "time", "source", "event", "computer"],
};

/// What separates the columns, most usual first.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The columns of a header line of this tool, and their separator.
fn header(tool: &Tool, line: &str) -> Option<(char, Vec<Option<Field>>)> {
    SEPARATORS.iter().find_map(|separator| {
        let names = fields(line, *separator)?;
        let plain = |name: &String| -> String {
            name.trim_matches(['\u{feff}', ' '])
                .chars()
                .filter(|c| !c.is_whitespace())
                .flat_map(char::to_lowercase)
                .collect()
        };
        let known: Vec<String> = names.iter().map(plain).collect();
        let whole = tool.columns.iter().all(|wanted| {
            wanted
                .split('|')
                .any(|name| known.iter().any(|k| k == name))
        });
        whole.then(|| (*separator, names.iter().map(|name| field(name)).collect()))
    })
}

/// The columns of Event Viewer's CSV, whose order is the same in all languages; the description follows without a name.
const EVENT_VIEWER_ORDER: [Field; 5] = [
    Field::KindNumber,
    Field::Moment,
    Field::Source,
    Field::Id,
    Field::Category,
];

/// The same by the order of the columns: a header of Event Viewer in a language that nobody has told us.
fn foreign_header(tool: &Tool, line: &str) -> Option<(char, Vec<Option<Field>>)> {
    let names_only = |names: &Vec<String>| {
        let word =
            |name: &String| !name.trim().is_empty() && !name.contains(|c: char| c.is_ascii_digit());
        names.len() == EVENT_VIEWER_ORDER.len() && names.iter().all(word)
    };
    let mut separators = SEPARATORS.iter().filter(|_| tool.name == EVENT_VIEWER.name);
    let separator = separators
        .find(|separator| fields(line, **separator).is_some_and(|names| names_only(&names)))?;
    Some((*separator, EVENT_VIEWER_ORDER.map(Some).into()))
}

/// How sure it is that a text begins with a table of this tool. PowerShell writes a line with the type before it.
pub(in super::super) fn score(tool: &Tool, text: &str) -> u8 {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.by_ref().find(|line| !line.starts_with("#TYPE"));
    if first.and_then(|line| header(tool, line)).is_some() {
        return 88;
    }
    // Five words are no proof: the row below must have its date and its number where they belong.
    let foreign = first.and_then(|line| foreign_header(tool, line));
    let below = lines.next();
    let fits = foreign.zip(below).is_some_and(|((separator, _), row)| {
        let values: Vec<&str> = row
            .split(separator)
            .map(|value| value.trim_matches(['"', ' ']))
            .collect();
        let date = values
            .get(1)
            .is_some_and(|date| date.starts_with(|c: char| c.is_ascii_digit()));
        date && values.get(3).is_some_and(|id| id.parse::<u32>().is_ok())
    });
    if fits { 70 } else { 0 }
}

/// Reads one table.
pub(in super::super) struct Table {
    tool: &'static Tool,
    columns: Option<(char, Vec<Option<Field>>)>,
    pending: Vec<(u32, String)>,
    /// Whether a quote is open at the end of the pending lines.
    open: bool,
}

impl Table {
    pub(in super::super) fn new(tool: &'static Tool) -> Self {
        Self {
            tool,
            columns: None,
            pending: Vec::new(),
            open: false,
        }
    }

    /// Makes a row of the pending lines.
    fn close(&mut self, out: &mut Found) {
        let pending = std::mem::take(&mut self.pending);
        self.open = false;
        let (Some((first, text)), Some((last, _))) = (pending.first(), pending.last()) else {
            return;
        };
        let Some((separator, columns)) = &self.columns else {
            self.columns = header(self.tool, text).or_else(|| foreign_header(self.tool, text));
            if self.columns.is_some() || text.starts_with("#TYPE") {
                out.passed += 1;
            } else {
                for (number, line) in &pending {
                    out.stranger(*number, line, Why::Outside);
                }
            }
            return;
        };
        let whole: Vec<&str> = pending.iter().map(|(_, line)| line.as_str()).collect();
        let values = fields(&whole.join("\n"), *separator).unwrap_or_default();
        let mut row = Row::default();
        for (index, value) in values.iter().enumerate() {
            match columns.get(index) {
                Some(Some(field)) if !value.starts_with("System.") => row.set(*field, value),
                Some(_) => {}
                // Event Viewer of 2008 and later gives the description no name.
                None => row.set(Field::Text, value),
            }
        }
        match row.finish(*first, *last) {
            Some(record) => out.records.push(record),
            // A log that was appended to has its header twice.
            None if header(self.tool, text).is_some() => out.passed += 1,
            None => {
                for (number, line) in &pending {
                    out.stranger(*number, line, Why::Malformed);
                }
            }
        }
    }
}

impl Lines for Table {
    fn line(&mut self, number: u32, line: &str, out: &mut Found) {
        if self.pending.is_empty() && line.trim().is_empty() {
            return;
        }
        self.open ^= line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
        self.pending.push((number, line.to_owned()));
        if !self.open {
            self.close(out);
        } else if self.pending.len() > LONGEST {
            // The quote is not one: the first line is a stranger, and the others are tried again.
            let mut pending = std::mem::take(&mut self.pending).into_iter();
            self.open = false;
            if let Some((number, line)) = pending.next() {
                out.stranger(number, &line, Why::Malformed);
            }
            for (number, line) in pending {
                self.line(number, &line, out);
            }
        }
    }

    fn end(&mut self, out: &mut Found) {
        self.close(out);
    }
}

/// The values of a row. `None` when there is only one.
pub(in crate::mail) fn fields(row: &str, separator: char) -> Option<Vec<String>> {
    let mut values = vec![String::new()];
    let mut letters = row.chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        let value = values.last_mut()?;
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                value.push('"');
                letters.next();
            }
            '"' if quoted => quoted = false,
            '"' if value.trim().is_empty() => quoted = true,
            letter if letter == separator && !quoted => values.push(String::new()),
            letter => value.push(letter),
        }
    }
    (values.len() > 1).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tool: &'static Tool, text: &str) -> Found {
        let mut out = Found::default();
        let mut table = Table::new(tool);
        for (number, line) in (1..).zip(text.lines()) {
            table.line(number, line, &mut out);
        }
        table.end(&mut out);
        out
    }

    #[test]
    fn a_quote_that_is_never_closed_costs_its_line_and_no_more() {
        let mut text = String::from(
            "Level,Date and Time,Source,Event ID,Task Category\nError,1/1/2011 10:00:00,S,5,None,\"x\n",
        );
        for _ in 0..300 {
            text.push_str("Error,1/1/2011 10:00:00,S,7,None,\"two\nlines\"\n");
        }
        let out = read(&EVENT_VIEWER, &text);
        assert!(
            out.records.iter().filter(|r| r.id == Some(7)).count() >= 299,
            "{}",
            out.records.len()
        );
    }

    #[test]
    fn values_with_quotes_and_separators() {
        let row = r#"a,"b ""c"", d",e"#;
        assert_eq!(
            fields(row, ',').unwrap_or_default(),
            ["a", "b \"c\", d", "e"]
        );
        assert_eq!(fields("alone", ','), None);
    }

    #[test]
    fn headers_tell_their_tools() {
        let table = [
            (
                &EVENT_VIEWER,
                "Level,Date and Time,Source,Event ID,Task Category",
            ),
            (
                &EVENT_VIEWER,
                "Ebene;Datum und Uhrzeit;Quelle;Ereignis-ID;Aufgabenkategorie",
            ),
            (
                &GET_EVENTLOG,
                "#TYPE System.Diagnostics.EventLogEntry\n\"EventID\",\"MachineName\",\"EntryType\",\"Message\",\"Source\",\"InstanceId\",\"TimeGenerated\"",
            ),
            (
                &GET_WINEVENT,
                "\"Message\",\"Id\",\"Level\",\"RecordId\",\"ProviderName\",\"TimeCreated\"",
            ),
            (
                &EVENTQUERY,
                "\"Type\",\"Event\",\"Date Time\",\"Source\",\"ComputerName\",\"Category\",\"User\",\"Description\"",
            ),
            (
                &LOGPARSER,
                "EventLog,RecordNumber,TimeGenerated,TimeWritten,EventID,EventType,SourceName,Strings",
            ),
            (
                &LIST_EXPORT,
                "Type\tDate\tTime\tSource\tCategory\tEvent\tUser\tComputer",
            ),
        ];
        for (tool, text) in table {
            assert_eq!(score(tool, text), 88, "{text}");
            let others = table.iter().filter(|(other, _)| other.name != tool.name);
            for (other, _) in others {
                assert_eq!(score(other, text), 0, "{} in {text}", other.name);
            }
        }
    }
}
