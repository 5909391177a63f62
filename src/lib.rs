//! mailmedic: the remediation runbook engine for mail servers that the world has stopped trusting.

pub mod actions;
pub mod cli;
pub mod engine;
pub mod mail;
pub mod practice;
pub mod probes;
pub mod record;
pub mod report;
pub mod runbook;
pub mod settings;
pub mod site;
pub mod store;
pub mod templates;
pub mod yaml;
