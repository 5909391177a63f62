//! The proofs of mail as tables: how each stands, and what the terms of an SPF record cost.

use std::io::{self, Write};

use serde_json::Value;

use super::cells::{Cell, cell, whole, word};
use super::paint::{Ink, Style};
use super::table::Table;
use crate::report::view::read::{list, plain, text};
use crate::report::view::words;

/// Parts of a domain, with the key of what is most worth reading beside the verdict.
const PARTS: [(&str, &str, &str); 5] = [
    ("spf", "SPF", "result"),
    ("dmarc", "DMARC", "policy"),
    ("mx", "MX", "hosts"),
    ("mta_sts", "MTA-STS", "mode"),
    ("tls_rpt", "TLS-RPT", "record"),
];

/// Writes the outputs of `mailauth.check`.
///
/// # Errors
/// When `out` cannot be written.
pub(super) fn proofs(out: &mut dyn Write, style: Style, outputs: &Value) -> io::Result<()> {
    let domains = list(outputs, "domains");
    let mut table = Table::new(&["DOMAIN", "PROOF", "STATE", "SAYS", "WHY"]);
    for domain in domains {
        for (key, title, says) in PARTS {
            let part = &domain[key];
            table.row(row(domain, title, part, plain(&part[says])));
            if key == "spf" {
                for one in list(domain, "dkim") {
                    let bits = plain(&one["bits"]);
                    let says = [plain(&one["selector"]), bits].join(" ");
                    table.row(row(domain, "DKIM", one, says.trim().to_owned()));
                }
            }
        }
    }
    whole(out, style, &table)?;
    terms(out, style, domains)
}

fn row(domain: &Value, title: &str, part: &Value, says: String) -> Vec<Cell> {
    // a reason alone tells what is in order; beside a problem the first remark says more
    let remark = list(part, "warnings")
        .first()
        .or(list(part, "faults").first());
    let why = match remark {
        Some(Value::String(_)) => remark.map(plain).unwrap_or_default(),
        Some(fault) => plain(&fault["what"]),
        None => plain(&part["reason"]),
    };
    vec![
        cell(&domain["domain"]),
        (title.to_owned(), None),
        word(&words::verdict(&text(part, "verdict"))),
        (says, None),
        (why, None),
    ]
}

/// What each term of the SPF records asks of a receiver; ten look-ups are allowed.
fn terms(out: &mut dyn Write, style: Style, domains: &[Value]) -> io::Result<()> {
    let mut table = Table::new(&["SPF RECORD OF", "TERM", "LOOK-UPS", "VOID", "WHAT CAME"]);
    for domain in domains {
        let spf = &domain["spf"];
        for term in list(spf, "terms") {
            let depth = term["depth"].as_u64().unwrap_or(0).min(9) as usize;
            table.row(vec![
                cell(&term["domain"]),
                (
                    format!("{}{}", "  ".repeat(depth), plain(&term["term"])),
                    None,
                ),
                cell(&term["lookups"]),
                cell(&term["void_lookups"]),
                cell(&term["detail"]),
            ]);
        }
        if !list(spf, "terms").is_empty() {
            let many = spf["lookups_whole"]
                .as_u64()
                .is_some_and(|count| count > 10);
            table.row(vec![
                cell(&domain["domain"]),
                ("all together, of 10".to_owned(), None),
                (plain(&spf["lookups_whole"]), many.then_some(Ink::Bad)),
                cell(&spf["void_lookups"]),
                (String::new(), None),
            ]);
        }
    }
    whole(out, style, &table)
}
