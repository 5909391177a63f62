//! `rerun`: what is taken over, what is done again, and what is refused.

use super::Folder;

/// Each step writes its name into `log`; `second`, and the item `b` of `each`, fail as long as the file `broken` is there.
fn book(folder: &Folder) {
    let note = |name: &str, before: &str| {
        format!(
            "[sh, -c, \"{before}echo {name} >> {}/log\"]",
            folder.path().display()
        )
    };
    let unless_broken = format!("test ! -e {}/broken && ", folder.path().display());
    let text = format!(
        "version: 1
name: book
steps:
  - id: first
    action: command.run
    with: {{command: {first}}}
  - id: never
    action: wait
    when: \"inputs.more\"
    with: {{for: 1ms}}
  - id: second
    action: command.run
    needs: [first]
    with: {{command: {second}}}
  - id: each
    action: command.run
    needs: [second]
    foreach: {{items: [a, b, c], as: name, max_concurrent: 1}}
    with: {{command: {each}}}
  - id: last
    action: command.run
    needs: [each]
    with: {{command: {last}}}
inputs:
  more: {{type: bool, default: false}}
",
        first = note("first", ""),
        second = note("second", &unless_broken),
        each = note(
            "{{name}}",
            &format!("test {{{{name}}}} != b || {unless_broken}")
        ),
        last = note("last", ""),
    );
    folder.put("book.yaml", &text);
}

#[test]
fn what_stands_before_the_step_is_taken_over() {
    let folder = Folder::new();
    book(&folder);
    folder.put("broken", "");
    folder.says(1, "run book.yaml --site acme.yaml");
    assert_eq!(folder.text("log"), "first\n");
    let old = folder.runs().remove(0);
    let status = folder.says(0, &format!("status {old}"));
    let command = format!("mailmedic rerun {old} --from second");
    assert!(status.contains(&command), "{status}");

    std::fs::remove_file(folder.path().join("broken")).unwrap();
    let again = &command["mailmedic ".len()..];
    let refused = folder.says(2, again);
    assert!(refused.contains("a second time: second. "), "{refused}");
    let said = folder.says(0, &format!("{again} --yes"));
    let told = format!("takes over from {old}: first, never; does again: second, each, last");
    assert!(said.contains(&told), "{said}");
    assert_eq!(folder.text("log"), "first\nsecond\na\nb\nc\nlast\n");
    let new = folder.runs().remove(0);
    assert_ne!(old, new);
    let first = folder.says(0, &format!("report {new}"));
    assert!(
        first.contains(&format!("taken over from run {old}")),
        "{first}"
    );
    folder.says(0, &format!("verify {new}"));
}

#[test]
fn one_item_is_done_again_and_the_others_are_kept() {
    let folder = Folder::new();
    book(&folder);
    folder.put("broken", "");
    std::fs::write(
        folder.path().join("book.yaml"),
        folder
            .text("book.yaml")
            .replacen("test ! -e", "true || test ! -e", 1),
    )
    .unwrap();
    folder.says(1, "run book.yaml --site acme.yaml");
    assert_eq!(folder.text("log"), "first\nsecond\na\nc\n");
    std::fs::remove_file(folder.path().join("broken")).unwrap();
    folder.says(0, "rerun acme --from each[b] --yes");
    assert_eq!(folder.text("log"), "first\nsecond\na\nc\nb\nlast\n");
}

#[test]
fn what_others_have_noticed_is_done_again_only_when_it_is_wanted() {
    let folder = Folder::new();
    book(&folder);
    folder.says(0, "run book.yaml --site acme.yaml --set more=yes");
    let log = folder.text("log");
    let refused = folder.says(2, "rerun acme --from each");
    assert!(
        refused.contains("last, each[a], each[b], each[c]. "),
        "{refused}"
    );
    assert!(refused.contains("--yes"), "{refused}");
    assert_eq!(folder.text("log"), log, "nothing was done");
    assert_eq!(folder.runs().len(), 1, "no run was begun");
    folder.says(0, "rerun acme --from each --yes");
    assert_eq!(folder.text("log"), log.clone() + "a\nb\nc\nlast\n");
    let shown = folder.json("show acme never");
    assert!(
        shown.to_string().contains("done"),
        "the input is taken over: {shown}"
    );
    folder.says(0, "rerun acme --yes");
    assert_eq!(folder.text("log"), log.clone() + "a\nb\nc\nlast\n" + &log);
}

#[test]
fn what_cannot_be_gone_over_again_is_told() {
    let folder = Folder::new();
    folder.put(
        "task.yaml",
        "version: 1\nname: task\nsteps:\n  - {id: ask, action: manual, with: {instructions: Do it.}}\n",
    );
    folder.says(3, "run task.yaml --site acme.yaml");
    let open = folder.says(2, "rerun acme --from ask");
    assert!(open.contains("mailmedic resume acme-"), "{open}");
    folder.says(0, "cancel acme");
    let unknown = folder.says(2, "rerun acme --from asks");
    assert!(
        unknown.contains("no step 'asks' (it has: ask)"),
        "{unknown}"
    );
    folder.put(
        "other.yaml",
        "id: other\nname: Other\ndomains: [other.example]\n",
    );
    let other = folder.says(2, "rerun acme --from ask --site other.yaml");
    assert!(other.contains("mailmedic run"), "{other}");
    // The task is asked again, in the words of the changed file.
    folder.put(
        "task.yaml",
        &folder.text("task.yaml").replace("Do it.", "Do it well."),
    );
    let again = folder.says(3, "rerun acme --from ask --runbook task.yaml");
    assert!(again.contains("Do it well."), "{again}");
}

/// A step that failed may have been noticed all the same; who does it again has to say so, unless it is proven that nothing went out.
#[test]
fn what_failed_may_have_been_noticed() {
    let folder = Folder::new();
    for (command, noticed) in [("[sh, -c, 'exit 1']", true), ("[no-such-program]", false)] {
        let book = format!(
            "version: 1\nname: post\nsteps:\n  - id: tell\n    action: command.run\n    with: {{command: {command}}}\n"
        );
        folder.put("post.yaml", &book);
        folder.says(1, "run post.yaml --site acme.yaml");
        let run = folder.runs().remove(0);
        let said = folder.says(
            if noticed { 2 } else { 1 },
            &format!("rerun {run} --from tell"),
        );
        assert_eq!(said.contains("--yes"), noticed, "{command}: {said}");
        folder.says(0, "prune --older-than 0s --keep 0 --yes");
    }
}
