//! AUTH (RFC 4954): PLAIN, LOGIN and CRAM-MD5, and which senders a login may use.

use std::io;

use super::Line;
use super::personality::{Auth, Login, Personality, StartTls};
use super::reply::Reply;
use super::session::{Next, Session};
use crate::mail::sasl;
use crate::practice::wire::Wire;

/// A proof of identity that was offered.
enum Proof {
    Password {
        user: String,
        password: String,
    },
    Digest {
        user: String,
        challenge: String,
        digest: String,
    },
}

impl Session {
    pub(super) async fn authenticate(
        &mut self,
        wire: &mut Wire,
        personality: &Personality,
        argument: &str,
    ) -> io::Result<Next> {
        let Some(auth) = &personality.auth else {
            return Ok(Next::Say(Reply::new(502, "5.5.1 AUTH is not offered")));
        };
        if !self.extended || self.helo.is_none() {
            return Ok(Next::Say(Reply::new(503, "5.5.1 EHLO first")));
        }
        if self.login.is_some() || self.sender.is_some() {
            return Ok(Next::Say(Reply::new(503, "5.5.1 not now")));
        }
        if !self.tls && !auth.in_the_clear {
            let reply = match personality.starttls {
                StartTls::Required => Reply::new(530, "5.7.0 STARTTLS first"),
                _ => Reply::new(538, "5.7.11 encryption required for this mechanism"),
            };
            return Ok(Next::Say(reply));
        }
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let mechanism = mechanism.to_ascii_uppercase();
        if !auth.mechanisms.contains(&mechanism) {
            return Ok(Next::Say(Reply::new(504, "5.5.4 mechanism not known")));
        }
        let proof = match mechanism.as_str() {
            "PLAIN" => self.plain(wire, initial).await?,
            "LOGIN" => self.login_steps(wire, initial).await?,
            "CRAM-MD5" => self.cram(wire, &personality.name).await?,
            _ => return Ok(Next::Say(Reply::new(504, "5.5.4 mechanism not available"))),
        };
        Ok(match proof {
            Step::Done(proof) => Next::Say(self.judge(auth, &proof)),
            Step::Malformed => Next::Say(Reply::new(
                501,
                "5.5.2 that is not what the mechanism sends",
            )),
            Step::Gone => Next::Gone,
        })
    }

    /// Whether the session's login may use `sender`. Without a login there is nothing to check.
    pub(super) fn may_send_as(&self, personality: &Personality, sender: &str) -> bool {
        let login = self
            .login
            .as_ref()
            .and_then(|user| personality.auth.as_ref()?.logins.get(user));
        let Some(Login { senders, .. }) = login else {
            return true;
        };
        let sender = sender.to_lowercase();
        senders.is_empty()
            || sender.is_empty()
            || senders.iter().any(|allowed| {
                if allowed.starts_with('@') {
                    sender.ends_with(allowed)
                } else {
                    *allowed == sender
                }
            })
    }

    async fn plain(&self, wire: &mut Wire, initial: &str) -> io::Result<Step<Proof>> {
        let response = if initial.is_empty() {
            self.ask(wire, "").await?
        } else {
            decoded(initial)
        };
        let Step::Done(response) = response else {
            return Ok(response.failed());
        };
        // authorisation identity NUL user NUL password (RFC 4616)
        let parts = response.split('\0').collect::<Vec<_>>();
        Ok(match parts.as_slice() {
            [_, user, password] if !user.is_empty() => Step::Done(Proof::Password {
                user: (*user).to_owned(),
                password: (*password).to_owned(),
            }),
            _ => Step::Malformed,
        })
    }

    async fn login_steps(&self, wire: &mut Wire, initial: &str) -> io::Result<Step<Proof>> {
        let user = if initial.is_empty() {
            self.ask(wire, "Username:").await?
        } else {
            decoded(initial)
        };
        let Step::Done(user) = user else {
            return Ok(user.failed());
        };
        let password = self.ask(wire, "Password:").await?;
        let Step::Done(password) = password else {
            return Ok(password.failed());
        };
        Ok(Step::Done(Proof::Password { user, password }))
    }

    async fn cram(&self, wire: &mut Wire, host: &str) -> io::Result<Step<Proof>> {
        let challenge = format!("<{:016x}@{host}>", rand::random::<u64>());
        let response = self.ask(wire, &challenge).await?;
        let Step::Done(response) = response else {
            return Ok(response.failed());
        };
        Ok(match response.rsplit_once(' ') {
            Some((user, digest)) => Step::Done(Proof::Digest {
                user: user.to_owned(),
                challenge,
                digest: digest.to_owned(),
            }),
            None => Step::Malformed,
        })
    }

    /// Sends a 334 with `prompt` and returns what came back.
    async fn ask(&self, wire: &mut Wire, prompt: &str) -> io::Result<Step<String>> {
        self.say(wire, &Reply::new(334, &sasl::encode(prompt)))
            .await?;
        let Some(line) = wire.line().await? else {
            return Ok(Step::Gone);
        };
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        self.note(Line::Data(text.to_owned()));
        // "*" cancels (RFC 4954 section 4) and is no base64 either.
        Ok(decoded(text))
    }

    fn judge(&mut self, auth: &Auth, proof: &Proof) -> Reply {
        let user = match proof {
            Proof::Password { user, .. } | Proof::Digest { user, .. } => user,
        };
        let login = auth.logins.get(user);
        if let Some(refusal) = login.and_then(|login| login.refuse.clone()) {
            return refusal;
        }
        let right = login.is_some_and(|login| match proof {
            Proof::Password { password, .. } => *password == login.password,
            Proof::Digest {
                challenge, digest, ..
            } => {
                let wanted = sasl::cram_md5_digest(&login.password, challenge.as_bytes());
                digest.eq_ignore_ascii_case(&wanted)
            }
        });
        if !right && !auth.accepts_anything {
            return Reply::new(535, "5.7.8 authentication failed");
        }
        self.login = Some(user.clone());
        Reply::new(235, "2.7.0 authentication successful")
    }
}

/// One step of a mechanism.
enum Step<T> {
    Done(T),
    Malformed,
    Gone,
}

impl<T> Step<T> {
    /// The failure of one step as the failure of the whole.
    fn failed<U>(self) -> Step<U> {
        match self {
            Step::Done(_) | Step::Malformed => Step::Malformed,
            Step::Gone => Step::Gone,
        }
    }
}

/// A response from its base64; `=` stands for an empty one (RFC 4954 section 4).
fn decoded(text: &str) -> Step<String> {
    if text == "=" {
        return Step::Done(String::new());
    }
    match sasl::decode(text).and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(plain) => Step::Done(plain),
        None => Step::Malformed,
    }
}
