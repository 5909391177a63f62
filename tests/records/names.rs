//! How the journals of a fleet get their names: as files that had none before, or, where the system makes no such files or
//! cannot name them, by a second name. Both must leave whole runs, and nothing else.

use super::Folder;

const BOOK: &str = "version: 1
name: book
steps:
  - {id: one, action: command.run, with: {command: [echo, '{}']}}
";

/// Runs a fleet of two sites under `strace`, with these options of its own, after `before` in a mount namespace. Gives what the
/// kernel was asked for.
fn fleet(folder: &Folder, options: &[&str], before: &str) -> String {
    folder.put("book.yaml", BOOK);
    std::fs::create_dir_all(folder.path().join("state/runs")).unwrap();
    std::fs::create_dir(folder.path().join("sites")).unwrap();
    for site in ["beta", "gamma"] {
        folder.put(
            &format!("sites/{site}.yaml"),
            &format!("id: {site}\nname: {site}\ndomains: [{site}.example]\n"),
        );
    }
    let script = format!(
        "{before} exec {} run book.yaml --sites sites",
        env!("CARGO_BIN_EXE_mailmedic")
    );
    let user: &[&str] = match super::disk::is_root() {
        true => &[],
        // Gives the right to mount.
        false => &["--map-root-user"],
    };
    let output = folder
        .command_of("strace")
        .args(["-f", "-s", "1000", "-o", "trace"])
        .args(options)
        .args(["unshare", "--mount"])
        .args(user)
        .args(["sh", "-c", &script])
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot start strace (`tests/install` installs it): {error}")
        });
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let entries = std::fs::read_dir(folder.path().join("state/runs")).unwrap();
    let names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let whole = |name: &String| name.ends_with(".journal");
    assert!(names.len() == 2 && names.iter().all(whole), "{names:?}");
    assert_eq!(folder.runs().len(), 2);
    for run in folder.runs() {
        folder.says(0, &format!("verify {run}"));
    }
    folder.text("trace")
}

fn count(trace: &str, words: &[&str]) -> usize {
    let with_all = |line: &&str| words.iter().all(|word| line.contains(word));
    trace.lines().filter(with_all).count()
}

const LINKS: &[&str] = &["-e", "trace=link,linkat"];

#[test]
fn a_journal_is_a_file_without_a_name_until_it_is_whole() {
    let folder = Folder::new();
    let trace = fleet(&folder, LINKS, "");
    let named = count(&trace, &["\"/proc/self/fd/", ".journal\"", "= 0"]);
    assert_eq!(named, 2, "{trace}");
}

/// As a network file system does, and some others: `strace` has the kernel say no to each such file.
#[test]
fn a_file_system_that_makes_no_file_without_a_name_will_do() {
    let folder = Folder::new();
    let runs = folder.path().join("state/runs");
    let options = [
        "-P",
        runs.to_str().unwrap(),
        "-e",
        "trace=openat",
        "-e",
        "inject=openat:error=EOPNOTSUPP",
    ];
    let trace = fleet(&folder, &options, "");
    let refused = count(&trace, &["O_TMPFILE", "EOPNOTSUPP", "INJECTED"]);
    assert_eq!(refused, 2, "{trace}");
}

#[test]
fn a_machine_without_proc_will_do() {
    let folder = Folder::new();
    let cover = "mount -t tmpfs none /proc || exit 99;";
    let trace = fleet(&folder, LINKS, cover);
    let refused = count(&trace, &["\"/proc/self/fd/", ".journal\"", "= -1 ENOENT"]);
    let second = count(&trace, &[".new\"", ".journal\"", "= 0"]);
    assert_eq!((refused, second), (2, 2), "{trace}");
}
