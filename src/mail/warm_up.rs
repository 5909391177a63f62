//! How an address that no receiver knows comes to be trusted: little mail at first, to people who want it, and more each day.
//!
//! Receivers hold back mail from an address without a past (Microsoft says 4.7.650 and 4.7.651 for it, Google 4.7.28). The
//! large ones want to see it for two to four weeks. A small office reaches its own volume long before their limits do.

use serde::Serialize;

/// A stretch of days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// First day, 1 is the first on which the address sends.
    pub from: u32,
    /// Last day; none for the last stage.
    pub to: Option<u32>,
    /// Messages a day at most, over all recipients.
    pub a_day: u32,
    /// What to send, in words.
    pub what: &'static str,
}

/// Messages on a working day for each mailbox: what a busy office sends.
const A_MAILBOX: u32 = 40;
/// Where nobody said how many mailboxes there are.
const SOME_MAILBOXES: u32 = 10;
/// On the first days.
const FIRST: u32 = 50;
/// A volume that large receivers do not look at twice from an address of some weeks.
const MOST: u32 = 5_000;
/// Days for each stage.
const DAYS: u32 = 3;

/// The plan for a site of so many mailboxes.
pub fn plan(mailboxes: Option<u32>) -> Vec<Stage> {
    let usual = mailboxes
        .unwrap_or(SOME_MAILBOXES)
        .max(1)
        .saturating_mul(A_MAILBOX)
        .clamp(FIRST, MOST);
    let mut stages = Vec::new();
    let mut day = 1;
    let mut a_day = FIRST;
    while a_day < usual {
        stages.push(Stage {
            from: day,
            to: Some(day + DAYS - 1),
            a_day,
            what: if stages.is_empty() {
                "answers, and mail to people who have written to the site lately; everything else goes the old way or by the smarthost"
            } else {
                "the usual mail of persons; no invoices in one batch, no circulars"
            },
        });
        day += DAYS;
        a_day *= 2;
    }
    stages.push(Stage {
        from: day,
        to: None,
        a_day: usual,
        what: "all mail of the office; newsletters and other mail to many stay with a service of their own",
    });
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_doubles_until_it_is_the_usual_one() {
        for (mailboxes, expected) in [
            (Some(1), &[(1, 50)][..]),
            (
                Some(12),
                &[(1, 50), (4, 100), (7, 200), (10, 400), (13, 480)],
            ),
            (None, &[(1, 50), (4, 100), (7, 200), (10, 400)]),
        ] {
            let stages = plan(mailboxes);
            let told: Vec<(u32, u32)> = stages
                .iter()
                .map(|stage| (stage.from, stage.a_day))
                .collect();
            assert_eq!(told, expected, "{mailboxes:?}");
            assert_eq!(stages.last().map(|last| last.to), Some(None));
            for pair in stages.windows(2) {
                assert_eq!(pair[0].to, Some(pair[1].from - 1));
            }
        }
        let large = plan(Some(u32::MAX));
        assert_eq!(large.last().map(|last| last.a_day), Some(MOST));
    }
}
