//! What Exchange writes about messages beside its event log: message tracking, and the protocol logs of its connectors.

mod header;
mod protocol;
mod tracking;
mod tracking_2003;

pub(super) use header::{Columns, fields_of};
pub(in crate::mail) use protocol::ProtocolLog;
pub(in crate::mail) use tracking::Tracking;
pub(in crate::mail) use tracking_2003::Tracking2003;
