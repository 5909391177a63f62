//! The end of an SMTP transaction that really sends: DATA, the message, the final dot. One place, because the rules are strict:
//! no dot after anything went wrong, and after the dot nobody knows until the server answers.

use crate::probes::smtp::{Failure, Reply, Session};
use crate::site::Site;

/// Who sends test messages for a site, and how to reach them.
pub(super) fn operator(site: &Site) -> String {
    match &site.contacts.provider {
        Some(desk) => match &desk.email {
            Some(email) => format!("{} <{email}>", desk.name),
            None => desk.name.clone(),
        },
        None => site.name.clone(),
    }
}

/// What became of a message whose recipient was accepted.
#[derive(Debug)]
pub(super) enum HandedOver {
    /// The server has taken it.
    Taken(Reply),
    /// Refused at DATA or after the dot.
    Refused(Reply),
    /// The connection was lost before the dot: it was not sent.
    NotSent(Failure),
    /// The connection was lost after the dot: it may have been taken.
    Unknown(Failure),
}

/// Sends the message of a transaction whose recipients are accepted.
pub(super) async fn hand_over(session: &mut Session, message: &[u8]) -> HandedOver {
    match session.start_data().await {
        Ok(reply) if reply.is_intermediate() => {}
        Ok(reply) => return HandedOver::Refused(reply),
        Err(failure) => return HandedOver::NotSent(failure),
    }
    if let Err(failure) = session.send_data(message).await {
        // The message is cut off: closing abandons it, a dot would deliver it.
        session.close();
        return HandedOver::NotSent(failure);
    }
    match session.finish_data().await {
        Ok(reply) if reply.is_positive() => HandedOver::Taken(reply),
        Ok(reply) => HandedOver::Refused(reply),
        Err(failure) => HandedOver::Unknown(failure),
    }
}
