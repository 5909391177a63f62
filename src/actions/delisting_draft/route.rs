//! Which way off a list each listing has: by the operator's rules, code by code.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use jiff::SignedDuration;
use regex::Regex;

use super::Listing;
use crate::mail::dnsbl::{List, Method, Nature, catalogue};

/// One request that could be made.
#[derive(Debug)]
pub(super) struct Request<'l> {
    /// The listing it is about.
    pub(super) listing: &'l Listing,
    /// The list, where the catalogue knows it.
    pub(super) list: Option<&'static List>,
    method: Method,
    /// The codes that go this way; a combined list may have several ways.
    pub(super) codes: Vec<String>,
    /// The parts of the list behind these codes, where it names them.
    pub(super) parts: Vec<String>,
    /// What the operator says about these codes.
    pub(super) notes: Vec<&'static str>,
    /// The way.
    pub(super) way: Way,
}

/// A way off a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// A form to fill in.
    Form,
    /// A letter to the operator.
    Mail,
    /// A letter to the owner of the network, who alone may ask.
    Owner,
    /// A letter to the operator of the network, whose other addresses are the reason.
    Neighbours,
    /// It ends by itself, after this time without a new reason.
    Expires(SignedDuration),
    /// A way that is not taken, and why.
    Refused(String),
    /// Not known, or none; a person looks at the page.
    ByHand(String),
}

/// Where no time is known: look again on the next day.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?P<n>\d{1,3})(?:\.\d+)?(?:\s*(?:to|-)\s*(?P<upto>\d{1,3}))?\s*(?P<unit>hour|day|week)").ok()
});

/// The requests for all listings: one for each target, operator's data and way.
pub(super) fn requests(listings: &[Listing]) -> Vec<Request<'_>> {
    let mut requests: Vec<Request<'_>> = Vec::new();
    for listing in listings {
        let list = catalogue()
            .list(&listing.list)
            .or_else(|| catalogue().list(&listing.zone));
        for request in of_listing(listing, list) {
            // The same data under two names is one listing.
            let known = requests.iter().any(|other| {
                other.listing.target == listing.target
                    && other.data_id() == request.data_id()
                    && other.method == request.method
            });
            if !known {
                requests.push(request);
            }
        }
    }
    requests
}

fn of_listing<'l>(listing: &'l Listing, list: Option<&'static List>) -> Vec<Request<'l>> {
    let Some(list) = list else {
        let why =
            "the list is not in the catalogue: look at its own page, and never pay".to_owned();
        return vec![Request {
            listing,
            list: None,
            method: Method::Unknown,
            codes: listing.codes.clone(),
            parts: listing.parts.clone(),
            notes: Vec::new(),
            way: Way::ByHand(why),
        }];
    };
    let mut requests: Vec<Request<'l>> = Vec::new();
    for text in codes_or_one(&listing.codes) {
        let code: Option<Ipv4Addr> = text.and_then(|text| text.parse().ok());
        let special = code.and_then(|code| {
            list.delisting
                .by_code
                .iter()
                .find(|(key, _)| key.matches(code))
        });
        let (method, note) = match special {
            Some((_, removal)) => (removal.method, Some(removal.note.as_str())),
            None => (list.delisting.method, None),
        };
        let part = code.and_then(|code| {
            let row = list
                .return_codes
                .iter()
                .find(|(key, _)| key.matches(code))?;
            row.1.list.clone()
        });
        let at = match requests.iter().position(|request| request.method == method) {
            Some(at) => at,
            None => {
                requests.push(Request {
                    listing,
                    list: Some(list),
                    method,
                    codes: Vec::new(),
                    parts: Vec::new(),
                    notes: Vec::new(),
                    way: way(method, list),
                });
                requests.len() - 1
            }
        };
        let request = &mut requests[at];
        request.codes.extend(text.map(str::to_owned));
        request
            .parts
            .extend(part.filter(|part| !request.parts.contains(part)));
        request
            .notes
            .extend(note.filter(|note| !request.notes.contains(note)));
    }
    requests
}

/// The codes, or once nothing where none is known.
fn codes_or_one(codes: &[String]) -> Vec<Option<&str>> {
    if codes.is_empty() {
        return vec![None];
    }
    codes.iter().map(|code| Some(code.as_str())).collect()
}

fn way(method: Method, list: &List) -> Way {
    let about_neighbours = list.nature == Some(Nature::Neighbourhood);
    match method {
        // nothing is asked of such a list, and nothing paid: who can end it is whoever runs the network
        Method::PaidExpressDiscouraged | Method::None | Method::Unknown if about_neighbours => {
            Way::Neighbours
        }
        Method::SelfServiceForm | Method::AccountRequired => Way::Form,
        Method::Email => Way::Mail,
        Method::IspOnly => Way::Owner,
        Method::AutomaticExpiry => Way::Expires(
            list.delisting
                .typical_time
                .as_deref()
                .and_then(duration)
                .unwrap_or(A_DAY),
        ),
        Method::PaidExpressDiscouraged => {
            let how = list
                .delisting
                .typical_time
                .as_deref()
                .unwrap_or("it ends by itself");
            Way::Refused(format!(
                "money is asked for a faster way, and is not paid; {how}"
            ))
        }
        Method::None => {
            Way::Refused("there is no way off this list but the end of its reason".to_owned())
        }
        Method::Unknown => {
            Way::ByHand("no way off this list is known: look at its page, and never pay".to_owned())
        }
    }
}

