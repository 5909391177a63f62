//! Complaints of recipients and their providers (ARF, RFC 5965), and reports of single failures (RFC 6591).

use std::borrow::Cow;

use mail_auth::report::{Error, Feedback, FeedbackType};
use mail_parser::MessageParser;

use super::{add, moment, own};
use crate::mail::events::{Event, What, normalize_address};

/// The complaint in a message.
pub(super) fn read(raw: &[u8], about: &Event<'static>) -> Result<Vec<Event<'static>>, Error> {
    let feedback = Feedback::parse_rfc5322(raw)?;
    let mut event = about.clone();
    let (what, kind) = match feedback.feedback_type {
        FeedbackType::Abuse => (What::Complaint, "abuse"),
        FeedbackType::Fraud => (What::Complaint, "fraud"),
        FeedbackType::Virus => (What::Complaint, "virus"),
        FeedbackType::AuthFailure => (What::Reported, "fail"),
        FeedbackType::NotSpam => (What::Other, "not-spam"),
        FeedbackType::Other => (What::Other, "other"),
    };
    event.what = what;
    event.kind = Some(Cow::Borrowed(kind));
    event.source = Some(Cow::Borrowed("arf"));
    let by = feedback.reporting_mta.as_deref();
    // `dns; mx.example.org`
    let by = by.map(|mta| mta.rsplit(';').next().unwrap_or(mta));
    event.computer = by.or(feedback.user_agent.as_deref()).and_then(own);
    event.address = feedback.source_ip;
    event.count = feedback.incidents.max(1);
    event.time = feedback.arrival_date.and_then(moment).or(event.time);
    event.local = None;
    let original = original(&feedback);
    event.sender = feedback
        .original_mail_from
        .as_deref()
        .and_then(normalize_address)
        .or_else(|| original.as_ref().and_then(|(from, _)| from.clone()))
        .map(Cow::Owned);
    event.recipient = feedback
        .original_rcpt_to
        .as_deref()
        .and_then(normalize_address)
        .map(Cow::Owned);
    event.message_id = original.and_then(|(_, id)| id).map(Cow::Owned);
    event.text = Cow::Owned(words(&event));
    Ok(vec![event])
}

/// Author and id of the message that the complaint is about.
fn original(feedback: &Feedback<'_>) -> Option<(Option<String>, Option<String>)> {
    let quoted = feedback
        .message
        .as_deref()
        .or(feedback.headers.as_deref())?;
    let message = MessageParser::new().parse_headers(quoted.as_bytes())?;
    let from = message
        .from()
        .and_then(|from| from.first())
        .and_then(|from| from.address())
        .and_then(normalize_address);
    Some((from, message.message_id().map(str::to_owned)))
}

fn words(event: &Event<'_>) -> String {
    let kind = event.kind.as_deref().unwrap_or_default();
    let mut text = format!("complaint ({kind})");
    let address = event.address.map(|address| address.to_string());
    add(&mut text, "sent from", &address.unwrap_or_default());
    add(&mut text, "as", event.sender.as_deref().unwrap_or_default());
    add(
        &mut text,
        "to",
        event.recipient.as_deref().unwrap_or_default(),
    );
    add(
        &mut text,
        "reported by",
        event.computer.as_deref().unwrap_or_default(),
    );
    text
}
