//! Paths and addresses, read the way mail servers read them: liberal where the personality says so.

use std::net::{IpAddr, Ipv6Addr};

use super::personality::{OddAddresses, Personality};

/// `MAIL FROM:<path> parameters`, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathArgument {
    /// The path without brackets, its source route (RFC 5321 appendix C) still on.
    pub(super) path: String,
    /// `KEYWORD` or `KEYWORD=value`, upper-cased keyword.
    pub(super) parameters: Vec<(String, String)>,
}

/// Where a recipient leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    /// An address of the server's own, `local@domain`.
    Local(String),
    /// Somebody else's address.
    Foreign(String),
}

/// Parses what follows `FROM:` or `TO:`. `None` is a syntax error.
pub(super) fn path_argument(text: &str, lenient: bool) -> Option<PathArgument> {
    let trimmed = if lenient { text.trim_start() } else { text };
    let (path, rest) = match trimmed.strip_prefix('<') {
        Some(inner) => {
            let end = outside_quotes(inner, '>')?;
            (&inner[..end], &inner[end + 1..])
        }
        None if lenient && !trimmed.trim().is_empty() => {
            trimmed.split_once(' ').unwrap_or((trimmed, ""))
        }
        None => return None,
    };
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    if !is_path(path) {
        return None;
    }
    let parameters = rest.split_ascii_whitespace().map(|word| {
        let (keyword, value) = word.split_once('=').unwrap_or((word, ""));
        (keyword.to_ascii_uppercase(), value.to_owned())
    });
    Some(PathArgument {
        path: path.to_owned(),
        parameters: parameters.collect(),
    })
}

/// Splits `local@domain` at the last @ outside quotes; the domain is lower-cased, without a trailing dot.
pub(super) fn split(address: &str) -> (&str, Option<String>) {
    match last_outside_quotes(address, '@') {
        Some(at) => (
            &address[..at],
            Some(address[at + 1..].trim_end_matches('.').to_lowercase()),
        ),
        None => (address, None),
    }
}

/// The address behind a source route, which RFC 5321 lets a server ignore.
pub(super) fn without_route(path: &str) -> &str {
    match path.starts_with('@').then(|| path.find(':')).flatten() {
        Some(colon) => &path[colon + 1..],
        None => path,
    }
}

/// Where `address` leads on this server, which was reached at `own`.
pub(super) fn destination(address: &str, personality: &Personality, own: IpAddr) -> Destination {
    let mut address = without_route(address).to_owned();
    // Each round takes one layer of routing off; real addresses have two or three.
    for _ in 0..8 {
        let (local, domain) = split(&address);
        if let Some(domain) = &domain
            && !is_own(domain, personality, own)
        {
            return Destination::Foreign(address);
        }
        let inner = match personality.odd_addresses {
            OddAddresses::Route => routed(local),
            // A quoted address without a domain is read as the address it quotes.
            OddAddresses::Local if domain.is_none() && local.starts_with('"') => {
                Some(unquoted(local)).filter(|inner| inner.contains('@'))
            }
            OddAddresses::Local => None,
        };
        match inner {
            Some(inner) => address = inner,
            None => return Destination::Local(at_home(local, domain.as_deref(), personality)),
        }
    }
    Destination::Foreign(address)
}

/// Whether the server takes `domain` (lower case) for itself.
pub(super) fn is_own(domain: &str, personality: &Personality, own: IpAddr) -> bool {
    if domain == personality.name.to_lowercase()
        || domain == "localhost"
        || domain == "localhost.localdomain"
    {
        return true;
    }
    match literal(domain) {
        Some(address) => {
            address == own || address.is_loopback() || personality.literals.contains(&address)
        }
        None => personality.domains.iter().any(|known| known == domain),
    }
}

/// The address in `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
fn literal(domain: &str) -> Option<IpAddr> {
    let inner = domain.strip_prefix('[')?.strip_suffix(']')?;
    match inner.strip_prefix("ipv6:") {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => inner.parse().ok(),
    }
}

