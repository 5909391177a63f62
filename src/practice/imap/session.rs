//! The dialogue with one client.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::Inner;
use super::fetch::fetch;
use super::parse::{Word, announced_literal, in_set, words};
use super::search::search;
use crate::mail::sasl;
use crate::practice::mailbox::Message;
use crate::practice::wire::Wire;

/// No command of a client that only looks holds a literal longer than this.
const LONGEST_LITERAL: usize = 64 * 1024;

pub(super) struct Session {
    inner: Arc<Inner>,
    tls: bool,
    user: Option<String>,
    /// The selected folder, and whether it is read-only.
    folder: Option<(String, bool)>,
}

/// The tagged end of a command.
enum End {
    Ok(String),
    No(String),
    Bad(String),
    StartTls,
    Logout,
}

impl Session {
    pub(super) async fn talk(inner: Arc<Inner>, stream: TcpStream, implicit_tls: bool) {
        let mut session = Self {
            inner,
            tls: false,
            user: None,
            folder: None,
        };
        // A connection that breaks is the client's affair.
        let _ = session.run(Wire::new(stream), implicit_tls).await;
    }

    async fn run(&mut self, mut wire: Wire, implicit_tls: bool) -> io::Result<()> {
        if implicit_tls {
            wire = self.protect(wire).await?;
        }
        wire.send(format!("* OK {} IMAP4rev1 ready\r\n", self.inner.name).as_bytes())
            .await?;
        while let Some(command) = read_command(&mut wire).await? {
            let Some(all) = words(&command).filter(|all| all.len() >= 2) else {
                wire.send(b"* BAD that is no command\r\n").await?;
                continue;
            };
            let tag = all[0].content().to_owned();
            let mut verb = all[1].content().to_ascii_uppercase();
            let mut arguments = &all[2..];
            self.note(&verb, arguments);
            let by_uid = verb == "UID";
            if by_uid && let Some((first, rest)) = arguments.split_first() {
                verb = first.content().to_ascii_uppercase();
                arguments = rest;
            }
            let end = self.command(&mut wire, &verb, arguments, by_uid).await?;
            let line = match &end {
                End::Ok(text) => format!("{tag} OK {text}\r\n"),
                End::No(text) => format!("{tag} NO {text}\r\n"),
                End::Bad(text) => format!("{tag} BAD {text}\r\n"),
                End::StartTls => format!("{tag} OK begin TLS now\r\n"),
                End::Logout => format!("* BYE closing\r\n{tag} OK LOGOUT done\r\n"),
            };
            wire.send(line.as_bytes()).await?;
            match end {
                End::StartTls => wire = self.protect(wire).await?,
                End::Logout => {
                    wire.close().await;
                    return Ok(());
                }
                End::Ok(_) | End::No(_) | End::Bad(_) => {}
            }
        }
        Ok(())
    }

    async fn command(
        &mut self,
        wire: &mut Wire,
        verb: &str,
        arguments: &[Word],
        by_uid: bool,
    ) -> io::Result<End> {
        match verb {
            "CAPABILITY" => {
                let tls = if self.tls { "" } else { " STARTTLS" };
                wire.send(
                    format!("* CAPABILITY IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN{tls}\r\n")
                        .as_bytes(),
                )
                .await?;
                return Ok(done("CAPABILITY"));
            }
            "NOOP" | "CHECK" => return Ok(done(verb)),
            "LOGOUT" => return Ok(End::Logout),
            "STARTTLS" if self.tls => return Ok(End::Bad("TLS is on already".to_owned())),
            "STARTTLS" => return Ok(End::StartTls),
            "LOGIN" => {
                return Ok(match arguments {
                    [user, password] => self.login(user.content(), password.content()),
                    _ => End::Bad("LOGIN takes a user and a password".to_owned()),
                });
            }
            "AUTHENTICATE" => return self.authenticate(wire, arguments).await,
            _ => {}
        }
        let Some(user) = self.user.clone() else {
            return Ok(End::No("log in first".to_owned()));
        };
        match verb {
            "LIST" | "LSUB" => {
                for folder in self.folders(&user) {
                    let flags = if folder == "Junk" {
                        "\\HasNoChildren \\Junk"
                    } else {
                        "\\HasNoChildren"
                    };
                    wire.send(format!("* {verb} ({flags}) \"/\" \"{folder}\"\r\n").as_bytes())
                        .await?;
                }
                Ok(done(verb))
            }
            "SELECT" | "EXAMINE" => self.select(wire, &user, arguments, verb == "EXAMINE").await,
            "STATUS" => self.status(wire, &user, arguments).await,
            "SEARCH" | "FETCH" | "STORE" | "EXPUNGE" | "CLOSE" | "UNSELECT" => {
                let Some((folder, read_only)) = self.folder.clone() else {
                    return Ok(End::No("no folder is selected".to_owned()));
                };
                let messages = self.inner.mailboxes.messages(&user, &folder);
                match verb {
                    "SEARCH" => find(wire, &messages, arguments, by_uid).await,
                    "FETCH" => {
                        self.fetch(
                            wire,
                            &user,
                            (&folder, read_only),
                            &messages,
                            arguments,
                            by_uid,
                        )
                        .await
                    }
                    "STORE" => Ok(self.store(&user, &folder, &messages, arguments, by_uid)),
                    "EXPUNGE" => Ok(done(verb)),
                    _ => {
                        self.folder = None;
                        Ok(done(verb))
                    }
                }
            }
            _ => Ok(End::Bad(format!("command {verb} is not known"))),
        }
    }

