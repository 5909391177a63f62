//! What the YAML layer promises: spans, strictness, budgets, durations.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Node, Diagnostics> {
    parse(&SourceFile::new("test.yaml", text))
}

fn faults(text: &str) -> String {
    read(text).unwrap_err().plain()
}

#[test]
fn values_keep_their_type_and_place() {
    let text = "on: yes\nn: 017\nu: 1_000\nq: \"two é\"\nb: true\nf: 1.5\ne:\nlist:\n  - a\n  - {x: 1}\nt: |\n  one\n  two\n";
    let node = read(text).unwrap();
    assert_eq!(
        node.to_json(),
        serde_json::json!({
            "on": "yes", "n": "017", "u": "1_000", "q": "two é", "b": true, "f": 1.5, "e": null,
            "list": ["a", {"x": 1}], "t": "one\ntwo\n"
        })
    );
    let Value::Map(entries) = &node.value else {
        panic!("a mapping")
    };
    let slices: Vec<&str> = entries
        .iter()
        .map(|(_, node)| &text[node.span.start..node.span.end])
        .collect();
    assert_eq!(
        slices,
        [
            "yes",
            "017",
            "1_000",
            "\"two é\"",
            "true",
            "1.5",
            "e",
            "list",
            "one\n  two"
        ]
    );
}

#[test]
fn what_readers_of_yaml_disagree_about_is_refused() {
    for (text, line, says) in [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is given twice"),
        ("a: {x: 1, x: 2}\n", 1, "the key 'x' is given twice"),
        ("5: five\n", 1, "a key must be text"),
        ("a: !foo 1\n", 1, "unsupported tag"),
        ("a: .inf\n", 1, "infinity"),
        ("a: 18446744073709551615\n", 1, "too large"),
        ("a: 1\n---\nb: 1\n", 3, "more than one document"),
        ("x: &x {a: 1}\ny: {<<: *x}\n", 2, "merge keys"),
        ("a: [1, 2\nb: 3\n", 2, "not valid YAML"),
        ("a: \"open\n", 1, "not valid YAML"),
    ] {
        let said = faults(text);
        assert!(said.contains(says), "{text:?} gave {said}");
        assert!(
            said.starts_with(&format!("test.yaml:{line}:")) || text.contains("open"),
            "{text:?} gave {said}"
        );
    }
}

/// The quick reader has nothing to say, or says what the whole reader says, with the same places.
fn agree(text: &str) -> bool {
    let file = SourceFile::new("x", text);
    match plain::read(&file) {
        Some(node) => {
            assert_eq!(Ok(node), tree::parse_whole(&file), "{text:?}");
            true
        }
        None => false,
    }
}

#[test]
fn ordinary_files_are_read_quickly_and_the_same() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/runbooks");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(agree(&text), "{} takes the long way", path.display());
    }
    for folder in ["runbook", "site"] {
        let quick = cases::good(folder)
            .iter()
            .filter(|(_, text)| agree(text))
            .count();
        assert!(quick > 5, "only {quick} cases of {folder} are read quickly");
        for (name, _) in cases::good(folder) {
            agree(&cases::faulty(folder, &name));
        }
    }
}

#[test]
fn what_is_out_of_the_common_takes_the_long_way() {
    for value in [
        "017",
        "1_000",
        "1.5",
        "1e3",
        "-1",
        "+1",
        "0x1f",
        "0b1",
        "0o7",
        "0b1s",
        "~",
        "null",
        "Null",
        "NULL",
        "True",
        "FALSE",
        ".inf",
        "inf",
        "NaN",
        "",
        "!x 1",
        "&a 1",
        "12345678901234567890",
        "{}",
        "[]",
        "{1: a}",
        "{a: 1, a: 2}",
        "{<<: x}",
        "[a, b",
    ] {
        let text = format!("- {value}\n");
        assert!(!agree(&text), "{text:?} is read the quick way");
    }
    for value in [
        "a",
        "y",
        "yes",
        "off",
        "0s",
        "6h",
        "1h30m",
        "127.0.0.1",
        "1.2.3",
        "10.5.x",
        "/etc/x",
        "'017'",
        "\"\"",
        "0",
        "42",
        "true",
    ] {
        let text = format!("- {value}\n");
        assert!(agree(&text), "{text:?} takes the long way");
    }
    let levels = |count| format!("a: {}1{}\n", "[".repeat(count), "]".repeat(count));
    assert!(agree(&levels(20)));
    assert!(!agree(&levels(40)));
}

#[test]
fn all_repeated_keys_are_told_at_once() {
    let said = faults("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n");
    assert_eq!(
        said,
        "test.yaml:2:1: the key 'a' is given twice (it was given in line 1 first; keep one)\n\
         test.yaml:5:3: the key 'c' is given twice (it was given in line 4 first; keep one)\n"
    );
}

#[test]
fn bombs_are_refused_quickly() {
    let laughs = (1..9).fold(
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(),
        |text, n| {
            let refs = vec![format!("*a{}", n - 1); 9].join(", ");
            format!("{text}a{n}: &a{n} [{refs}]\n")
        },
    );
    let wide = format!(
        "a: &a [{}]\nb: [{}]\n",
        vec!["x"; 1_000].join(", "),
        vec!["*a"; 1_000].join(", ")
    );
    let deep = "[".repeat(400_000);
    let levels = format!("a: {}1{}\n", "[".repeat(40), "]".repeat(40));
    for text in [laughs, wide, deep, levels] {
        let started = std::time::Instant::now();
        let said = faults(&text);
        assert!(said.contains("nested too deeply"), "{said}");
        assert!(started.elapsed() < Duration::from_secs(25));
    }
    assert!(faults(&"a".repeat((1 << 20) + 1)).contains("1048577 bytes"));
    let fine = format!("a: {}1{}\n", "[".repeat(20), "]".repeat(20));
    assert!(read(&fine).is_ok());
}

