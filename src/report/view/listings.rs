//! Listings over time: on which list, found when, asked for removal by whom, gone or not.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use super::drafts::{DraftView, list_name};
use super::moment::{Calendar, When};
use super::observe::{Observation, observations};
use super::read::{first_text, get, list, some_text, text, texts};
use super::words::Word;
use crate::record::{Decision, Event, RunState, RunStatus, StepState, StepStatus};

/// An address or name on a list, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListingView {
    /// Address or domain.
    pub target: String,
    /// The list, as its catalogue entry names it.
    pub list: String,
    /// Its zone, without a key.
    pub zone: Option<String>,
    /// Return codes, decoded where possible.
    pub codes: String,
    /// Parts of a combined list: `CSS, XBL`.
    pub parts: String,
    /// How much it hurts, in the catalogue's word.
    pub severity: Option<String>,
    /// The list's own words.
    pub text: Option<String>,
    /// Where to look it up.
    pub lookup_url: Option<String>,
    /// When this run saw it first.
    pub first_seen: When,
    /// When the list was last asked about it.
    pub last_checked: When,
    /// Where it stands: `found`, `blocked`, `drafted`, `requested`, `waiting`, `delisted`, `refused`, `still_listed`,
    /// `not_confirmed`.
    pub state: Word,
    /// When it was first seen to be gone.
    pub delisted: Option<When>,
    /// Who asked for removal, and when.
    pub requested: Option<RequestView>,
    /// The drafted request, if there is one.
    pub draft: Option<DraftView>,
}

/// A request for removal that a person has filed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestView {
    /// Who.
    pub by: String,
    /// When they said so.
    pub when: When,
    /// What they wrote.
    pub note: Option<String>,
}

/// How many lists were really asked: the fine print of "clean".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListCount {
    /// Title of the step that asked.
    pub title: String,
    /// When.
    pub when: When,
    /// `41 lists asked: ...`, all outcomes named.
    pub text: String,
}

/// A scan with its listings, for quick look-up: a list watched for weeks leaves hundreds of scans.
pub(super) struct Scan<'a> {
    pub(super) seen: Observation<'a>,
    listed: HashSet<(String, String)>,
}

impl<'a> Scan<'a> {
    pub(super) fn new(seen: Observation<'a>) -> Self {
        let listed = entries(&seen.outputs)
            .into_iter()
            .flat_map(|(target, entry)| {
                [list_name(entry), text(entry, "zone")]
                    .map(|name| (target.clone(), name.to_ascii_lowercase()))
            })
            .collect();
        Scan { seen, listed }
    }

    pub(super) fn lists(&self, view: &ListingView) -> bool {
        let under = |name: &str| {
            self.listed
                .contains(&(view.target.clone(), name.to_ascii_lowercase()))
        };
        under(&view.list) || view.zone.as_deref().is_some_and(under)
    }
}

/// What one observation says about one listing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Listed,
    Clean,
    Unknown,
    /// A scan of very many targets only counted what it saw of this one.
    Counted,
    NotAsked,
}

/// The listings of a run in the order in which they were found.
pub(super) fn listings(
    events: &[Event],
    state: &RunState,
    calendar: &Calendar,
    drafts: &[DraftView],
) -> Vec<ListingView> {
    let scans = observations(events, state, "blacklist.scan");
    let mut views = Vec::new();
    note(&scans, &mut views, calendar);
    let scans: Vec<Scan<'_>> = scans.into_iter().map(Scan::new).collect();
    let filed = filing(events, state);
    for view in &mut views {
        view.draft = drafts
            .iter()
            .find(|draft| same(&draft.list, view) && draft.target == view.target)
            .cloned();
        follow(view, &scans, state, calendar, filed.as_ref());
    }
    views
}

