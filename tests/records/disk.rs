//! A disk that is full, and one that only reads: a clear error, nothing lost, and the run goes on when there is room again.
//!
//! The disk is a small tmpfs in a mount namespace of its own, which goes away with the last process in it.

use std::process::Output;

use super::Folder;

const BOOK: &str = "version: 1
name: book
steps:
  - {id: write, action: document.render, with: {template: isp-ptr-request.md, to: letter.md}}
  - {id: again, action: document.render, needs: [write], with: {template: isp-ptr-request.md, to: 'letter-{{run.id}}.md'}}
  - {id: ask, action: manual, needs: [again], with: {instructions: Do it.}}
";

/// Runs a shell script with a disk of its own, mounted at `state`.
fn on_a_disk(folder: &Folder, size: &str, script: &str) -> Output {
    // Without root, a user namespace gives the right to mount.
    let mut command = folder.command_of("unshare");
    command.arg("--mount");
    if !is_root() {
        command.arg("--map-root-user");
    }
    let script = format!(
        "set -u\nmount -t tmpfs -o size={size} disk state || exit 99\nM={}\n{script}",
        env!("CARGO_BIN_EXE_mailmedic")
    );
    let output = command.args(["sh", "-c", &script]).output().unwrap();
    assert_ne!(
        output.status.code(),
        Some(99),
        "needs root, or user namespaces that may mount: {}",
        both(&output)
    );
    output
}

pub(super) fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
}

fn both(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn workspace() -> Folder {
    let folder = Folder::new();
    folder.put("book.yaml", BOOK);
    std::fs::create_dir(folder.path().join("state")).unwrap();
    folder
}

/// The disk is full after so many pages more: at each place where something is written.
#[test]
fn a_full_disk_ends_with_a_sentence_and_loses_nothing() {
    let folder = workspace();
    let mut failed = 0;
    let mut finished = 0;
    let mut kept_out = 0;
    for pages in 0..24 {
        // Fills the disk but for some pages, runs, makes room, and goes on to the end.
        let script = format!(
            "
            dd if=/dev/zero of=state/rest bs=4096 count={pages} 2>/dev/null
            dd if=/dev/zero of=state/filler bs=4096 2>/dev/null
            rm -f state/rest
            $M run book.yaml --site acme.yaml > first.txt 2>&1; echo first $?
            $M runs > listed.txt 2>&1; echo listed $?
            $M done acme ask > answered.txt 2>&1; echo answered $?
            rm state/filler
            if $M runs --open --json | grep -q status; then
                $M run book.yaml --site acme.yaml > twice.txt 2>&1; echo twice $?
            fi
            run=$(ls state/runs 2>/dev/null | sed -n 's/.journal$//p')
            if [ -z \"$run\" ]; then echo none; exit 0; fi
            $M resume $run > second.txt 2>&1; echo second $?
            $M done $run ask > third.txt 2>&1; echo third $?
            $M resume $run > last.txt 2>&1; echo last $?
            $M verify $run > verified.txt 2>&1; echo verified $?
            "
        );
        for old in [
            "twice", "first", "listed", "answered", "second", "third", "last", "verified",
        ] {
            folder.put(&format!("{old}.txt"), "");
        }
        let told = both(&on_a_disk(&folder, "256k", &script));
        let case = format!("{pages} pages: {told}");
        for name in [
            "first", "listed", "answered", "second", "third", "last", "verified",
        ] {
            let said = folder.text(&format!("{name}.txt"));
            assert!(!said.contains("panicked"), "{case}{name}: {said}");
        }
        let first = folder.text("first.txt");
        if told.contains("first 1") {
            failed += 1;
            assert!(first.contains("No space left on device"), "{case}{first}");
            assert!(first.contains("state"), "{case}: which file? {first}");
        } else {
            assert!(told.contains("first 3"), "{case}{first}");
        }
        assert!(
            told.contains("listed 0"),
            "{case}{}",
            folder.text("listed.txt")
        );
        if told.contains("none") {
            assert!(
                told.contains("first 1"),
                "{case}: the run that was told is gone"
            );
            continue;
        }
        finished += 1;
        let ended = !told.contains("twice");
        kept_out += usize::from(!ended);
        assert!(
            ended || told.contains("twice 2") && folder.text("twice.txt").contains("is still open"),
            "{case}: a run that is there keeps a second one out: {}",
            folder.text("twice.txt")
        );
        // A file that could not be kept has failed its step; the record says so, and why.
        if told.contains("last 1") {
            let run = folder.text("first.txt") + &folder.text("second.txt");
            assert!(
                run.contains("failed") && run.contains("No space left"),
                "{case}{run}"
            );
        } else {
            let second = folder.text("second.txt");
            assert!(
                told.contains("last 0"),
                "{case}{second}{}",
                folder.text("last.txt")
            );
        }
        if told.contains("answered 0") {
            let third = folder.text("third.txt");
            assert!(
                third.contains("it was already") || third.contains("has ended"),
                "{case}: what was acknowledged is there: {third}"
            );
        }
        assert!(
            told.contains("verified 0"),
            "{case}{}",
            folder.text("verified.txt")
        );
    }
    assert!(failed >= 3, "{failed} of the disks were full too early");
    assert!(kept_out >= 10, "{kept_out} of the runs were open");
    assert!(finished >= 10, "{finished} of the runs began");
}

#[test]
fn a_folder_that_is_read_only_can_be_read_and_says_why_it_cannot_be_written() {
    let folder = workspace();
    let script = "
        $M run book.yaml --site acme.yaml > /dev/null 2>&1; echo first $?
        mount -o remount,ro state
        for line in runs 'status acme' 'show acme' 'show acme ask' 'verify acme' 'export acme' 'report acme --format md'; do
            $M $line > said.txt 2>&1; echo \"read $? $line\"; cat said.txt >&2
        done
        for line in 'run book.yaml --site acme.yaml' 'resume acme' 'resume --all' 'done acme ask' 'cancel acme' 'prune --older-than 0s --keep 0 --yes' 'report acme -o out.md'; do
            $M $line > said.txt 2>&1; echo \"write $? $line: $(cat said.txt)\"
        done
    ";
    let output = on_a_disk(&folder, "1m", script);
    let told = both(&output);
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!told.contains("panicked"), "{told}");
    assert!(lines.contains("first 3"), "{told}");
    let read: Vec<&str> = lines
        .lines()
        .filter(|line| line.starts_with("read "))
        .collect();
    assert_eq!(read.len(), 7, "{told}");
    for line in read {
        assert!(line.starts_with("read 0 "), "{line}: {told}");
    }
    let written: Vec<&str> = lines
        .lines()
        .filter(|line| line.starts_with("write "))
        .collect();
    assert_eq!(written.len(), 7, "{told}");
    for line in written {
        // Nothing is due, and no run has ended: there is nothing to be written.
        let idle = line.contains("resume --all") || line.contains("prune");
        let refused = line.starts_with("write 1 ")
            && line.contains("Read-only file system")
            && line.contains("state/");
        assert!(refused || (idle && line.starts_with("write 0 ")), "{line}");
    }
}
