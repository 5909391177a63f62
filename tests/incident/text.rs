//! Containers that are text: copied blocks, saved logs, listings of tools.

use super::{COMPUTER, Entry, Incident};

type Writer = fn(&Incident) -> Vec<u8>;

/// All of them, each with the name of its format.
pub(crate) const CONTAINERS: &[(&str, &str, Writer)] = &[
    ("eventlog-clipboard-2003", "copied blocks", clipboard_2003),
    ("eventlog-clipboard-2003", "blocks out of a forum", mangled),
    ("eventlog-clipboard-2008", "copied as text", clipboard_2008),
    ("eventlog-txt-2003", "saved as text", txt_2003),
    ("eventlog-csv-2003", "saved as CSV", csv_2003),
    ("eventlog-csv-2008", "saved as CSV by 2008", csv_2008),
    ("eventlog-csv-2008", "saved as text by 2008", txt_2008),
    ("wevtutil-text", "wevtutil /f:text", wevtutil_text),
    ("eventquery-csv", "eventquery.vbs", eventquery),
    ("logparser-csv", "LogParser with texts", logparser),
    (
        "logparser-csv",
        "LogParser with strings only",
        logparser_strings,
    ),
    ("dumpel", "dumpel -t", dumpel),
    ("psloglist", "psloglist -s", psloglist),
];

fn joined(log: &Incident, entry: impl Fn(&Entry) -> String) -> String {
    log.entries.iter().map(entry).collect()
}

fn american(entry: &Entry) -> (String, String) {
    let local = entry.local();
    let twelve = local.strftime("%-I:%M:%S %p").to_string();
    (local.strftime("%-m/%-d/%Y").to_string(), twelve)
}

fn block_2003(entry: &Entry, gap: &str) -> String {
    let (date, time) = american(entry);
    format!(
        "Event Type:{gap}{}\r\nEvent Source:{gap}{}\r\nEvent Category:{gap}{} \r\nEvent ID:{gap}{}\r\nDate:{gap}{gap}{date}\r\nTime:{gap}{gap}{time}\r\nUser:{gap}{gap}N/A\r\nComputer:{gap}{COMPUTER}\r\nDescription:\r\n{}\r\nData:\r\n0000: 5c 1b 04 c0               \\..\u{c0}    \r\n\r\n",
        entry.kind_word(),
        entry.source,
        entry.category.1,
        entry.id,
        entry.text()
    )
}

fn clipboard_2003(log: &Incident) -> Vec<u8> {
    joined(log, |entry| block_2003(entry, "\t")).into_bytes()
}

/// What a forum leaves of it: blanks for tabs, quote marks, typographic quotes, escaped brackets.
fn mangled(log: &Incident) -> Vec<u8> {
    let mut out = String::from("Hello,\n\nmy log is full of these, what is going on?\n\n");
    for entry in &log.entries {
        let block = block_2003(entry, " ")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let mut open = false;
        let curly: String = block
            .chars()
            .map(|c| {
                if c == '"' {
                    open = !open;
                    if open { '\u{201c}' } else { '\u{201d}' }
                } else {
                    c
                }
            })
            .collect();
        for line in curly.lines() {
            out.push_str(&format!("> {}\n", line.trim_end()));
        }
    }
    out.push_str("\nThanks for any help\n");
    out.into_bytes()
}

fn clipboard_2008(log: &Incident) -> Vec<u8> {
    joined(log, |entry| {
        let (date, time) = american(entry);
        format!(
            "Log Name:      Application\r\nSource:        {}\r\nDate:          {date} {time}\r\nEvent ID:      {}\r\nTask Category: {}\r\nLevel:         {}\r\nKeywords:      Classic\r\nUser:          N/A\r\nComputer:      {COMPUTER}\r\nDescription:\r\n{}\r\n\r\n",
            entry.source, entry.id, entry.category.1, entry.kind_word(), entry.text()
        )
    })
    .into_bytes()
}

/// The old Event Viewer writes the line ends of a description as blanks.
fn flat(text: &str) -> String {
    text.replace("\r\n", "  ")
}

