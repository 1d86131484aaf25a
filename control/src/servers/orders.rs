//! What operators want of servers, on either machine of the pair.
//!
//! Both machines keep the same orders. Each order has a [`Stamp`], and of two orders about the
//! same thing the one with the higher stamp holds, whoever hears of them in whichever order: so
//! both machines agree after a partition, too. A stamp is higher than every stamp that its maker
//! has seen, and not lower than the clock: a machine that lost its file does not make orders that
//! are older than those before, and a clock that is set back makes none either.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use api::Administrative;
use serde::{Deserialize, Serialize};

/// A server of a service, by its names in the configuration.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ServerKey {
    /// The service's name.
    pub service: String,
    /// The server's address and port.
    pub server: SocketAddr,
}

/// When an order was given, as far as the machines can tell.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Milliseconds since 1970, or one more than the highest seen.
    pub counter: u64,
    /// The name of the machine where it was given.
    pub node: String,
}

/// A higher counter is no clock's: it is damaged, and would leave no room for later ones.
const HIGHEST: u64 = 1 << 62;
/// Orders about servers that the configuration does not have are kept for so long, in seconds.
const KEPT: u64 = 86_400;
/// The most orders about such servers; the oldest go first.
const MOST_ABSENT: usize = 1024;

/// Something that an operator sets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Setting<T> {
    /// When it was set. The stamp is compared first.
    pub stamp: Stamp,
    /// What it was set to.
    pub value: T,
    /// When, in seconds since 1970, for people.
    pub at: u64,
}

impl<T: Ord> Setting<T> {
    /// Takes the other one if it is newer; true if so.
    fn merge(&mut self, other: Self) -> bool {
        let is_newer = other > *self && other.stamp.counter < HIGHEST;
        if is_newer {
            *self = other;
        }
        is_newer
    }
}

/// What is wanted of one server. State and weight are set apart from each other.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Order {
    /// Whether it is to get new connections.
    pub state: Setting<Administrative>,
    /// The weight in place of the configured one; none: the configured one.
    pub weight: Setting<Option<u16>>,
    /// Since when the configuration does not have the server, in seconds since 1970.
    pub absent_since: Option<u64>,
}

/// What an operator sets of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    State(Administrative),
    Weight(Option<u16>),
}

/// The orders about all servers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Orders {
    orders: BTreeMap<ServerKey, Order>,
    /// The highest counter that was seen.
    highest: u64,
}

impl Orders {
    /// The order about a server, if there is one.
    #[must_use]
    pub fn of(&self, key: &ServerKey) -> Option<&Order> {
        self.orders.get(key)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&ServerKey, &Order)> {
        self.orders.iter()
    }

    /// Sets what an operator on this machine wants of servers, at `now` in milliseconds since
    /// 1970.
    pub fn set(&mut self, keys: &[ServerKey], change: Change, node: &str, now: u64) {
        self.highest = (self.highest + 1).max(now.min(HIGHEST - 1));
        let stamp = Stamp { counter: self.highest, node: node.to_owned() };
        let at = now / 1000;
        for key in keys {
            let order = self.orders.entry(key.clone()).or_default();
            let stamp = stamp.clone();
            match change {
                Change::State(value) => order.state = Setting { stamp, value, at },
                Change::Weight(value) => order.weight = Setting { stamp, value, at },
            }
        }
    }

    /// Takes an order of the peer, or from the file; true if it is news.
    pub fn merge(&mut self, key: ServerKey, theirs: Order) -> bool {
        for counter in [theirs.state.stamp.counter, theirs.weight.stamp.counter] {
            if counter < HIGHEST {
                self.highest = self.highest.max(counter);
            }
        }
        let order = self.orders.entry(key).or_default();
        let is_news = order.state.merge(theirs.state) | order.weight.merge(theirs.weight);
        order.absent_since = order.absent_since.or(theirs.absent_since);
        is_news
    }

    /// Forgets what is said of servers that the configuration has not had for a day, and the
    /// oldest of more than [`MOST_ABSENT`]. `now` is in seconds since 1970. True if something
    /// changed.
    pub fn follow(&mut self, has: impl Fn(&ServerKey) -> bool, now: u64) -> bool {
        let mut changed = false;
        for (key, order) in &mut self.orders {
            let since = if has(key) { None } else { Some(order.absent_since.unwrap_or(now)) };
            changed |= since != order.absent_since;
            order.absent_since = since;
        }
        let before = self.orders.len();
        let is_kept = |order: &Order| order.absent_since.is_none_or(|at| now < at + KEPT);
        self.orders.retain(|_, order| is_kept(order));
        let absent = self.orders.iter().filter(|(_, order)| order.absent_since.is_some());
        let mut absent: Vec<_> = absent.map(|(key, order)| (newest(order), key.clone())).collect();
        absent.sort();
        let surplus = absent.len().saturating_sub(MOST_ABSENT);
        for (_, key) in absent.into_iter().take(surplus) {
            self.orders.remove(&key);
        }
        changed || self.orders.len() != before
    }
}

