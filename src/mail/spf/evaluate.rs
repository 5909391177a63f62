//! `check_host()` (RFC 7208 §4): what a record comes to for one address, term by term, and what each term costs.

use std::net::IpAddr;

use super::evaluation::{Cause, Evaluation, Extent, Request, TermVisit, Visit};
use super::macros::{MacroString, Values};
use super::parse::parse;
use super::reach::{SINGLE, is_at_or_below, listed, malformed, within};
use super::record::{Kind, Mechanism, Qualifier, Record, SpfResult, records};
use crate::mail::lookup::{Ask, Found, Known, Lookup};

/// Terms that may look something up, in one evaluation (§4.6.4).
pub const MOST_LOOKUPS: usize = 10;
/// Look-ups that may find nothing, in one evaluation (§4.6.4).
pub const MOST_VOIDS: usize = 2;
/// Hosts of one `mx` term, and names of one `ptr` term, that are looked at (§4.6.4).
const MOST_HOSTS: usize = 10;
/// Where counting past the limits ends, for the sake of whoever runs the name servers.
const MOST_COUNTED: usize = 60;
/// Depth at which counting past the limits ends.
const MOST_DEPTH: usize = 20;

/// Why an evaluation ends early.
enum Halt {
    /// Something must be asked first.
    Ask(Ask),
    /// A result that no further term can change.
    End(End),
}

impl Halt {
    fn because(result: SpfResult, cause: Cause, reason: String) -> Self {
        Halt::End(End::new(result, cause, reason))
    }
}

/// How one record ends.
struct End {
    result: SpfResult,
    cause: Cause,
    reason: String,
}

impl End {
    fn new(result: SpfResult, cause: Cause, reason: String) -> Self {
        End {
            result,
            cause,
            reason,
        }
    }
}

impl From<Ask> for Halt {
    fn from(ask: Ask) -> Self {
        Halt::Ask(ask)
    }
}

/// Evaluates the record of `request.domain`.
///
/// # Errors
/// The questions that must be answered first.
pub fn evaluate(request: &Request, known: &Known, extent: Extent) -> Result<Evaluation, Ask> {
    let mut walk = Walk {
        request,
        known,
        extent,
        lookups: 0,
        voids: 0,
        path: Vec::new(),
        name: None,
    };
    let mut visit = Visit::default();
    let end = match walk.check(&request.domain, &mut visit) {
        Ok(end) | Err(Halt::End(end)) => end,
        Err(Halt::Ask(ask)) => return Err(ask),
    };
    Ok(Evaluation {
        result: end.result,
        cause: end.cause,
        reason: end.reason,
        lookups: walk.lookups,
        voids: walk.voids,
        visit,
    })
}

struct Walk<'a> {
    request: &'a Request,
    known: &'a Known,
    extent: Extent,
    lookups: usize,
    voids: usize,
    /// Domains whose records are open above this one.
    path: Vec<String>,
    /// The confirmed name of the address, once it was needed.
    name: Option<String>,
}

