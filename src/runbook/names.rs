//! The names that texts speak of: found by walking compiled templates, and looked up in the variables of their place.

use handlebars::template::{BlockParam, HelperTemplate, Parameter, Subexpression, TemplateElement};
use handlebars::{Path, PathSeg, RenderErrorReason, Template};

use super::References;
use super::shape::{Scope, Shape, Wrong};
use super::text::REGISTRY;
use crate::yaml::hint;

/// Helpers to suggest; which ones there really are is asked of the registry.
const HELPERS: &[&str] = &[
    "if", "unless", "each", "with", "lookup", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or",
    "not", "len", "join", "upper", "plural", "date", "clock", "or_else",
];

/// A path as it is written: from the root of the variables, or relative to the block around it.
struct Written<'p> {
    names: Vec<&'p str>,
    from_root: bool,
    up: usize,
    local: bool,
}

/// Notes what a template speaks of. Names inside `{{#each}}` that belong to the item are noted too; they do no harm.
pub(super) fn collect_text(template: &Template, references: &mut References) {
    for element in &template.elements {
        match element {
            TemplateElement::Expression(part)
            | TemplateElement::HtmlExpression(part)
            | TemplateElement::HelperBlock(part) => {
                if part.params.is_empty() && part.hash.is_empty() {
                    note(&part.name, references);
                }
                for parameter in part.params.iter().chain(part.hash.values()) {
                    note(parameter, references);
                }
                for inner in part.template.iter().chain(&part.inverse) {
                    collect_text(inner, references);
                }
            }
            _ => {}
        }
    }
}

fn note(parameter: &Parameter, references: &mut References) {
    match parameter {
        Parameter::Path(path) => {
            let written = Written::of(path);
            if !written.local {
                references.note(&written.names);
            }
        }
        Parameter::Name(name) => references.note(&[name]),
        Parameter::Subexpression(inner) => {
            for parameter in inner
                .params()
                .into_iter()
                .flatten()
                .chain(inner.hash().into_iter().flat_map(|hash| hash.values()))
            {
                note(parameter, references);
            }
        }
        _ => {}
    }
}

/// All faults of a text.
pub(super) fn check_text(template: &Template, scope: &Scope<'_>) -> Vec<Wrong> {
    let mut walk = Walk {
        scope,
        frames: Vec::new(),
        faults: Vec::new(),
    };
    walk.template(template);
    walk.faults
}

/// Inside a block: what `this` is, and the names given with `as |name|`.
struct Frame {
    this: Option<Shape>,
    named: Vec<(String, Shape)>,
}

struct Walk<'s, 'a> {
    scope: &'s Scope<'a>,
    frames: Vec<Frame>,
    faults: Vec<Wrong>,
}

impl Walk<'_, '_> {
    fn template(&mut self, template: &Template) {
        for element in &template.elements {
            match element {
                TemplateElement::Expression(part) | TemplateElement::HtmlExpression(part) => {
                    self.expression(part);
                }
                TemplateElement::HelperBlock(part) => self.block(part),
                TemplateElement::PartialExpression(_)
                | TemplateElement::PartialBlock(_)
                | TemplateElement::DecoratorExpression(_)
                | TemplateElement::DecoratorBlock(_) => self.faults.push(Wrong {
                    part: "{{".to_owned(),
                    message: "partials and decorators cannot be used in a runbook".to_owned(),
                    hint: "they belong into templates of documents".to_owned(),
                }),
                _ => {}
            }
        }
    }

    fn expression(&mut self, part: &HelperTemplate) {
        if part.params.is_empty() && part.hash.is_empty() {
            match &part.name {
                Parameter::Name(name) => {
                    self.look_up(&Written::named(name), true);
                }
                Parameter::Path(path) => {
                    self.look_up(&Written::of(path), true);
                }
                other => {
                    self.parameter(other);
                }
            }
            return;
        }
        self.helper(&part.name);
        for parameter in part.params.iter().chain(part.hash.values()) {
            self.parameter(parameter);
        }
    }

