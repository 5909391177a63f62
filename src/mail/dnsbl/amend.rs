//! What a workspace changes in the catalogue: lists of its own, other values for known ones, lists switched off.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::catalogue::Catalogue;
use super::code::CodeKey;
use super::entry::{
    Access, Confidence, Decode, DefaultScan, Delisting, Kind, List, Method, Names, Nature, Public,
    ReturnCode, Severity, Status, Target, Ternary, TestPoints,
};

/// The file `lists.yaml` of a workspace.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Amendments {
    /// Lists that the catalogue does not know.
    pub add: Vec<Own>,
    /// Other values for known lists, by id.
    pub change: BTreeMap<String, Change>,
    /// Lists that no scan asks unless it names them, by id or zone.
    pub off: Vec<String>,
}

/// A list of the workspace's own. What is left out is as for any plain blocklist: any answer is a listing, and the test
/// entries are those of RFC 5782 §5.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    /// Kebab-case name.
    pub id: String,
    /// Its zone; `{key}` stands for an access key.
    pub zone: String,
    /// The name people know it by.
    pub name: Option<String>,
    /// Who runs it.
    pub operator: Option<String>,
    /// What it holds; IPv4 addresses when absent.
    pub target: Option<Vec<Target>>,
    /// Whether an answer is bad news, good news or a value.
    pub kind: Option<Kind>,
    /// Everything that may be changed for a known list too.
    #[serde(default)]
    pub settings: Change,
}

/// Other values for a list; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Change {
    /// How many receivers act on it, for those who use this workspace.
    pub severity: Option<Severity>,
    /// What its listings point to.
    pub nature: Option<Nature>,
    /// When a scan asks it: `on`, `opt-in`, `off`.
    #[serde(rename = "scan")]
    pub default_scan: Option<DefaultScan>,
    /// Questions a second; for all lists of the same operator. 0: no limit, only with `own_mirror`.
    pub per_second: Option<u32>,
    /// Whether the zone is answered by a server of one's own, which holds a copy: only then a limit may be lifted.
    pub own_mirror: bool,
    /// Entries that must, or must not, be listed.
    pub test_points: Option<TestPoints>,
    /// Meanings of answers, in place of the known ones.
    #[serde(deserialize_with = "some_rows")]
    pub return_codes: Option<Vec<(CodeKey, ReturnCode)>>,
    /// Answers that mean "refused", in place of the known ones.
    #[serde(deserialize_with = "some_rows")]
    pub error_codes: Option<Vec<(CodeKey, String)>>,
    /// Where a person looks a listing up.
    pub lookup_url: Option<String>,
    /// How to be removed, in place of what is known.
    pub delisting: Option<Delisting>,
    /// Why the list matters, or why it was changed.
    pub why: Option<String>,
}

/// Why amendments cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AmendError {
    /// Not the right shape.
    #[error("{0}")]
    Shape(serde_saphyr::Error),
    /// Entries that mean nothing, or something else: all of them.
    #[error("{}", told(.0))]
    Meaning(Vec<Misfit>),
    /// The catalogue was in use already.
    #[error("the catalogue of lists is in use and cannot be changed any more")]
    InUse,
}

/// An entry that cannot be meant so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where it stands.
    pub place: Place,
    /// What is wrong, in lower case.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// A place in a `lists.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A field of the entry of this number under `add`, from 0.
    Added(usize, &'static str),
    /// The entry of this name under `change`.
    Changed(String),
    /// The entry of this number under `off`, from 0.
    SwitchedOff(usize),
}

fn told(misfits: &[Misfit]) -> String {
    let told = misfits
        .iter()
        .map(|one| format!("{} ({})", one.message, one.hint));
    told.collect::<Vec<_>>().join("; ")
}

static AMENDED: OnceLock<(Catalogue, String)> = OnceLock::new();

/// The catalogue in force: the amended one, where there is one.
pub(super) fn amended() -> Option<&'static Catalogue> {
    AMENDED.get().map(|(catalogue, _)| catalogue)
}

