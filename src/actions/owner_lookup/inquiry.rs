//! The questions of one step to the registries, by RDAP.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;

use super::registry::{Owner, Registry};
use crate::actions::Context;
use crate::error_chain::chain;
use crate::mail::rdap::{Bootstrap, MEDIA_TYPE, Network, bootstrap_file, query_url, refusal};
use crate::probes::http::{HttpRequest, HttpResponse};

/// Questions in one step: registries are for single ones.
const MOST_QUESTIONS: usize = 16;
/// How old a bootstrap file may be. IANA changes it every few weeks, and asks that it be kept (RFC 9224 §8).
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Registries send on to each other where a block has moved (RFC 7480 §5.2); not in a circle.
const MOST_HOPS: usize = 3;
/// For one question.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was asked and answered so far. A network is asked about once, and a registry that does not answer, or wants no more
/// questions (RFC 7480 §5.5), is left alone for the rest of the step.
pub(super) struct Inquiry<'a> {
    context: &'a Context<'a>,
    registry: &'a Registry,
    questions: usize,
    answered: Vec<Answered>,
    /// Registries that are left alone, and what they said.
    silent: BTreeMap<String, String>,
}

struct Answered {
    start: IpAddr,
    end: IpAddr,
    owner: Owner,
}

impl<'a> Inquiry<'a> {
    pub(super) fn new(context: &'a Context<'a>, registry: &'a Registry) -> Self {
        Inquiry {
            context,
            registry,
            questions: 0,
            answered: Vec::new(),
            silent: BTreeMap::new(),
        }
    }

    /// Who holds this address.
    pub(super) async fn owner(&mut self, address: IpAddr) -> Owner {
        let folder = match self.registry {
            Registry::Folder(folder) => folder,
            Registry::None(why) => return Owner::not_asked(why.clone()),
        };
        if let Some(known) = self.answered(address) {
            return known.clone();
        }
        if self.questions == MOST_QUESTIONS {
            return Owner::not_told(format!(
                "who holds {address} was not asked, since one step asks the registries {MOST_QUESTIONS} questions at most: look up the rest in another step"
            ));
        }
        match self.ask(folder, address).await {
            Ok((network, url)) => {
                let (start, end) = (network.start, network.end);
                let owner = Owner::of(network, &url);
                self.answered.push(Answered {
                    start,
                    end,
                    owner: owner.clone(),
                });
                owner
            }
            Err(why) => Owner::not_told(format!("who holds {address} could not be told: {why}")),
        }
    }

    /// The narrowest network around `address` that a registry told about.
    fn answered(&self, address: IpAddr) -> Option<&Owner> {
        self.answered
            .iter()
            .filter(|one| {
                one.start.is_ipv4() == address.is_ipv4() && (one.start..=one.end).contains(&address)
            })
            .max_by_key(|one| (one.start, Reverse(one.end)))
            .map(|one| &one.owner)
    }

    async fn ask(&mut self, folder: &str, address: IpAddr) -> Result<(Network, String), String> {
        let bootstrap = self.bootstrap(&bootstrap_file(folder, address)).await?;
        let base = bootstrap.service(address).ok_or_else(|| {
            format!(
                "{} names no registry for it",
                bootstrap_file(folder, address)
            )
        })?;
        // what came encrypted must not lead into the clear
        let encrypted = folder.starts_with("https://");
        let mut url = Url::parse(&query_url(base, address))
            .map_err(|error| format!("'{base}' is no address of a registry ({error})"))?;
        for hop in 0..=MOST_HOPS {
            if encrypted && url.scheme() != "https" {
                return Err(format!(
                    "the registry {} offers no encrypted connection",
                    host(&url)
                ));
            }
            if let Some(said) = self.silent.get(url.authority()) {
                return Err(format!(
                    "{said}. It was asked about another address, and not again about this one"
                ));
            }
            if hop == 0 {
                self.questions += 1;
            }
            let answer = self.get(&url).await?;
            match answer.status {
                200 => {
                    return Network::read(&answer.text(), address)
                        .map(|network| (network, url.to_string()))
                        .map_err(|fault| format!("{}: {fault}", host(&url)));
                }
                301 | 302 | 303 | 307 | 308 => url = onward(&bootstrap, &url, &answer)?,
                429 | 503 => return Err(self.leave_alone(&url, said(&url, &answer))),
                _ => return Err(said(&url, &answer)),
            }
        }
        Err(format!(
            "the registries send in a circle, last to {}",
            host(&url)
        ))
    }

    async fn bootstrap(&self, file: &str) -> Result<Bootstrap, String> {
        let read = |text: &str| Bootstrap::read(text).map_err(|fault| fault.to_string());
        let text = self
            .context
            .probes
            .http
            .kept(file, KEPT, |text| read(text).map(drop))
            .await
            .map_err(|error| {
                format!(
                    "the list of registries {file} could not be had: {error}. Where this machine has no way to the web, set `rdap: none` in the site file"
                )
            })?;
        read(&text).map_err(|fault| format!("{file}: {fault}"))
    }

    async fn get(&mut self, url: &Url) -> Result<HttpResponse, String> {
        let request = HttpRequest {
            url: url.to_string(),
            headers: vec![("accept".to_owned(), MEDIA_TYPE.to_owned())],
            timeout: Some(PATIENCE),
            ..HttpRequest::default()
        };
        let answer = self.context.probes.http.send(request).await;
        answer.map_err(|error| self.leave_alone(url, chain(&error)))
    }

    fn leave_alone(&mut self, url: &Url, said: String) -> String {
        self.silent.insert(url.authority().to_owned(), said.clone());
        said
    }
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
        429 => format!(
            "{host} answers no more questions for now{why}: {}",
            again(answer).unwrap_or_else(|| "try again tomorrow".to_owned())
        ),
        503 => format!(
            "{host} cannot answer for now{why}: {}",
            again(answer).unwrap_or_else(|| "try again later".to_owned())
        ),
        status => format!("{host} answers with status {status}{why}"),
    }
}

/// When to come back: a number of seconds or a date (RFC 9110 §10.2.3).
fn again(answer: &HttpResponse) -> Option<String> {
    let after = answer.header("retry-after")?.trim();
    if let Ok(seconds) = after.parse::<u32>() {
        return Some(format!("it says to come back after {seconds} seconds"));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(after);
    date.ok().map(|at| format!("it says to come back at {at}"))
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}
