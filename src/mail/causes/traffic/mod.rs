//! Counters of all events, kept as they arrive: what signals about volumes, accounts and senders are judged by, what the
//! usage register lists and what the pictures show. Memory is bounded whatever the log holds.

mod distinct;
mod hours;
mod order;
mod parties;
mod reach;
mod recipients;
mod register;
mod relayed;
mod reported;
mod samples;
mod shape;
mod standing;
mod strangers;
mod summed_up;
mod table;
mod user;
mod windows;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::analysis::Remote;
use super::facts::SiteFacts;
use crate::mail::events::{Direction, Event, What};
use crate::mail::reply::{Class, catalogue};

pub(super) use hours::{Bursts, Night, working_hours};
pub(super) use order::Order;
use parties::{account, client_of, lower};
pub(super) use reach::Reach;
pub(super) use recipients::{Unknown, Unresolved};
pub use register::{Kind, Register, Usage};
pub(super) use relayed::Relayed;
pub use reported::{Reported, Tally};
use samples::OF_A_SIGNAL;
pub(super) use samples::Samples;
pub(super) use standing::{Standing, Words};
pub(super) use strangers::{Guessing, RelayRefused};
use table::{Lately, Table, Weighed};
pub(super) use user::User;

/// Accounts, devices, programs and addresses of each kind that are told apart, at least.
const USERS: usize = 5_000;

/// Remote hosts that are told apart, at least.
const REMOTES: usize = 20_000;

/// Hours with failures that are kept: more than two years.
const HOURS: usize = 20_000;

/// What was counted in a set of logs.
#[derive(Debug, Clone)]
pub struct Traffic {
    site: SiteFacts,
    /// Failures in both directions.
    pub(super) failures: usize,
    pub(super) noise: usize,
    pub(super) span: Option<(Timestamp, Timestamp)>,
    pub(super) failure_span: Option<(Timestamp, Timestamp)>,
    pub(super) classes: BTreeMap<Class, usize>,
    pub(super) refused_clients: BTreeMap<Class, usize>,
    /// Outbound failures by hour since 1970 and class.
    pub(super) hours: BTreeMap<i64, BTreeMap<Class, u64>>,
    remotes: Table<String, Host>,
    /// Whether remote hosts could be reached when they were tried last.
    pub(super) reach: Table<String, Reach>,
    shapes: shape::Shapes,
    pub(super) accounts: Table<String, User>,
    pub(super) devices: Table<String, User>,
    pub(super) programs: Table<String, User>,
    pub(super) addresses: Table<String, User>,
    /// Messages that went out, and those of them without a sender.
    pub(super) outbound: u64,
    pub(super) null_sender: u64,
    pub(super) null_by_day: BTreeMap<i64, u64>,
    pub(super) null_lines: Samples,
    /// Messages that the site itself sent, as far as their arrival is logged.
    pub(super) own_messages: u64,
    /// Bounces that came in, by day.
    pub(super) bounces_in: BTreeMap<i64, u64>,
    pub(super) bounce_lines: Samples,
    /// Foreign senders of outbound mail that no stranger had handed in.
    pub(super) foreign: User,
    pub(super) order: Order,
    /// The length from which a run of recipients in their order is kept as evidence.
    notable_run: usize,
    pub(super) relayed: Relayed,
    pub(super) reported: Reported,
    /// Attempts to deliver, successful or not, and whether the logs show successful ones at all.
    pub(super) attempts: u64,
    pub(super) delivered: u64,
    outbound_seen: Lately<u64>,
    /// When mail failed, by the clock of the site and in bursts.
    pub(super) night: Night,
    pub(super) bursts: Bursts,
    /// Recipients that failed, and what receivers say.
    pub(super) unknown: Unknown,
    pub(super) unresolved: Unresolved,
    pub(super) standing: Standing,
    pub(super) words: Words,
    /// What clients tried and did not get.
    pub(super) relay_refused: RelayRefused,
    pub(super) guessing: Guessing,
}

/// Failures at one remote host.
#[derive(Debug, Clone, Default)]
struct Host {
    failures: usize,
    classes: BTreeMap<Class, usize>,
    /// Worked out when it is needed first.
    organisation: Option<Arc<str>>,
}

