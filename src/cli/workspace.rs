//! Wiring: from flags, environment and settings to a store, an engine and the run that was meant.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::Global;
use super::fail::{Fail, chain};
use crate::engine::Observer;
use crate::mail::dnsbl;
use crate::probes::channel::read_roots;
use crate::probes::dns::Budget;
use crate::probes::{Clock, DnsSettings, HttpSettings, ProbeSettings, Probes, SystemClock};
use crate::record::{PinnedSite, RunState, RunSummary};
use crate::runbook::{Checked, Vocabulary};
use crate::settings::{self, Settings};
use crate::site::Site;
use crate::store::{Embedded, Store, StoreError};
use crate::templates::Templates;

/// Everything that a command works with.
#[derive(Clone)]
pub(super) struct Workspace {
    pub(super) settings: Settings,
    pub(super) global: Global,
    pub(super) store: Arc<Embedded>,
    pub(super) templates: Templates,
    pub(super) clock: Arc<dyn Clock>,
}

impl Workspace {
    /// Puts flags (with their environment twins), settings file and defaults together, in this order.
    pub(super) fn open(global: &Global) -> Result<Self, Fail> {
        let here = std::env::current_dir()
            .map_err(|error| Fail::because("cannot tell the current folder", error))?;
        let settings = Settings::load(global.config.as_deref(), &here)?;
        if let Some(file) = &settings.file {
            amend(&file.with_file_name(LISTS))?;
        }
        let state = global
            .state
            .clone()
            .or_else(|| settings.state.clone())
            .unwrap_or_else(settings::default_state);
        let templates = global
            .templates
            .clone()
            .or_else(|| settings.templates.clone());
        Ok(Workspace {
            store: Arc::new(Embedded::new(state)),
            templates: Templates::new(templates),
            settings,
            global: global.clone(),
            clock: Arc::new(SystemClock),
        })
    }

    /// The same, for work of which nobody follows each step.
    pub(super) fn quietly(&self) -> Self {
        let mut quiet = self.clone();
        (quiet.global.quiet, quiet.global.json) = (true, false);
        quiet
    }

    /// What is wrong with a run, told as a warning.
    pub(super) fn warn_of(run: &str, error: &StoreError) {
        let cannot = if error.leaves_readable() {
            ""
        } else {
            " cannot be read"
        };
        super::out::warn(&format!("run {run}{cannot}: {}", chain(error)));
    }

    /// The door to the world for one site.
    pub(super) fn probes(&self, site: &Site) -> Result<Probes, Fail> {
        Probes::new(self.probe_settings(site)?, self.clock.clone())
            .map_err(|error| Fail::because("cannot set up the probes", error))
    }

    /// How the world is looked at for one site: its resolvers, unless the command line names others.
    pub(super) fn probe_settings(&self, site: &Site) -> Result<ProbeSettings, Fail> {
        let mut servers = self.global.resolver.clone();
        if servers.is_empty() {
            for text in &site.resolver {
                servers.push(settings::resolver(text).ok_or_else(|| {
                    Fail::invalid(format!("site '{}': '{text}' is not a resolver", site.id))
                })?);
            }
        }
        if servers.is_empty() {
            servers.clone_from(&self.settings.resolver);
        }
        let dns = DnsSettings {
            servers,
            further_budgets: Some(budgets),
            ..DnsSettings::default()
        };
        let extra_roots = match &self.settings.authorities {
            Some(path) => read_roots(path).map_err(|error| {
                Fail::invalid(format!(
                    "{}; correct 'authorities' in mailmedic.yaml, or take it out",
                    chain(&error)
                ))
            })?,
            None => Vec::new(),
        };
        let http = HttpSettings {
            extra_roots,
            kept: Some(self.store.root().join("public")),
            ..HttpSettings::default()
        };
        Ok(ProbeSettings {
            dns,
            http,
            ..ProbeSettings::default()
        })
    }

    /// The engine for one site.
    pub(super) fn engine(
        &self,
        site: &Site,
        observer: Arc<dyn Observer>,
        patience: std::time::Duration,
    ) -> Result<crate::engine::Engine, Fail> {
        Ok(crate::engine::Engine {
            store: self.store.clone(),
            probes: self.probes(site)?,
            templates: self.templates.clone(),
            observer,
            patience,
        })
    }

    /// Who acts: `--by`, the settings file, or the login name.
    pub(super) fn by(&self, given: Option<&str>) -> Result<String, Fail> {
        given
            .map(str::to_owned)
            .or_else(|| self.settings.by.clone())
            .or_else(|| std::env::var("USER").ok())
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .ok_or_else(|| {
                Fail::invalid(
                    "who are you? Give your name with --by NAME, or set `by` in mailmedic.yaml",
                )
            })
    }

    /// A runbook by file, or by name: the workspace's own go before the shipped ones.
    pub(super) fn runbook(&self, named: &str) -> Result<Checked, Fail> {
        let own = self
            .settings
            .runbooks
            .as_ref()
            .map(|folder| folder.join(format!("{named}.yaml")))
            .filter(|path| path.is_file());
        match own {
            Some(path) => Ok(crate::runbook::load(&path, &self.vocabulary())?),
            None => Ok(crate::runbook::load(Path::new(named), &self.vocabulary())?),
        }
    }

