//! How an action connects to the site's mail servers: whom it trusts, and from which address of this machine.

use std::net::{IpAddr, UdpSocket};
use std::path::Path;

use super::{ActionError, Context};
use crate::probes::Smtp;
use crate::probes::smtp::read_roots;
use crate::site::Smarthost;

impl Context<'_> {
    /// The SMTP client, trusting the smarthost's own authority (`smarthost.ca`) beside the public ones.
    ///
    /// # Errors
    /// When that cannot be read. Nothing was sent then.
    pub(super) fn smtp_of(&self, smarthost: Option<&Smarthost>) -> Result<Smtp, ActionError> {
        let authority = smarthost.and_then(|smarthost| smarthost.ca.as_deref());
        self.smtp_trusting(authority, "the smarthost's authority (smarthost.ca)")
    }

    /// The SMTP client, trusting this authority beside the public ones; `whose` names it for people.
    ///
    /// # Errors
    /// When it cannot be read. Nothing was sent then.
    pub(super) fn smtp_trusting(
        &self,
        authority: Option<&Path>,
        whose: &str,
    ) -> Result<Smtp, ActionError> {
        let smtp = self.probes.smtp.clone();
        let Some(authority) = authority else {
            return Ok(smtp);
        };
        read_roots(authority)
            .and_then(|roots| smtp.trusting(roots))
            .map_err(|error| {
                ActionError::because(format!("cannot trust {whose}"), error).nothing_sent()
            })
    }

    /// The argument `from`: an address that this machine really has, or nothing is tried. A socket of its own tells; nothing is sent.
    ///
    /// # Errors
    /// When it is no address, or none of this machine.
    pub(super) fn local_address(&self) -> Result<Option<IpAddr>, ActionError> {
        let Some(text) = self.args.text("from")? else {
            return Ok(None);
        };
        let address: IpAddr = text.parse().map_err(|_| {
            ActionError::new(format!(
                "'from' must be an address of this machine, not '{text}'"
            ))
            .nothing_sent()
        })?;
        UdpSocket::bind((address, 0)).map_err(|error| {
            ActionError::because(
                format!("cannot connect from {address}: 'from' must be an address of this machine"),
                error,
            )
            .nothing_sent()
        })?;
        Ok(Some(address))
    }
}
