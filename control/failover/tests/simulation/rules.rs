//! What must be true of a pair at all times.

use core::cmp::Ordering;

use failover::{Action, Fitness, Notice, Role, Term};

use crate::network::{Network, SLOWEST};
use crate::next_hops::{DETECTION, Lost, QUESTION};
use crate::node::Node;
use crate::setting::Setting;

/// A heartbeat an interval, its way, and some: as long as both may be active while they
/// run and a path works.
const BOUND: u64 = 20_000 + SLOWEST + 20_000;
const LEASE: u64 = 120_000;
const DEAD: u64 = 150_000;
/// As long as nobody may be active while a machine could be: the dead interval, a lease,
/// a start, and a disk that hangs.
const GAP: u64 = 700_000;
/// As long as it may take two machines besides that do not understand each other: the longer
/// of their waits.
const WAIT: u64 = 1_200_000;
/// As long as a machine with a link down may hold the role beside one that is ready.
const MOVE: u64 = 400_000;
/// As long as a machine may hold the role that reaches less than one that is ready: to find it
/// out, to ask again, and to move the role. Beside it there is the time to confirm it.
const FOLLOW: u64 = DETECTION + QUESTION + MOVE;
const CONFIRM: u64 = 300_000;
/// As long as a machine may believe what is not so any more: until it looks, or hears from the
/// other one, which is believed for a dead interval after its last word.
const BELIEF: u64 = DETECTION + DEAD + BOUND;

/// A machine and its world just before a step.
pub(crate) struct Before {
    pub(crate) node: usize,
    /// The dataplane is there to do what is decided.
    pub(crate) obeyed: bool,
    pub(crate) complete: bool,
    pub(crate) other_active: bool,
    pub(crate) now: u64,
}

#[derive(Default)]
pub(crate) struct Rules {
    /// One of the machines does not understand the other, so that nothing is copied either.
    strange: bool,
    /// The machines have not the same timers.
    timers_differ: bool,
    /// How much longer the longer one of the machines' dead intervals is than the usual one.
    extra: u64,
    both_since: Option<u64>,
    nobody_since: Option<u64>,
    misplaced_since: Option<u64>,
    /// Since when the role is where less is reached.
    less_since: Option<u64>,
    /// Until when it last was true of each machine that it reaches less.
    last_less: [Option<u64>; 2],
    can_since: [Option<u64>; 2],
    complete_since: [Option<u64>; 2],
    /// The highest term that each has claimed; `None` once its disk failed it.
    claimed: [Option<Term>; 2],
    disk_failed: [bool; 2],
    at_rest: Option<[bool; 2]>,
}

impl Rules {
    /// Makes the rules for a pair of this kind.
    pub(crate) fn of(setting: Setting) -> Self {
        let extra = DEAD * u64::from(setting.other_timers.max(100) - 100) / 100;
        let strange = !setting.words.are_understood();
        Rules { strange, timers_differ: setting.other_timers != 100, extra, ..Rules::default() }
    }

    /// What a machine may claim, and when.
    pub(crate) fn acted(
        &mut self,
        before: Before,
        actions: &[Action],
        nodes: &[Node; 2],
        network: &Network,
        dead: &[Lost; 2],
    ) -> Result<(), String> {
        self.note_order(nodes, dead, before.now);
        self.not_between_equals(&before, actions)?;
        let claim = actions.iter().find_map(|action| match action {
            Action::Claim(term) => Some(*term),
            _ => None,
        });
        let Some(term) = claim else { return Ok(()) };
        self.term(before.node, term, actions, nodes)?;
        if !before.obeyed {
            return Ok(());
        }
        self.not_from_the_living(&before, actions, nodes, network)?;
        self.not_without_connections(&before, nodes, network)
    }

    /// None gives the role away for what it reaches if it reaches no less than the other.
    fn not_between_equals(&mut self, before: &Before, actions: &[Action]) -> Result<(), String> {
        if !actions.contains(&Action::Report(Notice::ReachesLess)) {
            return Ok(());
        }
        let last = self.last_less[before.node];
        match last.is_some_and(|at| before.now <= at + BELIEF) {
            true => Ok(()),
            false => Err("the role moves to a machine that reaches no more".to_owned()),
        }
    }

    fn note_order(&mut self, nodes: &[Node; 2], dead: &[Lost; 2], now: u64) -> Ordering {
        let order = truth(&nodes[0], dead, now).compare_reach(truth(&nodes[1], dead, now));
        match order {
            Ordering::Less => self.last_less[0] = Some(now),
            Ordering::Greater => self.last_less[1] = Some(now),
            Ordering::Equal => {}
        }
        order
    }

