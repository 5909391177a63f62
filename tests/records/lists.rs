//! The workspace's `lists.yaml` is not pinned in a run: a run that goes on with another one says so.

use super::Folder;

const BOOK: &str = "version: 1
name: book
steps:
  - {id: ask, action: manual, with: {instructions: Do it.}}
";

const CHANGED: &str = "off: [backscatterer]\n";

#[test]
fn a_run_that_goes_on_with_another_lists_yaml_says_so() {
    let folder = Folder::new();
    folder.put("mailmedic.yaml", "");
    folder.put("book.yaml", BOOK);
    folder.put("lists.yaml", "# nothing of our own\n");
    folder.says(3, "run book.yaml --site acme.yaml");
    let run = folder.runs().remove(0);
    let noted = |folder: &Folder| {
        folder
            .text(&format!("state/runs/{run}.journal"))
            .matches("lists_in_force")
            .count()
    };
    let again = folder.says(3, "resume acme");
    assert!(!again.contains("lists.yaml"), "{again}");
    assert_eq!(noted(&folder), 0, "comments change nothing");

    folder.put("lists.yaml", CHANGED);
    let changed = folder.says(3, "resume acme");
    assert!(
        changed.contains("lists.yaml is another one than before"),
        "{changed}"
    );
    let same = folder.says(3, "resume acme");
    assert!(!same.contains("lists.yaml"), "{same}");
    assert_eq!(noted(&folder), 1);
    let report = folder.says(0, "report acme --format md --template handover");
    assert!(
        report.contains("asked by another lists.yaml since"),
        "{report}"
    );
    // Its text is kept under the digest that the event names.
    let journal = folder.text(&format!("state/runs/{run}.journal"));
    let digest = journal
        .split("\"lists_in_force\":{\"digest\":\"")
        .nth(1)
        .unwrap();
    let digest = digest.split('"').next().unwrap();
    assert_eq!(
        folder.text(&format!("state/artifacts/{}/{digest}", &digest[..2])),
        CHANGED
    );

    std::fs::remove_file(folder.path().join("lists.yaml")).unwrap();
    let gone = folder.says(3, "resume acme");
    assert!(
        gone.contains("lists.yaml is another one than before"),
        "{gone}"
    );

    // A run that begins with it notes it, and has nothing to tell.
    folder.put("lists.yaml", CHANGED);
    folder.put("book.yaml", &BOOK.replace("name: book", "name: other"));
    let fresh = folder.says(3, "run book.yaml --site acme.yaml");
    assert!(!fresh.contains("lists.yaml"), "{fresh}");
}
