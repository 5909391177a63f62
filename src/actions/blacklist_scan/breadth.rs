//! A guard against measurements that are too bad to be true.
//!
//! One address that lands on a third of all lists between two looks, or all addresses of a site that land on one list
//! together, is now and then a disaster and more often a resolver or a list gone mad. So is an address that is on nearly
//! every list at the first look. The listings stand as they were read; the report says that somebody should look twice.
//! Several zones of one operator are one voice: they fall ill together, and prove nothing about the resolver.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// How one target stands on blocklists.
pub(super) struct Standing<'a> {
    /// The target.
    pub(super) target: &'a str,
    /// Whether it is an address.
    pub(super) address: bool,
    /// Ids of the lists that hold it, each with its operator.
    pub(super) listed: BTreeMap<&'a str, &'a str>,
    /// Blocklists that were asked about it.
    pub(super) asked: usize,
}

/// Something that looks too bad to be true.
pub(super) struct Doubt {
    /// The target or the id of the list.
    pub(super) about: String,
    /// What is strange, in a sentence.
    pub(super) text: String,
}

/// Fewer new listings, or operators behind them, than this surprise nobody.
const FEW: usize = 3;
/// At a first look so many operators are suspicious, where they are two of three.
const CROWD: usize = 6;

/// What looks too bad to be true, beside the outputs of the scan before if there was one.
pub(super) fn doubts(now: &[Standing<'_>], before: Option<&Value>) -> Vec<Doubt> {
    before.map_or_else(|| at_first(now), |before| beside(now, before))
}

/// Different operators among these lists.
fn operators<'a>(lists: impl Iterator<Item = &'a &'a str>) -> usize {
    lists.collect::<BTreeSet<_>>().len()
}

