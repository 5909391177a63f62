//! Which lists a scan asks, and which it leaves out and why.

use std::borrow::Cow;

use secrecy::SecretString;
use serde::Serialize;

use crate::actions::ActionError;
use crate::mail::dnsbl::{Catalogue, DefaultScan, List, Names};

/// A list to ask.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    /// What is known about it.
    pub(super) list: Cow<'static, List>,
    /// Its access key, where the zone needs one.
    pub(super) key: Option<SecretString>,
    /// Whether it was asked for by name.
    pub(super) named: bool,
}

/// A list that is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Skipped {
    /// Its id, or the zone as it was given.
    pub(super) list: String,
    /// Why.
    pub(super) reason: String,
}

/// What a scan asks.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Lists to ask.
    pub(super) chosen: Vec<Chosen>,
    /// Lists to leave out.
    pub(super) skipped: Vec<Skipped>,
}

/// What was wished for.
pub(super) struct Wishes<'a> {
    /// Exactly these lists, by id or zone; none: the default ones.
    pub(super) lists: Option<&'a [String]>,
    /// Lists beside the default ones.
    pub(super) also: &'a [String],
    /// Lists to leave out.
    pub(super) except: &'a [String],
}

/// Chooses the lists. `key_of` gives the access key of a list.
///
/// # Errors
/// When a name is neither a list nor a zone, or a key cannot be read.
pub(super) fn select(
    book: &'static Catalogue,
    wishes: &Wishes<'_>,
    key_of: impl Fn(&List) -> Result<Option<SecretString>, ActionError>,
) -> Result<Selection, ActionError> {
    let mut selection = Selection::default();
    if wishes.lists.is_none() {
        for list in &book.lists {
            match list.default_scan {
                DefaultScan::On => selection.choose(Cow::Borrowed(list), false, &key_of)?,
                // Without a key they are counted as left out; with a registration only the site knows.
                DefaultScan::OptIn if list.access.key_required => {
                    selection.choose(Cow::Borrowed(list), false, &key_of)?;
                }
                DefaultScan::OptIn | DefaultScan::Off => {}
            }
        }
    }
    for name in wishes.lists.unwrap_or_default().iter().chain(wishes.also) {
        selection.choose_named(book, name, &key_of)?;
    }
    for name in wishes.except {
        selection.leave_out(book, name);
    }
    selection.drop_doubles();
    Ok(selection)
}

impl Selection {
    fn choose_named(
        &mut self,
        book: &'static Catalogue,
        name: &str,
        key_of: impl Fn(&List) -> Result<Option<SecretString>, ActionError>,
    ) -> Result<(), ActionError> {
        if let Some(dead) = book.dead(name) {
            let since = match &dead.status_since {
                Some(since) => format!("since {since}"),
                None => "for good".to_owned(),
            };
            self.skip(name, format!("dead {since}, never asked: {}", dead.why));
            return Ok(());
        }
        if let Some(list) = book.list(name) {
            return self.choose(Cow::Borrowed(list), true, key_of);
        }
        if let Some(list) = book.combined(name) {
            self.skip(
                name,
                format!("part of {}, which is asked instead", list.zones[0]),
            );
            return self.choose(Cow::Borrowed(list), true, key_of);
        }
        if let Some(candidate) = book.candidate(name) {
            for zone in &candidate.zones {
                let list = List::uncharted(&candidate.id, zone, candidate.operator.as_deref());
                self.choose(Cow::Owned(list), true, &key_of)?;
            }
            return Ok(());
        }
        let zone = name.trim().trim_end_matches('.').to_ascii_lowercase();
        if !zone.contains('.') || zone.contains(['/', '@', ' ']) {
            return Err(ActionError::new(format!(
                "cannot scan list '{name}': it is neither a known list nor a zone; `mailmedic lists` shows the known ones"
            )));
        }
        self.choose(
            Cow::Owned(List::uncharted(&zone, &zone, None)),
            true,
            key_of,
        )
    }

    fn choose(
        &mut self,
        list: Cow<'static, List>,
        named: bool,
        key_of: impl Fn(&List) -> Result<Option<SecretString>, ActionError>,
    ) -> Result<(), ActionError> {
        if let Some(known) = self
            .chosen
            .iter_mut()
            .find(|c| c.list.id == list.id && c.list.zones == list.zones)
        {
            known.named |= named;
            return Ok(());
        }
        if list.names == Names::Hashed {
            self.skip(
                &list.id,
                "it holds hashes of addresses, not names".to_owned(),
            );
            return Ok(());
        }
        let key = if list.access.key_required {
            key_of(&list)?
        } else {
            None
        };
        if list.access.key_required && key.is_none() {
            let known = self.skipped.iter().any(|skipped| skipped.list == list.id);
            if !known {
                let reason = format!(
                    "needs an access key: put one under lists.keys.{} in the site file",
                    list.id
                );
                self.skip(&list.id, reason);
            }
            return Ok(());
        }
        self.chosen.push(Chosen { list, key, named });
        Ok(())
    }

