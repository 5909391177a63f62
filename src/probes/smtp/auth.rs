//! Logging in (RFC 4954) with the mechanisms that mail providers and old servers offer.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::reply::Reply;
use super::session::Session;
use crate::mail::sasl::{self, Mechanism};
use crate::probes::channel::{Channel, Failure};

const ALLOWED: Duration = Duration::from_secs(5 * 60);
const SHOWN: &str = "[secret]";

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
        self.hide(&sasl::encode(password));
        match mechanism {
            Mechanism::Plain => {
                self.say("AUTH PLAIN ", &sasl::plain(username, password))
                    .await
            }
            Mechanism::Login => {
                let prompt = self.command("AUTH LOGIN").await?;
                if !self.is_prompt(&prompt) {
                    return Ok(prompt);
                }
                let prompt = self
                    .exchange(&sasl::encode(username), username, ALLOWED)
                    .await?;
                if !self.is_prompt(&prompt) {
                    return Ok(prompt);
                }
                self.say("", &sasl::encode(password)).await
            }
            Mechanism::CramMd5 => {
                let prompt = self.command("AUTH CRAM-MD5").await?;
                if !self.is_prompt(&prompt) {
                    return Ok(prompt);
                }
                let Some(challenge) = sasl::decode(&prompt.text()) else {
                    return self.give_up(prompt).await;
                };
                self.say("", &sasl::cram_md5(username, password, &challenge))
                    .await
            }
            Mechanism::Xoauth2 => {
                let reply = self
                    .say("AUTH XOAUTH2 ", &sasl::xoauth2(username, password))
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
        if let Some(prompt) = sasl::decode(&reply.text()) {
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
