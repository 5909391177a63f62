//! Handlebars templates: the shipped ones, and a folder of the user's own that goes first.
//!
//! The name of a template ends in what it makes: `handover.md` is `templates/handover.md.hbs`. Values are escaped for that
//! format. A missing value is an error (strict mode); a document with a hole in it is worse than none.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use handlebars::{Context, Handlebars, handlebars_helper, html_escape, no_escape};
use serde::Serialize;
use serde_json::Value;

#[derive(rust_embed::RustEmbed)]
#[folder = "templates/"]
struct Shipped;

/// Templates by name.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    folder: Option<PathBuf>,
}

/// What a template is filled with.
#[derive(Debug)]
pub struct Values(Context);

impl Values {
    /// Takes the values out of `view`.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn of(view: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::to_value(view).map(|values| Values(Context::from(values)))
    }
}

/// A template cannot be found, read or filled.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// There is no template of this name.
    #[error("there is no template '{name}' (known: {known})")]
    Unknown {
        /// As asked for.
        name: String,
        /// All names, joined by commas.
        known: String,
    },
    /// The file of the user's folder cannot be read.
    #[error("cannot read the template {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The template is not valid.
    #[error("template '{name}', line {line}: {what}")]
    Syntax {
        /// Which template.
        name: String,
        /// Line, from 1; 0 when not known.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A value is missing or a helper failed.
    #[error("template '{name}', line {line}: {what}")]
    Fill {
        /// Which template.
        name: String,
        /// Line, from 1; 0 when not known.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

impl Templates {
    /// The shipped templates; those in `folder`, if given, go first.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Templates { folder }
    }

    /// All names, sorted: shipped ones and the user's own.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Shipped::iter()
            .filter_map(|file| file.strip_suffix(".hbs").map(str::to_owned))
            .collect();
        if let Some(folder) = &self.folder {
            collect(folder, folder, &mut names);
        }
        names.sort();
        names.dedup();
        names
    }

    /// The text of a template, before it is filled.
    ///
    /// # Errors
    /// [`TemplateError::Unknown`] or [`TemplateError::Read`].
    pub fn source(&self, name: &str) -> Result<Cow<'static, str>, TemplateError> {
        let file = format!("{name}.hbs");
        if let Some(folder) = &self.folder
            && !name
                .split(['/', '\\'])
                .any(|part| part == ".." || part.is_empty())
        {
            let path = folder.join(&file);
            match std::fs::read_to_string(&path) {
                Ok(text) => return Ok(Cow::Owned(text)),
                Err(source) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(TemplateError::Read { path, source }),
            }
        }
        match Shipped::get(&file) {
            Some(embedded) => Ok(Cow::Owned(
                String::from_utf8_lossy(&embedded.data).into_owned(),
            )),
            None => Err(TemplateError::Unknown {
                name: name.to_owned(),
                known: self.names().join(", "),
            }),
        }
    }

    /// Fills a template with `values`. Partials are other templates: `{{> parts/findings.html}}`.
    ///
    /// # Errors
    /// The template is unknown or not valid, or it needs a value that is not there.
    pub fn render(&self, name: &str, values: &Value) -> Result<String, TemplateError> {
        self.fill(name, &Values(Context::from(values.clone())))
    }

    /// Fills a template with values that serve several templates; they may be large.
    ///
    /// # Errors
    /// As for [`Templates::render`].
    pub fn fill(&self, name: &str, values: &Values) -> Result<String, TemplateError> {
        let mut registry = registry(name);
        self.register(&mut registry, name, 0)?;
        registry
            .render_with_context(name, &values.0)
            .map_err(|error| TemplateError::Fill {
                name: error
                    .template_name
                    .clone()
                    .unwrap_or_else(|| name.to_owned()),
                line: error.line_no.unwrap_or(0),
                what: error.reason().to_string(),
            })
    }

    /// Registers a template and, first, the partials it names.
    fn register(
        &self,
        registry: &mut Handlebars<'_>,
        name: &str,
        depth: usize,
    ) -> Result<(), TemplateError> {
        if registry.has_template(name) || depth > 8 {
            return Ok(());
        }
        let text = self.source(name)?;
        registry
            .register_template_string(name, &text)
            .map_err(|error| {
                let line = error.pos().map_or(0, |(line, _)| line);
                TemplateError::Syntax {
                    name: name.to_owned(),
                    line,
                    what: error.reason().to_string(),
                }
            })?;
        for partial in partials(&text) {
            self.register(registry, partial, depth + 1)?;
        }
        Ok(())
    }
}

/// Names of the partials a template uses: `{{> name ...}}`, `{{#> name}}`.
fn partials(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("{{").filter_map(|(at, _)| {
        let rest = text[at + 2..].trim_start_matches(['~', '#']);
        let rest = rest.strip_prefix('>')?.trim_start();
        let name = rest
            .split(|c: char| c.is_whitespace() || c == '}' || c == '~')
            .next()?;
        (!name.is_empty() && !name.starts_with(['@', '('])).then_some(name)
    })
}

fn collect(root: &Path, folder: &Path, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, names);
        } else if let Ok(inside) = path.strip_prefix(root)
            && let Some(name) = inside.to_str().and_then(|n| n.strip_suffix(".hbs"))
        {
            names.push(name.replace('\\', "/"));
        }
    }
}

/// A registry with our helpers that escapes for the format in which `name` ends.
pub fn registry(name: &str) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    match name.rsplit('.').next() {
        Some("html") => registry.register_escape_fn(html_escape),
        Some("md") => registry.register_escape_fn(markdown_escape),
        _ => registry.register_escape_fn(no_escape),
    }
    handlebars_helper!(join: |list: Json, separator: str| join_values(list, separator));
    handlebars_helper!(upper: |text: str| text.to_uppercase());
    handlebars_helper!(plural: |count: u64, one: str, many: str| {
        format!("{count} {}", if count == 1 { one } else { many })
    });
    handlebars_helper!(date: |time: str| time.split('T').next().unwrap_or(time).to_owned());
    handlebars_helper!(clock: |time: str| short_time(time));
    handlebars_helper!(or_else: |value: Json, other: str| match value {
        Value::Null => other.to_owned(),
        Value::String(text) if text.is_empty() => other.to_owned(),
        value => plain(value),
    });
    registry.register_helper("join", Box::new(join));
    registry.register_helper("upper", Box::new(upper));
    registry.register_helper("plural", Box::new(plural));
    registry.register_helper("date", Box::new(date));
    registry.register_helper("clock", Box::new(clock));
    registry.register_helper("or_else", Box::new(or_else));
    registry
}

fn join_values(list: &Value, separator: &str) -> String {
    match list {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(separator),
        other => plain(other),
    }
}

/// A value as text for people: strings without quotes, the rest as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// `2026-11-24T08:15:30.123Z` -> `2026-11-24 08:15 UTC`.
fn short_time(time: &str) -> String {
    match time.split_once('T') {
        Some((day, rest)) if time.ends_with('Z') && rest.len() >= 5 => {
            format!("{day} {} UTC", &rest[..5])
        }
        _ => time.to_owned(),
    }
}

/// Escapes what Markdown would take as markup. Addresses and names keep their look where they can.
pub fn markdown_escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
