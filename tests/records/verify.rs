//! `verify`, `export` and `import`.

use super::Folder;

/// A finished run with a file, and the lines of its journal.
fn finished(folder: &Folder) -> (String, Vec<String>) {
    folder.put(
        "letter.yaml",
        "version: 1\nname: letter\nsteps:\n  - id: write\n    action: document.render\n    with: {template: isp-ptr-request.md, to: letter.md}\n",
    );
    folder.says(0, "run letter.yaml --site acme.yaml");
    let run = folder.runs().remove(0);
    let text = std::fs::read_to_string(folder.journal(&run)).unwrap();
    (run, text.lines().map(str::to_owned).collect())
}

/// A line of a journal around some JSON, as somebody writes it who knows how.
fn framed(json: &str) -> String {
    let crc = crc32c::crc32c(json.as_bytes());
    format!("{:08x} {crc:08x} {json}", json.len())
}

#[test]
fn the_event_that_was_altered_left_out_or_moved_is_named() {
    let folder = Folder::new();
    let (run, lines) = finished(&folder);
    let whole = folder.says(0, "verify acme");
    assert!(whole.contains("unbroken"), "{whole}");
    let bit = lines[2].replacen("\"engine\"", "\"enginf\"", 1);
    let forged = framed(&bit[18..]);
    let join = |lines: &[&String]| {
        lines
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let l = &lines;
    for (what, text, wanted) in [
        (
            "a flipped bit",
            join(&[&l[0], &l[1], &bit, &l[3], &l[4]]),
            "a wrong checksum",
        ),
        (
            "an event rewritten with its checksum",
            join(&[&l[0], &l[1], &forged, &l[3], &l[4]]),
            "event 3: was altered",
        ),
        (
            "an event left out",
            join(&[&l[0], &l[1], &l[3], &l[4]]),
            "event 3: is missing",
        ),
        (
            "two events in the wrong order",
            join(&[&l[0], &l[2], &l[1], &l[3], &l[4]]),
            "event 2: was moved: it stands after event 3",
        ),
    ] {
        std::fs::write(folder.journal(&run), text).unwrap();
        let said = folder.says(1, &format!("verify {run}"));
        assert!(said.contains(wanted), "{what}: {said}");
        assert!(said.contains("backup"), "{what}: {said}");
    }
}

#[test]
fn a_hash_that_was_written_down_shows_what_was_cut_off() {
    let folder = Folder::new();
    let (run, lines) = finished(&folder);
    let hash = folder.json("verify acme")["last_hash"]
        .as_str()
        .unwrap()
        .to_owned();
    let said = folder.says(0, &format!("verify acme --seen {hash}"));
    assert!(
        said.contains(&format!("up to event {}", lines.len())),
        "{said}"
    );
    let told = folder.json(&format!("verify acme --seen {hash}"));
    assert_eq!(told["seen"]["event"], lines.len(), "{told}");
    let shorter: String = lines[..lines.len() - 1]
        .iter()
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(folder.journal(&run), shorter).unwrap();
    let said = folder.says(1, &format!("verify {run}"));
    assert!(said.contains("is shorter than it was"), "{said}");
    // The list that was made before knows it; without that, the chain alone does not.
    std::fs::remove_dir_all(folder.path().join("state/index")).unwrap();
    folder.says(0, &format!("verify {run}"));
    let said = folder.says(1, &format!("verify {run} --seen {hash}"));
    assert!(said.contains("cut off the end"), "{said}");
    let told = folder.says(1, &format!("--json verify {run} --seen {hash}"));
    assert!(told.contains("\"event\": null"), "{told}");
}

#[test]
fn an_export_is_the_same_run_elsewhere() {
    let here = Folder::new();
    let (run, _) = finished(&here);
    here.says(0, "export acme -o run.jsonl --files kept");
    let there = Folder::new();
    let (export, kept) = (here.path().join("run.jsonl"), here.path().join("kept"));
    let (export, kept) = (export.display(), kept.display());
    there.says(0, &format!("import {export} --files {kept}"));
    assert_eq!(there.runs(), std::slice::from_ref(&run));
    let verified = [&here, &there].map(|folder| folder.says(0, &format!("verify {run}")));
    assert_eq!(verified[0], verified[1]);
    let reports = [&here, &there].map(|folder| folder.says(0, &format!("report {run}")));
    assert_eq!(reports[0], reports[1]);
    let twice = there.says(0, &format!("import {export}"));
    assert!(twice.contains("was here already"), "{twice}");

    let third = Folder::new();
    let said = third.says(0, &format!("import {export}"));
    assert!(
        said.contains("letter.md") && said.contains("--files"),
        "{said}"
    );
    third.says(1, &format!("verify {run}"));
    let said = third.says(0, &format!("import {export} --files {kept}"));
    assert!(said.contains("1 missing file came with it"), "{said}");
    third.says(0, &format!("verify {run}"));
    // The same id, and another record.
    let shorter = here.text("run.jsonl").lines().count() - 1;
    let lines: Vec<String> = here.text("run.jsonl").lines().map(str::to_owned).collect();
    here.put("shorter.jsonl", &(lines[..shorter].join("\n") + "\n"));
    let file = here.path().join("shorter.jsonl");
    let said = third.says(2, &format!("import {} --open", file.display()));
    assert!(said.contains("its events are not the same"), "{said}");
}

#[test]
fn an_altered_export_and_an_open_run_are_refused() {
    let here = Folder::new();
    finished(&here);
    here.says(0, "export acme -o run.jsonl");
    let text = here.text("run.jsonl");
    for (name, altered, wanted) in [
        (
            "altered",
            text.replacen("\"engine\"", "\"somebody\"", 1),
            "event 2: was altered",
        ),
        ("empty", String::new(), "no whole export"),
        (
            "moved",
            text.replacen("acme-", "../acme-", 1),
            "event 1: was altered",
        ),
        ("short", text.lines().take(1).collect(), "has not ended"),
    ] {
        here.put("altered.jsonl", &altered);
        let there = Folder::new();
        let file = here.path().join("altered.jsonl");
        let said = there.says(2, &format!("import {}", file.display()));
        assert!(said.contains(wanted), "{name}: {said}");
        assert!(there.runs().is_empty(), "{name}");
        if name == "short" {
            there.says(0, &format!("import {} --open", file.display()));
            there.says(0, "resume acme");
        }
    }
    // One event, whole, whose id would lie outside of the folder.
    let first = text.lines().next().unwrap();
    let run = first
        .split("\"run\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    here.put("altered.jsonl", &first.replacen(run, "../../x", 1));
    let said = here.says(2, "import altered.jsonl --open");
    assert!(said.contains("cannot be the name of a file"), "{said}");
}
