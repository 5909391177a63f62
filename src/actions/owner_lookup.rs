//! `owner.lookup`: who holds an address, who can set its name, and to whom to write.
//!
//! Two sources, and each is told as what it is. The reverse zone says by its SOA and NS records who runs it, and an alias
//! (RFC 2317) that part of it was handed on. The registry of the address says by RDAP (RFC 9082, RFC 9083) who holds the
//! network, with the desk for abuse. Registries are public, like blocklists: asked are only those that the bootstrap files
//! (RFC 9224) name, one question a network. A site may name a folder of bootstrap files of its own, or none.

mod control;
mod desk;
mod inquiry;
mod registry;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use serde::Serialize;

use super::{
    Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Report, Work, address,
};
use crate::record::Verdict;
use control::Control;
use desk::Desk;
use inquiry::Inquiry;
use registry::{Owner, Registry};

/// The look-up.
pub(super) struct OwnerLookup;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "addresses",
        Kind::TextList,
        "the site's outbound addresses",
        "addresses to look up",
    ),
    Argument::optional(
        "rdap",
        Kind::Text,
        "rdap of the site file, else IANA's folder; none for a laboratory",
        "folder of the files that name the registries, as a URL; none: no registry is asked",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new(
        "addresses",
        "for each address: address; ptr (name, alias, zone, primary, contact, servers, set_by: operator, site or unknown, detail); network (range, handle, name, holder, country, abuse, contacts, registry, detail); ask (who, email, why): where a request for reverse DNS goes",
    ),
    Output::new(
        "registries",
        "where the registries were looked up, or why none was asked",
    ),
];

impl Action for OwnerLookup {
    fn name(&self) -> &'static str {
        "owner.lookup"
    }

    fn summary(&self) -> &'static str {
        "look up who holds an address, who can set its reverse name, and whom to write to"
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
        Box::pin(async move { look_up(context).await })
    }
}

/// What is known about one address.
#[derive(Debug, Serialize)]
struct View {
    address: IpAddr,
    ptr: Control,
    network: Owner,
    ask: Desk,
}

async fn look_up(context: &Context<'_>) -> Result<Next, ActionError> {
    let ours = &context.site.outbound.addresses;
    let addresses = address::given(context, "addresses", ours, "look up the owner of")?;
    let registry = Registry::chosen(context)?;
    let mut inquiry = Inquiry::new(context, &registry);
    let mut views = Vec::new();
    for (number, address) in addresses.iter().copied().enumerate() {
        context
            .progress
            .note(&format!("looking up who holds {address}"));
        let ptr = control::look_up(context, address).await;
        let network = inquiry.owner(address).await;
        let ask = desk::choose(context, &ptr, &network);
        views.push(View {
            address,
            ptr,
            network,
            ask,
        });
        context
            .progress
            .count(number as u64 + 1, addresses.len() as u64);
    }
    let verdict = if views.is_empty() {
        Verdict::NotApplicable
    } else if views
        .iter()
        .any(|view| view.ptr.is_unknown() || view.network.is_unknown())
    {
        Verdict::Unknown
    } else {
        Verdict::Good
    };
    Ok(Report::new(verdict)
        .with("addresses", &views)
        .with("registries", registry.told())
        .into())
}
