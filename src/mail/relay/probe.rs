//! A variant and the names of a site become the exact lines to send, or a reason why not.

use serde::{Deserialize, Serialize};

use super::id::{self, Id};
use super::names::{Domain, MAX_HOSTS, Mailbox, Names, literal};
use super::variant::{Greeting, Kind, Lead, Style, Variant};

/// One thing to try: the lines of one or two transactions. The reply to the last line is the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Id of the variant.
    #[serde(deserialize_with = "id::one")]
    pub variant: Id,
    /// What an accepted recipient is worth.
    pub kind: Kind,
    /// Which accepted controls take that worth away.
    pub worth: Worth,
    /// The word of the greeting this probe needs.
    pub greeting: Greeting,
    /// The name said in the greeting.
    pub helo: String,
    /// The commands, without line ends, MAIL first and the judged RCPT last.
    pub lines: Vec<Line>,
}

impl Probe {
    /// The MAIL command of the judged transaction.
    pub fn mail(&self) -> &str {
        self.last(Stage::Mail)
    }

    /// The judged RCPT command.
    pub fn rcpt(&self) -> &str {
        self.last(Stage::Rcpt)
    }

    /// A message in the judged transaction reaches nobody but its external recipient.
    pub fn goes_to_strangers_alone(&self) -> bool {
        let judged = self.lines.iter().rev();
        judged.take_while(|line| line.stage != Stage::Mail).count() == 1
    }

    fn last(&self, stage: Stage) -> &str {
        self.lines
            .iter()
            .rfind(|l| l.stage == stage)
            .map_or("", |l| l.text.as_str())
    }
}

/// One command of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which command it is.
    pub stage: Stage,
    /// The command without its line end.
    pub text: String,
}

/// The commands a probe is made of. DATA is deliberately absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Stage {
    /// MAIL FROM: opens a transaction.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// RSET: ends a transaction without mail.
    Rset,
}

/// How an accepted recipient is to be weighed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// The recipient is external, by form or (source routes) by effect: it counts when the server
    /// refuses at least one of the impossible recipients K01 and K05.
    External,
    /// The recipient is external only to a server that decodes it: it counts unless one of these
    /// controls was accepted.
    Encoded(#[serde(deserialize_with = "id::several")] Vec<Id>),
    /// A control.
    Control,
}

/// A variant, or one of its forms, that cannot be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Id of the variant.
    #[serde(deserialize_with = "id::one")]
    pub variant: Id,
    /// What is missing, and from where it would come.
    pub reason: String,
}

/// All probes of one variant, and the forms that lack a name.
pub fn write_out(variant: &Variant, names: &Names) -> (Vec<Probe>, Vec<LeftOut>) {
    let mut probes: Vec<Probe> = Vec::new();
    let mut left_out: Vec<LeftOut> = Vec::new();
    for form in forms(variant) {
        for (host, domain) in form.bindings(names) {
            let bound = Bound {
                names,
                host,
                domain,
                variant: variant.id,
            };
            match form.probe(&bound) {
                Ok(probe) if !probes.contains(&probe) => probes.push(probe),
                Ok(_) => {}
                Err(reason) => {
                    let missing = LeftOut {
                        variant: variant.id,
                        reason,
                    };
                    if !left_out.contains(&missing) {
                        left_out.push(missing);
                    }
                }
            }
        }
    }
    (probes, left_out)
}

/// One combination of a variant's templates.
struct Form<'a> {
    variant: &'a Variant,
    mail: &'static str,
    rcpt: &'static str,
    helo: &'static str,
    style: Style,
}

/// A form's placeholders, bound to one host name and one domain.
struct Bound<'a> {
    names: &'a Names,
    host: Option<&'a Domain>,
    domain: Option<&'a Domain>,
    variant: &'static str,
}

