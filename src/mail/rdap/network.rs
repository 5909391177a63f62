//! What a registry says about a network (RFC 9083 §5.4).

use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value;

use super::contact::{Contact, contacts};
use super::{RdapFault, clean};

/// What registries are asked for (RFC 9083 §3, RFC 7480 §4.2).
pub const MEDIA_TYPE: &str = "application/rdap+json";

/// A block of addresses and who holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Network {
    /// First and last address, or the block in CIDR form where the registry gives one.
    pub range: String,
    /// The first of its addresses.
    pub start: IpAddr,
    /// The last of them.
    pub end: IpAddr,
    /// The registry's key for it.
    pub handle: String,
    /// Its name, `EXAMPLE-NET`.
    pub name: String,
    /// Two letters, as registered: where the holder is, not where the line ends.
    pub country: Option<String>,
    /// People and desks.
    pub contacts: Vec<Contact>,
}

/// The question about one address (RFC 9082 §3.1.1).
pub fn query_url(base: &str, address: IpAddr) -> String {
    format!("{}/ip/{address}", base.trim_end_matches('/'))
}

/// What a registry says when it has no answer: its title and description (RFC 9083 §6). None when it says nothing.
pub fn refusal(text: &str) -> Option<String> {
    let error: Value = serde_json::from_str(text).ok()?;
    let title = error.get("title").and_then(Value::as_str).map(clean);
    let description = error
        .pointer("/description/0")
        .and_then(Value::as_str)
        .map(clean);
    let said: Vec<String> = [title, description]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    (!said.is_empty()).then(|| said.join(": "))
}

impl Network {
    /// Reads the answer to the question about `address`.
    ///
    /// # Errors
    /// When it is no network, another network, or one that no holder has: a registry answers with the whole address space,
    /// or with a block that it has not given to anybody, when it knows nothing better.
    pub fn read(text: &str, address: IpAddr) -> Result<Network, RdapFault> {
        let object: Value =
            serde_json::from_str(text).map_err(|error| RdapFault::NoJson(error.to_string()))?;
        let field = |key: &str| {
            object
                .get(key)
                .and_then(Value::as_str)
                .map(clean)
                .unwrap_or_default()
        };
        if field("objectClassName") != "ip network" {
            return Err(RdapFault::Shape(
                "the answer is not about a network".to_owned(),
            ));
        }
        let bound = |key: &str| -> Result<IpAddr, RdapFault> {
            // some write the first address as a block
            let text = field(key);
            let bare = text.split('/').next().unwrap_or_default();
            bare.parse().map_err(|_| {
                RdapFault::Shape(format!("the answer has no usable {key} (it says '{text}')"))
            })
        };
        let (start, end) = (bound("startAddress")?, bound("endAddress")?);
        if start.is_ipv4() != address.is_ipv4() || address < start || address > end {
            return Err(RdapFault::Shape(format!(
                "the answer is about {start} to {end}, which {address} does not belong to"
            )));
        }
        if is_vast(start, end) {
            return Err(RdapFault::Shape(format!(
                "the registry has no holder for {address}: it answers with its whole block {start} to {end}"
            )));
        }
        let country = field("country");
        Ok(Network {
            range: block(&object).unwrap_or_else(|| format!("{start} to {end}")),
            start,
            end,
            handle: field("handle"),
            name: field("name"),
            country: (!country.is_empty()).then_some(country),
            contacts: contacts(&object),
        })
    }

    /// Who holds it: the registrant, by name.
    pub fn holder(&self) -> Option<&str> {
        self.contacts
            .iter()
            .find(|contact| contact.has_role("registrant") && !contact.name.is_empty())
            .map(|contact| contact.name.as_str())
    }

    /// The mail addresses of the desk for abuse.
    pub fn abuse(&self) -> Vec<&str> {
        self.emails("abuse")
    }

    /// The mail addresses of those with this role, each once.
    pub fn emails(&self, role: &str) -> Vec<&str> {
        let mut emails = Vec::new();
        for contact in self.contacts.iter().filter(|one| one.has_role(role)) {
            for email in &contact.emails {
                if !emails.contains(&email.as_str()) {
                    emails.push(email.as_str());
                }
            }
        }
        emails
    }

    /// Who answers a question about reverse DNS: the desks that run the network, before those that own it, and the desk for
    /// abuse last. The mail address comes with the role it has.
    pub fn desk(&self) -> Option<(&str, &'static str)> {
        ["noc", "technical", "administrative", "registrant", "abuse"]
            .into_iter()
            .find_map(|role| Some((*self.emails(role).first()?, role)))
    }
}

/// The block in CIDR form, where it is a single one (`cidr0_cidrs`, an extension that all five registries speak).
fn block(object: &Value) -> Option<String> {
    let blocks = object.get("cidr0_cidrs")?.as_array()?;
    let [block] = blocks.as_slice() else {
        return None;
    };
    let prefix = ["v4prefix", "v6prefix"]
        .iter()
        .find_map(|key| block.get(key)?.as_str())?;
    let text = format!("{prefix}/{}", block.get("length")?.as_u64()?);
    text.parse::<ipnet::IpNet>().ok().map(|net| net.to_string())
}

