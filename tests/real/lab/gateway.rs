//! The gateway that mailmedic's own templates describe, run as they were rendered.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use mailmedic::templates::Templates;
use serde_json::{Value, json};

use super::certificates::Certificate;
use super::dovecot::PASSWORD;
use super::network::{address, mail_address};
use super::postfix::DOMAIN;
use super::{Lab, Side};

impl Lab {
    /// Starts the gateway at the second mail server's address, in front of `smtp.relay.example` port 465, and waits until its
    /// ports greet. `old_servers` may hand mail over on port 25; without any, nothing listens there. The people's passwords
    /// are those of [`Lab::mailboxes`]. Returns its address.
    pub(crate) fn gateway(&self, certificate: &Certificate, old_servers: &[&str]) -> String {
        let at = mail_address(1);
        let folder = self.path("gateway");
        let [queue, data] = ["queue", "data"].map(|name| folder.join(name));
        for own in [&queue, &data] {
            fs::create_dir_all(own).unwrap();
            fs::set_permissions(own, Permissions::from_mode(0o755)).unwrap();
        }
        let config = folder.join("etc");
        let users = self.write("gateway/users", "office:{PLAIN}unused\n");
        let values = json!({
            "site": {"name": "Office", "domains": [DOMAIN]},
            "gateway": "gateway.office.example",
            "listen": at,
            "old_servers": old_servers,
            "accounts": ["info@office.example office"],
            "messages_per_hour": 200,
            "recipients_per_hour": 500,
            "smarthost": "smtp.relay.example",
            "port": 465,
            "folder": config,
            "queue": queue,
            "users": users,
            "certificate": certificate.chain,
            "authorities": self.authority(),
        });
        for name in ["guide.md", "master.cf", "senders"] {
            self.render(name, &values);
        }
        let account = format!("[smtp.relay.example]:465 office:{PASSWORD}\n");
        self.write("gateway/etc/smarthost-password", &account);
        // Where this laboratory keeps what a real machine has in /var, and who knows the passwords.
        let log = self.write("gateway/log/mail.log", "");
        let passwords = format!("inet:{}:12345", address::MAILBOXES);
        let main = self
            .render("main.cf", &values)
            .replace("private/auth", &passwords)
            .replace("/var/log/mail.log", log.to_str().unwrap());
        let main = format!(
            "{main}queue_directory = {}\ndata_directory = {}\nmaillog_file_prefixes = {}\n\
             command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n",
            queue.display(),
            data.display(),
            folder.display(),
        );
        self.write("gateway/etc/main.cf", &main);
        self.run(Side::Servers, "chown", &["postfix", data.to_str().unwrap()]);
        let config = config.to_str().unwrap();
        let check = self.output(Side::Servers, "postfix", &["-c", config, "check"]);
        let said = String::from_utf8_lossy(&check.stderr).into_owned();
        assert!(check.status.success() && said.is_empty(), "{said}");
        // Parameters that no program knows are only told here.
        let unused = self.output(Side::Servers, "postconf", &["-c", config, "-n"]);
        let said = String::from_utf8_lossy(&unused.stderr).into_owned();
        assert!(unused.status.success() && said.is_empty(), "{said}");
        self.render("dovecot.conf", &values);
        let dovecot = self.path("gateway/etc/dovecot.conf");
        self.run(
            Side::Servers,
            "doveconf",
            &["-n", "-c", dovecot.to_str().unwrap()],
        );
        let master = "/usr/lib/postfix/sbin/master";
        self.start("gateway", master, &["-c", config, "-s"], &[log]);
        for port in [25, 587] {
            if port != 25 || !old_servers.is_empty() {
                self.wait_for("gateway", || self.banner(&at, port).is_some());
            }
        }
        at
    }

    /// Renders one of the gateway's files into its folder and returns its text.
    fn render(&self, name: &str, values: &Value) -> String {
        let text = Templates::new(None)
            .render(&format!("gateway-postfix/{name}"), values)
            .unwrap_or_else(|error| panic!("cannot render {name}: {error}"));
        assert!(!text.contains("{{"), "{text}");
        self.write(format!("gateway/etc/{name}"), &text);
        text
    }
}
