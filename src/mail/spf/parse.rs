//! Reads an SPF record by the grammar of RFC 7208 §12, and tells every fault in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::macros::MacroString;
use super::record::{Kind, Mechanism, Qualifier, Record, Term, is_spf};

/// Something that makes every receiver give the whole record up (`permerror`, §4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Octets before it in the record.
    pub at: usize,
    /// The term as it is written.
    pub term: String,
    /// What is wrong, in words.
    pub what: String,
    /// The term that was meant, where that is plain.
    pub meant: Option<String>,
}

/// A record as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The terms without fault.
    pub record: Record,
    /// The faults; with any of them the record counts for nothing.
    pub faults: Vec<Fault>,
    text: String,
}

/// Mechanisms that are often misspelt, and what is meant.
const MISSPELT: &[(&str, &str)] = &[
    ("aal", "all"),
    ("al", "all"),
    ("alll", "all"),
    ("any", "all"),
    ("everyone", "all"),
    ("inc", "include"),
    ("inclde", "include"),
    ("inclue", "include"),
    ("includ", "include"),
    ("included", "include"),
    ("includes", "include"),
    ("incude", "include"),
    ("inculde", "include"),
    ("inlcude", "include"),
    ("inlude", "include"),
    ("ipv4", "ip4"),
    ("ip-4", "ip4"),
    ("ip_4", "ip4"),
    ("ipv6", "ip6"),
    ("ip-6", "ip6"),
    ("ip_6", "ip6"),
    ("mxs", "mx"),
    ("exist", "exists"),
];

/// Names of mechanisms, for messages.
const MECHANISMS: &[&str] = &["all", "include", "a", "mx", "ip4", "ip6", "exists", "ptr"];

/// Reads a record that [`is_spf`].
pub fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed {
        record: Record { terms: Vec::new() },
        faults: Vec::new(),
        text: text.to_owned(),
    };
    if !is_spf(text) {
        parsed.faults.push(Fault {
            at: 0,
            term: text.split(' ').next().unwrap_or_default().to_owned(),
            what: "the record does not begin with 'v=spf1' and a blank".to_owned(),
            meant: None,
        });
        return parsed;
    }
    let words = words(text);
    let mut words = words.iter().skip(1).peekable();
    while let Some((at, word)) = words.next() {
        // 'include: example.net': the value stands behind a blank
        if word.ends_with([':', '='])
            && let Some((next_at, next)) = words.next_if(|(_, next)| !is_term(next))
        {
            parsed.faults.push(Fault {
                at: *at,
                // to the letter: several blanks may stand between
                term: text[*at..*next_at + next.len()].to_owned(),
                what: format!("a blank stands after '{word}'"),
                meant: Some(format!("{word}{next}")).filter(|joined| term(joined).is_ok()),
            });
            continue;
        }
        match term(word) {
            Ok(kind) => parsed.record.terms.push(Term {
                text: (*word).to_owned(),
                at: *at,
                kind,
            }),
            Err(problem) => parsed.faults.push(Fault {
                at: *at,
                term: (*word).to_owned(),
                what: problem.what,
                meant: problem.meant.filter(|meant| term(meant).is_ok()),
            }),
        }
    }
    parsed.twice("redirect");
    parsed.twice("exp");
    parsed.faults.sort_by_key(|fault| fault.at);
    parsed
}

impl Parsed {
    /// True when receivers can use it.
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }

    /// The record with each fault replaced by what was meant; none when that is not plain for all of them.
    pub fn mended(&self) -> Option<String> {
        let mut text = self.text.clone();
        // from the end, so that the places before stay right
        for fault in self.faults.iter().rev() {
            let meant = fault.meant.as_ref()?;
            let end = fault.at.checked_add(fault.term.len())?;
            if text.get(fault.at..end) != Some(fault.term.as_str()) {
                return None;
            }
            text.replace_range(fault.at..end, meant);
        }
        (!self.faults.is_empty() && parse(&text).is_valid()).then_some(text)
    }

    /// A modifier that may stand once only (§6).
    fn twice(&mut self, name: &str) {
        let again: Vec<Fault> = self
            .record
            .terms
            .iter()
            .filter(|term| match term.kind {
                Kind::Redirect(_) => name == "redirect",
                Kind::Explanation(_) => name == "exp",
                _ => false,
            })
            .skip(1)
            .map(|term| Fault {
                at: term.at,
                term: term.text.clone(),
                what: format!("'{name}=' may stand in a record only once"),
                meant: None,
            })
            .collect();
        self.faults.extend(again);
    }
}

