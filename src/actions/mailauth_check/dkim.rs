//! DKIM keys by selector. DNS cannot list them, so what nobody names is not looked for.

use serde::Serialize;

use super::asking::Asker;
use super::remark::Remarks;
use super::{Harvest, Plan, part_verdict};
use crate::mail::dkim::{self, FaultKind, GOOD_BITS, Key, common_selectors, key, key_name};
use crate::mail::lookup::{Found, Lookup};
use crate::record::{Finding, Severity, Verdict};

/// A selector that nobody uses: where it has a key, every name has, and a guess proves nothing.
const CONTROL: &str = "no-such-selector-mailmedic";

/// How one key stands.
#[derive(Debug, Clone, Serialize)]
pub(super) struct View {
    /// Empty: no key could be looked for by name.
    pub(super) selector: String,
    pub(super) verdict: Verdict,
    /// Its length.
    pub(super) bits: Option<usize>,
    pub(super) algorithm: Option<String>,
    /// It was not named, but found by a usual name.
    pub(super) guessed: bool,
    pub(super) reason: String,
    pub(super) record: Option<String>,
    pub(super) warnings: Vec<String>,
    /// Whether signatures with it can be verified; None: it could not be told.
    #[serde(skip)]
    pub(super) usable: Option<bool>,
}

impl View {
    fn without_key(selector: &str, verdict: Verdict, reason: String) -> Self {
        View {
            selector: selector.to_owned(),
            verdict,
            bits: None,
            algorithm: None,
            guessed: false,
            reason,
            record: None,
            warnings: Vec::new(),
            usable: (verdict == Verdict::Finding).then_some(false),
        }
    }
}

/// Whether mail of the domain can carry a signature that holds; None: nobody knows.
pub(super) fn usable(views: &[View]) -> Option<bool> {
    if views.iter().any(|view| view.usable == Some(true)) {
        return Some(true);
    }
    (!views.is_empty() && views.iter().all(|view| view.usable == Some(false))).then_some(false)
}

/// Checks the keys of `domain`.
pub(super) async fn check(
    asker: &mut Asker<'_>,
    plan: &Plan,
    domain: &str,
    harvest: &mut Harvest,
) -> Vec<View> {
    let mut views = Vec::new();
    let named: Vec<&str> = plan
        .selectors
        .iter()
        .filter(|selector| selector.domain.as_deref().is_none_or(|only| only == domain))
        .map(|selector| selector.name.as_str())
        .collect();
    for selector in &named {
        views.push(of_selector(asker, selector, domain, harvest).await);
    }
    if plan.common {
        views.extend(guesses(asker, &named, domain, harvest).await);
    }
    if views.is_empty() {
        views.push(without_selector(asker, plan, domain, harvest).await);
    }
    views
}

async fn of_selector(
    asker: &mut Asker<'_>,
    selector: &str,
    domain: &str,
    harvest: &mut Harvest,
) -> View {
    let name = key_name(selector, domain);
    let lookup = Lookup::txt(&name);
    let found = asker.found(&lookup).await;
    let subject = format!("DKIM key {selector} of {domain}");
    let mut remarks = Remarks::about(&subject, asker.proof(&[lookup], &[]));
    let texts: Vec<String> = found
        .texts()
        .iter()
        .map(crate::mail::lookup::Text::joined)
        .collect();
    let mut view = match (texts.as_slice(), found.failure()) {
        (_, Some(why)) => View::without_key(
            selector,
            Verdict::Unknown,
            format!("it could not be asked: {why}"),
        ),
        ([], None) => {
            remarks.add(
                "dkim-missing",
                Severity::Major,
                format!("there is no DKIM key {name}: signatures with this selector fail"),
                format!(
                    "Publish the public key that the signing server shows, as\n{name}. TXT \"v=DKIM1; k=rsa; p=...\"\nor correct the selector in the site file if it is no longer used."
                ),
            );
            View::without_key(
                selector,
                Verdict::Finding,
                "there is no such key".to_owned(),
            )
        }
        ([text], None) => {
            let key = key(text);
            faults(&mut remarks, &name, &key);
            with_key(selector, text, &key)
        }
        (several, None) => {
            remarks.add(
                "dkim-multiple",
                Severity::Major,
                format!(
                    "{name} has {} records; which of them receivers take is chance",
                    several.len()
                ),
                "Keep the record of the key that signs, and remove the others.",
            );
            View::without_key(
                selector,
                Verdict::Finding,
                format!("it has {} records", several.len()),
            )
        }
    };
    let findings = remarks.into_findings();
    if view.verdict != Verdict::Unknown {
        view.verdict = part_verdict(&findings);
    }
    harvest.take(view.verdict, &subject, findings);
    view
}

fn with_key(selector: &str, text: &str, key: &Key) -> View {
    let told: Vec<String> = key.faults.iter().map(|fault| fault.what.clone()).collect();
    View {
        selector: selector.to_owned(),
        verdict: Verdict::Good,
        bits: key.bits,
        algorithm: Some(key.algorithm.clone()),
        guessed: false,
        reason: String::new(),
        record: Some(text.to_owned()),
        warnings: told,
        usable: Some(key.is_usable()),
    }
}