    fn block(&mut self, part: &HelperTemplate) {
        self.helper(&part.name);
        let shapes: Vec<Shape> = part
            .params
            .iter()
            .chain(part.hash.values())
            .map(|parameter| self.parameter(parameter))
            .collect();
        let name = part.name.as_name().unwrap_or_default();
        let inner = match (name, shapes.first()) {
            ("each", Some(Shape::List(item))) => Some(item.as_ref().clone()),
            ("each", _) => Some(Shape::Any),
            ("with", Some(shape)) => Some(shape.clone()),
            _ => None,
        };
        let changes = inner.is_some();
        if let Some(this) = inner {
            let named = match &part.block_param {
                Some(BlockParam::Single(Parameter::Name(name))) => {
                    vec![(name.clone(), this.clone())]
                }
                Some(BlockParam::Pair((first, second))) => [first, second]
                    .into_iter()
                    .filter_map(|parameter| match parameter {
                        Parameter::Name(name) => Some((name.clone(), Shape::Any)),
                        _ => None,
                    })
                    .collect(),
                _ => Vec::new(),
            };
            self.frames.push(Frame {
                this: Some(this),
                named,
            });
        }
        if let Some(inner) = &part.template {
            self.template(inner);
        }
        if changes {
            self.frames.pop();
        }
        if let Some(inverse) = &part.inverse {
            self.template(inverse);
        }
    }

    fn parameter(&mut self, parameter: &Parameter) -> Shape {
        match parameter {
            Parameter::Path(path) => self.look_up(&Written::of(path), false),
            Parameter::Name(name) => self.look_up(&Written::named(name), false),
            Parameter::Subexpression(inner) => {
                self.subexpression(inner);
                Shape::Any
            }
            _ => Shape::Any,
        }
    }

    fn subexpression(&mut self, inner: &Subexpression) {
        if let TemplateElement::Expression(part) = inner.as_element() {
            self.helper(&part.name);
            for parameter in part.params.iter().chain(part.hash.values()) {
                self.parameter(parameter);
            }
        }
    }

    fn look_up(&mut self, written: &Written<'_>, alone: bool) -> Shape {
        if written.local || written.names.is_empty() {
            return match self.frames.last() {
                Some(Frame {
                    this: Some(this), ..
                }) if written.names.is_empty() => this.clone(),
                _ => Shape::Any,
            };
        }
        if written.names[0] == "secrets" && !alone && self.scope.secrets {
            self.faults.push(Wrong {
                part: "secrets".to_owned(),
                message: "a secret cannot be changed or compared by a helper".to_owned(),
                hint: "write {{secrets.NAME}} alone".to_owned(),
            });
            return Shape::Any;
        }
        let depth = self.frames.len().saturating_sub(written.up);
        let frames = if written.from_root {
            &[]
        } else {
            &self.frames[..depth]
        };
        let named = frames
            .iter()
            .rev()
            .flat_map(|frame| &frame.named)
            .find(|(name, _)| name == written.names[0]);
        let resolved = match (named, frames.last()) {
            (Some((_, shape)), _) => fields(shape, &written.names),
            (
                None,
                Some(Frame {
                    this: Some(this), ..
                }),
            ) => {
                let mut all = vec!["this item"];
                all.extend(&written.names);
                fields(this, &all)
            }
            _ => self.scope.resolve(&written.names),
        };
        resolved.unwrap_or_else(|wrong| {
            self.faults.push(wrong);
            Shape::Any
        })
    }

    fn helper(&mut self, name: &Parameter) {
        let Some(name) = name.as_name() else { return };
        if !is_helper(name) {
            self.faults.push(Wrong {
                part: name.to_owned(),
                message: format!("there is no helper '{name}'"),
                hint: hint(name, HELPERS.iter().copied()),
            });
        }
    }
}

/// Fields below the first name.
fn fields(shape: &Shape, names: &[&str]) -> Result<Shape, Wrong> {
    let mut path = names[0].to_owned();
    let mut shape = shape.clone();
    for name in &names[1..] {
        shape = shape.field(&path, name)?;
        path = format!("{path}.{name}");
    }
    Ok(shape)
}

fn is_helper(name: &str) -> bool {
    let good = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !good {
        return false;
    }
    let call = format!("{{{{{name} 1}}}}");
    match REGISTRY.render_template(&call, &()) {
        Ok(_) => true,
        Err(error) => !matches!(error.reason(), RenderErrorReason::HelperNotFound(_)),
    }
}

impl<'p> Written<'p> {
    fn named(name: &'p str) -> Self {
        Written {
            names: if name == "this" {
                Vec::new()
            } else {
                vec![name]
            },
            from_root: false,
            up: 0,
            local: false,
        }
    }

    fn of(path: &'p Path) -> Self {
        match path {
            Path::Relative((segments, raw)) => {
                let names = segments
                    .iter()
                    .filter_map(|segment| match segment {
                        PathSeg::Named(name) => Some(name.as_str()),
                        _ => None,
                    })
                    .collect();
                Written {
                    names,
                    from_root: raw.starts_with("@root"),
                    up: raw.matches("../").count(),
                    local: false,
                }
            }
            Path::Local(_) => Written {
                names: Vec::new(),
                from_root: false,
                up: 0,
                local: true,
            },
        }
    }
}
