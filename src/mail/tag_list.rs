//! Lists of `name=value` pairs with semicolons between, as DKIM keys, DMARC, MTA-STS and TLS-RPT records are written
//! (RFC 6376 §3.2, RFC 9989 §4.7, RFC 8461 §3.1, RFC 8460 §3).

/// A list as read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagList {
    /// Names in lower case with their values, in order, blanks around both taken away.
    pub tags: Vec<(String, String)>,
    /// What cannot be read as a pair, and names that stand twice, in words.
    pub faults: Vec<String>,
}

impl TagList {
    /// Reads a list.
    pub fn read(text: &str) -> Self {
        let mut list = TagList::default();
        let mut parts = text.split(';').map(str::trim).peekable();
        while let Some(part) = parts.next() {
            if part.is_empty() {
                // one semicolon may end the list
                if parts.peek().is_some_and(|next| !next.is_empty()) {
                    list.faults
                        .push("two semicolons stand with nothing between".to_owned());
                }
                continue;
            }
            let Some((name, value)) = part.split_once('=') else {
                list.faults.push(format!("'{part}' has no '='"));
                continue;
            };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
            let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            if !good {
                list.faults.push(format!("'{name}' is no name of a tag"));
                continue;
            }
            if value.contains(" p=") || value.contains(" v=") || value.contains(" k=") {
                list.faults
                    .push(format!("a semicolon is missing in '{part}'"));
            }
            if list.get(&name).is_some() {
                list.faults.push(format!("'{name}=' stands there twice"));
                continue;
            }
            list.tags.push((name, value));
        }
        list
    }

    /// The value of a tag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.tags
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the list begins with `v=` and this version.
    pub fn begins_with(&self, version: &str) -> bool {
        self.tags
            .first()
            .is_some_and(|(name, value)| name == "v" && value == version)
    }

    /// Tags that are not among `known`.
    pub fn others<'a>(&'a self, known: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        self.tags
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !known.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_faults_told() {
        let list = TagList::read("v=DKIM1; k = rsa ;p=AB=; ");
        assert_eq!(list.get("k"), Some("rsa"));
        assert_eq!(list.get("p"), Some("AB="));
        assert!(list.begins_with("DKIM1") && list.faults.is_empty());
        for (text, fault) in [
            ("v=DMARC1 p=none", "semicolon is missing"),
            ("v=DMARC1;;p=none", "two semicolons"),
            ("v=DMARC1; p", "no '='"),
            ("p=a; p=b", "twice"),
            ("1x=a", "no name of a tag"),
        ] {
            let list = TagList::read(text);
            assert!(list.faults[0].contains(fault), "{text}: {list:?}");
        }
    }
}
