//! The mail exchangers of a domain (RFC 5321 §5.1, RFC 7505): what is wrong with them as far as DNS tells.

use std::net::IpAddr;

use super::lookup::{Ask, Found, Known, Lookup};

/// Exchangers looked at; nobody needs more.
const MOST: usize = 20;

/// One exchanger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanger {
    /// Lower is tried first.
    pub preference: u16,
    /// Its name.
    pub host: String,
    /// Its addresses, of both families.
    pub addresses: Vec<IpAddr>,
    /// The name it is an alias for.
    pub alias: Option<String>,
    /// Why its addresses are not all known.
    pub failed: Option<String>,
}

/// What kind of fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// No exchanger and no address: mail cannot be delivered.
    Missing,
    /// No exchanger, but an address, which senders use instead.
    Implicit,
    /// The domain says that it takes no mail.
    Null,
    /// The null MX beside others.
    NullBesides,
    /// The exchanger is an alias.
    Alias,
    /// The exchanger is written as an address.
    Literal,
    /// Its name leads nowhere.
    Dangling,
    /// It leads to an address that nobody outside can reach.
    Private,
    /// Two exchangers are one machine.
    Same,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which kind.
    pub kind: FaultKind,
    /// Which exchanger; empty for the domain as a whole.
    pub host: String,
    /// In words.
    pub what: String,
}

/// How a domain takes mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The exchangers, most preferred first.
    pub exchangers: Vec<Exchanger>,
    /// True for the null MX alone.
    pub null: bool,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Why it could not be told in full.
    pub uncertain: Option<String>,
}

