//! The effective weights of a service's servers: a pure function of their states and the time.
//!
//! ```text
//!   configured or set weight × agent's or exec's weight × slow start
//!   0 for what is down, drained or in maintenance
//!
//!   available servers          what is used
//!   none                       what when_all_down says
//!   weight below the quorum    the sorry servers, if there are any
//!   share below panic          all that are ready, whatever their checks say
//!   else                       those that are available
//! ```
//!
//! [`decide`] takes what is remembered from the decision before ([`Memory`]: which servers
//! rise, the last good set, whether there is a quorum) and gives what is to be remembered.

mod scale;
mod slow_start;
#[cfg(test)]
mod tests;

use api::{Administrative, PoolMode};
use config::{PoolRules, WhenAllDown};
use failover::Instant;

use self::slow_start::Rising;

/// The weight that an agent, a program or a file gives a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DynamicWeight {
    /// So many per cent of its weight.
    Percent(u16),
    /// This one in place of its weight.
    Absolute(u16),
}

/// What is known of a server when the decision is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Input {
    /// The configured weight, or the one that an operator has set.
    pub weight: u16,
    /// What its agent or check says about that.
    pub dynamic: Option<DynamicWeight>,
    /// Its checks find it down.
    pub is_down: bool,
    /// That is so only as its first check has not ended.
    pub is_waiting: bool,
    /// What was decided about it.
    pub administrative: Administrative,
}

/// A weight in thousandths of the unit of configured weights.
pub type Thousandths = u32;

const WHOLE: Thousandths = 1000;

impl Input {
    /// The weight that it has while it is up, without slow start.
    pub(super) fn nominal(&self) -> Thousandths {
        let weight = Thousandths::from(self.weight) * WHOLE;
        match self.dynamic {
            None => weight,
            Some(_) if self.weight == 0 => 0,
            Some(DynamicWeight::Absolute(absolute)) => Thousandths::from(absolute) * WHOLE,
            Some(DynamicWeight::Percent(percent)) => {
                let share = u64::from(weight) * u64::from(percent) / 100;
                Thousandths::try_from(share).unwrap_or(Thousandths::MAX).min(MOST)
            }
        }
    }

    /// It may get new connections if it is up.
    fn is_eligible(&self) -> bool {
        self.administrative == Administrative::Ready && self.nominal() > 0
    }

    /// In maintenance, what checks say changes nothing; and before its first check a server has
    /// no new connection, but nobody has found it down.
    fn is_found_down(&self) -> bool {
        let is_in_maintenance = self.administrative == Administrative::Maintenance;
        self.is_down && !self.is_waiting && !is_in_maintenance
    }

    fn is_available(&self) -> bool {
        self.is_eligible() && !self.is_down
    }
}

/// The largest weight, in thousandths.
const MOST: Thousandths = u16::MAX as Thousandths * WHOLE;

/// What is decided of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Share {
    /// Its effective weight.
    pub thousandths: Thousandths,
    /// The same as the dataplane is told it: whole numbers in the same proportion.
    pub weight: u16,
    /// The thousandths of it that count, where it is told beside the configured one.
    pub part: u16,
    /// It is treated as down.
    pub is_down: bool,
    /// Its weight still rises.
    pub is_rising: bool,
}

/// What is decided of a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// Of each server.
    pub servers: Vec<Share>,
    /// Of each sorry server.
    pub sorry: Vec<Share>,
    /// New connections go to the sorry servers.
    pub sorry_only: bool,
    /// How the servers are used.
    pub mode: PoolMode,
    /// There is a quorum.
    pub has_quorum: bool,
    /// When a weight changes by itself; none: it does not.
    pub next: Option<Instant>,
}

/// What is remembered of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ServerMemory {
    /// It was available.
    was_available: bool,
    /// It was among the last servers that were available.
    was_good: bool,
    /// Its first check has not ended since the start of tandem-control.
    waits_at_start: bool,
    /// Since when its weight rises.
    rising: Option<Instant>,
}

/// What is remembered from one decision to the next.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    /// Of each server; servers that are not in it are new.
    pub servers: Vec<ServerMemory>,
    /// There was a quorum; none: nothing was decided yet.
    had_quorum: Option<bool>,
}

impl Memory {
    /// The memory of a service whose servers are others now: of each the place that it had.
    #[must_use]
    pub fn moved(&self, places: &[Option<usize>]) -> Memory {
        let of = |place: &Option<usize>| place.and_then(|at| self.servers.get(at).copied());
        Memory {
            servers: places.iter().map(|place| of(place).unwrap_or_default()).collect(),
            had_quorum: self.had_quorum,
        }
    }
}

/// Whether weights may be told in other units than the configured ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Units {
    /// They are shares: only their proportion counts.
    Shares,
    /// They count connections, as with the scheduler ovf.
    Connections,
    /// Each is compared with the configured one, as with the scheduler mh.
    Parts,
}

