//! Texts with references (handlebars): compiled once, filled strictly, and never evaluated again.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use handlebars::template::{Parameter, TemplateElement};
use handlebars::{Handlebars, Path, PathSeg, RenderContext, Renderable, Template};
use serde_json::{Map, Value};

use super::{References, limits};
use crate::actions::Secrets;

/// A value of `with:`, compiled.
#[derive(Debug, Clone)]
pub struct Text(Part);

#[derive(Debug, Clone)]
enum Part {
    /// Nothing to fill in.
    Fixed(Value),
    /// Exactly one reference: keeps its type.
    Reference(Arc<Vec<String>>),
    /// Text around references.
    Template(Arc<Compiled>),
    List(Arc<Vec<Text>>),
    Map(Arc<Vec<(String, Text)>>),
}

#[derive(Debug)]
struct Compiled {
    source: String,
    template: Template,
    references: References,
}

/// The arguments of one step, compiled.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    source: Map<String, Value>,
    entries: Vec<(String, Text)>,
}

/// A text cannot be compiled or filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// It is not valid handlebars.
    #[error("cannot read the text '{text}': {what}")]
    Syntax {
        /// The text.
        text: String,
        /// What is wrong.
        what: String,
        /// Where: line and column from 1, when known.
        at: Option<(usize, usize)>,
    },
    /// A value is missing.
    #[error("cannot fill in '{text}': {what}")]
    Fill {
        /// The text.
        text: String,
        /// What is wrong.
        what: String,
    },
}

/// What marks a secret's placeholder. Data never brings these characters in: see [`clean`].
const MARKS: [char; 2] = ['\u{e000}', '\u{e001}'];

pub(super) static REGISTRY: LazyLock<Handlebars<'static>> =
    LazyLock::new(|| crate::templates::registry("argument.txt"));

impl Arguments {
    /// Compiled arguments. `source` are the same as they were written.
    pub(super) fn new(source: Map<String, Value>, entries: Vec<(String, Text)>) -> Self {
        Arguments { source, entries }
    }

    /// The arguments as they were written, templates and all.
    pub fn source(&self) -> &Map<String, Value> {
        &self.source
    }

    /// Fills them in. Secrets become placeholders.
    ///
    /// # Errors
    /// [`TextError::Fill`] names the text and the value that is missing.
    pub fn render(&self, values: &Value) -> Result<Map<String, Value>, TextError> {
        self.entries
            .iter()
            .map(|(name, text)| Ok((name.clone(), text.render(values)?)))
            .collect()
    }

    /// The variables that they begin with.
    pub fn variables(&self) -> BTreeSet<String> {
        let mut all = References::default();
        for (_, text) in &self.entries {
            if !matches!(text.0, Part::Fixed(_)) {
                text.collect(&mut all);
            }
        }
        all.variables
    }

    /// What they speak of.
    pub fn references(&self) -> References {
        let mut all = References::default();
        for (_, text) in &self.entries {
            text.collect(&mut all);
        }
        all
    }
}

impl Text {
    /// A value without references.
    pub fn fixed(value: Value) -> Self {
        Text(Part::Fixed(value))
    }

    pub(super) fn list(items: Vec<Text>) -> Self {
        Text(Part::List(Arc::new(items)))
    }

    pub(super) fn map(entries: Vec<(String, Text)>) -> Self {
        Text(Part::Map(Arc::new(entries)))
    }

    /// The template, when there is text around references.
    pub(super) fn template(&self) -> Option<&Template> {
        match &self.0 {
            Part::Template(compiled) => Some(&compiled.template),
            _ => None,
        }
    }

    /// Compiles a value: each text in it may hold references, keys of mappings may not.
    ///
    /// # Errors
    /// [`TextError::Syntax`] of the first text that is not valid.
    pub fn compile(value: &Value) -> Result<Self, TextError> {
        Ok(Text(match value {
            Value::String(text) => return Text::compile_text(text),
            Value::Array(items) => Part::List(Arc::new(
                items.iter().map(Text::compile).collect::<Result<_, _>>()?,
            )),
            Value::Object(fields) => Part::Map(Arc::new(
                fields
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), Text::compile(value)?)))
                    .collect::<Result<_, TextError>>()?,
            )),
            other => Part::Fixed(other.clone()),
        }))
    }

    fn compile_text(text: &str) -> Result<Self, TextError> {
        if text.contains(MARKS) {
            return Err(TextError::Syntax {
                text: text.to_owned(),
                what: "it holds a private-use character (U+E000 or U+E001)".to_owned(),
                at: None,
            });
        }
        if !text.contains("{{") {
            return Ok(Text(Part::Fixed(Value::String(text.to_owned()))));
        }
        if let Some(what) = limits::text(text) {
            return Err(TextError::Syntax {
                text: text.to_owned(),
                what,
                at: None,
            });
        }
        let template = Template::compile(text).map_err(|error| TextError::Syntax {
            text: text.to_owned(),
            what: plain_syntax(error.reason()),
            at: error.pos(),
        })?;
        if let Some(path) = lone_reference(&template) {
            return Ok(Text(Part::Reference(Arc::new(path))));
        }
        let mut references = References::default();
        super::names::collect_text(&template, &mut references);
        Ok(Text(Part::Template(Arc::new(Compiled {
            source: text.to_owned(),
            template,
            references,
        }))))
    }

    /// Fills it in. `values` is an object of the variables (see the module's top). A text that is exactly one reference
    /// keeps the type of the value; null stays null.
    ///
    /// # Errors
    /// [`TextError::Fill`].
    pub fn render(&self, values: &Value) -> Result<Value, TextError> {
        Ok(match &self.0 {
            Part::Fixed(value) => value.clone(),
            Part::Reference(path) => reference(path, values)?,
            Part::Template(compiled) => Value::String(compiled.render(values)?),
            Part::List(items) => Value::Array(
                items
                    .iter()
                    .map(|item| item.render(values))
                    .collect::<Result<_, _>>()?,
            ),
            Part::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, text)| Ok((key.clone(), text.render(values)?)))
                    .collect::<Result<_, TextError>>()?,
            ),
        })
    }

    /// What it speaks of.
    pub fn references(&self) -> References {
        let mut all = References::default();
        self.collect(&mut all);
        all
    }

    /// The path, when the text is exactly one reference.
    pub fn reference(&self) -> Option<&[String]> {
        match &self.0 {
            Part::Reference(path) => Some(path),
            _ => None,
        }
    }

    fn collect(&self, all: &mut References) {
        match &self.0 {
            Part::Fixed(_) => {}
            Part::Reference(path) => {
                all.note(&path.iter().map(String::as_str).collect::<Vec<_>>());
            }
            Part::Template(compiled) => {
                let more = compiled.references.clone();
                all.variables.extend(more.variables);
                all.secrets.extend(more.secrets);
                for (id, fields) in more.steps {
                    all.steps.entry(id).or_default().extend(fields);
                }
            }
            Part::List(items) => items.iter().for_each(|item| item.collect(all)),
            Part::Map(entries) => entries.iter().for_each(|(_, text)| text.collect(all)),
        }
    }
}

