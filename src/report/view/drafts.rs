//! The drafted requests for removal.

use serde::Serialize;
use serde_json::Value;

use super::moment::{Calendar, When};
use super::observe::observations;
use super::read::{first_text, list, some_text, text};
use crate::record::{Event, RunState};

/// A drafted request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DraftView {
    /// The list.
    pub list: String,
    /// Address or domain.
    pub target: String,
    /// How it is filed, in words: `form`, `mail to the operator`, `ends by itself`, ...
    pub method: String,
    /// True when the listing ends by itself: there is nothing to file.
    pub ends_by_itself: bool,
    /// True when there is something to file.
    pub to_file: bool,
    /// Where: a mail address or a web address.
    pub to: Option<String>,
    /// File with the text.
    pub file: Option<String>,
    /// Not to be filed before this moment.
    pub not_before: Option<When>,
    /// Why it must not be filed yet.
    pub blocked_by: Option<String>,
}

/// The drafted requests, the newest of each listing.
pub(super) fn drafts(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<DraftView> {
    let mut drafts: Vec<DraftView> = Vec::new();
    for seen in observations(events, state, "delisting.draft") {
        for draft in list(&seen.outputs, "drafts") {
            let not_before = text(draft, "not_before");
            let view = DraftView {
                list: list_name(draft),
                target: first_text(draft, &["target", "address", "domain"]),
                method: way(&text(draft, "method")).to_owned(),
                ends_by_itself: text(draft, "state") == "waiting",
                to_file: match text(draft, "state").as_str() {
                    "" => draft
                        .get("file")
                        .or(draft.get("to"))
                        .is_some_and(Value::is_string),
                    state => state == "ready",
                },
                to: some_text(draft, &["to", "url"]),
                file: some_text(draft, &["file"]),
                not_before: moment(&not_before).map(|at| calendar.when(at)),
                blocked_by: some_text(draft, &["blocked_by"]),
            };
            // a combined list may want one request by form and another through the network's operator
            let same = |one: &DraftView| (one.list.clone(), one.target.clone(), one.method.clone());
            drafts.retain(|known| same(known) != same(&view));
            drafts.push(view);
        }
    }
    drafts
}

/// A list's way of removal as a reader of documents knows it.
fn way(method: &str) -> &str {
    match method {
        "self-service-form" => "form",
        "account-required" => "form, with an account",
        "email" => "mail to the operator",
        "isp-only" => "through the network operator",
        "automatic-expiry" => "ends by itself",
        "paid-express-discouraged" => "not asked for: money is wanted",
        "none" | "unknown" => "no way known",
        other => other,
    }
}

/// A moment, or the beginning of a day.
fn moment(text: &str) -> Option<jiff::Timestamp> {
    text.parse()
        .or_else(|_| format!("{text}T00:00:00Z").parse())
        .ok()
}

/// The list of an entry, by its name or its zone.
pub(super) fn list_name(entry: &Value) -> String {
    match entry {
        Value::String(_) => super::read::plain(entry),
        _ => first_text(entry, &["list", "name", "zone"]),
    }
}
