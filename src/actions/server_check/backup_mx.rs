//! Mail exchangers of the site's domains that are not its own servers: the side doors.
//!
//! A backup exchanger that takes everything undoes what the main server refuses. It is only looked at when the site file allows
//! its name; else the report says that it was left out.

use std::net::IpAddr;

use crate::actions::target::{self, Target, Targets};
use crate::actions::{ActionError, Context};
use crate::probes::dns::{Question, RecordKind};

/// The exchangers that may be looked at. What may not, or could not be found, is noted in `own`.
pub(super) async fn targets(
    context: &Context<'_>,
    own: &mut Targets,
) -> Result<Vec<Target>, ActionError> {
    let mut names: Vec<String> = Vec::new();
    for domain in &context.site.domains {
        let answer = context
            .probes
            .dns
            .query(&Question::new(domain, RecordKind::Mx))
            .await;
        if !answer.outcome.is_conclusive() {
            own.notes.push(format!(
                "the mail exchangers of {domain} could not be looked up ({})",
                answer.outcome
            ));
        }
        for mx in answer.mx() {
            let name = mx.exchange.trim_end_matches('.').to_ascii_lowercase();
            if !name.is_empty() && !names.contains(&name) && !is_own(context, &name) {
                names.push(name);
            }
        }
    }
    let from = context.local_address()?;
    let mut found = Vec::new();
    for name in names {
        if !context.site.knows_host(&name) {
            own.notes.push(format!(
                "{name} takes mail for the site and was not looked at: name it in the site file (allow_hosts) if you may test it"
            ));
            continue;
        }
        let ports = target::ports(context)?.unwrap_or_else(|| vec![25]);
        for address in target::resolve(context, &name, own).await {
            let known = own.found.iter().any(|known| known.address.ip() == address);
            if !known {
                found.extend(ports.iter().map(|port| at(&name, address, *port, from)));
            }
        }
    }
    Ok(found)
}

fn is_own(context: &Context<'_>, name: &str) -> bool {
    context
        .site
        .servers
        .iter()
        .any(|server| server.host.trim_end_matches('.').eq_ignore_ascii_case(name))
}

fn at(host: &str, address: IpAddr, port: u16, from: Option<IpAddr>) -> Target {
    Target {
        host: host.to_owned(),
        address: (address, port).into(),
        implicit_tls: port == 465,
        valid_mailbox: None,
        from,
    }
}
