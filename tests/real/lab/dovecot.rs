//! Dovecot: the mailboxes that mail ends in (LMTP, IMAP), and the passwords that the smarthost asks for.

use super::certificates::Certificate;
use super::network::address;
use super::{Lab, Side};

/// The password of every account.
pub(crate) const PASSWORD: &str = "correct-horse-4711";

impl Lab {
    /// Starts Dovecot with these accounts (all with [`PASSWORD`]) at [`address::MAILBOXES`]: IMAP on 143 and 993, LMTP on
    /// 24, the password service for Postfix on 12345. Waits until IMAP and LMTP greet.
    pub(crate) fn mailboxes(&self, accounts: &[&str], certificate: &Certificate) {
        let log = self.write("dovecot/dovecot.log", "");
        let accounts: String = accounts
            .iter()
            .map(|account| format!("{account}:{{PLAIN}}{PASSWORD}\n"))
            .collect();
        let users = self.write("dovecot/users", &accounts);
        let mail = self.path("dovecot/mail");
        std::fs::create_dir_all(&mail).unwrap();
        self.run(
            Side::Servers,
            "chown",
            &["mail:mail", mail.to_str().unwrap()],
        );
        let config = format!(
            r#"base_dir = {folder}/run
state_dir = {folder}/state
log_path = {log}
listen = {at}
protocols = imap lmtp
# every attempt with a password leaves a line: tests count them
auth_verbose = yes
auth_debug = yes
auth_mechanisms = plain login
disable_plaintext_auth = no
auth_failure_delay = 0
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
first_valid_uid = 1
mail_location = maildir:~/Maildir
lmtp_save_to_detail_mailbox = yes
lda_mailbox_autocreate = yes
recipient_delimiter = +
auth_username_format = %Lu
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={mail}/%u
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  chroot =
}}
service lmtp {{
  inet_listener lmtp {{
    port = 24
  }}
}}
service auth {{
  inet_listener {{
    port = 12345
  }}
}}
"#,
            folder = self.path("dovecot").display(),
            log = log.display(),
            at = address::MAILBOXES,
            certificate = certificate.certificate.display(),
            key = certificate.key.display(),
            users = users.display(),
            mail = mail.display(),
        );
        let config = self.write("dovecot/dovecot.conf", &config);
        let config = config.to_str().unwrap();
        self.start("dovecot", "dovecot", &["-F", "-c", config], &[log]);
        for port in [143, 24] {
            self.wait_for("dovecot", || {
                self.banner(address::MAILBOXES, port).is_some()
            });
        }
    }

    /// The headers of all messages in an account's inbox, with the IMAP dialogue around them.
    pub(crate) fn inbox(&self, account: &str) -> String {
        let script = format!(
            "exec 3<>/dev/tcp/{}/143; printf 'a LOGIN \"%s\" \"%s\"\\r\\nb SELECT INBOX\\r\\n\
             c FETCH 1:* BODY[HEADER]\\r\\nd LOGOUT\\r\\n' '{account}' '{PASSWORD}' >&3; timeout 5 cat <&3",
            address::MAILBOXES
        );
        self.run(Side::Client, "bash", &["-c", &script])
    }

    /// How many times a password was offered to the smarthosts so far, right or wrong.
    pub(crate) fn password_attempts(&self) -> usize {
        self.log("dovecot")
            .lines()
            .filter(|line| line.contains("client in: AUTH") && line.contains("service=smtp"))
            .count()
    }
}
