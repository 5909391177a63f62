//! Takes typed fields out of a tree and collects all faults, so that one look at a file tells everything that is wrong.

use std::sync::Arc;
use std::time::Duration;

use super::{Diagnostic, Diagnostics, Key, Node, SourceFile, Span, Value, hint};

/// Reads a tree and collects faults.
#[derive(Debug)]
pub struct Reader {
    file: Arc<SourceFile>,
    faults: Diagnostics,
    masked: Vec<Span>,
}

/// The fields of one mapping.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'n> {
    entries: &'n [(Key, Node)],
    is_mapping: bool,
    /// Where to point when a field is missing.
    pub at: Span,
}

impl<'n> Fields<'n> {
    /// The field, when it is there and not empty.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.raw(key).filter(|node| !node.is_null())
    }

    /// The field, when it is there, even empty.
    pub fn raw(&self, key: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|(known, _)| known.name == key)
            .map(|(_, node)| node)
    }

    /// All entries, in the order of the file.
    pub fn entries(&self) -> &'n [(Key, Node)] {
        self.entries
    }
}

impl Reader {
    /// A reader for this file.
    pub fn new(file: &Arc<SourceFile>) -> Self {
        Reader {
            file: Arc::clone(file),
            faults: Diagnostics::default(),
            masked: Vec::new(),
        }
    }

    /// The file.
    pub fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    /// True when there is no fault yet.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// Keeps a piece of the file out of everything that is shown: a password that should not be there ends in no log.
    pub fn mask(&mut self, span: Span) {
        self.masked.push(span);
    }

    /// All faults, in the order of the file.
    pub fn finish(mut self) -> Diagnostics {
        if !self.masked.is_empty() {
            let mut text = self.file.text.clone();
            for span in &self.masked {
                // Byte for byte, so that every span still fits.
                if text.get(span.start..span.end).is_some() {
                    let stars: String = text[span.start..span.end]
                        .bytes()
                        .map(|byte| if byte == b'\n' { '\n' } else { '*' })
                        .collect();
                    text.replace_range(span.start..span.end, &stars);
                }
            }
            let file = SourceFile::new(self.file.name.clone(), text);
            for fault in &mut self.faults.0 {
                fault.file = Arc::clone(&file);
            }
        }
        self.faults.sorted()
    }

    /// Notes a fault. `hint` may be empty.
    pub fn fault(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.fault_labelled(span, message, "", hint);
    }

    /// Notes a fault with a word or two at the underlined text.
    pub fn fault_labelled(
        &mut self,
        span: Span,
        message: impl Into<String>,
        label: &str,
        hint: impl Into<String>,
    ) {
        let hint = hint.into();
        self.faults.0.push(Diagnostic {
            message: message.into(),
            label: label.to_owned(),
            span: Some(span),
            hint: (!hint.is_empty()).then_some(hint),
            file: Arc::clone(&self.file),
        });
    }