fn forms(variant: &Variant) -> Vec<Form<'_>> {
    let mut forms = Vec::new();
    for &helo in variant.helo {
        for &style in variant.styles {
            for &mail in variant.mail {
                for &rcpt in variant.rcpt {
                    forms.push(Form {
                        variant,
                        mail,
                        rcpt,
                        helo,
                        style,
                    });
                }
            }
        }
    }
    forms
}

impl Form<'_> {
    /// The host names and domains this form runs through; one empty binding where it needs none.
    fn bindings<'n>(&self, names: &'n Names) -> Vec<(Option<&'n Domain>, Option<&'n Domain>)> {
        let uses = |name| {
            [self.mail, self.rcpt, self.helo]
                .iter()
                .any(|t| t.contains(name))
        };
        let hosts = if uses("{H}") {
            distinct(&names.hosts, MAX_HOSTS)
        } else {
            Vec::new()
        };
        let domains = if uses("{lu}") || self.variant.lead != Lead::None {
            // The valid mailbox belongs to one domain; elsewhere it would be a guess.
            names.mailbox.iter().map(Mailbox::domain).collect()
        } else if uses("{L}") {
            distinct(&names.domains, usize::MAX)
        } else {
            Vec::new()
        };
        let mut bindings = Vec::new();
        for host in or_none(hosts) {
            for domain in or_none(domains.clone()) {
                bindings.push((host, domain));
            }
        }
        bindings
    }

    fn probe(&self, bound: &Bound<'_>) -> Result<Probe, String> {
        let mail = self.mail_line(&bound.fill(self.mail)?);
        let rcpt = self.rcpt_line(&bound.fill(self.rcpt)?);
        let mut lines = vec![mail];
        match self.variant.lead {
            Lead::None => {}
            Lead::Recipient => lines.push(self.rcpt_line(&bound.fill("{lu}@{L}")?)),
            Lead::Transaction => {
                let opening = lines[0].clone();
                lines.push(self.rcpt_line(&bound.fill("{lu}@{L}")?));
                lines.push(Line {
                    stage: Stage::Rset,
                    text: self.verb("RSET"),
                });
                lines.push(opening);
            }
        }
        lines.push(rcpt);
        Ok(Probe {
            variant: self.variant.id,
            kind: self.variant.kind,
            worth: worth(self.variant.kind, self.rcpt),
            greeting: self.style.greeting,
            helo: bound.fill(self.helo)?,
            lines,
        })
    }

    fn mail_line(&self, address: &str) -> Line {
        Line {
            stage: Stage::Mail,
            text: self.command("MAIL FROM:", address),
        }
    }

    fn rcpt_line(&self, address: &str) -> Line {
        Line {
            stage: Stage::Rcpt,
            text: self.command("RCPT TO:", address),
        }
    }

    fn command(&self, verb: &str, address: &str) -> String {
        let space = if self.style.space { " " } else { "" };
        let verb = self.verb(verb);
        if self.style.brackets {
            format!("{verb}{space}<{address}>")
        } else {
            format!("{verb}{space}{address}")
        }
    }

    fn verb(&self, verb: &str) -> String {
        if self.style.lower_case {
            verb.to_ascii_lowercase()
        } else {
            verb.to_string()
        }
    }
}

