//! Links and next hops that come and go on both machines in turn.

use failover::{Damping, Role};

use crate::next_hops::Lost;
use crate::setting::Setting;
use crate::world::World;

const MS: u64 = 1_000;
const MINUTE: u64 = 60_000 * MS;

/// What flaps, each time wherever the role is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flap {
    Link,
    Gateway,
    Server,
    /// The link of the preferred machine alone, which takes the role back when it can.
    Preferred,
}

/// A pair to which something happened, and how often the role moved.
struct Story {
    world: World,
    moves: u64,
    /// The longest time for which the role was at a machine that serves nobody, or at none,
    /// although the other one was fit and had all connections.
    idle: u64,
}

fn setting(flap: Flap, damping: Damping) -> Setting {
    let mut setting = Setting::plain();
    setting.timers.damping = damping;
    if flap == Flap::Preferred {
        setting.priorities = [150, 100];
        setting.timers.preempt = Some(std::time::Duration::from_millis(100));
    }
    setting
}

fn active(world: &World) -> Option<usize> {
    (0..2).find(|&node| world.nodes[node].is_active(world.now))
}

/// The links of this machine are down, or it has no gateway.
fn is_wholly_unfit(world: &World, node: usize) -> bool {
    let reach = world.nodes[node].next_hops.truth(&world.dead, world.now);
    !world.nodes[node].has_links(world.now) || reach.iter().any(|side| side.answering == 0)
}

/// Ready with all connections, and whole.
fn could_serve(world: &World, node: usize) -> bool {
    let machine = world.nodes[node].machine.as_ref();
    let is_ready = machine.is_some_and(|m| m.role() == Role::Standby && m.fitness().is_ready());
    is_ready && !is_wholly_unfit(world, node)
}

impl Story {
    fn new(flap: Flap, damping: Damping) -> Self {
        let mut world = World::calm(7, setting(flap, damping));
        world.run_until(2_000 * MS).unwrap();
        Story { world, moves: 0, idle: 0 }
    }

    /// A minute of faults; each is there for half of the time to the next one.
    fn flap(&mut self, flap: Flap, each: u64) -> u64 {
        let end = self.world.now + MINUTE;
        let mut flaps = 0;
        while self.world.now < end {
            let at = if flap == Flap::Preferred { 0 } else { active(&self.world).unwrap_or(0) };
            self.lose(flap, at, each / 2);
            flaps += 1;
            self.watch(self.world.now + each);
        }
        flaps
    }

    fn lose(&mut self, flap: Flap, node: usize, time: u64) {
        let (now, until) = (self.world.now, self.world.now + time);
        match flap {
            Flap::Link | Flap::Preferred => {
                self.world.nodes[node].links_down[0] = until;
                return;
            }
            Flap::Gateway => self.world.nodes[node].next_hops.lost[0].add(Lost::all(0), until, now),
            Flap::Server => self.world.nodes[node].next_hops.lost[1].add(1, until, now),
        }
        self.world.look_from(now, node);
        self.world.look_from(until, node);
    }

    fn watch(&mut self, end: u64) {
        let mut before = active(&self.world);
        let mut idle_since = None;
        while self.world.now < end {
            self.world.run_until(self.world.now + MS).unwrap();
            let now = active(&self.world);
            // While the role moves both are active for a moment; the lower number goes on then.
            let both = (0..2).all(|node| self.world.nodes[node].is_active(self.world.now));
            if !both && now.is_some() && now != before {
                self.moves += u64::from(before.is_some());
                before = now;
            }
            let is_idle = match now {
                Some(node) => {
                    is_wholly_unfit(&self.world, node) && could_serve(&self.world, 1 - node)
                }
                None => (0..2).any(|node| could_serve(&self.world, node)),
            };
            let since = *idle_since.get_or_insert(self.world.now);
            if is_idle {
                self.idle = self.idle.max(self.world.now - since);
            } else {
                idle_since = None;
            }
        }
    }
}

/// How often the role moved in a minute, and in how many flaps.
fn moves(flap: Flap, each: u64, damping: Damping) -> (u64, u64) {
    let mut story = Story::new(flap, damping);
    let flaps = story.flap(flap, each * MS);
    println!(
        "{flap:?} each {each} ms: {} moves in {flaps} flaps, idle {} us",
        story.moves, story.idle
    );
    (story.moves, flaps)
}

#[test]
fn the_role_moves_at_most_once_in_a_flap() {
    for flap in [Flap::Link, Flap::Gateway, Flap::Server, Flap::Preferred] {
        for each in [300, 1_000, 3_000, 10_000] {
            let (moves, flaps) = moves(flap, each, Damping::default());
            assert!(moves <= flaps, "{flap:?} each {each} ms: {moves} moves in {flaps} flaps");
        }
    }
}

#[test]
fn a_part_of_the_network_that_comes_and_goes_soon_moves_nothing() {
    for each in [3_000, 5_000] {
        let (damped, _) = moves(Flap::Server, each, Damping::default());
        assert!((2..=6).contains(&damped), "{damped} moves");
        // The control: without damping it goes on like that.
        let (off, flaps) = moves(Flap::Server, each, Damping::OFF);
        assert!(off + 1 >= flaps, "{off} moves in {flaps} flaps");
    }
}

#[test]
fn a_preferred_machine_whose_link_flaps_does_not_take_the_role_back_each_time() {
    for each in [2_000, 4_000] {
        let (damped, _) = moves(Flap::Preferred, each, Damping::default());
        assert!((1..=7).contains(&damped), "{damped} moves");
        // The control: there and back again, each time.
        let (off, flaps) = moves(Flap::Preferred, each, Damping::OFF);
        assert!(off > flaps, "{off} moves in {flaps} flaps");
    }
}

/// Damping never leaves the role where nobody is served.
#[test]
fn a_machine_that_serves_nobody_is_replaced_as_fast_as_ever() {
    for (flap, longest) in [(Flap::Link, 120 * MS), (Flap::Gateway, 1_000 * MS)] {
        for each in [2_000, 4_000] {
            let idle = |damping| {
                let mut story = Story::new(flap, damping);
                story.flap(flap, each * MS);
                assert!(story.moves > 10, "{} moves", story.moves);
                story.idle
            };
            let (damped, off) = (idle(Damping::default()), idle(Damping::OFF));
            assert!(damped <= longest && off <= longest, "{flap:?}: {damped} and {off} us");
        }
    }
}

#[test]
fn after_the_flaps_the_role_moves_again_as_before() {
    let mut story = Story::new(Flap::Server, Damping::default());
    story.flap(Flap::Server, 3_000 * MS);
    story.watch(story.world.now + 62_000 * MS);
    let before = story.moves;
    let at = active(&story.world).unwrap();
    story.lose(Flap::Server, at, 5_000 * MS);
    story.watch(story.world.now + 2_000 * MS);
    assert_eq!(story.moves, before + 1);
}