#[test]
fn durations() {
    for (text, seconds) in [
        ("90s", Some(90.0)),
        ("500ms", Some(0.5)),
        ("15m", Some(900.0)),
        ("2h", Some(7_200.0)),
        ("3d", Some(259_200.0)),
        ("1w", Some(604_800.0)),
        ("1h30m", Some(5_400.0)),
        (" 2h ", Some(7_200.0)),
        ("0s", Some(0.0)),
        ("", None),
        ("5", None),
        ("s", None),
        ("1h 30m", None),
        ("-5s", None),
        ("1.5h", None),
        ("5x", None),
        ("5S", None),
        ("99999999999999999999s", None),
        ("18446744073709551615w", None),
    ] {
        assert_eq!(
            duration(text).map(|duration| duration.as_secs_f64()),
            seconds,
            "{text:?}"
        );
    }
}

#[test]
fn a_fault_is_shown_with_its_line_underlined_and_a_hint() {
    let found = read("name: x\nname: y\n").unwrap_err();
    let shown = found.render(false, 80);
    assert!(shown.contains("test.yaml:2:1"), "{shown}");
    assert!(shown.contains("name: y"), "{shown}");
    assert!(shown.contains("help: it was given in line 1"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    assert!(found.render(true, 80).contains('\u{1b}'));
    assert_eq!(
        serde_json::to_value(found.views()).unwrap(),
        serde_json::json!([{
            "file": "test.yaml", "line": 2, "column": 1, "length": 4,
            "message": "the key 'name' is given twice", "hint": "it was given in line 1 first; keep one"
        }])
    );
}

#[test]
fn the_reader_collects_all_faults() {
    let file = SourceFile::new(
        "x.yaml",
        "nam: a\ntext: no\nquoted: \"no\"\nnumber: ten\nflag: yes\ntime: 5\nword: blu\nlist: {a: 1}\nbig: 70000\ntrue_text: true\n",
    );
    let node = parse(&file).unwrap();
    let mut reader = Reader::new(&file);
    let known = [
        "name",
        "text",
        "quoted",
        "number",
        "flag",
        "time",
        "word",
        "list",
        "big",
        "true_text",
    ];
    let fields = reader.fields(&node, "a thing", &known);
    assert!(reader.required(&fields, "name", "a thing").is_none());
    let get = |key| fields.get(key).unwrap();
    assert_eq!(reader.text(get("text"), "'text'"), None);
    assert_eq!(reader.text(get("quoted"), "'quoted'"), Some("no".into()));
    assert_eq!(reader.integer(get("number"), "'number'", 0, 9), None);
    assert_eq!(reader.boolean(get("flag"), "'flag'"), None);
    assert_eq!(reader.duration(get("time"), "'time'"), None);
    assert_eq!(
        reader.choice(get("word"), "'word'", &[("blue", 1), ("red", 2)]),
        None
    );
    assert!(reader.texts(get("list"), "'list'").is_empty());
    assert_eq!(reader.integer(get("big"), "'big'", 1, 65_535), None);
    assert_eq!(reader.text(get("true_text"), "'true_text'"), None);
    insta::assert_snapshot!(reader.finish().plain(), @r#"
    x.yaml:1:1: a thing has no field 'nam' (did you mean 'name'?)
    x.yaml:1:1: a thing needs 'name' (add 'name: ...')
    x.yaml:2:7: a bare 'no' is text to some readers of YAML and true or false to others (write "no" in quotes for the text, or true / false)
    x.yaml:4:9: 'number' must be a whole number
    x.yaml:5:7: 'flag' must be true or false (write true)
    x.yaml:6:7: 'time' must be a duration (write a number and a unit, together: 500ms, 30s, 15m, 2h, 3d, 1w or 1h30m)
    x.yaml:7:7: 'word' cannot be 'blu' (did you mean 'blue'?)
    x.yaml:8:1: 'list' must be a list (write [a, b], or one '- item' a line)
    x.yaml:9:6: 'big' must be from 1 to 65535
    x.yaml:10:12: 'true_text' must be text (put it in quotes: "true")
    "#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_text_panics(text in ".{0,200}") {
        let file = SourceFile::new("x", text);
        if let Err(faults) = parse(&file) {
            let _ = faults.render(false, 80);
            let _ = faults.plain();
        }
    }

    #[test]
    fn no_yaml_like_text_panics(parts in prop::collection::vec("[a-c]: |- |\\n|  |\\[|\\]|\\{|\\}|,|'|\"|&a |\\*a|!x |<<: |#|\\||>|yes|1|~|é", 0..40)) {
        let file = SourceFile::new("x", parts.concat());
        match parse(&file) {
            Ok(node) => { let _ = node.to_json(); }
            Err(faults) => { let _ = faults.render(false, 80); }
        }
    }

    #[test]
    fn the_quick_reader_agrees(parts in prop::collection::vec("[a-c]: |- |\\n|  |    |\\[|\\]|\\{|\\}|, |'|\"|# |\\||>|---\\n|yes|true|null|[0-9]{1,2}|[0-9]h|1\\.5|é|\\?", 0..40)) {
        agree(&parts.concat());
    }
}
