//! Errors as the user sees them: the chain of causes once, a hint, and the exit code.

use std::io::ErrorKind;

use super::exit::Exit;
use crate::engine::{AdoptError, DecisionError, EngineError};

pub(super) use crate::error_chain::chain;
use crate::store::StoreError;
use crate::templates::TemplateError;
use crate::yaml::Diagnostics;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Fail {
    /// Faults in files, with their places.
    Faults(Diagnostics),
    /// Anything else: what to say, and how to end.
    Said { text: String, exit: Exit },
    /// The reader of our output is gone (`mailmedic runs | head`): nothing to say.
    Gone,
}

impl Fail {
    /// Something about the arguments is not right.
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Fail::Said {
            text: text.into(),
            exit: Exit::Invalid,
        }
    }

    /// Something did not work.
    pub(super) fn failed(text: impl Into<String>) -> Self {
        Fail::Said {
            text: text.into(),
            exit: Exit::Failed,
        }
    }

    /// Something did not work, and this is why.
    pub(super) fn because(doing: impl Into<String>, cause: impl std::error::Error) -> Self {
        Fail::failed(format!("{}: {}", doing.into(), chain(&cause)))
    }

    /// What it says, in one line.
    pub(super) fn text(&self) -> String {
        match self {
            Fail::Faults(faults) => format!("{} faults in a file", faults.0.len()),
            Fail::Said { text, .. } => text.clone(),
            Fail::Gone => "the reader of the output is gone".to_owned(),
        }
    }

    /// How the program ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Fail::Faults(_) => Exit::Invalid,
            Fail::Said { exit, .. } => *exit,
            Fail::Gone => Exit::Healthy,
        }
    }
}

impl From<Diagnostics> for Fail {
    fn from(faults: Diagnostics) -> Self {
        Fail::Faults(faults)
    }
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::NoSuchRun(_)
            | StoreError::StillOpen { .. }
            | StoreError::Held { .. }
            | StoreError::Exists(_)
            | StoreError::BadId(_) => Exit::Invalid,
            _ => Exit::Failed,
        };
        let hint = match &error {
            StoreError::Io { source, .. } => next_step(source.kind()),
            _ => "",
        };
        Fail::Said {
            text: chain(&error) + hint,
            exit,
        }
    }
}

/// What to do when the state folder cannot be used.
fn next_step(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; make room on the disk of the state folder, then do it again: nothing that was told is lost"
        }
        ErrorKind::PermissionDenied => {
            "; look whose the state folder is, or name another with --state (`mailmedic doctor` tells more)"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "; the disk of the state folder can only be read: mount it for writing, or name another folder with --state"
        }
        _ => "",
    }
}

impl From<EngineError> for Fail {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::Illegal(_) => Fail::Said {
                text: chain(&error),
                exit: Exit::Bug,
            },
            EngineError::Pinned { .. } | EngineError::TakenOver { .. } => Fail::Said {
                text: chain(&error),
                exit: Exit::Failed,
            },
        }
    }
}

impl From<DecisionError> for Fail {
    fn from(error: DecisionError) -> Self {
        match error {
            DecisionError::Store(error) => error.into(),
            other => Fail::invalid(chain(&other)),
        }
    }
}

impl From<AdoptError> for Fail {
    fn from(error: AdoptError) -> Self {
        match error {
            AdoptError::Store(error) => error.into(),
            other => Fail::invalid(chain(&other)),
        }
    }
}

impl From<TemplateError> for Fail {
    fn from(error: TemplateError) -> Self {
        let exit = match &error {
            TemplateError::Unknown { .. } | TemplateError::Syntax { .. } => Exit::Invalid,
            _ => Exit::Failed,
        };
        Fail::Said {
            text: chain(&error),
            exit,
        }
    }
}

impl From<std::io::Error> for Fail {
    /// Only for writing our own output.
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Fail::Gone,
            _ => Fail::because("cannot write the output", error),
        }
    }
}