    /// A term is on disk before it is used, and used once.
    fn term(
        &mut self,
        node: usize,
        term: Term,
        actions: &[Action],
        nodes: &[Node; 2],
    ) -> Result<(), String> {
        if actions.contains(&Action::Report(Notice::TermNotStored)) {
            self.disk_failed[node] = true;
        } else if nodes[node].disk < term {
            return Err(format!("{term:?} is used before it is on disk"));
        }
        if self.claimed[node].is_some_and(|last| last >= term) && !self.disk_failed[node] {
            return Err(format!("{term:?} is used twice"));
        }
        self.claimed[node] = Some(term);
        Ok(())
    }

    /// None takes over for silence while a path works: not from one that runs, and not
    /// from one that holds the role, though its process be dead.
    fn not_from_the_living(
        &self,
        before: &Before,
        actions: &[Action],
        nodes: &[Node; 2],
        network: &Network,
    ) -> Result<(), String> {
        let long = DEAD + self.extra + BOUND;
        let other = 1 - before.node;
        if !actions.contains(&Action::Report(Notice::PeerDead))
            || !network.carries(other, long, before.now)
        {
            return Ok(());
        }
        // How long the other one's lease is nobody can know who has not heard it yet.
        let is_unknown = self.timers_differ && !nodes[before.node].knows_peer;
        if before.other_active && !is_unknown {
            return Err("takes over from one that holds the role".to_owned());
        }
        if nodes[other].runs_for(long, before.now) {
            return Err("gives up a peer that lives".to_owned());
        }
        Ok(())
    }

    /// A machine without the connections takes no role while one that has them lives.
    fn not_without_connections(
        &self,
        before: &Before,
        nodes: &[Node; 2],
        network: &Network,
    ) -> Result<(), String> {
        let other = 1 - before.node;
        let long = |since: Option<u64>| since.is_some_and(|at| at + BOUND <= before.now);
        let lives = nodes[other].runs_for(DEAD + BOUND, before.now)
            && nodes[other].role() != Some(Role::Leaving)
            && long(self.complete_since[other])
            && network.carries(other, DEAD + BOUND, before.now);
        // It neither hears nor sees the witness, and so may not claim.
        let is_cut_off = nodes[other].sees_witness(before.now) == Some(false)
            && !network.carries(before.node, DEAD + BOUND, before.now);
        if !before.complete && lives && !is_cut_off && !self.strange {
            return Err("an unsynced machine claims while a synced one lives".to_owned());
        }
        Ok(())
    }

    pub(crate) fn check(
        &mut self,
        nodes: &[Node; 2],
        network: &Network,
        dead: &[Lost; 2],
        now: u64,
    ) -> Result<(), String> {
        let order = self.note_order(nodes, dead, now);
        let active = [nodes[0].is_active(now), nodes[1].is_active(now)];
        for (node, since) in nodes.iter().zip(&mut self.complete_since) {
            let complete = node.dataplane.complete.is_some() && node.is_up(now);
            *since = complete.then(|| since.unwrap_or(now));
        }
        sides(nodes, now)?;
        self.both(nodes, network, active, now)?;
        self.nobody(nodes, active, now)?;
        self.misplaced(nodes, network, active, now)?;
        let waits = is_held_back(nodes, dead, usize::from(active[0]), now);
        let order = if waits { Ordering::Equal } else { order };
        self.outreached(nodes, network, active, order, now)
    }

    /// Both active: while both run and hear each other, for no longer than it takes to
    /// hear; while one of them doesn't run, for no longer than its lease.
    fn both(
        &mut self,
        nodes: &[Node; 2],
        network: &Network,
        active: [bool; 2],
        now: u64,
    ) -> Result<(), String> {
        if active != [true, true] {
            self.both_since = None;
            return Ok(());
        }
        let time = now - *self.both_since.get_or_insert(now);
        let lease = LEASE + self.extra;
        let run = nodes.iter().all(|node| node.runs_for(BOUND, now));
        let no_start = nodes.iter().all(|node| {
            node.running_since == u64::MAX || node.running_since + lease + BOUND <= now
        });
        let agree = run && time >= BOUND && network.is_whole(BOUND, now);
        let expire = no_start && time >= lease + BOUND && network.is_whole(lease + BOUND, now);
        if agree || expire { Err(format!("both are active for {time} us")) } else { Ok(()) }
    }

