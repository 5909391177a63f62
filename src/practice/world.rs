//! A world that runs: all servers of a scenario on ephemeral loopback ports, and the handles to change it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dns::{Dns, ZoneSet, Zones};
use super::imap::ImapServer;
use super::mailbox::{MailStore, Mailboxes};
use super::smtp::{ServerSetup, SmtpServer};
use super::tls::Authority;

/// What a world consists of.
pub struct Scenario {
    /// Short name, for file names.
    pub id: String,
    /// What its DNS knows.
    pub zones: ZoneSet,
    /// Its SMTP servers.
    pub servers: Vec<ServerSetup>,
    /// Its mailboxes.
    pub mail: MailStore,
    /// The name of its IMAP server.
    pub imap_name: String,
    /// An event log as the site's server would have written it.
    pub event_log: String,
    /// Secrets that the site file refers to: file name and content.
    pub secrets: Vec<(String, String)>,
    /// Writes the site file for the running world; the folder is where `unpack` puts secrets and `ca.pem`.
    pub site_yaml: fn(&World, &Path) -> String,
}

/// The files of a world, as [`World::unpack`] wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The site file.
    pub site: PathBuf,
    /// The event log.
    pub event_log: PathBuf,
    /// The certificate of the world's authority.
    pub ca: PathBuf,
}

/// A running world. Dropping it stops it.
pub struct World {
    id: String,
    zones: Zones,
    mailboxes: Mailboxes,
    authority: Arc<Authority>,
    dns: Dns,
    servers: BTreeMap<String, SmtpServer>,
    imap: ImapServer,
    event_log: String,
    secrets: Vec<(String, String)>,
    site_yaml: fn(&World, &Path) -> String,
}

impl World {
    /// Starts all servers of `scenario`. Takes milliseconds. Needs a running tokio runtime.
    ///
    /// # Errors
    ///
    /// Loopback sockets could not be bound, or the authority's key could not be made.
    pub async fn start(scenario: Scenario) -> io::Result<Self> {
        let authority = Arc::new(Authority::new()?);
        let zones = Zones::new(scenario.zones);
        let mailboxes = Mailboxes::new(scenario.mail);
        let mut servers = BTreeMap::new();
        for setup in scenario.servers {
            let id = setup.id.clone();
            servers.insert(
                id,
                SmtpServer::start(setup, mailboxes.clone(), Arc::clone(&authority)).await?,
            );
        }
        Ok(Self {
            id: scenario.id,
            dns: Dns::start(zones.clone()).await?,
            imap: ImapServer::start(
                &scenario.imap_name,
                mailboxes.clone(),
                Arc::clone(&authority),
            )
            .await?,
            zones,
            mailboxes,
            authority,
            servers,
            event_log: scenario.event_log,
            secrets: scenario.secrets,
            site_yaml: scenario.site_yaml,
        })
    }

    /// The scenario's short name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The DNS server, UDP and TCP: what a client uses as its resolver.
    pub fn dns(&self) -> SocketAddr {
        self.dns.address()
    }

    /// What the DNS server answers from, and what it was asked.
    pub fn zones(&self) -> &Zones {
        &self.zones
    }

    /// The SMTP server of this id.
    pub fn server(&self, id: &str) -> Option<&SmtpServer> {
        self.servers.get(id)
    }

    /// Where a port of a server listens on 127.0.0.1.
    pub fn address(&self, server: &str, port: &str) -> Option<SocketAddr> {
        self.server(server)?.address(port)
    }

    /// Starts one more SMTP server.
    ///
    /// # Errors
    ///
    /// Its ports could not be bound.
    pub async fn add_server(&mut self, setup: ServerSetup) -> io::Result<()> {
        let id = setup.id.clone();
        let server =
            SmtpServer::start(setup, self.mailboxes.clone(), Arc::clone(&self.authority)).await?;
        self.servers.insert(id, server);
        Ok(())
    }

    /// The mailboxes.
    pub fn mailboxes(&self) -> &Mailboxes {
        &self.mailboxes
    }

    /// The IMAP server.
    pub fn imap(&self) -> &ImapServer {
        &self.imap
    }

    /// The certificate of the authority that issued the good certificates.
    pub fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    /// The event log of the site's server.
    pub fn event_log(&self) -> &str {
        &self.event_log
    }

    /// The site file for this world as it runs now. Its secrets and `ca.pem` are expected in `folder`.
    pub fn site_yaml(&self, folder: &Path) -> String {
        (self.site_yaml)(self, folder)
    }

    /// Writes the site file, the event log, the authority's certificate and the secrets into `folder`.
    ///
    /// # Errors
    ///
    /// A file could not be written.
    pub fn unpack(&self, folder: &Path) -> io::Result<Unpacked> {
        let folder = std::path::absolute(folder)?;
        std::fs::create_dir_all(&folder)?;
        let unpacked = Unpacked {
            site: folder.join(format!("{}.yaml", self.id)),
            event_log: folder.join("application-events.txt"),
            ca: folder.join("ca.pem"),
        };
        for (name, content) in &self.secrets {
            std::fs::write(folder.join(name), content)?;
        }
        std::fs::write(&unpacked.ca, self.ca_pem())?;
        std::fs::write(&unpacked.event_log, &self.event_log)?;
        std::fs::write(&unpacked.site, self.site_yaml(&folder))?;
        Ok(unpacked)
    }

    /// Stops all servers and waits until their sockets are closed.
    pub async fn stop(self) {
        for server in self.servers.into_values() {
            server.stop().await;
        }
        self.imap.stop().await;
        self.dns.stop().await;
    }
}