/// Larger than anything a holder has: a /8 of IPv4 was given to some, a /16 of IPv6 to none.
fn is_vast(start: IpAddr, end: IpAddr) -> bool {
    match (start, end) {
        (IpAddr::V4(start), IpAddr::V4(end)) => {
            u32::from(end).saturating_sub(u32::from(start)) > 0x00ff_ffff
        }
        (IpAddr::V6(start), IpAddr::V6(end)) => {
            u128::from(end).saturating_sub(u128::from(start)) >> 112 != 0
        }
        _ => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card(role: &str, name: &str, email: &str) -> Value {
        json!({"objectClassName": "entity", "handle": format!("{name}-H"), "roles": [role], "vcardArray": ["vcard", [
            ["version", {}, "text", "4.0"], ["fn", {}, "text", name], ["org", {}, "text", "Group"],
            ["adr", {"label": "Street\nTown"}, "text", ["", "", "", "", "", "", ""]],
            ["tel", {"type": "voice"}, "uri", "tel:+39-06-555-0100"], ["email", {}, "text", email]]]})
    }

    fn answer() -> Value {
        let mut registrant = card("registrant", "Example Telecom", "office@telecom.example");
        // one registry hangs the desks below the holder
        registrant["entities"] = json!([card("abuse", "Abuse desk", "abuse@telecom.example")]);
        json!({"objectClassName": "ip network", "handle": "NET-203-0-113-0-1", "startAddress": "203.0.113.0",
            "endAddress": "203.0.113.255", "ipVersion": "v4", "name": "EXAMPLE-NET", "country": "IT",
            "cidr0_cidrs": [{"v4prefix": "203.0.113.0", "length": 24}], "entities": [registrant]})
    }

    fn at() -> IpAddr {
        "203.0.113.7".parse().unwrap()
    }

    #[test]
    fn holder_and_desks_are_found_at_any_depth() {
        let network = Network::read(&answer().to_string(), at()).unwrap();
        assert_eq!(network.range, "203.0.113.0/24");
        assert_eq!(network.holder(), Some("Example Telecom"));
        assert_eq!(network.abuse(), ["abuse@telecom.example"]);
        assert_eq!(network.contacts[1].phones, ["+39-06-555-0100"]);
        assert_eq!(
            network.desk(),
            Some(("office@telecom.example", "registrant"))
        );
    }

    #[test]
    fn the_desk_that_runs_the_network_is_asked_first() {
        for (role, email, expected) in [
            ("technical", "tech@telecom.example", "technical"),
            ("noc", "noc@telecom.example", "noc"),
            // a remark where an address belongs
            ("noc", "see https://telecom.example", "registrant"),
        ] {
            let mut answer = answer();
            let desks = answer["entities"].as_array_mut().unwrap();
            desks.push(card(role, "Desk", email));
            let network = Network::read(&answer.to_string(), at()).unwrap();
            assert_eq!(network.desk().unwrap().1, expected, "{email}");
        }
    }

    #[test]
    fn an_answer_about_something_else_is_refused() {
        let other = |key: &str, value: Value| {
            let mut answer = answer();
            answer[key] = value;
            answer.to_string()
        };
        for (text, expected) in [
            ("<html>".to_owned(), "no JSON"),
            (
                other("objectClassName", json!("domain")),
                "not about a network",
            ),
            (
                other("endAddress", json!("203.0.113.6")),
                "does not belong to",
            ),
            (
                other("startAddress", json!("2001:db8::")),
                "does not belong to",
            ),
            (other("startAddress", Value::Null), "no usable startAddress"),
            (other("startAddress", json!("0.0.0.0")), "has no holder"),
        ] {
            let fault = Network::read(&text, at()).unwrap_err().to_string();
            assert!(fault.contains(expected), "{fault}");
        }
    }

    #[test]
    fn texts_are_one_clean_line() {
        let mut answer = answer();
        answer["name"] = json!("A\u{1b}[31m\nB");
        let network = Network::read(&answer.to_string(), at()).unwrap();
        assert_eq!(network.name, "A [31m B");
    }

    #[test]
    fn a_refusal_is_told_in_its_own_words() {
        for (text, expected) in [
            (
                r#"{"errorCode": 404, "title": "Not Found", "description": ["no such\nnetwork", "x"]}"#,
                Some("Not Found: no such network"),
            ),
            ("{}", None),
            ("<html>", None),
        ] {
            assert_eq!(refusal(text).as_deref(), expected);
        }
    }

    #[test]
    fn the_question_is_the_address_itself() {
        for (base, address, expected) in [
            (
                "https://rdap.example/",
                "203.0.113.7",
                "https://rdap.example/ip/203.0.113.7",
            ),
            (
                "https://rdap.example/rdap",
                "2001:db8::1",
                "https://rdap.example/rdap/ip/2001:db8::1",
            ),
        ] {
            assert_eq!(query_url(base, address.parse().unwrap()), expected);
        }
    }
}
