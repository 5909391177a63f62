//! The commands, one file a family.

pub(super) mod adopt;
pub(super) mod agent;
pub(super) mod call_off;
pub(super) mod decide;
pub(super) mod demo;
pub(super) mod doctor;
pub(super) mod due;
pub(super) mod fleet;
pub(super) mod init;
pub(super) mod listing;
pub(super) mod lists;
pub(super) mod probe;
pub(super) mod prune;
pub(super) mod record;
pub(super) mod reference;
pub(super) mod report;
pub(super) mod rerun;
pub(super) mod run;
pub(super) mod write;
