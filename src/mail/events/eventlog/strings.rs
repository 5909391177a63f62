//! Insertion strings that a tool has run together, taken apart again.
//!
//! A log that is opened on another machine has no texts: Event Viewer and PowerShell then write that the description
//! cannot be found, with the strings behind it. `dumpel` writes the strings with blanks between, LogParser with bars.

use std::sync::LazyLock;

use regex::Regex;

use super::messages::Insertions;

static NOT_FOUND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?is)^\W*the description for event id.{1,120}cannot be found.*?following information (?:is part of|was included with) the event:\s*(?P<strings>.*)$").ok()
});

/// The events whose strings are: server, connection, host, command, reply, full command.
const DIALOGUES: [u32; 3] = [7002, 7004, 7010];

/// The strings of an event whose text could not be found where it was shown. `None` when the text is an ordinary one.
pub(in super::super) fn of_missing_text(id: u32, text: &str) -> Option<Insertions> {
    let found = NOT_FOUND.as_ref()?.captures(text)?;
    let run = found.name("strings")?.as_str().trim();
    let strings = if run.starts_with('\'') {
        // PowerShell: 'a', 'b'
        let inner = run.trim_end_matches(['.', ' ']).trim_matches('\'');
        inner.split("', '").map(str::to_owned).collect()
    } else if run.lines().filter(|line| !line.trim().is_empty()).count() > 1 {
        // 2008 and later: one a line.
        run.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("The message resource"))
            .map(str::to_owned)
            .collect()
    } else {
        separated(id, run.trim_end_matches(['.', ' ']), ", ")
    };
    Some(Insertions {
        strings,
        named: Vec::new(),
    })
}

/// Takes a run of strings apart at a separator that the strings may hold too: the reply of a server is full of blanks
/// and commas, but the parts before it are not, and the last part begins with the command itself.
pub(in super::super) fn separated(id: u32, run: &str, separator: &str) -> Vec<String> {
    let parts: Vec<&str> = match DIALOGUES.contains(&id) {
        true => {
            let mut parts: Vec<&str> = run.splitn(5, separator).collect();
            if let [_, _, _, verb, rest] = parts.as_slice() {
                let (reply, full) = at_last_command(rest, verb, separator);
                parts.truncate(4);
                parts.push(reply);
                parts.push(full);
            }
            parts
        }
        false => match arity(id) {
            Some(count) => run.splitn(count, separator).collect(),
            None => run.split(separator).collect(),
        },
    };
    parts
        .into_iter()
        .map(|part| part.trim().to_owned())
        .collect()
}

/// How many strings an event has whose last one may hold the separator.
fn arity(id: u32) -> Option<usize> {
    match id {
        1708 | 1709 | 3000..=3031 | 4001..=4007 => Some(3),
        4000 => Some(2),
        _ => None,
    }
}

/// The reply and the full command behind it.
fn at_last_command<'t>(text: &'t str, verb: &str, separator: &str) -> (&'t str, &'t str) {
    let lower = text.to_ascii_lowercase();
    let wanted = format!("{separator}{}", verb.trim().to_ascii_lowercase());
    match lower.rfind(&wanted).filter(|_| !verb.trim().is_empty()) {
        Some(at) => (&text[..at], &text[at + separator.len()..]),
        None => text.rsplit_once(separator).unwrap_or((text, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [&str; 6] = [
        "1",
        "621",
        "192.0.2.1",
        "rcpt",
        "550 5.1.1 No, not here",
        "RCPT TO:<a@b.example>",
    ];

    #[test]
    fn a_text_that_was_not_found_gives_its_strings() {
        let list = WANTED.join(", ");
        let old = format!(
            "The description for Event ID ( 7004 ) in Source ( MSExchangeTransport ) cannot be found. The local computer may not have the necessary registry information or message DLL files to display messages from a remote computer. You may be able to use the /AUXSOURCE= flag to retrieve this description; see Help and Support for details. The following information is part of the event: {list}."
        );
        let shell = format!(
            "The description for Event ID '7004' in Source 'MSExchangeTransport' cannot be found.  The local computer may not have the necessary registry information. The following information is part of the event:'{}'",
            WANTED.join("', '")
        );
        let new = format!(
            "The description for Event ID 7004 from source MSExchangeTransport cannot be found. Either the component that raises this event is not installed on your local computer or the installation is corrupted.\n\nIf the event originated on another computer, the display information had to be saved with the event.\n\nThe following information was included with the event: \n\n{}\n",
            WANTED.join("\n")
        );
        for text in [old, shell, new] {
            assert_eq!(
                of_missing_text(7004, &text).unwrap_or_default().strings,
                WANTED,
                "{text}"
            );
        }
        assert_eq!(
            of_missing_text(7004, "This is an SMTP protocol error log"),
            None
        );
    }

    #[test]
    fn runs_are_taken_apart() {
        assert_eq!(separated(7004, &WANTED.join(" "), " "), WANTED);
        assert_eq!(
            separated(7002, "1 2  mail 421 busy", " "),
            ["1", "2", "", "mail", "421", "busy"]
        );
        assert_eq!(
            separated(3018, "5.4.0 rfc822;a@b.example <id with blank>", " "),
            ["5.4.0", "rfc822;a@b.example", "<id with blank>"]
        );
        assert_eq!(separated(9, "a b", " "), ["a", "b"]);
    }
}
