//! `prune`: what goes, what stays, and that nothing goes unasked.

use std::time::{Duration, SystemTime};

use super::Folder;

const LETTER: &str = "version: 1\nname: letter\nsteps:\n  - id: write\n    action: document.render\n    \
                      with: {template: isp-ptr-request.md, to: letter.md}\n  - id: ask\n    action: manual\n    \
                      with: {instructions: Do it.}\n";

/// An ended run with a piece of evidence of its own.
fn ended(folder: &Folder, note: &str) -> String {
    folder.says(3, "run letter.yaml --site acme.yaml");
    folder.put("evidence.txt", note);
    folder.says(0, "done acme ask --evidence evidence.txt --resume");
    folder.runs().remove(0)
}

/// The files that are kept, made so old that nobody can be about to speak of them.
fn kept(folder: &Folder) -> usize {
    let mut count = 0;
    for folder in std::fs::read_dir(folder.path().join("state/artifacts")).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let file = std::fs::File::open(file.unwrap().path()).unwrap();
            let old = SystemTime::now() - Duration::from_secs(3 * 86_400);
            file.set_modified(old).unwrap();
            count += 1;
        }
    }
    count
}

#[test]
fn old_runs_go_when_they_are_asked_to_and_open_ones_stay() {
    let folder = Folder::new();
    folder.put("letter.yaml", LETTER);
    let first = ended(&folder, "one");
    let second = ended(&folder, "two");
    folder.says(3, "run letter.yaml --site acme.yaml");
    assert_eq!(folder.runs().len(), 3);
    let files = kept(&folder);

    let said = folder.says(0, "prune");
    assert!(said.contains("no run is old enough"), "{said}");
    let said = folder.says(0, "prune --older-than 0s --keep 0");
    assert!(
        said.contains("2 runs would go; nothing was removed: say --yes"),
        "{said}"
    );
    assert!(said.contains(&first) && said.contains(&second), "{said}");
    assert_eq!((folder.runs().len(), kept(&folder)), (3, files));

    let said = folder.says(0, "prune --older-than 0s --keep 1 --yes");
    let gone = files - kept(&folder);
    assert!(gone > 0, "the evidence of that run");
    assert!(
        said.contains(&format!("gone: 1 run, and {gone} file")),
        "{said}"
    );
    assert!(!folder.runs().contains(&first), "the older one went");
    assert_eq!(folder.runs().len(), 2);
    assert!(!folder.path().join("state/reports").join(&first).exists());
    folder.says(0, &format!("verify {second}"));

    folder.says(0, "prune --older-than 0s --keep 0 --yes");
    assert_eq!(
        folder.runs().len(),
        1,
        "the open run stays, whatever is asked"
    );
    folder.says(0, "verify acme");
    let other = folder.says(2, "prune --older-than soon");
    assert!(other.contains("90d"), "{other}");
}

#[test]
fn a_run_that_cannot_be_read_keeps_all_files() {
    let folder = Folder::new();
    folder.put("letter.yaml", LETTER);
    let first = ended(&folder, "one");
    ended(&folder, "two");
    let path = folder.journal(&first);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("acme", "acne", 1)).unwrap();
    let files = kept(&folder);
    let said = folder.says(0, "prune --older-than 0s --keep 0 --yes");
    assert!(
        said.contains(&format!("run {first} is damaged and stays")),
        "{said}"
    );
    assert_eq!(kept(&folder), files);
    assert!(path.is_file());
}

/// A fleet run that has lost one of its runs to damage would begin it anew if it were taken up again without its record.
#[test]
fn a_fleet_run_goes_only_with_all_its_runs() {
    let folder = Folder::new();
    folder.put("letter.yaml", LETTER.split_once("  - id: ask").unwrap().0);
    std::fs::create_dir(folder.path().join("sites")).unwrap();
    for id in ["one", "two"] {
        folder.put(
            &format!("sites/{id}.yaml"),
            &format!("id: {id}\nname: {id}\ndomains: [{id}.example]\n"),
        );
    }
    folder.says(0, "run letter.yaml --sites sites");
    let runs = folder.runs();
    let damaged = runs.iter().find(|run| run.starts_with("two")).unwrap();
    let path = folder.journal(damaged);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("letter", "better", 1)).unwrap();
    let fleets = || {
        std::fs::read_dir(folder.path().join("state/fleets"))
            .unwrap()
            .count()
    };
    let before = fleets();
    folder.says(0, "prune --older-than 0s --keep 0 --yes");
    assert_eq!((folder.runs().len(), fleets()), (2, before), "all stay");

    std::fs::write(&path, text).unwrap();
    let said = folder.says(0, "prune --older-than 0s --keep 0 --yes");
    assert!(said.contains("gone: 2 runs"), "{said}");
    assert_eq!(folder.runs().len(), 0);
    assert!(fleets() < before, "and the fleet run with them");
}

/// What a fleet leaves for the next list counts only while each line tells the length that its run's journal has.
#[test]
fn what_a_fleet_knows_of_its_runs_holds_after_their_documents_are_written() {
    let folder = Folder::new();
    let letter = LETTER.split_once("  - id: ask").unwrap().0;
    folder.put(
        "letter.yaml",
        &format!("{letter}report: {{template: handover}}\n"),
    );
    std::fs::create_dir(folder.path().join("sites")).unwrap();
    folder.put(
        "sites/one.yaml",
        "id: one\nname: one\ndomains: [one.example]\n",
    );
    folder.says(0, "run letter.yaml --sites sites");
    // `runs` would take them in.
    let journals = std::fs::read_dir(folder.path().join("state/runs")).unwrap();
    let journal = journals
        .map(|file| file.unwrap())
        .find(|file| file.file_name().to_string_lossy().ends_with(".journal"));
    let length = journal.unwrap().metadata().unwrap().len();
    let left: Vec<String> = std::fs::read_dir(folder.path().join("state/known"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert!(
        left[0].contains(&format!("[{length},")),
        "{length}: {left:?}"
    );
}
