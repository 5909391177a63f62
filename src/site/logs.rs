//! What the analysis of the server's logs needs to know of a site.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::fields::Lowering;
use crate::mail::causes;
use crate::yaml::{Fields, Node};

/// Settings of the log analysis.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// When people of the site write mail, Monday to Friday, in the site's time zone: the first and the last hour, `8-18`.
    pub working_hours: Option<String>,
    /// Networks whose clients belong to the site, beside the private ones and its own addresses.
    pub inside: Vec<IpNet>,
    /// Limits of signals that are others here, by signal and name: `T1.floor`.
    pub limits: BTreeMap<String, Number>,
}

impl Lowering<'_> {
    pub(super) fn logs(&mut self, node: &Node) -> Logs {
        let known = ["working_hours", "inside", "limits"];
        let fields = self.reader.fields(node, "'logs'", &known);
        Logs {
            working_hours: self.checked(
                &fields,
                "working_hours",
                |text| causes::read_hours(text).map(|_| ()),
                "two hours of the day, such as 8-18",
            ),
            inside: self.networks(&fields),
            limits: fields
                .get("limits")
                .map(|node| self.limits(node))
                .unwrap_or_default(),
        }
    }

    fn networks(&mut self, fields: &Fields<'_>) -> Vec<IpNet> {
        let Some(node) = fields.get("inside") else {
            return Vec::new();
        };
        let mut networks = Vec::new();
        for (text, span) in self.reader.texts(node, "'inside'") {
            let network = text.parse::<IpNet>();
            match network.or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) if network.prefix_len() == 0 => self.reader.fault(
                    span,
                    format!("'{text}' is the whole Internet"),
                    "name the networks from which people of the site connect",
                ),
                Ok(network) => networks.push(network.trunc()),
                Err(_) => self.reader.fault(
                    span,
                    format!("'{text}' is no network"),
                    "like 203.0.113.0/28 or 2001:db8:5::/48",
                ),
            }
        }
        networks
    }

    fn limits(&mut self, node: &Node) -> BTreeMap<String, Number> {
        let mut limits = BTreeMap::new();
        for (key, node) in self.reader.open(node, "'limits'").entries() {
            if let Err(what) = causes::definitions().check_limit(&key.name) {
                let hint = "`mailmedic probe events.analyze --json` lists the signals";
                self.reader.fault(key.span, what, hint);
                continue;
            }
            match node.to_json() {
                Value::Number(number) if number.as_f64().is_some_and(|n| n >= 0.0) => {
                    limits.insert(key.name.clone(), number);
                }
                _ => self.reader.fault(
                    node.span,
                    format!("the limit '{}' is no number from 0 up", key.name),
                    "write a number such as 50 or 0.2",
                ),
            }
        }
        limits
    }
}
