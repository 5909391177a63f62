//! What a server says it can do: the reply to EHLO (RFC 5321 4.1.1.1).

use serde::{Deserialize, Serialize};

use super::reply::Reply;

/// The keywords of an EHLO reply. Empty after HELO.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// The first line: the server's name and its greeting.
    pub name: String,
    /// The other lines, as sent.
    pub keywords: Vec<String>,
}

impl Capabilities {
    pub(super) fn read(reply: &Reply) -> Self {
        let mut lines = reply.lines.iter();
        Self {
            name: lines.next().cloned().unwrap_or_default(),
            keywords: lines.map(|line| line.trim().to_owned()).collect(),
        }
    }

    /// Whether the server offers `keyword`, whatever its parameters.
    pub fn has(&self, keyword: &str) -> bool {
        self.parameters(keyword).is_some()
    }

    /// The parameters of `keyword`, if it is offered.
    pub fn parameters(&self, keyword: &str) -> Option<&str> {
        self.keywords.iter().find_map(|line| {
            let (word, rest) = line.split_once([' ', '=']).unwrap_or((line, ""));
            word.eq_ignore_ascii_case(keyword).then_some(rest.trim())
        })
    }

    /// The SASL mechanisms, upper case, each once (`AUTH=LOGIN` of old servers counts too).
    pub fn auth(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for line in &self.keywords {
            let upper = line.to_ascii_uppercase();
            let Some(rest) = upper.strip_prefix("AUTH") else {
                continue;
            };
            if !rest.is_empty() && !rest.starts_with([' ', '=']) {
                continue;
            }
            for word in rest.split([' ', '=']).filter(|word| !word.is_empty()) {
                if !found.iter().any(|known| known == word) {
                    found.push(word.to_owned());
                }
            }
        }
        found
    }

    /// The largest message, in octets. None: not offered; 0: offered without a limit (RFC 1870).
    pub fn size(&self) -> Option<u64> {
        let limit = self.parameters("SIZE")?;
        if limit.is_empty() {
            Some(0)
        } else {
            limit.parse().ok()
        }
    }

    /// The most recipients of one message, where the server says so (RFC 9422).
    pub fn most_recipients(&self) -> Option<u32> {
        let mut limits = self.parameters("LIMITS")?.split_whitespace();
        limits.find_map(|limit| limit.strip_prefix("RCPTMAX=")?.parse().ok())
    }

    /// Keywords that something on the way has written over (`XXXXXXXA`, `****`): a firewall that
    /// inspects SMTP.
    pub fn masked(&self) -> Vec<&str> {
        let filled_with = |line: &str, filler: char| {
            line.chars()
                .take_while(|letter| letter.eq_ignore_ascii_case(&filler))
                .count()
                >= 4
        };
        self.keywords
            .iter()
            .map(String::as_str)
            .filter(|line| filled_with(line, 'X') || filled_with(line, '*'))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Capabilities {
        Capabilities::read(&Reply {
            code: 250,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            ms: 0,
            oddities: Vec::new(),
        })
    }

    #[test]
    fn keywords_parameters_and_old_forms() {
        let caps = read(&[
            "mail.example greets you",
            "SIZE 35882577",
            "auth PLAIN LOGIN",
            "AUTH=LOGIN CRAM-MD5",
            "STARTTLS",
            "AUTHX nothing",
        ]);
        assert_eq!(caps.name, "mail.example greets you");
        assert_eq!(caps.size(), Some(35_882_577));
        assert_eq!(caps.auth(), ["PLAIN", "LOGIN", "CRAM-MD5"]);
        assert!(caps.has("starttls") && !caps.has("DSN"));
        assert_eq!(read(&["x", "SIZE"]).size(), Some(0));
        assert_eq!(read(&["x"]).size(), None);
    }

    #[test]
    fn a_firewall_that_masks_is_seen() {
        let caps = read(&[
            "x",
            "XXXXXXXA",
            "********",
            "8BITMIME",
            "XCLIENT NAME",
            "X-EXPS LOGIN",
        ]);
        assert_eq!(caps.masked(), ["XXXXXXXA", "********"]);
    }
}
