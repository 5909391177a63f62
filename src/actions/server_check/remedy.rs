//! What to do about each fault, and where, in words for the one who does it.

pub(super) const PORT_CLOSED: &str = "Start the mail service, or correct the port in the site file. If mail comes in through a filter and this port is \
     closed on purpose, take the server's port out of the site file.";
pub(super) const NO_EHLO: &str = "Look for an old gateway, antivirus proxy or firewall inspection in front of the server, and let EHLO pass: without \
     it there is neither encryption nor a size limit.";
pub(super) const MASKED: &str = "Switch SMTP inspection (\"fixup\", \"mailguard\") off in the firewall in front: it hides encryption from senders and \
     breaks mail that is longer or newer than it knows.";
pub(super) const NAME: &str = "Let the server call itself by its public name, the one its reverse name says: in Exchange the fully-qualified domain \
     name of the SMTP virtual server or receive connector, in Postfix myhostname.";
pub(super) const AUTH_IN_CLEAR: &str = "Take logins only over encrypted connections (Postfix: smtpd_tls_auth_only = yes; Exchange: 'Offer Basic \
     authentication only after starting TLS', on 2003 'Requires TLS encryption' under Access, Authentication), or switch logins off on this port. \
     Then change the passwords that may have been heard or guessed.";
pub(super) const TLS_MISSING: &str = "Install a certificate for the server's name and switch STARTTLS on. Exchange 2003 can do it too, with TLS 1.0 \
     only; a gateway in front does it better.";
pub(super) const TLS_BROKEN: &str = "Allow TLS 1.2 or later and see that certificate and key belong together. Servers of 2003 and 2008 stop at TLS 1.0, \
     which today's senders refuse: switch STARTTLS off there, or put a gateway in front.";
pub(super) const CERTIFICATE: &str = "Get a certificate for the name that people and senders use, with its whole chain, and let it be renewed by itself.";
pub(super) const NTLM: &str = "Switch integrated Windows authentication (NTLM) off on connectors that the Internet reaches; logins over TLS with \
     Basic authentication are enough there.";
pub(super) const TURN: &str = "Switch TURN off unless a known host collects its mail this way (Exchange 2003: SMTP connector, Advanced).";
pub(super) const VRFY: &str = "Switch VRFY and EXPN off (Postfix: disable_vrfy_command = yes; Exchange answers 252 by itself), so that nobody can ask \
     for names.";
pub(super) const POSTMASTER: &str = "Create the address, or an alias to a person who reads it: operators of lists and other administrators write to \
     postmaster and abuse, and some ask for a reply before they delist.";
pub(super) const ALTERNATE: &str = "Close the port for strangers, or let it take mail only after a login: mail that comes in here passes the filter on \
     port 25 by.";
pub(super) const BACKUP_UNKNOWN: &str = "Have its operator check recipients against the main server, or take it out of the MX records: one good server \
     needs no backup, senders try again for days.";
pub(super) const FAMILIES: &str = "Set both families up alike (listening addresses, certificate, restrictions), or take the AAAA record out until that \
     is done: senders with IPv6 try it first.";

/// A backup exchanger that may relay.
pub(super) fn backup_relay(host: &str) -> String {
    format!(
        "Have its operator restrict relaying to the site's domains, today. `mailmedic probe relay.test --with host={host}` looks closer, and its \
         mode 'prove' in a run settles it with a marked message."
    )
}
