//! What helps: per receiver (from the catalogue) and per class (in the order in which to try).

use serde::{Deserialize, Serialize};

use super::class::Class;

/// How a receiver or a list is moved to take mail again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyMethod {
    /// A form that the sender fills in.
    SelfServiceForm,
    /// A mail to the operator.
    Email,
    /// It ends by itself.
    AutomaticExpiry,
    /// Only the owner of the address space may ask.
    IspOnly,
    /// Better traffic and time.
    Wait,
    /// A change of our DNS, HELO, login or limits.
    FixConfig,
    /// A change of the messages.
    FixContent,
    /// The recipient's administrator or the recipient.
    RecipientAdmin,
    /// Ask the recipient for the right address.
    CheckRecipient,
    /// The support of the sending tenant.
    TenantSupport,
    /// The reply says it itself.
    SeeText,
    /// Look the named zone up in the catalogue of lists.
    LookupZone,
    /// Go by the rules of the lists named in the entry.
    ByList,
}

/// What helps at one receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remedy {
    /// How.
    pub method: RemedyMethod,
    /// Where, when there is a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// To whom, when there is a mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// How long it takes, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Catalogue ids of the lists behind the refusal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<String>,
    /// What else to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// What helps against a class of refusals, whoever refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClassRemedy {
    /// Whether and how to try again.
    pub retry: &'static str,
    /// What to do, in order.
    pub fixes: &'static [&'static str],
}

/// The steps for a class, most effective first.
pub fn class_remedy(class: Class) -> ClassRemedy {
    let (retry, fixes): (_, &[_]) = match class {
        Class::BlockIp => (
            "not before the listing has ended",
            &[
                "find the list and the reason it gives",
                "remove the cause and prove it",
                "follow the list's own procedure",
                "until then route mail for these domains through the smarthost; with many receivers at once, all mail",
            ],
        ),
        Class::BlockDomain => (
            "not before the listing has ended",
            &[
                "look for hacked web pages and forged senders of the domain",
                "follow the list's own procedure",
            ],
        ),
        Class::Reputation => (
            "slowly",
            &[
                "register with the receiver's sender programme and look at what it shows",
                "lower the volume and clean the recipient lists",
                "send through a smarthost until the score has recovered",
            ],
        ),
        Class::Rate => (
            "yes, after 15 minutes and doubling, or as the reply says",
            &[
                "fewer connections at a time and fewer recipients a message",
                "send bulk mail apart from personal mail",
                "where the limit is a few recipients an hour the address has no or a poor reputation: smarthost, or build it up slowly",
            ],
        ),
        Class::Greylist => (
            "yes, from the same address after 5 to 15 minutes",
            &["check that the queue tries again from the same address"],
        ),
        Class::Ptr => (
            "not before it is fixed",
            &[
                "have the provider of the address set its PTR to the server's own name",
                "make that name resolve back to the address, and use it as HELO name",
                "wait for the TTL; if the provider refuses, send through a smarthost",
            ],
        ),
        Class::Authpol => (
            "not before it is fixed",
            &[
                "SPF with the address that really sends",
                "DKIM signing, at the smarthost if the server cannot",
                "From domain aligned with one of the two (DMARC)",
            ],
        ),
        Class::Relay => (
            "no",
            &[
                "login and port of the outbound connector; sender registered at the smarthost",
                "if a destination says so for its own domain, its MX is wrong: tell them",
            ],
        ),
        Class::RcptUnknown => (
            "no",
            &[
                "a single one: tell the sender",
                "many: find out which account or host sends them",
            ],
        ),
        Class::RcptFull => ("for days", &["nothing here; the recipient must make room"]),
        Class::Sender => (
            "no",
            &[
                "DNS and MX of the sender domain",
                "look for forged local senders",
                "let callouts reach existing senders",
            ],
        ),
        Class::Dns => (
            "yes",
            &[
                "resolver and forwarders of the server, hosts file, external DNS of the SMTP virtual server",
                "check whether the recipient's domain still exists",
            ],
        ),
        Class::Network => (
            "yes",
            &[
                "outbound port 25 at the provider",
                "MTU and SMTP inspection of the firewall",
                "IPv6 without a route",
            ],
        ),
        Class::Tls => (
            "no",
            &[
                "protocol versions and certificate; a local relay if the server is too old, or another port",
            ],
        ),
        Class::Size => ("no", &["align the size limits along the path"]),
        Class::Content => (
            "no",
            &["look at the message; if it is not ours, look for the account or host that sent it"],
        ),
        Class::Loop => (
            "no",
            &["accepted domains, the smarthost pointing back, forwarding rules"],
        ),
        Class::Expired => ("no", &["judge the last temporary reply instead"]),
        Class::LocalSystem => (
            "yes",
            &["a fault at the other side; write to its postmaster if it stays"],
        ),
        Class::Protocol => (
            "no",
            &["look at the transcript; an SMTP inspection in the path is the usual reason"],
        ),
        Class::PolicyOther => (
            "no",
            &["ask the receiver's postmaster, with the complete reply"],
        ),
        Class::Ok => ("not needed", &[]),
        Class::Unknown => (
            "as the code says",
            &["read the reply; ask the receiver's postmaster"],
        ),
    };
    ClassRemedy { retry, fixes }
}
