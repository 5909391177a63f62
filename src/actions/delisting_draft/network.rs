//! Who runs the network of a listed address: some listings only they can end.

use serde::Serialize;
use serde_json::Value;

use crate::actions::Context;

/// The network's operator, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Network {
    /// Name for people; empty when nobody is known.
    pub(super) name: String,
    /// Where to write to.
    pub(super) email: Option<String>,
    /// From where this is known.
    source: String,
    /// What the registry says: range, holder, abuse desk; or why it says nothing. Empty when it was not asked.
    pub(super) registered: String,
}

/// What is written where nobody is known; `{target}` stands for the address.
const UNKNOWN: &str = "who runs the network of {target} is not known: ask with \
                       `mailmedic probe owner.lookup --with addresses={target}`, or look on the bill of the line, and name \
                       the abuse desk in the site file (contacts.isp)";

impl Network {
    /// Of one target: the operator that the site file names, because it knows the client; else the abuse desk of the
    /// registry, as `owner.lookup` found it in this run.
    pub(super) fn of(context: &Context<'_>, target: &str) -> Self {
        let seen = looked_up(context, target);
        let text = |key: &str| {
            let text = seen.as_ref()?.get(key)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let abuse = seen.as_ref().and_then(|network| {
            let first = network.get("abuse")?.as_array()?.first()?;
            first.as_str().map(str::to_owned)
        });
        let registered = text("detail").unwrap_or_default();
        let holder = text("holder").or_else(|| text("name"));
        let named = context.site.contacts.isp.as_ref();
        let named = named.filter(|isp| !isp.name.is_empty() || isp.email.is_some());
        let by_registry = "its abuse desk by the registry";
        let (name, email, source) = match (named, abuse) {
            (Some(isp), abuse) => {
                let source = match (&isp.email, &abuse) {
                    (None, Some(_)) => by_registry,
                    _ => "named in the site file",
                };
                (isp.name.clone(), isp.email.clone().or(abuse), source)
            }
            (None, Some(abuse)) => (holder.unwrap_or_default(), Some(abuse), by_registry),
            (None, None) => (holder.unwrap_or_default(), None, ""),
        };
        Network {
            name: if name.is_empty() && email.is_some() {
                "the network's operator".to_owned()
            } else {
                name
            },
            email,
            source: source.to_owned(),
            registered,
        }
    }

    /// What to do where there is nobody to write to; nothing where there is.
    pub(super) fn how_to_find(&self, target: &str) -> Option<String> {
        if self.email.is_some() {
            return None;
        }
        let how = UNKNOWN.replace("{target}", target);
        Some(match self.registered.as_str() {
            "" => how,
            said => format!(
                "{how}; the registry was asked: {}",
                said.trim_end_matches('.')
            ),
        })
    }
}

/// What the newest `owner.lookup` of this run says about the network of an address.
fn looked_up(context: &Context<'_>, target: &str) -> Option<Value> {
    let outputs = context.facts.latest_outputs("owner.lookup")?;
    let addresses = outputs.get("addresses")?.as_array()?;
    let view = addresses
        .iter()
        .find(|view| view.get("address").and_then(Value::as_str) == Some(target))?;
    view.get("network").cloned()
}
