//! What an evaluation is asked, and what it comes to.

use std::net::IpAddr;

use super::record::SpfResult;

/// Whose mail is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The sending address.
    pub ip: IpAddr,
    /// The domain whose record is asked for: that of MAIL FROM, or the HELO name.
    pub domain: String,
    /// MAIL FROM, or `postmaster@` the HELO name.
    pub sender: String,
    /// The name after HELO.
    pub helo: String,
}

impl Request {
    /// For mail from any sender of `domain`.
    pub fn mail_from(ip: IpAddr, domain: &str, helo: &str) -> Self {
        Request {
            ip,
            domain: domain.to_owned(),
            sender: format!("postmaster@{domain}"),
            helo: helo.to_owned(),
        }
    }

    /// For the name after HELO itself, as for bounces (§2.3).
    pub fn helo(ip: IpAddr, helo: &str) -> Self {
        Request::mail_from(ip, helo, helo)
    }
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Like a receiver: to the first match, within the limits.
    Verdict,
    /// Through all terms, past match and limits: what the record costs a sender that matches nothing.
    Whole,
}

/// Why a result is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A term matched.
    Match,
    /// No term matched.
    NoMatch,
    /// There is no record.
    NoRecord,
    /// There are several records.
    Several,
    /// The record has a fault.
    Fault,
    /// It needs too many look-ups, or one of its terms has too many hosts.
    Lookups,
    /// Too many look-ups find nothing.
    Voids,
    /// The records lead in a circle.
    Circle,
    /// A record that `include` or `redirect` leads to cannot be used.
    Target,
    /// DNS did not answer.
    Dns,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The result; of no meaning with [`Extent::Whole`].
    pub result: SpfResult,
    /// What kind of reason it has.
    pub cause: Cause,
    /// Why, in words; begins in lower case, has no full stop.
    pub reason: String,
    /// Terms that looked something up.
    pub lookups: usize,
    /// Look-ups that found nothing.
    pub voids: usize,
    /// The records and terms on the way.
    pub visit: Visit,
}

/// One record on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visit {
    /// Where it stands.
    pub domain: String,
    /// Its text, if there is exactly one.
    pub record: Option<String>,
    /// Its terms as far as they were looked at.
    pub terms: Vec<TermVisit>,
    /// What is wrong with the record as such: none, several, a fault, a loop.
    pub trouble: Option<String>,
}

/// One term on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TermVisit {
    /// As it is written.
    pub text: String,
    /// 1 when it counts as a look-up, with those of the records below it.
    pub lookups: usize,
    /// Look-ups that found nothing, with those below.
    pub voids: usize,
    /// Whether it matched.
    pub matched: bool,
    /// What was seen: addresses, a failure.
    pub detail: String,
    /// The record it leads to.
    pub below: Option<Visit>,
}
