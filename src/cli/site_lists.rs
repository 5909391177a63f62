//! The `lists` of a site file against the catalogue: keys for lists that take none, names that mean nothing, dead zones.
//!
//! The site file's own reader knows nothing of lists; here both are known.

use std::path::Path;

use super::fail::Fail;
use crate::mail::dnsbl::{Catalogue, catalogue};
use crate::yaml::{Reader, SourceFile, Span, hint, parse};

/// Checks the `lists` of a site file that is otherwise in order.
pub(super) fn check(path: &Path) -> Result<(), Fail> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(());
    };
    // Most sites name no lists: those are not read a second time.
    if !text.contains("lists") {
        return Ok(());
    }
    let file = SourceFile::new(path.display().to_string(), text);
    let tree = parse(&file)?;
    let mut reader = Reader::new(&file);
    let site = reader.open(&tree, "a site");
    if let Some(lists) = site.get("lists") {
        let lists = reader.open(lists, "'lists'");
        let book = catalogue();
        if let Some(keys) = lists.get("keys") {
            for (key, _) in reader.open(keys, "'keys'").entries() {
                key_of(&mut reader, book, &key.name, key.span);
            }
        }
        for (field, asked) in [("also", true), ("except", false)] {
            if let Some(node) = lists.get(field) {
                for (name, span) in reader.texts(node, &format!("'{field}'")) {
                    named(&mut reader, book, &name, span, asked);
                }
            }
        }
    }
    if reader.is_clean() {
        Ok(())
    } else {
        Err(reader.finish().into())
    }
}

fn key_of(reader: &mut Reader, book: &Catalogue, id: &str, span: Span) {
    let takes_key = || book.lists.iter().filter(|list| list.access.key_required);
    match book.list(id) {
        Some(list) if list.access.key_required => {}
        Some(list) => {
            let keyed = takes_key().find(|other| other.operator == list.operator);
            let instead = match keyed {
                Some(keyed) => {
                    format!("the list of this operator that takes one is '{}'", keyed.id)
                }
                None => "take it out".to_owned(),
            };
            reader.fault(span, format!("the list '{id}' takes no key"), instead);
        }
        None => reader.fault(
            span,
            format!("there is no list '{id}'"),
            hint(id, takes_key().map(|list| list.id.as_str())),
        ),
    }
}

/// A name that is asked, or left out. A zone of one's own is welcome; a dead one is not.
fn named(reader: &mut Reader, book: &Catalogue, name: &str, span: Span, asked: bool) {
    if asked && let Some(dead) = book.dead(name) {
        reader.fault(
            span,
            format!("the list '{name}' is dead and never asked"),
            dead.why.clone(),
        );
        return;
    }
    let known = book.list(name).is_some()
        || book.combined(name).is_some()
        || book.candidate(name).is_some()
        || book.dead(name).is_some();
    if !known && !name.contains('.') {
        reader.fault(
            span,
            format!("there is no list '{name}'"),
            hint(name, book.lists.iter().map(|list| list.id.as_str())),
        );
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_names_are_checked_against_the_catalogue() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        for (lists, said) in [
            (
                "{keys: {spamhaus-zen-dqs: {env: K}}, also: [dronebl, bl.ours.example], except: [psbl, bl.ours.example]}",
                None,
            ),
            ("{keys: {spamhaus-zen: {env: K}}}", Some("takes no key")),
            (
                "{keys: {spamhaus-zen-dq: {env: K}}}",
                Some("no list 'spamhaus-zen-dq'"),
            ),
            ("{also: [dnsbl.sorbs.net]}", Some("dead and never asked")),
            ("{also: [psbll]}", Some("no list 'psbll'")),
            ("{except: [nothing-such]}", Some("no list 'nothing-such'")),
            ("{except: [dnsbl.sorbs.net]}", None),
        ] {
            std::fs::write(&path, format!("id: a\nname: A\nlists: {lists}\n")).unwrap();
            let told = match check(&path) {
                Ok(()) => None,
                Err(Fail::Faults(faults)) => Some(faults.0[0].message.clone()),
                Err(other) => panic!("{other:?}"),
            };
            match said {
                None => assert_eq!(told, None, "{lists}"),
                Some(said) => assert!(told.unwrap().contains(said), "{lists}"),
            }
        }
    }
}
