//! The shape of the source: which module may use which, and the house rules that a machine can see.
//!
//! A text scan of `crate::` paths is enough: top-level modules name each other no other way.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Longest a source file may be.
const MOST_LINES: usize = 500;

/// What each top-level module may use. `cli -> board -> engine -> runbook -> actions -> probes`; what is below is used by
/// all above it, never the other way. A new module has no permission until it is written here.
const MAY_USE: &[(&str, &[&str])] = &[
    // the bottom: words, field knowledge, readers, the door to the world
    ("error_chain", &[]),
    ("spread", &[]),
    ("yaml", &[]),
    ("record", &[]),
    ("mail", &["error_chain"]),
    ("templates", &[]),
    ("site", &["yaml", "record", "mail"]),
    ("probes", &["mail", "record", "site", "error_chain"]),
    // the mail world on loopback; speaks the field's protocols itself
    ("practice", &["mail", "record", "site", "yaml", "probes"]),
    // old runs must be reportable without their runbook
    ("report", &["record", "templates"]),
    ("store", &["record"]),
    ("settings", &["yaml", "site", "record"]),
    (
        "actions",
        &[
            "probes",
            "mail",
            "site",
            "record",
            "templates",
            "yaml",
            "error_chain",
        ],
    ),
    (
        "runbook",
        &["actions", "site", "record", "templates", "yaml"],
    ),
    (
        "engine",
        &[
            "runbook",
            "actions",
            "probes",
            // The values of document templates are the view that reports are made from; `report` knows nothing of engines.
            "report",
            "store",
            "site",
            "record",
            "templates",
            "yaml",
            "error_chain",
            "spread",
        ],
    ),
    (
        "board",
        &[
            "engine",
            "report",
            "store",
            "record",
            "settings",
            "templates",
        ],
    ),
    (
        "cli",
        &[
            "board",
            "engine",
            "runbook",
            "actions",
            "probes",
            "practice",
            "report",
            "store",
            "settings",
            "site",
            "record",
            "templates",
            "mail",
            "yaml",
            "error_chain",
            "spread",
        ],
    ),
];

/// Modules that only tests of lower layers may reach up to: a mail world to test against.
const FOR_TESTS: &[&str] = &["practice"];

#[test]
fn imports_point_one_way() {
    let mut faults = Vec::new();
    for (path, text) in sources("src") {
        let Some(module) = top_module(&path) else {
            continue;
        };
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            faults.push(format!(
                "{module} has no place in the layers: add it to MAY_USE"
            ));
            continue;
        };
        for (line, used) in uses(&text) {
            let in_test = is_test(&path) || after_test_mark(&text, line);
            let known = used == module || allowed.contains(&used.as_str());
            if !(known || in_test && FOR_TESTS.contains(&used.as_str())) {
                faults.push(format!(
                    "{}:{line}: {module} must not use {used}",
                    path.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_two_modules_import_each_other() {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources("src") {
        let Some(module) = top_module(&path).filter(|_| !is_test(&path)) else {
            continue;
        };
        let used = uses(&text)
            .into_iter()
            .filter(|(line, _)| !after_test_mark(&text, *line))
            .map(|(_, used)| used)
            .filter(|used| *used != module)
            .collect::<Vec<_>>();
        edges.entry(module).or_default().extend(used);
    }
    // longer circles count too: whatever a module reaches must not reach it
    let circles: Vec<&String> = edges
        .keys()
        .filter(|module| reached(&edges, module).contains(*module))
        .collect();
    assert!(
        circles.is_empty(),
        "these import each other, maybe by way of others: {circles:?}"
    );
}

#[test]
fn the_permissions_themselves_have_no_circle() {
    let edges = MAY_USE
        .iter()
        .map(|(module, used)| {
            (
                module.to_string(),
                used.iter().map(|name| name.to_string()).collect(),
            )
        })
        .collect();
    for (module, _) in MAY_USE {
        assert!(
            !reached(&edges, module).contains(*module),
            "{module} may use itself by way of others"
        );
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut faults = Vec::new();
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        let lines = text.lines().count();
        if lines > MOST_LINES {
            faults.push(format!(
                "{}: {lines} lines, split it along a noun",
                path.display()
            ));
        }
        if path.starts_with("src") && !text.starts_with("//! ") {
            faults.push(format!(
                "{}: must begin with `//! ` and say what it is for",
                path.display()
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_the_command_line_prints() {
    let mut faults = Vec::new();
    for (path, text) in sources("src") {
        if path.starts_with("src/cli") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            let prints = ["println!", "eprintln!", "print!(", "eprint!(", "dbg!("]
                .iter()
                .any(|name| code.contains(name));
            if prints && !code.starts_with("//") {
                faults.push(format!("{}:{}: {code}", path.display(), number + 1));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "printing below cli:\n{}",
        faults.join("\n")
    );
}

#[test]
fn the_scan_sees_what_it_must() {
    let text = "//! x\nuse crate::record::Event;\n// use crate::cli;\nuse crate::{\n    mail::ptr,\n    site,\n};\n\
                fn f() { crate::store::open(); }\nlet s = \"x\"; // crate::board\n";
    let seen: Vec<String> = uses(text).into_iter().map(|(_, used)| used).collect();
    assert_eq!(seen, ["record", "mail", "site", "store"]);
}

/// All modules that `module` uses, directly or by way of others.
fn reached(edges: &BTreeMap<String, BTreeSet<String>>, module: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&str> = vec![module];
    while let Some(name) = open.pop() {
        for next in edges.get(name).into_iter().flatten() {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    seen
}

/// Rust files below a folder of the package, with their text, in order.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root).unwrap().to_path_buf(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no source under {folder}");
    found
}

/// `src/engine/plan.rs` belongs to `engine`; `lib.rs` and `main.rs` to nobody.
fn top_module(path: &Path) -> Option<String> {
    let first = path.components().nth(1)?.as_os_str().to_str()?;
    let name = first.trim_end_matches(".rs");
    (!["lib", "main"].contains(&name)).then(|| name.to_owned())
}

/// Files that are compiled for tests only, by their place.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        let name = part.as_os_str().to_str().unwrap_or_default();
        ["tests", "tests.rs", "testing.rs", "fixture.rs"].contains(&name)
    })
}

/// Unit tests stand at the end of a file, after this mark.
fn after_test_mark(text: &str, line: usize) -> bool {
    text.lines()
        .take(line)
        .collect::<Vec<_>>()
        .windows(2)
        .any(|pair| pair[0].trim() == "#[cfg(test)]" && !pair[1].trim_end().ends_with(';'))
        || text.lines().take(line).any(|text| {
            // with an attribute between the mark and the module
            text.trim_start().starts_with("mod tests {")
        })
}

/// Top-level modules named after `crate::` in the code, with the line; also inside `use crate::{...}`.
fn uses(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // comments out of the way, lines kept
    let code: String = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n")
        .collect();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].lines().count().max(1);
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(names_of_group(group).into_iter().map(|name| (line, name)));
        } else {
            found.push((line, first_name(rest)));
        }
    }
    // items of the crate root itself, such as macros, are nobody's module
    found.retain(|(_, name)| name.chars().next().is_some_and(char::is_lowercase));
    found
}

fn first_name(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The first path segment of each entry of a `{a::b, c}` group, nested groups skipped.
fn names_of_group(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut entry) = (1, String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 || (depth == 1 && c == ',') {
            names.push(first_name(&entry));
            entry.clear();
            if depth == 0 {
                break;
            }
        } else {
            entry.push(c);
        }
    }
    names.retain(|name| !name.is_empty());
    names
}
