//! A whole mail world on loopback: DNS with blocklists, SMTP servers of every character, IMAP, and a
//! certificate authority. For `mailmedic demo`, rehearsals and tests; real sockets, no network, no root.
//!
//! A [`Scenario`] is plain data, [`World::start`] runs it. Everything can be changed while it runs (zones,
//! lists, a server's [`smtp::Personality`], mailboxes), and every server remembers what it was asked.
//! [`office`] is the scenario of a neglected small-office server.

pub mod dns;
pub mod imap;
mod listen;
mod live;
pub mod mailbox;
pub mod office;
pub mod smtp;
mod tls;
mod wire;
mod world;

pub use live::Live;
pub use tls::{Authority, Certificate};
pub use world::{Scenario, Unpacked, World};
