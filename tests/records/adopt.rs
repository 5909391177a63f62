//! `resume --adopt`: a run under way goes on with a changed runbook, if what was recorded fits it.

use super::Folder;

const BOOK: &str = "version: 1
name: book
steps:
  - {id: write, action: document.render, with: {template: isp-ptr-request.md, to: letter.md}}
  - {id: ask, action: manual, needs: [write], with: {instructions: Do it.}}
  - {id: after, action: manual, needs: [ask], with: {instructions: And then this.}}
";

#[test]
fn a_mended_runbook_is_adopted_and_what_does_not_fit_is_named() {
    let folder = Folder::new();
    folder.put("book.yaml", BOOK);
    folder.says(3, "run book.yaml --site acme.yaml");
    let same = folder.says(3, "resume acme --adopt");
    assert!(same.contains("has already"), "{same}");

    let before = folder.text(&format!("state/runs/{}.journal", folder.runs()[0]));
    for (changed, wanted) in [
        (
            BOOK.replace("id: write, action: document.render, with: {template: isp-ptr-request.md, to: letter.md}", "id: write, action: wait, with: {for: 1ms}"),
            "step 'write' (done) was document.render and would be wait",
        ),
        (BOOK.replace("id: ask", "id: asks").replace("[ask]", "[asks]"), "step 'ask' (waiting) is not in it any more"),
        (BOOK.replace("name: book", "name: other"), "it is 'other', and the run is one of 'book'"),
        (BOOK.replace("manual", "manuel"), "nothing was changed"),
    ] {
        folder.put("book.yaml", &changed);
        let said = folder.says(2, "resume acme --adopt");
        assert!(said.contains(wanted), "{said}");
        let after = folder.text(&format!("state/runs/{}.journal", folder.runs()[0]));
        assert_eq!(before, after, "{wanted}: nothing was written");
    }
    // A step that has not begun may be another one; a new one may come in.
    folder.put(
        "book.yaml",
        &BOOK.replace(
            "after, action: manual, needs: [ask], with: {instructions: And then this.}",
            "other, action: document.render, needs: [ask], with: {template: isp-ptr-request.md, to: second.md}",
        ),
    );
    let said = folder.says(3, "resume acme --adopt --note mended");
    assert!(said.contains("goes on with"), "{said}");
    folder.says(0, "done acme ask --resume");
    let shown = folder.says(0, "show acme other");
    assert!(shown.contains("second.md"), "{shown}");
    folder.says(0, "verify acme");
    let ended = folder.says(2, "resume acme --adopt");
    assert!(ended.contains("no open run"), "{ended}");
}
