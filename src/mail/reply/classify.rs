//! What a reply means: wording before codes, in one fixed order.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::catalogue::{Fallback, Pattern, catalogue};
use super::class::{Class, Retry, Stage, basic_class};
use super::entities::{Entities, entities};
use super::parse::Reply;
use super::remedy::{ClassRemedy, Remedy, class_remedy};

/// How sure something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// A hint.
    Low,
    /// Likely.
    Medium,
    /// The text is unmistakable.
    High,
}

/// What the decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A receiver's own wording.
    ProviderText,
    /// A general wording.
    GenericText,
    /// The enhanced status.
    EnhancedCode,
    /// The basic code at its stage.
    BasicCode,
    /// Nothing matched.
    Unknown,
}

/// Who gave the reply, seen from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerRole {
    /// Not known: taken for a destination.
    #[default]
    Unknown,
    /// The recipient's own mail exchanger.
    Destination,
    /// Our smarthost, which relays for us.
    Smarthost,
}

/// What is known besides the text. The same words mean different things at another stage or host.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// Name or address of the host that replied.
    pub peer: Option<&'a str>,
    /// Its role.
    pub role: PeerRole,
    /// Where in the dialogue.
    pub stage: Option<Stage>,
    /// The addresses that we send from; empty when not known.
    pub ours: &'a [IpAddr],
}

/// What a reply means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classification {
    /// The class.
    pub class: Class,
    /// A second reading that cannot be excluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub or: Option<Class>,
    /// A finer word within the class, where a wording gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// What it rests on.
    pub basis: Basis,
    /// The catalogue entry that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// The organisation, when the wording or the host tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver: Option<&'static str>,
    /// How sure.
    pub certainty: Certainty,
    /// Temporary (4yz) or not; `None` without a code.
    pub temporary: Option<bool>,
    /// Whether trying again can help.
    pub retry: Retry,
    /// The meaning in a sentence, where a wording gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<&'static str>,
    /// What helps at this receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static Remedy>,
    /// What helps against the class.
    pub class_remedy: ClassRemedy,
    /// What the reply names.
    pub entities: Entities,
}

/// Decides what a reply means: a receiver's wording, a general wording, the enhanced status, the
/// basic code at its stage, unknown; in this order.
pub fn classify(reply: &Reply, context: &Context<'_>) -> Classification {
    let catalogue = catalogue();
    let peer = context.peer.or(reply.peer.as_deref());
    let owner = peer.and_then(|peer| catalogue.owner(peer));
    let stage = context.stage.or(reply.stage);
    let mut found = entities(&reply.line, context.ours);

    if let Some((pattern, certainty)) = wording(reply, peer) {
        if let Some(captures) = pattern.captures(&reply.line) {
            found.add_groups(&captures);
        }
        return by_wording(reply, pattern, certainty, context.role, owner, found);
    }
    let by_status = reply.status.and_then(|status| {
        catalogue
            .provider_class(owner.map(|owner| owner.id.as_str()), status)
            .map(|class| (class, None))
            .or_else(|| status.default_class(stage))
    });
    let (decided, basis, certainty) = match by_status {
        Some(decided) => (decided, Basis::EnhancedCode, Certainty::Medium),
        None => match reply.code.and_then(|code| basic_class(code, stage)) {
            Some(decided) => (decided, Basis::BasicCode, Certainty::Low),
            None if reply.status.is_some_and(|s| s.subject == 7) => (
                (Class::PolicyOther, None),
                Basis::EnhancedCode,
                Certainty::Low,
            ),
            None => ((Class::Unknown, None), Basis::Unknown, Certainty::Low),
        },
    };
    let (class, or) = decided;
    Classification {
        class,
        or,
        kind: None,
        basis,
        rule: None,
        receiver: owner.map(|owner| owner.receiver.as_str()),
        certainty,
        temporary: reply.temporary(),
        retry: retry_of(class, reply.temporary()),
        meaning: None,
        remedy: owner.map(|owner| &owner.remedy),
        class_remedy: class_remedy(class),
        entities: found,
    }
}

/// The first entry whose wording matches and whose peer does not contradict. What a server says in a positive reply (the
/// extensions that it offers, a warning) refuses nothing.
fn wording(reply: &Reply, peer: Option<&str>) -> Option<(&'static Pattern, Certainty)> {
    if reply.code.is_some_and(|code| (200..400).contains(&code)) {
        return None;
    }
    // An address says nothing about the peer's name.
    let named = peer.filter(|peer| peer.trim_matches(['[', ']']).parse::<IpAddr>().is_err());
    for pattern in catalogue().matching(&reply.line) {
        let certainty = match named.map(|name| pattern.peer_agrees(name)) {
            Some(Some(false)) => continue,
            Some(_) => pattern.confidence,
            // The entry belongs to a peer that we cannot check: one step less.
            None if pattern.peer_agrees("").is_some() => lower(pattern.confidence),
            None => pattern.confidence,
        };
        // A vague wording does not outweigh a code that says something definite.
        let vague = pattern.confidence == Certainty::Low && !pattern.is_of_a_receiver();
        let definite = reply
            .status
            .is_some_and(|s| s.is_specific() && s.default_class(None).is_some());
        if vague && definite {
            continue;
        }
        return Some((pattern, certainty));
    }
    None
}

fn by_wording(
    reply: &Reply,
    pattern: &'static Pattern,
    certainty: Certainty,
    role: PeerRole,
    owner: Option<&'static Fallback>,
    entities: Entities,
) -> Classification {
    let provider = pattern.is_of_a_receiver();
    // A smarthost that refuses a recipient elsewhere refuses to relay; it does not know the mailbox.
    let relay = role == PeerRole::Smarthost && pattern.id == "cue-unknown-recipient";
    let class = if relay { Class::Relay } else { pattern.class };
    let or = match (relay, reply.code, class) {
        (true, ..) => Some(Class::RcptUnknown),
        // "Busy" to one sender only is a polite block.
        (false, Some(421), Class::Rate) if !provider => Some(Class::BlockIp),
        _ => None,
    };
    // A general wording tells no contact; the host may.
    let remedy = match (provider, owner) {
        (false, Some(owner)) if class.is_standing() => &owner.remedy,
        _ => &pattern.remedy,
    };
    Classification {
        class,
        or,
        kind: Some(&pattern.kind),
        basis: if provider {
            Basis::ProviderText
        } else {
            Basis::GenericText
        },
        rule: Some(&pattern.id),
        receiver: if provider {
            Some(pattern.receiver.as_str())
        } else {
            owner.map(|o| o.receiver.as_str())
        },
        certainty,
        temporary: reply.temporary(),
        retry: pattern.retry,
        meaning: (!relay).then_some(pattern.meaning.as_str()),
        remedy: Some(remedy),
        class_remedy: class_remedy(class),
        entities,
    }
}

fn lower(certainty: Certainty) -> Certainty {
    match certainty {
        Certainty::High => Certainty::Medium,
        _ => Certainty::Low,
    }
}

fn retry_of(class: Class, temporary: Option<bool>) -> Retry {
    match class {
        Class::Rate | Class::Greylist | Class::Dns | Class::Network | Class::LocalSystem => {
            Retry::Queue
        }
        _ if temporary == Some(true) => Retry::Queue,
        Class::RcptUnknown | Class::Relay | Class::Size | Class::Loop => Retry::Never,
        _ => Retry::AfterFix,
    }
}
