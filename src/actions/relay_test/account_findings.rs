//! What the account for tests has shown about the site: findings of G4 to G7.

use super::abilities::Check;
use super::account::Authenticated;
use crate::actions::Context;
use crate::record::{Evidence, Finding, Severity, Verdict};

/// One question that can end in a finding.
struct Row {
    id: &'static str,
    code: &'static str,
    severity: Severity,
    /// What about the server, in its finding's subject.
    about: &'static str,
    /// Before the detail of the check.
    summary: &'static str,
    remedy: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        id: "G4",
        code: "auth-relay-refused",
        severity: Severity::Informational,
        about: "logged-in senders",
        summary: "A login gives no right to send from there",
        remedy: "In order where nobody sends from outside the office. Else allow relaying for logged-in users (Postfix: \
                 permit_sasl_authenticated in smtpd_relay_restrictions; Exchange 2003: 'Allow all computers which successfully \
                 authenticate to relay'), or look whether the account in the site file may send as its 'sender'.",
    },
    Row {
        id: "G5",
        code: "auth-other-sender",
        severity: Severity::Minor,
        about: "senders of others",
        summary: "After a login mail is taken in the name of somebody else",
        remedy: "Let each account send with its own addresses only: Postfix smtpd_sender_login_maps with \
                 reject_sender_login_mismatch; Exchange: no 'Send As' and no 'accept any sender' permission for logged-in users. \
                 Then run this test again.",
    },
    Row {
        id: "G6",
        code: "auth-foreign-sender",
        severity: Severity::Minor,
        about: "foreign senders",
        summary: "After a login mail is taken with senders outside the site",
        remedy: "Refuse senders that the logged-in account does not own: Postfix smtpd_sender_login_maps with \
                 reject_sender_login_mismatch; on a filter in front, only the site's own sender domains. Spam by a stolen password \
                 mostly bears foreign senders. Then run this test again.",
    },
    Row {
        id: "G7",
        code: "auth-on-port-25",
        severity: Severity::Informational,
        about: "logins on port 25",
        summary: "The server takes logins at the port where mail comes in from everybody",
        remedy: "Offer logins on port 587 or 465 alone, where they can be limited and watched. A site whose people do not send \
                 from outside the office needs none: Exchange 2003 has 'Allow all computers which successfully authenticate to \
                 relay' on from the start; switch it off there.",
    },
];

pub(super) fn findings(context: &Context<'_>, accounts: &[Authenticated]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for account in accounts {
        for (row, check) in judged(account) {
            if check.outcome == Verdict::Finding {
                findings.push(finding(context, account, row, check));
            }
        }
    }
    findings
}

/// The subjects about which the account has told something definite.
pub(super) fn judged_subjects(accounts: &[Authenticated]) -> Vec<String> {
    let definite = |check: &Check| matches!(check.outcome, Verdict::Good | Verdict::Finding);
    let mut subjects = Vec::new();
    for account in accounts {
        let definite = judged(account).filter(|(_, check)| definite(check));
        subjects.extend(definite.map(|(row, _)| subject(account, row)));
    }
    subjects
}

fn judged(account: &Authenticated) -> impl Iterator<Item = (&'static Row, &Check)> {
    ROWS.iter()
        .filter_map(|row| Some((row, account.check(row.id)?)))
}

fn subject(account: &Authenticated, row: &Row) -> String {
    format!("{} ({})", account.server, row.about)
}

fn finding(context: &Context<'_>, account: &Authenticated, row: &Row, check: &Check) -> Finding {
    let place = account.endpoint.as_deref().unwrap_or(&account.server);
    let name = account.account.as_deref().unwrap_or("the account");
    let from = format!("{place}, logged in as {name}");
    Finding {
        code: row.code.to_owned(),
        severity: row.severity,
        subject: subject(account, row),
        summary: format!("{} ({}): {}.", row.summary, account.server, check.detail),
        evidence: vec![Evidence::new("smtp", check.transcript(), context.now()).from(from)],
        remedy: row.remedy.to_owned(),
    }
}
