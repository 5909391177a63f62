//! The named fields of an event block, in the wordings of the systems that write them.

use std::sync::LazyLock;

use regex::Regex;

/// A field of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Log,
    Kind,
    Source,
    Category,
    Id,
    Date,
    Time,
    User,
    Keywords,
    Computer,
    Description,
}

/// A field found in a line: where its name begins and where its value begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) field: Field,
    pub(super) at: usize,
    pub(super) value: usize,
}

/// The wording of one kind of block.
pub(super) struct Layout {
    names: &'static [(&'static str, Field)],
    begin: Field,
    regex: fn() -> Option<&'static Regex>,
    pub(super) score: u8,
}

/// English and German names; longer names first.
pub(super) static SERVER_2003: Layout = Layout {
    names: &[
        ("event type", Field::Kind),
        ("event source", Field::Source),
        ("event category", Field::Category),
        ("event id", Field::Id),
        ("date", Field::Date),
        ("time", Field::Time),
        ("user", Field::User),
        ("computer", Field::Computer),
        ("description", Field::Description),
        ("ereignistyp", Field::Kind),
        ("ereignisquelle", Field::Source),
        ("ereigniskategorie", Field::Category),
        ("ereigniskennung", Field::Id),
        ("datum", Field::Date),
        ("zeit", Field::Time),
        ("uhrzeit", Field::Time),
        ("benutzer", Field::User),
        ("beschreibung", Field::Description),
    ],
    begin: Field::Kind,
    regex: || REGEX_2003.as_ref(),
    score: 80,
};

/// English and German names of the later block.
pub(super) static SERVER_2008: Layout = Layout {
    names: &[
        ("log name", Field::Log),
        ("source", Field::Source),
        ("date", Field::Date),
        ("event id", Field::Id),
        ("task category", Field::Category),
        ("level", Field::Kind),
        ("keywords", Field::Keywords),
        ("user", Field::User),
        ("computer", Field::Computer),
        ("description", Field::Description),
        ("protokollname", Field::Log),
        ("quelle", Field::Source),
        ("datum", Field::Date),
        ("ereignis-id", Field::Id),
        ("aufgabenkategorie", Field::Category),
        ("ebene", Field::Kind),
        ("schlüsselwörter", Field::Keywords),
        ("benutzer", Field::User),
        ("beschreibung", Field::Description),
    ],
    begin: Field::Log,
    regex: || REGEX_2008.as_ref(),
    score: 90,
};

static REGEX_2003: LazyLock<Option<Regex>> = LazyLock::new(|| names_regex(SERVER_2003.names));
static REGEX_2008: LazyLock<Option<Regex>> = LazyLock::new(|| names_regex(SERVER_2008.names));

fn names_regex(names: &[(&str, Field)]) -> Option<Regex> {
    let words: Vec<String> = names
        .iter()
        .map(|(name, _)| name.replace(' ', r"\s+"))
        .collect();
    Regex::new(&format!(r"(?i)(?:^|\s)(?P<name>{})\s?:", words.join("|"))).ok()
}

impl Layout {
    /// The fields named in a line, in order. Within a line only names behind a blank count.
    pub(super) fn find(&self, line: &str) -> Vec<Found> {
        let Some(regex) = (self.regex)() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for captures in regex.captures_iter(line) {
            let (Some(name), Some(whole)) = (captures.name("name"), captures.get(0)) else {
                continue;
            };
            let word = name
                .as_str()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .to_lowercase();
            if let Some((_, field)) = self.names.iter().find(|(known, _)| *known == word) {
                found.push(Found {
                    field: *field,
                    at: name.start(),
                    value: whole.end(),
                });
            }
        }
        found
    }

    /// Whether a field is the first of a block.
    pub(super) fn begins(&self, field: Field) -> bool {
        field == self.begin
    }

    /// Whether a line opens a block whose first line was lost.
    pub(super) fn may_open(&self, found: &[Found]) -> bool {
        let strong =
            |f: &Found| f.at == 0 && matches!(f.field, Field::Source | Field::Category | Field::Id);
        self.begin == Field::Kind && found.first().is_some_and(strong)
    }
}

/// What forums set around a quotation and its words.
static MARKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\[/?(?:quote|code|pre|b|i|u)(?:=[^\]]*)?\]|</?(?:br|b|i|p|em|strong|pre|code|div|span|blockquote)(?:\s[^>]*)?/?>").ok()
});

/// A line without what mail programs and web pages add: quote marks, bullets, escapes, odd blanks.
pub(super) fn tidy(line: &str) -> String {
    let mut text: String = line
        .chars()
        .map(|c| match c {
            '\u{a0}' | '\t' | '\u{2007}' | '\u{202f}' => ' ',
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => '"',
            '\u{2018}' | '\u{2019}' => '\'',
            '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => ' ',
            c => c,
        })
        .collect();
    if text.contains('&') {
        text = text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&nbsp;", " ")
            .replace("&amp;", "&");
    }
    if text.contains(['[', '<'])
        && let Some(marks) = MARKS.as_ref()
    {
        text = marks.replace_all(&text, " ").into_owned();
    }
    // Bold in Markdown; stars elsewhere belong to the text, such as a masked banner.
    if text.contains(":**") {
        text = text.replace("**", "");
    }
    let mut rest = text.trim();
    loop {
        let before = rest;
        rest = rest.trim_start_matches(['>', '|']).trim_start();
        for bullet in [
            "\u{2022}",
            "\u{b7}",
            "\u{25e6}",
            "\u{25aa}",
            "* ",
            "- ",
            "\u{2013} ",
        ] {
            rest = rest.strip_prefix(bullet).unwrap_or(rest).trim_start();
        }
        if rest.len() == before.len() {
            break;
        }
    }
    rest.trim().to_owned()
}
