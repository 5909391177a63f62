//! Which of several addresses to send mail from: what speaks against each, in the order that matters.
//!
//! Receivers judge an address they do not know by what they can see at once: lists, its name, its neighbours. A listing for
//! abuse is somebody else's past that the new user inherits; a policy listing says that its owner wants no mail from there; a
//! missing name can be mended by the operator in days. So an address without a name goes before one with a past.

use std::net::IpAddr;

use serde::Serialize;

use super::dnsbl::{Nature, Severity};

/// What is known about an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The address.
    pub address: IpAddr,
    /// Lists that hold it.
    pub listings: Vec<Held>,
    /// Whether the lists could be asked at all, when none holds it.
    pub lists: Asked,
    /// Its reverse name.
    pub name: Name,
    /// Its neighbours.
    pub neighbours: Neighbours,
}

/// A listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The list's name.
    pub list: String,
    /// How many receivers act on it.
    pub severity: Severity,
    /// What it points to.
    pub nature: Option<Nature>,
}

/// Whether lists could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Enough of those that matter answered.
    Enough,
    /// They did not.
    TooFew,
}

/// The state of a reverse name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A server's name that leads back.
    Proper(String),
    /// None.
    Missing,
    /// One that does not lead back.
    Unconfirmed(String),
    /// One that looks like a line's.
    Generic(String),
    /// It could not be told.
    Unknown,
}

/// Other addresses of the same /24 (/64 of IPv6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// How many the lists could tell about.
    pub known: usize,
    /// How many they could not tell about.
    pub unknown: usize,
    /// Those of the known that are listed for abuse.
    pub listed: Vec<IpAddr>,
}

/// What an address is good for, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Nothing speaks against it.
    Usable,
    /// Once its name is set.
    AfterTheName,
    /// It could not be told.
    Unknown,
    /// Only where there is no better one.
    Poor,
    /// Not for mail.
    Unfit,
}

/// What is to be thought of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Opinion {
    /// What it is good for.
    pub grade: Grade,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
    /// What has to be done before it is used, one sentence each.
    pub before: Vec<String>,
}

/// One listed neighbour of so many is enough for receivers to mark a whole network down.
const ONE_OF: usize = 4;
/// Fewer than these make no share.
const FEWEST_KNOWN: usize = 4;

/// Judges one address.
pub fn judge(facts: &Facts) -> Opinion {
    let mut opinion = Opinion {
        grade: Grade::Usable,
        reasons: Vec::new(),
        before: Vec::new(),
    };
    listings(facts, &mut opinion);
    name(facts, &mut opinion);
    neighbours(&facts.neighbours, &mut opinion);
    if facts.lists == Asked::TooFew && facts.listings.is_empty() {
        opinion.worsen(Grade::Unknown);
        opinion
            .reasons
            .push("too few of the lists that matter could be asked: it may be listed".to_owned());
    }
    opinion
}

/// Puts first what is to be preferred: by grade, then by how much speaks against it, then as it was given.
pub fn rank<T>(candidates: &mut [T], opinion: impl Fn(&T) -> &Opinion) {
    candidates.sort_by_key(|one| {
        let opinion = opinion(one);
        (opinion.grade, opinion.reasons.len())
    });
}

impl Opinion {
    fn worsen(&mut self, grade: Grade) {
        self.grade = self.grade.max(grade);
    }
}

fn listings(facts: &Facts, opinion: &mut Opinion) {
    for held in &facts.listings {
        match held.nature {
            Some(Nature::Policy) => {
                opinion.worsen(Grade::Poor);
                opinion.reasons.push(format!(
                    "{} names it as a line that is to send no mail directly",
                    held.list
                ));
                opinion.before.push(format!(
                    "have the network operator, or the list's own form, take it off {}",
                    held.list
                ));
            }
            Some(Nature::Neighbourhood) => {
                opinion.worsen(Grade::Poor);
                opinion
                    .reasons
                    .push(format!("{} lists the network around it", held.list));
            }
            _ => {
                let grade = if held.severity >= Severity::Major {
                    Grade::Unfit
                } else {
                    Grade::Poor
                };
                opinion.worsen(grade);
                opinion
                    .reasons
                    .push(format!("{} lists it for what it sent before", held.list));
            }
        }
    }
}

fn name(facts: &Facts, opinion: &mut Opinion) {
    let (reason, grade) = match &facts.name {
        Name::Proper(_) => return,
        Name::Missing => ("it has no reverse name".to_owned(), Grade::AfterTheName),
        Name::Unconfirmed(name) => (
            format!("its reverse name {name} does not lead back to it"),
            Grade::AfterTheName,
        ),
        Name::Generic(name) => (
            format!("its reverse name {name} looks like an access line's"),
            Grade::AfterTheName,
        ),
        Name::Unknown => (
            "its reverse name could not be told".to_owned(),
            Grade::Unknown,
        ),
    };
    opinion.worsen(grade);
    opinion.reasons.push(reason);
    opinion.before.push(if grade == Grade::Unknown {
        "look up its reverse name again".to_owned()
    } else {
        "have the network operator set a reverse name of the mail server, and give that name an address record".to_owned()
    });
}

