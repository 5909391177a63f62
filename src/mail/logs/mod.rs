//! Formats of mail server logs: what Unix and Exchange servers write about each message.
//!
//! Each is a [`Format`](crate::mail::events::Format) of its own; the registry is
//! [`FORMATS`](crate::mail::events::FORMATS). Lines about one message are joined by its queue id ([`queue`]), with a table
//! that forgets, so that memory stays flat.

mod dialogue;
mod exchange;
mod exim;
mod host;
mod iis;
mod postfix;
pub(in crate::mail::logs) mod queue;
mod sendmail;
mod syslog;
#[cfg(test)]
mod tests;

pub(in crate::mail) use exchange::{ProtocolLog, Tracking, Tracking2003};
pub(in crate::mail) use exim::Exim;
pub(in crate::mail) use iis::IisSmtp;
pub(in crate::mail) use postfix::Postfix;
pub(in crate::mail) use sendmail::Sendmail;
