//! Exim: one server, open to all or as careful as Debian's. Its package conflicts with Postfix, so `tests/install` unpacks it
//! into a folder of its own and installs nothing.

use std::path::Path;

use super::network::address;
use super::postfix::{DOMAIN, HOST, MAILBOX};
use super::{Lab, Side};

/// Where `tests/install` unpacks it.
const PROGRAM: &str = "/opt/mailmedic-laboratory/exim/usr/sbin/exim4";

/// `name%host@its.domain` goes to `name@host`.
const PERCENT_HACK: &str = r"percent:
  driver = redirect
  local_parts = ^.*%
  data = ${sg{$local_part}{%}{@}}
";

/// What an Exim does with strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exim {
    /// Takes every recipient, and passes on mail for others.
    Open,
    /// Mail for its own domain only, known recipients only.
    Closed,
    /// Passes on `name%host@its.domain`, as servers did once, and refuses plain strangers.
    PercentHack,
}

impl Exim {
    /// The conditions of its recipient list.
    fn recipients(self) -> String {
        let own = format!(
            "accept domains = {DOMAIN}\n  recipients = {MAILBOX} : postmaster@{DOMAIN} : abuse@{DOMAIN}\n\
             deny domains = {DOMAIN}\n  message = unknown user\n"
        );
        let rest = "deny message = relay not permitted\n";
        match self {
            Exim::Open => "accept\n".to_owned(),
            Exim::Closed => format!("{own}{rest}"),
            Exim::PercentHack => {
                format!("accept domains = {DOMAIN}\n  local_parts = ^.*%\n{own}{rest}")
            }
        }
    }
}

impl Lab {
    /// Starts an Exim at the last mail server address and waits until it greets. Returns the address.
    pub(crate) fn exim(&self, personality: Exim) -> String {
        let at = address::EXIM;
        let folder = self.path("exim");
        let log = self.write("exim/log/main", "");
        std::fs::create_dir_all(folder.join("spool")).unwrap();
        let config = self.write(
            "exim/exim.conf",
            &format!(
                r#"primary_hostname = {HOST}
local_interfaces = {at}
daemon_smtp_ports = 25
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/exim.pid
exim_user = mail
exim_group = mail
deliver_drop_privilege = yes
never_users =
keep_environment =
tls_advertise_hosts =
allow_domain_literals = yes
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 20
acl_smtp_rcpt = recipients
begin acl
recipients:
{recipients}
begin routers
{percent}outside:
  driver = manualroute
  domains = outside.example
  route_list = * {mailboxes}
  transport = mailboxes
  self = send
own:
  driver = redirect
  domains = {DOMAIN} : @[]
  local_parts = info : postmaster : abuse
  data = :blackhole:
unknown:
  driver = redirect
  domains = {DOMAIN} : @[]
  allow_fail
  data = :fail: no such user here
others:
  driver = redirect
  data = :blackhole:
begin transports
mailboxes:
  driver = smtp
  protocol = lmtp
  port = 24
begin retry
* * F,1h,1m
"#,
                folder = folder.display(),
                percent = match personality {
                    Exim::PercentHack => PERCENT_HACK,
                    _ => "",
                },
                recipients = personality.recipients(),
                mailboxes = address::MAILBOXES,
            ),
        );
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        self.run(Side::Servers, "chown", &["-R", "mail:mail", &text(&folder)]);
        // A configuration that others may write is refused.
        self.run(Side::Servers, "chown", &["root:root", &text(&config)]);
        self.start(
            "exim",
            PROGRAM,
            &["-C", &text(&config), "-bdf", "-q1m"],
            &[log],
        );
        self.wait_for("exim", || self.banner(at, 25).is_some());
        at.to_owned()
    }
}