fn neighbours(neighbours: &Neighbours, opinion: &mut Opinion) {
    let listed = neighbours.listed.len();
    if listed == 0 {
        return;
    }
    let is = if listed == 1 { "is" } else { "are" };
    if neighbours.known < FEWEST_KNOWN {
        opinion.reasons.push(format!(
            "{listed} of the addresses beside it {is} listed for abuse; too few of them could be told about to say how many are"
        ));
        return;
    }
    opinion.reasons.push(format!(
        "{listed} of {} addresses beside it {is} listed for abuse",
        neighbours.known
    ));
    if listed * ONE_OF >= neighbours.known {
        opinion.worsen(Grade::Poor);
    }
}

/// The addresses beside `address`, nearest first: of its /24, or the neighbouring /64 networks' first addresses for IPv6, without
/// the first and last of the block.
pub fn beside(address: IpAddr, most: usize) -> Vec<IpAddr> {
    let step = |by: i32| -> Option<IpAddr> {
        match address {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                let d = u8::try_from(i32::from(d) + by).ok()?;
                (d != 0 && d != 255).then(|| IpAddr::from([a, b, c, d]))
            }
            IpAddr::V6(v6) => {
                let bits = u128::from(v6) >> 64;
                let network = bits.checked_add_signed(i128::from(by))?;
                Some(IpAddr::from(std::net::Ipv6Addr::from(network << 64 | 1)))
            }
        }
    };
    (1..=255)
        .flat_map(|distance| [step(distance), step(-distance)])
        .flatten()
        .take(most)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn clean() -> Facts {
        Facts {
            address: "192.0.2.25".parse().unwrap(),
            listings: Vec::new(),
            lists: Asked::Enough,
            name: Name::Proper("mail.example.org".to_owned()),
            neighbours: Neighbours::default(),
        }
    }

    fn held(severity: Severity, nature: Option<Nature>) -> Facts {
        Facts {
            listings: vec![Held {
                list: "Some list".to_owned(),
                severity,
                nature,
            }],
            ..clean()
        }
    }

    fn beside_it(known: usize, listed: usize) -> Facts {
        let listed = beside(clean().address, listed);
        Facts {
            neighbours: Neighbours {
                known,
                unknown: 8 - known,
                listed,
            },
            ..clean()
        }
    }

    fn named(name: Name) -> Facts {
        Facts { name, ..clean() }
    }

    #[test]
    fn each_fact_has_its_grade_and_its_reason() {
        for (facts, grade, reason, to_do) in [
            (clean(), Grade::Usable, "", 0),
            (
                beside_it(8, 1),
                Grade::Usable,
                "1 of 8 addresses beside it is listed",
                0,
            ),
            (
                beside_it(8, 2),
                Grade::Poor,
                "2 of 8 addresses beside it are listed",
                0,
            ),
            (
                beside_it(4, 1),
                Grade::Poor,
                "1 of 4 addresses beside it is listed",
                0,
            ),
            (
                beside_it(3, 1),
                Grade::Usable,
                "1 of the addresses beside it is listed for abuse; too few",
                0,
            ),
            (
                named(Name::Missing),
                Grade::AfterTheName,
                "no reverse name",
                1,
            ),
            (
                named(Name::Generic("dsl1.example".to_owned())),
                Grade::AfterTheName,
                "access line",
                1,
            ),
            (named(Name::Unknown), Grade::Unknown, "could not be told", 1),
            (
                held(Severity::Critical, None),
                Grade::Unfit,
                "for what it sent before",
                0,
            ),
            (
                held(Severity::Minor, Some(Nature::Traffic)),
                Grade::Poor,
                "for what it sent before",
                0,
            ),
            (
                held(Severity::Critical, Some(Nature::Policy)),
                Grade::Poor,
                "no mail directly",
                1,
            ),
            (
                held(Severity::Minor, Some(Nature::Neighbourhood)),
                Grade::Poor,
                "the network around it",
                0,
            ),
            (
                Facts {
                    lists: Asked::TooFew,
                    ..clean()
                },
                Grade::Unknown,
                "it may be listed",
                0,
            ),
        ] {
            let opinion = judge(&facts);
            assert_eq!(opinion.grade, grade, "{opinion:?}");
            assert!(opinion.reasons.join(";").contains(reason), "{opinion:?}");
            assert_eq!(opinion.before.len(), to_do, "{opinion:?}");
        }
    }

    #[test]
    fn what_is_known_to_be_bad_goes_below_what_is_not_known() {
        let mut ranked: Vec<(usize, Opinion)> = [
            held(Severity::Major, None),
            named(Name::Unknown),
            named(Name::Missing),
            beside_it(8, 1),
            clean(),
            held(Severity::Minor, None),
        ]
        .iter()
        .map(judge)
        .enumerate()
        .collect();
        rank(&mut ranked, |(_, opinion)| opinion);
        let order: Vec<usize> = ranked.iter().map(|(place, _)| *place).collect();
        assert_eq!(order, [4, 3, 2, 1, 5, 0]);
    }

    #[test]
    fn neighbours_are_the_nearest_of_the_block() {
        let beside = |address: &str, most| {
            let all = super::beside(address.parse().unwrap(), most);
            all.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            beside("192.0.2.25", 3),
            ["192.0.2.26", "192.0.2.24", "192.0.2.27"]
        );
        assert_eq!(beside("192.0.2.254", 2), ["192.0.2.253", "192.0.2.252"]);
        assert_eq!(beside("192.0.2.1", 400).len(), 253);
        assert_eq!(
            beside("2001:db8:0:5::25", 2),
            ["2001:db8:0:6::1", "2001:db8:0:4::1"]
        );
        assert_eq!(beside("::1", 1), ["::1:0:0:0:1"]);
    }
}
