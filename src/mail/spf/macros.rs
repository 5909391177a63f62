//! Macro strings (RFC 7208 §7): `%{ir}.%{v}._spf.%{d2}`.

use std::net::IpAddr;

/// A text with macros in it, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacroString {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Macro {
        letter: char,
        /// Rightmost parts to keep.
        keep: Option<usize>,
        reversed: bool,
        delimiters: Vec<char>,
        /// Written as a capital: URL-escaped.
        escaped: bool,
    },
}

/// What is wrong with a macro string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MacroError {
    /// A `%` without its second half.
    #[error("a '%' must be followed by '{{', '%', '_' or '-'")]
    Percent,
    /// No closing brace.
    #[error("a macro is not closed with '}}'")]
    Open,
    /// An unknown letter.
    #[error("there is no macro '%{{{0}}}'")]
    Letter(String),
    /// Letters of explanations only (§7.2).
    #[error("the macro '%{{{0}}}' may only stand in an explanation")]
    Explanation(char),
    /// A number of parts that is zero or no number.
    #[error("the macro '%{{{0}}}' has a transformer that cannot be read")]
    Transformer(String),
    /// A character that may not stand there.
    #[error("the character '{0}' may not stand there")]
    Character(char),
}

/// What macros stand for while one record is evaluated.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    /// The sending address.
    pub ip: IpAddr,
    /// The whole sender, `local@domain`.
    pub sender: &'a str,
    /// The domain whose record is evaluated.
    pub domain: &'a str,
    /// The name after HELO.
    pub helo: &'a str,
    /// The confirmed name of the address; `unknown` where there is none.
    pub name: &'a str,
}

impl MacroString {
    /// Reads a macro string. `explanation` allows the letters that only make sense there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, explanation: bool) -> Result<Self, MacroError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                // macro-literal: visible ASCII but '%' (§7.1); blanks may stand in an explanation's text
                if !(c.is_ascii_graphic() || explanation && c == ' ') {
                    return Err(MacroError::Character(c));
                }
                literal.push(c);
                continue;
            }
            match rest.next() {
                Some('%') => literal.push('%'),
                Some('_') => literal.push(' '),
                Some('-') => literal.push_str("%20"),
                Some('{') => {
                    let tail = rest.as_str();
                    let end = tail.find('}').ok_or(MacroError::Open)?;
                    if !literal.is_empty() {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                    }
                    parts.push(expression(&tail[..end], explanation)?);
                    rest = tail[end + 1..].chars();
                }
                _ => return Err(MacroError::Percent),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when it reads the same for everybody.
    pub fn is_plain(&self) -> bool {
        self.parts
            .iter()
            .all(|part| matches!(part, Part::Literal(_)))
    }

    /// True when it ends with a macro.
    pub(super) fn ends_with_macro(&self) -> bool {
        matches!(self.parts.last(), Some(Part::Macro { .. }))
    }

    /// True when it needs the confirmed name of the address.
    pub fn needs_name(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Macro { letter: 'p', .. }))
    }

    /// The text with its macros filled in.
    pub fn expand(&self, values: &Values<'_>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Macro {
                    letter,
                    keep,
                    reversed,
                    delimiters,
                    escaped,
                } => {
                    let value = transformed(&value(*letter, values), *keep, *reversed, delimiters);
                    if *escaped {
                        escape(&value, &mut text);
                    } else {
                        text.push_str(&value);
                    }
                }
            }
        }
        text
    }

    /// The name it stands for: expanded, lower case, without the final dot, and cut from the left to 253 characters (§7.3).
    pub fn name(&self, values: &Values<'_>) -> String {
        let text = self.expand(values).to_ascii_lowercase();
        let mut name = text.strip_suffix('.').unwrap_or(&text);
        while name.len() > 253 {
            match name.split_once('.') {
                Some((_, rest)) => name = rest,
                None => break,
            }
        }
        name.to_owned()
    }
}

fn expression(text: &str, explanation: bool) -> Result<Part, MacroError> {
    let mut rest = text.chars();
    let letter = rest
        .next()
        .ok_or_else(|| MacroError::Letter(String::new()))?;
    let small = letter.to_ascii_lowercase();
    if !"slodiphcrtv".contains(small) {
        return Err(MacroError::Letter(text.to_owned()));
    }
    if "crt".contains(small) && !explanation {
        return Err(MacroError::Explanation(letter));
    }
    let tail = rest.as_str();
    let digits = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let keep = match &tail[..digits] {
        "" => None,
        number => match number.parse::<usize>() {
            Ok(0) | Err(_) => return Err(MacroError::Transformer(text.to_owned())),
            Ok(keep) => Some(keep),
        },
    };
    let tail = &tail[digits..];
    let reversed = tail.starts_with(['r', 'R']);
    let tail = if reversed { &tail[1..] } else { tail };
    if !tail.chars().all(|c| ".-+,/_=".contains(c)) {
        return Err(MacroError::Transformer(text.to_owned()));
    }
    Ok(Part::Macro {
        letter: small,
        keep,
        reversed,
        delimiters: if tail.is_empty() {
            vec!['.']
        } else {
            tail.chars().collect()
        },
        escaped: letter.is_ascii_uppercase(),
    })
}

fn value(letter: char, values: &Values<'_>) -> String {
    let (local, domain) = values
        .sender
        .rsplit_once('@')
        .unwrap_or(("postmaster", values.sender));
    match letter {
        's' => values.sender.to_owned(),
        'l' => local.to_owned(),
        'o' => domain.to_owned(),
        'd' => values.domain.to_owned(),
        'i' => dotted(values.ip),
        'p' => values.name.to_owned(),
        'v' => if values.ip.is_ipv4() {
            "in-addr"
        } else {
            "ip6"
        }
        .to_owned(),
        'h' => values.helo.to_owned(),
        'c' => values.ip.to_string(),
        // who receives, and when: of no meaning to a check from elsewhere
        _ => "unknown".to_owned(),
    }
}

/// IPv4 as usual, IPv6 as 32 nibbles with dots (§7.3).
fn dotted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let nibbles: Vec<String> = v6
                .octets()
                .iter()
                .flat_map(|octet| [octet >> 4, octet & 15])
                .map(|nibble| format!("{nibble:x}"))
                .collect();
            nibbles.join(".")
        }
    }
}

fn transformed(value: &str, keep: Option<usize>, reversed: bool, delimiters: &[char]) -> String {
    let mut parts: Vec<&str> = value.split(delimiters).collect();
    if reversed {
        parts.reverse();
    }
    if let Some(keep) = keep {
        parts.drain(..parts.len().saturating_sub(keep));
    }
    parts.join(".")
}

/// Everything but the unreserved characters of RFC 3986 as `%XX`.
fn escape(value: &str, to: &mut String) {
    use std::fmt::Write as _;
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(to, "%{byte:02X}");
        }
    }
}