/// Words with their place. Only the blank separates (§12: `1*SP`).
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut at = 0;
    for word in text.split(' ') {
        if !word.is_empty() {
            words.push((at, word));
        }
        at += word.len() + 1;
    }
    words
}

/// Whether a word at least begins like a term.
fn is_term(word: &str) -> bool {
    let bare = word.trim_start_matches(['+', '-', '~', '?']);
    let name = bare.split([':', '/', '=']).next().unwrap_or_default();
    MECHANISMS
        .iter()
        .chain(&["redirect", "exp"])
        .any(|known| known.eq_ignore_ascii_case(name))
}

struct Problem {
    what: String,
    meant: Option<String>,
}

impl Problem {
    fn new(what: impl Into<String>) -> Self {
        Problem {
            what: what.into(),
            meant: None,
        }
    }

    fn meant(mut self, meant: impl Into<String>) -> Self {
        self.meant = Some(meant.into());
        self
    }
}

fn term(word: &str) -> Result<Kind, Problem> {
    if let Some(c) = word.chars().find(|c| !c.is_ascii_graphic()) {
        return Err(foreign(word, c));
    }
    let bare = word.trim_end_matches([',', ';']);
    if bare.len() < word.len() && !bare.is_empty() {
        return Err(
            Problem::new("terms are separated by blanks, not by commas or semicolons").meant(bare),
        );
    }
    if let Some((name, value)) = modifier(word) {
        return match name.to_ascii_lowercase().as_str() {
            "redirect" => domain_spec(value).map(Kind::Redirect),
            "exp" => domain_spec(value).map(Kind::Explanation),
            name => match MacroString::parse(value, false) {
                Ok(_) => Ok(Kind::Unknown(name.to_owned())),
                Err(error) => Err(Problem::new(error.to_string())),
            },
        };
    }
    let (sign, rest) = match word.chars().next() {
        Some('+') => (Qualifier::Pass, &word[1..]),
        Some('-') => (Qualifier::Fail, &word[1..]),
        Some('~') => (Qualifier::SoftFail, &word[1..]),
        Some('?') => (Qualifier::Neutral, &word[1..]),
        _ => (Qualifier::Pass, word),
    };
    let signed = |text: String| format!("{}{text}", &word[..word.len() - rest.len()]);
    mechanism(rest)
        .map(|mechanism| Kind::Directive(sign, mechanism))
        .map_err(|problem| Problem {
            what: problem.what,
            meant: problem.meant.map(signed),
        })
}

/// `name=value`, where the name is one (§4.6.1).
fn modifier(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let mut letters = name.chars();
    let good = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    good.then_some((name, value))
}

fn foreign(word: &str, c: char) -> Problem {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Problem::new(format!(
            "the dash '{c}' is not the '-' of the keyboard; it came from a word processor"
        ))
        .meant(word.replace(c, "-")),
        '\t' | '\u{a0}' | '\r' | '\n' => Problem::new(
            "terms are separated by blanks; here stands a tab, a line end or a no-break space",
        )
        .meant(word.replace(c, " ").trim().to_owned()),
        c => Problem::new(format!(
            "the character '{}' may not stand in a record",
            c.escape_default()
        ))
        .meant(word.replace(c, "")),
    }
}

