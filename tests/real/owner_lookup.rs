//! `owner.lookup` through unbound to zones that rbldnsd serves, and to a registry of addresses on a web server.

use crate::lab::{Lab, Zone, address, delegation};

const NETWORK: &str = r#"{"objectClassName": "ip network", "handle": "NET-1", "startAddress": "203.0.113.0",
"endAddress": "203.0.113.255", "name": "LAB-NET", "entities": [
{"objectClassName": "entity", "roles": ["registrant"], "vcardArray": ["vcard", [["fn", {}, "text", "Lab Telecom"]]],
"entities": [{"roles": ["abuse"], "vcardArray": ["vcard", [["fn", {}, "text", "Abuse"],
["email", {}, "text", "abuse@isp.example"]]]}]}]}"#;

fn site(rdap: &str) -> String {
    format!(
        "id: office\nname: Office\nlaboratory: true\ndomains: [office.example]\n\
         outbound: {{addresses: [203.0.113.7, 198.51.100.7]}}\nrdap: \"{rdap}\"\n"
    )
}

/// A reverse zone of the operator's, and a part of another that an alias hands on to the site (RFC 2317).
fn names(lab: &Lab) {
    let zone = |name| Zone {
        name,
        sets: &[("ip4set", "192.0.2.1")],
    };
    let mut records = lab.lists(&[zone("113.0.203.in-addr.arpa"), zone("ptr.office.example")]);
    records.push_str("7.100.51.198.in-addr.arpa. 300 IN CNAME 7.ptr.office.example.\n");
    // behind unbound a refusal is SERVFAIL
    records.push_str(&delegation("2.0.192.in-addr.arpa", address::LISTS));
    lab.resolver(address::RESOLVER, &records, "");
}

#[test]
fn zone_registry_and_desk_are_told_for_each_address() {
    let lab = Lab::new();
    names(&lab);
    let base = format!("http://{}:8080", address::LISTS);
    lab.write("web/ip/203.0.113.7", NETWORK);
    lab.write(
        "web/ipv4.json",
        &format!(r#"{{"services": [[["203.0.113.0/24"], ["{base}/"]]]}}"#),
    );
    lab.web(address::LISTS, 8080, "web");

    let answer = lab.probe("owner.lookup", &site(&base), &["addresses=203.0.113.7"]);
    answer.assert_outcome("good");
    let view = "/outputs/addresses/0";
    let at = |field: &str| answer.text(&format!("{view}{field}")).to_owned();
    assert_eq!(at("/ptr/zone"), "113.0.203.in-addr.arpa");
    assert_eq!(at("/ptr/contact"), "admin@113.0.203.in-addr.arpa");
    assert_eq!(at("/ptr/servers/0"), "ns.113.0.203.in-addr.arpa");
    assert_eq!(at("/ptr/set_by"), "operator");
    assert_eq!(at("/network/holder"), "Lab Telecom");
    assert_eq!(at("/network/abuse/0"), "abuse@isp.example");
    assert_eq!(at("/ask/who"), "Lab Telecom");

    // the list of registries is kept for the next process; the other address is in no registry of it
    let again = lab.probe("owner.lookup", &site(&base), &[]);
    again.assert_outcome("unknown");
    let other = again.find("/outputs/addresses", "address", "198.51.100.7");
    assert_eq!(other["ptr"]["set_by"], "site", "{}", again.printed);
    assert_eq!(other["ptr"]["alias"], "7.ptr.office.example");
    let detail = other["network"]["detail"].as_str().unwrap();
    assert!(detail.contains("names no registry for it"), "{detail}");
    let log = lab.log("web");
    assert_eq!(log.matches("GET /ipv4.json").count(), 1, "{log}");
    assert_eq!(log.matches("GET /ip/203.0.113.7").count(), 2, "{log}");
}

#[test]
fn nothing_is_made_up_where_nobody_answers() {
    let lab = Lab::new();
    names(&lab);
    let base = format!("http://{}:8080", address::LISTS);
    let answer = lab.probe("owner.lookup", &site(&base), &["addresses=192.0.2.7"]);
    answer.assert_outcome("unknown");
    let at = |field: &str| {
        answer
            .text(&format!("/outputs/addresses/0{field}"))
            .to_owned()
    };
    assert_eq!(at("/ptr/set_by"), "unknown");
    assert!(
        at("/network/detail").contains("cannot connect"),
        "{}",
        answer.printed
    );
    assert!(at("/ask/why").contains("nobody is named"));
    let without = lab.probe("owner.lookup", &site("none"), &["addresses=203.0.113.7"]);
    without.assert_outcome("good");
    assert!(without.text("/outputs/registries").contains("none"));
}