    fn login(&mut self, user: &str, password: &str) -> End {
        let user = user.to_lowercase();
        let right = self.inner.mailboxes.read(|store| {
            store
                .boxes
                .get(&user)
                .is_some_and(|mailbox| mailbox.password == password)
        });
        if right {
            self.user = Some(user);
            done("LOGIN")
        } else {
            End::No("[AUTHENTICATIONFAILED] wrong user or password".to_owned())
        }
    }

    async fn authenticate(&mut self, wire: &mut Wire, arguments: &[Word]) -> io::Result<End> {
        if !arguments
            .first()
            .is_some_and(|mechanism| mechanism.is("PLAIN"))
        {
            return Ok(End::No("mechanism not known".to_owned()));
        }
        let response = match arguments.get(1) {
            Some(initial) => initial.content().to_owned(),
            None => {
                wire.send(b"+ \r\n").await?;
                let Some(line) = wire.line().await? else {
                    return Ok(End::Logout);
                };
                String::from_utf8_lossy(&line).trim_end().to_owned()
            }
        };
        let plain = sasl::decode(&response)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default();
        Ok(match plain.split('\0').collect::<Vec<_>>().as_slice() {
            [_, user, password] => self.login(user, password),
            _ => End::Bad("that is not what PLAIN sends".to_owned()),
        })
    }

    async fn select(
        &mut self,
        wire: &mut Wire,
        user: &str,
        arguments: &[Word],
        read_only: bool,
    ) -> io::Result<End> {
        self.folder = None;
        let Some(folder) = arguments
            .first()
            .and_then(|name| self.folder_named(user, name.content()))
        else {
            return Ok(End::No("[NONEXISTENT] no such folder".to_owned()));
        };
        let messages = self.inner.mailboxes.messages(user, &folder);
        let next = messages.last().map_or(1, |last| last.uid + 1);
        let reply = format!(
            "* FLAGS (\\Seen)\r\n* OK [PERMANENTFLAGS (\\Seen)] flags\r\n* {} EXISTS\r\n* 0 RECENT\r\n\
             * OK [UIDVALIDITY 1] stable\r\n* OK [UIDNEXT {next}] next\r\n",
            messages.len()
        );
        wire.send(reply.as_bytes()).await?;
        self.folder = Some((folder, read_only));
        Ok(End::Ok(
            if read_only {
                "[READ-ONLY] EXAMINE done"
            } else {
                "[READ-WRITE] SELECT done"
            }
            .to_owned(),
        ))
    }

    async fn status(&self, wire: &mut Wire, user: &str, arguments: &[Word]) -> io::Result<End> {
        let Some(folder) = arguments
            .first()
            .and_then(|name| self.folder_named(user, name.content()))
        else {
            return Ok(End::No("[NONEXISTENT] no such folder".to_owned()));
        };
        let messages = self.inner.mailboxes.messages(user, &folder);
        let unseen = messages.iter().filter(|message| !message.seen).count();
        let next = messages.last().map_or(1, |last| last.uid + 1);
        let items = format!(
            "MESSAGES {} UNSEEN {unseen} UIDNEXT {next} UIDVALIDITY 1",
            messages.len()
        );
        wire.send(format!("* STATUS \"{folder}\" ({items})\r\n").as_bytes())
            .await?;
        Ok(done("STATUS"))
    }

    async fn fetch(
        &self,
        wire: &mut Wire,
        user: &str,
        (folder, read_only): (&str, bool),
        messages: &[Message],
        arguments: &[Word],
        by_uid: bool,
    ) -> io::Result<End> {
        let Some((set, items)) = arguments
            .split_first()
            .filter(|(_, items)| !items.is_empty())
        else {
            return Ok(End::Bad("FETCH takes a set and items".to_owned()));
        };
        for (sequence, message) in chosen(messages, set.content(), by_uid) {
            match fetch(message, sequence, items, by_uid) {
                Ok((reply, reads)) => {
                    wire.send(&reply).await?;
                    if reads && !read_only {
                        self.mark(user, folder, message.uid, true);
                    }
                }
                Err(reason) => return Ok(End::Bad(reason)),
            }
        }
        Ok(done("FETCH"))
    }

