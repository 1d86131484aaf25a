//! What the two machines of a pair tell each other of servers: what operators want, and how each
//! of them sees the servers.
//!
//! ```text
//!   a  ── [tell] ══ TCP, Noise: all orders and views, then what changes ══ [hear] ──>  b
//!   a  <── [hear] ══════════════════════════════════════════════════════ [tell] ──  b
//! ```
//!
//! Each machine dials the other one and talks on that connection, so that neither direction
//! depends on the role or on the other direction; what comes back is an empty message for each
//! that was taken in. Orders are merged by their stamps, so it does no harm to hear one twice.

pub mod hear;
pub mod tell;

use core::time::Duration;
use std::collections::BTreeMap;

use api::{Administrative, Operational};
use serde::{Deserialize, Serialize};

use super::orders::{Order, ServerKey};

/// A connection on which nothing is to be said is kept alive so often.
const KEEPALIVE: Duration = Duration::from_secs(1);
/// A connection that brings nothing for so long is cut.
const SILENCE: Duration = Duration::from_secs(5);
/// The most entries of a message: so many always fit into one.
const ENTRIES: usize = 96;
/// The most characters of a reason that are told.
const REASON: usize = 160;
/// The most views of the peer that are kept: of another configuration than this machine's, too.
const MOST_VIEWS: usize = 2 * config::Service::MOST_SERVERS_OF_ALL;

/// How a machine sees a server.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    pub operational: Operational,
    pub reason: String,
    /// What was decided on that machine and counts there alone.
    pub administrative: Administrative,
    /// Its connections; told of servers that are taken out.
    pub connections: Option<u64>,
}

impl View {
    /// The peer need not be told of what only says the same in other words.
    fn says_the_same(&self, other: &View) -> bool {
        let View { operational, reason: _, administrative, connections } = self;
        (*operational, *administrative, *connections)
            == (other.operational, other.administrative, other.connections)
    }

    /// The same with a reason that fits.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        if let Some((at, _)) = self.reason.char_indices().nth(REASON) {
            self.reason.truncate(at);
        }
        self
    }
}

/// What a machine has to tell.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Knowledge {
    pub orders: BTreeMap<ServerKey, Order>,
    pub views: BTreeMap<ServerKey, View>,
    /// Grows with each order that is new.
    pub version: u64,
}

/// One message; new fields may be added, and those that are missing have defaults.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    pub orders: Vec<(ServerKey, Order)>,
    pub views: Vec<(ServerKey, View)>,
    /// Servers of which nothing is to be said any more.
    pub gone: Vec<ServerKey>,
    /// Everything was told up to here.
    pub complete: bool,
}

impl Message {
    fn entries(&self) -> usize {
        self.orders.len() + self.views.len() + self.gone.len()
    }
}

/// What is heard of the peer.
#[derive(Debug)]
pub enum Heard {
    Message(Message),
    /// It has gone, or another connection of it has come.
    Gone,
}

/// The messages that bring a peer from what it was told to what there is to tell.
fn difference(before: &Knowledge, now: &Knowledge) -> Vec<Message> {
    let mut messages = vec![Message::default()];
    let room = |messages: &mut Vec<Message>| {
        if messages.last().is_none_or(|last| last.entries() >= ENTRIES) {
            messages.push(Message::default());
        }
    };
    for (key, order) in &now.orders {
        if before.orders.get(key) != Some(order) {
            room(&mut messages);
            if let Some(last) = messages.last_mut() {
                last.orders.push((key.clone(), order.clone()));
            }
        }
    }
    for (key, view) in &now.views {
        if !before.views.get(key).is_some_and(|told| told.says_the_same(view)) {
            room(&mut messages);
            if let Some(last) = messages.last_mut() {
                last.views.push((key.clone(), view.clone()));
            }
        }
    }
    for key in before.views.keys().filter(|key| !now.views.contains_key(key)) {
        room(&mut messages);
        if let Some(last) = messages.last_mut() {
            last.gone.push(key.clone());
        }
    }
    if let Some(last) = messages.last_mut() {
        last.complete = true;
    }
    messages
}

/// How the peer sees servers.
#[derive(Clone, Debug, Default)]
pub struct PeerViews {
    views: BTreeMap<ServerKey, View>,
    /// It has told everything.
    pub complete: bool,
}

impl PeerViews {
    #[must_use]
    pub fn of(&self, key: &ServerKey) -> Option<&View> {
        self.views.get(key)
    }

    /// Takes in what the peer says; its orders are for somebody else.
    pub fn take(&mut self, message: &Message) {
        for (key, view) in &message.views {
            if self.views.len() < MOST_VIEWS || self.views.contains_key(key) {
                self.views.insert(key.clone(), view.clone().bounded());
            }
        }
        for key in &message.gone {
            self.views.remove(key);
        }
        self.complete |= message.complete;
    }

    /// The peer has gone.
    pub fn forget(&mut self) {
        *self = PeerViews::default();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn key(service: usize, server: u8) -> ServerKey {
        ServerKey { service: format!("{service:063}"), server: ([10, 0, 0, server], 80).into() }
    }

    fn view(reason: &str, operational: Operational) -> View {
        View { operational, reason: reason.to_owned(), ..View::default() }.bounded()
    }

    #[test]
    fn the_most_servers_fit_and_come_over_whole() {
        let mut knowledge = Knowledge::default();
        for at in 0..4096 {
            let key = key(at / 8, (at % 8) as u8);
            let mut order = Order::default();
            order.state.stamp.node = "n".repeat(63);
            order.state.stamp.counter = u64::MAX >> 2;
            order.weight = crate::servers::orders::Setting {
                value: Some(u16::MAX),
                stamp: order.state.stamp.clone(),
                at: u64::MAX,
            };
            knowledge.orders.insert(key.clone(), order);
            knowledge.views.insert(key, view(&"\u{1f310}\"".repeat(200), Operational::GoingDown));
        }
        let messages = difference(&Knowledge::default(), &knowledge);
        let (mut views, mut orders) = (PeerViews::default(), BTreeMap::new());
        for message in &messages {
            let json = serde_json::to_vec(message).unwrap();
            assert!(json.len() <= crate::sync::noise::ROOM, "{}", json.len());
            let read: Message = serde_json::from_slice(&json).unwrap();
            views.take(&read);
            orders.extend(read.orders);
            assert_eq!(views.complete, std::ptr::eq(message, messages.last().unwrap()));
        }
        assert_eq!((views.views, orders), (knowledge.views, knowledge.orders));
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let mut before = Knowledge::default();
        before.views.insert(key(1, 1), view("http: 500 after 12 ms", Operational::Down));
        before.views.insert(key(1, 2), view("", Operational::Up));
        let mut now = before.clone();
        now.views.insert(key(1, 1), view("http: 500 after 13 ms", Operational::Down));
        let same = difference(&before, &now);
        assert_eq!(same, [Message { complete: true, ..Message::default() }]);
        now.views.insert(key(1, 1), view("http: 200 after 13 ms", Operational::GoingUp));
        now.views.remove(&key(1, 2));
        let changed = difference(&before, &now);
        assert_eq!((changed.len(), changed[0].entries()), (1, 2));
        let mut views = PeerViews::default();
        difference(&Knowledge::default(), &before).iter().for_each(|one| views.take(one));
        changed.iter().for_each(|one| views.take(one));
        assert_eq!(views.views, now.views);
    }
}
