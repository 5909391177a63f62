//! Who may send to whom: recipients, relaying, greylisting, limits and VRFY.

use std::net::IpAddr;
use std::time::Instant;

use super::address::{Destination, destination, is_own, path_argument, split};
use super::personality::{Personality, Recipients, Trust};
use super::reply::Reply;
use super::session::{Session, after_keyword};

impl Session {
    pub(super) fn rcpt(&mut self, personality: &Personality, argument: &str) -> Reply {
        let Some(sender) = self.sender.clone() else {
            return Reply::new(503, "5.5.1 MAIL first");
        };
        let Some(given) = after_keyword(argument, "TO:")
            .and_then(|text| path_argument(text, personality.lenient_syntax))
        else {
            return Reply::new(501, "5.5.4 the form is RCPT TO:<address>");
        };
        if given.path.is_empty() {
            return Reply::new(501, "5.1.3 a recipient cannot be empty");
        }
        if given
            .parameters
            .iter()
            .any(|(keyword, _)| !matches!(keyword.as_str(), "NOTIFY" | "ORCPT"))
        {
            return Reply::new(555, "5.5.4 parameter not recognised");
        }
        if personality
            .limits
            .recipients_per_message
            .is_some_and(|limit| self.recipients.len() >= limit)
        {
            return Reply::new(452, "4.5.3 too many recipients");
        }
        let target = destination(&given.path, personality, self.own);
        match &target {
            Destination::Local(address) if !knows(personality, address) => {
                return personality.unknown.clone();
            }
            Destination::Foreign(address)
                if !self.may_relay(personality, &sender, address, &given.path) =>
            {
                return personality.denial.clone();
            }
            Destination::Local(_) | Destination::Foreign(_) => {}
        }
        if let Some(reply) = self.greylisted(personality, &sender, &given.path) {
            return reply;
        }
        let over = self.inner.book.edit(|book| {
            let over = personality
                .limits
                .recipients_this_hour
                .is_some_and(|limit| book.recipients >= limit);
            book.recipients += usize::from(!over);
            over
        });
        if over {
            return Reply::new(452, "Too many recipients received this hour");
        }
        self.local_seen |= matches!(target, Destination::Local(_));
        self.recipients.push(target);
        Reply::new(250, &format!("2.1.5 {} recipient OK", given.path))
    }

    fn may_relay(
        &self,
        personality: &Personality,
        sender: &str,
        recipient: &str,
        path: &str,
    ) -> bool {
        let sender_domain = split(sender).1;
        self.login.is_some()
            || personality.trust.iter().any(|trust| match trust {
                Trust::Everyone => true,
                Trust::LocalSender => sender_domain
                    .as_ref()
                    .is_some_and(|domain| personality.domains.contains(domain)),
                Trust::NullSender => sender.is_empty(),
                Trust::SenderIn(domains) => sender_domain
                    .as_ref()
                    .is_some_and(|domain| domains.contains(domain)),
                Trust::SenderIsRecipient => sender.eq_ignore_ascii_case(recipient),
                Trust::Helo(names) => self
                    .helo
                    .as_ref()
                    .is_some_and(|helo| names.contains(&helo.to_lowercase())),
                Trust::AfterLocalRecipient => self.local_seen,
                Trust::Percent => path.contains('%'),
                Trust::Bang => path.contains('!'),
                Trust::TrailingDot => path.ends_with('.'),
            })
    }

    /// The greylisting reply, when this triple is new or came back too soon.
    fn greylisted(
        &self,
        personality: &Personality,
        sender: &str,
        recipient: &str,
    ) -> Option<Reply> {
        let (wait, reply) = personality.greylist.as_ref()?;
        let local = split(recipient).0.to_lowercase();
        if matches!(local.as_str(), "postmaster" | "abuse") {
            return None;
        }
        let triple = (self.peer, sender.to_lowercase(), recipient.to_lowercase());
        let first = self
            .inner
            .book
            .edit(|book| *book.greylisted.entry(triple).or_insert_with(Instant::now));
        (first.elapsed() < *wait).then(|| reply.clone())
    }

    pub(super) fn verify(&self, personality: &Personality, argument: &str) -> Reply {
        let address = argument
            .trim()
            .trim_start_matches('<')
            .trim_end_matches('>');
        if address.is_empty() {
            return Reply::new(501, "5.5.4 whom");
        }
        if !personality.vrfy {
            return Reply::new(252, "2.5.0 not told, but mail will be tried");
        }
        match destination(address, personality, self.own) {
            Destination::Local(address) if knows(personality, &address) => {
                Reply::new(250, &format!("2.1.5 <{address}>"))
            }
            Destination::Local(_) => personality.unknown.clone(),
            Destination::Foreign(_) => Reply::new(551, "5.1.6 not a user here"),
        }
    }
}

/// Whether a local address has somebody behind it.
pub(super) fn knows(personality: &Personality, address: &str) -> bool {
    match &personality.recipients {
        Recipients::Anything => true,
        Recipients::Known(known) => known.contains(address) || address.starts_with("postmaster@"),
    }
}

/// Whether the domain of `address` is one of the server's own.
pub(super) fn is_home(address: &str, personality: &Personality, own: IpAddr) -> bool {
    split(address)
        .1
        .is_some_and(|domain| is_own(&domain, personality, own))
}