/// The first time named in a text; of a range the longer.
fn duration(text: &str) -> Option<SignedDuration> {
    let found = TIME.as_ref()?.captures(text)?;
    let number = found.name("upto").unwrap_or(found.name("n")?);
    let n: i64 = number.as_str().parse().ok()?;
    let hours = match found["unit"].to_ascii_lowercase().as_str() {
        "hour" => n,
        "day" => n * 24,
        _ => n * 24 * 7,
    };
    Some(SignedDuration::from_hours(hours))
}

impl Request<'_> {
    /// The list's id.
    pub(super) fn list_id(&self) -> &str {
        self.list
            .map_or(self.listing.list.as_str(), |list| list.id.as_str())
    }

    /// The list's name for people.
    pub(super) fn list_name(&self) -> &str {
        self.list
            .map_or(self.listing.list.as_str(), |list| list.name.as_str())
    }

    /// The id of the data: two ways to ask the same list are one.
    fn data_id(&self) -> &str {
        self.list
            .and_then(|list| list.same_as.as_deref())
            .unwrap_or(self.list_id())
    }

    /// The operator.
    pub(super) fn operator(&self) -> &str {
        self.list
            .map_or(self.listing.list.as_str(), |list| list.operator.as_str())
    }

    /// The way as the catalogue writes it.
    pub(super) fn method_word(&self) -> &'static str {
        match self.method {
            Method::SelfServiceForm => "self-service-form",
            Method::Email => "email",
            Method::AutomaticExpiry => "automatic-expiry",
            Method::IspOnly => "isp-only",
            Method::AccountRequired => "account-required",
            Method::PaidExpressDiscouraged => "paid-express-discouraged",
            Method::None => "none",
            Method::Unknown => "unknown",
        }
    }

    /// The page: the operator's for removals, else the one that shows the listing.
    pub(super) fn url(&self) -> Option<String> {
        let list = self.list?;
        let url = list.delisting.url.clone().or_else(|| self.lookup_url())?;
        Some(self.filled(&url))
    }

    /// The page that shows the listing.
    pub(super) fn lookup_url(&self) -> Option<String> {
        let of_list = self.list.and_then(|list| list.lookup_url.clone());
        self.listing
            .lookup_url
            .clone()
            .or(of_list)
            .map(|url| self.filled(&url))
    }

    /// The operator's mailbox.
    pub(super) fn mailbox(&self) -> Option<String> {
        self.list?.delisting.email.clone()
    }

    /// Whether it goes to whoever runs the network.
    pub(super) fn is_owners(&self) -> bool {
        matches!(self.way, Way::Owner | Way::Neighbours)
    }

    /// Whether it is only about address space or names: then nothing was abused, and nothing is to be confessed.
    pub(super) fn is_policy(&self) -> bool {
        let part_is = |part: &str| matches!(part, "PBL");
        self.listing.policy
            || (!self.parts.is_empty() && self.parts.iter().all(|part| part_is(part)))
    }

    /// When an entry that ends by itself is looked at again.
    pub(super) fn expiry_note(&self) -> String {
        let known = self
            .list
            .and_then(|list| list.delisting.typical_time.as_deref());
        let mut note = match known {
            Some(time) => format!("ends by itself: {time}; no request is written"),
            None => "ends by itself, the operator names no time: look again daily; no request is written".to_owned(),
        };
        if let Some(policy) = self
            .list
            .and_then(|list| list.delisting.policy_notes.as_deref())
        {
            note.push_str(&format!(" ({})", policy.trim_end_matches('.')));
        }
        note
    }

    /// `acme-spamhaus-zen-192.0.2.10.md`; with the way where a list has several.
    pub(super) fn file_name(&self, site: &str) -> String {
        let way = if self.is_owners() {
            "-network-owner"
        } else {
            ""
        };
        let text = format!("{site}-{}-{}{way}", self.list_id(), self.listing.target);
        let safe: String = text
            .trim_start_matches('-')
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        format!("{safe}.md")
    }

    fn filled(&self, url: &str) -> String {
        ["{ip}", "{ipv6}", "{domain}"]
            .iter()
            .fold(url.to_owned(), |url, place| {
                url.replace(place, &self.listing.target)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_operators() {
        let hours = |text| duration(text).map(|d| d.as_hours());
        for (text, expected) in [
            (
                "24 hours after the last report, plus up to about 4 hours for the mirrors",
                Some(24),
            ),
            ("7 days after the last hit", Some(168)),
            ("4 weeks after the last event", Some(672)),
            ("12 to 24 hours for a first listing", Some(24)),
            ("5 days", Some(120)),
            ("soon", None),
        ] {
            assert_eq!(hours(text), expected, "{text}");
        }
    }
}