    fn nobody(&mut self, nodes: &[Node; 2], active: [bool; 2], now: u64) -> Result<(), String> {
        for (since, node) in self.can_since.iter_mut().zip(nodes) {
            let can = node.is_up(now)
                && node.role().is_some_and(|role| role != Role::Leaving)
                && now >= node.paused_until()
                && node.sees_witness(now) != Some(false);
            *since = can.then(|| since.unwrap_or(now));
        }
        if active != [false, false] {
            self.nobody_since = None;
            return Ok(());
        }
        let since = *self.nobody_since.get_or_insert(now);
        let gap = GAP + 2 * self.extra + if self.strange { WAIT } else { 0 };
        let could = self.can_since.iter().flatten().any(|&can| can + gap <= now);
        if now >= since + gap && could {
            return Err(format!("nobody is active since {since} us"));
        }
        Ok(())
    }

    /// The role moves away from a machine with a link down, if the other is ready.
    fn misplaced(
        &mut self,
        nodes: &[Node; 2],
        network: &Network,
        active: [bool; 2],
        now: u64,
    ) -> Result<(), String> {
        let at = usize::from(active[1]);
        let other = nodes[1 - at].machine.as_ref();
        let misplaced = active[0] != active[1]
            && !self.strange
            && !nodes[at].has_links(now)
            && nodes.iter().all(|node| node.runs_for(MOVE, now))
            && nodes[at].role() == Some(Role::Active)
            && other.is_some_and(|m| m.role() == Role::Standby && m.fitness().is_ready())
            && network.is_whole(MOVE, now);
        if !misplaced {
            self.misplaced_since = None;
            return Ok(());
        }
        let since = *self.misplaced_since.get_or_insert(now);
        if now >= since + MOVE {
            return Err(format!("the role stays where a link is down since {since} us"));
        }
        Ok(())
    }

    /// The role moves away from a machine that reaches less, if the other is ready. To one that is
    /// damped it moves only from one that serves nobody.
    fn outreached(
        &mut self,
        nodes: &[Node; 2],
        network: &Network,
        active: [bool; 2],
        order: Ordering,
        now: u64,
    ) -> Result<(), String> {
        let at = usize::from(active[1]);
        let less = [Ordering::Less, Ordering::Greater][at];
        let time = FOLLOW + CONFIRM;
        let other = nodes[1 - at].machine.as_ref();
        let is_outreached = active[0] != active[1]
            && !self.strange
            && order == less
            && nodes.iter().all(|node| node.runs_for(time, now) && node.is_up_for(DETECTION, now))
            && nodes[at].role() == Some(Role::Active)
            && other.is_some_and(|m| m.role() == Role::Standby && m.fitness().is_ready())
            && network.is_whole(time, now);
        if !is_outreached {
            self.less_since = None;
            return Ok(());
        }
        let since = *self.less_since.get_or_insert(now);
        if now >= since + time {
            return Err(format!("the role stays where less is reached since {since} us"));
        }
        Ok(())
    }

    /// Long after the last fault one machine is active, the other stands by, and so it
    /// stays.
    pub(crate) fn rest(&mut self, nodes: &[Node; 2], now: u64) -> Result<(), String> {
        let active = [nodes[0].is_active(now), nodes[1].is_active(now)];
        if active[0] == active[1] {
            return Err(format!("at rest {active:?} are active"));
        }
        if *self.at_rest.get_or_insert(active) != active {
            return Err("the role moves without a reason".to_owned());
        }
        let standby = nodes[usize::from(active[0])].machine.as_ref();
        let stands_by = standby.is_some_and(|m| m.role() == Role::Standby);
        let ready = stands_by && (self.strange || standby.is_some_and(|m| m.fitness().is_ready()));
        if ready { Ok(()) } else { Err("the other does not stand by".to_owned()) }
    }
}

/// True of a damped machine beside one that serves, though less.
fn is_held_back(nodes: &[Node; 2], dead: &[Lost; 2], standby: usize, now: u64) -> bool {
    let (own, other) = (&nodes[standby], &nodes[1 - standby]);
    let is_damped = own.machine.as_ref().is_some_and(|m| m.damped(own.local(now)).is_some());
    is_damped && !truth(own, dead, now).serves_instead_of(truth(other, dead, now))
}

/// What a machine would tell if it knew every change of its next hops at once.
fn truth(node: &Node, dead: &[Lost; 2], now: u64) -> Fitness {
    Fitness { reach: node.next_hops.truth(dead, now), ..Fitness::READY }
}

/// Both floating sides are always in one hand.
fn sides(nodes: &[Node; 2], now: u64) -> Result<(), String> {
    for node in nodes {
        let [public, private] = node.sides(now);
        if public != private {
            return Err("a machine holds one side only".to_owned());
        }
    }
    Ok(())
}
