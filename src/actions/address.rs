//! Addresses that an action is asked to look at.

use std::net::IpAddr;

use super::{ActionError, Context};
use crate::mail::dnsbl::askable;

/// The addresses of argument `name`, else `ours`, each once. `doing` says what is done with one, as in `verify the name of`.
/// One that no receiver can see is a fault of the arguments or the site file, not of the network.
///
/// # Errors
/// When one is no address, or none of the public Internet.
pub(super) fn given(
    context: &Context<'_>,
    name: &str,
    ours: &[IpAddr],
    doing: &str,
) -> Result<Vec<IpAddr>, ActionError> {
    let texts = match context.args.texts(name)? {
        Some(texts) => texts,
        None => ours.iter().map(ToString::to_string).collect(),
    };
    let mut addresses = Vec::new();
    for text in texts {
        let address: IpAddr = text
            .trim()
            .trim_matches(['[', ']'])
            .parse()
            .map_err(|error| {
                ActionError::because(format!("cannot {doing} '{text}': it is no address"), error)
                    .nothing_sent()
            })?;
        let address = askable(address, context.site.laboratory).map_err(|why| {
            ActionError::because(format!("cannot {doing} {text}"), why).nothing_sent()
        })?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}
