//! SPF of a domain: evaluated for every sending address and for the HELO name, with what each term costs.

use std::net::IpAddr;

use serde::Serialize;

use super::asking::Asker;
use super::{Harvest, Plan, part_verdict, spf_findings};
use crate::actions::Context;
use crate::mail::lookup::{Found, Lookup, Text};
use crate::mail::spf::{
    self, Cause, Evaluation, Extent, Request, SpfResult, Visit, advise, lookalikes, parse, records,
};
use crate::record::Verdict;
use crate::site::special_use;

/// How SPF of one domain stands.
#[derive(Debug, Clone, Serialize)]
pub(super) struct View {
    pub(super) verdict: Verdict,
    /// The worst result over all addresses.
    pub(super) result: Option<SpfResult>,
    /// Why, in words.
    pub(super) reason: String,
    /// The record, when there is exactly one.
    pub(super) record: Option<String>,
    /// Look-ups of that evaluation.
    pub(super) lookups: usize,
    /// Look-ups of that evaluation that found nothing.
    pub(super) void_lookups: usize,
    /// Look-ups of the whole record, for a sender that matches nothing.
    pub(super) lookups_whole: usize,
    pub(super) addresses: Vec<AddressView>,
    /// The terms of the record and of those it leads to, with what each costs.
    pub(super) terms: Vec<TermView>,
    pub(super) faults: Vec<FaultView>,
    pub(super) warnings: Vec<String>,
    pub(super) helo: Option<HeloView>,
}

/// One sending address.
#[derive(Debug, Clone, Serialize)]
pub(super) struct AddressView {
    pub(super) address: IpAddr,
    pub(super) result: SpfResult,
    pub(super) reason: String,
    pub(super) lookups: usize,
    pub(super) void_lookups: usize,
}

/// One term.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TermView {
    /// The record it stands in.
    pub(super) domain: String,
    /// 0 for the domain's own record, 1 for one that it includes, ...
    pub(super) depth: usize,
    pub(super) term: String,
    /// Look-ups, with those of the record it leads to.
    pub(super) lookups: usize,
    pub(super) void_lookups: usize,
    pub(super) detail: String,
}

/// One fault of the record.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FaultView {
    pub(super) term: String,
    pub(super) what: String,
    pub(super) meant: Option<String>,
}

/// The HELO name.
#[derive(Debug, Clone, Serialize)]
pub(super) struct HeloView {
    pub(super) name: String,
    pub(super) result: SpfResult,
    pub(super) reason: String,
}

/// What the findings are made from.
pub(super) struct Seen<'a> {
    pub(super) domain: &'a str,
    pub(super) addresses: &'a [IpAddr],
    /// The worst evaluation.
    pub(super) worst: &'a Evaluation,
    pub(super) whole: Option<&'a Evaluation>,
    /// The SPF records of the domain.
    pub(super) texts: Vec<Text>,
    /// Records that only look like it.
    pub(super) lookalikes: Vec<(String, &'static str)>,
    pub(super) remarks: Vec<spf::Remark>,
}

