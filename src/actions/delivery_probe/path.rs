//! The path to test: where to hand the message in, as whom, and for whom.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::actions::{ActionError, Context};
use crate::site::{SecretRef, Tls};

/// One path out of the site.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) host: String,
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) account: Option<(String, SecretRef)>,
    pub(super) ca: Option<PathBuf>,
    pub(super) sender: String,
    pub(super) recipient: String,
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
        let server = site.servers.first();
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
        Ok(match via.as_str() {
            "smarthost" => smarthost.map(|smarthost| Self {
                host: smarthost.host.trim_matches(['[', ']']).to_owned(),
                address: smarthost.address,
                port: smarthost.ports.first().copied().unwrap_or(587),
                tls: smarthost.tls,
                account: smarthost.username.clone().zip(smarthost.password.clone()),
                ca: smarthost.ca.clone(),
                sender,
                recipient,
            }),
            "site" => server.map(|server| Self {
                host: server.host.clone(),
                address: server.address,
                port: server.ports.first().copied().unwrap_or(25),
                tls: Tls::Opportunistic,
                account: None,
                ca: None,
                sender,
                recipient,
            }),
            other => {
                return Err(ActionError::new(format!(
                    "there is no path '{other}': use 'site' or 'smarthost'"
                ))
                .nothing_sent());
            }
        })
    }

    /// TLS from the first byte?
    pub(super) fn is_implicit(&self) -> bool {
        self.tls == Tls::Implicit || (self.tls == Tls::Auto && self.port == 465)
    }

    /// May the session go on in clear?
    pub(super) fn needs_tls(&self) -> bool {
        match self.tls {
            Tls::Implicit | Tls::Starttls => true,
            Tls::Auto => self.account.is_some(),
            Tls::Opportunistic | Tls::None => false,
        }
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
