//! How addresses stand on lists, for actions that look at other addresses than the site's own. It makes no findings: they
//! would be about somebody else.

use std::net::IpAddr;

use super::asking::{self, Heard};
use super::selection::Wishes;
use super::verdict::{self, Target};
use crate::actions::{ActionError, Context};
use crate::mail::dnsbl::{self, DefaultScan, Kind, List, Nature, Severity, Status, Subject};
use crate::mail::vetting::Held;

/// How one address stands.
pub(in crate::actions) struct Stand {
    /// The address.
    pub(in crate::actions) address: IpAddr,
    /// As `blacklist.scan` tells it.
    pub(in crate::actions) view: Target,
    /// Its listings by what they point to.
    pub(in crate::actions) held: Vec<Held>,
}

impl Stand {
    /// True when the lists that matter answered and none holds it, or one does.
    pub(in crate::actions) fn is_known(&self) -> bool {
        matches!(self.view.verdict, "clean" | "listed")
    }
}

/// Which lists are asked.
pub(in crate::actions) enum Breadth {
    /// Those of every scan, and those that list whole networks.
    Wide,
    /// Those on which many receivers act, and that list for abuse.
    Narrow,
}

/// Asks lists about addresses.
///
/// # Errors
/// When the key of a list cannot be read.
pub(in crate::actions) async fn survey(
    context: &Context<'_>,
    breadth: Breadth,
    addresses: &[IpAddr],
) -> Result<Vec<Stand>, ActionError> {
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let settings = &context.site.lists;
    let named = ids(|list| match breadth {
        Breadth::Wide => list.nature == Some(Nature::Neighbourhood),
        Breadth::Narrow => {
            list.default_scan == DefaultScan::On
                && list.severity >= Severity::Major
                && list.nature != Some(Nature::Policy)
        }
    });
    let wide: Vec<String> = settings.also.iter().chain(&named).cloned().collect();
    let wishes = match breadth {
        Breadth::Wide => Wishes {
            lists: None,
            also: &wide,
            except: &settings.except,
        },
        Breadth::Narrow => Wishes {
            lists: Some(&named),
            also: &[],
            except: &settings.except,
        },
    };
    let selection = super::select(context, &wishes)?;
    let subjects: Vec<Subject> = addresses.iter().copied().map(Subject::Address).collect();
    let hearing = asking::ask(context, &selection.chosen, &subjects).await;
    let mut stands = Vec::with_capacity(addresses.len());
    for (number, address) in addresses.iter().enumerate() {
        let of_it = |one: &&Heard| one.subject == number;
        let first = hearing.heard.partition_point(|one| one.subject < number);
        let heard = &hearing.heard[first..];
        let heard = &heard[..heard.iter().take_while(of_it).count()];
        let held = heard.iter().flat_map(|one| {
            let list = &hearing.units[one.unit].chosen.list;
            one.reading.listings().map(move |part| Held {
                list: match &part.list {
                    Some(name) => format!("{} ({name})", list.name),
                    None => list.name.clone(),
                },
                severity: part.severity,
                nature: part.nature,
            })
        });
        stands.push(Stand {
            address: *address,
            held: held.collect(),
            view: verdict::target(&selection, &hearing, number, &subjects[number], heard),
        });
    }
    Ok(stands)
}

/// Ids of the blocklists in service that are so, and that anybody may ask.
fn ids(so: impl Fn(&List) -> bool) -> Vec<String> {
    dnsbl::catalogue()
        .lists
        .iter()
        .filter(|list| {
            list.kind == Kind::Blocklist
                && list.status == Status::Active
                && list
                    .target
                    .iter()
                    .any(|target| *target != dnsbl::Target::Domain)
                && !list.access.key_required
                && !list.access.registration_required
                && so(list)
        })
        .map(|list| list.id.clone())
        .collect()
}
