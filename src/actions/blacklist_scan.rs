//! `blacklist.scan`: are the site's addresses and domains on blocklists, and which lists can be believed at all?
//!
//! Each list first proves itself by control queries, once for the whole scan; only then is it asked about the targets, and
//! only a list that answered counts. What comes out for each target and list is one of four: listed, clean, unknown,
//! broken. See [`verdict`] for when a target is called clean.

mod asking;
mod breadth;
mod lists;
mod many;
mod remedy;
mod selection;
mod survey;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::HashSet;

use super::{Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Work};
use crate::mail::dnsbl::{self, List, Subject, catalogue};
use crate::mail::ptr::{Helo, helo};
pub(in crate::actions) use asking::reply;
use selection::{Selection, Wishes};
pub(in crate::actions) use survey::{Breadth, Stand, survey};
use verdict::RefusedTarget;

/// The scan.
pub(super) struct BlacklistScan;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "addresses",
        Kind::TextList,
        "the site's outbound addresses",
        "public addresses to look up",
    ),
    Argument::optional(
        "domains",
        Kind::TextList,
        "the site's domains and its HELO name",
        "domains and host names to look up; the registrable domain of each is looked up too",
    ),
    Argument::optional(
        "lists",
        Kind::TextList,
        "the lists of the catalogue that are on by default, and lists.also of the site",
        "exactly these lists, by id or zone",
    ),
    Argument::optional(
        "except",
        Kind::TextList,
        "lists.except of the site",
        "lists to leave out, by id or zone, beside those of the site",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new(
        "targets",
        "for each target: listed, operators (how many hold it, several zones of one counted once, those that only list neighbours not at all), allowlisted, reputation, clean and clean_weak (counts), unknown and broken (list, reason), verdict (listed, clean, unknown, not_applicable)",
    ),
    Output::new(
        "verdicts",
        "with more than 256 targets: how many are listed, clean, unknown, not_applicable; then `targets` tells only those that are not clean, in short",
    ),
    Output::new(
        "listed",
        "the listings of all targets: target, list, zone, operator, codes, parts, meanings, severity, policy, text, network (the /64 of an IPv6 address, where the list holds all of it), lookup_url",
    ),
    Output::new(
        "lists",
        "how many lists were asked, and how many of them are healthy, weak (no test entry), unknown, broken; how many were skipped",
    ),
    Output::new("skipped", "lists that were not asked, and why"),
    Output::new("refused", "targets that were not asked about, and why"),
    Output::new(
        "warnings",
        "what looks too bad to be true beside the scan before, and should be looked at by hand",
    ),
    Output::new(
        "resolver",
        "the resolvers (servers), what is to be thought of the best of them (verdict: fit, refused, rewriting, blind, mute; detail), and of each where several were tried (compared)",
    ),
];

impl Action for BlacklistScan {
    fn name(&self) -> &'static str {
        "blacklist.scan"
    }

    fn summary(&self) -> &'static str {
        "look addresses and domains up in the blocklists that can be believed"
    }

    fn effect(&self) -> Effect {
        Effect::Probe
    }

    fn arguments(&self) -> &'static [Argument] {
        ARGUMENTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn carry_out<'a>(&'a self, context: &'a Context<'a>) -> Work<'a> {
        Box::pin(async move { scan(context).await })
    }
}

async fn scan(context: &Context<'_>) -> Result<Next, ActionError> {
    let selection = selection(context)?;
    let (subjects, refused) = subjects(context)?;
    if subjects.is_empty()
        && let Some(first) = refused.first()
    {
        return Err(
            ActionError::new(format!("cannot scan {}: {}", first.target, first.reason))
                .nothing_sent(),
        );
    }
    let hearing = asking::ask(context, &selection.chosen, &subjects).await;
    Ok(verdict::report(context, &selection, &subjects, refused, &hearing).into())
}

fn selection(context: &Context<'_>) -> Result<Selection, ActionError> {
    let lists = context.args.texts("lists")?;
    let mut except = context.args.texts("except")?.unwrap_or_default();
    let settings = &context.site.lists;
    except.extend(settings.except.iter().cloned());
    let wishes = Wishes {
        lists: lists.as_deref(),
        also: if lists.is_some() { &[] } else { &settings.also },
        except: &except,
    };
    select(context, &wishes)
}

/// Chooses lists, with the keys that the site has for them.
fn select(context: &Context<'_>, wishes: &Wishes<'_>) -> Result<Selection, ActionError> {
    let settings = &context.site.lists;
    // Operators give one key for all their zones.
    let key_of = |list: &List| {
        let of_operator = || {
            settings.keys.iter().find_map(|(id, place)| {
                let other = catalogue().list(id)?;
                (other.operator == list.operator).then_some(place)
            })
        };
        settings
            .keys
            .get(&list.id)
            .or_else(of_operator)
            .map(|place| context.secret(place))
            .transpose()
    };
    selection::select(catalogue(), wishes, key_of)
}

/// The targets, each once, and those that may not be asked about.
fn subjects(context: &Context<'_>) -> Result<(Vec<Subject>, Vec<RefusedTarget>), ActionError> {
    let site = context.site;
    let mut subjects: Vec<Subject> = Vec::new();
    let mut known: HashSet<Subject> = HashSet::new();
    let mut refused = Vec::new();
    let addresses = match context.args.texts("addresses")? {
        Some(given) => given,
        None => site
            .outbound
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect(),
    };
    let mut add = |subject: Subject| {
        if known.insert(subject.clone()) {
            subjects.push(subject);
        }
    };
    for text in addresses {
        let address = text.trim().trim_matches(['[', ']']).parse();
        let address = address.map_err(|error| {
            ActionError::because(
                format!("cannot scan '{text}' as an address (names belong under 'domains')"),
                error,
            )
        })?;
        match dnsbl::askable(address, site.laboratory) {
            Ok(address) => add(Subject::Address(address)),
            Err(why) => refused.push(RefusedTarget {
                target: text,
                reason: why.to_string(),
            }),
        }
    }
    let domains = match context.args.texts("domains")? {
        Some(given) => given,
        None => {
            let helo_name = match site.outbound.helo.as_deref().map(helo) {
                Some(Ok(Helo::Name(name))) => Some(name),
                _ => None,
            };
            site.domains.iter().cloned().chain(helo_name).collect()
        }
    };
    for text in domains {
        let name = dnsbl::a_labels(&text)
            .map_err(|error| ActionError::because(format!("cannot scan domain '{text}'"), error))?;
        let registrable = dnsbl::registrable(&name);
        add(Subject::Name(name));
        if let Some(domain) = registrable {
            add(Subject::Name(domain));
        }
    }
    Ok((subjects, refused))
}