/// The higher stamp of an order.
fn newest(order: &Order) -> Stamp {
    order.state.stamp.clone().max(order.weight.stamp.clone())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(port: u16) -> ServerKey {
        ServerKey { service: "web".into(), server: ([10, 0, 0, 11], port).into() }
    }

    const DRAIN: Change = Change::State(Administrative::Drain);
    const READY: Change = Change::State(Administrative::Ready);

    fn state(orders: &Orders, port: u16) -> Administrative {
        orders.of(&key(port)).unwrap().state.value
    }

    fn exchange(one: &mut Orders, other: &mut Orders) {
        for (key, order) in one.clone().iter() {
            other.merge(key.clone(), order.clone());
        }
        for (key, order) in other.clone().iter() {
            one.merge(key.clone(), order.clone());
        }
    }

    #[test]
    fn the_later_order_holds_also_where_the_clock_was_set_back() {
        let (mut a, mut b) = (Orders::default(), Orders::default());
        a.set(&[key(80)], DRAIN, "a", 5_000);
        exchange(&mut a, &mut b);
        b.set(&[key(80)], READY, "b", 1_000);
        exchange(&mut a, &mut b);
        assert_eq!((state(&a, 80), &a), (Administrative::Ready, &b));
    }

    #[test]
    fn a_machine_that_lost_its_file_is_heard() {
        let (mut a, mut b) = (Orders::default(), Orders::default());
        b.set(&[key(80)], DRAIN, "b", 5_000);
        a.set(&[key(80)], READY, "a", 6_000);
        exchange(&mut a, &mut b);
        assert_eq!((state(&a, 80), &a), (Administrative::Ready, &b));
    }

    #[test]
    fn a_counter_that_is_damaged_changes_nothing() {
        let (mut a, mut b) = (Orders::default(), Orders::default());
        a.set(&[key(80)], DRAIN, "a", 5_000);
        let mut order = Order::default();
        order.state.stamp = Stamp { counter: u64::MAX, node: "b".into() };
        assert!(!a.merge(key(80), order));
        assert_eq!(state(&a, 80), Administrative::Drain);
        b.set(&[key(80)], READY, "b", u64::MAX);
        b.set(&[key(80)], DRAIN, "b", u64::MAX);
        assert_eq!(state(&b, 80), Administrative::Drain);
    }

    #[test]
    fn state_and_weight_do_not_overwrite_each_other() {
        let (mut a, mut b) = (Orders::default(), Orders::default());
        a.set(&[key(80)], DRAIN, "a", 5_000);
        b.set(&[key(80)], Change::Weight(Some(7)), "b", 6_000);
        exchange(&mut a, &mut b);
        assert_eq!(state(&a, 80), Administrative::Drain);
        assert_eq!(a.of(&key(80)).unwrap().weight.value, Some(7));
    }

    #[test]
    fn servers_that_are_gone_are_forgotten_after_a_day_and_bounded() {
        let mut orders = Orders::default();
        for port in 1..=2000 {
            orders.set(&[key(port)], DRAIN, "a", u64::from(port) * 1000);
        }
        assert!(!orders.follow(|_| true, 10_000));
        assert!(orders.follow(|one| one.server.port() == 80, 10_000));
        assert_eq!(orders.iter().count(), 1 + MOST_ABSENT);
        assert!(orders.of(&key(2000)).is_some() && orders.of(&key(900)).is_none());
        assert!(orders.follow(|one| one.server.port() == 80, 10_000 + KEPT));
        assert_eq!(orders.iter().count(), 1);
        assert_eq!(state(&orders, 80), Administrative::Drain);
    }

    proptest! {
        /// Whatever two machines are told, in whichever order they hear of it, they agree when
        /// each has heard all.
        #[test]
        fn both_machines_come_to_the_same(
            told in prop::collection::vec((any::<bool>(), 1u16..4, 0u8..6, 0u64..20, any::<bool>()), 0..40)
        ) {
            let mut nodes = [Orders::default(), Orders::default()];
            for (on_b, port, what, now, meet) in told {
                let change = match what {
                    0 => READY,
                    1 => DRAIN,
                    2 => Change::State(Administrative::Maintenance),
                    more => Change::Weight((more > 3).then_some(more.into())),
                };
                let at = usize::from(on_b);
                if meet {
                    let [a, b] = &mut nodes;
                    exchange(a, b);
                }
                nodes[at].set(&[key(port)], change, ["a", "b"][at], now);
                if meet {
                    let [a, b] = &mut nodes;
                    exchange(a, b);
                    // What was set last, with both in touch, is what holds.
                    let order = nodes[1 - at].of(&key(port)).unwrap();
                    match change {
                        Change::State(state) => prop_assert_eq!(order.state.value, state),
                        Change::Weight(weight) => prop_assert_eq!(order.weight.value, weight),
                    }
                }
            }
            let [a, b] = &mut nodes;
            exchange(a, b);
            prop_assert_eq!(&a.orders, &b.orders);
        }
    }
}