    fn leave_out(&mut self, book: &Catalogue, name: &str) {
        let id = book.list(name).or_else(|| book.combined(name)).map_or_else(
            || name.trim().trim_end_matches('.').to_ascii_lowercase(),
            |list| list.id.clone(),
        );
        let before = self.chosen.len();
        self.chosen.retain(|chosen| chosen.list.id != id);
        if self.chosen.len() < before {
            self.skip(&id, "left out on request".to_owned());
        }
    }

    /// Of two lists with the same data only one counts: the keyed one, which works behind any resolver.
    fn drop_doubles(&mut self) {
        let pairs: Vec<(String, String)> = self
            .chosen
            .iter()
            .filter_map(|chosen| {
                let list = &chosen.list;
                let other = list.same_as.clone()?;
                self.chosen.iter().any(|c| c.list.id == other).then(|| {
                    if list.access.key_required {
                        (other, list.id.clone())
                    } else {
                        (list.id.clone(), other)
                    }
                })
            })
            .collect();
        for (dropped, kept) in pairs {
            self.chosen.retain(|chosen| chosen.list.id != dropped);
            self.skip(&dropped, format!("the same data as {kept}, which is asked"));
        }
    }

    fn skip(&mut self, list: &str, reason: String) {
        self.skipped.push(Skipped {
            list: list.to_owned(),
            reason,
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mail::dnsbl::catalogue;

    fn chosen(
        lists: Option<&[&str]>,
        also: &[&str],
        except: &[&str],
        keys: &[&str],
    ) -> (Vec<String>, Vec<Skipped>) {
        let own = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let lists = lists.map(own);
        let wishes = Wishes {
            lists: lists.as_deref(),
            also: &own(also),
            except: &own(except),
        };
        let key_of = |list: &List| {
            Ok(keys
                .contains(&list.id.as_str())
                .then(|| SecretString::from("k")))
        };
        let selection = select(catalogue(), &wishes, key_of).unwrap();
        let ids = selection
            .chosen
            .iter()
            .map(|c| c.list.zones[0].clone())
            .collect();
        (ids, selection.skipped)
    }

    #[test]
    fn the_default_leaves_out_what_needs_a_key_and_counts_it() {
        let (zones, skipped) = chosen(None, &[], &[], &[]);
        assert!(zones.contains(&"zen.spamhaus.org".to_owned()));
        assert!(
            !zones.iter().any(|zone| zone.contains("{key}")
                || zone.contains("uceprotect.net") && zone.contains("-3"))
        );
        assert!(
            skipped
                .iter()
                .any(|s| s.list == "spamhaus-zen-dqs" && s.reason.contains("lists.keys"))
        );
    }

    #[test]
    fn a_key_replaces_the_public_zone() {
        let (zones, skipped) = chosen(None, &[], &[], &["spamhaus-zen-dqs"]);
        assert!(zones.contains(&"{key}.zen.dq.spamhaus.net".to_owned()));
        assert!(!zones.contains(&"zen.spamhaus.org".to_owned()));
        assert!(
            skipped
                .iter()
                .any(|s| s.list == "spamhaus-zen" && s.reason.contains("same data"))
        );
    }

    #[test]
    fn names_are_resolved_and_never_counted_twice() {
        for (lists, zones, skipped) in [
            (
                ["psbl", "psbl.surriel.com."].as_slice(),
                ["psbl.surriel.com"].as_slice(),
                0,
            ),
            (
                &["sbl.spamhaus.org", "xbl.spamhaus.org"],
                &["zen.spamhaus.org"],
                2,
            ),
            (&["spamhaus-zen", "cbl-abuseat"], &["zen.spamhaus.org"], 1),
            (&["cbl-abuseat"], &["cbl.abuseat.org"], 0),
            (&["dnsbl.sorbs.net", "psbl"], &["psbl.surriel.com"], 1),
            (&["spam.dnsbl.sorbs.net"], &[], 1),
            (&["hetzner-rbl"], &["rbl.your-server.de"], 0),
            (&["bl.own.example"], &["bl.own.example"], 0),
            (&["msbl-ebl"], &[], 1),
            (
                &["digibase"],
                &[
                    "spambot.bls.digibase.ca",
                    "proxyabuse.bls.digibase.ca",
                    "openproxy.bls.digibase.ca",
                ],
                0,
            ),
        ] {
            let (found, left_out) = chosen(Some(lists), &[], &[], &[]);
            assert_eq!(found, zones, "{lists:?}");
            assert_eq!(left_out.len(), skipped, "{lists:?} {left_out:?}");
        }
        let (found, _) = chosen(
            Some(&["psbl", "spamcop-bl"]),
            &["dronebl"],
            &["bl.spamcop.net"],
            &[],
        );
        assert_eq!(found, ["psbl.surriel.com", "dnsbl.dronebl.org"]);
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        let lists = ["spamhous".to_owned()];
        let wishes = Wishes {
            lists: Some(&lists),
            also: &[],
            except: &[],
        };
        let error = select(catalogue(), &wishes, |_| Ok(None)).unwrap_err();
        assert!(error.to_string().contains("mailmedic lists"), "{error}");
    }
}
