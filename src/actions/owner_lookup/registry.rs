//! Where the registries of addresses are named, and what one said.

use serde::Serialize;

use crate::actions::{ActionError, Context};
use crate::mail::rdap::{BOOTSTRAP, Contact, Network};

/// Where registries are named.
pub(super) enum Registry {
    /// In the bootstrap files of this folder.
    Folder(String),
    /// Nowhere, and why.
    None(String),
}

/// What a registry said about an address.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Owner {
    range: Option<String>,
    handle: Option<String>,
    name: Option<String>,
    pub(super) holder: Option<String>,
    country: Option<String>,
    pub(super) abuse: Vec<String>,
    contacts: Vec<Contact>,
    /// The URL that was asked.
    registry: Option<String>,
    /// The same in a sentence, or why nothing is known.
    pub(super) detail: String,
    /// Mail address and role of the desk that runs the network.
    #[serde(skip)]
    pub(super) desk: Option<(String, &'static str)>,
    #[serde(skip)]
    unknown: bool,
}

impl Owner {
    /// A registry was to be asked, and nothing came of it.
    pub(super) fn not_told(detail: String) -> Self {
        Owner::nothing(detail, true)
    }

    fn nothing(detail: String, unknown: bool) -> Self {
        Owner {
            range: None,
            handle: None,
            name: None,
            holder: None,
            country: None,
            abuse: Vec::new(),
            contacts: Vec::new(),
            registry: None,
            detail,
            desk: None,
            unknown,
        }
    }

    /// No registry was asked, on purpose.
    pub(super) fn not_asked(why: String) -> Self {
        Owner::nothing(format!("no registry was asked: {why}"), false)
    }

    /// True when the answer of a registry was wanted and could not be had.
    pub(super) fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// As the registry told it under this URL.
    pub(super) fn of(network: Network, url: &str) -> Self {
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        let holder = network.holder().map(str::to_owned);
        let name = if network.name.is_empty() {
            &network.handle
        } else {
            &network.name
        };
        Owner {
            detail: format!(
                "{} ({name}) is registered to {}",
                network.range,
                holder.as_deref().unwrap_or("nobody by name")
            ),
            abuse: owned(network.abuse()),
            desk: network.desk().map(|(email, role)| (email.to_owned(), role)),
            registry: Some(url.to_owned()),
            holder,
            range: Some(network.range),
            handle: Some(network.handle),
            name: Some(network.name),
            country: network.country,
            contacts: network.contacts,
            unknown: false,
        }
    }
}

impl Registry {
    /// The folder that the argument, the site or IANA gives.
    pub(super) fn chosen(context: &Context<'_>) -> Result<Self, ActionError> {
        let (given, by) = match context.args.text("rdap")? {
            Some(given) => (Some(given), "the argument 'rdap'"),
            None => (context.site.rdap.clone(), "'rdap' in the site file"),
        };
        let folder = match given.as_deref().map(str::trim) {
            Some("none") => return Ok(Registry::None(format!("{by} says none"))),
            Some(url) => url.to_owned(),
            None if context.site.laboratory => {
                return Ok(Registry::None(
                    "the addresses of a laboratory are in none".to_owned(),
                ));
            }
            None => BOOTSTRAP.to_owned(),
        };
        crate::probes::http::host_of(&folder).map_err(|error| {
            ActionError::because(format!("cannot use '{folder}' as 'rdap'"), error).nothing_sent()
        })?;
        Ok(Registry::Folder(folder))
    }

    /// For the outputs.
    pub(super) fn told(&self) -> &str {
        match self {
            Registry::Folder(folder) => folder,
            Registry::None(why) => why,
        }
    }
}
