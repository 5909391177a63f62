//! SPF (RFC 7208): reading a record with every fault in it, evaluating it for an address, and saying what each term costs.
//!
//! * [`parse`] reads one record. A receiver gives up at the first fault; here all of them are told, each with its place and,
//!   where it is plain, what was meant.
//! * [`evaluate`] is `check_host()` of RFC 7208 §4 as a pure function over DNS answers (see [`crate::mail::lookup`]). It
//!   keeps a trace: each term, what it looked up, whether it matched. With [`Extent::Whole`] it goes on after the match and
//!   past the limits, to count what the record costs a sender that matches nothing.
//! * [`advise`] looks at what is allowed by the standard and yet wrong.
//!
//! `mail-auth` evaluates SPF too, but keeps neither the count nor the trace, and its parser accepts what receivers refuse;
//! it is the second opinion in the tests.

mod advice;
mod evaluate;
mod evaluation;
mod macros;
mod parse;
mod reach;
mod record;
#[cfg(test)]
mod tests;

pub use advice::{Remark, RemarkKind, advise, allowing, merged};
pub use evaluate::{MOST_LOOKUPS, MOST_VOIDS, evaluate};
pub use evaluation::{Cause, Evaluation, Extent, Request, TermVisit, Visit};
pub use macros::{MacroError, MacroString};
pub use parse::{Fault, Parsed, parse};
pub use record::{
    Kind, Mechanism, Qualifier, Record, SpfResult, Term, is_spf, lookalikes, records,
};