impl Bound<'_> {
    /// Puts values in the place of placeholders.
    fn fill(&self, template: &str) -> Result<String, String> {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after
                .split_once('}')
                .ok_or("the template ends inside a placeholder")?;
            text.push_str(before);
            text.push_str(&self.value(name)?);
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }

    fn value(&self, placeholder: &str) -> Result<String, String> {
        let names = self.names;
        let nonce = names.nonce.as_str();
        Ok(match placeholder {
            "T" => literal(names.target),
            "H" => self
                .host
                .ok_or("no host name of the server is known")?
                .to_string(),
            "L" => self
                .domain
                .ok_or("the site names no mail domain")?
                .to_string(),
            "lu" => self.mailbox()?.local().to_string(),
            "bad" => format!("nx{nonce}"),
            "bad2" => format!("{nonce}nx"),
            "rand" => format!("r{nonce}"),
            "sf" => self.sender()?.local().to_string(),
            "E" => self.sender()?.domain().to_string(),
            "st" => self.marked_recipient()?,
            "E2" => self.recipient()?.domain().to_string(),
            "E2_UPPER" => self.recipient()?.domain().as_str().to_ascii_uppercase(),
            "me" => literal(
                names
                    .own_address
                    .ok_or("the tester's own address is not known")?,
            ),
            "X" => match &names.helo {
                Some(name) => name.to_string(),
                None => self.fill("[{me}]")?,
            },
            "imcea" => imcea(&format!(
                "{}@{}",
                self.marked_recipient()?,
                self.recipient()?.domain()
            )),
            other => return Err(format!("the template names an unknown value {other}")),
        })
    }

    fn mailbox(&self) -> Result<&Mailbox, String> {
        self.names
            .mailbox
            .as_ref()
            .ok_or_else(|| "the site names no mailbox that exists".to_string())
    }

    fn sender(&self) -> Result<&Mailbox, String> {
        self.foreign(self.names.sender.as_ref(), "sender")
    }

    fn recipient(&self) -> Result<&Mailbox, String> {
        self.foreign(self.names.recipient.as_ref(), "recipient")
    }

    /// A probe address at a domain the server itself serves would make an honest server look open.
    fn foreign<'m>(&self, mailbox: Option<&'m Mailbox>, role: &str) -> Result<&'m Mailbox, String> {
        let mailbox = mailbox.ok_or_else(|| format!("the site names no probe {role}"))?;
        let domain = mailbox.domain();
        if self.names.domains.contains(domain) || self.names.hosts.contains(domain) {
            return Err(format!(
                "the probe {role}'s domain {domain} is served by this server"
            ));
        }
        Ok(mailbox)
    }

    /// The recipient's local part with a mark of run and variant in its plus part.
    fn marked_recipient(&self) -> Result<String, String> {
        let local = self.recipient()?.local();
        let marked = format!(
            "{local}+{}{}",
            self.names.nonce.as_str(),
            self.variant.to_ascii_lowercase()
        );
        // RFC 5321 4.5.3.1.1: a longer one is refused for its length, which would look like "closed".
        if marked.len() > 64 {
            return Err("the probe recipient's local part is too long to carry a mark".to_string());
        }
        Ok(marked)
    }
}

/// Exchange's encapsulation: letters, digits, `=` and `-` stay, `/` becomes `_`, the rest `+` and hex.
fn imcea(address: &str) -> String {
    let mut text = String::from("IMCEASMTP-");
    for byte in address.bytes() {
        match byte {
            b'/' => text.push('_'),
            b'=' | b'-' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            _ => text.push_str(&format!("+{byte:02X}")),
        }
    }
    text
}

/// Which controls speak for a recipient of this form.
fn worth(kind: Kind, rcpt: &str) -> Worth {
    match kind {
        Kind::R => Worth::External,
        Kind::C => Worth::Control,
        Kind::E if rcpt.starts_with('@') => Worth::External,
        Kind::E => {
            let mut controls = vec!["K01", "K05"];
            let outside_quotes: String = rcpt.split('"').step_by(2).collect();
            if !outside_quotes.contains('@') {
                controls.push("K03");
            }
            if rcpt.contains('%') {
                controls.push("K04");
            }
            if rcpt.ends_with("[{T}]") {
                controls.push("K07");
            }
            Worth::Encoded(controls)
        }
    }
}

fn distinct(names: &[Domain], limit: usize) -> Vec<&Domain> {
    let mut seen: Vec<&Domain> = Vec::new();
    for name in names {
        if !seen.contains(&name) && seen.len() < limit {
            seen.push(name);
        }
    }
    seen
}

/// The values, or the one empty binding.
fn or_none<T>(values: Vec<&T>) -> Vec<Option<&T>> {
    if values.is_empty() {
        vec![None]
    } else {
        values.into_iter().map(Some).collect()
    }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
