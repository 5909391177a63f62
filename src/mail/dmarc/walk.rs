//! The walk up the tree of names (RFC 9989 §4.10) that finds the policy of a domain and its organizational domain.

use super::record::{Psd, Record, is_dmarc, record};
use crate::mail::lookup::{Ask, Found, Known, Lookup, Text};

/// Questions of one walk (§4.10).
const MOST_STEPS: usize = 8;

/// One name of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The domain whose `_dmarc` name was asked.
    pub domain: String,
    /// The record there, if there is exactly one.
    pub record: Option<String>,
    /// DMARC records there; more than one count for none.
    pub records: usize,
    /// Why it could not be told.
    pub failed: Option<String>,
    /// The name does not exist.
    pub no_name: bool,
}

/// Whose record it is, seen from the domain that was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Its own.
    Own,
    /// That of its organizational domain.
    Organization,
    /// That of the public suffix above.
    Suffix,
}

/// What the walk came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// The names asked, from below.
    pub steps: Vec<Step>,
    /// The record that applies, where it stands, and whose it is.
    pub policy: Option<(Record, String, Held)>,
    /// The organizational domain.
    pub organization: String,
    /// Why the result is not certain: a name that could not be asked.
    pub uncertain: Option<String>,
}

impl Discovery {
    /// Nothing was found, and nothing is known.
    pub fn nothing(domain: &str) -> Self {
        Discovery {
            steps: Vec::new(),
            policy: None,
            organization: domain.to_owned(),
            uncertain: Some("it was not asked".to_owned()),
        }
    }
}

/// Walks up from `domain`.
///
/// # Errors
/// The questions that must be answered first.
pub fn discover(domain: &str, known: &Known) -> Result<Discovery, Ask> {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let names = names(&domain);
    let questions: Vec<Lookup> = names
        .iter()
        .map(|name| Lookup::Txt(format!("_dmarc.{name}")))
        .collect();
    known.all(&questions)?;
    let mut steps = Vec::new();
    let mut records: Vec<(usize, Record)> = Vec::new();
    let mut uncertain = None;
    for (index, (name, question)) in names.iter().zip(&questions).enumerate() {
        let found = known.get(question)?;
        let texts: Vec<String> = found
            .texts()
            .iter()
            .map(Text::joined)
            .filter(|text| is_dmarc(text))
            .collect();
        let mut step = Step {
            domain: name.clone(),
            record: None,
            records: texts.len(),
            failed: found.failure().map(str::to_owned),
            no_name: *found == Found::NoName,
        };
        if let Some(why) = &step.failed {
            uncertain.get_or_insert_with(|| format!("{question} could not be asked: {why}"));
        }
        let mut last = false;
        if let [text] = texts.as_slice() {
            let read = record(text);
            step.record = Some(text.clone());
            last = read.psd == Psd::No || read.psd == Psd::Yes && index > 0;
            records.push((index, read));
        }
        steps.push(step);
        if last {
            break;
        }
    }
    let organization = organization(&names, &records).unwrap_or_else(|| domain.clone());
    let policy = applying(&domain, &organization, &names, records);
    // a name below decides alone: what stands above it does not matter
    if matches!(&policy, Some((_, _, Held::Own)))
        && steps.first().is_some_and(|step| step.failed.is_none())
    {
        uncertain = None;
    }
    Ok(Discovery {
        steps,
        policy,
        organization,
        uncertain,
    })
}

/// The names to ask: the domain, then upwards; of long names the middle is left out (§4.10).
fn names(domain: &str) -> Vec<String> {
    let labels: Vec<&str> = domain.split('.').collect();
    let mut names = vec![domain.to_owned()];
    let rest = labels.len().saturating_sub(1).min(MOST_STEPS - 1);
    names.extend(
        (1..=rest)
            .rev()
            .map(|keep| labels[labels.len() - keep..].join(".")),
    );
    names
}

/// §4.10.2.
fn organization(names: &[String], records: &[(usize, Record)]) -> Option<String> {
    if let Some((index, _)) = records.iter().find(|(_, record)| record.psd == Psd::No) {
        return Some(names[*index].clone());
    }
    if let Some((index, _)) = records
        .iter()
        .find(|(index, record)| *index > 0 && record.psd == Psd::Yes)
    {
        return Some(one_below(&names[0], &names[*index]));
    }
    records.last().map(|(index, _)| names[*index].clone())
}

/// The name with one label more than `above`, on the way down to `domain`.
fn one_below(domain: &str, above: &str) -> String {
    let keep = above.split('.').count() + 1;
    let labels: Vec<&str> = domain.split('.').collect();
    labels[labels.len().saturating_sub(keep)..].join(".")
}

/// §4.10.1: the domain's own record, else that of its organization, else that of the public suffix above it.
fn applying(
    domain: &str,
    organization: &str,
    names: &[String],
    records: Vec<(usize, Record)>,
) -> Option<(Record, String, Held)> {
    let mut best: Option<(Record, String, Held)> = None;
    for (index, record) in records {
        let name = &names[index];
        let held = if name == domain {
            Held::Own
        } else if name == organization {
            Held::Organization
        } else if record.psd == Psd::Yes {
            Held::Suffix
        } else {
            continue;
        };
        let rank = |held| match held {
            Held::Own => 0,
            Held::Organization => 1,
            Held::Suffix => 2,
        };
        if best
            .as_ref()
            .is_none_or(|(_, _, known)| rank(held) < rank(*known))
        {
            best = Some((record, name.clone(), held));
        }
    }
    best
}

/// The name under which a receiver of reports from elsewhere says that it takes them (RFC 9990 §4).
pub fn authorisation_name(policy_domain: &str, destination: &str) -> String {
    format!("{policy_domain}._report._dmarc.{destination}")
}

/// Whether a text record there says so.
pub fn is_authorisation(text: &str) -> bool {
    is_dmarc(text) || text.trim() == "v=DMARC1"
}
