//! Takes the fields that are alike in all parts of a site file: hosts, addresses, ports, texts that must look like something.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::checks;
use super::secret_field::secret_ref;
use super::{SecretRef, Tls};
use crate::yaml::{Fields, Node, Reader, Span};

const TLS: &[(&str, Tls)] = &[
    ("auto", Tls::Auto),
    ("implicit", Tls::Implicit),
    ("starttls", Tls::Starttls),
    ("opportunistic", Tls::Opportunistic),
    ("none", Tls::None),
];

/// A site file being read.
pub(super) struct Lowering<'a> {
    pub(super) reader: Reader,
    /// Where relative paths count from.
    pub(super) folder: &'a Path,
}

/// What is wrong with a text, if anything.
pub(super) type Check = fn(&str) -> Result<(), String>;

impl Lowering<'_> {
    pub(super) fn each<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        one: fn(&mut Self, &Node) -> T,
    ) -> Vec<T> {
        let Some(node) = fields.get(key) else {
            return Vec::new();
        };
        self.reader
            .list(node, &format!("'{key}'"))
            .iter()
            .map(|node| one(self, node))
            .collect()
    }

    pub(super) fn host(&mut self, fields: &Fields<'_>, what: &str) -> String {
        if self.reader.required(fields, "host", what).is_none() {
            return String::new();
        }
        self.checked(fields, "host", checks::host, "like mail.example.com")
            .unwrap_or_default()
    }

    pub(super) fn address(&mut self, fields: &Fields<'_>) -> Option<IpAddr> {
        let node = fields.get("address")?;
        let text = self.reader.text(node, "'address'")?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => {
                self.reader.fault(
                    node.span,
                    format!("'{text}' is not an IP address"),
                    "leave it out when the name tells where to connect",
                );
                None
            }
        }
    }

    pub(super) fn ports(&mut self, fields: &Fields<'_>) -> Vec<u16> {
        let Some(node) = fields.get("ports") else {
            return Vec::new();
        };
        self.reader
            .list(node, "'ports'")
            .iter()
            .filter_map(|node| self.port(node))
            .collect()
    }

    pub(super) fn port(&mut self, node: &Node) -> Option<u16> {
        let port = self.reader.integer(node, "a port", 1, 65_535)?;
        u16::try_from(port).ok()
    }

    pub(super) fn tls(&mut self, fields: &Fields<'_>) -> Tls {
        fields
            .get("tls")
            .and_then(|node| self.reader.choice(node, "'tls'", TLS))
            .unwrap_or_default()
    }

    pub(super) fn password(&mut self, fields: &Fields<'_>) -> Option<SecretRef> {
        let node = fields.get("password")?;
        secret_ref(&mut self.reader, node, "a password", Some(self.folder))
    }

    pub(super) fn path(&mut self, fields: &Fields<'_>, key: &str) -> Option<PathBuf> {
        let node = fields.get(key)?;
        let text = self.reader.text(node, &format!("'{key}'"))?;
        Some(self.folder.join(text))
    }

    pub(super) fn boolean(&mut self, fields: &Fields<'_>, key: &str) -> Option<bool> {
        let node = fields.get(key)?;
        self.reader.boolean(node, &format!("'{key}'"))
    }

    pub(super) fn text(&mut self, fields: &Fields<'_>, key: &str) -> Option<String> {
        let node = fields.get(key)?;
        self.reader.text(node, &format!("'{key}'"))
    }

    pub(super) fn required_text(&mut self, fields: &Fields<'_>, key: &str, what: &str) -> String {
        self.reader
            .required(fields, key, what)
            .and_then(|node| self.reader.text(node, &format!("'{key}'")))
            .unwrap_or_default()
    }

    pub(super) fn checked(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        check: Check,
        hint: &str,
    ) -> Option<String> {
        let node = fields.get(key)?;
        let text = self.reader.text(node, &format!("'{key}'"))?;
        self.verify(&text, node.span, check, hint);
        Some(text)
    }

    pub(super) fn checked_texts(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        check: Check,
        hint: &str,
    ) -> Vec<String> {
        let Some(node) = fields.get(key) else {
            return Vec::new();
        };
        let texts = self.reader.texts(node, &format!("'{key}'"));
        for (text, span) in &texts {
            self.verify(text, *span, check, hint);
        }
        texts.into_iter().map(|(text, _)| text).collect()
    }

    fn verify(&mut self, text: &str, span: Span, check: Check, hint: &str) {
        if let Err(what) = check(text) {
            self.reader.fault(span, what, hint);
        }
    }
}

/// `[a-z0-9][a-z0-9-]*`, the form of ids and tags.
pub(super) fn tag(text: &str) -> Result<(), String> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = text.starts_with(letters) && text.chars().all(|c| letters(c) || c == '-');
    if good {
        Ok(())
    } else {
        Err(format!("'{text}' is not an id or tag"))
    }
}