impl Compiled {
    fn render(&self, values: &Value) -> Result<String, TextError> {
        let wrong = |what: String| TextError::Fill {
            text: self.source.clone(),
            what,
        };
        let mut used = Map::new();
        for name in &self.references.variables {
            match (name.as_str(), values.get(name)) {
                ("secrets", _) => {
                    let secrets = self
                        .references
                        .secrets
                        .iter()
                        .map(|name| (name.clone(), Value::String(Secrets::placeholder(name))))
                        .collect();
                    used.insert(name.clone(), Value::Object(secrets));
                }
                (_, Some(value)) => {
                    used.insert(name.clone(), clean(value));
                }
                (_, None) => {}
            }
        }
        let context = handlebars::Context::wraps(Value::Object(used))
            .map_err(|error| wrong(error.reason().to_string()))?;
        self.template
            .renders(&REGISTRY, &context, &mut RenderContext::new(None))
            .map_err(|error| {
                wrong(match error.reason() {
                    handlebars::RenderErrorReason::MissingVariable(Some(path)) => {
                        format!("there is no value '{path}'")
                    }
                    other => other.to_string(),
                })
            })
    }
}

fn reference(path: &[String], values: &Value) -> Result<Value, TextError> {
    if let [root, name] = path
        && root == "secrets"
    {
        return Ok(Value::String(Secrets::placeholder(name)));
    }
    let mut value = values;
    for (depth, name) in path.iter().enumerate() {
        let next = match value {
            Value::Object(fields) => fields.get(name),
            Value::Array(items) => name.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        value = next.ok_or_else(|| TextError::Fill {
            text: format!("{{{{{}}}}}", path.join(".")),
            what: match value {
                Value::Null => format!("{} has no value", path[..depth].join(".")),
                _ => format!("there is no value '{}'", path[..=depth].join(".")),
            },
        })?;
    }
    Ok(clean(value))
}

/// A copy without the marks of placeholders: an answer from the network must not be able to ask for a secret.
fn clean(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains(MARKS) => {
            Value::String(text.replace(MARKS, "\u{fffd}"))
        }
        Value::Array(items) => Value::Array(items.iter().map(clean).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| (key.replace(MARKS, "\u{fffd}"), clean(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The path, when a template is nothing but `{{a.b.c}}`.
fn lone_reference(template: &Template) -> Option<Vec<String>> {
    let [TemplateElement::Expression(expression) | TemplateElement::HtmlExpression(expression)] =
        template.elements.as_slice()
    else {
        return None;
    };
    if !expression.params.is_empty() || !expression.hash.is_empty() {
        return None;
    }
    match &expression.name {
        Parameter::Path(path) => names_of(path),
        // A single word is a name to handlebars, until no helper of this name is found.
        Parameter::Name(name) => Some(vec![name.clone()]),
        _ => None,
    }
}

/// The names of a path from the root; `None` for `this`, `../x`, `@index`.
fn names_of(path: &Path) -> Option<Vec<String>> {
    let Path::Relative((segments, _)) = path else {
        return None;
    };
    if segments.is_empty() {
        return None;
    }
    segments
        .iter()
        .map(|segment| match segment {
            PathSeg::Named(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}

fn plain_syntax(reason: &handlebars::TemplateErrorReason) -> String {
    use handlebars::TemplateErrorReason as R;
    match reason {
        R::MismatchingClosedHelper(open, close) => {
            format!("'{{{{#{open}}}}}' is closed by '{{{{/{close}}}}}'")
        }
        R::InvalidSyntax(_) => {
            "a reference or block is not closed, or not written right".to_owned()
        }
        other => other.to_string(),
    }
}