fn mechanism(text: &str) -> Result<Mechanism, Problem> {
    let end = text.find([':', '/', '=']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let value = rest.strip_prefix(':');
    match name.to_ascii_lowercase().as_str() {
        "all" if rest.is_empty() => Ok(Mechanism::All),
        "all" => Err(Problem::new("nothing may follow 'all'").meant(name)),
        "include" => needed(name, value).map(Mechanism::Include),
        "exists" => needed(name, value).map(Mechanism::Exists),
        "ptr" => match (rest.is_empty(), value) {
            (true, _) => Ok(Mechanism::Ptr(None)),
            (false, Some(value)) => domain_spec(value).map(|spec| Mechanism::Ptr(Some(spec))),
            (false, None) => Err(Problem::new(
                "'ptr' takes a domain after a colon, or nothing",
            )),
        },
        "a" => {
            let (domain, v4, v6) = hosts(name, rest)?;
            Ok(Mechanism::A { domain, v4, v6 })
        }
        "mx" => {
            let (domain, v4, v6) = hosts(name, rest)?;
            Ok(Mechanism::Mx { domain, v4, v6 })
        }
        "ip4" => ip4(value),
        "ip6" => ip6(value),
        other => Err(unknown(text, other, rest)),
    }
}

/// What is no mechanism, and what may be meant.
fn unknown(text: &str, name: &str, rest: &str) -> Problem {
    let list = format!("the mechanisms are {}", MECHANISMS.join(", "));
    if let Some(network) = network(text) {
        return Problem::new(format!("an address needs '{network}:' before it"))
            .meant(format!("{network}:{text}"));
    }
    if name == "ip" && rest.starts_with(':') {
        let network = network(&rest[1..]).unwrap_or("ip4");
        return Problem::new("there is no mechanism 'ip', only 'ip4' and 'ip6'")
            .meant(format!("{network}{rest}"));
    }
    if matches!(name, "redirect" | "exp") && rest.starts_with(':') {
        return Problem::new(format!("'{name}' takes a '=', not a colon"))
            .meant(format!("{name}={}", &rest[1..]));
    }
    if name == "v" || name == "v=spf1" {
        return Problem::new("the version stands twice: two records were joined to one");
    }
    if let Some((_, meant)) = MISSPELT.iter().find(|(wrong, _)| *wrong == name) {
        return Problem::new(format!(
            "there is no mechanism '{name}': '{meant}' is meant"
        ))
        .meant(format!("{meant}{rest}"));
    }
    if name.is_empty() {
        return Problem::new(format!("a mechanism is missing; {list}"));
    }
    if rest.is_empty() && name.contains('.') {
        return Problem::new(
            "a name alone says nothing: write include:NAME for another's record, or a:NAME for a server",
        );
    }
    Problem::new(format!("there is no mechanism '{name}'; {list}"))
}

/// The mechanism for a bare network, if the text is one.
fn network(text: &str) -> Option<&'static str> {
    let address = text.split('/').next()?;
    match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(_) => Some("ip4"),
        IpAddr::V6(_) => Some("ip6"),
    }
}

fn needed(name: &str, value: Option<&str>) -> Result<MacroString, Problem> {
    match value {
        Some(value) if !value.is_empty() => domain_spec(value),
        _ => Err(Problem::new(format!(
            "'{name}' needs a domain: {}:example.net",
            name.to_ascii_lowercase()
        ))),
    }
}

/// `[ ":" domain-spec ] [ "/" n ] [ "//" n ]` of `a` and `mx` (§5.3, §5.4).
fn hosts(name: &str, rest: &str) -> Result<(Option<MacroString>, u8, u8), Problem> {
    let (rest, v6) = match split_prefix(rest, "//", 128)? {
        Some((rest, v6)) => (rest, v6),
        None => (rest, 128),
    };
    let (rest, v4) = match split_prefix(rest, "/", 32)? {
        Some((rest, v4)) => (rest, v4),
        None => (rest, 32),
    };
    if rest.is_empty() {
        return Ok((None, v4, v6));
    }
    match rest.strip_prefix(':') {
        Some("") => Err(Problem::new(format!("a name is missing after '{name}:'"))),
        Some(spec) => domain_spec(spec).map(|spec| (Some(spec), v4, v6)),
        None => Err(Problem::new(format!(
            "'{rest}' cannot be read: write {name}:NAME, {name}/24, or {name}:NAME/24"
        ))),
    }
}

/// A prefix length at the end, if there is one.
fn split_prefix<'a>(text: &'a str, mark: &str, most: u8) -> Result<Option<(&'a str, u8)>, Problem> {
    let Some(place) = text.rfind(mark) else {
        return Ok(None);
    };
    let digits = &text[place + mark.len()..];
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    prefix(digits, most).map(|prefix| Some((&text[..place], prefix)))
}

