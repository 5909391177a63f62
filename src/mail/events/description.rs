//! Descriptions of Exchange's transport events: which host said what to which command.
//!
//! The text decides, not the id: ids changed between versions, and other sources use the same
//! numbers for other things. Quotes delimit the fields, but the full command carries its own line
//! end and a reply may hold quotes, so the fixed phrases are the anchors.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::model::{Direction, Event, What};
use crate::mail::reply::Reply;

static OUTBOUND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)remote host "(?P<host>.*?)",? responded to the SMTP command "(?P<verb>[^"]*)" with "(?P<reply>.*)"\.? ?The full command sent was "?(?P<full>.*?)(?:"?\s*\.?\s*This (?:may|will)\b.*|"\s*\.?\s*|)$"#).ok()
});
static INBOUND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)client at "(?P<host>.*?)" sent an? "(?P<verb>[^"]*)" command,? and the SMTP server responded with "(?P<reply>.*)"\.? ?The full command sent was "?(?P<full>.*?)(?:"?\s*\.?\s*This (?:may|will)\b.*|"\s*\.?\s*|)$"#).ok()
});
static CONNECTION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"connection #(\d+)").ok());
static NDR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)non-delivery report with a status code of (?P<status>\d\.\d{1,3}\.\d{1,3}) was generated for recipient\s?(?P<rcpt>.*?)\s*(?:\(Message-ID\s*(?P<mid>.*?)\)|\.\s|$)").ok()
});
static LOGGED_IN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)authentication was performed successfully with client "?(?P<host>[^"]*?)"?\.? The authentication method was "?(?P<method>[^"]*?)"? and the username was "?(?P<user>[^"]*?)"?\s*\.?\s*(?:For more|$)"#).ok()
});
static LOGIN_REFUSED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:authentication (?:failed|was not|negotiation|error|failure)|failed to authenticate).*?(?:client "(?P<host>[^"]+)"|is \[(?P<ip>[^\]]+)\])"#).ok()
});
static TO_HOST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)message delivery to the host '(?P<host>[^']*)' failed while delivering to the remote domain '(?P<domain>[^']*)' for the following reason: ?(?P<reason>.*?)\s*(?:For more|$)").ok()
});
static TO_DOMAIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)message delivery to the remote domain '(?P<domain>[^']*)' failed(?: for the following reason)?[.:]? ?(?:The error message is )?(?P<reason>.*?)\s*(?:For more|$)").ok()
});
/// A failed log-in of the security log: of Server 2003 (529 and its kin), and of 2008 and later (4625).
static LOGON_FAILED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:account for which logon failed:.*?account name|logon failure:.*?user name): ?(?P<account>\S+).*?source network address: ?(?P<ip>\S+)").ok()
});
/// The log-in process of programs that check a name and a password themselves, as SMTP AUTH does.
static BY_PROGRAM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)logon process: ?advapi\b").ok());
static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#""([^"]*)""#).ok());

static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\[([0-9a-fA-F.:]{3,45})\]").ok());

/// Commands between Exchange servers that another organisation's server refuses as a matter of course.
const NOISE: &[&str] = &["xexch50", "x-exps", "x-link2state"];

/// The sources whose descriptions are read.
const SOURCES: &[&str] = &["msexchangetransport", "smtpsvc"];

/// The sources of the security log, and what they call a failed log-in.
const SECURITY: &[&str] = &["security", "microsoft-windows-security-auditing"];
const LOGON_FAILURES: &[u32] = &[529, 530, 531, 532, 533, 534, 535, 536, 537, 539, 4625];

/// A description on one line: line ends and runs of blanks become one blank, typographic quotes plain.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads the description into the event's fields. `strings` are insertion strings, where the format
/// keeps them; they tell the fields even on a system in another language.
pub(super) fn fill(event: &mut Event<'_>, strings: &[String]) {
    let known_source = match event.source.as_deref() {
        Some(source) => {
            let source = source.to_ascii_lowercase();
            SOURCES.iter().any(|known| source == *known)
        }
        None => true,
    };
    if !known_source {
        logon_failure(event);
        return;
    }
    let text = event.text.clone().into_owned();
    let get =
        |regex: &'static LazyLock<Option<Regex>>| regex.as_ref().and_then(|r| r.captures(&text));
    event.connection = get(&CONNECTION).and_then(|c| c[1].parse().ok());
    if let Some(found) = get(&OUTBOUND) {
        dialogue(
            event,
            Direction::Outbound,
            &found["host"],
            &found["verb"],
            &found["reply"],
            &found["full"],
        );
    } else if let Some(found) = get(&INBOUND) {
        dialogue(
            event,
            Direction::Inbound,
            &found["host"],
            &found["verb"],
            &found["reply"],
            &found["full"],
        );
    } else if let Some(found) = get(&NDR) {
        event.what = What::Ndr;
        event.direction = Direction::Outbound;
        event.status = found["status"].parse().ok();
        event.recipient = normalize_address(&found["rcpt"]).map(Cow::Owned);
        event.message_id = found
            .name("mid")
            .map(|m| m.as_str().trim_matches(['<', '>', ' ']).to_owned())
            .filter(|mid| !mid.is_empty() && !mid.starts_with("[email"))
            .map(Cow::Owned);
    } else if let Some(found) = get(&LOGGED_IN) {
        event.what = What::Authenticated;
        event.direction = Direction::Inbound;
        event.remote = filled(&found["host"]);
        event.auth_method = filled(&found["method"]);
        event.account = filled(&found["user"]);
    } else if let Some(found) = get(&TO_HOST) {
        failed_delivery(
            event,
            Some(&found["host"]),
            &found["domain"],
            &found["reason"],
        );
    } else if let Some(found) = get(&TO_DOMAIN) {
        failed_delivery(event, None, &found["domain"], &found["reason"]);
    } else if let Some(found) = get(&LOGIN_REFUSED) {
        event.what = What::AuthFailed;
        event.direction = Direction::Inbound;
        event.remote = found
            .name("host")
            .or_else(|| found.name("ip"))
            .and_then(|m| filled(m.as_str()));
    } else {
        by_position(event, strings, &text);
    }
}

