//! `delisting.draft`: one request for each listing, by the rules of the list's operator.
//!
//! Nothing is sent. A form gets the text to paste, a mailbox a letter, and what only the network's operator may ask for, or
//! can end, becomes a letter to him ([`network`] says who he is); an entry that ends by itself gets a date and no text; money is never offered. And first things
//! first: while a cause is open ([`lock`]) no request is written at all, because the first request is the one that counts.

mod bundle;
mod letter;
mod lock;
mod network;
mod route;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Action, ActionError, Argument, ArgumentError, Context, Effect, Kind, Next, Output, Report, Work,
};
use crate::record::Verdict;
use bundle::Bundle;
use lock::Blocker;
use network::Network;
use route::{Request, Way};

/// The drafting.
pub(super) struct DelistingDraft;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "listings",
        Kind::List,
        "what the newest blacklist.scan found listed",
        "listings as blacklist.scan puts them out: target, list, codes",
    ),
    Argument::optional(
        "cause",
        Kind::Text,
        "what the run found and has settled since",
        "what caused the listing, in a sentence",
    ),
    Argument::optional(
        "measures",
        Kind::TextList,
        "the notes of the manual steps that were done",
        "what was done, one sentence each, with its date",
    ),
    Argument::optional(
        "prevention",
        Kind::Text,
        "left out",
        "what prevents a repeat, in a sentence",
    ),
    Argument::optional(
        "mail",
        Kind::Text,
        "the number of mailboxes, where the site file has it",
        "kind and volume of the mail that the server sends",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new(
        "drafts",
        "for each request: list, name, target, codes, parts, method, state (ready, blocked, waiting, refused, by_hand), to or url, file, not_before, blocked_by, note",
    ),
    Output::new("count", "requests that are ready to be filed"),
    Output::new(
        "blocked",
        "requests that are not written while a cause is open",
    ),
    Output::new("waiting", "listings that end by themselves"),
    Output::new(
        "wait_until",
        "the latest not_before; null when nothing waits",
    ),
];

impl Action for DelistingDraft {
    fn name(&self) -> &'static str {
        "delisting.draft"
    }

    fn summary(&self) -> &'static str {
        "write the delisting requests by each operator's rules, once the cause is gone"
    }

    fn effect(&self) -> Effect {
        Effect::Local
    }

    fn arguments(&self) -> &'static [Argument] {
        ARGUMENTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn carry_out<'a>(&'a self, context: &'a Context<'a>) -> Work<'a> {
        Box::pin(async move { draft_all(context).map(Next::from) })
    }
}

/// A listing as `blacklist.scan` puts it out. Other keys are of no use here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listing {
    /// The listed address or name.
    pub(super) target: String,
    /// Id of the list, or its zone.
    pub(super) list: String,
    #[serde(default)]
    pub(super) zone: String,
    #[serde(default)]
    pub(super) codes: Vec<String>,
    #[serde(default)]
    pub(super) parts: Vec<String>,
    #[serde(default)]
    pub(super) meanings: Vec<String>,
    #[serde(default)]
    pub(super) policy: bool,
    #[serde(default)]
    pub(super) text: String,
    #[serde(default)]
    pub(super) lookup_url: Option<String>,
}

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Written, to be filed by a person.
    Ready,
    /// Not written: a cause is open.
    Blocked,
    /// Ends by itself.
    Waiting,
    /// Only money or others could end it.
    Refused,
    /// No way is known; a person looks at the page.
    ByHand,
}

/// One request.
#[derive(Debug, Clone, Serialize)]
struct Draft {
    list: String,
    name: String,
    target: String,
    codes: Vec<String>,
    parts: Vec<String>,
    method: &'static str,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    file: Option<String>,
    not_before: Option<Timestamp>,
    blocked_by: Vec<String>,
    note: String,
}