    /// The fields of a mapping. `what` it is, for people: `a step`. Keys other than `known` are faults.
    pub fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Fields<'n> {
        let fields = self.open(node, what);
        for (key, _) in fields.entries {
            if !known.contains(&key.name.as_str()) {
                self.fault_labelled(
                    key.span,
                    format!("{what} has no field '{}'", key.name),
                    "unknown field",
                    hint(&key.name, known.iter().copied()),
                );
            }
        }
        fields
    }

    /// The fields of a mapping whose keys are names of the user's own.
    pub fn open<'n>(&mut self, node: &'n Node, what: &str) -> Fields<'n> {
        let (entries, is_mapping): (&'n [(Key, Node)], bool) = match &node.value {
            Value::Map(entries) => (entries, true),
            _ => {
                self.expected(node, &format!("{what} must be a mapping"), "");
                (&[], false)
            }
        };
        Fields {
            entries,
            is_mapping,
            at: node.span,
        }
    }

    /// A field that must be there.
    pub fn required<'n>(&mut self, fields: &Fields<'n>, key: &str, what: &str) -> Option<&'n Node> {
        let found = fields.get(key);
        // What is no mapping has been complained about already.
        if found.is_none() && fields.is_mapping {
            let span = fields.raw(key).map_or(fields.at, |node| node.span);
            self.fault(
                span,
                format!("{what} needs '{key}'"),
                format!("add '{key}: ...'"),
            );
        }
        found
    }

    /// A text that is not empty.
    pub fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.value {
            Value::Text(text) => {
                if !self.unambiguous(node, text) {
                    return None;
                }
                if text.trim().is_empty() {
                    self.fault(node.span, format!("{what} is empty"), "");
                    return None;
                }
                Some(text.clone())
            }
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                let as_written = self.file.slice(node.span).to_owned();
                self.expected(
                    node,
                    &format!("{what} must be text"),
                    &format!("put it in quotes: \"{as_written}\""),
                );
                None
            }
            _ => {
                self.expected(node, &format!("{what} must be text"), "");
                None
            }
        }
    }

    /// False, with a fault, for a bare `yes`, `no`, `on`, `off`: half of all YAML readers take them for booleans.
    pub fn unambiguous(&mut self, node: &Node, text: &str) -> bool {
        let bare = self.file.slice(node.span) == text
            && ["yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
        if bare {
            self.fault_labelled(
                node.span,
                format!(
                    "a bare '{text}' is text to some readers of YAML and true or false to others"
                ),
                "meant as text?",
                format!("write \"{text}\" in quotes for the text, or true / false"),
            );
        }
        !bare
    }

    /// true or false.
    pub fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        match &node.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) => {
                let meant = match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "y" | "true" => "write true",
                    "no" | "off" | "n" | "false" => "write false",
                    _ => "",
                };
                self.expected(node, &format!("{what} must be true or false"), meant);
                None
            }
            _ => {
                self.expected(node, &format!("{what} must be true or false"), "");
                None
            }
        }
    }

    /// A whole number from `min` to `max`.
    pub fn integer(&mut self, node: &Node, what: &str, min: i64, max: i64) -> Option<i64> {
        match node.value {
            Value::Int(number) if (min..=max).contains(&number) => Some(number),
            Value::Int(_) => {
                self.fault(node.span, format!("{what} must be from {min} to {max}"), "");
                None
            }
            _ => {
                self.expected(node, &format!("{what} must be a whole number"), "");
                None
            }
        }
    }

    /// A duration: `30s`, `2h`, `3d`.
    pub fn duration(&mut self, node: &Node, what: &str) -> Option<Duration> {
        let hint = "write a number and a unit, together: 500ms, 30s, 15m, 2h, 3d, 1w or 1h30m";
        match &node.value {
            Value::Text(text) => {
                let duration = super::duration(text);
                if duration.is_none() {
                    self.fault(
                        node.span,
                        format!("{what} must be a duration, not '{text}'"),
                        hint,
                    );
                }
                duration
            }
            _ => {
                self.expected(node, &format!("{what} must be a duration"), hint);
                None
            }
        }
    }

    /// One of these words.
    pub fn choice<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let known = words.iter().map(|(word, _)| *word);
        let Value::Text(text) = &node.value else {
            let all: Vec<&str> = known.collect();
            self.expected(
                node,
                &format!("{what} must be one of {}", all.join(", ")),
                "",
            );
            return None;
        };
        let found = words.iter().find(|(word, _)| word == text);
        if found.is_none() {
            self.fault(
                node.span,
                format!("{what} cannot be '{text}'"),
                hint(text, known),
            );
        }
        found.map(|(_, value)| *value)
    }

    /// The items of a list.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            _ => {
                self.expected(
                    node,
                    &format!("{what} must be a list"),
                    "write [a, b], or one '- item' a line",
                );
                &[]
            }
        }
    }

    /// Texts with their places; a single text stands for a list of one.
    pub fn texts(&mut self, node: &Node, what: &str) -> Vec<(String, Span)> {
        if matches!(node.value, Value::Text(_)) {
            return self
                .text(node, what)
                .map(|text| (text, node.span))
                .into_iter()
                .collect();
        }
        self.list(node, what)
            .iter()
            .filter_map(|item| Some((self.text(item, &format!("each of {what}"))?, item.span)))
            .collect()
    }

    fn expected(&mut self, node: &Node, message: &str, hint: &str) {
        let got = match node.value {
            Value::Null => "it is empty".to_owned(),
            _ => format!("this is {}", node.describe()),
        };
        self.fault_labelled(node.span, message, &got, hint);
    }
}
