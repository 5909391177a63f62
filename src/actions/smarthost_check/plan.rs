//! What is to be checked: the arguments, completed from the site file.

use std::net::{IpAddr, SocketAddr};

use secrecy::SecretString;

use crate::actions::{ActionError, Context};
use crate::mail::marked::mark;
use crate::probes::Smtp;
use crate::probes::smtp::Endpoint;
use crate::site::{Smarthost, Tls, Vantage, bare_host};

/// What is to be checked.
pub(super) struct Plan {
    /// As written in the site file or argument.
    pub(super) written: String,
    /// Without brackets, blanks and final dot.
    pub(super) host: String,
    /// Where to connect, when the site file says so.
    pub(super) address: Option<IpAddr>,
    pub(super) ports: Vec<u16>,
    pub(super) tls: Tls,
    pub(super) username: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) senders: Vec<String>,
    pub(super) recipient: Option<String>,
    /// The name the real server greets with, if it is known.
    pub(super) helo: Option<String>,
    pub(super) control: Option<String>,
    /// The largest message of the site's own server, in octets.
    pub(super) size: Option<i64>,
    /// Whether an invented login may be tried.
    pub(super) negative_control: bool,
    /// Letters and digits that nobody has as a name.
    pub(super) nonce: String,
    pub(super) smtp: Smtp,
    /// The address of this machine to connect from.
    pub(super) from: Option<IpAddr>,
    pub(super) vantage: Option<Vantage>,
}

impl Plan {
    /// None when the site has no smarthost and none was named.
    pub(super) fn read(context: &Context<'_>) -> Result<Option<Self>, ActionError> {
        let (args, site) = (context.args, context.site);
        let named = args.text("host")?;
        // Account, ports and authority belong to the site's smarthost, not to any host that is named.
        let known = site.smarthost.as_ref().filter(|smarthost| {
            named
                .as_deref()
                .is_none_or(|host| bare_host(host) == smarthost.bare_host())
        });
        let Some(written) = named.or_else(|| known.map(|smarthost| smarthost.host.clone())) else {
            return Ok(None);
        };
        let host = bare_host(&written);
        context.allow_host(&host)?;
        let control = args.text("control")?;
        if let Some(control) = &control {
            context.allow_host(control)?;
        }
        let smtp = context.smtp_of(known)?;
        let username = args
            .text("username")?
            .or_else(|| known.and_then(|smarthost| smarthost.username.clone()));
        let password = match args.text("password")? {
            Some(text) => Some(context.reveal(&text)?),
            None => known
                .and_then(|smarthost| smarthost.password.as_ref())
                .filter(|_| username.is_some())
                .map(|place| context.secret(place))
                .transpose()?,
        };
        let tls = match args.text("tls")? {
            Some(word) => tls(&word)?,
            None => known.map_or(Tls::Auto, |smarthost| smarthost.tls),
        };
        let senders = args
            .texts("senders")?
            .or_else(|| known.map(|smarthost| smarthost.senders.clone()))
            .unwrap_or_default();
        let recipient = args.text("recipient")?.or_else(|| {
            site.probe
                .as_ref()
                .and_then(|probe| probe.recipient.clone())
        });
        let helo = args.text("helo")?.or_else(|| site.outbound.helo.clone());
        for text in senders.iter().chain(&recipient).chain(&helo) {
            one_word(text)?;
        }
        Ok(Some(Self {
            host,
            address: known.and_then(|smarthost| smarthost.address),
            ports: match ports(context)? {
                Some(ports) => ports,
                None => known
                    .unwrap_or(&Smarthost::default())
                    .ports_to_try()
                    .to_vec(),
            },
            tls,
            username,
            password,
            senders,
            recipient,
            helo,
            control,
            size: args.integer("size")?,
            negative_control: args.boolean("negative_control")?.unwrap_or(false),
            nonce: mark(
                &format!("{} {}", context.step.idempotency_key, context.now()),
                8,
            ),
            smtp,
            from: context.local_address()?,
            vantage: site.vantage,
            written,
        }))
    }

    /// Where to connect, and from where: an address of the other family cannot be connected from.
    pub(super) fn endpoint(&self, host: &str, address: IpAddr, port: u16) -> Endpoint {
        let mut endpoint = Endpoint::new(host, SocketAddr::new(address, port));
        endpoint.bind = self.from.filter(|from| from.is_ipv4() == address.is_ipv4());
        endpoint
    }

    /// TLS from the first byte at this port?
    pub(super) fn is_implicit(&self, port: u16) -> bool {
        self.tls.is_implicit_at(port)
    }

    /// Whether the session may not go on in clear.
    pub(super) fn needs_tls(&self) -> bool {
        self.tls.is_required(self.username.is_some())
    }

    /// True when this machine does not stand where the site's mail leaves.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.vantage == Some(Vantage::Outside)
    }
}

/// Refuses what could end a command early or begin a second one.
fn one_word(text: &str) -> Result<(), ActionError> {
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>')) {
        return Err(ActionError::new(format!(
            "{text:?} is no address or name (write it without blanks and brackets)"
        ))
        .nothing_sent());
    }
    Ok(())
}

fn tls(word: &str) -> Result<Tls, ActionError> {
    match word {
        "auto" => Ok(Tls::Auto),
        "implicit" => Ok(Tls::Implicit),
        "starttls" => Ok(Tls::Starttls),
        "opportunistic" => Ok(Tls::Opportunistic),
        "none" => Ok(Tls::None),
        other => Err(ActionError::new(format!(
            "argument 'tls' must be auto, implicit, starttls, opportunistic or none, not '{other}'"
        ))
        .nothing_sent()),
    }
}

fn ports(context: &Context<'_>) -> Result<Option<Vec<u16>>, ActionError> {
    let Some(texts) = context.args.texts("ports")? else {
        return Ok(None);
    };
    let wrong = |text: &str| {
        ActionError::new(format!(
            "argument 'ports' must be a list of port numbers, not '{text}'"
        ))
        .nothing_sent()
    };
    let port = |text: &String| match text.trim().parse() {
        Ok(0) | Err(_) => Err(wrong(text)),
        Ok(port) => Ok(port),
    };
    let ports = texts.iter().map(port).collect::<Result<Vec<u16>, _>>()?;
    Ok((!ports.is_empty()).then_some(ports))
}