    /// Knows one flag, \Seen; others are taken and forgotten.
    fn store(
        &self,
        user: &str,
        folder: &str,
        messages: &[Message],
        arguments: &[Word],
        by_uid: bool,
    ) -> End {
        let [set, action, flags @ ..] = arguments else {
            return End::Bad("STORE takes a set, an action and flags".to_owned());
        };
        if flags.iter().any(|flag| flag.is("\\Seen")) {
            for (_, message) in chosen(messages, set.content(), by_uid) {
                self.mark(
                    user,
                    folder,
                    message.uid,
                    !action.content().starts_with('-'),
                );
            }
        }
        done("STORE")
    }

    fn mark(&self, user: &str, folder: &str, uid: u32, seen: bool) {
        self.inner.mailboxes.edit(|store| {
            let kept = store
                .boxes
                .get_mut(user)
                .and_then(|mailbox| mailbox.folders.get_mut(folder));
            if let Some(message) = kept
                .into_iter()
                .flatten()
                .find(|message| message.uid == uid)
            {
                message.seen = seen;
            }
        });
    }

    fn folders(&self, user: &str) -> Vec<String> {
        self.inner.mailboxes.read(|store| {
            store
                .boxes
                .get(user)
                .map(|mailbox| mailbox.folders.keys().cloned().collect())
                .unwrap_or_default()
        })
    }

    /// The folder of this name; INBOX in any case (RFC 3501 section 5.1).
    fn folder_named(&self, user: &str, name: &str) -> Option<String> {
        let wanted = if name.eq_ignore_ascii_case("INBOX") {
            "INBOX"
        } else {
            name
        };
        self.folders(user)
            .into_iter()
            .find(|folder| folder == wanted)
    }

    async fn protect(&mut self, wire: Wire) -> io::Result<Wire> {
        let certificate = self.inner.certificate.read(|kind| *kind);
        let acceptor = self
            .inner
            .authority
            .acceptor(std::slice::from_ref(&self.inner.name), certificate)?;
        self.tls = true;
        wire.into_tls(&acceptor).await
    }

    fn note(&self, verb: &str, arguments: &[Word]) {
        let shown = match verb {
            "LOGIN" | "AUTHENTICATE" => arguments.get(..1).unwrap_or_default(),
            _ => arguments,
        };
        let line = std::iter::once(verb)
            .chain(shown.iter().map(Word::content))
            .collect::<Vec<_>>()
            .join(" ");
        self.inner.commands.edit(|commands| commands.push(line));
    }
}

/// One command with all its literals, or `None` when the client has gone.
async fn read_command(wire: &mut Wire) -> io::Result<Option<Vec<u8>>> {
    let mut command = Vec::new();
    loop {
        let Some(line) = wire.line().await? else {
            return Ok(None);
        };
        command.extend_from_slice(&line);
        let Some((size, waits)) = announced_literal(&line) else {
            return Ok(Some(command));
        };
        if size > LONGEST_LITERAL {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "literal too long",
            ));
        }
        if waits {
            wire.send(b"+ go on\r\n").await?;
        }
        let Some(literal) = wire.exactly(size).await? else {
            return Ok(None);
        };
        command.extend(literal);
    }
}

async fn find(
    wire: &mut Wire,
    messages: &[Message],
    keys: &[Word],
    by_uid: bool,
) -> io::Result<End> {
    let found = match search(messages, keys) {
        Ok(found) => found,
        Err(reason) => return Ok(End::Bad(reason)),
    };
    let mut reply = "* SEARCH".to_owned();
    for sequence in found {
        let number = if by_uid {
            messages[sequence - 1].uid as usize
        } else {
            sequence
        };
        reply.push_str(&format!(" {number}"));
    }
    reply.push_str("\r\n");
    wire.send(reply.as_bytes()).await?;
    Ok(done("SEARCH"))
}

/// The messages of a set, with their sequence numbers from 1.
fn chosen<'a>(
    messages: &'a [Message],
    set: &'a str,
    by_uid: bool,
) -> impl Iterator<Item = (usize, &'a Message)> {
    let last_uid = messages.last().map_or(0, |last| last.uid);
    let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
    messages
        .iter()
        .enumerate()
        .map(|(place, message)| (place + 1, message))
        .filter(move |(sequence, message)| {
            let sequence = u32::try_from(*sequence).unwrap_or(u32::MAX);
            if by_uid {
                in_set(set, message.uid, last_uid)
            } else {
                in_set(set, sequence, count)
            }
        })
}

fn done(verb: &str) -> End {
    End::Ok(format!("{verb} done"))
}
