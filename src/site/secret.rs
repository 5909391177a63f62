//! References to secrets: where a password or key is kept. The value never enters a record.

use std::path::PathBuf;
use std::process::Command;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Where a secret is kept. Written as `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT, ...]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// In this environment variable.
    Env(String),
    /// In this file; a newline at its end does not count.
    File(PathBuf),
    /// This program prints it; run without a shell.
    Command(Vec<String>),
}

/// A secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or not text.
    #[error("environment variable {0} is not set (set it in the shell that runs mailmedic)")]
    Env(String),
    /// The file cannot be read.
    #[error("cannot read the secret file {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The command cannot be run.
    #[error("cannot run the secret command {program}")]
    Command {
        /// Which program.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The command failed, or printed something that is not text.
    #[error("the secret command {program} gave no secret ({why})")]
    Refused {
        /// Which program.
        program: String,
        /// Its exit status, or what is wrong with its output. Never the output.
        why: String,
    },
}

impl SecretRef {
    /// Reads the secret.
    ///
    /// # Errors
    /// When the place does not hold one. The message names the place, never a value.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        match self {
            SecretRef::Env(name) => std::env::var(name)
                .map(SecretString::from)
                .map_err(|_| SecretError::Env(name.clone())),
            SecretRef::File(path) => std::fs::read_to_string(path)
                .map(|text| SecretString::from(without_newline(&text)))
                .map_err(|source| SecretError::File {
                    path: path.clone(),
                    source,
                }),
            SecretRef::Command(argv) => {
                let program = argv.first().cloned().unwrap_or_default();
                let output = Command::new(&program)
                    .args(argv.iter().skip(1))
                    .output()
                    .map_err(|source| SecretError::Command {
                        program: program.clone(),
                        source,
                    })?;
                if !output.status.success() {
                    return Err(SecretError::Refused {
                        program,
                        why: output.status.to_string(),
                    });
                }
                match String::from_utf8(output.stdout) {
                    Ok(text) if !text.trim().is_empty() => {
                        Ok(SecretString::from(without_newline(&text)))
                    }
                    Ok(_) => Err(SecretError::Refused {
                        program,
                        why: "it printed nothing".to_owned(),
                    }),
                    Err(_) => Err(SecretError::Refused {
                        program,
                        why: "it printed no text".to_owned(),
                    }),
                }
            }
        }
    }
}

fn without_newline(text: &str) -> String {
    text.trim_end_matches(['\n', '\r']).to_owned()
}
