//! From the view to a document: Markdown, HTML, JSON, and PDF by a program that is installed.

use std::path::Path;
use std::str::FromStr;

use super::View;
use super::pdf::{self, PdfError};
use crate::templates::{TemplateError, Templates};

/// What a document is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Markdown (GFM tables).
    Markdown,
    /// One self-contained page.
    Html,
    /// The view itself; the template does not matter.
    Json,
    /// The HTML page, printed.
    Pdf,
}

/// A document cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The template is missing or cannot be filled.
    #[error("cannot fill the report template")]
    Template(#[from] TemplateError),
    /// The view cannot be written as JSON.
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
    /// No PDF could be made.
    #[error("cannot make a PDF")]
    Pdf(#[from] PdfError),
    /// There is no such format.
    #[error("there is no report format '{0}' (known: md, html, pdf, json)")]
    Format(String),
}

impl Format {
    /// The name on the command line, which is the ending of the file as well.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Markdown => "md",
            Format::Html => "html",
            Format::Json => "json",
            Format::Pdf => "pdf",
        }
    }
}

impl FromStr for Format {
    type Err = RenderError;

    fn from_str(name: &str) -> Result<Self, RenderError> {
        match name {
            "md" | "markdown" => Ok(Format::Markdown),
            "html" => Ok(Format::Html),
            "json" => Ok(Format::Json),
            "pdf" => Ok(Format::Pdf),
            other => Err(RenderError::Format(other.to_owned())),
        }
    }
}

/// Makes the document `template` (`handover`, `summary`, ...; without ending) from a view.
///
/// `pdf_program` is a chromium or weasyprint program, as a path or a name on PATH; without it the usual names are looked for.
///
/// # Errors
/// The template is unknown for this format or cannot be filled; for PDF, no program is found or it fails.
pub fn render(
    view: &View,
    template: &str,
    format: Format,
    templates: &Templates,
    pdf_program: Option<&Path>,
) -> Result<Vec<u8>, RenderError> {
    let values = serde_json::to_value(view)?;
    let text = |ending: &str| templates.render(&format!("{template}.{ending}"), &values);
    match format {
        Format::Json => {
            let mut json = serde_json::to_vec_pretty(&values)?;
            json.push(b'\n');
            Ok(json)
        }
        Format::Markdown => Ok(tidy(&text("md")?).into_bytes()),
        Format::Html => Ok(text("html")?.into_bytes()),
        Format::Pdf => {
            let program = pdf::find(pdf_program)?;
            Ok(pdf::print(&text("html")?, &program)?)
        }
    }
}

/// Left-out sections leave blank lines behind; one is enough.
fn tidy(markdown: &str) -> String {
    let mut tidy = String::with_capacity(markdown.len());
    let mut blank = true;
    for line in markdown.lines() {
        let line = line.trim_end();
        if line.is_empty() && blank {
            continue;
        }
        blank = line.is_empty();
        tidy.push_str(line);
        tidy.push('\n');
    }
    while tidy.ends_with("\n\n") {
        tidy.pop();
    }
    tidy
}
