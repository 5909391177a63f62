//! One reply out of what a log, an event or a bounce wrote: wrappers off, lines joined, codes found.

use std::sync::LazyLock;

use regex::Regex;

use super::class::Stage;
use super::status::EnhancedStatus;

/// An SMTP reply, joined to one line (RFC 5321 4.2.1) and freed from its wrapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The basic code, when the text has one.
    pub code: Option<u16>,
    /// The enhanced status, when there is one that agrees with the basic code.
    pub status: Option<EnhancedStatus>,
    /// An enhanced status whose class contradicts the basic code; it is not used.
    pub refused_status: Option<EnhancedStatus>,
    /// The reply on one line with its codes in front. This is what wordings are looked for in.
    pub line: String,
    /// The wording alone, without the leading codes.
    pub text: String,
    /// The stage, when the wrapping told it (`in reply to RCPT TO command`).
    pub stage: Option<Stage>,
    /// The host that gave the reply, when the wrapping told it.
    pub peer: Option<String>,
}

impl Reply {
    /// Reads a reply. Never fails: a text without any code becomes a reply without codes.
    pub fn parse(raw: &str) -> Self {
        let cleaned = clean(raw);
        let (bare, stage, peer) = unwrap(&cleaned);
        let (code, line) = join(&bare);
        let (status, refused_status) = find_status(code, &line);
        let text = strip_codes(&line, code, status);
        Self {
            code,
            status,
            refused_status,
            line,
            text,
            stage,
            peer,
        }
    }

    /// Whether the reply is temporary (4yz). `None` without any code.
    pub fn temporary(&self) -> Option<bool> {
        match (self.code, self.status) {
            (Some(code), _) => Some((400..500).contains(&code)),
            (None, Some(status)) => Some(status.class == 4),
            (None, None) => None,
        }
    }
}

static IN_REPLY: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?i)\s*\(in reply to (?P<what>[^)]{1,60}?)(?: command)?\)\s*$"));
static SAID: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)^.*?\bhost (?P<peer>[^\s\[]+)(?:\s?\[[0-9a-f.:]+\])?(?::\d+)? (?:said|refused to talk to me)\s*:\s*",
    )
});
static AFTER: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)^.*?\berror from remote (?:mail server|mailer|server) after (?P<what>[a-z]+(?: (?:of|from|to|data))*[^:]{0,16}(?::\s?<[^>]*>[^:]*)?)\s*:\s*(?:host (?P<peer>\S+)(?: \[[^\]]*\])?\s*:\s*)?",
    )
});
static REMOTE_SAID: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?is)^.*?\bremote (?:host|server|system) (?:said|returned|responded(?: with)?)\s*:?\s*'?",
    )
});
static DSN_TYPE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?i)^\s*(?:diagnostic-code\s*:\s*)?(?:smtp|x-[a-z0-9-]+)\s*;\s*"));
static LEADING_CODE: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"^[\s'(#<\[]*(?P<code>[2-5]\d\d)(?:[ \-#(:]|$)"));
static INNER_CODE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?:^|[\s:;'(#])(?P<code>[45]\d\d)(?:[ \-](?:#?[245]\.\d{1,3}\.\d{1,3}\b|[A-Za-z<#\[(']))",
    )
});
static STATUS: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?P<status>[2457]\.\d{1,3}\.\d{1,3})"));
static QUEUE_EXPIRED: LazyLock<Regex> =
    LazyLock::new(|| fixed(r"(?i)queue\.expired|message expired"));

/// A host name, blanks and quotes in one form; the obfuscation of web pages taken out.
fn clean(raw: &str) -> String {
    let mut text: String = raw
        .chars()
        .map(|c| match c {
            '\u{2018}' | '\u{2019}' | '\u{b4}' => '\'',
            '\u{201c}' | '\u{201d}' => '"',
            '\u{a0}' | '\t' => ' ',
            '\u{feff}' => ' ',
            c => c,
        })
        .collect();
    if text.contains("[email") {
        text = text
            .replace("[email protected]", "")
            .replace("[email\u{20}protected]", "");
    }
    // IIS logs write a blank as `+`.
    if !text.trim().contains(' ') && text.contains('+') {
        text = text.replace('+', " ");
    }
    text.trim().trim_matches('"').trim().to_owned()
}

/// Takes off what MTAs write around a remote reply; tells stage and peer when they are named there.
fn unwrap(text: &str) -> (String, Option<Stage>, Option<String>) {
    let mut stage = None;
    let mut peer = None;
    let mut rest = text.to_owned();
    if let Some(found) = IN_REPLY.captures(&rest) {
        stage = Stage::of_command(&found["what"]);
        let end = found.get(0).map_or(rest.len(), |m| m.start());
        rest.truncate(end);
    }
    if let Some(m) = DSN_TYPE.find(&rest) {
        rest.drain(..m.end());
    }
    // A reply that begins with its code may quote "host x said" itself: that is wording then.
    if LEADING_CODE.is_match(&rest) {
        return (rest, stage, peer);
    }
    if let Some(found) = SAID.captures(&rest) {
        peer = Some(found["peer"].to_owned());
        if found[0].to_ascii_lowercase().contains("refused to talk") {
            stage = stage.or(Some(Stage::Connect));
        }
        let end = found.get(0).map_or(0, |m| m.end());
        rest.drain(..end);
    } else if let Some(found) = AFTER.captures(&rest) {
        stage = stage.or_else(|| match Stage::of_command(&found["what"]) {
            Some(Stage::Data) => Some(Stage::Dot),
            None if found["what"]
                .to_ascii_lowercase()
                .contains("initial connection") =>
            {
                Some(Stage::Connect)
            }
            other => other,
        });
        peer = found.name("peer").map(|m| m.as_str().to_owned());
        let end = found.get(0).map_or(0, |m| m.end());
        rest.drain(..end);
    } else if let Some(m) = REMOTE_SAID.find(&rest) {
        rest.drain(..m.end());
    }
    if let Some(m) = DSN_TYPE.find(&rest) {
        rest.drain(..m.end());
    }
    (rest, stage, peer)
}

