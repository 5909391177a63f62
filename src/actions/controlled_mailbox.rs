//! The technician's own mailbox outside the site, where marked messages and their bounces are looked for by IMAP.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use secrecy::SecretString;

use super::{ActionError, Context};
use crate::mail::bounces::{Fate, notices};
use crate::mail::trace::Trace;
use crate::probes::Imap;
use crate::probes::channel::{Endpoint, read_roots};
use crate::probes::imap::{Folder, ImapFailure, Part, Search, Session};
use crate::site;

/// Enough of a message to read its header, and of a bounce to find the mark in it.
const BEGINNING: u32 = 64 * 1024;
/// A mailbox may have hundreds of folders; mail that just came is in one of the first.
const MOST_FOLDERS: usize = 12;
const MOST_MESSAGES: usize = 40;

/// The mailbox, and how to open it.
pub(super) struct ControlledMailbox {
    account: site::Imap,
    imap: Imap,
    password: SecretString,
    addresses: Vec<IpAddr>,
}

/// A message that holds the mark.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The folder it lies in.
    pub(super) folder: String,
    /// The folder is for junk.
    pub(super) junk: bool,
    /// When the mailbox took it in.
    pub(super) received: Option<Timestamp>,
    /// What its header tells.
    pub(super) trace: Trace,
    /// Its beginning.
    pub(super) bytes: Vec<u8>,
}

impl Seen {
    /// True when it is the marked message itself; else it is a report about it, or an answer to it.
    pub(super) fn is_original(&self, nonce: &str) -> bool {
        let ours = |id: &String| id.contains(nonce);
        !self.trace.report && self.trace.message_id.as_ref().is_some_and(ours)
    }

    /// The mark stands in it.
    pub(super) fn holds(&self, nonce: &str) -> bool {
        let nonce = nonce.as_bytes();
        self.bytes
            .windows(nonce.len())
            .any(|window| window.eq_ignore_ascii_case(nonce))
    }

    /// A report that says that the message is late, and not that it has failed.
    pub(super) fn is_only_late(&self) -> bool {
        let told = notices(&self.bytes);
        !told.is_empty() && told.iter().all(|notice| notice.fate != Fate::Failed)
    }

    /// The header, for evidence.
    pub(super) fn header(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let end = text.find("\r\n\r\n").unwrap_or(text.len());
        text[..end].to_owned()
    }
}

impl ControlledMailbox {
    /// The mailbox that the site file names.
    ///
    /// # Errors
    /// When it names none, or its password or authority cannot be read. Nothing was sent then.
    pub(super) async fn of(context: &Context<'_>) -> Result<Self, ActionError> {
        let probe = context.site.probe.as_ref();
        let Some(account) = probe.and_then(|probe| probe.imap.clone()) else {
            return Err(ActionError::new(
                "the site file names no mailbox to find the message in: add 'probe.imap' (host, username, password)",
            )
            .nothing_sent());
        };
        let Some(place) = &account.password else {
            return Err(ActionError::new(
                "the site file names no password for the mailbox: add 'probe.imap.password', for example {env: NAME}",
            )
            .nothing_sent());
        };
        let password = context.secret(place)?;
        let mut imap = context.probes.imap.clone();
        if let Some(path) = account.ca.as_deref() {
            imap = read_roots(path)
                .and_then(|roots| imap.trusting(roots))
                .map_err(|error| {
                    ActionError::because(
                        "cannot trust the mailbox's authority (probe.imap.ca)",
                        error,
                    )
                    .nothing_sent()
                })?;
        }
        let addresses = match account.address.or_else(|| account.host.parse().ok()) {
            Some(address) => vec![address],
            None => {
                let dns = &context.probes.dns;
                let v4 = dns.a(&account.host).await;
                let v6 = dns.aaaa(&account.host).await;
                [v4.addresses(), v6.addresses()].concat()
            }
        };
        if addresses.is_empty() {
            return Err(ActionError::new(format!(
                "the address of the mailbox's server {} cannot be found: check the name, or give 'probe.imap.address'",
                account.host
            ))
            .nothing_sent());
        }
        Ok(Self {
            account,
            imap,
            password,
            addresses,
        })
    }

    /// Looks for messages with the mark: INBOX, junk, then the other folders. Changes nothing there.
    ///
    /// # Errors
    /// When the mailbox cannot be read: which is no word about the message.
    pub(super) async fn look(&self, nonce: &str) -> Result<Vec<Seen>, ImapFailure> {
        let mut failure = None;
        for address in &self.addresses {
            let port = self.account.port.unwrap_or(993);
            let endpoint =
                Endpoint::new(self.account.host.clone(), SocketAddr::new(*address, port));
            let mut session = self.imap.session(endpoint, self.account.tls);
            match session.open().await {
                Ok(()) => {
                    session
                        .login(&self.account.username, &self.password)
                        .await?;
                    let seen = search(&mut session, nonce).await?;
                    session.logout().await;
                    return Ok(seen);
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or(ImapFailure::NoStarttls))
    }
}

async fn search(session: &mut Session, nonce: &str) -> Result<Vec<Seen>, ImapFailure> {
    let mut folders = session.folders().await?;
    // Some servers sort mail for `name+detail@` into a folder of that detail.
    let of_mark = |folder: &Folder| folder.name.contains(nonce);
    folders.sort_by_key(|folder| {
        !(folder.name.eq_ignore_ascii_case("INBOX") || folder.junk || of_mark(folder))
    });
    let mut seen: Vec<Seen> = Vec::new();
    for folder in folders.into_iter().take(MOST_FOLDERS) {
        // A folder that cannot be opened holds no verdict.
        match session.examine(&folder.name).await {
            Ok(0) | Err(ImapFailure::Refused { .. }) => continue,
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        let found = session.search(&Search::Text(nonce.to_owned())).await?;
        for uid in found {
            if seen.len() >= MOST_MESSAGES {
                return Ok(seen);
            }
            let Some(fetched) = session.fetch(uid, Part::Beginning(BEGINNING)).await? else {
                continue;
            };
            seen.push(Seen {
                folder: folder.name.clone(),
                junk: folder.junk,
                received: fetched.internal_date,
                trace: Trace::read(&fetched.bytes).unwrap_or_default(),
                bytes: fetched.bytes,
            });
        }
    }
    Ok(seen)
}
