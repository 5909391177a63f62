//! What is tested: the addresses and ports of the site's servers, and nothing else.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::actions::{ActionError, ArgumentError, Context};
use crate::probes::smtp::Endpoint;
use crate::site::Server;

/// One address and port of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Target {
    /// The server's name in the site file; may be an address.
    pub(super) host: String,
    /// Where to connect.
    pub(super) address: SocketAddr,
    /// TLS from the first byte (RFC 8314: port 465).
    pub(super) implicit_tls: bool,
    /// A mailbox that exists there, as the site file says it.
    pub(super) valid_mailbox: Option<String>,
    /// The address of this machine to connect from, where one is asked for.
    pub(super) from: Option<IpAddr>,
}

impl Target {
    /// Where to connect, and from where: an address of the other family cannot be connected from.
    pub(super) fn endpoint(&self) -> Endpoint {
        let mut endpoint = Endpoint::new(self.host.clone(), self.address);
        endpoint.bind = self
            .from
            .filter(|from| from.is_ipv4() == self.address.is_ipv4());
        endpoint
    }
}

/// All targets.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// What can be connected to.
    pub(super) found: Vec<Target>,
    /// Servers without a known address, each with the reason.
    pub(super) lost: Vec<String>,
    /// What is left out although it belongs to the site.
    pub(super) notes: Vec<String>,
}

/// The endpoints that the arguments and the site file name.
pub(super) async fn targets(context: &Context<'_>) -> Result<Targets, ActionError> {
    let ports = ports(context)?;
    let from = context.local_address()?;
    let mut targets = Targets::default();
    for server in servers(context)? {
        let addresses = match server.address.or_else(|| address_in(&server.host)) {
            Some(address) => vec![address],
            None => resolve(context, &server.host, &mut targets).await,
        };
        let ports = match &ports {
            Some(given) => given.clone(),
            None if server.ports.is_empty() => vec![25],
            None => server.ports.clone(),
        };
        for &address in &addresses {
            for &port in &ports {
                let target = Target {
                    host: server.host.clone(),
                    address: SocketAddr::new(address, port),
                    implicit_tls: port == 465,
                    valid_mailbox: server.valid_mailbox.clone(),
                    from,
                };
                if !targets
                    .found
                    .iter()
                    .any(|known| known.address == target.address)
                {
                    targets.found.push(target);
                }
            }
        }
    }
    targets
        .notes
        .extend(untested_egress(context, &targets.found));
    Ok(targets)
}

/// The servers named by `host`, or all of the site file.
fn servers(context: &Context<'_>) -> Result<Vec<Server>, ActionError> {
    let Some(hosts) = context.args.texts("host")? else {
        return Ok(context.site.servers.clone());
    };
    let mut servers = Vec::new();
    for host in hosts {
        context.allow_host(&host)?;
        let address = address_in(&host);
        let known = context.site.servers.iter().find(|server| {
            server.host.eq_ignore_ascii_case(&host)
                || (address.is_some() && server.address == address)
        });
        servers.push(match known {
            Some(server) => server.clone(),
            None => Server {
                host,
                address,
                ..Server::default()
            },
        });
    }
    Ok(servers)
}

/// The address, where a host is written as one, with or without brackets.
fn address_in(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// The ports of the argument `ports`.
pub(super) fn ports(context: &Context<'_>) -> Result<Option<Vec<u16>>, ActionError> {
    let Some(texts) = context.args.texts("ports")? else {
        return Ok(None);
    };
    let read = |text: &String| {
        text.parse::<u16>()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| ArgumentError {
                name: "ports".to_owned(),
                what: format!("must be port numbers, not '{text}'"),
            })
    };
    Ok(Some(texts.iter().map(read).collect::<Result<_, _>>()?))
}

/// The addresses of a name. Both families: trust in networks is often set up for one of them only.
pub(super) async fn resolve(
    context: &Context<'_>,
    host: &str,
    targets: &mut Targets,
) -> Vec<IpAddr> {
    let v4 = context.probes.dns.a(host).await;
    let v6 = context.probes.dns.aaaa(host).await;
    let addresses = [v4.addresses(), v6.addresses()].concat();
    if addresses.is_empty() {
        targets.lost.push(format!(
            "{host}: its address could not be found (A: {}, AAAA: {}); give the server's 'address' in the site file",
            v4.outcome.word(),
            v6.outcome.word()
        ));
    } else if !v6.outcome.is_conclusive() {
        targets.notes.push(format!(
            "{host}: whether it has an IPv6 address is not known (AAAA: {})",
            v6.outcome.word()
        ));
    }
    addresses
}

/// A filter in front hides the server behind it: the address that sends may listen too.
fn untested_egress(context: &Context<'_>, found: &[Target]) -> Vec<String> {
    let tested = |address: &IpAddr| found.iter().any(|target| target.address.ip() == *address);
    context
        .site
        .outbound
        .addresses
        .iter()
        .filter(|address| !tested(address))
        .map(|address| {
            format!(
                "{address} sends mail for the site and was not tested: \
                 if something listens there, add it as a server with this address"
            )
        })
        .collect()
}