impl Weighed for Host {
    fn weight(&self) -> u64 {
        self.failures as u64
    }
}

impl Traffic {
    /// Counters of a site, all at zero.
    pub fn new(site: &SiteFacts) -> Self {
        let users = || Table::new(USERS);
        Self {
            site: site.clone(),
            failures: 0,
            noise: 0,
            span: None,
            failure_span: None,
            classes: BTreeMap::new(),
            refused_clients: BTreeMap::new(),
            hours: BTreeMap::new(),
            remotes: Table::new(REMOTES),
            reach: Table::new(REMOTES),
            shapes: shape::Shapes::default(),
            accounts: users(),
            devices: users(),
            programs: users(),
            addresses: users(),
            outbound: 0,
            null_sender: 0,
            null_by_day: BTreeMap::new(),
            null_lines: Samples::default(),
            own_messages: 0,
            bounces_in: BTreeMap::new(),
            bounce_lines: Samples::default(),
            foreign: User::default(),
            order: Order::default(),
            notable_run: site
                .limits_of("T18")
                .map_or(usize::MAX, |signal| signal.count("run")),
            relayed: Relayed::default(),
            reported: Reported::default(),
            attempts: 0,
            delivered: 0,
            outbound_seen: Lately::default(),
            night: Night::default(),
            bursts: Bursts::default(),
            unknown: Unknown::default(),
            unresolved: Unresolved::default(),
            standing: Standing::default(),
            words: Words::default(),
            relay_refused: RelayRefused::default(),
            guessing: Guessing::default(),
        }
    }

    /// Counts an event.
    pub fn add(&mut self, event: &Event<'_>) {
        widen(&mut self.span, event.time);
        match event.what {
            What::Noise => self.noise += 1,
            What::Received => self.received(event),
            What::Authenticated => self.logged_in(event),
            What::AuthFailed => self.guessing.add(event),
            What::Delivered => self.attempt(event),
            What::Complaint | What::Reported => self.reported.add(event, &self.site),
            _ => {}
        }
        if event.what.is_failure() {
            self.failed(event);
            if event.what != What::RefusedClient {
                self.attempt(event);
            }
        }
    }