/// A local address in its full form. Literals and host names stand for the first domain.
fn at_home(local: &str, domain: Option<&str>, personality: &Personality) -> String {
    let home = personality.domains.first().unwrap_or(&personality.name);
    let domain = domain
        .filter(|domain| personality.domains.iter().any(|known| known == domain))
        .unwrap_or(home);
    format!("{}@{domain}", local.to_lowercase())
}

/// The address inside a local part: `"a@b"`, `b!a`, `a%b`.
fn routed(local: &str) -> Option<String> {
    let plain = unquoted(local);
    if plain.contains('@') {
        return Some(plain);
    }
    if let Some((host, rest)) = plain.split_once('!') {
        return Some(format!("{rest}@{host}"));
    }
    plain
        .rsplit_once('%')
        .map(|(rest, host)| format!("{rest}@{host}"))
}

fn unquoted(local: &str) -> String {
    let inner = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(local);
    let mut plain = String::with_capacity(inner.len());
    let mut escaped = false;
    for letter in inner.chars() {
        if letter == '\\' && !escaped {
            escaped = true;
        } else {
            plain.push(letter);
            escaped = false;
        }
    }
    plain
}

/// Whether a path is empty or has the outer form of an address: printable, no bare blank, something on both sides of the @.
fn is_path(path: &str) -> bool {
    if path.is_empty() {
        return true;
    }
    let address = without_route(path);
    let (local, domain) = split(address);
    let sound = domain.as_deref().is_none_or(|domain| {
        let literal = domain.starts_with('[') && domain.ends_with(']') && domain.len() > 2;
        let name = domain.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || !byte.is_ascii()
                })
        });
        literal || name
    });
    !local.is_empty()
        && sound
        && !path.chars().any(char::is_control)
        && outside_quotes(path, ' ').is_none()
        && outside_quotes(path, '<').is_none()
        && path.matches('"').count().is_multiple_of(2)
        && path.len() <= 254
}

fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
    positions_outside_quotes(text, wanted).next()
}

fn last_outside_quotes(text: &str, wanted: char) -> Option<usize> {
    positions_outside_quotes(text, wanted).last()
}

fn positions_outside_quotes(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().filter_map(move |(at, letter)| {
        let plain = !quoted && !escaped;
        match letter {
            '\\' if !escaped => {
                escaped = true;
                return None;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = false;
        (plain && letter == wanted).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let path = |text: &str, lenient| path_argument(text, lenient).map(|argument| argument.path);
        for (text, lenient, expected) in [
            ("<a@b.example>", false, Some("a@b.example")),
            ("<>", false, Some("")),
            (" <a@b.example>", false, None),
            (" <a@b.example>", true, Some("a@b.example")),
            ("a@b.example", false, None),
            ("a@b.example", true, Some("a@b.example")),
            ("<a@b.example", true, None),
            ("<a b@c.example>", true, None),
            ("<\"a b>\"@c.example>", false, Some("\"a b>\"@c.example")),
            ("<@c.example>", false, None),
            ("<a@>", false, None),
            ("<a@b..example>", false, None),
            ("<a@b.example.>", false, Some("a@b.example.")),
            (
                "<@x.example,@y.example:a@b.example>",
                false,
                Some("@x.example,@y.example:a@b.example"),
            ),
            ("<a@b.example>SIZE=1", false, None),
            ("<a@[127.0.0.1]>", false, Some("a@[127.0.0.1]")),
        ] {
            assert_eq!(path(text, lenient).as_deref(), expected, "{text}");
        }
        let argument = path_argument("<a@b.example> SIZE=12 body=8BITMIME", false)
            .map(|argument| argument.parameters);
        assert_eq!(
            argument,
            Some(vec![
                ("SIZE".into(), "12".into()),
                ("BODY".into(), "8BITMIME".into())
            ])
        );
    }

    #[test]
    fn routes() {
        for (local, inner) in [
            ("plain", None),
            ("st%e2.example", Some("st@e2.example")),
            ("st%e2.example%host", Some("st%e2.example@host")),
            ("e2.example!st", Some("st@e2.example")),
            ("\"st@e2.example\"", Some("st@e2.example")),
            ("st\\@e2.example", Some("st@e2.example")),
        ] {
            assert_eq!(routed(local).as_deref(), inner, "{local}");
        }
    }
}
