//! Who has to be asked for which reverse names: a letter each.

use serde::Serialize;

use super::names::AddressView;
use super::owners::OwnerView;
use super::site::SiteView;

/// A request for reverse DNS, to one desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PtrRequestView {
    /// Name, mail address, telephone of the desk; empty: nobody is known.
    pub to: String,
    /// How a letter addresses it.
    pub dear: String,
    /// True when the site's own administrator sets the names, so that nobody else is to be asked.
    pub own: bool,
    /// The addresses that it is about.
    pub addresses: Vec<String>,
    /// True for more than one of them.
    pub several: bool,
    /// Their present names.
    pub reverse: Vec<AddressView>,
    /// What the reverse zone and the registry say of them.
    pub owners: Vec<OwnerView>,
}

/// A request for each desk, in the order of the site's addresses. An address whose name is in order is left to those that ask
/// for something, where there are any.
pub(super) fn ptr_requests(
    site: &SiteView,
    reverse: &[AddressView],
    owners: &[OwnerView],
) -> Vec<PtrRequestView> {
    let mut addresses: Vec<&String> = Vec::new();
    let all = site
        .addresses
        .iter()
        .chain(reverse.iter().map(|name| &name.address))
        .chain(owners.iter().map(|owner| &owner.address));
    for address in all {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let mut requests: Vec<PtrRequestView> = Vec::new();
    for address in addresses {
        let owner = owners.iter().find(|owner| &owner.address == address);
        let (to, dear) = desk(site, owner);
        let own = owner.is_some_and(|owner| owner.own);
        let name = reverse.iter().find(|name| &name.address == address);
        let same = |request: &&mut PtrRequestView| request.to == to && request.own == own;
        let request = match requests.iter_mut().find(same) {
            Some(request) => request,
            None => requests.push_mut(PtrRequestView {
                to,
                dear,
                own,
                addresses: Vec::new(),
                several: false,
                reverse: Vec::new(),
                owners: Vec::new(),
            }),
        };
        request.addresses.push(address.clone());
        request.several = request.addresses.len() > 1;
        request.reverse.extend(name.cloned());
        request.owners.extend(owner.cloned());
    }
    if requests.iter().any(PtrRequestView::asks) {
        requests.retain(PtrRequestView::asks);
    }
    requests
}

impl PtrRequestView {
    /// True when a name has to be set or changed, or nobody looked whether one has.
    fn asks(&self) -> bool {
        self.reverse.len() < self.addresses.len() || self.reverse.iter().any(|name| name.to_change)
    }
}

/// Whom to write to, and how: the operator that the site file names, because it knows the client, before the one that was
/// looked up.
fn desk(site: &SiteView, owner: Option<&OwnerView>) -> (String, String) {
    let polite = |who: &str| who.strip_prefix("the ").unwrap_or(who).to_owned();
    match (owner, &site.isp) {
        (Some(owner), _) if owner.own => (owner.ask.clone(), polite(&owner.who)),
        // the look-up may have found the mail address that the site file lacks
        (Some(owner), Some(isp)) if isp.email.is_none() && !owner.ask.is_empty() => {
            let phone = isp.phone.iter().map(|phone| format!(", {phone}"));
            (
                std::iter::once(owner.ask.clone()).chain(phone).collect(),
                isp.name.clone(),
            )
        }
        (_, Some(isp)) => (isp.line.clone(), isp.name.clone()),
        (Some(owner), None) => (owner.ask.clone(), polite(&owner.who)),
        (None, None) => (String::new(), "network operator".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use crate::record::StepOutcome;
    use crate::report::fixture::{Recorder, created, pinned};
    use crate::report::{Format, View, render};
    use crate::templates::Templates;

    const ADDRESSES: [&str; 4] = ["203.0.113.7", "198.51.100.9", "203.0.113.8", "192.0.2.5"];

    fn owner(address: &str, set_by: &str, who: &str, email: Option<&str>) -> Value {
        json!({"address": address, "ptr": {"set_by": set_by, "detail": format!("zone of {address}")},
            "network": {"detail": format!("network of {address}")}, "ask": {"who": who, "email": email, "why": ""}})
    }

    fn name(address: &str, verdict: &str) -> Value {
        json!({"address": address, "verdict": verdict, "ptr": [], "confirmed": [], "warnings": []})
    }

    fn run(isp: Value, names: Vec<Value>, owners: Vec<Value>) -> View {
        let mut plan = created();
        let mut site = plan.site_snapshot.value();
        site["contacts"]["isp"] = isp;
        site["outbound"]["addresses"] = json!(ADDRESSES);
        plan.site_snapshot = pinned(site);
        let mut run = Recorder::new(plan);
        if !names.is_empty() {
            let outputs = json!({"addresses": names});
            run.finish("rdns", StepOutcome::Finding, outputs, Vec::new(), &[]);
        }
        if !owners.is_empty() {
            let outputs = json!({"addresses": owners});
            run.finish("owner", StepOutcome::Good, outputs, Vec::new(), &[]);
        }
        View::of(&run.events).unwrap()
    }

    fn letter(view: &View) -> String {
        let templates = Templates::default();
        let made = render(view, "isp-ptr-request", Format::Markdown, &templates, None);
        String::from_utf8(made.unwrap()).unwrap()
    }

    fn owners() -> Vec<Value> {
        vec![
            owner(
                ADDRESSES[0],
                "operator",
                "One Telecom",
                Some("noc@one.example"),
            ),
            owner(
                ADDRESSES[1],
                "operator",
                "the holder of the network",
                Some("abuse@two.example"),
            ),
            owner(
                ADDRESSES[2],
                "operator",
                "One Telecom",
                Some("noc@one.example"),
            ),
            owner(ADDRESSES[3], "site", "the administrator of Acme Ltd", None),
        ]
    }

    #[test]
    fn each_desk_has_its_letter_with_its_own_addresses() {
        let names = ADDRESSES.map(|address| name(address, "none")).to_vec();
        let view = run(Value::Null, names, owners());
        let told: Vec<(&str, bool, String)> = view
            .ptr_requests
            .iter()
            .map(|request| {
                (
                    request.to.as_str(),
                    request.own,
                    request.addresses.join(" "),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (
                    "One Telecom, noc@one.example",
                    false,
                    "203.0.113.7 203.0.113.8".to_owned()
                ),
                (
                    "the holder of the network, abuse@two.example",
                    false,
                    "198.51.100.9".to_owned()
                ),
                (
                    "the administrator of Acme Ltd",
                    true,
                    "192.0.2.5".to_owned()
                ),
            ]
        );
        insta::assert_snapshot!("isp_several", letter(&view));
    }

    #[test]
    fn who_has_nothing_to_do_is_not_written_to() {
        let names = vec![
            name(ADDRESSES[0], "pass"),
            name(ADDRESSES[1], "generic"),
            name(ADDRESSES[2], "pass"),
            name(ADDRESSES[3], "pass"),
        ];
        let view = run(Value::Null, names, owners());
        assert_eq!(view.ptr_requests.len(), 1, "{:#?}", view.ptr_requests);
        assert_eq!(view.ptr_requests[0].addresses, ["198.51.100.9"]);
        assert_eq!(view.ptr_requests[0].dear, "holder of the network");
    }

    #[test]
    fn the_operator_of_the_site_file_goes_first_and_takes_the_mail_address_that_was_found() {
        let to = |isp: Value, owners: Vec<Value>| {
            let requests = run(isp, Vec::new(), owners).ptr_requests;
            assert_eq!(requests.len(), 1, "{requests:#?}");
            requests[0].to.clone()
        };
        let found = || {
            let all = ADDRESSES.map(|a| owner(a, "operator", "My ISP", Some("noc@found.example")));
            all.to_vec()
        };
        let phone = json!({"name": "My ISP", "phone": "+1 555 0100"});
        let email = json!({"name": "My ISP", "email": "desk@isp.example"});
        assert_eq!(
            to(phone.clone(), found()),
            "My ISP, noc@found.example, +1 555 0100"
        );
        assert_eq!(to(email, found()), "My ISP, desk@isp.example");
        assert_eq!(to(phone, Vec::new()), "My ISP, +1 555 0100");
        assert_eq!(to(Value::Null, Vec::new()), "");
    }

    #[test]
    fn a_name_that_could_not_be_told_is_not_said_to_be_in_order() {
        let names = vec![name(ADDRESSES[0], "unknown"), name(ADDRESSES[1], "none")];
        let letter = letter(&run(Value::Null, names, Vec::new()));
        assert!(
            letter.contains("| 203.0.113.7 | none seen | could not tell"),
            "{letter}"
        );
        assert!(!letter.contains("| keep |"), "{letter}");
    }
}
