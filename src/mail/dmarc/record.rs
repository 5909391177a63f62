//! A DMARC record (RFC 9989 §4.7).

use serde::Serialize;

use crate::mail::tag_list::TagList;

/// What receivers are asked to do with mail that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Nothing but reports.
    None,
    /// Treat it with suspicion.
    Quarantine,
    /// Refuse it.
    Reject,
}

impl Policy {
    /// The word of the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Quarantine => "quarantine",
            Policy::Reject => "reject",
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "none" => Some(Policy::None),
            "quarantine" => Some(Policy::Quarantine),
            "reject" => Some(Policy::Reject),
            _ => None,
        }
    }

    /// One step milder: what `t=y` asks for (§4.7).
    fn milder(self) -> Self {
        match self {
            Policy::Reject => Policy::Quarantine,
            Policy::Quarantine | Policy::None => Policy::None,
        }
    }
}

/// Whether a domain says that others register names below it (`psd=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Psd {
    /// `y`: it is a public suffix.
    Yes,
    /// `n`: it is an organization of its own, whatever stands above.
    No,
    /// `u`, and the default: the walk decides.
    Unsaid,
}

/// Where reports go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// As it is written.
    pub uri: String,
    /// The domain of a mail address.
    pub domain: Option<String>,
}

/// A record as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `p=` as receivers take it; none: they apply no DMARC.
    pub policy: Option<Policy>,
    /// `sp=`
    pub subdomains: Option<Policy>,
    /// `np=`
    pub missing_subdomains: Option<Policy>,
    /// `psd=`
    pub psd: Psd,
    /// `t=y`
    pub testing: bool,
    /// `adkim=s`
    pub strict_dkim: bool,
    /// `aspf=s`
    pub strict_spf: bool,
    /// Where aggregate reports go.
    pub aggregate: Vec<Destination>,
    /// Where failure reports go.
    pub failure: Vec<Destination>,
    /// What receivers cannot use, in words.
    pub faults: Vec<String>,
    /// What is odd or out of date, in words.
    pub remarks: Vec<String>,
}

const KNOWN: &[&str] = &[
    "v", "p", "sp", "np", "psd", "t", "adkim", "aspf", "rua", "ruf", "fo", "pct", "rf", "ri",
];

/// Whether a text record is a DMARC record: `v=DMARC1` first, to the letter (§4.7).
pub fn is_dmarc(text: &str) -> bool {
    let mut parts = text.splitn(2, ';');
    let Some((name, value)) = parts.next().and_then(|first| first.split_once('=')) else {
        return false;
    };
    name.trim() == "v" && value.trim() == "DMARC1"
}

