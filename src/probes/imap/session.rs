//! One IMAP session: commands out, responses in, everything written down.

use std::time::Duration;

use imap_proto::{MailboxDatum, NameAttribute, Response};
use secrecy::{ExposeSecret, SecretString};

use super::failure::ImapFailure;
use super::fetched::{Fetched, Part};
use super::response::{End, announced_literal, end, quoted};
use crate::mail::sasl;
use crate::probes::channel::{Channel, Connection, Endpoint, Failure, Side, TlsReport, Transcript};
use crate::site::Tls;

/// What a server may take for a response; RFC 3501 names no limit. A search in a large mailbox takes its time.
const USUAL: Duration = Duration::from_secs(5 * 60);
/// Nobody waits long for a goodbye.
const LOGOUT: Duration = Duration::from_secs(5);
/// A response longer than this is refused: we fetch headers and beginnings.
const LONGEST: usize = 2 * 1024 * 1024;
/// A command with more responses than this is no search of ours.
const MOST_RESPONSES: usize = 10_000;
const SHOWN: &str = "[secret]";

/// A folder of the mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its name as the server writes it.
    pub name: String,
    /// The server says that junk mail goes there (RFC 6154), or its name says so.
    pub junk: bool,
}

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// Messages with this text in this header field.
    Header {
        /// The field: `Message-ID`.
        name: String,
        /// The text.
        text: String,
    },
    /// Messages with this text anywhere.
    Text(String),
}

/// One session. It exists before it is connected and after it failed, so the transcript is there whatever happened.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    tls: Tls,
    capabilities: Vec<String>,
    commands: u32,
}

impl Session {
    pub(super) fn new(connection: Connection, tls: Tls) -> Self {
        Self {
            connection,
            tls,
            capabilities: Vec::new(),
            commands: 0,
        }
    }

    /// Everything said so far.
    pub fn transcript(&self) -> &Transcript {
        &self.connection.transcript
    }

    /// Where this session goes.
    pub fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    /// How far the other end is proven.
    pub fn channel(&self) -> Channel {
        self.connection.channel()
    }

    /// The TLS connection, once there is one.
    pub fn tls(&self) -> Option<&TlsReport> {
        self.connection.tls()
    }

    /// What the server says it can do, upper case: `IMAP4REV1`, `AUTH=PLAIN`, ...
    pub fn capabilities(&self) -> &[String] {
        &self.capabilities
    }

    /// Connects, reads the greeting, and encrypts as the site wants it: `auto` and `starttls` insist on it, `opportunistic`
    /// takes it where it is offered, `none` leaves it.
    ///
    /// # Errors
    ///
    /// When no session comes about.
    pub async fn open(&mut self) -> Result<(), ImapFailure> {
        self.connection.open().await?;
        let greeting = self.response(USUAL).await?;
        let text = shown(&greeting);
        let word = text.strip_prefix("* ").and_then(|t| t.split(' ').next());
        match word.map(str::to_ascii_uppercase).as_deref() {
            Some("OK" | "PREAUTH") => {}
            Some("BYE") => {
                self.connection.close();
                return Err(ImapFailure::Bye(text[2..].to_owned()));
            }
            _ => {
                let text = text.chars().take(200).collect();
                return Err(self.connection.fail(Failure::NotImap(text)).into());
            }
        }
        self.ask_capabilities().await?;
        let wanted = match self.tls {
            Tls::Auto | Tls::Starttls => self.channel() == Channel::Clear,
            Tls::Opportunistic => self.channel() == Channel::Clear && self.can("STARTTLS"),
            Tls::Implicit | Tls::None => false,
        };
        if !wanted {
            return Ok(());
        }
        if !self.can("STARTTLS") {
            return Err(ImapFailure::NoStarttls);
        }
        self.command("STARTTLS", "STARTTLS").await?;
        self.connection.encrypt().await?;
        // What was said in clear does not count any more (RFC 3501 6.2.1).
        self.ask_capabilities().await
    }