/// A failed log-in of the security log that came over the network to a program: to SMTP, or to another service with the same
/// accounts. One at a keyboard has no address.
fn logon_failure(event: &mut Event<'_>) {
    let source = event
        .source
        .as_deref()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let failure = event.id.is_some_and(|id| LOGON_FAILURES.contains(&id));
    if !failure || !SECURITY.contains(&source.as_str()) {
        return;
    }
    let text = event.text.clone().into_owned();
    let by_program = BY_PROGRAM.as_ref().is_some_and(|r| r.is_match(&text));
    let Some(found) = LOGON_FAILED.as_ref().and_then(|r| r.captures(&text)) else {
        return;
    };
    let address = found["ip"].parse().ok();
    if by_program && address.is_some() {
        event.what = What::AuthFailed;
        event.direction = Direction::Inbound;
        event.address = address;
        event.remote = filled(&found["ip"]);
        event.account = filled(&found["account"]).filter(|account| account != "-");
    }
}

/// An address as logs write it (`rfc822;<A@Example.org>`) in plain form. `None` when there is none,
/// or when a web page put its own text in its place.
pub fn normalize_address(raw: &str) -> Option<String> {
    let mut text = raw.trim();
    for prefix in ["rfc822;", "RFC822;", "smtp;", "SMTP:", "smtp:"] {
        text = text.strip_prefix(prefix).unwrap_or(text).trim();
    }
    let text = text.trim_matches(['<', '>', '"', '\'', ' ', '.', ',', ';']);
    let (local, domain) = text.rsplit_once('@')?;
    let fits = !local.is_empty()
        && domain.contains(|c: char| c.is_alphanumeric())
        && !domain.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '[' | '('))
        && !local.contains(|c: char| matches!(c, '<' | '>') || c.is_control());
    fits.then(|| {
        format!(
            "{local}@{}",
            domain.trim_end_matches('.').to_ascii_lowercase()
        )
    })
}

fn dialogue(
    event: &mut Event<'_>,
    direction: Direction,
    host: &str,
    verb: &str,
    reply: &str,
    full: &str,
) {
    event.direction = direction;
    event.remote = filled(host);
    event.command = filled(verb).map(|v| Cow::Owned(v.to_ascii_lowercase()));
    event.reply = filled(reply);
    let noise = event
        .command
        .as_deref()
        .is_some_and(|verb| NOISE.contains(&verb))
        && Reply::parse(reply)
            .code
            .is_none_or(|code| (500..=504).contains(&code));
    event.what = match (noise, direction) {
        (true, _) => What::Noise,
        (false, Direction::Inbound) => What::RefusedClient,
        (false, _) => What::Refused,
    };
    let lower = full.to_ascii_lowercase();
    if let Some(at) = lower.find("rcpt to:") {
        event.recipient = normalize_address(address_part(&full[at + 8..])).map(Cow::Owned);
    } else if let Some(at) = lower.find("mail from:") {
        let part = address_part(&full[at + 10..]);
        event.sender = if part.trim() == "<>" {
            Some(Cow::Borrowed(""))
        } else {
            normalize_address(part).map(Cow::Owned)
        };
    }
}

/// The address of a MAIL or RCPT command, without the parameters behind it.
fn address_part(text: &str) -> &str {
    let text = text.trim_start();
    match text.find('>') {
        Some(end) => &text[..=end],
        None => text.split_whitespace().next().unwrap_or_default(),
    }
}

fn failed_delivery(event: &mut Event<'_>, host: Option<&str>, domain: &str, reason: &str) {
    event.what = What::DeliveryFailed;
    event.direction = Direction::Outbound;
    event.remote = host.and_then(filled);
    event.domain = filled(domain).map(|d| Cow::Owned(d.to_ascii_lowercase()));
    event.reply = filled(reason);
}

/// On a system in another language the phrases differ, but the order of the fields does not.
fn by_position(event: &mut Event<'_>, strings: &[String], text: &str) {
    let direction = match event.id {
        Some(7002 | 7004) => Direction::Outbound,
        Some(7010) => Direction::Inbound,
        // A log-in over SMTP that failed: the client's address is the only thing in brackets.
        Some(1035) => {
            let address = ADDRESS.iter().find_map(|r| r.captures(text)?.get(1));
            event.what = What::AuthFailed;
            event.direction = Direction::Inbound;
            event.remote = address.and_then(|found| filled(found.as_str()));
            return;
        }
        _ => return,
    };
    // Two insertion strings (virtual server, connection) stand before the four that matter.
    let apart: Vec<&str> = strings.iter().skip(2).map(String::as_str).collect();
    let quoted: Vec<&str> = QUOTED
        .iter()
        .flat_map(|r| r.captures_iter(text))
        .filter_map(|c| c.get(1).map(|m| m.as_str()))
        .collect();
    let fields = if apart.len() >= 3 { apart } else { quoted };
    if let [host, verb, reply, rest @ ..] = fields.as_slice() {
        dialogue(
            event,
            direction,
            host,
            verb,
            reply,
            rest.first().copied().unwrap_or_default(),
        );
    }
}

fn filled(text: &str) -> Option<Cow<'static, str>> {
    let text = text.trim();
    (!text.is_empty()).then(|| Cow::Owned(text.to_owned()))
}