/// Finds the basic code and joins a multi-line reply to one line with the code in front.
fn join(text: &str) -> (Option<u16>, String) {
    let code: Option<u16> = LEADING_CODE
        .captures(text)
        .and_then(|c| c["code"].parse().ok());
    let Some(code) = code else {
        let flat = collapse(text);
        let inner: Option<(u16, usize)> = INNER_CODE
            .captures(&flat)
            .and_then(|c| Some((c["code"].parse().ok()?, c.name("code")?.start())));
        return match inner {
            Some((code, at)) => (Some(code), collapse(&flat[at..])),
            None => (None, flat),
        };
    };
    let digits = code.to_string();
    let mut joined = String::with_capacity(text.len());
    joined.push_str(&digits);
    let mut repeated: Option<String> = None;
    for line in text.lines() {
        let mut part = line.trim().trim_start_matches(['#', '\'', '(', '<', '[']);
        if let Some(after) = part.strip_prefix(&digits) {
            part = after.trim_start_matches([' ', '-', ':']);
        }
        let first_word = part.split_whitespace().next().unwrap_or_default();
        if first_word
            .trim_start_matches('#')
            .parse::<EnhancedStatus>()
            .is_ok()
        {
            if repeated.as_deref() == Some(first_word) {
                part = part[first_word.len()..].trim_start();
            } else if repeated.is_none() {
                repeated = Some(first_word.to_owned());
            }
        }
        if !part.is_empty() {
            joined.push(' ');
            joined.push_str(part);
        }
    }
    (
        Some(code),
        collapse(&inline_continuations(&joined, &digits, repeated.as_deref())),
    )
}

/// Some logs join the lines themselves and keep every `550-5.7.1`: the repeats go.
fn inline_continuations(line: &str, digits: &str, repeated: Option<&str>) -> String {
    let mut out = line.replace(&format!(" {digits}-"), " ");
    if let Some(status) = repeated
        && let Some(at) = out.find(status)
    {
        let head = at + status.len();
        let tail = out[head..]
            .replace(&format!(" {digits} {status}"), "")
            .replace(&format!(" {status} "), " ");
        out.truncate(head);
        out.push_str(&tail);
    }
    out
}

/// The enhanced status wherever it stands; one of another class than the basic code is refused.
fn find_status(code: Option<u16>, line: &str) -> (Option<EnhancedStatus>, Option<EnhancedStatus>) {
    let mut refused = None;
    let bytes = line.as_bytes();
    for found in STATUS.find_iter(line) {
        // Part of a longer number, an address or a version: no status.
        let before = found.start().checked_sub(1).map(|i| bytes[i]);
        let after = bytes.get(found.end()).copied();
        let dotted_on =
            after == Some(b'.') && bytes.get(found.end() + 1).is_some_and(u8::is_ascii_digit);
        if before
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'-' | b'='))
            || after.is_some_and(|b| b.is_ascii_alphanumeric())
            || dotted_on
        {
            continue;
        }
        // A number far inside the text that is not marked is too likely something else.
        let marked = before.is_some_and(|b| matches!(b, b'#' | b'(' | b'['));
        if found.start() > 60 && !marked {
            continue;
        }
        let text = found.as_str();
        // Google prints 7.7.1 where it means 5.7.1.
        let status: EnhancedStatus = match text.strip_prefix('7') {
            Some(rest) => match (text == "7.7.1", format!("5{rest}").parse()) {
                (true, Ok(status)) => status,
                _ => continue,
            },
            None => match text.parse() {
                Ok(status) => status,
                Err(_) => continue,
            },
        };
        let agrees = code.is_none_or(|code| u16::from(status.class) == code / 100);
        // Exchange gives up with a permanent code and the temporary status 4.4.7.
        let expired = (status.subject, status.detail) == (4, 7) && QUEUE_EXPIRED.is_match(line);
        if agrees || expired {
            return (Some(status), refused);
        }
        refused = refused.or(Some(status));
    }
    (None, refused)
}

fn strip_codes(line: &str, code: Option<u16>, status: Option<EnhancedStatus>) -> String {
    let mut rest = line.trim_start();
    if let Some(code) = code {
        rest = rest
            .strip_prefix(&code.to_string())
            .unwrap_or(rest)
            .trim_start_matches([' ', '-']);
    }
    if let Some(status) = status {
        let bare = rest.trim_start_matches(['#', '(', '[']);
        if let Some(after) = bare.strip_prefix(&status.to_string()) {
            rest = after.trim_start_matches([')', ']', ':', ' ']);
        }
    }
    rest.trim().to_owned()
}

fn collapse(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .trim_end_matches('#')
        .trim_end()
        .to_owned()
}

/// The patterns of this file are constants; a fault in one is ours and shows in the first test.
#[expect(
    clippy::expect_used,
    reason = "constant patterns, each compiled by the tests"
)]
fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern compiles")
}
