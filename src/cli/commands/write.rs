//! Writing files for the user: whole or not at all.

use std::path::Path;

use crate::cli::fail::Fail;

/// Writes a file under a temporary name beside it, then renames: a reader never sees half of it, and an error leaves an older
/// file as it was.
pub(in crate::cli) fn whole(path: &Path, bytes: &[u8]) -> Result<(), Fail> {
    let cannot = |error| Fail::because(format!("cannot write {}", path.display()), error);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    std::fs::write(&temporary, bytes).map_err(cannot)?;
    std::fs::rename(&temporary, path).map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        cannot(error)
    })
}