    /// Logs in: AUTHENTICATE PLAIN where offered, else LOGIN.
    ///
    /// # Errors
    ///
    /// [`Failure::Unprotected`] on a channel that is not verified, unless the site says `tls: none`; else when the server
    /// refuses, or no response comes.
    pub async fn login(
        &mut self,
        username: &str,
        password: &SecretString,
    ) -> Result<(), ImapFailure> {
        let in_clear_by_order = self.tls == Tls::None && self.channel() == Channel::Clear;
        if self.channel() != Channel::Verified && !in_clear_by_order {
            let failure = Failure::Unprotected;
            self.connection.transcript.note(failure.to_string());
            return Err(failure.into());
        }
        let password = password.expose_secret();
        self.connection.transcript.hide(password);
        if self.can("AUTH=PLAIN") {
            let token = sasl::plain(username, password);
            self.connection.transcript.hide(&token);
            if self.can("SASL-IR") {
                let line = format!("AUTHENTICATE PLAIN {token}");
                let seen = format!("AUTHENTICATE PLAIN {SHOWN}");
                self.command(&line, &seen).await?;
            } else {
                let tag = self
                    .send("AUTHENTICATE PLAIN", "AUTHENTICATE PLAIN")
                    .await?;
                let prompt = self.response(USUAL).await?;
                if prompt.starts_with(b"+") {
                    self.transmit(&token, SHOWN).await?;
                    self.finish(&tag, "AUTHENTICATE").await?;
                } else {
                    self.judge(&tag, "AUTHENTICATE", &prompt)?;
                }
            }
        } else {
            if self.can("LOGINDISABLED") {
                return Err(ImapFailure::LoginDisabled);
            }
            let (Some(user), Some(secret)) = (quoted(username), quoted(password)) else {
                return Err(ImapFailure::Unsendable);
            };
            self.connection
                .transcript
                .hide(&secret[1..secret.len() - 1]);
            let line = format!("LOGIN {user} {secret}");
            self.command(&line, &format!("LOGIN {user} {SHOWN}"))
                .await?;
        }
        Ok(())
    }

    /// The folders, INBOX first, then junk.
    ///
    /// # Errors
    ///
    /// When the server refuses or no response comes.
    pub async fn folders(&mut self) -> Result<Vec<Folder>, ImapFailure> {
        let mut folders = Vec::new();
        for raw in self.command("LIST \"\" \"*\"", "LIST \"\" \"*\"").await? {
            let Ok((_, Response::MailboxData(MailboxDatum::List(list)))) = Response::parse(&raw)
            else {
                continue;
            };
            if list.name_attributes.contains(&NameAttribute::NoSelect) {
                continue;
            }
            folders.push(Folder {
                junk: list.name_attributes.contains(&NameAttribute::Junk)
                    || names_junk(&list.name, list.delimiter.as_deref()),
                name: list.name.into_owned(),
            });
        }
        folders.sort_by_key(|folder| {
            let inbox = folder.name.eq_ignore_ascii_case("INBOX");
            (!inbox, !folder.junk)
        });
        Ok(folders)
    }

    /// Opens a folder to look into it: nothing in it changes, not even what is unread. Returns how many messages it holds.
    ///
    /// # Errors
    ///
    /// When there is no such folder, or no response comes.
    pub async fn examine(&mut self, folder: &str) -> Result<u32, ImapFailure> {
        let name = quoted(folder).ok_or(ImapFailure::Unsendable)?;
        let line = format!("EXAMINE {name}");
        let responses = self.command(&line, &line).await?;
        let exists = responses.iter().find_map(|raw| match Response::parse(raw) {
            Ok((_, Response::MailboxData(MailboxDatum::Exists(count)))) => Some(count),
            _ => None,
        });
        Ok(exists.unwrap_or(0))
    }

