//! Containers with a structure of their own: PowerShell's CSV and JSON, and XML.

use serde_json::{Value, json};

use super::text::quoted;
use super::{COMPUTER, Entry, Incident};

type Writer = fn(&Incident) -> Vec<u8>;

/// All of them, each with the name of its format.
pub(crate) const CONTAINERS: &[(&str, &str, Writer)] = &[
    (
        "get-eventlog-csv",
        "Get-EventLog | Export-Csv",
        get_eventlog,
    ),
    (
        "get-winevent-csv",
        "Get-WinEvent | Export-Csv",
        get_winevent,
    ),
    (
        "eventlog-json",
        "Get-EventLog | ConvertTo-Json",
        json_eventlog,
    ),
    (
        "eventlog-json",
        "Get-WinEvent, an object a line",
        json_winevent,
    ),
    (
        "eventlog-json",
        "Get-EventLog where the texts are missing",
        json_missing,
    ),
    ("eventlog-xml", "wevtutil /f:xml", wevtutil_xml),
    ("eventlog-xml", "saved as XML", saved_xml),
    ("eventlog-xml", "forwarded, with its text", rendered_xml),
    ("eventlog-clipboard-2008", "copied with its XML", copied_xml),
];

fn row(values: &[String]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("{}\r\n", quoted.join(","))
}

fn local(entry: &Entry) -> String {
    entry
        .local()
        .strftime("%-m/%-d/%Y %-I:%M:%S %p")
        .to_string()
}

fn get_eventlog(log: &Incident) -> Vec<u8> {
    let mut out = String::from(
        "#TYPE System.Diagnostics.EventLogEntry\r\n\"EventID\",\"MachineName\",\"Data\",\"Index\",\"Category\",\"CategoryNumber\",\"EntryType\",\"Message\",\"Source\",\"ReplacementStrings\",\"InstanceId\",\"TimeGenerated\",\"TimeWritten\",\"UserName\",\"Site\",\"Container\"\r\n",
    );
    for entry in &log.entries {
        out.push_str(&row(&[
            entry.id.to_string(),
            COMPUTER.into(),
            "System.Byte[]".into(),
            entry.number.to_string(),
            entry.category.1.into(),
            entry.category.0.to_string(),
            entry.kind_word().into(),
            entry.text(),
            entry.source.into(),
            "System.String[]".into(),
            (entry.qualifiers() << 16 | entry.id).to_string(),
            local(entry),
            local(entry),
            String::new(),
            String::new(),
            String::new(),
        ]));
    }
    out.into_bytes()
}

fn get_winevent(log: &Incident) -> Vec<u8> {
    let mut out = String::from(
        "#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\r\n\"Message\",\"Id\",\"Version\",\"Qualifiers\",\"Level\",\"Task\",\"Opcode\",\"Keywords\",\"RecordId\",\"ProviderName\",\"ProviderId\",\"LogName\",\"ProcessId\",\"ThreadId\",\"MachineName\",\"UserId\",\"TimeCreated\",\"ActivityId\",\"RelatedActivityId\",\"ContainerLog\",\"MatchedQueryIds\",\"Bookmark\",\"LevelDisplayName\",\"OpcodeDisplayName\",\"TaskDisplayName\",\"KeywordsDisplayNames\",\"Properties\"\r\n",
    );
    for entry in &log.entries {
        let mut values = vec![String::new(); 27];
        let set = [
            (0, entry.text()),
            (1, entry.id.to_string()),
            (3, entry.qualifiers().to_string()),
            (4, level(entry).to_string()),
            (5, entry.category.0.to_string()),
            (8, entry.number.to_string()),
            (9, entry.source.into()),
            (11, "Application".into()),
            (14, COMPUTER.into()),
            (16, local(entry)),
            (22, entry.kind_word().into()),
            (24, entry.category.1.into()),
            (26, "System.Collections.Generic.List`1[System.Diagnostics.Eventing.Reader.EventProperty]".into()),
        ];
        for (index, value) in set {
            values[index] = value;
        }
        out.push_str(&row(&values));
    }
    out.into_bytes()
}

fn level(entry: &Entry) -> u16 {
    match entry.kind {
        1 => 2,
        2 => 3,
        _ => 4,
    }
}

fn eventlog_object(entry: &Entry, message: &str) -> Value {
    json!({
        "MachineName": COMPUTER, "Data": [2, 3], "Index": entry.number, "Category": entry.category.1,
        "CategoryNumber": entry.category.0, "EventID": entry.id, "EntryType": entry.kind, "Message": message,
        "Source": entry.source, "ReplacementStrings": entry.strings,
        "InstanceId": entry.qualifiers() << 16 | entry.id,
        "TimeGenerated": format!("/Date({})/", entry.time.as_millisecond()),
    })
}

