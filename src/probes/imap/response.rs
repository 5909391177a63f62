//! Responses: where one ends, and what the tagged one at the end of a command says.

/// Octets of the literal that a line announces at its end (`{123}`), if it does.
pub(super) fn announced_literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let inside = line.strip_suffix(b"}")?;
    let start = inside.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&inside[start + 1..]).ok()?.parse().ok()
}

/// The end of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Ok,
    /// NO or BAD, with the server's words.
    Refused(String),
}

/// The end that a line brings to the command with this tag, if it does.
pub(super) fn end(tag: &str, line: &str) -> Option<End> {
    let rest = line.strip_prefix(tag)?.strip_prefix(' ')?;
    let (status, text) = rest.split_once(' ').unwrap_or((rest, ""));
    if status.eq_ignore_ascii_case("OK") {
        Some(End::Ok)
    } else if status.eq_ignore_ascii_case("NO") || status.eq_ignore_ascii_case("BAD") {
        let said = if text.is_empty() { status } else { text };
        Some(End::Refused(said.to_owned()))
    } else {
        None
    }
}

/// A text as a quoted string (RFC 3501 4.3), or `None` when it cannot be one.
pub(super) fn quoted(text: &str) -> Option<String> {
    if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return None;
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    Some(format!("\"{escaped}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_announced_at_the_end_of_a_line() {
        for (line, octets) in [
            (&b"* 1 FETCH (BODY[HEADER] {12}\r\n"[..], Some(12)),
            (b"* 1 FETCH (BODY[HEADER] {0}\n", Some(0)),
            (b"* OK {12} messages\r\n", None),
            (b"* OK {twelve}\r\n", None),
            (b"* OK }\r\n", None),
            (b"* 1 FETCH {99999999999999999999999}\r\n", None),
        ] {
            assert_eq!(announced_literal(line), octets, "{line:?}");
        }
    }

    #[test]
    fn the_tagged_line_ends_a_command() {
        let refused = |text: &str| Some(End::Refused(text.to_owned()));
        for (line, wanted) in [
            ("a1 OK done", Some(End::Ok)),
            ("a1 ok", Some(End::Ok)),
            (
                "a1 NO [AUTHENTICATIONFAILED] no",
                refused("[AUTHENTICATIONFAILED] no"),
            ),
            ("a1 BAD", refused("BAD")),
            ("a2 OK done", None),
            ("a10 OK done", None),
            ("* OK still here", None),
            ("a1 PERHAPS", None),
        ] {
            assert_eq!(end("a1", line), wanted, "{line}");
        }
    }

    #[test]
    fn quoting_escapes_and_refuses() {
        assert_eq!(quoted("a\"b\\c").as_deref(), Some("\"a\\\"b\\\\c\""));
        for not in ["a\r\nb", "na\u{ef}ve", "\0"] {
            assert_eq!(quoted(not), None, "{not:?}");
        }
    }
}