    /// What runbooks may speak of.
    pub(super) fn vocabulary(&self) -> Vocabulary<'static> {
        Vocabulary::of(&self.templates)
    }

    /// All summaries; what cannot be read is told on the way.
    pub(super) fn summaries(&self) -> Result<Vec<RunSummary>, Fail> {
        Ok(self.summaries_and_troubles()?.0)
    }

    /// The same, and whether there is a run that cannot be read.
    pub(super) fn summaries_and_troubles(&self) -> Result<(Vec<RunSummary>, bool), Fail> {
        let (summaries, troubles) = self.store.summaries()?;
        for (run, error) in &troubles {
            Self::warn_of(run, error);
        }
        let unreadable = troubles.iter().any(|(_, error)| !error.leaves_readable());
        Ok((summaries, unreadable))
    }

    /// The run that `named` means: its id, the beginning of one, or a site. A site stands for its only open run, or, when
    /// `ended_too` and none is open, for its newest.
    pub(super) fn find_run(&self, named: &str, ended_too: bool) -> Result<String, Fail> {
        if self
            .store
            .root()
            .join("runs")
            .join(format!("{named}.journal"))
            .is_file()
        {
            return Ok(named.to_owned());
        }
        if ended_too && let Some(run) = self.only_run(named)? {
            return Ok(run);
        }
        let summaries = self.summaries()?;
        let mut by_id = summaries
            .iter()
            .filter(|run| run.run.starts_with(named) && run.site != named);
        let of_site: Vec<&RunSummary> = summaries.iter().filter(|run| run.site == named).collect();
        let open: Vec<&&RunSummary> = of_site.iter().filter(|run| !run.is_finished()).collect();
        match (open.as_slice(), of_site.first()) {
            ([one], _) => return Ok(one.run.clone()),
            ([], Some(newest)) if ended_too => return Ok(newest.run.clone()),
            ([], Some(newest)) => {
                return Err(Fail::invalid(format!(
                    "site '{named}' has no open run (the newest, {}, ended as {})",
                    newest.run,
                    newest.status.as_str()
                )));
            }
            ([_, _, ..], _) => {
                let ids: Vec<&str> = open.iter().map(|run| run.run.as_str()).collect();
                return Err(Fail::invalid(format!(
                    "site '{named}' has several open runs, name one: {}",
                    ids.join(", ")
                )));
            }
            ([], None) => {}
        }
        match (by_id.next(), by_id.next()) {
            (Some(one), None) => Ok(one.run.clone()),
            (Some(one), Some(two)) => Err(Fail::invalid(format!(
                "'{named}' is the beginning of several runs ({}, {}, ...): write more of it",
                one.run, two.run
            ))),
            _ if self.store.fleets()?.iter().any(|fleet| fleet == named) => {
                Err(Fail::invalid(format!(
                    "{named} is a fleet run: name the run of one of its sites (`mailmedic status {named}` lists them)"
                )))
            }
            _ => Err(Fail::invalid(format!(
                "there is no run '{named}' in {} (`mailmedic runs` lists them)",
                self.store.root().display()
            ))),
        }
    }

    /// The run that `named` means when the ids alone tell: they begin with their site's, and only one begins so. No run needs
    /// to be read for that.
    fn only_run(&self, named: &str) -> Result<Option<String>, Fail> {
        let ids = self.store.ids()?;
        let mut so = ids.into_iter().filter(|id| id.starts_with(named));
        Ok(so.next().filter(|_| so.next().is_none()))
    }

    /// The runbook and site pinned in a run.
    pub(super) fn pinned(&self, state: &RunState) -> Result<(Checked, Site), Fail> {
        let created = &state.created;
        let runbook = crate::runbook::check(
            &created.runbook_text,
            &format!("{} (as pinned in {})", created.runbook, created.run),
            &self.vocabulary(),
        )?;
        let site = created.site_snapshot.read().map_err(|error| {
            Fail::because(
                format!(
                    "cannot read the site pinned in run {}: it was written by another version",
                    created.run
                ),
                error,
            )
        })?;
        Ok((runbook, site))
    }
}

/// Pins a site's data.
pub(super) fn pin(site: &Site) -> Result<PinnedSite, Fail> {
    PinnedSite::of(site)
        .map_err(|error| Fail::because(format!("cannot write site '{}' down", site.id), error))
}

/// Name of the workspace's file about lists, beside its settings file.
pub(super) const LISTS: &str = "lists.yaml";

/// A site file, also checked against the catalogue of lists.
pub(super) fn site(path: &Path) -> Result<Site, Fail> {
    let site = crate::site::load(path)?;
    super::site_lists::check(path)?;
    Ok(site)
}

/// Puts the workspace's own lists in force, if it has a file about them.
fn amend(path: &Path) -> Result<(), Fail> {
    if !path.is_file() {
        return Ok(());
    }
    let text = super::lists_file::read(path)?;
    match dnsbl::amend(dnsbl::built_in(), &text) {
        // opened a second time in one process: the same file is in force already
        Ok(()) | Err(dnsbl::AmendError::InUse) => Ok(()),
        Err(error) => Err(Fail::because(
            format!("cannot use {}", path.display()),
            error,
        )),
    }
}

/// What operators allow to be asked, where they say so.
fn budgets() -> Vec<(String, Budget)> {
    let of = |(operator, rate): (&str, u32)| (operator.to_owned(), Budget::per_second(rate));
    dnsbl::catalogue().rates().into_iter().map(of).collect()
}

/// The site files of a folder, sorted by name.
pub(super) fn sites(folder: &Path) -> Result<Vec<PathBuf>, Fail> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Fail::because(
            format!("cannot list the folder {}", folder.display()),
            error,
        )
    })?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "yaml" || end == "yml")
        })
        .collect();
    files.sort();
    Ok(files)
}