/// Reads a record that [`is_dmarc`].
pub fn record(text: &str) -> Record {
    let list = TagList::read(text);
    let mut faults = list.faults.clone();
    let mut remarks = Vec::new();
    let mut policy_of = |name: &str| {
        let text = list.get(name)?;
        let read = Policy::read(text);
        if read.is_none() {
            faults.push(format!(
                "'{name}={text}' is no policy: none, quarantine or reject"
            ));
        }
        read
    };
    let policy = policy_of("p");
    let subdomains = policy_of("sp");
    let missing_subdomains = policy_of("np");
    let broken_part = ["sp", "np"].into_iter().any(|name| {
        list.get(name)
            .is_some_and(|text| Policy::read(text).is_none())
    });
    let aggregate = destinations(list.get("rua"), "rua", &mut faults);
    let failure = destinations(list.get("ruf"), "ruf", &mut faults);
    // §4.7: without a usable policy, a record that names a place for reports counts as p=none, any other for nothing
    let effective = match policy {
        Some(policy) if !broken_part => Some(policy),
        _ if !aggregate.is_empty() => Some(Policy::None),
        _ => None,
    };
    match list.get("p") {
        None if effective.is_none() => {
            faults.push("'p=' is missing, so the record counts for nothing".to_owned())
        }
        None => remarks.push("'p=' is missing; receivers take it as p=none".to_owned()),
        Some(_) if list.tags.get(1).is_none_or(|(name, _)| name != "p") => {
            remarks.push("older receivers want 'p=' right behind 'v=DMARC1'".to_owned());
        }
        Some(_) => {}
    }
    let psd = match list.get("psd").map(str::to_ascii_lowercase).as_deref() {
        None | Some("u") => Psd::Unsaid,
        Some("y") => Psd::Yes,
        Some("n") => Psd::No,
        Some(other) => {
            faults.push(format!("'psd={other}' is none of y, n, u"));
            Psd::Unsaid
        }
    };
    let mut flag =
        |name: &str, yes: &str, no: &str| match list.get(name).map(str::to_ascii_lowercase) {
            None => false,
            Some(value) if value == yes => true,
            Some(value) if value == no => false,
            Some(value) => {
                faults.push(format!("'{name}={value}' is neither {yes} nor {no}"));
                false
            }
        };
    let testing = flag("t", "y", "n");
    let strict_dkim = flag("adkim", "s", "r");
    let strict_spf = flag("aspf", "s", "r");
    if let Some(fo) = list.get("fo")
        && !fo
            .split(':')
            .all(|one| ["0", "1", "d", "s"].contains(&one.trim().to_ascii_lowercase().as_str()))
    {
        remarks.push(format!("'fo={fo}' is not made of 0, 1, d and s"));
    }
    for old in ["pct", "rf", "ri"] {
        if let Some(value) = list.get(old) {
            remarks.push(match (old, value) {
                ("pct", "100") => "'pct=100' is out of use and changes nothing (RFC 9989)".to_owned(),
                ("pct", _) => format!("'pct={value}' is out of use (RFC 9989): receivers apply the policy to all mail, or by it to none; write t=y while you test"),
                _ => format!("'{old}=' is out of use (RFC 9989)"),
            });
        }
    }
    for other in list.others(KNOWN) {
        remarks.push(format!(
            "nobody knows the tag '{other}='; it is passed over"
        ));
    }
    Record {
        policy: effective,
        subdomains,
        missing_subdomains,
        psd,
        testing,
        strict_dkim,
        strict_spf,
        aggregate,
        failure,
        faults,
        remarks,
    }
}

impl Record {
    /// What is asked for mail of a domain: the record's own, one below it, or one that does not exist. None: no DMARC.
    pub fn applied(&self, below: bool, exists: bool) -> Option<Policy> {
        let policy = self.policy?;
        let chosen = match (below, exists) {
            (false, _) => policy,
            (true, true) => self.subdomains.unwrap_or(policy),
            (true, false) => self
                .missing_subdomains
                .or(self.subdomains)
                .unwrap_or(policy),
        };
        Some(if self.testing {
            chosen.milder()
        } else {
            chosen
        })
    }
}

fn destinations(value: Option<&str>, name: &str, faults: &mut Vec<String>) -> Vec<Destination> {
    let mut all = Vec::new();
    for uri in value.unwrap_or_default().split(',').map(str::trim) {
        if uri.is_empty() {
            if value.is_some_and(|value| !value.is_empty()) || value == Some("") {
                faults.push(format!("'{name}=' has an empty entry"));
            }
            continue;
        }
        let mail = uri
            .get(..7)
            .filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"))
            .map(|_| &uri[7..]);
        match mail {
            Some(address) => {
                // '!10m' at the end was a limit of size; out of use
                let address = address.split('!').next().unwrap_or_default();
                match address.rsplit_once('@') {
                    Some((local, domain)) if !local.is_empty() && domain.contains('.') => {
                        all.push(Destination {
                            uri: uri.to_owned(),
                            domain: Some(domain.trim_end_matches('.').to_ascii_lowercase()),
                        });
                    }
                    _ => faults.push(format!("'{uri}' in '{name}=' is no mail address")),
                }
            }
            None if uri.contains("://") => all.push(Destination {
                uri: uri.to_owned(),
                domain: None,
            }),
            None if uri.contains('@') => {
                faults.push(format!("'{uri}' in '{name}=' lacks 'mailto:' before it"));
            }
            None => faults.push(format!("'{uri}' in '{name}=' is no place for reports")),
        }
    }
    all
}