fn at_first(now: &[Standing<'_>]) -> Vec<Doubt> {
    let crowded = now.iter().filter(|standing| {
        operators(standing.listed.values()) >= CROWD
            && standing.listed.len() * 3 > standing.asked * 2
    });
    crowded
        .map(|standing| Doubt {
            about: standing.target.to_owned(),
            text: format!(
                "{} is on {} of the {} lists that were asked: hardly anybody ever is",
                standing.target,
                standing.listed.len(),
                standing.asked
            ),
        })
        .collect()
}

fn beside(now: &[Standing<'_>], before: &Value) -> Vec<Doubt> {
    let known: Vec<(&Standing<'_>, Before<'_>)> = now
        .iter()
        .filter_map(|standing| Some((standing, Before::of(before, standing.target)?)))
        .collect();
    let mut doubts = Vec::new();
    for (standing, before) in &known {
        let fresh = || {
            let listed = standing.listed.iter();
            listed.filter(|(list, _)| !before.not_clean.contains(*list))
        };
        let new = fresh().count();
        // Lists that were not asked before, or could not tell, may have held it all along.
        let new = new.saturating_sub(standing.asked.saturating_sub(before.told));
        let voices = operators(fresh().map(|(_, operator)| operator));
        if new >= FEW && voices >= FEW && new * 3 > standing.asked {
            doubts.push(Doubt {
                about: standing.target.to_owned(),
                text: format!(
                    "{} is on at least {new} of {} lists that did not hold it before",
                    standing.target, standing.asked
                ),
            });
        }
    }
    let addresses: Vec<_> = known
        .iter()
        .filter(|(standing, _)| standing.address)
        .collect();
    if addresses.len() >= FEW
        && let Some((first, _)) = addresses.first()
    {
        for list in first.listed.keys() {
            let sudden = addresses.iter().all(|(now, before)| {
                now.listed.contains_key(list) && !before.not_clean.contains(list)
            });
            if sudden {
                doubts.push(Doubt {
                    about: (*list).to_owned(),
                    text: format!(
                        "all {} addresses came onto {list} together: either the whole network was listed, or the list lists too much",
                        addresses.len()
                    ),
                });
            }
        }
    }
    doubts
}

/// What an earlier scan said of a target.
struct Before<'a> {
    /// Ids of the lists that held it, or could not tell.
    not_clean: BTreeSet<&'a str>,
    /// How many lists could tell.
    told: usize,
}

impl<'a> Before<'a> {
    /// None when it was not looked at.
    fn of(before: &'a Value, target: &str) -> Option<Self> {
        let view = before["targets"]
            .as_array()?
            .iter()
            .find(|view| view["target"] == target)?;
        let ids = |key: &str| -> Vec<&'a str> {
            let entries = view[key].as_array().into_iter().flatten();
            entries.filter_map(|entry| entry["list"].as_str()).collect()
        };
        let count = |key: &str| {
            view[key]
                .as_u64()
                .and_then(|count| usize::try_from(count).ok())
        };
        let listed = ids("listed");
        let told = [Some(listed.len()), count("clean"), count("clean_weak")];
        Some(Before {
            told: told.into_iter().flatten().sum(),
            not_clean: [listed, ids("unknown"), ids("broken")]
                .concat()
                .into_iter()
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn standing<'a>(target: &'a str, listed: &[&'a str], asked: usize) -> Standing<'a> {
        Standing {
            target,
            address: true,
            // each list is its own operator's, but for those of one that has several
            listed: listed
                .iter()
                .map(|list| (*list, list.split('-').next().unwrap_or(list)))
                .collect(),
            asked,
        }
    }

    fn told(now: &[Standing<'_>], before: Option<&Value>) -> Vec<String> {
        doubts(now, before)
            .into_iter()
            .map(|doubt| doubt.text)
            .collect()
    }

    fn scan(targets: &[(&str, &[&str])]) -> Value {
        let views: Vec<Value> = targets
            .iter()
            .map(|(target, lists)| {
                let listed: Vec<Value> = lists.iter().map(|list| json!({ "list": list })).collect();
                json!({"target": target, "listed": listed, "clean": 40 - listed.len()})
            })
            .collect();
        json!({ "targets": views })
    }

    #[test]
    fn many_new_lists_at_once_are_doubted() {
        let before = scan(&[("192.0.2.1", &["a"])]);
        for (listed, asked, doubted) in [
            (["a", "b", "c", "d"].as_slice(), 8, true),
            // several zones of one operator are one voice
            (&["u-1", "u-2", "u-3", "u-4"], 8, false),
            (&["u-1", "u-2", "b", "c"], 8, true),
            (&["a", "b", "c", "d"], 9, false),
            (&["b", "c"], 3, false),
            (&["a"], 1, false),
        ] {
            let now = [standing("192.0.2.1", listed, asked)];
            assert_eq!(
                !told(&now, Some(&before)).is_empty(),
                doubted,
                "{listed:?} of {asked}"
            );
            assert!(told(&now, Some(&Value::Null)).is_empty());
            assert!(told(&now, Some(&scan(&[("192.0.2.2", &[])]))).is_empty());
            assert!(told(&now, None).is_empty());
        }
    }

    #[test]
    fn nearly_every_list_at_the_first_look_is_doubted() {
        let own = ["a", "b", "c", "d", "e", "f"];
        let shared = ["u-1", "u-2", "u-3", "u-4", "u-5", "b"];
        for (listed, asked, doubted) in [(own, 8, true), (own, 9, false), (shared, 6, false)] {
            let now = [standing("192.0.2.1", &listed, asked)];
            assert_eq!(
                !told(&now, None).is_empty(),
                doubted,
                "{listed:?} of {asked}"
            );
        }
    }

    #[test]
    fn what_was_not_asked_before_is_not_new() {
        let now = [standing("192.0.2.1", &["a", "b", "c", "d"], 8)];
        for (before, doubted) in [
            (json!({"listed": [], "clean": 7, "clean_weak": 1}), true),
            (json!({"listed": [], "clean": 3}), false),
            (
                json!({"listed": [], "clean": 8, "unknown": [{"list": "a"}], "broken": [{"list": "b"}]}),
                false,
            ),
        ] {
            let mut view = before.clone();
            view["target"] = "192.0.2.1".into();
            let found = told(&now, Some(&json!({"targets": [view]})));
            assert_eq!(!found.is_empty(), doubted, "{before}");
        }
    }

    #[test]
    fn all_addresses_on_one_list_are_doubted() {
        let addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
        let now: Vec<Standing<'_>> = addresses.iter().map(|a| standing(a, &["a"], 30)).collect();
        let clean = scan(&addresses.map(|address| (address, [].as_slice())));
        let found = told(&now, Some(&clean));
        assert!(
            found.len() == 1 && found[0].contains("onto a together"),
            "{found:?}"
        );
        assert!(told(&now[..2], Some(&clean)).is_empty());
        let known = scan(&[
            ("192.0.2.1", &["a"]),
            ("192.0.2.2", &[]),
            ("192.0.2.3", &[]),
        ]);
        assert!(told(&now, Some(&known)).is_empty());
    }
}
