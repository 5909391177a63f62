//! MTA-STS (RFC 8461): the record that announces a policy, the policy itself, and whether it covers the mail exchangers;
//! beside it TLS reports (RFC 8460).

use super::tag_list::TagList;

/// The version of the record and of the policy.
const VERSION: &str = "STSv1";
/// Most seconds a policy may be kept (§3.2): about a year.
const LONGEST_AGE: u64 = 31_557_600;
/// Below a day a policy protects little: it is gone before somebody notices an attack.
pub const SHORT_AGE: u64 = 86_400;

/// What senders do when the policy does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They do not deliver.
    Enforce,
    /// They report.
    Testing,
    /// There is no policy any more.
    None,
}

impl Mode {
    /// The word of the policy file.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Enforce => "enforce",
            Mode::Testing => "testing",
            Mode::None => "none",
        }
    }
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What senders do.
    pub mode: Mode,
    /// Names of mail exchangers; `*.` stands for one label.
    pub mx: Vec<String>,
    /// Seconds senders keep it.
    pub max_age: u64,
}

/// The name of the record.
pub fn record_name(domain: &str) -> String {
    format!("_mta-sts.{domain}")
}

/// The host of the policy.
pub fn policy_host(domain: &str) -> String {
    format!("mta-sts.{domain}")
}

/// The path of the policy.
pub const POLICY_PATH: &str = "/.well-known/mta-sts.txt";

/// Whether a text record is meant to announce a policy.
pub fn is_record(text: &str) -> bool {
    text.trim_start()
        .to_ascii_lowercase()
        .starts_with("v=stsv1")
}

/// Reads the record; gives its id.
///
/// # Errors
/// What makes senders pass over it (§3.1).
pub fn record(text: &str) -> Result<String, String> {
    let list = TagList::read(text);
    if !list.begins_with(VERSION) {
        return Err("it must begin with 'v=STSv1;'".to_owned());
    }
    if let Some(fault) = list.faults.first() {
        return Err(fault.clone());
    }
    let id = list.get("id").ok_or("'id=' is missing")?;
    if id.is_empty() || id.len() > 32 || !id.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("the id '{id}' must be 1 to 32 letters and digits"));
    }
    Ok(id.to_owned())
}

/// Reads a policy file (§3.2).
///
/// # Errors
/// Everything that is wrong with it.
pub fn policy(text: &str) -> Result<Policy, Vec<String>> {
    let mut faults = Vec::new();
    let (mut version, mut mode, mut age, mut mx) = (None, None, None, Vec::new());
    for line in text.lines().map(str::trim_end).filter(|l| !l.is_empty()) {
        let Some((key, value)) = line.split_once(':') else {
            faults.push(format!("the line '{line}' has no colon"));
            continue;
        };
        let value = value.trim();
        match key.trim() {
            "version" => version = version.or(Some(value)),
            "mode" => mode = mode.or(Some(value)),
            "max_age" => age = age.or(Some(value)),
            "mx" => {
                let name = value.trim_end_matches('.').to_ascii_lowercase();
                let bare = name.strip_prefix("*.").unwrap_or(&name);
                if bare.is_empty() || bare.contains('*') || !bare.contains('.') {
                    faults.push(format!("'mx: {value}' is no name of a mail exchanger"));
                } else {
                    mx.push(name);
                }
            }
            // unknown keys are passed over
            _ => {}
        }
    }
    match version {
        Some(VERSION) => {}
        Some(other) => faults.push(format!("the version is '{other}', not '{VERSION}'")),
        None => faults.push(format!("the line 'version: {VERSION}' is missing")),
    }
    let mode = match mode {
        Some("enforce") => Some(Mode::Enforce),
        Some("testing") => Some(Mode::Testing),
        Some("none") => Some(Mode::None),
        Some(other) => {
            faults.push(format!(
                "the mode is '{other}', not enforce, testing or none"
            ));
            None
        }
        None => {
            faults.push("the line 'mode:' is missing".to_owned());
            None
        }
    };
    let max_age = match age.map(str::parse::<u64>) {
        Some(Ok(age)) if age <= LONGEST_AGE => Some(age),
        Some(Ok(_)) => {
            faults.push(format!("max_age is more than {LONGEST_AGE} seconds"));
            None
        }
        Some(Err(_)) => {
            faults.push("max_age is no number of seconds".to_owned());
            None
        }
        None => {
            faults.push("the line 'max_age:' is missing".to_owned());
            None
        }
    };
    if mx.is_empty() && mode != Some(Mode::None) && faults.is_empty() {
        faults.push("no line 'mx:' names a mail exchanger".to_owned());
    }
    match (mode, max_age) {
        (Some(mode), Some(max_age)) if faults.is_empty() => Ok(Policy { mode, mx, max_age }),
        _ => Err(faults),
    }
}

