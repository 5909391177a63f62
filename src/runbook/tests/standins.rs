//! Actions with the names, arguments and outputs of the real ones, for checking runbooks without them.

use serde_json::Value;

use crate::actions::{
    Action, ActionError, Args, Argument, Context, Effect, Kind, Output, Work, find,
};

pub(super) struct StandIn {
    name: &'static str,
    effect: Effect,
    arguments: &'static [Argument],
    outputs: &'static [Output],
    /// Given this argument with this value (any, when empty), the effect is external.
    external_with: Option<(&'static str, &'static str)>,
}

impl Action for StandIn {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        "stands in for the real one"
    }

    fn effect(&self) -> Effect {
        self.effect
    }

    fn effect_with(&self, args: &Args) -> Effect {
        match self.external_with {
            Some((name, wanted))
                if args
                    .get(name)
                    .and_then(Value::as_str)
                    .is_some_and(|given| wanted.is_empty() || given == wanted) =>
            {
                Effect::External
            }
            _ => self.effect,
        }
    }

    fn arguments(&self) -> &'static [Argument] {
        self.arguments
    }

    fn outputs(&self) -> &'static [Output] {
        self.outputs
    }

    fn carry_out<'a>(&'a self, _: &'a Context<'a>) -> Work<'a> {
        Box::pin(async { Err(ActionError::new("a stand-in does nothing")) })
    }
}

const fn optional(name: &'static str, kind: Kind) -> Argument {
    Argument::optional(name, kind, "from the site file", "as in the real one")
}

const fn out(name: &'static str) -> Output {
    Output::new(name, "as in the real one")
}

static SCAN: StandIn = StandIn {
    name: "blacklist.scan",
    effect: Effect::Probe,
    arguments: &[
        optional("addresses", Kind::TextList),
        optional("domains", Kind::TextList),
        optional("lists", Kind::TextList),
        optional("except", Kind::TextList),
    ],
    outputs: &[out("targets"), out("listed"), out("lists")],
    external_with: None,
};

static RDNS: StandIn = StandIn {
    name: "rdns.verify",
    effect: Effect::Probe,
    arguments: &[
        optional("addresses", Kind::TextList),
        optional("helo", Kind::Text),
    ],
    outputs: &[out("addresses"), out("helo")],
    external_with: None,
};

static RELAY: StandIn = StandIn {
    name: "relay.test",
    effect: Effect::Probe,
    arguments: &[
        optional("host", Kind::Text),
        optional("ports", Kind::List),
        optional("mode", Kind::Choice(&["screen", "prove"])),
        optional("pause", Kind::Duration),
        optional("greylist_wait", Kind::Duration),
        optional("logins", Kind::Boolean),
        optional("account", Kind::Boolean),
        optional("wait", Kind::Duration),
        optional("every", Kind::Duration),
    ],
    outputs: &[
        out("verdict"),
        out("reason"),
        out("endpoints"),
        out("open_by"),
        out("retry_after"),
    ],
    external_with: Some(("mode", "prove")),
};

static SERVER: StandIn = StandIn {
    name: "server.check",
    effect: Effect::Probe,
    arguments: &[optional("host", Kind::Text), optional("ports", Kind::List)],
    outputs: &[out("endpoints")],
    external_with: None,
};

static SMARTHOST: StandIn = StandIn {
    name: "smarthost.check",
    effect: Effect::Probe,
    arguments: &[
        optional("host", Kind::Text),
        optional("ports", Kind::List),
        optional(
            "tls",
            Kind::Choice(&["auto", "implicit", "starttls", "opportunistic", "none"]),
        ),
        optional("username", Kind::Text),
        optional("password", Kind::Text),
        optional("senders", Kind::TextList),
        optional("recipient", Kind::Text),
    ],
    outputs: &[out("verdict"), out("blocked_at"), out("stages")],
    external_with: Some(("recipient", "")),
};

static DRAFT: StandIn = StandIn {
    name: "delisting.draft",
    effect: Effect::Local,
    arguments: &[optional("listings", Kind::List)],
    outputs: &[out("drafts"), out("count")],
    external_with: None,
};

static EVENTS: StandIn = StandIn {
    name: "events.analyze",
    effect: Effect::Probe,
    arguments: &[
        Argument::required("files", Kind::TextList, "files to read"),
        optional("format", Kind::Text),
        optional("timezone", Kind::Text),
        optional("ask_domains", Kind::Boolean),
    ],
    outputs: &[
        out("sources"),
        out("classes"),
        out("remotes"),
        out("causes"),
    ],
    external_with: None,
};

static DOCUMENT: StandIn = StandIn {
    name: "document.render",
    effect: Effect::Local,
    arguments: &[
        Argument::required("template", Kind::Text, "name of the template"),
        optional("to", Kind::Text),
        optional("values", Kind::Map),
    ],
    outputs: &[out("file")],
    external_with: None,
};

static HTTP: StandIn = StandIn {
    name: "http.request",
    effect: Effect::External,
    arguments: &[
        optional("method", Kind::Text),
        Argument::required("url", Kind::Text, "where to"),
        optional("headers", Kind::Map),
        optional("body", Kind::Any),
        optional("expect", Kind::List),
        optional("follow", Kind::Boolean),
        optional("limit", Kind::Integer),
        optional("patience", Kind::Duration),
    ],
    outputs: &[out("status"), out("body")],
    external_with: None,
};

/// The gates and what needs no stand-in, and stand-ins for the rest.
pub(super) fn actions() -> Vec<&'static dyn Action> {
    let mut all: Vec<&'static dyn Action> = vec![
        &SCAN, &RDNS, &RELAY, &SERVER, &SMARTHOST, &DRAFT, &EVENTS, &DOCUMENT, &HTTP,
    ];
    let real = [
        "approval",
        "manual",
        "wait",
        "delivery.probe",
        "owner.lookup",
        "outbound.vet",
        "mailauth.check",
    ];
    all.extend(real.into_iter().filter_map(find));
    all
}
