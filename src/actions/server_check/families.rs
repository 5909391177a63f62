//! IPv6 beside IPv4: the same host and port must behave the same over both.

use jiff::Timestamp;

use super::inspection::{Fault, Inspection};
use super::remedy;
use crate::record::{Severity, Verdict};

/// What is compared, with the words for it.
const COMPARED: [(&str, &str); 6] = [
    ("starttls", "encryption"),
    ("certificate", "the certificate"),
    ("auth", "login in clear"),
    ("postmaster", "postmaster"),
    ("unknown_recipient", "unknown recipients"),
    ("vrfy", "VRFY"),
];

/// Adds the stage `families` to each IPv6 endpoint that has an IPv4 twin.
pub(super) fn compare(endpoints: &mut [Inspection], at: Timestamp) {
    for index in 0..endpoints.len() {
        let (host, port) = (endpoints[index].host.clone(), endpoints[index].port);
        if !endpoints[index].address.is_ipv6() {
            continue;
        }
        let twin = endpoints
            .iter()
            .position(|other| other.host == host && other.port == port && other.address.is_ipv4());
        let Some(twin) = twin else { continue };
        let told = difference(&endpoints[twin], &endpoints[index]);
        let endpoint = &mut endpoints[index];
        match told {
            Told::Same => endpoint.add("families", Verdict::Good, "as over IPv4"),
            Told::Unknown(why) => endpoint.add("families", Verdict::Unknown, why),
            Told::Differs(what) => {
                let fault = Fault {
                    code: "server-ipv6-differs",
                    severity: Severity::Major,
                    what: format!("over IPv6 it is not as over IPv4: {what}"),
                    remedy: remedy::FAMILIES.to_owned(),
                };
                let proof = ("note", format!("compared at {at}: {what}"));
                endpoint.fault("families", fault, proof, None);
            }
        }
    }
}

enum Told {
    Same,
    Unknown(String),
    Differs(String),
}

fn difference(v4: &Inspection, v6: &Inspection) -> Told {
    let reached = |endpoint: &Inspection| endpoint.stage("greeting").map(|stage| stage.outcome);
    let good = Some(Verdict::Good);
    match (reached(v4), reached(v6)) {
        (a, b) if a == good && b == good => {}
        (a, _)
            if a == good
                && v6
                    .stage("connect")
                    .is_some_and(|s| s.outcome == Verdict::Finding) =>
        {
            return Told::Differs("nothing listens there".to_owned());
        }
        _ => return Told::Unknown("one of the two could not be looked at".to_owned()),
    }
    let differing: Vec<String> = COMPARED
        .iter()
        .filter_map(|(id, words)| {
            let (a, b) = (v4.stage(id)?, v6.stage(id)?);
            let open = |verdict| verdict == Verdict::Unknown;
            (a.outcome != b.outcome && !open(a.outcome) && !open(b.outcome))
                .then(|| format!("{words} ({} / {})", a.detail, b.detail))
        })
        .collect();
    if differing.is_empty() {
        Told::Same
    } else {
        Told::Differs(differing.join("; "))
    }
}
