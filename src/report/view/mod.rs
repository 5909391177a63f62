//! The view: everything that reports show, made from the events of a run by a pure function.
//!
//! It is an interface with a version of its own ([`SCHEMA`]): fields may be added, nothing is renamed. Texts are clean (no
//! control characters) and not escaped; templates escape them for their format. No clock, no I/O: the same events give the
//! same view, and "now" is the time of the last event. Outputs are read leniently, so that runs of other versions and of
//! steps that failed half-way can be reported too; what is not there is left out, and never taken as good.

mod appendix;
mod candidates;
mod compare;
mod drafts;
mod findings;
mod history;
mod life_line;
mod listings;
mod logs;
pub(crate) mod moment;
mod names;
mod observe;
pub(crate) mod open;
mod owners;
mod picture;
mod ptr_requests;
pub(crate) mod read;
mod run;
mod servers;
mod site;
mod topics;
mod usage;
pub(crate) mod words;
mod work;

use serde::Serialize;

pub use appendix::{OutputView, StepView};
pub use candidates::{CandidateView, ChoiceView, StageOfDays};
pub use compare::{Cell, ChangeView};
pub use drafts::DraftView;
pub use findings::{EvidenceView, FindingView, Seen};
pub use history::{ListingLife, Spell, listing_lives};
pub use listings::{ListCount, ListingView, RequestView};
pub use logs::{CauseView, ClassView, DeliveryView, LogView};
pub use moment::{When, Zone};
pub use names::{AddressView, DomainView, ProofView};
pub use open::{NeedView, OpenView};
pub use owners::OwnerView;
pub use picture::{Label, PictureView, Shape};
pub use ptr_requests::PtrRequestView;
pub use run::{CountsView, NamedValue, RunView, StatusView};
pub use servers::{
    AccountView, EndpointView, ProbeView, ServerView, SmarthostView, StageView, TranscriptView,
};
pub use site::{ContactView, SiteView};
pub use topics::TopicView;
pub use usage::UsageView;
pub use words::Word;
pub use work::{Answer, FileView, WorkView};

pub(crate) use appendix::{outputs_of, reason};
pub(crate) use moment::Calendar;
pub(crate) use read::{line, lines};
pub(crate) use servers::{account_name, endpoint_name, server_name};
pub(crate) use work::asked;

use crate::record::{Event, IllegalTransition, Mode, RunState};

/// Version of the view.
pub const SCHEMA: &str = "mailmedic.report/1";

/// A run as reports show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct View {
    /// [`SCHEMA`].
    pub schema: String,
    /// Time of the last event: the document says how things stood then.
    pub as_of: When,
    /// The zone in which times are told.
    pub zone: Zone,
    /// True when the site is a laboratory.
    pub laboratory: bool,
    /// True for a check run: it only looked.
    pub check_run: bool,
    /// What every page must say first: laboratory, check run.
    pub notices: Vec<String>,
    /// The run.
    pub run: RunView,
    /// The site, as it was when the run was created.
    pub site: SiteView,
    /// Where the run stands, in words.
    pub status: StatusView,
    /// How many checks ended how.
    pub counts: CountsView,
    /// The areas of the work in plain words.
    pub topics: Vec<TopicView>,
    /// What people must do now.
    pub needs: Vec<NeedView>,
    /// What stays open, and until when.
    pub open: Vec<OpenView>,
    /// Findings that are open, the worst first.
    pub open_findings: Vec<FindingView>,
    /// Findings that were settled.
    pub settled_findings: Vec<FindingView>,
    /// What was done, in one sentence; empty when nothing was.
    pub done: String,
    /// What was done by whom, oldest first.
    pub work: Vec<WorkView>,
    /// Before and after.
    pub changes: Vec<ChangeView>,
    /// Listings and what became of them.
    pub listings: Vec<ListingView>,
    /// The same as a picture, where there was more than one look.
    pub life_line: Option<PictureView>,
    /// How many lists were asked.
    pub list_counts: Vec<ListCount>,
    /// Drafted requests for removal, all of them.
    pub drafts: Vec<DraftView>,
    /// Those for listings that no scan of this run has seen.
    pub other_drafts: Vec<DraftView>,
    /// Reverse DNS.
    pub reverse: Vec<AddressView>,
    /// Who holds the addresses, and who sets their names.
    pub owners: Vec<OwnerView>,
    /// Who has to be asked for which reverse names.
    pub ptr_requests: Vec<PtrRequestView>,
    /// Addresses that could be used instead.
    pub choices: Vec<ChoiceView>,
    /// The relay test.
    pub relay: Vec<EndpointView>,
    /// What logins may do at the site's servers.
    pub accounts: Vec<AccountView>,
    /// The smarthost check.
    pub smarthost: Vec<SmarthostView>,
    /// The server check.
    pub servers: Vec<ServerView>,
    /// Mail authentication.
    pub authentication: Vec<DomainView>,
    /// Analyses of logs.
    pub logs: Vec<LogView>,
    /// Who and what sends through the server.
    pub usage: Vec<UsageView>,
    /// Marked test messages.
    pub deliveries: Vec<DeliveryView>,
    /// Outputs of all other actions.
    pub outputs: Vec<OutputView>,
    /// Whole conversations that outputs hold.
    pub transcripts: Vec<TranscriptView>,
    /// All steps.
    pub steps: Vec<StepView>,
    /// All files of the run.
    pub files: Vec<FileView>,
}