    /// The messages of the open folder that hold what is looked for, by UID, oldest first.
    ///
    /// # Errors
    ///
    /// When the server refuses or no response comes.
    pub async fn search(&mut self, search: &Search) -> Result<Vec<u32>, ImapFailure> {
        let criterion = match search {
            Search::Header { name, text } => quoted(name)
                .zip(quoted(text))
                .map(|(name, text)| format!("HEADER {name} {text}")),
            Search::Text(text) => quoted(text).map(|text| format!("TEXT {text}")),
        };
        let line = format!("UID SEARCH {}", criterion.ok_or(ImapFailure::Unsendable)?);
        let mut found = Vec::new();
        for raw in self.command(&line, &line).await? {
            if let Ok((_, Response::MailboxData(MailboxDatum::Search(uids)))) =
                Response::parse(&raw)
            {
                found.extend(uids);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// One message of the open folder; None when it is not there any more.
    ///
    /// # Errors
    ///
    /// When the server refuses or no response comes.
    pub async fn fetch(&mut self, uid: u32, part: Part) -> Result<Option<Fetched>, ImapFailure> {
        let item = part.item();
        let line = format!("UID FETCH {uid} (UID INTERNALDATE RFC822.SIZE {item})");
        let responses = self.command(&line, &line).await?;
        let mut fetched = responses.iter().filter_map(|raw| Fetched::read(raw));
        Ok(fetched.find(|fetched| fetched.uid == uid))
    }

    /// LOGOUT and close.
    pub async fn logout(&mut self) {
        if self.connection.is_open() {
            let sent = self.send("LOGOUT", "LOGOUT").await;
            // BYE and the tagged line; the answer to a goodbye changes nothing.
            if sent.is_ok() && self.response(LOGOUT).await.is_ok() {
                let _ = self.response(LOGOUT).await;
            }
        }
        self.connection.close();
    }

    fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }

    async fn ask_capabilities(&mut self) -> Result<(), ImapFailure> {
        let responses = self.command("CAPABILITY", "CAPABILITY").await?;
        self.capabilities = responses
            .iter()
            .map(|raw| shown(raw).to_ascii_uppercase())
            .filter_map(|line| Some(line.strip_prefix("* CAPABILITY ")?.to_owned()))
            .flat_map(|words| words.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .filter(|word| !word.is_empty())
            .collect();
        Ok(())
    }

    /// Sends a command, writes down `seen`, and returns the untagged responses to it.
    async fn command(&mut self, line: &str, seen: &str) -> Result<Vec<Vec<u8>>, ImapFailure> {
        let tag = self.send(line, seen).await?;
        let command = line.split(' ').find(|word| *word != "UID");
        self.finish(&tag, command.unwrap_or(line)).await
    }

    async fn send(&mut self, line: &str, seen: &str) -> Result<String, Failure> {
        self.commands += 1;
        let tag = format!("m{}", self.commands);
        self.transmit(&format!("{tag} {line}"), &format!("{tag} {seen}"))
            .await?;
        Ok(tag)
    }

    async fn transmit(&mut self, line: &str, seen: &str) -> Result<(), Failure> {
        if line.contains(['\r', '\n', '\0']) {
            return Err(Failure::LineBreak);
        }
        if !self.connection.is_open() {
            return Err(Failure::NotOpen);
        }
        self.connection.transcript.add(Side::Client, seen);
        let bytes = format!("{line}\r\n").into_bytes();
        let patience = self.connection.patience(USUAL);
        match self.connection.send(&bytes, patience).await {
            Ok(()) => Ok(()),
            Err(failure) => Err(self.connection.fail(failure)),
        }
    }

    /// Reads until the tagged response.
    async fn finish(&mut self, tag: &str, command: &str) -> Result<Vec<Vec<u8>>, ImapFailure> {
        let mut untagged = Vec::new();
        loop {
            let raw = self.response(USUAL).await?;
            if raw.starts_with(b"* ") {
                if raw.len() >= 5 && raw[2..5].eq_ignore_ascii_case(b"BYE") {
                    let text = shown(&raw)[2..].to_owned();
                    self.connection.close();
                    return Err(ImapFailure::Bye(text));
                }
                untagged.push(raw);
                if untagged.len() > MOST_RESPONSES {
                    let what = "an answer without an end".to_owned();
                    return Err(self.connection.fail(Failure::NotImap(what)).into());
                }
                continue;
            }
            // An unasked prompt ends nothing: an empty line takes it back (RFC 3501 6.2.2).
            if raw.starts_with(b"+") {
                self.transmit("", "").await?;
                continue;
            }
            self.judge(tag, command, &raw)?;
            return Ok(untagged);
        }
    }

    fn judge(&mut self, tag: &str, command: &str, raw: &[u8]) -> Result<(), ImapFailure> {
        let text = self.connection.transcript.hidden(&shown(raw));
        match end(tag, &text) {
            Some(End::Ok) => Ok(()),
            Some(End::Refused(text)) => Err(ImapFailure::Refused {
                command: command.to_owned(),
                text,
            }),
            None => {
                let text = text.chars().take(200).collect();
                Err(self.connection.fail(Failure::NotImap(text)).into())
            }
        }
    }

    /// One response with the literals in it.
    async fn response(&mut self, allowed: Duration) -> Result<Vec<u8>, Failure> {
        let patience = self.connection.patience(allowed);
        let mut whole = Vec::new();
        loop {
            let raw = self.connection.line(patience, whole.len()).await?;
            self.connection.transcript.add(Side::Server, &shown(&raw));
            whole.extend_from_slice(&raw);
            let Some(octets) = announced_literal(&raw) else {
                return Ok(whole);
            };
            if whole.len().saturating_add(octets) > LONGEST {
                let what = format!("a literal of {octets} octets");
                return Err(self.connection.fail(Failure::NotImap(what)));
            }
            let literal = self.connection.exactly(octets, patience).await?;
            let note = format!("(literal of {octets} octets)");
            self.connection.transcript.add(Side::Server, &note);
            whole.extend_from_slice(&literal);
        }
    }
}

/// A line for reading: without its end, and without bytes that are no text.
fn shown(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    text.trim_end_matches(['\r', '\n']).to_owned()
}

/// Not every server marks the folder; these names are the usual ones.
fn names_junk(name: &str, delimiter: Option<&str>) -> bool {
    let last = delimiter
        .filter(|delimiter| !delimiter.is_empty())
        .and_then(|delimiter| name.rsplit(delimiter).next())
        .unwrap_or(name)
        .to_ascii_lowercase();
    matches!(
        last.as_str(),
        "junk" | "spam" | "junk e-mail" | "junk email" | "bulk mail" | "bulk"
    )
}
