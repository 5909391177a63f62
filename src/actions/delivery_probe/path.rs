//! The path to test: where to hand the message in, as whom, and for whom.

use std::net::IpAddr;

use crate::actions::{ActionError, Context};
use crate::site::{SecretRef, Server, Smarthost, Tls, bare_host};

/// One path out of the site: the places to hand the message in, tried in this order, as whom and for whom.
#[derive(Debug)]
pub(super) struct Path {
    /// Never empty.
    pub(super) places: Vec<Place>,
    pub(super) sender: String,
    pub(super) recipient: String,
    /// The address of this machine to connect from.
    pub(super) from: Option<IpAddr>,
}

/// A host and a port that take the message in.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) account: Option<(String, SecretRef)>,
    /// It is one of the smarthost's.
    pub(super) smarthost: bool,
}

impl Path {
    /// None when the site has no such path.
    pub(super) fn read(context: &Context<'_>) -> Result<Option<Self>, ActionError> {
        let (site, args) = (context.site, context.args);
        let via = match args.text("via")? {
            Some(via) => via,
            None if site.smarthost.is_some() => "smarthost".to_owned(),
            None => "site".to_owned(),
        };
        let smarthost = site.smarthost.as_ref();
        let sender = args.text("sender")?.or_else(|| {
            let first = smarthost.and_then(|smarthost| smarthost.senders.first().cloned());
            first.or_else(|| site.servers.iter().find_map(|s| s.valid_mailbox.clone()))
        });
        let sender = address(
            sender,
            "sender",
            "give 'sender', or smarthost.senders in the site file",
        )?;
        let recipient = args
            .text("recipient")?
            .or_else(|| site.probe.as_ref()?.recipient.clone());
        let recipient = address(
            recipient,
            "recipient",
            "give 'recipient', or probe.recipient in the site file",
        )?;
        let places: Vec<Place> = match via.as_str() {
            "smarthost" => smarthost.map(of_smarthost).unwrap_or_default(),
            "site" => site.servers.iter().flat_map(of_server).collect(),
            other => {
                return Err(ActionError::new(format!(
                    "there is no path '{other}': use 'site' or 'smarthost'"
                ))
                .nothing_sent());
            }
        };
        Ok((!places.is_empty()).then_some(Self {
            places,
            sender,
            recipient,
            from: context.local_address()?,
        }))
    }

    /// The host that is shown before any has been asked.
    pub(super) fn first_host(&self) -> &str {
        self.places.first().map_or("", |place| &place.host)
    }
}

/// The smarthost's ports, best first.
fn of_smarthost(smarthost: &Smarthost) -> Vec<Place> {
    let host = smarthost.bare_host();
    let ports = smarthost.ports_to_try().iter();
    ports
        .map(|port| Place {
            address: smarthost.address.or_else(|| host.parse().ok()),
            host: host.clone(),
            port: *port,
            tls: smarthost.tls,
            account: smarthost.username.clone().zip(smarthost.password.clone()),
            smarthost: true,
        })
        .collect()
}

/// The server's ports in the order of the site file.
fn of_server(server: &Server) -> Vec<Place> {
    let ports = match server.ports.as_slice() {
        [] => &[25],
        ports => ports,
    };
    let host = bare_host(&server.host);
    ports
        .iter()
        .map(|port| Place {
            address: server.address.or_else(|| host.parse().ok()),
            host: host.clone(),
            port: *port,
            tls: Tls::Opportunistic,
            account: None,
            smarthost: false,
        })
        .collect()
}

impl Place {
    /// TLS from the first byte?
    pub(super) fn is_implicit(&self) -> bool {
        self.tls.is_implicit_at(self.port)
    }

    /// May no session go on in clear?
    pub(super) fn needs_tls(&self) -> bool {
        self.tls.is_required(self.account.is_some())
    }
}

/// An address that cannot end a command early.
fn address(text: Option<String>, what: &str, hint: &str) -> Result<String, ActionError> {
    let Some(text) = text else {
        return Err(ActionError::new(format!("no {what} is known: {hint}")).nothing_sent());
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>');
    if text.contains(odd) || !text.contains('@') {
        return Err(ActionError::new(format!(
            "the {what} {text:?} is no mail address (write it as name@domain)"
        ))
        .nothing_sent());
    }
    Ok(text)
}
