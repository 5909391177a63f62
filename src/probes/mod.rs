//! The one door to the world: DNS, SMTP, IMAP, HTTP, commands and the clock. Everything that looks at or
//! touches something outside the process goes through [`Probes`], which comes in by argument.

pub mod channel;
pub mod clock;
pub mod command;
pub mod dns;
pub mod http;
pub mod imap;
pub mod smtp;

use std::sync::Arc;

pub use channel::ChannelSettings;
pub use clock::{Clock, ShiftableClock, SystemClock};
pub use command::Command;
pub use dns::{Dns, DnsSettings};
pub use http::{Http, HttpSettings};
pub use imap::Imap;
pub use smtp::Smtp;

/// Everything an action may touch, handed in by whoever starts it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Probes {
    /// Names.
    pub dns: Dns,
    /// Mail servers.
    pub smtp: Smtp,
    /// Mailboxes.
    pub imap: Imap,
    /// Web servers.
    pub http: Http,
    /// Programs.
    pub command: Command,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// How the probes are set up.
#[derive(Debug, Clone, Default)]
pub struct ProbeSettings {
    /// Resolvers, tries, budgets. With servers given, web hosts are looked up through them too.
    pub dns: DnsSettings,
    /// Times and trust for mail servers.
    pub smtp: ChannelSettings,
    /// Times and trust for mailboxes.
    pub imap: ChannelSettings,
    /// Times and trust for web servers.
    pub http: HttpSettings,
}

/// The probes could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A certificate authority for mail servers or mailboxes.
    #[error(transparent)]
    Authority(#[from] channel::RootsError),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] http::HttpSetupError),
}

impl Probes {
    /// Probes as `settings` say, with `clock` for the time. Nothing is sent or opened yet.
    ///
    /// # Errors
    ///
    /// When a certificate authority in the settings cannot be used.
    pub fn new(settings: ProbeSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let own_names = !settings.dns.servers.is_empty();
        let dns = Dns::new(settings.dns.clone(), clock.clone());
        Self::with(settings, clock, dns, own_names)
    }

    /// Other probes, with other resolvers and the same clock, that share the budgets of list operators and the public files with these.
    ///
    /// # Errors
    ///
    /// As for [`Probes::new`].
    pub fn beside(&self, settings: ProbeSettings) -> Result<Self, SetupError> {
        let own_names = !settings.dns.servers.is_empty();
        let dns = self.dns.beside(settings.dns.clone());
        let mut beside = Self::with(settings, self.clock.clone(), dns, own_names)?;
        beside.http = beside.http.sharing(&self.http);
        Ok(beside)
    }

    fn with(
        settings: ProbeSettings,
        clock: Arc<dyn Clock>,
        dns: Dns,
        own_names: bool,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            smtp: Smtp::new(settings.smtp, clock.clone())?,
            imap: Imap::new(settings.imap, clock.clone())?,
            http: Http::new(settings.http, own_names.then(|| dns.clone()))?,
            dns,
            command: Command,
            clock,
        })
    }
}
