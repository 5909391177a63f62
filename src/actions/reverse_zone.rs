//! The zone that holds a reverse name, and who runs it by its SOA record.

use serde::Serialize;

use crate::probes::Dns;
use crate::probes::dns::{Outcome, Question, RecordKind};

/// Names asked about above one reverse name.
const MOST_TRIES: usize = 12;

/// A reverse zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Zone {
    /// Its name, `113.0.203.in-addr.arpa`.
    pub(super) name: String,
    /// Its primary name server.
    pub(super) primary: String,
    /// The mailbox of who is responsible.
    pub(super) contact: String,
}

/// The zone that holds `name`: the nearest name above with an SOA record. None: there is none below the reverse tree itself.
///
/// # Errors
/// Why it cannot be told: the name server of a zone on the way does not answer.
pub(super) async fn around(dns: &Dns, name: String) -> Result<Option<Zone>, String> {
    let mut name = name.as_str();
    let mut tries = 0;
    while let Some((_, parent)) = name.split_once('.') {
        // IPv6 zones are cut at a few places, not at each of 32 nibbles.
        let labels = parent.split('.').count();
        let likely =
            !parent.ends_with("ip6.arpa") || labels <= 18 && (labels % 2 == 0 || labels <= 10);
        if parent == "in-addr.arpa" || parent == "ip6.arpa" || tries > MOST_TRIES {
            return Ok(None);
        }
        name = parent;
        if !likely {
            continue;
        }
        tries += 1;
        let answer = dns.query(&Question::new(parent, RecordKind::Soa)).await;
        if let Some(soa) = answer.soa() {
            return Ok(Some(Zone {
                name: parent.to_owned(),
                // a server may give back the odd case of the question (0x20), by compression
                primary: soa.mname.trim_end_matches('.').to_ascii_lowercase(),
                contact: mailbox(&soa.rname),
            }));
        }
        if !matches!(answer.outcome, Outcome::NoData | Outcome::NxDomain) {
            return Err(format!("{} {}", answer.question, answer.outcome));
        }
    }
    Ok(None)
}

/// `hostmaster.isp.example` as `hostmaster@isp.example`; a dot before the `@` is escaped (RFC 1035 §5.1, §8).
fn mailbox(rname: &str) -> String {
    let rname = rname.trim_end_matches('.');
    let mut local = String::new();
    let mut characters = rname.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => local.extend(characters.next()),
            '.' => return format!("{local}@{}", characters.as_str().to_ascii_lowercase()),
            c => local.push(c),
        }
    }
    local
}

#[cfg(test)]
mod tests {
    #[test]
    fn mailboxes_are_read_from_soa() {
        for (rname, expected) in [
            ("hostmaster.isp.example.", "hostmaster@isp.example"),
            ("hostmaster.iSp.EXample.", "hostmaster@isp.example"),
            ("dns\\.admin.isp.example", "dns.admin@isp.example"),
            ("root", "root"),
        ] {
            assert_eq!(super::mailbox(rname), expected);
        }
    }
}