fn txt_2003(log: &Incident) -> Vec<u8> {
    let text = joined(log, |entry| {
        let (date, time) = american(entry);
        format!(
            "{date}\t{time}\t{}\t{}\t{} \t{}\tN/A\t{COMPUTER}\t{}\r\n",
            entry.source,
            entry.kind_word(),
            entry.category.1,
            entry.id,
            flat(&entry.text())
        )
    });
    // Notepad's Unicode.
    [0xfeff]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn csv_2003(log: &Incident) -> Vec<u8> {
    joined(log, |entry| {
        let (date, time) = american(entry);
        format!(
            "{date},{time},{},{},{} ,{},N/A,{COMPUTER},{}\r\n",
            entry.source,
            entry.kind_word(),
            entry.category.1,
            entry.id,
            quoted(&flat(&entry.text()))
        )
    })
    .into_bytes()
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn csv_2008(log: &Incident) -> Vec<u8> {
    let rows = joined(log, |entry| {
        let (date, time) = american(entry);
        format!(
            "{},{date} {time},{},{},{},{}\r\n",
            entry.kind_word(),
            entry.source,
            entry.id,
            entry.category.1,
            quoted(&entry.text())
        )
    });
    format!("\u{feff}Level,Date and Time,Source,Event ID,Task Category\r\n{rows}").into_bytes()
}

fn txt_2008(log: &Incident) -> Vec<u8> {
    let rows = joined(log, |entry| {
        let (date, time) = american(entry);
        format!(
            "{}\t{date} {time}\t{}\t{}\t{}\t{}\r\n",
            entry.kind_word(),
            entry.source,
            entry.id,
            entry.category.1,
            quoted(&entry.text())
        )
    });
    let text = format!("\u{feff}Level\tDate and Time\tSource\tEvent ID\tTask Category\r\n{rows}");
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn wevtutil_text(log: &Incident) -> Vec<u8> {
    let mut out = String::new();
    for (index, entry) in log.entries.iter().enumerate() {
        out.push_str(&format!(
            "Event[{index}]:\r\n  Log Name: Application\r\n  Source: {}\r\n  Date: {}\r\n  Event ID: {}\r\n  Task: {}\r\n  Level: {}\r\n  Opcode: Info\r\n  Keyword: Classic\r\n  User: N/A\r\n  User Name: N/A\r\n  Computer: {COMPUTER}\r\n  Description: \r\n{}\r\n\r\n",
            entry.source, entry.local().strftime("%Y-%m-%dT%H:%M:%S.000"), entry.id, entry.category.1, entry.kind_word(), entry.text()
        ));
    }
    out.into_bytes()
}

fn eventquery(log: &Incident) -> Vec<u8> {
    let rows = joined(log, |entry| {
        let (date, time) = american(entry);
        format!(
            "\"{}\",\"{}\",\"{date} {time}\",\"{}\",\"{COMPUTER}\",\"{}\",\"N/A\",{}\r\n",
            entry.kind_word(),
            entry.id,
            entry.source,
            entry.category.1,
            quoted(&flat(&entry.text()))
        )
    });
    format!("\r\n\"Type\",\"Event\",\"Date Time\",\"Source\",\"ComputerName\",\"Category\",\"User\",\"Description\"\r\n{rows}").into_bytes()
}

const LOGPARSER: &str = "EventLog,RecordNumber,TimeGenerated,TimeWritten,EventID,EventType,EventTypeName,EventCategory,EventCategoryName,SourceName,Strings,ComputerName,SID,Message,Data\r\n";

fn logparser_row(entry: &Entry, message: &str) -> String {
    let time = entry.local().strftime("%Y-%m-%d %H:%M:%S").to_string();
    format!(
        "Application,{},{time},{time},{},{},{} event,{},{},{},{},{COMPUTER},,{},\r\n",
        entry.number,
        entry.id,
        entry.kind,
        entry.kind_word(),
        entry.category.0,
        entry.category.1,
        entry.source,
        quoted(&entry.strings.join("|")),
        quoted(message)
    )
}

fn logparser(log: &Incident) -> Vec<u8> {
    format!(
        "{LOGPARSER}{}",
        joined(log, |entry| logparser_row(entry, &flat(&entry.text())))
    )
    .into_bytes()
}

/// On a machine without Exchange the texts are missing.
fn logparser_strings(log: &Incident) -> Vec<u8> {
    let row = |entry: &Entry| {
        let missing = format!(
            "The description for Event ID {} in Source \"{}\" cannot be found. The local computer may not have the necessary registry information or message DLL files to display messages from a remote computer. The following information is part of the event: {}",
            entry.id,
            entry.source,
            entry.strings.join(", ")
        );
        logparser_row(entry, &missing)
    };
    format!("{LOGPARSER}{}", joined(log, row)).into_bytes()
}

fn dumpel(log: &Incident) -> Vec<u8> {
    joined(log, |entry| {
        let (date, time) = american(entry);
        format!(
            "{date}\t{time}\t{}\t{}\t{}\t{}\tN/A\t{COMPUTER}\t{} \r\n",
            entry.kind,
            entry.category.0,
            entry.id,
            entry.source,
            entry.strings.join(" ")
        )
    })
    .into_bytes()
}

fn psloglist(log: &Incident) -> Vec<u8> {
    joined(log, |entry| {
        let time = entry.local().strftime("%a %b %e %H:%M:%S %Y").to_string();
        format!(
            "{},Application,{},{},{COMPUTER},{time},{},N/A,{}\r\n",
            entry.number,
            entry.source,
            entry.kind_word().to_uppercase(),
            entry.id,
            flat(&entry.text())
        )
    })
    .into_bytes()
}
