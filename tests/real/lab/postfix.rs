//! Postfix: one instance, as many servers as a test wants, each at its own address with its own faults.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::certificates::Certificate;
use super::network::{MAIL_SERVERS, address, mail_address};
use super::{Lab, Side};

/// The mail domain of the site under test.
pub(crate) const DOMAIN: &str = "office.example";
/// A mailbox that exists there.
pub(crate) const MAILBOX: &str = "info@office.example";
/// The public name of the site's server.
pub(crate) const HOST: &str = "mail.office.example";

/// How one of the mail servers behaves.
#[derive(Clone)]
pub(crate) enum Personality<'a> {
    /// As installed: mail for its own domain only, `454 4.7.1` for the rest.
    Closed,
    /// Everybody is a trusted network.
    OpenToAll,
    /// Closed, but everybody who comes by IPv6 is a trusted network.
    OpenOnIpv6,
    /// The tester's network is a trusted one.
    TrustsTester,
    /// Puts every recipient off.
    Greylists,
    /// Whoever says to be of the site's own domain with MAIL FROM may relay.
    OwnSenderTrust,
    /// Whoever greets with the server's own name or domain may relay.
    HeloTrust,
    /// Takes every recipient and refuses at DATA.
    RejectAtData,
    /// Takes every recipient and refuses after the final dot.
    RejectAfterDot,
    /// Takes every recipient and message, and throws the messages away.
    Discard,
    /// Takes every mailbox of its domain, odd addresses too; its queue routes `name%host` and `host!name` all the same.
    NoRecipientCheck,
    /// Refuses whoever connects, with this greeting.
    Greeting(&'a str),
    /// A submission server with STARTTLS and passwords; the account may use the senders of `senders`.
    Smarthost(&'a Certificate),
    /// The same on port 465, with TLS from the first byte.
    SmarthostImplicit(&'a Certificate),
    /// Port 25 with STARTTLS and passwords: closed to strangers, and whoever logged in may send. `owned`: with the senders of
    /// `senders` alone.
    Logins {
        certificate: &'a Certificate,
        owned: bool,
    },
    /// Servers at several ports of one address, each with its own parameters.
    Ports(Vec<(u16, Vec<String>)>),
}

impl Personality<'_> {
    /// Its ports, and what its smtpd does differently at each.
    fn ports(&self) -> Vec<(u16, Vec<String>)> {
        match self {
            Personality::Ports(ports) => ports.clone(),
            one => vec![(one.port(), one.parameters())],
        }
    }

    /// The port that it listens on first.
    pub(crate) fn port(&self) -> u16 {
        match self {
            Personality::Smarthost(_) => 587,
            Personality::SmarthostImplicit(_) => 465,
            Personality::Ports(ports) => ports.first().map_or(25, |(port, _)| *port),
            _ => 25,
        }
    }

    /// Parameters of its smtpd. Only what differs from a default Postfix.
    pub(crate) fn parameters(&self) -> Vec<String> {
        let open = "mynetworks = 0.0.0.0/0 [::]/0";
        let recipients = "local_recipient_maps =";
        match self {
            Personality::Closed | Personality::OpenOnIpv6 => vec![],
            Personality::TrustsTester => vec!["mynetworks = 198.51.100.0/24".to_owned()],
            Personality::Greylists => vec![
                "smtpd_recipient_restrictions = check_recipient_access \
                 static:{450 4.2.0 Greylisted, please try again in 300 seconds}"
                    .to_owned(),
            ],
            Personality::OpenToAll => vec![open.to_owned()],
            Personality::OwnSenderTrust => vec![format!(
                "smtpd_relay_restrictions = permit_mynetworks, check_sender_access inline:{{{DOMAIN}=permit}}, \
                 defer_unauth_destination"
            )],
            Personality::HeloTrust => vec![format!(
                "smtpd_relay_restrictions = permit_mynetworks, check_helo_access \
                 inline:{{{{{DOMAIN}=permit}}, {{{HOST}=permit}}}}, defer_unauth_destination"
            )],
            Personality::RejectAtData => vec![
                open.to_owned(),
                "smtpd_data_restrictions = reject".to_owned(),
            ],
            Personality::RejectAfterDot => vec![
                open.to_owned(),
                "smtpd_end_of_data_restrictions = reject".to_owned(),
            ],
            Personality::Discard => vec![
                open.to_owned(),
                recipients.to_owned(),
                "smtpd_recipient_restrictions = check_recipient_access static:discard".to_owned(),
            ],
            Personality::NoRecipientCheck => vec![
                recipients.to_owned(),
                "allow_untrusted_routing = yes".to_owned(),
                "rewrite_service_name = rewrite-odd".to_owned(),
            ],
            Personality::Greeting(text) => vec![
                "smtpd_delay_reject = no".to_owned(),
                format!("smtpd_client_restrictions = check_client_access static:{{{text}}}"),
            ],
            Personality::Smarthost(certificate) => smarthost(certificate),
            Personality::SmarthostImplicit(certificate) => {
                let mut all = smarthost(certificate);
                all.push("smtpd_tls_wrappermode = yes".to_owned());
                all
            }
            Personality::Logins { certificate, owned } => logins(certificate, *owned),
            Personality::Ports(ports) => ports
                .first()
                .map(|(_, all)| all.clone())
                .unwrap_or_default(),
        }
    }
}

fn smarthost(certificate: &Certificate) -> Vec<String> {
    let mut all = passwords(certificate);
    all.extend([
        "smtpd_tls_security_level = encrypt".to_owned(),
        OWNED.to_owned(),
        "smtpd_relay_restrictions = permit_sasl_authenticated, reject".to_owned(),
    ]);
    all
}

const OWNED: &str = "smtpd_sender_restrictions = reject_sender_login_mismatch";

fn logins(certificate: &Certificate, owned: bool) -> Vec<String> {
    let mut all = passwords(certificate);
    all.extend([
        "smtpd_tls_security_level = may".to_owned(),
        "smtpd_tls_auth_only = yes".to_owned(),
        "smtpd_relay_restrictions = permit_sasl_authenticated, defer_unauth_destination".to_owned(),
    ]);
    if owned {
        all.push(OWNED.to_owned());
    }
    all
}

fn passwords(certificate: &Certificate) -> Vec<String> {
    vec![
        format!("smtpd_tls_chain_files = {}", certificate.chain.display()),
        "smtpd_sasl_auth_enable = yes".to_owned(),
        "smtpd_sasl_type = dovecot".to_owned(),
        format!("smtpd_sasl_path = inet:{}:12345", address::MAILBOXES),
    ]
}

impl Lab {
    /// Starts Postfix with one server for each personality and waits until all of them greet. Returns their addresses
    /// in the same order. `senders` says which account may send as what: lines of `ADDRESS ACCOUNT`.
    pub(crate) fn postfix(&self, personalities: &[Personality], senders: &str) -> Vec<String> {
        assert!(
            personalities.len() <= usize::from(MAIL_SERVERS),
            "no address left"
        );
        let addresses: Vec<String> = (0..MAIL_SERVERS)
            .map(mail_address)
            .take(personalities.len())
            .collect();
        let log = self.write("postfix/log/mail.log", "");
        let folder = self.path("postfix");
        let [queue, data] = ["queue", "data"].map(|name| folder.join(name));
        for own in [&queue, &data] {
            fs::create_dir_all(own).unwrap();
            fs::set_permissions(own, Permissions::from_mode(0o755)).unwrap();
        }
        let config = folder.join("etc");
        let recipients = format!("{MAILBOX} x\npostmaster@{DOMAIN} x\nabuse@{DOMAIN} x\n");
        self.write("postfix/etc/recipients", &recipients);
        self.write("postfix/etc/senders", senders);
        let transport = format!("lmtp:inet:{}:24", address::MAILBOXES);
        self.write(
            "postfix/etc/main.cf",
            &format!(
                r#"compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {log}
maillog_file_prefixes = {folder}
myhostname = {HOST}
mydestination = {DOMAIN}
local_recipient_maps = texthash:{config}/recipients
local_transport = {transport}
# where mail for others would go: a mailbox that the test can read
transport_maps = inline:{{ {{outside.example={transport}}} }}
default_transport = discard
alias_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = {interfaces}
inet_protocols = {protocols}
smtpd_sender_login_maps = texthash:{config}/senders
smtp_dns_support_level = enabled
# else each transaction that is abandoned or thrown away costs the next one a second
in_flow_delay = 0s
biff = no
smtpd_tls_loglevel = 1
"#,
                queue = queue.display(),
                data = data.display(),
                log = log.display(),
                folder = folder.display(),
                config = config.display(),
                interfaces = interfaces(personalities, &addresses),
                protocols = match by_ipv6(personalities) {
                    true => "all",
                    false => "ipv4",
                },
            ),
        );
        self.write(
            "postfix/etc/master.cf",
            &services(personalities, &addresses),
        );
        let config = config.to_str().unwrap();
        self.run(Side::Servers, "chown", &["postfix", data.to_str().unwrap()]);
        self.run(Side::Servers, "postfix", &["-c", config, "check"]);
        let master = "/usr/lib/postfix/sbin/master";
        self.start("postfix", master, &["-c", config, "-s"], &[log]);
        for (at, personality) in addresses.iter().zip(personalities) {
            for (port, _) in personality.ports() {
                // With TLS from the first byte there is nothing to read before the handshake.
                if port != 465 {
                    self.wait_for("postfix", || self.banner(at, port).is_some());
                }
            }
        }
        addresses
    }
}

fn by_ipv6(personalities: &[Personality]) -> bool {
    let mut all = personalities.iter();
    all.any(|personality| matches!(personality, Personality::OpenOnIpv6))
}

fn interfaces(personalities: &[Personality], addresses: &[String]) -> String {
    let mut all = addresses.to_vec();
    if by_ipv6(personalities) {
        all.push(address::MAIL_6.to_owned());
    }
    all.join(", ")
}

/// master.cf: the inner services, then one smtpd for each personality.
fn services(personalities: &[Personality], addresses: &[String]) -> String {
    let mut text = String::from(
        "pickup unix n - n 60 1 pickup\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         rewrite-odd unix - - n - - trivial-rewrite\n  \
           -o allow_percent_hack=no -o swap_bangpath=no -o resolve_dequoted_address=no\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         verify unix - - n - 1 verify\n\
         flush unix n - n 1000? 0 flush\n\
         proxymap unix - - n - - proxymap\n\
         smtp unix - - n - - smtp\n\
         relay unix - - n - - smtp\n\
         showq unix n - n - - showq\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         discard unix - - n - - discard\n\
         lmtp unix - - n - - lmtp\n\
         anvil unix - - n - 1 anvil\n\
         scache unix - - n - 1 scache\n\
         postlog unix-dgram n - n - 1 postlogd\n",
    );
    for (at, personality) in addresses.iter().zip(personalities) {
        for (port, parameters) in personality.ports() {
            text.push_str(&format!("{at}:{port} inet n - n - - smtpd\n"));
            for parameter in parameters {
                text.push_str(&format!("  -o {{ {parameter} }}\n"));
            }
        }
        if matches!(personality, Personality::OpenOnIpv6) {
            text.push_str(&format!(
                "[{}]:25 inet n - n - - smtpd\n  -o {{ mynetworks = [::]/0 }}\n",
                address::MAIL_6
            ));
        }
    }
    text
}
