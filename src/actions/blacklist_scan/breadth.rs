//! A guard against measurements that are too bad to be true.
//!
//! One address that lands on a third of all lists between two looks, or all addresses of a site that land on one list
//! together, is now and then a disaster and more often a resolver or a list gone mad. The listings stand as they were
//! read; the report says that somebody should look twice.

use std::collections::BTreeSet;

use serde_json::Value;

/// How one target stands on blocklists.
pub(super) struct Standing<'a> {
    /// The target.
    pub(super) target: &'a str,
    /// Whether it is an address.
    pub(super) address: bool,
    /// Ids of the lists that hold it.
    pub(super) listed: BTreeSet<&'a str>,
    /// Blocklists that were asked about it.
    pub(super) asked: usize,
}

/// Fewer new listings than this surprise nobody.
const FEW: usize = 3;

/// What looks too bad to be true, beside the outputs of the scan before.
pub(super) fn doubts(now: &[Standing<'_>], before: &Value) -> Vec<String> {
    let known: Vec<(&Standing<'_>, BTreeSet<&str>)> = now
        .iter()
        .filter_map(|standing| Some((standing, listed_before(before, standing.target)?)))
        .collect();
    let mut doubts = Vec::new();
    for (standing, before) in &known {
        let new = standing.listed.difference(before).count();
        if new >= FEW && new * 3 > standing.asked {
            doubts.push(format!(
                "{} is on {new} of {} lists that did not hold it before: look at one of them by hand before acting on it",
                standing.target, standing.asked
            ));
        }
    }
    let addresses: Vec<_> = known
        .iter()
        .filter(|(standing, _)| standing.address)
        .collect();
    if addresses.len() >= FEW
        && let Some((first, _)) = addresses.first()
    {
        for list in &first.listed {
            let sudden = addresses
                .iter()
                .all(|(standing, before)| standing.listed.contains(list) && !before.contains(list));
            if sudden {
                doubts.push(format!(
                    "all {} addresses came onto {list} together: either the whole network was listed, or the list lists too much",
                    addresses.len()
                ));
            }
        }
    }
    doubts
}

/// The lists that held the target in an earlier scan; None when it was not looked at.
fn listed_before<'a>(before: &'a Value, target: &str) -> Option<BTreeSet<&'a str>> {
    let view = before["targets"]
        .as_array()?
        .iter()
        .find(|view| view["target"] == target)?;
    let lists = view["listed"].as_array()?.iter();
    Some(
        lists
            .filter_map(|listing| listing["list"].as_str())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn standing<'a>(target: &'a str, listed: &[&'a str], asked: usize) -> Standing<'a> {
        Standing {
            target,
            address: true,
            listed: listed.iter().copied().collect(),
            asked,
        }
    }

    fn scan(targets: &[(&str, &[&str])]) -> Value {
        let views: Vec<Value> = targets
            .iter()
            .map(|(target, lists)| {
                let listed: Vec<Value> = lists.iter().map(|list| json!({ "list": list })).collect();
                json!({"target": target, "listed": listed})
            })
            .collect();
        json!({ "targets": views })
    }

    #[test]
    fn many_new_lists_at_once_are_doubted() {
        let before = scan(&[("192.0.2.1", &["a"])]);
        for (listed, asked, doubted) in [
            (["a", "b", "c", "d"].as_slice(), 8, true),
            (&["a", "b", "c", "d"], 9, false),
            (&["b", "c"], 3, false),
            (&["a"], 1, false),
        ] {
            let now = [standing("192.0.2.1", listed, asked)];
            assert_eq!(
                !doubts(&now, &before).is_empty(),
                doubted,
                "{listed:?} of {asked}"
            );
            assert!(doubts(&now, &Value::Null).is_empty());
            assert!(doubts(&now, &scan(&[("192.0.2.2", &[])])).is_empty());
        }
    }

    #[test]
    fn all_addresses_on_one_list_are_doubted() {
        let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
        let now: Vec<Standing<'_>> = addresses.iter().map(|a| standing(a, &["a"], 30)).collect();
        let clean = scan(&addresses.map(|address| (address, [].as_slice())));
        let found = doubts(&now, &clean);
        assert!(
            found.len() == 1 && found[0].contains("onto a together"),
            "{found:?}"
        );
        assert!(doubts(&now[..2], &clean).is_empty());
        let known = scan(&[
            ("192.0.2.1", &["a"]),
            ("192.0.2.2", &[]),
            ("192.0.2.3", &[]),
        ]);
        assert!(doubts(&now, &known).is_empty());
    }
}