fn draft_all(context: &Context<'_>) -> Result<Report, ActionError> {
    let listings = listings(context)?;
    if listings.is_empty() {
        return Ok(summed_up(Report::new(Verdict::NotApplicable), &[]));
    }
    let blockers = lock::blockers(context);
    let bundle = Bundle::gather(context)?;
    let mut report = Report::new(Verdict::Good);
    let mut drafts: Vec<Draft> = Vec::new();
    for request in route::requests(&listings) {
        let (draft, file) = draft(context, &request, &blockers, &bundle)?;
        if let Some((name, text)) = file {
            report.artifacts.push(context.artifacts.put(
                &name,
                "text/markdown",
                text.as_bytes(),
            )?);
        }
        drafts.push(draft);
    }
    if drafts.iter().any(|draft| draft.state == State::Blocked) {
        report.outcome = Verdict::Finding.into();
    }
    Ok(summed_up(report, &drafts))
}

fn summed_up(report: Report, drafts: &[Draft]) -> Report {
    let count = |state| drafts.iter().filter(|draft| draft.state == state).count();
    report
        .with("drafts", drafts)
        .with("count", count(State::Ready))
        .with("blocked", count(State::Blocked))
        .with("waiting", count(State::Waiting))
        .with(
            "wait_until",
            drafts.iter().filter_map(|draft| draft.not_before).max(),
        )
}

/// The listings that were given, else those of the newest scan.
fn listings(context: &Context<'_>) -> Result<Vec<Listing>, ActionError> {
    let given = context.args.get("listings").cloned();
    let value = given.or_else(|| {
        let outputs = context.facts.latest_outputs("blacklist.scan")?;
        outputs.get("listed").cloned()
    });
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let Value::Array(items) = value else {
        return Err(wrong_listings("must be a list").into());
    };
    items
        .into_iter()
        .map(|item| {
            serde_json::from_value(item).map_err(|error| {
                wrong_listings(&format!(
                    "must hold listings as blacklist.scan puts them out: {error}"
                ))
                .into()
            })
        })
        .collect()
}

fn wrong_listings(what: &str) -> ArgumentError {
    ArgumentError {
        name: "listings".to_owned(),
        what: what.to_owned(),
    }
}

/// One request: its draft, and its file where a text is to be filed.
fn draft(
    context: &Context<'_>,
    request: &Request<'_>,
    blockers: &[Blocker],
    bundle: &Bundle,
) -> Result<(Draft, Option<(String, String)>), ActionError> {
    let bundle = &bundle.about(&request.listing.target);
    let network = Network::of(context, &request.listing.target);
    let mut draft = Draft {
        list: request.list_id().to_owned(),
        name: request.list_name().to_owned(),
        target: request.listing.target.clone(),
        codes: request.codes.clone(),
        parts: request.parts.clone(),
        method: request.method_word(),
        state: State::Ready,
        to: None,
        url: request.url(),
        file: None,
        not_before: None,
        blocked_by: Vec::new(),
        note: String::new(),
    };
    let open: Vec<&Blocker> = blockers
        .iter()
        .filter(|blocker| blocker.concerns(&draft.target))
        .collect();
    match &request.way {
        Way::Refused(why) => {
            draft.state = State::Refused;
            draft.note.clone_from(why);
            return Ok((draft, None));
        }
        Way::ByHand(why) => {
            draft.state = State::ByHand;
            draft.note.clone_from(why);
            return Ok((draft, None));
        }
        _ if !open.is_empty() => {
            draft.state = State::Blocked;
            draft.note = lock::note(&open);
            draft.blocked_by = lock::codes(&open);
            return Ok((draft, None));
        }
        Way::Expires(after) => {
            draft.state = State::Waiting;
            draft.not_before = context.now().checked_add(*after).ok();
            draft.note = request.expiry_note();
            return Ok((draft, None));
        }
        Way::Form => {}
        Way::Mail => draft.to = request.mailbox(),
        // The operator's page is for the network's owner, not for the site.
        Way::Owner | Way::Neighbours => draft.to.clone_from(&network.email),
    }
    let name = request.file_name(&context.site.id);
    let text = letter::file(context, request, bundle, &network, draft.to.as_deref())?;
    if request.is_owners() && network.email.is_none() {
        draft.note = network.how_to_find(&draft.target).unwrap_or_default();
    } else if bundle.says_nothing() && !request.is_policy() && request.way != Way::Neighbours {
        draft.note = "nothing is recorded about the cause or what was done: add it to a manual step's note, or give 'cause' and 'measures', before this is filed".to_owned();
    }
    draft.file = Some(name.clone());
    Ok((draft, Some((name, text))))
}
