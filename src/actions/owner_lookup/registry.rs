//! The registry of an address, asked by RDAP.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use serde::Serialize;

use crate::actions::{ActionError, Context};
use crate::mail::rdap::{
    BOOTSTRAP, Bootstrap, Contact, MEDIA_TYPE, Network, bootstrap_file, query_url, refusal,
};
use crate::probes::http::{HttpRequest, HttpResponse, told};

/// How old a bootstrap file may be. IANA changes it every few weeks, and asks that it be kept (RFC 9224 §8).
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Registries send on to each other where a block has moved (RFC 7480 §5.2); not in a circle.
const MOST_HOPS: usize = 3;
/// For one question.
const PATIENCE: Duration = Duration::from_secs(20);

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

    /// True when a registry was asked and the answer could not be had.
    pub(super) fn is_unknown(&self) -> bool {
        self.unknown
    }

    fn of(network: Network, url: &str) -> Self {
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
        let given = match context.args.text("rdap")? {
            Some(given) => Some(given),
            None => context.site.rdap.clone(),
        };
        let folder = match given.as_deref().map(str::trim) {
            Some("none") => return Ok(Registry::None("the site file says none".to_owned())),
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

    /// Who holds this address.
    pub(super) async fn owner(&self, context: &Context<'_>, address: IpAddr) -> Owner {
        let folder = match self {
            Registry::Folder(folder) => folder,
            Registry::None(why) => return Owner::not_asked(why.clone()),
        };
        match ask(context, folder, address).await {
            Ok((network, url)) => Owner::of(network, &url),
            Err(why) => Owner::nothing(
                format!("who holds {address} could not be told: {why}"),
                true,
            ),
        }
    }
}

async fn ask(
    context: &Context<'_>,
    folder: &str,
    address: IpAddr,
) -> Result<(Network, String), String> {
    let http = &context.probes.http;
    let file = bootstrap_file(folder, address);
    let text = http
        .kept(&file, KEPT, |text| {
            Bootstrap::read(text)
                .map(drop)
                .map_err(|fault| fault.to_string())
        })
        .await
        .map_err(|error| {
            format!(
                "the list of registries {file} could not be had: {error}. Where this machine has no way to the web, set `rdap: none` in the site file"
            )
        })?;
    let bootstrap = Bootstrap::read(&text).map_err(|fault| format!("{file}: {fault}"))?;
    let base = bootstrap
        .service(address)
        .ok_or_else(|| format!("{file} names no registry for it"))?;
    // what came encrypted must not lead into the clear
    let encrypted = folder.starts_with("https://");
    let mut url = Url::parse(&query_url(base, address))
        .map_err(|error| format!("'{base}' is no address of a registry ({error})"))?;
    for _ in 0..=MOST_HOPS {
        if encrypted && url.scheme() != "https" {
            return Err(format!(
                "the registry {} offers no encrypted connection",
                host(&url)
            ));
        }
        let answer = http
            .send(HttpRequest {
                url: url.to_string(),
                headers: vec![("accept".to_owned(), MEDIA_TYPE.to_owned())],
                timeout: Some(PATIENCE),
                ..HttpRequest::default()
            })
            .await
            .map_err(|error| told(&error))?;
        match answer.status {
            200 => {
                return Network::read(&answer.text(), address)
                    .map(|network| (network, url.to_string()))
                    .map_err(|fault| format!("{}: {fault}", host(&url)));
            }
            301 | 302 | 303 | 307 | 308 => url = onward(&bootstrap, &url, &answer)?,
            _ => return Err(said(&url, &answer)),
        }
    }
    Err(format!(
        "the registries send in a circle, last to {}",
        host(&url)
    ))
}

/// Where a registry sends on to: only to one that the bootstrap file names.
fn onward(bootstrap: &Bootstrap, url: &Url, answer: &HttpResponse) -> Result<Url, String> {
    let to = answer.header("location").unwrap_or_default();
    let next = url
        .join(to)
        .map_err(|_| format!("{} sends on to '{to}', which is no address", host(url)))?;
    let known = bootstrap
        .bases()
        .filter_map(|base| Url::parse(base).ok())
        .any(|base| {
            base.host() == next.host()
                && base.port_or_known_default() == next.port_or_known_default()
        });
    if known {
        Ok(next)
    } else {
        Err(format!(
            "{} sends on to {}, which is no registry of the list: it was not asked",
            host(url),
            host(&next)
        ))
    }
}

fn said(url: &Url, answer: &HttpResponse) -> String {
    let host = host(url);
    let why = refusal(&answer.text())
        .map(|text| format!(" ({text})"))
        .unwrap_or_default();
    match answer.status {
        404 => format!("{host} knows no such network{why}"),
        429 => match answer.header("retry-after") {
            Some(after) => format!(
                "{host} answers no more questions for now; it says to come back after {after} seconds"
            ),
            None => format!("{host} answers no more questions for now: try again tomorrow"),
        },
        status => format!("{host} answers with status {status}{why}"),
    }
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}
