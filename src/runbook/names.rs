//! The names that texts speak of, found by walking compiled templates.

use handlebars::Template;
use handlebars::template::{Parameter, TemplateElement};

use super::References;
use super::text::names_of;

/// Notes what a template speaks of.
pub(super) fn collect_text(template: &Template, references: &mut References) {
    for element in &template.elements {
        match element {
            TemplateElement::Expression(part)
            | TemplateElement::HtmlExpression(part)
            | TemplateElement::HelperBlock(part) => {
                if part.params.is_empty() && part.hash.is_empty() {
                    parameter_names(&part.name, references);
                }
                for parameter in part.params.iter().chain(part.hash.values()) {
                    parameter_names(parameter, references);
                }
                for inner in part.template.iter().chain(&part.inverse) {
                    collect_text(inner, references);
                }
            }
            _ => {}
        }
    }
}

fn parameter_names(parameter: &Parameter, references: &mut References) {
    match parameter {
        Parameter::Path(path) => {
            if let Some(path) = names_of(path) {
                references.note(&path.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
        Parameter::Name(name) => references.note(&[name]),
        Parameter::Subexpression(inner) => {
            if let TemplateElement::Expression(part) = inner.as_element() {
                for parameter in part.params.iter().chain(part.hash.values()) {
                    parameter_names(parameter, references);
                }
            }
        }
        _ => {}
    }
}
