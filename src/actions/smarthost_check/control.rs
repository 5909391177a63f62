//! H13: the negative control. A smarthost that takes any password lets the site in by its address, and anybody at the site too.
//!
//! Only when asked for: the name and the password are random, so no account can lock, but a provider may count the attempt
//! against the address.

use super::ladder::{Fault, Ladder, Mark, Step};
use super::plan::Plan;
use super::remedy;
use crate::mail::reply::Stage;
use crate::probes::smtp::{Endpoint, Failure, Mechanism, Reply};
use crate::record::Severity;

/// What is needed to come as far as the login once more.
pub(super) struct Way {
    pub(super) endpoint: Endpoint,
    pub(super) helo: String,
    pub(super) starttls: bool,
    /// None where the site uses no login.
    pub(super) mechanism: Option<Mechanism>,
}

/// Without the operator's wish nothing is tried.
pub(super) async fn ask(ladder: &mut Ladder, plan: &Plan, way: &Way) {
    let Some(mechanism) = way.mechanism else {
        return ladder.add(
            "H13",
            Step::new(Mark::NotApplicable, "the site uses no login"),
        );
    };
    if plan.is_elsewhere() {
        let detail = "a smarthost may know the site by its address: only a look from there tells";
        return ladder.add("H13", Step::new(Mark::NotFromHere, detail));
    }
    if !plan.negative_control {
        let detail = "not asked for (argument negative_control)";
        return ladder.add("H13", Step::new(Mark::NotApplicable, detail));
    }
    let mut session = plan.smtp.session(way.endpoint.clone());
    let password = format!("{}{}", plan.nonce, plan.nonce).into();
    let tried = async {
        session.open().await?;
        session.ehlo(&way.helo).await?;
        if way.starttls {
            session.starttls().await?;
            session.ehlo(&way.helo).await?;
        }
        let name = format!("mailmedic-{}", plan.nonce);
        session.auth(mechanism, &name, &password, false).await
    };
    let tried: Result<Reply, Failure> = tried.await;
    session.quit().await;
    let proof = session.into_transcript().to_string();
    match tried {
        Ok(reply) if reply.is_positive() => {
            let fault = Fault {
                code: "smarthost-accepts-anything",
                severity: Severity::Major,
                summary: format!("{} takes an invented name and password.", plan.host),
                remedy: remedy::ACCEPTS_ANYTHING.to_owned(),
            };
            let step = Step::new(Mark::Warning, "an invented login is taken");
            ladder.fault(
                "H13",
                step.reply(&reply, Stage::Auth),
                fault,
                ("smtp", proof),
            );
        }
        Ok(reply) if reply.is_permanent() => {
            let step = Step::new(Mark::Good, "an invented login is refused");
            ladder.add("H13", step.reply(&reply, Stage::Auth));
        }
        Ok(reply) => {
            let step = Step::new(Mark::Unknown, "not told now");
            ladder.add("H13", step.reply(&reply, Stage::Auth));
        }
        Err(failure) => {
            let detail = format!("the session was lost: {failure}");
            ladder.add("H13", Step::new(Mark::Unknown, detail));
        }
    }
}
