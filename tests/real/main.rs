//! mailmedic against real servers: rbldnsd, unbound, Postfix, Exim and Dovecot as Debian ships them, in two network
//! namespaces that know only documentation addresses.
//!
//! Needs root and the programs that `tests/install` installs. Without them the tests fail and say so; they never pass
//! silently. Each test makes its own [`lab::Lab`], so they may run side by side, and nothing is left behind.
#![allow(clippy::unwrap_used)]

mod blacklist_scan;
mod delivery_probe;
mod event_logs;
mod gateway_postfix;
#[path = "../incident/mod.rs"]
mod incident;
mod lab;
mod mailauth_check;
mod outbound_vet;
mod owner_lookup;
mod rdns_verify;
mod relay_proof;
mod relay_test;
mod server_check;
mod servers;
mod smarthost_check;