impl Policy {
    /// Whether the policy names this mail exchanger (§4.1): a `*` stands for exactly one label.
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.mx
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(rest) => host.split_once('.').is_some_and(|(_, tail)| tail == rest),
                None => *pattern == host,
            })
    }
}

/// The name of the record about TLS reports.
pub fn report_name(domain: &str) -> String {
    format!("_smtp._tls.{domain}")
}

/// Whether a text record is meant to ask for TLS reports.
pub fn is_report_record(text: &str) -> bool {
    text.trim_start()
        .to_ascii_lowercase()
        .starts_with("v=tlsrptv1")
}

/// Reads the record that asks for TLS reports (RFC 8460 §3); gives where they go.
///
/// # Errors
/// What makes senders pass over it.
pub fn report_record(text: &str) -> Result<Vec<String>, String> {
    let list = TagList::read(text);
    if !list.begins_with("TLSRPTv1") {
        return Err("it must begin with 'v=TLSRPTv1;'".to_owned());
    }
    if let Some(fault) = list.faults.first() {
        return Err(fault.clone());
    }
    let rua = list.get("rua").ok_or("'rua=' is missing")?;
    let targets: Vec<String> = rua
        .split(',')
        .map(|target| target.trim().to_owned())
        .filter(|target| !target.is_empty())
        .collect();
    if targets.is_empty() {
        return Err("'rua=' names no place for reports".to_owned());
    }
    for target in &targets {
        let mail = target.strip_prefix("mailto:");
        let good = mail.is_some_and(|mail| mail.contains('@')) || target.starts_with("https://");
        if !good {
            return Err(format!(
                "'{target}' is no place for reports: write mailto:NAME@DOMAIN or an https:// address"
            ));
        }
    }
    Ok(targets)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_or_refused_with_the_reason() {
        assert_eq!(
            record("v=STSv1; id=20261124T080000;").unwrap(),
            "20261124T080000"
        );
        for (text, part) in [
            ("id=1; v=STSv1", "must begin"),
            ("v=STSv1;", "missing"),
            ("v=STSv1; id=2026-11-24", "letters and digits"),
            ("v=STSv1 id=1", "must begin"),
        ] {
            let why = record(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
        assert_eq!(
            report_record("v=TLSRPTv1; rua=mailto:tls@example.com,https://r.example/tls")
                .unwrap()
                .len(),
            2
        );
        for (text, part) in [
            ("v=TLSRPTv1;", "missing"),
            ("v=TLSRPTv1; rua=tls@example.com", "no place for reports"),
            ("v=TLSRPTv1; rua=http://r.example/", "no place for reports"),
            ("v=TLSRPTv1; rua=", "names no place"),
        ] {
            let why = report_record(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
    }

    #[test]
    fn policies_are_read_and_a_star_is_one_label() {
        let good = policy("version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.mx.example.net\r\nmax_age: 604800\r\n").unwrap();
        for (host, covered) in [
            ("mail.example.com", true),
            ("MAIL.example.com.", true),
            ("a.mx.example.net", true),
            ("a.b.mx.example.net", false),
            ("mx.example.net", false),
            ("other.example.com", false),
        ] {
            assert_eq!(good.covers(host), covered, "{host}");
        }
        assert!(policy("version: STSv1\nmode: none\nmax_age: 60\n").is_ok());
        for (text, part) in [
            ("<html>", "has no colon"),
            (
                "version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1",
                "the version",
            ),
            (
                "version: STSv1\nmode: on\nmx: a.example\nmax_age: 1",
                "the mode",
            ),
            ("version: STSv1\nmode: enforce\nmx: a.example", "max_age"),
            (
                "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 99999999",
                "more than",
            ),
            ("version: STSv1\nmode: enforce\nmax_age: 1", "no line 'mx:'"),
            (
                "version: STSv1\nmode: enforce\nmx: mail.*.example\nmax_age: 1",
                "no name of a mail exchanger",
            ),
        ] {
            let faults = policy(text).unwrap_err();
            assert!(
                faults.iter().any(|fault| fault.contains(part)),
                "{text}: {faults:?}"
            );
        }
    }
}