/// The text of the amendments in force; `None` when there are none, or they change nothing.
pub fn amendments() -> Option<&'static str> {
    let (_, text) = AMENDED.get()?;
    (!changes_nothing(text)).then_some(text)
}

/// A file of nothing but comments.
fn changes_nothing(text: &str) -> bool {
    let empty = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    text.lines().all(empty)
}

/// Makes the built-in catalogue with these amendments the one in force, for the whole process. To be called before the first
/// scan, and once: a later call with the same text does nothing.
///
/// # Errors
/// When the text is no amendment, or names what is not there.
pub fn amend(built_in: &Catalogue, text: &str) -> Result<(), AmendError> {
    let next = built_in.with(&Amendments::read(text)?)?;
    AMENDED
        .set((next, text.to_owned()))
        .map_err(|_| AmendError::InUse)
}

impl Amendments {
    /// Reads the text of a `lists.yaml`.
    ///
    /// # Errors
    /// When an entry has an unknown key, a missing key or a malformed value; the message shows the place.
    pub fn read(text: &str) -> Result<Amendments, AmendError> {
        if changes_nothing(text) {
            return Ok(Amendments::default());
        }
        serde_saphyr::from_str(text).map_err(AmendError::Shape)
    }
}

impl Catalogue {
    /// This catalogue with the amendments.
    ///
    /// # Errors
    /// When a changed list is not known, an added one is, or is dead: all such entries at once.
    pub fn with(&self, amendments: &Amendments) -> Result<Catalogue, AmendError> {
        let mut next = self.clone();
        let mut misfits = Vec::new();
        for (number, own) in amendments.add.iter().enumerate() {
            match next.own(number, own) {
                Ok(list) => next.lists.push(list),
                Err(misfit) => misfits.push(misfit),
            }
        }
        for (id, change) in &amendments.change {
            let place = Place::Changed(id.clone());
            misfits.extend(change.limit_misfit(&place, id));
            match next.known(id, place) {
                Ok(list) => change.apply(list),
                Err(misfit) => misfits.push(misfit),
            }
        }
        for (number, name) in amendments.off.iter().enumerate() {
            match next.known(name, Place::SwitchedOff(number)) {
                Ok(list) => list.default_scan = DefaultScan::Off,
                Err(misfit) => misfits.push(misfit),
            }
        }
        if misfits.is_empty() {
            misfits = next.unlimited_in_part(amendments);
        }
        if misfits.is_empty() {
            Ok(next)
        } else {
            Err(AmendError::Meaning(misfits))
        }
    }

    /// A list of the workspace's own.
    fn own(&self, number: usize, own: &Own) -> Result<List, Misfit> {
        let zone = own.zone.trim().trim_end_matches('.').to_ascii_lowercase();
        let misfit = |field, message: String, hint: &str| Misfit {
            place: Place::Added(number, field),
            message,
            hint: hint.to_owned(),
        };
        if let Some(dead) = self.dead(&zone) {
            let message = format!("{zone} is dead and never asked: {}", dead.why);
            return Err(misfit("zone", message, "take it out"));
        }
        for (field, name) in [("id", &own.id), ("zone", &zone)] {
            if self.list(name).is_some() {
                let message = format!("'{name}' is known already");
                return Err(misfit(field, message, "put what differs under 'change'"));
            }
        }
        if !zone.contains('.') {
            let message = format!("'{zone}' is no zone");
            return Err(misfit("zone", message, "like bl.example.net"));
        }
        let mut list = List::uncharted(&own.id, &zone, own.operator.as_deref());
        list.name = own.name.clone().unwrap_or(zone);
        list.target = own.target.clone().unwrap_or(vec![Target::Ipv4]);
        list.kind = own.kind.unwrap_or(Kind::Blocklist);
        list.why = "a list of this workspace".to_owned();
        list.default_scan = DefaultScan::On;
        let place = Place::Added(number, "settings");
        if let Some(misfit) = own.settings.limit_misfit(&place, &own.id) {
            return Err(misfit);
        }
        own.settings.apply(&mut list);
        Ok(list)
    }

