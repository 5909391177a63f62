//! The workspace's `lists.yaml`: faults with the place where they stand.
//!
//! The catalogue knows what an entry may mean, but no files; here both are known.

use std::path::Path;
use std::sync::Arc;

use super::fail::Fail;
use crate::mail::dnsbl::{self, AmendError, Amendments, Place};
use crate::yaml::{Diagnostics, Node, Reader, SourceFile, Span, Value, misfit, nearest, parse};

/// Reads a file of lists and tries it on the catalogue.
pub(super) fn read(path: &Path) -> Result<String, Fail> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Fail::because(format!("cannot read {}", path.display()), error))?;
    check(&SourceFile::new(path.display().to_string(), text.as_str()))?;
    Ok(text)
}

fn check(file: &Arc<SourceFile>) -> Result<(), Diagnostics> {
    let tried =
        Amendments::read(&file.text).and_then(|amendments| dnsbl::built_in().with(&amendments));
    let misfits = match tried {
        Ok(_) | Err(AmendError::InUse) => return Ok(()),
        Err(AmendError::Shape(error)) => return Err(misfit(file, &error)),
        Err(AmendError::Meaning(misfits)) => misfits,
    };
    let tree = parse(file)?;
    let mut reader = Reader::new(file);
    for one in misfits {
        let span = place(&tree, &one.place).unwrap_or(tree.span);
        // a name that is nearly right is told
        let book = dnsbl::built_in();
        let near = match &one.place {
            Place::Changed(name) if book.list(name).is_none() => nearest_list(name),
            Place::SwitchedOff(_) => nearest_list(file.slice(span)),
            _ => None,
        };
        let hint = near.map_or(one.hint, |id| format!("did you mean '{id}'?"));
        reader.fault(span, one.message, hint);
    }
    Err(reader.finish())
}

fn nearest_list(name: &str) -> Option<&'static str> {
    nearest(
        name,
        dnsbl::built_in().lists.iter().map(|list| list.id.as_str()),
    )
}

/// Where in the file an entry stands.
fn place(tree: &Node, place: &Place) -> Option<Span> {
    match place {
        Place::Added(number, field) => {
            let own = item(field_of(tree, "add")?.1, *number)?;
            Some(field_of(own, field).map_or(own.span, |(_, value)| value.span))
        }
        Place::Changed(id) => field_of(field_of(tree, "change")?.1, id).map(|(key, _)| key),
        Place::SwitchedOff(number) => Some(item(field_of(tree, "off")?.1, *number)?.span),
    }
}

fn field_of<'n>(node: &'n Node, name: &str) -> Option<(Span, &'n Node)> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let (key, value) = entries.iter().find(|(key, _)| key.name == name)?;
    Some((key.span, value))
}

fn item(node: &Node, number: usize) -> Option<&Node> {
    match &node.value {
        Value::List(items) => items.get(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::yaml::{SourceFile, cases};

    #[test]
    fn each_fault_is_told_where_it_stands() {
        cases::hold("lists", 9, |text| {
            check(&SourceFile::new("lists.yaml", text))
        });
    }
}
