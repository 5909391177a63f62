//! What happens in the office's world after the start, each as a named change to be applied when it is due.

use crate::practice::World;
use crate::practice::dns::Rr;
use crate::practice::mailbox::Hop;
use crate::practice::smtp::{Personality, Recipients};

use super::{LISTINGS, MAILBOXES, OUTBOUND, PUBLIC_NAME, RELAY_ADDRESS, RELAY_EGRESS, SERVER};

/// One change of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Stable name: `reverse-dns`, `recipient-check`, `delisted-bl.spamcop.net`.
    pub name: String,
    /// Who did what, in one sentence.
    pub summary: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    ReverseDns,
    HeloName,
    RecipientCheck,
    NoClearTextLogin,
    SmarthostRoute,
    Delisted(&'static str),
}

impl Change {
    /// Applies the change. Doing it twice changes nothing more.
    pub fn apply(&self, world: &World) {
        match self.kind {
            Kind::ReverseDns => world
                .zones()
                .edit(|zones| zones.set_ptr(OUTBOUND.into(), &[PUBLIC_NAME])),
            Kind::HeloName => edit_server(world, |server| {
                server.name = PUBLIC_NAME.to_owned();
                if let Some(first) = server.path.first_mut() {
                    first.name = PUBLIC_NAME.to_owned();
                }
            }),
            Kind::RecipientCheck => edit_server(world, |server| {
                server.recipients = Recipients::Known(
                    // Whoever checks recipients must still take complaints (RFC 2142).
                    MAILBOXES
                        .iter()
                        .chain(&["abuse@acme.example"])
                        .map(|address| (*address).to_owned())
                        .collect(),
                );
            }),
            Kind::NoClearTextLogin => edit_server(world, |server| server.auth = None),
            Kind::SmarthostRoute => {
                edit_server(world, |server| {
                    server.path.truncate(1);
                    server.path.push(Hop {
                        name: RELAY_EGRESS.to_owned(),
                        address: RELAY_ADDRESS.into(),
                    });
                });
                let policy = "v=spf1 mx include:spf.relayhost.example -all".to_owned();
                world.zones().edit(|zones| {
                    zones.set(
                        "acme.example",
                        [Rr::Mx(10, PUBLIC_NAME.to_owned()), Rr::Txt(policy)],
                    );
                });
            }
            Kind::Delisted(zone) => {
                world.zones().edit(|zones| {
                    zones
                        .list_mut(zone)
                        .map(|list| list.remove(&OUTBOUND.to_string()))
                });
            }
        }
    }
}

/// All changes, in the order in which a recovery brings them about.
pub fn changes() -> Vec<Change> {
    let change = |name: &str, summary: &str, kind| Change {
        name: name.to_owned(),
        summary: summary.to_owned(),
        kind,
    };
    let mut all = vec![
        change(
            "recipient-check",
            "the server refuses recipients that do not exist",
            Kind::RecipientCheck,
        ),
        change(
            "no-clear-text-login",
            "the server no longer takes passwords in the clear",
            Kind::NoClearTextLogin,
        ),
        change(
            "reverse-dns",
            "the provider has set the reverse name to mail.acme.example",
            Kind::ReverseDns,
        ),
        change(
            "helo-name",
            "the server calls itself mail.acme.example",
            Kind::HeloName,
        ),
        change(
            "smarthost-route",
            "outbound mail goes through the smarthost, and SPF allows it",
            Kind::SmarthostRoute,
        ),
    ];
    // Soonest first: a day, half a day for the form, minutes to hours, after the PTR, seven days.
    all.extend(LISTINGS.iter().map(|(zone, _, _)| {
        change(
            &format!("delisted-{zone}"),
            &format!("{zone} no longer lists the address"),
            Kind::Delisted(zone),
        )
    }));
    all
}

fn edit_server(world: &World, change: impl FnOnce(&mut Personality)) {
    if let Some(server) = world.server(SERVER) {
        server.edit(change);
    }
}
