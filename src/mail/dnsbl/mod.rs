//! DNS blocklists: the catalogue, the names to ask, how to read the answers and when to believe them.
//!
//! A scan goes through the four files in this order: [`catalogue`] says which lists exist, [`query`] builds the names to ask
//! (RFC 5782), [`decode`] reads an answer set by the list's own table, and [`health`] judges from control queries whether a
//! list, and the resolver in front of it, may be believed at all. [`scope`] says which addresses may be asked about.
//!
//! The knowledge itself is data: `src/mail/data/dnsbl.yaml`.

mod amend;
mod catalogue;
mod code;
mod decode;
mod entry;
mod health;
#[cfg(test)]
mod health_tests;
mod query;
mod scope;
#[cfg(test)]
mod tests;

pub use amend::{AmendError, Amendments, Change, Misfit, Own, Place, amend, amendments};
pub use catalogue::{Catalogue, CatalogueError, built_in, catalogue};
pub use code::{CodeKey, CodeKeyError};
pub use decode::{Part, Reading, Reply, Standing, Verdict};
pub use entry::{
    Access, Candidate, CodeRemoval, Confidence, Danger, Dead, Decode, DefaultScan, Delisting, Kind,
    List, Method, Names, Nature, Public, Receiver, ReturnCode, Severity, Status, Target, Ternary,
    TestPoints,
};
pub use health::{Control, Expect, Health, Resolver, controls, judge, judge_resolver};
pub use query::{
    NameError, Question, Subject, a_labels, at_zone, ipv4_labels, ipv6_labels, network_of,
    question, registrable,
};
pub use scope::{Refused, askable};
