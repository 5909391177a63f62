//! What is known of the messages in a server's queue, by their ids: lines about one message are joined by it.

use std::borrow::Cow;
use std::hash::Hash;
use std::net::IpAddr;

use hashbrown::HashMap;

use crate::mail::events::Event;

/// Entries of one generation. Two generations are kept: memory is bounded by 2 x this.
const GENERATION: usize = 50_000;

/// A table that forgets what was not used for long.
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// The entry of a key; it counts as used.
    pub(super) fn get(&mut self, key: K) -> Option<&mut V> {
        if !self.old.is_empty()
            && !self.young.contains_key(&key)
            && let Some((key, value)) = self.old.remove_entry(&key)
        {
            self.insert(key, value);
        }
        self.young.get_mut(&key)
    }

    /// Puts an entry in the place of the one before.
    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Forgets an entry.
    pub(super) fn remove(&mut self, key: K) -> Option<V> {
        self.young.remove(&key).or_else(|| self.old.remove(&key))
    }
}

/// A queue id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 24]);

impl Key {
    /// `None` for a text that is too long for one.
    pub(super) fn new(id: &str) -> Option<Self> {
        let mut key = [0; 24];
        key.get_mut(..id.len())?.copy_from_slice(id.as_bytes());
        Some(Self(key))
    }
}

/// Where a message came from.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub(super) client: Option<Box<str>>,
    pub(super) client_address: Option<IpAddr>,
    pub(super) helo: Option<Box<str>>,
    pub(super) account: Option<Box<str>>,
    pub(super) auth_method: Option<Box<str>>,
    pub(super) sender: Option<Box<str>>,
    pub(super) message_id: Option<Box<str>>,
    pub(super) size: Option<u64>,
    /// It was taken while the log was being written: a message that was there before is none that was received.
    pub(super) fresh: bool,
    /// Its arrival has been told.
    pub(super) told: bool,
}

impl Origin {
    /// Completes an event about what becomes of the message.
    pub(super) fn complete<'a>(&'a self, event: &mut Event<'a>) {
        let text = |text: &'a Option<Box<str>>| text.as_deref().map(Cow::Borrowed);
        event.client = text(&self.client);
        event.client_address = self.client_address;
        event.account = text(&self.account);
        event.auth_method = text(&self.auth_method);
        event.sender = event.sender.take().or_else(|| text(&self.sender));
        event.message_id = event.message_id.take().or_else(|| text(&self.message_id));
        event.size = event.size.or(self.size);
    }

    /// Completes the event of its arrival, where the client is the other host.
    pub(super) fn arrive<'a>(&'a self, event: &mut Event<'a>) {
        self.complete(event);
        event.remote = event.client.clone();
        event.address = self.client_address;
        event.helo = self.helo.as_deref().map(Cow::Borrowed);
    }
}