impl View {
    /// The view of a whole run.
    ///
    /// # Errors
    /// When the events are not those of a run: the first that cannot follow.
    pub fn of(events: &[Event]) -> Result<Self, IllegalTransition> {
        let state = RunState::replay(events)?;
        Ok(View::from_state(&state, events))
    }

    /// The view of a run whose events are folded already. `events` are the same events.
    pub fn from_state(state: &RunState, events: &[Event]) -> Self {
        let created = &state.created;
        let calendar = &Calendar::new(created.site_snapshot.timezone().as_deref());
        let site = SiteView::of(&created.site, &created.site_snapshot.value());
        let findings = findings::findings(state, calendar);
        let drafts = drafts::drafts(events, state, calendar);
        let listings = listings::listings(events, state, calendar, &drafts);
        let other_drafts = drafts
            .iter()
            .filter(|draft| !listings.iter().any(|l| l.draft.as_ref() == Some(draft)))
            .cloned()
            .collect();
        let reverse = names::reverse(events, state, calendar, &site);
        let owners = owners::owners(events, state, calendar);
        let counts = run::counts(state, &findings);
        let work = work::work(events, state, calendar);
        let check_run = created.mode == Mode::Check;
        View {
            schema: SCHEMA.to_owned(),
            as_of: calendar.when(state.updated),
            zone: calendar.zone(),
            laboratory: created.laboratory,
            check_run,
            notices: notices(created.laboratory, check_run),
            run: run::run(state, calendar),
            status: run::status(state, &counts, calendar),
            topics: topics::topics(state, &findings),
            needs: open::needs(
                state, calendar, &site, &reverse, &findings, &drafts, &listings,
            ),
            open: open::open(state, calendar, &listings, &findings),
            done: work::done(&work),
            work,
            changes: compare::changes(events, state, calendar),
            life_line: life_line::picture(&history::lives(&[(state, events)]), &calendar.zone()),
            list_counts: listings::counts(events, state, calendar),
            choices: candidates::choices(events, state, calendar),
            ptr_requests: ptr_requests::ptr_requests(&site, &reverse, &owners),
            owners,
            relay: servers::relay(events, state, calendar),
            accounts: servers::accounts(events, state, calendar),
            smarthost: servers::smarthost(events, state, calendar, site.smarthost.as_deref()),
            servers: servers::checked(events, state, calendar),
            authentication: names::authentication(events, state, calendar),
            logs: logs::logs(events, state, calendar),
            usage: usage::usage(events, state, calendar),
            deliveries: logs::deliveries(events, state, calendar),
            outputs: appendix::outputs(state),
            transcripts: servers::transcripts(events, state, calendar),
            steps: appendix::steps(events, state, calendar),
            files: work::files(state),
            counts,
            site,
            reverse,
            drafts,
            other_drafts,
            listings,
            open_findings: findings.iter().filter(|f| f.open).cloned().collect(),
            settled_findings: findings.into_iter().filter(|f| !f.open).collect(),
        }
    }
}

fn notices(laboratory: bool, check_run: bool) -> Vec<String> {
    let mut notices = Vec::new();
    if laboratory {
        notices.push(
            "Laboratory: this site is a test set-up. Nothing in this document is about a real mail server."
                .to_owned(),
        );
    }
    if check_run {
        notices.push(
            "Check run: the program only looked. Nothing was changed, sent or asked for."
                .to_owned(),
        );
    }
    notices
}