/// Adds what these scans saw to the listings that are `known`, each as it was seen first: runs overlap, and an older look may be
/// noted later.
pub(super) fn note(scans: &[Observation<'_>], known: &mut Vec<ListingView>, calendar: &Calendar) {
    for scan in scans {
        for (target, entry) in entries(&scan.outputs) {
            let list = list_name(entry);
            if target.is_empty() || list.is_empty() {
                continue;
            }
            let same = |view: &&mut ListingView| view.target == target && view.list == list;
            match known.iter_mut().find(same) {
                Some(view) if view.first_seen.at <= scan.at => {}
                Some(view) => *view = listing(&target, entry, scan, calendar),
                None => known.push(listing(&target, entry, scan, calendar)),
            }
        }
    }
}

/// How many lists each scan asked, the latest of each step.
pub(super) fn counts(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<ListCount> {
    super::observe::latest(events, state, "blacklist.scan")
        .iter()
        .filter_map(|scan| {
            let lists = get(&scan.outputs, "lists");
            let number = |key| super::read::count(lists, key);
            let asked = number("asked")?;
            let told = |key, word: &str| match number(key) {
                Some(count) => format!("{count} {word}"),
                None => format!("{word} not recorded"),
            };
            let listings = entries(&scan.outputs).len();
            Some(ListCount {
                title: super::read::line(&scan.step.plan.title),
                when: calendar.when(scan.at),
                text: format!(
                    "{} asked: {}, {}{}, {}; {} found",
                    super::words::many(asked as usize, "list", "lists"),
                    told("healthy", "answered reliably"),
                    match number("weak") {
                        Some(weak) => format!("{weak} answered without a test entry, "),
                        None => String::new(),
                    },
                    told("unknown", "could not tell"),
                    told("broken", "broken"),
                    super::words::many(listings, "listing", "listings"),
                ),
            })
        })
        .collect()
}

/// All `(target, entry)` of a scan: from its targets, and from the flat list of older runs.
pub(super) fn entries(outputs: &Value) -> Vec<(String, &Value)> {
    let targets = list(outputs, "targets");
    let mut found: Vec<(String, &Value)> = Vec::new();
    for target in targets {
        let name = text(target, "target");
        found.extend(
            list(target, "listed")
                .iter()
                .map(|entry| (name.clone(), entry)),
        );
    }
    let only = match targets {
        [one] => text(one, "target"),
        _ => String::new(),
    };
    for entry in list(outputs, "listed") {
        let mut target = first_text(entry, &["target", "address", "domain", "subject"]);
        if target.is_empty() {
            target.clone_from(&only);
        }
        let name = list_name(entry);
        if !found
            .iter()
            .any(|(known, other)| *known == target && list_name(other) == name)
        {
            found.push((target, entry));
        }
    }
    found
}

fn same(list: &str, view: &ListingView) -> bool {
    list.eq_ignore_ascii_case(&view.list)
        || view
            .zone
            .as_deref()
            .is_some_and(|zone| zone.eq_ignore_ascii_case(list))
}

fn listing(
    target: &str,
    entry: &Value,
    scan: &Observation<'_>,
    calendar: &Calendar,
) -> ListingView {
    let seen = calendar.when(scan.at);
    let url = some_text(entry, &["lookup_url"]);
    ListingView {
        target: target.to_owned(),
        list: list_name(entry),
        zone: some_text(entry, &["zone"]),
        codes: texts(entry, "codes").join("; "),
        parts: texts(entry, "parts").join(", "),
        severity: some_text(entry, &["severity"]),
        text: some_text(entry, &["text"]),
        lookup_url: url.filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        first_seen: seen.clone(),
        last_checked: seen,
        state: Word::new("found", "found", "✗"),
        delisted: None,
        requested: None,
        draft: None,
    }
}

/// Follows a listing through the scans and tells where it stands.
fn follow(
    view: &mut ListingView,
    scans: &[Scan<'_>],
    state: &RunState,
    calendar: &Calendar,
    filed: Option<&Filing<'_>>,
) {
    let mut last = Sight::NotAsked;
    let mut looks = 0;
    let paired = scans.iter().any(|scan| judged(&scan.seen, view));
    for scan in scans {
        let sight = sight(view, scan, paired);
        if sight == Sight::NotAsked || scan.seen.at < view.first_seen.at {
            continue;
        }
        looks += 1;
        view.last_checked = calendar.when(scan.seen.at);
        match sight {
            Sight::Clean if view.delisted.is_none() => {
                view.delisted = Some(view.last_checked.clone());
            }
            Sight::Listed => view.delisted = None,
            _ => {}
        }
        // Once gone, "could not tell" does not bring it back.
        let untold = matches!(sight, Sight::Unknown | Sight::Counted);
        if !(untold && last == Sight::Clean) {
            last = sight;
        }
    }
    let draft = view.draft.as_ref();
    let blocked = draft.and_then(|draft| draft.blocked_by.clone());
    if let Some(filed) = filed
        && let Some(draft) = draft
        && (filed.names_none() && draft.to_file || filed.names("filed", view))
        && blocked.is_none()
    {
        view.requested = Some(RequestView {
            by: super::read::line(filed.by),
            when: calendar.when(filed.at),
            note: filed.note.map(super::read::line),
        });
    }
    let refused = filed.is_some_and(|filed| filed.names("refused", view));
    view.state = standing(view, last, looks, refused, blocked, state);
}

fn standing(
    view: &ListingView,
    last: Sight,
    looks: usize,
    refused: bool,
    blocked: Option<String>,
    state: &RunState,
) -> Word {
    let over = matches!(state.status(), RunStatus::Finished(_));
    let watched = !over
        && state.steps.iter().any(|step| {
            step.plan.action == "wait"
                && step.judging_action() == "blacklist.scan"
                && matches!(step.status, StepStatus::Waiting(_) | StepStatus::Running)
        });
    let ends = view
        .draft
        .as_ref()
        .is_some_and(|draft| draft.ends_by_itself);
    let checked_since = view
        .requested
        .as_ref()
        .is_some_and(|request| view.last_checked.at > request.when.at);
    match last {
        Sight::Clean => Word::new("delisted", "delisted", "✓"),
        Sight::Unknown | Sight::Counted => Word::new(
            "not_confirmed",
            "not confirmed: the list could not be asked the last time",
            "?",
        ),
        _ if refused => Word::new("refused", "removal refused", "✗"),
        _ if view.requested.is_some() && over && checked_since => {
            Word::new("still_listed", "requested, still listed", "✗")
        }
        _ if view.requested.is_some() && watched => {
            Word::new("waiting", "requested, waiting for the list", "…")
        }
        _ if view.requested.is_some() => Word::new("requested", "removal requested", "…"),
        _ if watched => Word::new("waiting", "waiting for the listing to end", "…"),
        _ if ends && !over => Word::new("waiting", "ends by itself, nothing to file", "…"),
        _ if blocked.is_some() => Word::new(
            "blocked",
            format!("request held back: {}", blocked.unwrap_or_default()),
            "✗",
        ),
        _ if over && looks > 1 => Word::new("still_listed", "still listed", "✗"),
        _ if view.draft.is_some() => Word::new("drafted", "request drafted, not filed yet", "…"),
        _ => Word::new("found", "listed", "✗"),
    }
}

pub(super) fn sight(view: &ListingView, scan: &Scan<'_>, paired: bool) -> Sight {
    if scan.lists(view) {
        return Sight::Listed;
    }
    let scan = &scan.seen;
    let Some(target) = list(&scan.outputs, "targets")
        .iter()
        .find(|target| text(target, "target") == view.target)
    else {
        return Sight::NotAsked;
    };
    let lists = get(&scan.outputs, "lists");
    let untold = [
        list(target, "unknown"),
        list(target, "broken"),
        list(lists, "unknown"),
        list(lists, "broken"),
    ];
    if untold
        .iter()
        .flat_map(|entries| entries.iter())
        .any(|entry| same(&list_name(entry), view))
    {
        return Sight::Unknown;
    }
    // Where a scan says pair by pair what it judged, silence about a pair is not "clean".
    if paired && !scan.subjects.is_empty() && !judged(scan, view) {
        return Sight::Unknown;
    }
    if get(target, "listed").is_number() {
        return Sight::Counted;
    }
    Sight::Clean
}

/// True when the scan says that it judged this target on this list.
pub(super) fn judged(scan: &Observation<'_>, view: &ListingView) -> bool {
    scan.subjects.iter().any(|subject| {
        subject
            .split_once(" on ")
            .is_some_and(|(target, list)| target == view.target && same(list, view))
    })
}

/// The manual task in which a person filed the requests.
struct Filing<'a> {
    by: &'a str,
    at: jiff::Timestamp,
    note: Option<&'a str>,
    values: Value,
}

impl Filing<'_> {
    /// True when the form does not say which requests were filed.
    fn names_none(&self) -> bool {
        texts(&self.values, "filed").is_empty()
    }

    /// True when the answer `field` names this listing's list.
    fn names(&self, field: &str, view: &ListingView) -> bool {
        texts(&self.values, field)
            .iter()
            .flat_map(|text| text.split([',', ';', ' ']))
            .any(|name| same(name.trim(), view))
    }
}

/// The first manual task after the drafts is the filing. Its form may name lists under `filed` and `refused`; without
/// `filed`, everything that was not held back was filed.
fn filing<'a>(events: &'a [Event], state: &'a RunState) -> Option<Filing<'a>> {
    let drafted_by = |step: &StepState| step.judging_action() == "delisting.draft";
    let task = state
        .steps
        .iter()
        .find(|step| step.plan.action == "manual" && has_ancestor(state, step, &drafted_by))?;
    events.iter().find_map(|event| match &event.event {
        crate::record::EventKind::Decided {
            step,
            decision: Decision::Done,
            by,
            note,
            values,
            ..
        } if *step == task.plan.key => Some(Filing {
            by,
            at: event.at,
            note: note.as_deref(),
            values: Value::Object(values.clone()),
        }),
        _ => None,
    })
}

/// True when `step` needs, directly or not, a step that is `wanted`.
fn has_ancestor(state: &RunState, step: &StepState, wanted: &dyn Fn(&StepState) -> bool) -> bool {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut todo: Vec<&str> = step.plan.needs.iter().map(String::as_str).collect();
    while let Some(key) = todo.pop() {
        let Some(need) = state.step(key).filter(|_| seen.insert(key)) else {
            continue;
        };
        if wanted(need) {
            return true;
        }
        todo.extend(need.plan.needs.iter().map(String::as_str));
    }
    false
}
