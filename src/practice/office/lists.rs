//! The list zones of the practice world, made from the catalogue: healthy by their own test points.

use std::net::Ipv4Addr;

use crate::mail::dnsbl::{self, List, Verdict};
use crate::practice::dns::ListZone;

/// A healthy, empty zone for every zone of the catalogue that can be asked without a key.
pub fn list_zones() -> Vec<ListZone> {
    let lists = dnsbl::catalogue().lists.iter();
    lists
        .flat_map(|list| {
            list.zones
                .iter()
                .filter(|zone| !zone.contains('{'))
                .map(|zone| healthy(list, zone))
        })
        .collect()
}

/// One zone with the test entries that its operator promises.
fn healthy(list: &List, zone: &str) -> ListZone {
    let mut made = ListZone::new(zone);
    let Some(points) = &list.test_points else {
        return made;
    };
    let codes = if points.positive_answers.is_empty() {
        vec![listing_code(list)]
    } else {
        points.positive_answers.clone()
    };
    let targets = points.positive.iter().chain(&points.also).cloned();
    for target in targets.chain(points.ipv6_positive.map(|address| address.to_string())) {
        made = made.test_point(&target, &codes);
    }
    made
}

/// A code by which this list says "listed": 127.0.0.2 where it has that meaning, else the first that has.
fn listing_code(list: &List) -> Ipv4Addr {
    let usual = Ipv4Addr::new(127, 0, 0, 2);
    let known = list.return_codes.iter().map(|(key, _)| key.example());
    std::iter::once(usual)
        .chain(known)
        .find(|code| list.decode(&[*code]).verdict == Verdict::Listed)
        .unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_entry_decodes_as_listed() {
        for list in &dnsbl::catalogue().lists {
            if list
                .test_points
                .as_ref()
                .is_some_and(|points| points.positive.is_some())
                && list.kind == dnsbl::Kind::Blocklist
            {
                assert_eq!(
                    list.decode(&[listing_code(list)]).verdict,
                    Verdict::Listed,
                    "{}",
                    list.id
                );
            }
        }
        assert!(list_zones().len() > 30);
    }
}
