//! People and desks in a registry's answer: entities with roles (RFC 9083 §5.1, §10.2.4) and a card (RFC 7095).

use serde::Serialize;
use serde_json::Value;

use super::clean;

/// Entities lie inside entities; deeper than this is nobody's desk.
const DEEPEST: usize = 4;
/// Contacts that are kept of one answer.
const MOST: usize = 24;

/// A person or desk of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// What it is there for: `registrant`, `abuse`, `technical`, `administrative`, `noc`, ...
    pub roles: Vec<String>,
    /// Its name; the handle where the card has none.
    pub name: String,
    /// Mail addresses.
    pub emails: Vec<String>,
    /// Telephone numbers.
    pub phones: Vec<String>,
}

impl Contact {
    /// Is it there for this?
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|known| known == role)
    }
}

/// The contacts of an answer, outer ones first.
pub(super) fn contacts(object: &Value) -> Vec<Contact> {
    let mut found = Vec::new();
    gather(object, 0, &mut found);
    found
}

fn gather(object: &Value, depth: usize, found: &mut Vec<Contact>) {
    let entities = object.get("entities").and_then(Value::as_array);
    for entity in entities.into_iter().flatten() {
        if found.len() >= MOST || depth >= DEEPEST {
            return;
        }
        let contact = contact(entity);
        if !contact.name.is_empty() || !contact.emails.is_empty() {
            found.push(contact);
        }
        gather(entity, depth + 1, found);
    }
}

fn contact(entity: &Value) -> Contact {
    let roles = entity.get("roles").and_then(Value::as_array);
    let mut contact = Contact {
        roles: roles
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|role| clean(role).to_ascii_lowercase())
            .collect(),
        name: String::new(),
        emails: Vec::new(),
        phones: Vec::new(),
    };
    // ["vcard", [["fn", {}, "text", "Example"], ...]]
    let card = entity.pointer("/vcardArray/1").and_then(Value::as_array);
    let mut organization = String::new();
    for property in card.into_iter().flatten() {
        let Some([name, _, _, value, ..]) = property.as_array().map(Vec::as_slice) else {
            continue;
        };
        let Some(value) = text(value) else { continue };
        match name.as_str().unwrap_or_default() {
            "fn" => contact.name = value,
            "org" => organization = value,
            "email" if is_mailbox(&value) && !contact.emails.contains(&value) => {
                contact.emails.push(value);
            }
            "tel" => contact
                .phones
                .push(value.trim_start_matches("tel:").to_owned()),
            _ => {}
        }
    }
    if contact.name.is_empty() {
        contact.name = organization;
    }
    if contact.name.is_empty() {
        contact.name = entity
            .get("handle")
            .and_then(Value::as_str)
            .map(clean)
            .unwrap_or_default();
    }
    contact
}

/// A value of a card: a text, or the first text of a structured one.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => clean(text),
        Value::Array(parts) => parts.iter().find_map(Value::as_str).map(clean)?,
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Something that mail can be written to. A registry's remark in the place of an address is none.
fn is_mailbox(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let good = |c: char| !c.is_whitespace() && !"<>()[],;:\"\\|@".contains(c);
    !local.is_empty()
        && local.chars().all(good)
        && crate::mail::ptr::host_name(&domain.to_ascii_lowercase()).is_ok()
}