/// Decides how the servers of a service are used now.
#[must_use]
pub fn decide(
    rules: &PoolRules,
    units: Units,
    servers: &[Input],
    sorry: &[Input],
    memory: &Memory,
    now: Instant,
) -> (Decision, Memory) {
    let is_first = memory.had_quorum.is_none();
    let mut memory = memory.clone();
    memory.servers.resize(servers.len(), ServerMemory::default());
    let available: Vec<bool> = servers.iter().map(Input::is_available).collect();
    let is_any_available = available.contains(&true);

    let rising = Rising { length: rules.slow_start, now };
    rising.remember(servers, &mut memory.servers, is_first);
    let has_quorum = quorum(rules, servers, memory.had_quorum);
    memory.had_quorum = Some(has_quorum);
    for (server, &is_available) in memory.servers.iter_mut().zip(&available) {
        server.was_available = is_available;
        if is_any_available {
            server.was_good = is_available;
        }
    }

    let (mode, sorry_only) = mode(rules, servers, sorry, has_quorum);
    let used = |at: usize, input: &Input| match mode {
        PoolMode::Panic => input.is_eligible(),
        PoolMode::AllDownKeep => {
            let was_good = |at: usize| memory.servers.get(at).is_some_and(|one| one.was_good);
            let is_any_good =
                servers.iter().enumerate().any(|(at, one)| one.is_eligible() && was_good(at));
            input.is_eligible() && (was_good(at) || !is_any_good)
        }
        _ => input.is_available(),
    };
    let share = |(at, input): (usize, &Input)| {
        let is_used = used(at, input);
        let since = memory.servers.get(at).and_then(|one| one.rising);
        let thousandths = if is_used { rising.weight(input.nominal(), since) } else { 0 };
        let is_rising = is_used && since.is_some();
        let is_down = input.is_found_down() && !is_used;
        Share { thousandths, is_down, is_rising, ..Share::default() }
    };
    let mut shares: Vec<Share> = servers.iter().enumerate().map(share).collect();
    let mut sorry: Vec<Share> = sorry_shares(sorry);
    scale::scale(&mut shares, units);
    scale::scale(&mut sorry, units);
    let next = rising.next(&memory.servers);
    let decision = Decision { servers: shares, sorry, sorry_only, mode, has_quorum, next };
    (decision, memory)
}

/// As keepalived has it: reached at quorum + hysteresis, lost below quorum - hysteresis or
/// without any server.
fn quorum(rules: &PoolRules, servers: &[Input], had: Option<bool>) -> bool {
    let available = servers.iter().filter(|server| server.is_available());
    let live: u64 = available.map(|server| u64::from(server.nominal())).sum();
    let whole = |units: u32| u64::from(units) * u64::from(WHOLE);
    let (quorum, hysteresis) = (whole(rules.quorum), whole(rules.hysteresis));
    match had {
        None => live >= quorum && live > 0,
        Some(true) => live > 0 && live >= quorum.saturating_sub(hysteresis),
        Some(false) => live > 0 && live >= quorum + hysteresis,
    }
}

fn mode(
    rules: &PoolRules,
    servers: &[Input],
    sorry: &[Input],
    has_quorum: bool,
) -> (PoolMode, bool) {
    let eligible = servers.iter().filter(|server| server.is_eligible()).count();
    let available = servers.iter().filter(|server| server.is_available()).count();
    let has_sorry = sorry.iter().any(Input::is_eligible);
    if eligible > 0 && available == 0 {
        return match rules.all_down(has_sorry) {
            WhenAllDown::Keep => (PoolMode::AllDownKeep, false),
            WhenAllDown::Refuse => (PoolMode::AllDownRefuse, false),
            // Whose sorry servers were all taken out.
            WhenAllDown::Sorry if !has_sorry => (PoolMode::AllDownRefuse, false),
            WhenAllDown::Sorry => (PoolMode::AllDownSorry, true),
        };
    }
    let sorry_only = !has_quorum && has_sorry;
    let is_panic = available * 100 < usize::from(rules.panic) * eligible;
    if is_panic && !sorry_only { (PoolMode::Panic, false) } else { (PoolMode::Normal, sorry_only) }
}

/// Sorry servers are the last resort: when all of them are down, all are used.
fn sorry_shares(sorry: &[Input]) -> Vec<Share> {
    let is_any_available = sorry.iter().any(Input::is_available);
    let share = |input: &Input| {
        let is_used = input.is_eligible() && (!input.is_down || !is_any_available);
        Share {
            thousandths: if is_used { input.nominal() } else { 0 },
            is_down: input.is_found_down() && !is_used,
            ..Share::default()
        }
    };
    sorry.iter().map(share).collect()
}