impl Walk<'_> {
    /// The record of one domain.
    fn check(&mut self, domain: &str, visit: &mut Visit) -> Result<End, Halt> {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        visit.domain.clone_from(&domain);
        if let Some(what) = malformed(&domain) {
            let reason = format!("'{domain}' is no domain name: {what}");
            return Ok(End::new(SpfResult::None, Cause::NoRecord, reason));
        }
        if self.path.contains(&domain) {
            let reason = format!("the records lead in a circle back to {domain}");
            visit.trouble = Some(reason.clone());
            return Ok(End::new(SpfResult::PermError, Cause::Circle, reason));
        }
        let found = self.known.get(&Lookup::Txt(domain.clone()))?;
        if let Some(why) = found.failure() {
            let reason = format!("the record of {domain} could not be asked: {why}");
            visit.trouble = Some(reason.clone());
            return Ok(End::new(SpfResult::TempError, Cause::Dns, reason));
        }
        let texts = records(found.texts());
        let [text] = texts.as_slice() else {
            let (result, cause, reason) = match (texts.len(), found) {
                (0, Found::NoName) => (
                    SpfResult::None,
                    Cause::NoRecord,
                    format!("{domain} does not exist"),
                ),
                (0, _) => (
                    SpfResult::None,
                    Cause::NoRecord,
                    format!("{domain} has no SPF record"),
                ),
                (many, _) => (
                    SpfResult::PermError,
                    Cause::Several,
                    format!("{domain} has {many} SPF records; one is allowed"),
                ),
            };
            visit.trouble = Some(reason.clone());
            return Ok(End::new(result, cause, reason));
        };
        let text = text.joined();
        let parsed = parse(&text);
        visit.record = Some(text);
        if let Some(fault) = parsed.faults.first() {
            let reason = format!(
                "the record of {domain} has a fault at '{}': {}",
                fault.term, fault.what
            );
            visit.trouble = Some(reason.clone());
            if self.extent == Extent::Verdict {
                return Ok(End::new(SpfResult::PermError, Cause::Fault, reason));
            }
        }
        self.path.push(domain.clone());
        let end = self.terms(&domain, &parsed.record, visit);
        self.path.pop();
        end
    }

    fn terms(&mut self, domain: &str, record: &Record, visit: &mut Visit) -> Result<End, Halt> {
        let mut redirect = None;
        let mut all = false;
        for term in &record.terms {
            let (qualifier, mechanism) = match &term.kind {
                Kind::Directive(qualifier, mechanism) => (*qualifier, mechanism),
                Kind::Redirect(target) => {
                    redirect = Some((term, target));
                    continue;
                }
                Kind::Explanation(_) | Kind::Unknown(_) => continue,
            };
            all |= *mechanism == Mechanism::All;
            let matched = self.visiting(visit, &term.text, |walk, seen| {
                walk.mechanism(domain, mechanism, seen)
            })?;
            if matched && self.extent == Extent::Verdict {
                return Ok(End::new(
                    qualifier.result(),
                    Cause::Match,
                    told(domain, &term.text, qualifier),
                ));
            }
        }
        match redirect {
            // with 'all' in the record a redirect is never reached (§6.1)
            Some((term, target)) if !all => {
                let end = self.visiting(visit, &term.text, |walk, seen| {
                    walk.count(seen)?;
                    let target = walk.expanded(target, domain)?;
                    let mut below = Visit::default();
                    let end = walk.check(&target, &mut below);
                    seen.below = Some(below);
                    end
                })?;
                Ok(match end.result {
                    SpfResult::None => End::new(
                        SpfResult::PermError,
                        Cause::Target,
                        format!("'{}' leads to no record: {}", term.text, end.reason),
                    ),
                    _ if matches!(end.cause, Cause::Fault | Cause::Several) => End {
                        cause: Cause::Target,
                        ..end
                    },
                    _ => end,
                })
            }
            _ => Ok(End::new(
                SpfResult::Neutral,
                Cause::NoMatch,
                format!("no term of the record of {domain} matches, and it does not end in 'all'"),
            )),
        }
    }

    /// Keeps what a term did, also when it ends everything.
    fn visiting<T>(
        &mut self,
        visit: &mut Visit,
        text: &str,
        act: impl FnOnce(&mut Self, &mut TermVisit) -> Result<T, Halt>,
    ) -> Result<T, Halt> {
        let mut seen = TermVisit {
            text: text.to_owned(),
            ..TermVisit::default()
        };
        let (lookups, voids) = (self.lookups, self.voids);
        let end = act(self, &mut seen);
        seen.lookups = self.lookups - lookups;
        seen.voids = self.voids - voids;
        if let Err(Halt::End(end)) = &end
            && seen.detail.is_empty()
        {
            seen.detail.clone_from(&end.reason);
        }
        visit.terms.push(seen);
        end
    }

    fn mechanism(
        &mut self,
        domain: &str,
        mechanism: &Mechanism,
        seen: &mut TermVisit,
    ) -> Result<bool, Halt> {
        let ip = self.request.ip;
        if mechanism.looks_up() {
            self.count(seen)?;
        }
        seen.matched = match mechanism {
            Mechanism::All => true,
            Mechanism::Ip4 { address, prefix } => within(ip, IpAddr::V4(*address), *prefix),
            Mechanism::Ip6 { address, prefix } => within(ip, IpAddr::V6(*address), *prefix),
            Mechanism::Include(target) => self.include(domain, target, seen)?,
            Mechanism::A {
                domain: name,
                v4,
                v6,
            } => {
                let name = self.target(name.as_ref(), domain)?;
                let addresses = self.addresses(&name)?;
                seen.detail = listed(&addresses);
                let prefix = if ip.is_ipv4() { *v4 } else { *v6 };
                addresses.iter().any(|one| within(ip, *one, prefix))
            }
            Mechanism::Mx {
                domain: name,
                v4,
                v6,
            } => {
                let name = self.target(name.as_ref(), domain)?;
                let prefix = if ip.is_ipv4() { *v4 } else { *v6 };
                self.exchangers(&name, prefix, seen)?
            }
            Mechanism::Ptr(name) => {
                let name = self.target(name.as_ref(), domain)?;
                self.names(&name, seen)?
            }
            Mechanism::Exists(name) => {
                let name = self.expanded(name, domain)?;
                // always for IPv4, whatever the sender's family (§5.7)
                let found = self.look(&Lookup::A(name))?;
                seen.detail = listed(&found.addresses());
                !found.addresses().is_empty()
            }
        };
        Ok(seen.matched)
    }

    fn include(
        &mut self,
        domain: &str,
        target: &MacroString,
        seen: &mut TermVisit,
    ) -> Result<bool, Halt> {
        let target = self.expanded(target, domain)?;
        let mut below = Visit::default();
        let end = self.check(&target, &mut below);
        seen.below = Some(below);
        let end = end?;
        seen.detail = format!("{target}: {}", end.result);
        match end.result {
            SpfResult::Pass => Ok(true),
            SpfResult::Fail | SpfResult::SoftFail | SpfResult::Neutral => Ok(false),
            _ if self.extent == Extent::Whole => Ok(false),
            SpfResult::TempError => Err(Halt::End(end)),
            SpfResult::None | SpfResult::PermError => Err(Halt::because(
                SpfResult::PermError,
                match end.cause {
                    Cause::Circle => Cause::Circle,
                    _ => Cause::Target,
                },
                format!("'include:{target}' cannot be used: {}", end.reason),
            )),
        }
    }

    fn exchangers(&mut self, name: &str, prefix: u8, seen: &mut TermVisit) -> Result<bool, Halt> {
        let ip = self.request.ip;
        let hosts: Vec<String> = self
            .look(&Lookup::mx(name))?
            .exchangers()
            .iter()
            .map(|(_, host)| host.clone())
            .filter(|host| !host.is_empty())
            .collect();
        if hosts.len() > MOST_HOSTS && self.extent == Extent::Verdict {
            return Err(Halt::because(
                SpfResult::PermError,
                Cause::Lookups,
                format!(
                    "{name} has {} mail exchangers; at most {MOST_HOSTS} may be looked at",
                    hosts.len()
                ),
            ));
        }
        let questions: Vec<Lookup> = hosts
            .iter()
            .take(MOST_HOSTS)
            .map(|host| Lookup::addresses(host, ip))
            .collect();
        self.known.all(&questions)?;
        let mut all = Vec::new();
        for question in &questions {
            let addresses = self.look(question)?.addresses();
            let matched = addresses.iter().any(|one| within(ip, *one, prefix));
            all.extend(addresses);
            if matched && self.extent == Extent::Verdict {
                seen.detail = listed(&all);
                return Ok(true);
            }
        }
        seen.detail = listed(&all);
        Ok(all.iter().any(|one| within(ip, *one, prefix)))
    }

    /// `ptr` (§5.5): a failure here only means that nothing matches.
    fn names(&mut self, domain: &str, seen: &mut TermVisit) -> Result<bool, Halt> {
        let names = self.confirmed()?;
        seen.detail = if names.is_empty() {
            "the address has no name that leads back to it".to_owned()
        } else {
            names.join(", ")
        };
        Ok(names.iter().any(|name| is_at_or_below(name, domain)))
    }

    /// The names of the address that lead back to it, of the first ten.
    fn confirmed(&mut self) -> Result<Vec<String>, Halt> {
        let ip = self.request.ip;
        let found = self.known.get(&Lookup::Ptr(ip))?;
        let names: Vec<String> = found
            .names()
            .iter()
            .take(MOST_HOSTS)
            .map(|name| name.trim_end_matches('.').to_ascii_lowercase())
            .collect();
        let questions: Vec<Lookup> = names
            .iter()
            .map(|name| Lookup::addresses(name, ip))
            .collect();
        self.known.all(&questions)?;
        let mut confirmed = Vec::new();
        for (name, question) in names.into_iter().zip(&questions) {
            if self.known.get(question)?.addresses().contains(&ip) {
                confirmed.push(name);
            }
        }
        Ok(confirmed)
    }

    fn addresses(&mut self, name: &str) -> Result<Vec<IpAddr>, Halt> {
        let question = Lookup::addresses(name, self.request.ip);
        Ok(self.look(&question)?.addresses())
    }

    /// One look-up: a failure ends everything, nothing found is counted.
    fn look(&mut self, lookup: &Lookup) -> Result<Found, Halt> {
        let (Lookup::Txt(name) | Lookup::A(name) | Lookup::Aaaa(name) | Lookup::Mx(name)) = lookup
        else {
            return Ok(self.known.get(lookup)?.clone());
        };
        // a name that macros made unusable matches nothing, and cannot be asked (§4.8)
        if malformed(name).is_some_and(|what| what != SINGLE) {
            return Ok(Found::NoName);
        }
        let found = self.known.get(lookup)?.clone();
        if let Some(why) = found.failure() {
            if self.extent == Extent::Whole {
                return Ok(Found::NoData);
            }
            return Err(Halt::because(
                SpfResult::TempError,
                Cause::Dns,
                format!("{lookup} could not be asked: {why}"),
            ));
        }
        if found.is_void() {
            self.voids += 1;
            if self.voids > MOST_VOIDS && self.extent == Extent::Verdict {
                return Err(Halt::because(
                    SpfResult::PermError,
                    Cause::Voids,
                    format!("more than {MOST_VOIDS} look-ups found nothing, the last one {lookup}"),
                ));
            }
        }
        Ok(found)
    }

    /// Counts a term that looks something up.
    fn count(&mut self, seen: &TermVisit) -> Result<(), Halt> {
        self.lookups += 1;
        match self.extent {
            Extent::Verdict if self.lookups > MOST_LOOKUPS => Err(Halt::because(
                SpfResult::PermError,
                Cause::Lookups,
                format!(
                    "more than {MOST_LOOKUPS} look-ups are needed; '{}' is one too many",
                    seen.text
                ),
            )),
            Extent::Whole if self.lookups > MOST_COUNTED || self.path.len() > MOST_DEPTH => {
                Err(Halt::because(
                    SpfResult::PermError,
                    Cause::Lookups,
                    format!("counting ended at {MOST_COUNTED} look-ups"),
                ))
            }
            _ => Ok(()),
        }
    }

    fn target(&mut self, spec: Option<&MacroString>, domain: &str) -> Result<String, Halt> {
        match spec {
            Some(spec) => self.expanded(spec, domain),
            None => Ok(domain.to_owned()),
        }
    }

    fn expanded(&mut self, spec: &MacroString, domain: &str) -> Result<String, Halt> {
        if spec.needs_name() && self.name.is_none() {
            let names = self.confirmed()?;
            // the name that is the domain itself, else one below it, else any (§7.3)
            let best = names
                .iter()
                .find(|name| *name == domain)
                .or_else(|| names.iter().find(|name| is_at_or_below(name, domain)))
                .or(names.first());
            self.name = Some(best.map_or_else(|| "unknown".to_owned(), Clone::clone));
        }
        let values = Values {
            ip: self.request.ip,
            sender: &self.request.sender,
            domain,
            helo: &self.request.helo,
            name: self.name.as_deref().unwrap_or("unknown"),
        };
        Ok(spec.name(&values))
    }
}

fn told(domain: &str, term: &str, qualifier: Qualifier) -> String {
    match qualifier {
        Qualifier::Pass => format!("'{term}' in the record of {domain} lets the address pass"),
        _ => {
            format!("'{term}' in the record of {domain} is the first term that matches the address")
        }
    }
}