/// Checks SPF of `domain`.
pub(super) async fn check(
    context: &Context<'_>,
    asker: &mut Asker<'_>,
    plan: &Plan,
    domain: &str,
    harvest: &mut Harvest,
) -> View {
    let helo = plan.helo.as_deref().unwrap_or(domain);
    let mut evaluations = Vec::new();
    // Without an address the record can still be read: as for one that is in nobody's network.
    let stand_in = [IpAddr::from([192, 0, 2, 255])];
    let judged_for = if plan.addresses.is_empty() {
        stand_in.as_slice()
    } else {
        plan.addresses.as_slice()
    };
    for address in judged_for {
        let request = Request::mail_from(*address, domain, helo);
        if let Some(one) = asker
            .settle(|known| spf::evaluate(&request, known, Extent::Verdict))
            .await
        {
            evaluations.push((*address, one));
        }
    }
    let request = Request::mail_from(judged_for[0], domain, helo);
    let whole = asker
        .settle(|known| spf::evaluate(&request, known, Extent::Whole))
        .await;
    let found = asker.found(&Lookup::txt(domain)).await;
    let subject = format!("SPF of {domain}");
    let Some((_, worst)) = evaluations
        .iter()
        .max_by_key(|(_, evaluation)| badness(evaluation.result))
    else {
        harvest.take(Verdict::Unknown, &subject, Vec::new());
        return View::unknown("the record leads to more questions than anybody would ask");
    };
    let special = |address| {
        if context.site.laboratory {
            None
        } else {
            special_use(address)
        }
    };
    let texts: Vec<Text> = records(found.texts()).into_iter().cloned().collect();
    let remarks = match texts.as_slice() {
        [text] => advise(text, &parse(&text.joined()), special),
        _ => Vec::new(),
    };
    let seen = Seen {
        domain,
        addresses: &plan.addresses,
        worst,
        whole: whole.as_ref(),
        lookalikes: lookalikes(found.texts()),
        texts,
        remarks,
    };
    let proof = proof(
        asker,
        domain,
        &evaluations,
        whole.as_ref(),
        !plan.addresses.is_empty(),
    );
    let findings = spf_findings::of_domain(&subject, &seen, proof);
    let uncertain = worst.result == SpfResult::TempError || found.failure().is_some();
    let verdict = if uncertain && findings.is_empty() {
        Verdict::Unknown
    } else {
        part_verdict(&findings)
    };
    let mut view = view(&seen, verdict, &found);
    if !plan.addresses.is_empty() {
        view.addresses = evaluations
            .iter()
            .map(|(address, one)| AddressView {
                address: *address,
                result: one.result,
                reason: one.reason.clone(),
                lookups: one.lookups,
                void_lookups: one.voids,
            })
            .collect();
    } else if verdict == Verdict::Good {
        view.warnings.push(
            "no sending address is known, so the record was only read: name one with 'address' or in the site file"
                .to_owned(),
        );
    }
    if let Some(smarthost) = &context.site.smarthost
        && verdict != Verdict::Unknown
    {
        view.warnings.push(format!(
            "mail that leaves through {} comes from its addresses, which DNS does not tell: the record must allow them as its provider says",
            smarthost.host
        ));
    }
    harvest.take(verdict, &subject, findings);
    view.helo = helo_name(asker, plan, harvest).await;
    view
}

impl View {
    fn unknown(why: &str) -> Self {
        View {
            verdict: Verdict::Unknown,
            result: None,
            reason: why.to_owned(),
            record: None,
            lookups: 0,
            void_lookups: 0,
            lookups_whole: 0,
            addresses: Vec::new(),
            terms: Vec::new(),
            faults: Vec::new(),
            warnings: Vec::new(),
            helo: None,
        }
    }

    /// Whether mail from every address is known to pass; None: it could not be told.
    pub(super) fn passes(&self) -> Option<bool> {
        if self.addresses.is_empty() {
            return None;
        }
        match self.result? {
            SpfResult::Pass => Some(true),
            SpfResult::TempError => None,
            _ => Some(false),
        }
    }
}

/// Which of two results is the worse for the site.
fn badness(result: SpfResult) -> u8 {
    match result {
        SpfResult::Pass => 0,
        SpfResult::TempError => 1,
        SpfResult::Neutral => 2,
        SpfResult::None => 3,
        SpfResult::SoftFail => 4,
        SpfResult::PermError => 5,
        SpfResult::Fail => 6,
    }
}

fn view(seen: &Seen<'_>, verdict: Verdict, found: &Found) -> View {
    let record = match seen.texts.as_slice() {
        [text] => Some(text.joined()),
        _ => None,
    };
    let mut terms = Vec::new();
    if let Some(whole) = seen.whole {
        flatten(&whole.visit, 0, &mut terms);
    }
    let faults = record.as_deref().map(|text| parse(text).faults);
    let known = !seen.addresses.is_empty() || seen.worst.cause != Cause::Match;
    let mut warnings: Vec<String> = seen
        .remarks
        .iter()
        .map(|remark| match remark.term.as_str() {
            "" => remark.what.clone(),
            term => format!("{term}: {}", remark.what),
        })
        .collect();
    if let Some(why) = found.failure() {
        warnings.push(format!("the record could not be asked: {why}"));
    }
    View {
        verdict,
        result: (known && !seen.addresses.is_empty() || record.is_none())
            .then_some(seen.worst.result),
        reason: seen.worst.reason.clone(),
        record,
        lookups: seen.worst.lookups,
        void_lookups: seen.worst.voids,
        lookups_whole: seen.whole.map_or(0, |whole| whole.lookups),
        addresses: Vec::new(),
        terms,
        faults: faults
            .unwrap_or_default()
            .into_iter()
            .map(|fault| FaultView {
                term: fault.term,
                what: fault.what,
                meant: fault.meant,
            })
            .collect(),
        warnings,
        helo: None,
    }
}

