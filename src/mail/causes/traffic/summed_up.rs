//! What a log held too much of to be told apart, in words.

use super::{REMOTES, Traffic, USERS};

impl Traffic {
    /// One sentence for each table that had to give entries up. The busiest entries are never given up.
    pub(in super::super) fn summed_up(&self) -> Vec<String> {
        let users = [
            &self.accounts,
            &self.devices,
            &self.programs,
            &self.addresses,
        ];
        let users = users.into_iter().map(|table| table.given_up).sum();
        let rows = [
            ("remote hosts", REMOTES as u64, self.remotes.given_up),
            (
                "accounts, devices, programs and addresses",
                USERS as u64,
                users,
            ),
            ("stretches of ten minutes", 50_000, self.bursts.given_up()),
            ("days with unknown recipients", 400, self.unknown.given_up()),
            (
                "hours with failures for want of DNS",
                4_000,
                self.unresolved.windows.given_up(),
            ),
            (
                "hours with replies about the standing",
                4_000,
                self.standing.windows.given_up(),
            ),
            (
                "clients and hours with failed log-ins",
                50_000,
                self.guessing.given_up(),
            ),
        ];
        rows.into_iter()
            .filter(|(_, _, given_up)| *given_up > 0)
            .map(|(what, kept, given_up)| {
                format!("{what}: the busiest {kept} at least were told apart, {given_up} of the rarest were not")
            })
            .collect()
    }
}
