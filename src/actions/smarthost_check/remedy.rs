//! What to do about a fault, and who does it: the sentences that reach the client's handover.

use crate::mail::reply::{Class, Classification};

pub(super) const NAME_IS_ADDRESS: &str = "Enter the name that the provider gives instead of an address: certificates carry names, and providers move \
     addresses. Where an address must stay (Exchange, Postfix), write it in brackets: [192.0.2.1].";
pub(super) const NAME_IS_WRONG: &str = "Correct the smarthost's name in the connector and in the site file; the provider's page for outgoing mail (SMTP) \
     names it.";
pub(super) const NO_ADDRESS: &str = "Compare the name with the provider's page for outgoing mail. If it is right, repair the resolver or its forwarders \
     that the mail server uses, before anything else: mail waits with a DNS error until then.";
pub(super) const ANSWERS_DIFFER: &str = "Find out which resolver is wrong (a stale cache, a local zone, a hosts file) and use one for the whole site.";
pub(super) const PRIVATE_ADDRESS: &str = "A local zone or hosts file answers for the provider's name. Remove the entry, or name the relay by its local \
     name if an own gateway is meant.";
pub(super) const IPV6_TRAP: &str = "Give the mail server working IPv6, or make it prefer IPv4: else each message waits for a connection to time out first.";
pub(super) const IPV6_DIFFERS: &str = "Tell the provider what is wrong at its IPv6 address, and let the mail server prefer IPv4 until it is mended.";
pub(super) const UNREACHABLE: &str = "Check name and port with the provider. Then look at the firewall for outgoing connections, and ask the access \
     provider whether it blocks the port: port 25 is blocked on many lines, 587 and 465 seldom.";
pub(super) const PORT_BLOCKED: &str = "Other servers cannot be reached on this port either, so it is blocked on the way: use port 587 or 465, or have the \
     access provider or the firewall open it.";
pub(super) const SILENT: &str = "Something accepts the connection and says nothing: an overloaded server, a tarpit, or a firewall that proxies SMTP. Try \
     another port (587, 465), and look for SMTP inspection in the firewall.";
pub(super) const NOT_SMTP: &str = "Something else than a mail server answers on this port. Check the port and the TLS mode: 465 expects TLS from the \
     first byte, 587 and 25 begin in clear.";
pub(super) const MASKED: &str = "A firewall on the way rewrites SMTP (\"SMTP inspection\", \"fixup\", \"mailguard\"). Switch it off for mail: it hides \
     STARTTLS and AUTH.";
pub(super) const EHLO_REFUSED: &str = "The smarthost must understand EHLO, or there is no login and no TLS. Check that no old gateway or antivirus proxy \
     sits in between.";
pub(super) const HELO_NAME: &str = "Set a full name that resolves to the sending address: in Exchange on the SMTP virtual server or send connector \
     (FQDN), in Postfix smtp_helo_name.";
pub(super) const TLS_MISSING: &str = "Use the port where the provider offers TLS (usually 587 with STARTTLS, or 465), and check that no firewall hides \
     STARTTLS. A password is never sent in clear.";
pub(super) const TLS_BROKEN: &str = "If other clients get through, look for a firewall or antivirus that takes TLS apart. An old server (Windows Server \
     2003 and 2008) stops at TLS 1.0, which today's smarthosts refuse: put a small relay in between.";
pub(super) const CERTIFICATE: &str = "Use exactly the name that the certificate carries, or have the operator of the smarthost renew or complete its \
     certificate. If it is an own gateway with an own authority, name that authority in the site file (smarthost.ca).";
pub(super) const NO_AUTH: &str = "Ask the provider which port and account type allow a login, or whether it lets the site in by address instead.";
pub(super) const MECHANISM: &str = "Ask the provider for an account with password login (SMTP AUTH). Where it insists on OAuth, an old server needs a \
     relay in between that can do it.";
pub(super) const OLD_SERVER: &str = "Exchange 2003 knows LOGIN (Basic) and NTLM for outgoing mail only. Ask the provider to offer LOGIN, or put a small \
     relay in between.";
pub(super) const PASSWORD: &str = "Check name and password with the provider's control panel, by hand and once: repeated wrong logins lock accounts. \
     Then correct the connector and the place the site file refers to.";
pub(super) const APP_PASSWORD: &str = "Make an application password, or switch SMTP AUTH on for this account at the provider: the ordinary password is \
     not taken.";
pub(super) const ACCOUNT: &str = "The account is disabled or its password has to be changed: sign in to the provider's control panel, or call its support.";
pub(super) const UNPROTECTED: &str = "No login was tried, because the connection does not prove who is at the other end. Mend TLS or the certificate first.";
pub(super) const NO_PASSWORD: &str =
    "Add the password's place to the site file (smarthost.password) and run the check again.";
pub(super) const SENDER: &str = "Register the address or its domain as a sender at the provider, or send as an address it knows.";
pub(super) const NULL_SENDER: &str = "Ask the provider how bounces of your server (MAIL FROM:<>) are to be sent; else let the server refuse unknown \
     recipients at once, so that it has nothing to bounce, or its queue fills up.";
pub(super) const SIZE: &str = "Set the limit of the mail server and its connectors to that of the smarthost: people then hear at once that a message is \
     too large, not by a bounce hours later.";
pub(super) const ACCEPTS_ANYTHING: &str = "The site's address is the only ticket: everything at the site that reaches the smarthost can send through it. Let the \
     firewall allow it for the mail server alone, and ask the provider to demand the login.";
pub(super) const EGRESS: &str = "Open a ticket with the provider, with the listing as it stands here: many share this address, so the list takes no request \
     from the site. Ask for another address of the pool until it is settled.";
pub(super) const BACK_DOOR: &str = "Close outgoing port 25 in the firewall for everything but the smarthost, and log what tries: an infected PC that sends \
     directly gets the site's address listed again.";

/// What helps against a refusal whose meaning is known.
pub(super) fn of_class(classified: &Classification, otherwise: &str) -> String {
    if matches!(
        classified.class,
        Class::Unknown | Class::Relay | Class::Sender
    ) {
        return otherwise.to_owned();
    }
    let fixes = classified.class_remedy.fixes.join("; ");
    if fixes.is_empty() {
        return otherwise.to_owned();
    }
    format!("{otherwise} What helps in general: {fixes}.")
}
