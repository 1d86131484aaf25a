//! Which next hops of the configuration answer: asked by ARP, several times a second, on a
//! standby machine too.
//!
//! ```text
//!              answer                       3 questions without an answer
//!   Unknown ----------> Answers ------------------------------------------> Silent
//!      |                   ^                                                  |
//!      |                   '---------------------- answer --------------------'
//!      '------------------- 3 questions without an answer --------------------^
//! ```
//!
//! Only a reply to this machine counts: it proves that frames pass in both directions. What a
//! neighbour sends of its own, traffic or ARP, proves one direction alone.
//!
//! Each is asked every [`PACE`], or every [`SHARE`] times their number where there are many,
//! by unicast as far as its Ethernet address is known. One that does not answer is asked again
//! at once. Questions are spread evenly over that time, so that a path that dies is noticed
//! soon even where there are a thousand. When the peer reaches more or less, all are asked at
//! once ([`Prober::ask_all`]). Both are bounded: [`ROUTINE`] and [`ON_ORDER`] are the most questions of a look.

mod target;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;

use nat::{Instant, Side};

use target::{Target, TargetState};

/// Milliseconds between two questions to a next hop that answers.
const PACE: u64 = 200;
/// The same, for each next hop of the side.
const SHARE: u64 = 4;
/// The most questions of a side in one look, each 10 ms.
const ROUTINE: usize = 10;
/// The same while all are asked anew.
const ON_ORDER: usize = 40;
/// After so long without a look the main core stood still, and answers may wait in its rings.
const PAUSE: u64 = 50;

/// A next hop to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question {
    /// On this side.
    pub side: Side,
    /// This one.
    pub address: Ipv4Addr,
    /// By broadcast, as its Ethernet address may have changed.
    pub to_all: bool,
}

/// What is known of the next hops of a side.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reach {
    /// Stands for their addresses; 0 while one of them is unknown, or where there are none.
    pub set: u64,
    /// How many they are.
    pub asked: u16,
    /// How many answer.
    pub answering: u16,
    /// The first few that don't.
    pub silent: Vec<Ipv4Addr>,
}

impl Reach {
    /// Silent ones that are named.
    pub const NAMED: usize = 4;
}

/// The next hops of one side.
#[derive(Debug, Default)]
struct Group {
    /// In the order of their addresses.
    targets: Vec<Target>,
    set: u64,
    /// Where the next look begins.
    next: usize,
    /// Milliseconds since the last look, for each of them: a question costs the pace.
    credit: u64,
}

/// Asks the next hops of both sides.
#[derive(Debug, Default)]
pub struct Prober {
    groups: [Group; 2],
    looked: Option<Instant>,
    ordered: u64,
    done: u64,
}

impl Prober {
    /// Asks these from now on, and no others.
    pub fn keep(&mut self, hops: &[(Side, Ipv4Addr)]) {
        for side in Side::ALL {
            let Some(group) = self.groups.get_mut(side.index()) else { continue };
            let of_side = hops.iter().filter(|(of, _)| *of == side);
            let mut addresses: Vec<_> = of_side.map(|&(_, address)| address).collect();
            addresses.sort_unstable();
            addresses.dedup();
            group.set = number(&addresses);
            let known = |address| group.targets.iter().find(|target| target.address == address);
            group.targets = addresses
                .into_iter()
                .map(|address| known(address).copied().unwrap_or_else(|| Target::new(address)))
                .collect();
            group.next = 0;
        }
    }

    /// A reply came to this machine.
    pub fn answered(&mut self, side: Side, address: Ipv4Addr) {
        if let Some(target) = self.target(side, address) {
            target.answered();
        }
    }

    /// It sends ARP of some kind: if it is silent, it may be back.
    pub fn seen(&mut self, side: Side, address: Ipv4Addr) {
        if let Some(target) = self.target(side, address) {
            target.seen();
        }
    }

    fn target(&mut self, side: Side, address: Ipv4Addr) -> Option<&mut Target> {
        let targets = &mut self.groups.get_mut(side.index())?.targets;
        let at = targets.binary_search_by_key(&address, |target| target.address).ok()?;
        targets.get_mut(at)
    }

    /// Asks every next hop now, once for each number of an order.
    pub fn ask_all(&mut self, order: u64) {
        if order == self.ordered {
            return;
        }
        self.ordered = order;
        self.groups.iter_mut().flat_map(|group| &mut group.targets).for_each(Target::owe);
    }

    /// The number of the last order of which each next hop has answered since, or is known not
    /// to.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Looks for answers that did not come, and asks those whose turn it is. Called every
    /// 10 ms; `is_steady` says that all workers have polled since the last time, so that an answer
    /// would have been seen, and `is_deaf` of each side that some of them may have been lost.
    pub fn look(
        &mut self,
        now: Instant,
        is_steady: bool,
        is_deaf: [bool; 2],
        mut ask: impl FnMut(Question),
    ) {
        let gap = self.looked.map_or(0, |looked| now.since(looked));
        self.looked = Some(now);
        if gap > PAUSE || !is_steady {
            let targets = self.groups.iter_mut().flat_map(|group| &mut group.targets);
            targets.for_each(|target| target.excuse(gap));
        }
        for ((side, group), is_deaf) in Side::ALL.into_iter().zip(&mut self.groups).zip(is_deaf) {
            group
                .look(now, gap, is_deaf, |address, to_all| ask(Question { side, address, to_all }));
        }
        let owes = |group: &Group| group.targets.iter().any(|target| target.is_owed);
        if !self.groups.iter().any(owes) {
            self.done = self.ordered;
        }
    }

    /// What answers on a side.
    pub fn reach(&self, side: Side) -> Reach {
        let Some(group) = self.groups.get(side.index()) else { return Reach::default() };
        let of =
            |state: TargetState| group.targets.iter().filter(move |target| target.state == state);
        let count = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        Reach {
            set: if of(TargetState::Unknown).next().is_some() { 0 } else { group.set },
            asked: count(group.targets.len()),
            answering: count(of(TargetState::Answers).count()),
            silent: of(TargetState::Silent)
                .map(|target| target.address)
                .take(Reach::NAMED)
                .collect(),
        }
    }
}

impl Group {
    fn look(&mut self, now: Instant, gap: u64, is_deaf: bool, mut ask: impl FnMut(Ipv4Addr, bool)) {
        let count = self.targets.len();
        let pace = PACE.max(SHARE * count as u64);
        self.credit = (self.credit + gap.min(PAUSE) * count as u64).min(4 * pace);
        let hurries = self.targets.iter().any(|target| target.is_owed);
        let mut room = if hurries { ON_ORDER } else { ROUTINE };
        for step in 0..count {
            let at = (self.next + step) % count;
            let Some(target) = self.targets.get_mut(at) else { continue };
            target.miss(now, is_deaf);
            let is_due = target.is_urgent() || (target.is_due(now, pace) && self.credit >= pace);
            if room == 0 || !is_due {
                continue;
            }
            if !target.is_urgent() {
                self.credit -= pace;
                self.next = (at + 1) % count;
            }
            room -= 1;
            ask(target.address, target.ask(now));
        }
    }
}

/// A number for a set of addresses (FNV-1a): the same on every machine, and not 0 unless there
/// are none.
fn number(addresses: &[Ipv4Addr]) -> u64 {
    let bytes = addresses.iter().flat_map(|address| address.octets());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    if addresses.is_empty() { 0 } else { hash | 1 }
}