fn json_eventlog(log: &Incident) -> Vec<u8> {
    let all: Vec<Value> = log
        .entries
        .iter()
        .map(|entry| eventlog_object(entry, &entry.text()))
        .collect();
    let text = serde_json::to_string_pretty(&all).unwrap();
    // PowerShell 5 writes UTF-16 with `>`.
    format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn json_missing(log: &Incident) -> Vec<u8> {
    let object = |entry: &Entry| {
        let message = format!(
            "The description for Event ID '{}' in Source '{}' cannot be found.  The local computer may not have the necessary registry information or message DLL files to display the message, or you may not have permission to access them.  The following information is part of the event:'{}'",
            entry.id,
            entry.source,
            entry.strings.join("', '")
        );
        let mut object = eventlog_object(entry, &message);
        object.as_object_mut().unwrap().remove("ReplacementStrings");
        object
    };
    let all: Vec<Value> = log.entries.iter().map(object).collect();
    serde_json::to_vec(&all).unwrap()
}

fn json_winevent(log: &Incident) -> Vec<u8> {
    let line = |entry: &Entry| {
        let properties: Vec<Value> = entry.strings.iter().map(|s| json!({"Value": s})).collect();
        let object = json!({
            "Id": entry.id, "Level": level(entry), "Task": entry.category.0, "RecordId": entry.number,
            "ProviderName": entry.source, "MachineName": COMPUTER, "TimeCreated": entry.local().strftime("%Y-%m-%dT%H:%M:%S.0000000%:z").to_string(),
            "LevelDisplayName": entry.kind_word(), "TaskDisplayName": entry.category.1, "Message": entry.text(),
            "Properties": properties,
        });
        format!("{object}\n")
    };
    log.entries
        .iter()
        .map(line)
        .collect::<String>()
        .into_bytes()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn element(entry: &Entry, rendered: bool) -> String {
    let data: String = entry
        .strings
        .iter()
        .map(|s| format!("<Data>{}</Data>", escape(s)))
        .collect();
    let rendering = if rendered {
        format!(
            "<RenderingInfo Culture='en-US'><Message>{}</Message><Level>{}</Level><Task>{}</Task></RenderingInfo>",
            escape(&entry.text()),
            entry.kind_word(),
            entry.category.1
        )
    } else {
        String::new()
    };
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{}'/><EventID Qualifiers='{}'>{}</EventID><Level>{}</Level><Task>{}</Task><Keywords>0x80000000000000</Keywords><TimeCreated SystemTime='{}.000000000Z'/><EventRecordID>{}</EventRecordID><Channel>Application</Channel><Computer>{COMPUTER}</Computer><Security/></System><EventData>{data}<Binary>EF0204C0</Binary></EventData>{rendering}</Event>",
        entry.source,
        entry.qualifiers(),
        entry.id,
        level(entry),
        entry.category.0,
        entry.time.strftime("%Y-%m-%dT%H:%M:%S"),
        entry.number
    )
}

/// One element after the other on lines, no root.
fn wevtutil_xml(log: &Incident) -> Vec<u8> {
    log.entries
        .iter()
        .map(|entry| element(entry, false) + "\r\n")
        .collect::<String>()
        .into_bytes()
}

fn saved_xml(log: &Incident) -> Vec<u8> {
    let all: String = log
        .entries
        .iter()
        .map(|entry| element(entry, false))
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\r\n<Events>{all}</Events>"
    )
    .into_bytes()
}

fn rendered_xml(log: &Incident) -> Vec<u8> {
    let all: String = log
        .entries
        .iter()
        .map(|entry| element(entry, true) + "\n")
        .collect();
    format!("<Events>\n{all}</Events>\n").into_bytes()
}

fn copied_xml(log: &Incident) -> Vec<u8> {
    let mut out = String::new();
    for entry in &log.entries {
        let lined = element(entry, false).replace("><", ">\r\n  <");
        out.push_str(&format!(
            "Log Name:      Application\r\nSource:        {}\r\nDate:          {}\r\nEvent ID:      {}\r\nTask Category: {}\r\nLevel:         {}\r\nKeywords:      Classic\r\nUser:          N/A\r\nComputer:      {COMPUTER}\r\nDescription:\r\n{}\r\nEvent Xml:\r\n{lined}\r\n\r\n",
            entry.source, local(entry), entry.id, entry.category.1, entry.kind_word(), entry.text()
        ));
    }
    out.into_bytes()
}
