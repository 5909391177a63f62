//! Logging in (RFC 4954) with the mechanisms that mail providers and old servers offer.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::base64;
use super::failure::Failure;
use super::md5;
use super::reply::Reply;
use super::session::{Channel, Session};

const ALLOWED: Duration = Duration::from_secs(5 * 60);
const SHOWN: &str = "[secret]";

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616
    Plain,
    /// draft-murchison-sasl-login: what Outlook and Exchange speak.
    Login,
    /// RFC 2195
    CramMd5,
    /// OAuth 2 bearer token, as Google and Microsoft take it; the "password" is the token.
    Xoauth2,
}

impl Mechanism {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::Xoauth2 => "XOAUTH2",
        }
    }

    /// The best of the mechanisms that a password can be used with, out of those offered.
    pub fn choose(offered: &[String]) -> Option<Self> {
        [Self::Plain, Self::Login, Self::CramMd5]
            .into_iter()
            .find(|mechanism| offered.iter().any(|word| word == mechanism.name()))
    }
}

impl Session {
    /// Logs in. 235 means yes; the last reply is returned whatever it says. Secrets are `[secret]`
    /// in the transcript, in what the server repeats too.
    ///
    /// # Errors
    ///
    /// [`Failure::Unprotected`] on a channel that is not verified, unless `over_unverified`; else
    /// when no reply comes.
    pub async fn auth(
        &mut self,
        mechanism: Mechanism,
        username: &str,
        password: &SecretString,
        over_unverified: bool,
    ) -> Result<Reply, Failure> {
        if self.channel() != Channel::Verified && !over_unverified {
            self.note(&Failure::Unprotected.to_string());
            return Err(Failure::Unprotected);
        }
        let password = password.expose_secret();
        self.hide(password);
        self.hide(&base64::encode(password.as_bytes()));
        match mechanism {
            Mechanism::Plain => {
                let token = base64::encode(format!("\0{username}\0{password}").as_bytes());
                self.say("AUTH PLAIN ", &token).await
            }
            Mechanism::Login => {
                let prompt = self.command("AUTH LOGIN").await?;
                if !self.is_prompt(&prompt) {
                    return Ok(prompt);
                }
                let prompt = self
                    .exchange(&base64::encode(username.as_bytes()), username, ALLOWED)
                    .await?;
                if !self.is_prompt(&prompt) {
                    return Ok(prompt);
                }
                self.say("", &base64::encode(password.as_bytes())).await
            }
            Mechanism::CramMd5 => {
                let prompt = self.command("AUTH CRAM-MD5").await?;
                if !self.is_prompt(&prompt) {
                    return Ok(prompt);
                }
                let Some(challenge) = base64::decode(&prompt.text()) else {
                    return self.give_up(prompt).await;
                };
                let digest = md5::hmac_hex(password.as_bytes(), &challenge);
                let token = base64::encode(format!("{username} {digest}").as_bytes());
                self.say("", &token).await
            }
            Mechanism::Xoauth2 => {
                let token = format!("user={username}\x01auth=Bearer {password}\x01\x01");
                let reply = self
                    .say("AUTH XOAUTH2 ", &base64::encode(token.as_bytes()))
                    .await?;
                if !self.is_prompt(&reply) {
                    return Ok(reply);
                }
                // The 334 holds the reason; an empty line fetches the refusal itself.
                self.exchange("", "", ALLOWED).await
            }
        }
    }

    async fn say(&mut self, before: &str, token: &str) -> Result<Reply, Failure> {
        self.hide(token);
        let line = format!("{before}{token}");
        self.exchange(&line, &format!("{before}{SHOWN}"), ALLOWED)
            .await
    }

    /// True for 334; the prompt goes into the transcript in clear.
    fn is_prompt(&mut self, reply: &Reply) -> bool {
        if reply.code != 334 {
            return false;
        }
        if let Some(prompt) = base64::decode(&reply.text()) {
            self.note(&format!("prompt: {}", String::from_utf8_lossy(&prompt)));
        }
        true
    }

    /// Cancels an exchange that makes no sense (RFC 4954 4), and returns what led there.
    async fn give_up(&mut self, prompt: Reply) -> Result<Reply, Failure> {
        self.exchange("*", "*", ALLOWED).await?;
        Ok(prompt)
    }
}
