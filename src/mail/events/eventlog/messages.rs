//! Texts of events that binary logs hold only as insertion strings.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

const DATA: &str = include_str!("../../data/event-messages.yaml");

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(embedded);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    sources: Vec<Source>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    names: Vec<String>,
    #[serde(default)]
    categories: BTreeMap<u16, String>,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    ids: Vec<u32>,
    text: String,
}

/// Texts by source and id.
struct Catalogue {
    texts: HashMap<(String, u32), String>,
    categories: HashMap<(String, u16), String>,
}

/// What an event brings for its text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in super::super) struct Insertions {
    /// By place.
    pub(in super::super) strings: Vec<String>,
    /// By name, where the event names them.
    pub(in super::super) named: Vec<(String, String)>,
}

impl Insertions {
    fn get(&self, key: &str) -> Option<&str> {
        match key.parse::<usize>() {
            Ok(place) => self.strings.get(place.checked_sub(1)?).map(String::as_str),
            Err(_) => {
                let named = self.named.iter().find(|(name, _)| name == key);
                named.map(|(_, value)| value.as_str())
            }
        }
    }

    /// All values on one line each, for events without a known text.
    fn joined(&self) -> String {
        let named = self
            .named
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        let all: Vec<String> = named.chain(self.strings.iter().cloned()).collect();
        all.join("\n")
    }
}

/// The text of an event. Without a known text, or when a string is missing, the strings one below the other.
pub(in super::super) fn render(source: &str, id: u32, insertions: &Insertions) -> String {
    let key = (source.to_ascii_lowercase(), id);
    CATALOGUE
        .texts
        .get(&key)
        .and_then(|text| fill(text, insertions))
        .unwrap_or_else(|| insertions.joined())
}

/// The word of a numbered category. `None` for none, or when it is not known.
pub(in super::super) fn category(source: &str, number: u16) -> Option<String> {
    let key = (source.to_ascii_lowercase(), number);
    CATALOGUE.categories.get(&key).cloned()
}

/// Puts the strings in their places. What they hold is not looked at again. `None` when one is missing.
fn fill(text: &str, insertions: &Insertions) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 128);
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (key, length) = match rest.strip_prefix('{') {
            Some(named) => {
                let end = named.find('}')?;
                (&named[..end], end + 2)
            }
            None => {
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                (&rest[..end], end)
            }
        };
        out.push_str(insertions.get(key)?);
        rest = &rest[length..];
    }
    out.push_str(rest);
    Some(out)
}

#[expect(
    clippy::expect_used,
    reason = "the embedded texts are checked by the tests"
)]
fn embedded() -> Catalogue {
    let file: File = serde_saphyr::from_str(DATA).expect("the embedded event texts are valid");
    debug_assert_eq!(file.schema, 1);
    let mut catalogue = Catalogue {
        texts: HashMap::new(),
        categories: HashMap::new(),
    };
    for source in file.sources {
        for name in source.names.iter().map(|name| name.to_ascii_lowercase()) {
            for (number, word) in &source.categories {
                catalogue
                    .categories
                    .insert((name.clone(), *number), word.clone());
            }
            for message in &source.messages {
                for id in &message.ids {
                    let known = catalogue
                        .texts
                        .insert((name.clone(), *id), message.text.trim_end().to_owned());
                    debug_assert!(known.is_none(), "{name} {id} has two texts");
                }
            }
        }
    }
    catalogue
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(strings: &[&str]) -> Insertions {
        Insertions {
            strings: strings.iter().map(|s| (*s).to_owned()).collect(),
            named: Vec::new(),
        }
    }

    #[test]
    fn strings_take_their_places() {
        let strings = placed(&[
            "1",
            "621",
            "192.0.2.1",
            "rcpt",
            "550 50% off %1",
            "RCPT TO:<a@b.example>",
        ]);
        let text = render("msexchangetransport", 7004, &strings);
        assert!(
            text.contains("connection #621. The remote host \"192.0.2.1\", responded"),
            "{text}"
        );
        assert!(text.contains("with \"550 50% off %1\"."), "{text}");
    }

    #[test]
    fn what_is_not_known_stays_visible() {
        let strings = placed(&["a", "b"]);
        // Too few strings for the text; the public store's event of the same number; a stranger.
        for (source, id) in [
            ("MSExchangeTransport", 7004),
            ("MSExchangeIS Public Store", 3018),
            ("x", 1),
        ] {
            assert_eq!(render(source, id, &strings), "a\nb");
        }
        let named = Insertions {
            strings: Vec::new(),
            named: vec![("IpAddress".into(), "192.0.2.1".into())],
        };
        assert_eq!(
            render("Microsoft-Windows-Security-Auditing", 4625, &named),
            "IpAddress: 192.0.2.1"
        );
        assert_eq!(
            category("MSExchangeTransport", 6).as_deref(),
            Some("SMTP Protocol")
        );
        assert_eq!(category("MSExchangeTransport", 0), None);
    }

    #[test]
    fn every_text_can_be_filled() {
        for ((source, id), text) in &CATALOGUE.texts {
            let strings = Insertions {
                strings: (1..=20).map(|n| n.to_string()).collect(),
                named: Vec::new(),
            };
            assert!(
                text.contains("%{") || fill(text, &strings).is_some(),
                "{source} {id}"
            );
        }
    }
}
