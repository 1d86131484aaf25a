//! What must be true of a pair at all times.

use failover::{Heartbeat, Role};

use crate::world::World;

/// A heartbeat an interval, its way, and the answer: as long as two may be active while a
/// path works.
const BOUND: u64 = 60_000;
/// As long as nobody may be active while a machine could be: the dead interval, a lease,
/// a start, and a disk that hangs.
const GAP: u64 = 700_000;
/// The dead interval.
const DEAD: u64 = 150_000;

#[derive(Default)]
pub(crate) struct Rules {
    both_since: Option<u64>,
    nobody_since: Option<u64>,
    able_since: [Option<u64>; 2],
    /// When each machine last heard from a peer that had every connection and no role.
    heard_synced: [Option<u64>; 2],
    at_rest: Option<[bool; 2]>,
}

impl Rules {
    pub(crate) fn heard(&mut self, node: usize, heartbeat: &Heartbeat, now: u64) {
        let fitness = heartbeat.fitness;
        let synced = fitness.able && fitness.synced && heartbeat.role != Role::Active;
        self.heard_synced[node] = synced.then_some(now);
    }

    /// A machine without the connections takes no role while one that has them lives.
    pub(crate) fn claimed(&self, node: usize, synced: bool, now: u64) -> Result<(), String> {
        match self.heard_synced[node] {
            Some(at) if !synced && now < at + DEAD / 2 => {
                Err("an unsynced machine claims while a synced one lives".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn check(&mut self, world: &World, now: u64) -> Result<(), String> {
        let active = [world.nodes[0].is_active(now), world.nodes[1].is_active(now)];
        self.two(world, active, now)?;
        self.nobody(world, active, now)
    }

    fn two(&mut self, world: &World, active: [bool; 2], now: u64) -> Result<(), String> {
        if active != [true, true] {
            self.both_since = None;
            return Ok(());
        }
        let since = *self.both_since.get_or_insert(now);
        let could_agree =
            world.path_whole_for(BOUND) && world.runs_for(0, BOUND) && world.runs_for(1, BOUND);
        if now >= since + BOUND && could_agree {
            return Err(format!("two active since {since} us"));
        }
        Ok(())
    }

    fn nobody(&mut self, world: &World, active: [bool; 2], now: u64) -> Result<(), String> {
        for (since, node) in self.able_since.iter_mut().zip(&world.nodes) {
            let able = node.dataplane.up && node.machine.is_some() && now >= node.paused_until();
            *since = if able { Some(since.unwrap_or(now)) } else { None };
        }
        if active != [false, false] {
            self.nobody_since = None;
            return Ok(());
        }
        let since = *self.nobody_since.get_or_insert(now);
        let could = self.able_since.iter().flatten().any(|&able| able + GAP <= now);
        if now >= since + GAP && could {
            return Err(format!("nobody active since {since} us"));
        }
        Ok(())
    }

    /// Long after the last fault one machine is active, the other stands by, and so it stays.
    pub(crate) fn rest(&mut self, world: &World, now: u64) -> Result<(), String> {
        let active = [world.nodes[0].is_active(now), world.nodes[1].is_active(now)];
        if active[0] == active[1] {
            return Err(format!("at rest {active:?} are active"));
        }
        if *self.at_rest.get_or_insert(active) != active {
            return Err("the role moves without a reason".to_owned());
        }
        let standby = &world.nodes[usize::from(active[0])];
        if standby.is_standby() { Ok(()) } else { Err("the other does not stand by".to_owned()) }
    }
}