fn flatten(visit: &Visit, depth: usize, terms: &mut Vec<TermView>) {
    for term in &visit.terms {
        terms.push(TermView {
            domain: visit.domain.clone(),
            depth,
            term: term.text.clone(),
            lookups: term.lookups,
            void_lookups: term.voids,
            detail: match term.below.as_ref().and_then(|below| below.trouble.clone()) {
                Some(trouble) => trouble,
                None if term.below.is_some() => String::new(),
                None => term.detail.clone(),
            },
        });
        if let Some(below) = &term.below {
            flatten(below, depth + 1, terms);
        }
    }
}

/// The records on the way, and what each address comes to.
fn proof(
    asker: &Asker<'_>,
    domain: &str,
    evaluations: &[(IpAddr, Evaluation)],
    whole: Option<&Evaluation>,
    addresses_known: bool,
) -> crate::record::Evidence {
    let mut lookups = vec![Lookup::txt(domain)];
    for visit in evaluations
        .iter()
        .map(|(_, evaluation)| &evaluation.visit)
        .chain(whole.map(|whole| &whole.visit))
    {
        visited(visit, &mut lookups);
    }
    let lines: Vec<String> = evaluations
        .iter()
        .filter(|_| addresses_known)
        .map(|(address, one)| {
            format!(
                "mail from {domain} sent by {address}: {} ({}; {} look-ups, {} of them void)",
                one.result, one.reason, one.lookups, one.voids
            )
        })
        .collect();
    asker.proof(&lookups, &lines)
}

fn visited(visit: &Visit, lookups: &mut Vec<Lookup>) {
    let lookup = Lookup::txt(&visit.domain);
    if !lookups.contains(&lookup) {
        lookups.push(lookup);
    }
    for below in visit.terms.iter().filter_map(|term| term.below.as_ref()) {
        visited(below, lookups);
    }
}

/// Receivers evaluate the HELO name too, for bounces nothing else (RFC 7208 §2.3). No record there is no fault.
async fn helo_name(asker: &mut Asker<'_>, plan: &Plan, harvest: &mut Harvest) -> Option<HeloView> {
    let name = plan.helo.as_deref()?;
    let mut worst: Option<(IpAddr, Evaluation)> = None;
    for address in &plan.addresses {
        let request = Request::helo(*address, name);
        let one = asker
            .settle(|known| spf::evaluate(&request, known, Extent::Verdict))
            .await?;
        if worst
            .as_ref()
            .is_none_or(|(_, known)| badness(one.result) > badness(known.result))
        {
            worst = Some((*address, one));
        }
    }
    let (address, worst) = worst?;
    let subject = format!("SPF of HELO name {name}");
    let proof = asker.proof(
        &[Lookup::txt(name)],
        &[format!(
            "HELO {name} from {address}: {} ({})",
            worst.result, worst.reason
        )],
    );
    let findings = spf_findings::of_helo(&subject, name, address, &worst, proof);
    let verdict = match (worst.result, findings.is_empty()) {
        (SpfResult::TempError, _) => Verdict::Unknown,
        (_, false) => Verdict::Finding,
        (SpfResult::None, true) => Verdict::NotApplicable,
        (_, true) => Verdict::Good,
    };
    harvest.take(verdict, &subject, findings);
    Some(HeloView {
        name: name.to_owned(),
        result: worst.result,
        reason: worst.reason,
    })
}