/// A prefix length: no leading zero, at most the length of the address.
fn prefix(digits: &str, most: u8) -> Result<u8, Problem> {
    let plain = digits == "0" || !digits.starts_with('0');
    match digits.parse::<u8>() {
        Ok(prefix) if plain && prefix <= most => Ok(prefix),
        _ => Err(Problem::new(format!(
            "/{digits} is no prefix length: it goes from /0 to /{most}"
        ))),
    }
}

fn ip4(value: Option<&str>) -> Result<Mechanism, Problem> {
    let value = value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Problem::new("'ip4' needs an address: ip4:192.0.2.1 or ip4:192.0.2.0/24"))?;
    let (address, digits) = split_network(value);
    let address: Ipv4Addr = address.parse().map_err(|_| {
        if address.parse::<Ipv6Addr>().is_ok() {
            Problem::new(format!("{address} is an IPv6 address: it belongs to 'ip6'"))
                .meant(format!("ip6:{value}"))
        } else if address.contains('-') {
            Problem::new(format!(
                "'{address}' is a range: write networks such as ip4:192.0.2.0/28, or one term an address"
            ))
        } else {
            Problem::new(format!(
                "'{address}' is no IPv4 address: four numbers from 0 to 255 with dots between"
            ))
        }
    })?;
    let prefix = digits.map_or(Ok(32), |digits| prefix(digits, 32))?;
    Ok(Mechanism::Ip4 { address, prefix })
}

fn ip6(value: Option<&str>) -> Result<Mechanism, Problem> {
    let value = value.filter(|value| !value.is_empty()).ok_or_else(|| {
        Problem::new("'ip6' needs an address: ip6:2001:db8::1 or ip6:2001:db8::/32")
    })?;
    let (address, digits) = split_network(value);
    let address: Ipv6Addr = address.parse().map_err(|_| {
        if address.parse::<Ipv4Addr>().is_ok() {
            Problem::new(format!("{address} is an IPv4 address: it belongs to 'ip4'"))
                .meant(format!("ip4:{value}"))
        } else {
            Problem::new(format!("'{address}' is no IPv6 address"))
        }
    })?;
    let prefix = digits.map_or(Ok(128), |digits| prefix(digits, 128))?;
    Ok(Mechanism::Ip6 { address, prefix })
}

fn split_network(value: &str) -> (&str, Option<&str>) {
    match value.split_once('/') {
        Some((address, digits)) => (address, Some(digits)),
        None => (value, None),
    }
}

/// A domain with macros. It ends with a macro, or with a dot and a top-level label (§7.1).
fn domain_spec(text: &str) -> Result<MacroString, Problem> {
    if text.is_empty() {
        return Err(Problem::new("a domain is missing"));
    }
    let spec = MacroString::parse(text, false).map_err(|error| Problem::new(error.to_string()))?;
    if spec.ends_with_macro() {
        return Ok(spec);
    }
    let after_macros = text.rsplit('}').next().unwrap_or(text);
    let tail = after_macros.strip_suffix('.').unwrap_or(after_macros);
    let Some((before, top)) = tail.rsplit_once('.') else {
        return Err(Problem::new(format!(
            "'{text}' is not a full name: it needs a domain with a dot"
        )));
    };
    if text.parse::<Ipv4Addr>().is_ok() {
        return Err(
            Problem::new(format!("{text} is an address where a name is meant"))
                .meant(format!("ip4:{text}")),
        );
    }
    let inner = top.len() > 1
        && !top.starts_with('-')
        && !top.ends_with('-')
        && top.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && top.bytes().any(|b| b == b'-');
    let plain = top.bytes().all(|b| b.is_ascii_alphanumeric())
        && top.bytes().any(|b| b.is_ascii_alphabetic());
    if !(inner || plain) {
        return Err(Problem::new(format!(
            "'{text}' is no domain name: it cannot end in '.{top}'"
        )));
    }
    if before.contains("..") || before.starts_with("//") {
        return Err(Problem::new(format!("'{text}' has an empty label")));
    }
    Ok(spec)
}