fn faults(remarks: &mut Remarks, name: &str, key: &Key) {
    for fault in &key.faults {
        let (code, severity, remedy) = match fault.kind {
            FaultKind::Invalid | FaultKind::Service => (
                "dkim-invalid",
                Severity::Major,
                "Copy the record anew from the signing server, whole and without line ends; split it into strings of at most 255 characters.".to_owned(),
            ),
            FaultKind::Revoked => (
                "dkim-revoked",
                Severity::Minor,
                "If the server still signs with this selector, publish its key again or change the selector; else take it out of the site file.".to_owned(),
            ),
            FaultKind::Testing => (
                "dkim-testing",
                Severity::Minor,
                "Remove 't=y' from the record once signing works.".to_owned(),
            ),
            FaultKind::TooShort => (
                "dkim-weak",
                Severity::Major,
                format!("Make a new key of {GOOD_BITS} bits under a new selector, publish it, and let the server sign with it."),
            ),
            FaultKind::Short => (
                "dkim-weak",
                Severity::Informational,
                format!("Make the next key one of {GOOD_BITS} bits, under a new selector."),
            ),
            FaultKind::Hash => (
                "dkim-hash",
                Severity::Major,
                "Remove the 'h=' tag from the record, and let the server sign with rsa-sha256.".to_owned(),
            ),
            FaultKind::Odd => continue,
        };
        remarks.add(
            code,
            severity,
            format!("the DKIM key {name}: {}", fault.what),
            remedy,
        );
    }
}

/// Usual selectors. One that is not there says nothing, so only what is found is shown.
async fn guesses(
    asker: &mut Asker<'_>,
    named: &[&str],
    domain: &str,
    harvest: &mut Harvest,
) -> Vec<View> {
    let control = asker.found(&Lookup::txt(&key_name(CONTROL, domain))).await;
    if !control.is_void() {
        harvest.unknown = true;
        let why = match control.failure() {
            Some(why) => format!("usual selectors could not be asked: {why}"),
            None => "every name below _domainkey has a text record, so guessing selectors proves nothing".to_owned(),
        };
        return vec![View::without_key("", Verdict::Unknown, why)];
    }
    let guessed: Vec<&dkim::CommonSelector> = common_selectors()
        .iter()
        .filter(|one| !named.contains(&one.selector.as_str()))
        .collect();
    let lookups: Vec<Lookup> = guessed
        .iter()
        .map(|one| Lookup::txt(&key_name(&one.selector, domain)))
        .collect();
    asker.settle(|known| known.all(&lookups)).await;
    let mut views = Vec::new();
    for (one, lookup) in guessed.iter().zip(&lookups) {
        let found = asker.found(lookup).await;
        // a withdrawn key of a product that was used once is no fault
        let live = found
            .texts()
            .iter()
            .any(|text| !key(&text.joined()).revoked && is_key(&text.joined()));
        if live {
            let mut view = of_selector(asker, &one.selector, domain, harvest).await;
            view.guessed = true;
            view.warnings
                .push(format!("a usual name, used by {}; nobody named it", one.by));
            views.push(view);
        }
    }
    if views.is_empty() && named.is_empty() {
        views.push(View::without_key(
            "",
            Verdict::NotApplicable,
            format!(
                "no selector is named, and none of {} usual ones has a key; that proves nothing",
                lookups.len()
            ),
        ));
    }
    views
}

fn is_key(text: &str) -> bool {
    text.contains("p=")
}

/// Without a selector one thing can be told: where `_domainkey` does not exist, no name below it does (RFC 8020).
async fn without_selector(
    asker: &mut Asker<'_>,
    plan: &Plan,
    domain: &str,
    harvest: &mut Harvest,
) -> View {
    let lookup = Lookup::txt(&format!("_domainkey.{domain}"));
    let found = asker.found(&lookup).await;
    let subject = format!("DKIM keys of {domain}");
    match (&found, found.failure()) {
        (Found::NoName, _) => {
            let mut remarks = Remarks::about(&subject, asker.proof(&[lookup], &[]));
            remarks.add(
                "dkim-none",
                Severity::Minor,
                format!("{domain} has no DKIM key at all, so its mail cannot be signed; large receivers want signatures"),
                "Let the server or the smarthost sign, and publish the key that it shows. Old servers (Exchange before 2013) need a gateway for it.",
            );
            let findings: Vec<Finding> = remarks.into_findings();
            harvest.take(Verdict::Finding, &subject, findings);
            View::without_key(
                "",
                Verdict::Finding,
                "there is no name _domainkey, so there is no key".to_owned(),
            )
        }
        (_, Some(why)) => {
            harvest.take(Verdict::Unknown, &subject, Vec::new());
            View::without_key(
                "",
                Verdict::Unknown,
                format!("it could not be asked: {why}"),
            )
        }
        _ => {
            let hint = if plan.selectors.is_empty() {
                "name the selector in the site file (dkim.selectors); it is the s= of a DKIM-Signature line in sent mail"
            } else {
                "the site file names selectors for other domains only"
            };
            // it is known now that there may be keys, so "none at all" no longer stands
            harvest.take(Verdict::NotApplicable, &subject, Vec::new());
            View::without_key(
                "",
                Verdict::NotApplicable,
                format!("keys may exist, but no selector is known: {hint}"),
            )
        }
    }
}
