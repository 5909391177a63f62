//! Reads a reference to a secret out of a site file or runbook.

use std::path::Path;

use super::SecretRef;
use crate::yaml::{self, Node, Reader};

/// Reads a reference to a secret. A secret itself is refused, and its text kept out of the message. `folder`: where relative
/// paths count from; `None`: they are refused.
pub fn secret_ref(
    reader: &mut Reader,
    node: &Node,
    what: &str,
    folder: Option<&Path>,
) -> Option<SecretRef> {
    const HINT: &str =
        "say where it is kept: {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}";
    let yaml::Value::Map(entries) = &node.value else {
        reader.mask(node.span);
        reader.fault_labelled(
            node.span,
            format!("{what} must not be written into a file"),
            "the secret itself?",
            HINT,
        );
        return None;
    };
    let fields = reader.fields(node, what, &["env", "file", "command"]);
    if entries.len() != 1 {
        reader.fault(node.span, format!("{what} must name one place"), HINT);
        return None;
    }
    if let Some(name) = fields.get("env") {
        let text = reader.text(name, "'env'")?;
        if text.contains('=') || text.contains('$') || text.contains(char::is_whitespace) {
            reader.fault(
                name.span,
                format!("'{text}' is not the name of an environment variable"),
                "write its name alone, without $",
            );
            return None;
        }
        return Some(SecretRef::Env(text));
    }
    if let Some(node) = fields.get("file") {
        let text = reader.text(node, "'file'")?;
        let Some(folder) = folder else {
            if Path::new(&text).is_relative() {
                reader.fault(
                    node.span,
                    "the file of a secret needs its full path here",
                    "a run may be resumed from any folder; write /PATH, or use 'env' or 'command'",
                );
            }
            return Some(SecretRef::File(text.into()));
        };
        return Some(SecretRef::File(folder.join(text)));
    }
    let command = fields.get("command")?;
    if !matches!(command.value, yaml::Value::List(_)) {
        reader.fault(
            command.span,
            "'command' must be a list: it is run without a shell",
            "write [PROGRAM, ARGUMENT, ...]",
        );
        return None;
    }
    let argv: Vec<String> = reader
        .texts(command, "'command'")
        .into_iter()
        .map(|(text, _)| text)
        .collect();
    if argv.is_empty() {
        reader.fault(command.span, "'command' is empty", HINT);
        return None;
    }
    Some(SecretRef::Command(argv))
}
