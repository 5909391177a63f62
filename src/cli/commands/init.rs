//! `init`: a workspace to start from. Never overwrites a file.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args::Global;
use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::out;

const SETTINGS: &str = "\
# Settings of this workspace. Flags and MAILMEDIC_* variables go before them.
state: state            # where runs are kept: append-only journals and the files that belong to them
runbooks: runbooks      # your own runbooks; a name that is not here is looked for among the shipped ones
templates: templates    # your own report templates; a name that is not here is looked for among the shipped ones
# by: J. Tech           # your name, as it will stand in the record
# resolver: [127.0.0.1] # a resolver of your own: blocklists refuse public ones
# authorities: ca.pem   # authorities to trust for HTTPS beside the public ones: where a firewall looks into HTTPS, its own
";

const LISTS: &str = "\
# What this workspace changes in the catalogue of blocklists (`mailmedic lists`). Uncomment what you need.
# add:
#   - id: our-list
#     zone: bl.provider.example
#     settings: {severity: minor, per_second: 50}   # per_second: 0 is no limit; needs own_mirror: true (your own server)
# change:
#   psbl: {severity: major, scan: on}
# off: [backscatterer]     # by id or zone: not asked unless a runbook names it
";

const SITE: &str = include_str!("site-example.yaml");

/// Makes a workspace in `folder`.
pub(in crate::cli) fn init(global: &Global, folder: &Path) -> Result<Exit, Fail> {
    let mut made: Vec<PathBuf> = Vec::new();
    let mut kept: Vec<PathBuf> = Vec::new();
    let mut put = |name: &str, text: &str| -> Result<(), Fail> {
        let path = folder.join(name);
        if path.exists() {
            kept.push(path);
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| {
                Fail::because(
                    format!("cannot create the folder {}", parent.display()),
                    error,
                )
            })?;
        }
        super::write::whole(&path, text.as_bytes())?;
        made.push(path);
        Ok(())
    };
    put(crate::settings::FILE, SETTINGS)?;
    put("lists.yaml", LISTS)?;
    put("sites/example.yaml", SITE)?;
    for name in crate::runbook::shipped() {
        if let Some(text) = crate::runbook::shipped_text(&name) {
            put(&format!("runbooks/{name}.yaml"), &text)?;
        }
    }
    put(".gitignore", "/state\n")?;
    if global.json {
        out::json(&json!({"schema": "mailmedic.init/1", "made": made, "kept": kept}))?;
        return Ok(Exit::Healthy);
    }
    for path in &made {
        out::remark(global, &format!("made  {}", path.display()));
    }
    for path in &kept {
        out::remark(global, &format!("kept  {} (it was there)", path.display()));
    }
    let site = folder.join("sites/example.yaml");
    out::remark(
        global,
        &format!(
            "\nnext:\n  1. copy {site} to sites/<client>.yaml and fill it in\n  2. mailmedic check sites/<client>.yaml\n  3. mailmedic plan blacklist-recovery --site sites/<client>.yaml\n  4. mailmedic run blacklist-recovery --site sites/<client>.yaml",
            site = site.display()
        ),
    );
    Ok(Exit::Healthy)
}
