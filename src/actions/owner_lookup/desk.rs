//! To whom a request for reverse DNS goes.

use serde::Serialize;

use super::control::{Control, SetBy};
use super::registry::Owner;
use crate::actions::Context;

/// A desk to write to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Desk {
    /// Name for people.
    who: String,
    /// Mail address.
    email: Option<String>,
    /// Why this one.
    why: String,
}

/// The site's own administrator where the zone is the site's; else the operator that the site file names, because it knows the
/// client; else whoever the registry or the zone names.
pub(super) fn choose(context: &Context<'_>, ptr: &Control, network: &Owner) -> Desk {
    let site = context.site;
    if ptr.set_by == SetBy::Site {
        return Desk {
            who: format!("the administrator of {}", site.name),
            email: ptr.contact.clone(),
            why: ptr.detail.clone(),
        };
    }
    let registered = network.desk.as_ref();
    let holder = network.holder.clone();
    if let Some(isp) = site
        .contacts
        .isp
        .as_ref()
        .filter(|isp| !isp.name.is_empty())
    {
        let (email, from) = match (&isp.email, registered) {
            (Some(email), _) => (Some(email.clone()), String::new()),
            (None, Some((email, role))) => (
                Some(email.clone()),
                format!("; the mail address is the registry's {role} contact"),
            ),
            (None, None) => (
                ptr.contact.clone(),
                "; the mail address is that of the reverse zone".to_owned(),
            ),
        };
        return Desk {
            who: isp.name.clone(),
            why: format!("named in the site file as the network operator{from}"),
            email,
        };
    }
    if let Some((email, role)) = registered {
        return Desk {
            who: holder.unwrap_or_else(|| "the holder of the network".to_owned()),
            email: Some(email.clone()),
            why: format!("the registry's {role} contact of the network"),
        };
    }
    match &ptr.contact {
        Some(contact) => Desk {
            who: holder.unwrap_or_else(|| "the operator of the reverse zone".to_owned()),
            email: Some(contact.clone()),
            why: format!(
                "the mailbox in the SOA record of {}",
                ptr.zone.as_deref().unwrap_or("the reverse zone")
            ),
        },
        None => Desk {
            who: holder.unwrap_or_else(|| "the network operator".to_owned()),
            email: None,
            why: "nobody is named: ask the provider on the bill of the line".to_owned(),
        },
    }
}