    /// An operator has one budget. Lifting it for a copy of one list would lift it for lists that strangers' servers answer.
    fn unlimited_in_part(&self, amendments: &Amendments) -> Vec<Misfit> {
        let is_unlimited = |list: &List| list.access.per_second == Some(0);
        let place = |id: &str| {
            let added = amendments.add.iter().position(|own| own.id == id);
            added.map_or_else(
                || Place::Changed(id.to_owned()),
                |number| Place::Added(number, "settings"),
            )
        };
        let mut misfits = Vec::new();
        for list in self.lists.iter().filter(|list| is_unlimited(list)) {
            let limited = |other: &&List| other.operator == list.operator && !is_unlimited(other);
            let others: Vec<&str> = self
                .lists
                .iter()
                .filter(limited)
                .map(|other| other.id.as_str())
                .collect();
            if !others.is_empty() {
                misfits.push(Misfit {
                    place: place(&list.id),
                    message: format!(
                        "cannot ask '{}' without a limit: {} of the same operator ({}) would lose theirs too",
                        list.id,
                        others.join(", "),
                        list.operator
                    ),
                    hint: "set 'per_second: 0' and 'own_mirror: true' for these as well, or leave it out"
                        .to_owned(),
                });
            }
        }
        misfits
    }

    fn known(&mut self, name: &str, place: Place) -> Result<&mut List, Misfit> {
        let id = self.list(name).map(|list| list.id.clone());
        self.lists
            .iter_mut()
            .find(|list| Some(&list.id) == id.as_ref())
            .ok_or_else(|| Misfit {
                place,
                message: format!("there is no list '{name}'"),
                hint: "`mailmedic lists` shows the known ones".to_owned(),
            })
    }
}

impl Change {
    /// Only one's own server may be asked without a limit.
    fn limit_misfit(&self, place: &Place, id: &str) -> Option<Misfit> {
        (self.per_second == Some(0) && !self.own_mirror).then(|| Misfit {
            place: place.clone(),
            message: format!(
                "cannot ask '{id}' without a limit ('per_second: 0'): operators block those who ask too fast"
            ),
            hint: "give a rate; if a server of your own holds a copy of the zone and answers for it, add 'own_mirror: true'"
                .to_owned(),
        })
    }

    fn apply(&self, list: &mut List) {
        let Change {
            severity,
            nature,
            default_scan,
            per_second,
            own_mirror: _,
            test_points,
            return_codes,
            error_codes,
            lookup_url,
            delisting,
            why,
        } = self.clone();
        if let Some(severity) = severity {
            list.severity = severity;
        }
        if let Some(scan) = default_scan {
            list.default_scan = scan;
        }
        if let Some(codes) = return_codes {
            list.return_codes = codes;
            list.decode = Decode::Enumerated;
        }
        if let Some(codes) = error_codes {
            list.error_codes = codes;
        }
        if let Some(delisting) = delisting {
            list.delisting = delisting;
        }
        if let Some(why) = why {
            list.why = why;
        }
        list.nature = nature.or(list.nature);
        list.test_points = test_points.or(list.test_points.take());
        list.lookup_url = lookup_url.or(list.lookup_url.take());
        list.access.per_second = per_second.or(list.access.per_second);
    }
}

impl List {
    /// A zone that the catalogue knows nothing about: any answer is a listing, the test entries are those of RFC 5782 §5.
    pub fn uncharted(id: &str, zone: &str, operator: Option<&str>) -> List {
        List {
            id: id.to_owned(),
            name: zone.to_owned(),
            operator: operator.unwrap_or(zone).to_owned(),
            zones: vec![zone.to_owned()],
            parts: Vec::new(),
            same_as: None,
            related_zones: Vec::new(),
            target: vec![Target::Ipv4, Target::Ipv6],
            names: Names::Any,
            kind: Kind::Blocklist,
            severity: Severity::Minor,
            nature: None,
            why: "not in the catalogue: asked because it was named".to_owned(),
            decode: Decode::Any,
            return_codes: Vec::new(),
            error_codes: Vec::new(),
            rcode_errors: BTreeMap::new(),
            txt: Ternary::Unknown,
            test_points: Some(TestPoints {
                positive: Some("127.0.0.2".to_owned()),
                ipv6_positive: Some(std::net::Ipv4Addr::new(127, 0, 0, 2).to_ipv6_mapped()),
                negative: Some("127.0.0.1".to_owned()),
                ..TestPoints::default()
            }),
            lookup_url: None,
            delisting: Delisting {
                method: Method::Unknown,
                url: None,
                email: None,
                by_code: Vec::new(),
                requirements: Vec::new(),
                typical_time: None,
                policy_notes: None,
            },
            enrolment: None,
            access: Access {
                public_resolvers: Public::Unknown,
                key_required: zone.contains("{key}"),
                registration_required: false,
                free_limit: None,
                per_second: None,
            },
            ipv6: Ternary::Unknown,
            status: Status::Active,
            status_since: None,
            default_scan: DefaultScan::Off,
            confidence: Confidence::Low,
            sources: Vec::new(),
            notes: Vec::new(),
        }
    }
}