    /// The sender as it is counted, and whether it belongs to the site.
    fn sender<'e>(&self, event: &'e Event<'_>) -> (Option<Cow<'e, str>>, Option<bool>) {
        let sender = event.sender.as_deref().map(lower);
        let ours = sender.as_deref().and_then(|sender| self.site.owns(sender));
        (sender, ours)
    }

    fn failed(&mut self, event: &Event<'_>) {
        let Some((class, outbound)) = self.shapes.class(event, &self.site) else {
            return;
        };
        self.failures += 1;
        widen(&mut self.failure_span, event.time);
        if !outbound {
            let class = match class {
                Class::RcptUnknown if strangers::wanted_to_relay(event, &self.site) => Class::Relay,
                class => class,
            };
            *self.refused_clients.entry(class).or_insert(0) += 1;
            if event.what == What::RefusedClient && class == Class::Relay {
                self.relay_refused.add(event, &self.site);
            }
            return;
        }
        *self.classes.entry(class).or_insert(0) += 1;
        self.night.add(event, &self.site);
        self.bursts.add(event);
        if let Some(hour) = event.time.map(|time| time.as_second().div_euclid(3600))
            && (self.hours.len() < HOURS || self.hours.contains_key(&hour))
        {
            let classes = self.hours.entry(hour).or_default();
            *classes.entry(class).or_insert(0) += 1;
        }
        let domain = event.recipient_domain();
        let domain = domain.as_deref().map(|name| (name, digest(name)));
        let dns = super::failure::is_for_want_of_dns(event, class);
        self.unresolved.add(event, domain, dns);
        if class == Class::RcptUnknown {
            self.unknown.add(event, domain.map(|(_, key)| key));
        }
        let mut organisation = None;
        if let Some(host) = event.remote.as_deref() {
            let dead = event.what == What::DeliveryFailed && class == Class::Network;
            if dead || event.what == What::Refused {
                self.reach.at(host).tried(event, dead);
            }
            let counts = self.remotes.at(host);
            counts.failures += 1;
            *counts.classes.entry(class).or_insert(0) += 1;
            let named = class.is_standing() || Words::name(class);
            if named && event.direction != Direction::Inbound {
                let known = counts.organisation.take();
                let known = known.unwrap_or_else(|| super::failure::organisation(host).into());
                counts.organisation = Some(Arc::clone(&known));
                organisation = Some(known);
            }
        }
        if let Some(organisation) = organisation.as_deref().filter(|_| class.is_standing()) {
            self.standing.add(event, organisation);
        }
        if Words::name(class) {
            self.words.add(event, class, organisation.as_deref());
        }
    }

    /// The recipients' domains that failed for want of DNS, most frequent first.
    pub fn unresolved_domains(&self) -> Vec<String> {
        self.unresolved.names()
    }

    /// The remote hosts of outbound failures, busiest first.
    pub(super) fn remotes(&self) -> Vec<Remote> {
        let remote = |(host, counts): (&String, &Host)| Remote {
            host: host.clone(),
            organisation: super::failure::organisation(host),
            failures: counts.failures,
            classes: counts.classes.clone(),
            note: catalogue()
                .owner(host)
                .and_then(|owner| owner.note.as_deref()),
        };
        self.remotes.ranked().into_iter().map(remote).collect()
    }

    /// Whether the logs show messages and not failures alone: only then can rates be told.
    pub(super) fn has_traffic(&self) -> bool {
        self.delivered > 0 || self.own_messages > 0
    }

    fn logged_in(&mut self, event: &Event<'_>) {
        let Some(account) = account(event) else {
            return;
        };
        let address = client_of(event);
        let outside = self.outside(event, address);
        let user = self.accounts.at(&*account);
        user.log_ins += 1;
        user.seen(event);
        if let Some(client) = event.remote.as_deref() {
            user.came_from(client);
        }
        acted(user, event, address, outside);
    }

    fn received(&mut self, event: &Event<'_>) {
        let address = client_of(event);
        let outside = self.outside(event, address);
        let (sender, ours) = self.sender(event);
        let stranger = event.direction == Direction::Inbound && outside && event.account.is_none();
        if stranger {
            if sender.as_deref() == Some("") {
                let day = event.time.map_or(0, |time| day(time.as_second()));
                *self.bounces_in.entry(day).or_insert(0) += 1;
                self.bounce_lines.keep(event, OF_A_SIGNAL);
            }
            return;
        }
        if sender.as_deref() == Some("") {
            return;
        }
        self.own_messages += 1;
        let name = sender.unwrap_or_default();
        let foreign = (ours == Some(false)).then_some(&*name);
        let inside_client = address.filter(|address| !address.is_loopback());
        let user = match (account(event), inside_client) {
            (Some(account), _) if event.direction == Direction::Inbound => {
                self.accounts.at(&*account)
            }
            (_, Some(address)) if event.direction == Direction::Inbound => {
                self.devices.at(&address.to_string())
            }
            _ => {
                let program = event.account.as_deref().filter(|name| !name.is_empty());
                let user = self.programs.at(program.unwrap_or(&name));
                let source = event.source.as_deref().unwrap_or_default();
                user.mailbox |= program.is_some() && source.starts_with("exchange/");
                user
            }
        };
        user.messages += 1;
        user.bytes += event.size.unwrap_or(0);
        user.seen(event);
        if let Some(client) = event.remote.as_deref() {
            user.came_from(client);
        }
        if let Some(sender) = foreign {
            user.wrote_as(sender, None);
        }
        acted(user, event, address, outside);
        if foreign.is_none() && name.contains('@') {
            let user = self.addresses.at(&*name);
            user.messages += 1;
            user.bytes += event.size.unwrap_or(0);
            user.seen(event);
            if let Some(client) = event.remote.as_deref() {
                user.came_from(client);
            }
        }
    }

    /// An attempt to deliver to one recipient, successful or not.
    fn attempt(&mut self, event: &Event<'_>) {
        let queue = event.queue.as_deref().map(digest);
        let ours = |address: Option<&str>| address.and_then(|a| self.site.owns(a)) == Some(true);
        let to_us = ours(event.recipient.as_deref()) || ours(event.original.as_deref());
        if let Some(queue) = queue
            && to_us
        {
            self.relayed.ours(queue);
        }
        if event.direction == Direction::Local || event.direction == Direction::Inbound {
            return;
        }
        let delivered = event.what == What::Delivered;
        self.attempts += 1;
        self.delivered += u64::from(delivered);
        if let Some(host) = event.remote.as_deref().filter(|_| delivered) {
            self.reach.at(host).tried(event, false);
        }
        let (sender, sender_is_ours) = self.sender(event);
        let first = queue.is_none_or(|queue| self.outbound_seen.is_new(queue));
        if let (Some(sender), true) = (sender.as_deref(), first) {
            self.outbound += 1;
            if sender.is_empty() {
                self.null_sender += 1;
                let day = event.time.map_or(0, |time| day(time.as_second()));
                *self.null_by_day.entry(day).or_insert(0) += 1;
                self.null_lines.keep(event, OF_A_SIGNAL);
            }
        }
        self.credit(event, sender.as_deref(), sender_is_ours, delivered);
        let client = event.client_address;
        let stranger = event.account.is_none()
            && client.is_some_and(|address| !self.site.is_inside_address(address));
        let forwarded = event.original.is_some() || to_us;
        let foreign = sender.as_deref().filter(|_| sender_is_ours == Some(false));
        if let Some(sender) = foreign
            && !forwarded
        {
            if stranger {
                if let (true, Some(queue), Some(client)) = (delivered, queue, client)
                    && event.recipient.is_some()
                {
                    self.relayed.candidate(queue, event, client);
                }
            } else {
                self.foreign.wrote_as(sender, event.recipient.as_deref());
                self.foreign.seen(event);
            }
        }
        if let Some((local, domain)) = event.recipient.as_deref().and_then(|r| r.rsplit_once('@'))
            && !stranger
        {
            let of = digest(sender.as_deref().unwrap_or_default());
            let domain = digest(&*lower(domain));
            self.order
                .next(of, (&lower(local), domain), event, self.notable_run);
        }
    }

    /// Writes what became of a message to the credit of whoever had handed it in, and of its sender if that is one of the site.
    fn credit(
        &mut self,
        event: &Event<'_>,
        sender: Option<&str>,
        ours: Option<bool>,
        delivered: bool,
    ) {
        let count = |user: &mut User| {
            user.delivered += u64::from(delivered);
            user.failed += u64::from(!delivered);
            user.seen(event);
        };
        let site = &self.site;
        // What nobody handed in over the network is of a program or a mailbox of the server, if one has made it.
        let made_here = event.client.is_none() && event.client_address.is_none();
        let author = || event.account.as_deref().or(sender);
        let program = made_here
            .then(author)
            .flatten()
            .filter(|name| !name.is_empty());
        if let Some(program) = program.and_then(|name| self.programs.known(name)) {
            count(program);
        } else if let Some(account) = account(event) {
            count(self.accounts.at(&*account));
        } else if let Some(client) = event
            .client_address
            .filter(|address| !address.is_loopback() && site.is_inside_address(*address))
        {
            count(self.devices.at(&client.to_string()));
        }
        let Some(sender) = sender else {
            return;
        };
        match ours {
            Some(true) => count(self.addresses.at(sender)),
            Some(false) => {}
            // Nobody knows whose it is: an address of which messages were handed in has what became of them.
            None => {
                if let Some(address) = self.addresses.known(sender) {
                    count(address);
                }
            }
        }
    }

    /// Whether a client stands outside; a name that tells nothing counts as outside only with its address.
    fn outside(&self, event: &Event<'_>, address: Option<IpAddr>) -> bool {
        event.direction != Direction::Local
            && address.is_some_and(|address| !self.site.is_inside_address(address))
    }
}

fn acted(user: &mut User, event: &Event<'_>, address: Option<IpAddr>, outside: bool) {
    if let Some(time) = event.time {
        user.rate.count(time.as_second().div_euclid(3600), event);
    }
    if outside {
        user.acted_outside(event, address);
    }
}

fn widen(span: &mut Option<(Timestamp, Timestamp)>, time: Option<Timestamp>) {
    if let Some(time) = time {
        *span = Some(span.map_or((time, time), |(a, b)| (a.min(time), b.max(time))));
    }
}

fn day(second: i64) -> i64 {
    second.div_euclid(24 * 3600)
}

fn digest(text: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
