//! Is a document whole: no holes, no raw data, every element closed?

use crate::report::Format;

pub(super) fn check_text(text: &str, format: Format, place: &str) {
    if format == Format::Json {
        return;
    }
    for bad in ["null", "undefined", "{\"", "[object", "{{", "}}"] {
        // The style sheet closes its blocks.
        if format == Format::Html && bad == "}}" {
            continue;
        }
        assert!(!text.contains(bad), "{place}: contains {bad}");
    }
    match format {
        Format::Markdown => check_markdown(text, place),
        Format::Html => check_html(text, place),
        _ => {}
    }
}

/// No heading without something below it, no table whose rows differ in width.
pub(super) fn check_markdown(text: &str, place: &str) {
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    for (position, line) in lines.iter().enumerate() {
        let level = |line: &str| line.chars().take_while(|c| *c == '#').count();
        if level(line) > 0 {
            let next = lines.get(position + 1);
            assert!(
                next.is_some_and(|next| level(next) == 0 || level(next) > level(line)),
                "{place}: nothing below '{line}'"
            );
        }
    }
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let all: Vec<&str> = text.lines().collect();
    for pair in all.windows(2) {
        if pair.iter().all(|line| line.starts_with('|')) {
            let new_table = pair[1].starts_with("| --") || pair[0].starts_with("| --");
            assert!(
                new_table || cells(pair[0]) == cells(pair[1]),
                "{place}: {} / {}",
                pair[0],
                pair[1]
            );
        }
    }
}

/// Every element is closed, in order; nothing runs, and nothing is fetched.
pub(super) fn check_html(text: &str, place: &str) {
    const VOID: &[&str] = &["meta", "br"];
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text.split_once("</style>").unwrap().1;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let (tag, after) = rest.split_once('>').unwrap();
        rest = after;
        assert!(!tag.contains('<'), "{place}: <{tag}>");
        if let Some(name) = tag.strip_prefix('/') {
            let last = open.pop();
            if !matches!(name, "head" | "html") {
                assert_eq!(last, Some(name), "{place}: </{name}>");
            }
            continue;
        }
        let name = tag.split_whitespace().next().unwrap();
        let known = [
            "title",
            "body",
            "header",
            "main",
            "section",
            "div",
            "p",
            "h1",
            "h2",
            "h3",
            "dl",
            "dt",
            "dd",
            "ul",
            "ol",
            "li",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "span",
            "strong",
            "pre",
            "br",
            "meta",
            "figure",
            "figcaption",
            "svg",
            "desc",
            "rect",
            "text",
        ];
        assert!(known.contains(&name), "{place}: <{tag}>");
        for (attribute, _) in tag.match_indices('=') {
            let name = tag[..attribute].rsplit(' ').next().unwrap();
            let drawing = ["x", "y", "width", "height", "viewBox", "text-anchor"];
            assert!(
                matches!(name, "class" | "scope" | "aria-hidden" | "role")
                    || matches!(name, "id" | "aria-labelledby")
                    || drawing.contains(&name),
                "{place}: <{tag}>"
            );
        }
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{place}: {open:?}");
}