fn some_rows<'de, D, V>(deserializer: D) -> Result<Option<Vec<(CodeKey, V)>>, D::Error>
where
    D: serde::Deserializer<'de>,
    V: Deserialize<'de>,
{
    super::code::ordered(deserializer).map(Some)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mail::dnsbl::catalogue;

    #[test]
    fn lists_are_added_changed_and_switched_off() {
        let text = "add:\n  - id: ours\n    zone: bl.ours.example.\n    settings: {severity: major, per_second: 50}\n\
                    change:\n  psbl: {severity: critical, scan: opt-in, error_codes: {127.0.0.9: ours}}\noff: [bl.spamcop.net]\n";
        let book = catalogue().with(&Amendments::read(text).unwrap()).unwrap();
        let ours = book.list("bl.ours.example").unwrap();
        assert_eq!(
            (ours.severity, ours.default_scan),
            (Severity::Major, DefaultScan::On)
        );
        assert_eq!(book.rates()["bl.ours.example"], 50);
        let psbl = book.list("psbl").unwrap();
        assert_eq!(
            (psbl.severity, psbl.default_scan, psbl.error_codes.len()),
            (Severity::Critical, DefaultScan::OptIn, 1)
        );
        assert!(!psbl.return_codes.is_empty() || psbl.decode == Decode::Any);
        let spamcop = book.list("spamcop-bl").unwrap();
        assert_eq!(spamcop.default_scan, DefaultScan::Off);
        assert_eq!(book.lists.len(), catalogue().lists.len() + 1);
    }

    #[test]
    fn only_an_own_mirror_is_asked_without_a_limit() {
        let text = "add: [{id: ours, zone: bl.ours.example, settings: {per_second: 0, own_mirror: true}}]\n\
                    change: {psbl: {per_second: 0, own_mirror: true}}\n";
        let book = catalogue().with(&Amendments::read(text).unwrap()).unwrap();
        let psbl = book.list("psbl").unwrap();
        assert_eq!(book.rates()["bl.ours.example"], 0);
        assert_eq!(book.rates()[psbl.operator.as_str()], 0);
        assert!(catalogue().rates().values().all(|rate| *rate > 0));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_reason() {
        for (text, said) in [
            (
                "add: [{id: sorbs, zone: dnsbl.sorbs.net}]",
                "dead and never asked",
            ),
            ("add: [{id: psbl, zone: bl.x.example}]", "under 'change'"),
            ("add: [{id: x, zone: nodots}]", "no zone"),
            ("change: {spamhous: {scan: on}}", "no list 'spamhous'"),
            ("off: [nowhere]", "no list 'nowhere'"),
            ("change: {psbl: {per_second: 0}}", "own_mirror: true"),
            (
                "change: {sem-black: {per_second: 0, own_mirror: true}}",
                "sem-backscatter",
            ),
            ("offf: [psbl]", "offf"),
            ("change: {psbl: {severity: huge}}", "huge"),
        ] {
            let error = Amendments::read(text).and_then(|amendments| catalogue().with(&amendments));
            let told = error.unwrap_err().to_string();
            assert!(told.contains(said), "{text}: {told}");
        }
        assert!(Amendments::read("# nothing\n\n").unwrap().off.is_empty());
    }
}
