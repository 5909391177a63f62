//! A flipped bit in the last event of a journal: nothing is lost in silence.

use super::Folder;

#[test]
fn a_flipped_bit_in_the_last_event_is_told_and_the_bytes_are_kept() {
    let folder = Folder::new();
    folder.put(
        "task.yaml",
        "version: 1\nname: task\nsteps:\n  - {id: ask, action: manual, with: {instructions: Do it.}}\n",
    );
    folder.says(3, "run task.yaml --site acme.yaml");
    folder.says(0, "done acme ask");
    let run = folder.runs().remove(0);
    let path = folder.journal(&run);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes[..bytes.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    assert!(String::from_utf8_lossy(&bytes[last..]).contains("decided"));
    bytes[last + 40] ^= 1;
    std::fs::write(&path, &bytes).unwrap();

    let told = folder.says(0, "verify acme");
    assert!(told.contains("no whole event"), "{told}");
    let said = flowing(&folder.says(3, "resume acme"));
    let count = bytes.len() - last;
    assert!(
        said.contains(&format!("{count} bytes at the end of the record")),
        "{said}"
    );
    assert!(said.contains("answer once more"), "{said}");
    let said = folder.says(0, "verify acme");
    let kept = said
        .split("is kept in ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    assert_eq!(std::fs::read(kept).unwrap(), bytes[last..]);
    let exported = folder.says(0, "export acme");
    assert!(
        exported.contains(&format!("\"torn\":{count}")),
        "{exported}"
    );
    folder.says(0, "done acme ask --resume");
}

/// The text without its line breaks.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_answer_that_cuts_a_torn_end_off_tells_it() {
    let folder = Folder::new();
    folder.put(
        "task.yaml",
        "version: 1\nname: task\nsteps:\n  - {id: ask, action: manual, with: {instructions: Do it.}}\n",
    );
    folder.says(3, "run task.yaml --site acme.yaml");
    folder.says(0, "done acme ask --note first");
    let path = folder.journal(&folder.runs()[0]);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    let said = flowing(&folder.says(0, "done acme ask --note second"));
    assert!(
        said.contains("were no whole event: they were cut off"),
        "{said}"
    );
    let told = folder.says(0, "verify acme");
    assert!(told.contains("is kept in "), "{told}");
    let shown = folder.says(0, "show acme ask");
    assert!(
        shown.contains("second") && !shown.contains("first"),
        "{shown}"
    );
}