/// Reads the exchangers of `domain`. `special` says what an address is set aside for, if it is.
///
/// # Errors
/// The questions that must be answered first.
pub fn read(
    domain: &str,
    known: &Known,
    special: impl Fn(IpAddr) -> Option<&'static str>,
) -> Result<Reading, Ask> {
    let mut reading = Reading::default();
    let question = Lookup::mx(domain);
    let found = known.get(&question)?;
    if let Some(why) = found.failure() {
        reading.uncertain = Some(format!("{question} could not be asked: {why}"));
        return Ok(reading);
    }
    let mut fault = |kind, host: &str, what: String| {
        reading.faults.push(Fault {
            kind,
            host: host.to_owned(),
            what,
        });
    };
    let all = found.exchangers();
    let null = |host: &str| host.is_empty() || host == ".";
    let hosts: Vec<(u16, String)> = all
        .iter()
        .filter(|(_, host)| !null(host))
        .take(MOST)
        .map(|(preference, host)| (*preference, host.trim_end_matches('.').to_ascii_lowercase()))
        .collect();
    if all.is_empty() {
        let (v4, v6) = (
            Lookup::A(domain.to_owned()),
            Lookup::Aaaa(domain.to_owned()),
        );
        known.all(&[v4.clone(), v6.clone()])?;
        let (v4, v6) = (known.get(&v4)?, known.get(&v6)?);
        if v4.addresses().is_empty() && v6.addresses().is_empty() {
            if let Some(why) = v4.failure().or(v6.failure()) {
                reading.uncertain = Some(format!(
                    "{domain} has no mail exchanger, and its address could not be asked: {why}"
                ));
                return Ok(reading);
            }
            fault(
                FaultKind::Missing,
                "",
                format!(
                    "{domain} has neither a mail exchanger nor an address: no mail can reach it"
                ),
            );
        } else {
            fault(
                FaultKind::Implicit,
                "",
                format!(
                    "{domain} has no mail exchanger; senders fall back to its address, often that of the web server"
                ),
            );
        }
        return Ok(reading);
    }
    if hosts.is_empty() {
        reading.null = true;
        fault(
            FaultKind::Null,
            "",
            format!(
                "{domain} says with a null MX that it takes no mail; many receivers refuse mail from such a domain"
            ),
        );
        return Ok(reading);
    }
    if hosts.len() < all.len().min(MOST) {
        fault(
            FaultKind::NullBesides,
            "",
            format!("{domain} has a null MX beside others; it may only stand alone (RFC 7505 §3)"),
        );
    }
    let questions: Vec<Lookup> = hosts
        .iter()
        .filter(|(_, host)| literal(host).is_none())
        .flat_map(|(_, host)| {
            [
                Lookup::A(host.clone()),
                Lookup::Aaaa(host.clone()),
                Lookup::cname(host),
            ]
        })
        .collect();
    known.all(&questions)?;
    let mut exchangers: Vec<Exchanger> = Vec::new();
    for (preference, host) in hosts {
        let mut one = Exchanger {
            preference,
            host: host.clone(),
            addresses: Vec::new(),
            alias: None,
            failed: None,
        };
        if let Some(address) = literal(&host) {
            fault(
                FaultKind::Literal,
                &host,
                format!(
                    "the exchanger is written as the address {address}; it must be a name (RFC 5321 §5.1)"
                ),
            );
            exchangers.push(one);
            continue;
        }
        let v4 = known.get(&Lookup::A(host.clone()))?;
        let v6 = known.get(&Lookup::Aaaa(host.clone()))?;
        one.addresses = [v4.addresses(), v6.addresses()].concat();
        if let Found::Cname(target) = known.get(&Lookup::cname(&host))? {
            one.alias = Some(target.clone());
            fault(
                FaultKind::Alias,
                &host,
                format!(
                    "{host} is an alias of {target}; an exchanger must have addresses of its own (RFC 2181 §10.3)"
                ),
            );
        }
        one.failed = v4.failure().or(v6.failure()).map(str::to_owned);
        match (&one.failed, one.addresses.is_empty()) {
            (Some(why), _) => {
                reading
                    .uncertain
                    .get_or_insert_with(|| format!("{host} could not be asked: {why}"));
            }
            (None, true) => fault(
                FaultKind::Dangling,
                &host,
                format!("{host} has no address: senders that try it wait in vain"),
            ),
            (None, false) => {}
        }
        for address in &one.addresses {
            if let Some(purpose) = special(*address) {
                fault(
                    FaultKind::Private,
                    &host,
                    format!(
                        "{host} leads to {address}, set aside for {purpose}: nobody outside can reach it"
                    ),
                );
            }
        }
        if !one.addresses.is_empty()
            && let Some(twin) = exchangers
                .iter()
                .find(|known| known.addresses == one.addresses && known.host != host)
        {
            fault(
                FaultKind::Same,
                &host,
                format!(
                    "{host} and {} lead to the same machine, so the second is no reserve",
                    twin.host
                ),
            );
        }
        exchangers.push(one);
    }
    reading.exchangers = exchangers;
    Ok(reading)
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn reading(mx: Found, others: &[(Lookup, Found)]) -> Reading {
        let mut known = Known::default();
        known.learn(Lookup::mx("acme.example"), mx);
        for (lookup, found) in others {
            known.learn(lookup.clone(), found.clone());
        }
        let special = |address: IpAddr| {
            let text = address.to_string();
            (text.starts_with("10.") || text == "127.0.0.1").then_some("private networks")
        };
        loop {
            match read("acme.example", &known, special) {
                Ok(reading) => return reading,
                Err(ask) => {
                    for lookup in ask.0 {
                        known.learn(lookup, Found::NoName);
                    }
                }
            }
        }
    }

    fn mx(hosts: &[(u16, &str)]) -> Found {
        Found::Mx(
            hosts
                .iter()
                .map(|(p, host)| (*p, (*host).to_owned()))
                .collect(),
        )
    }

    fn a(host: &str, address: &str) -> (Lookup, Found) {
        (
            Lookup::A(host.to_owned()),
            Found::A(vec![address.parse().unwrap()]),
        )
    }

    #[test]
    fn each_fault_of_an_exchanger_is_told() {
        let good = a("mail.acme.example", "198.51.100.1");
        let alias = (
            Lookup::cname("mail.acme.example"),
            Found::Cname("host.isp.example".to_owned()),
        );
        let failed = (
            Lookup::A("mail.acme.example".to_owned()),
            Found::Failed("SERVFAIL".to_owned()),
        );
        let one = || mx(&[(10, "mail.acme.example")]);
        for (records, others, kinds, certain) in [
            (one(), vec![good.clone()], vec![], true),
            (
                one(),
                vec![good.clone(), alias],
                vec![FaultKind::Alias],
                true,
            ),
            (one(), vec![], vec![FaultKind::Dangling], true),
            (one(), vec![failed], vec![], false),
            (
                one(),
                vec![a("mail.acme.example", "10.0.0.5")],
                vec![FaultKind::Private],
                true,
            ),
            (
                one(),
                vec![a("mail.acme.example", "127.0.0.1")],
                vec![FaultKind::Private],
                true,
            ),
            (
                mx(&[(10, "198.51.100.1")]),
                vec![],
                vec![FaultKind::Literal],
                true,
            ),
            (mx(&[(0, "")]), vec![], vec![FaultKind::Null], true),
            (
                mx(&[(0, "."), (10, "mail.acme.example")]),
                vec![good.clone()],
                vec![FaultKind::NullBesides],
                true,
            ),
            (Found::NoData, vec![], vec![FaultKind::Missing], true),
            (
                Found::NoData,
                vec![a("acme.example", "198.51.100.9")],
                vec![FaultKind::Implicit],
                true,
            ),
            (Found::Failed("no answer".to_owned()), vec![], vec![], false),
            (
                mx(&[(10, "mail.acme.example"), (20, "mx2.acme.example")]),
                vec![good, a("mx2.acme.example", "198.51.100.1")],
                vec![FaultKind::Same],
                true,
            ),
        ] {
            let reading = reading(records, &others);
            let seen: Vec<FaultKind> = reading.faults.iter().map(|fault| fault.kind).collect();
            assert_eq!(seen, kinds, "{reading:?}");
            assert_eq!(reading.uncertain.is_none(), certain, "{reading:?}");
        }
    }
}
