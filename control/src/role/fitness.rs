//! What this machine is fit for, and what keeps it from being ready.

use core::cmp::Ordering;

use api::{LeaseStatus, NicState, SyncLink, SyncState, SyncStatus};
use failover::{Fitness, Reach, Role};

use crate::output::units::count;

const SIDES: [&str; 2] = ["public", "private"];

/// The reach of one side as the state machine takes it.
#[must_use]
pub fn reach(reach: &api::Reach) -> Reach {
    Reach { set: reach.set, asked: reach.asked, answering: reach.answering }
}

/// The next hops that do not answer, which are more than are named.
fn names(reach: &api::Reach) -> String {
    let names: Vec<_> = reach.silent.iter().map(ToString::to_string).collect();
    let more = usize::from(reach.asked.saturating_sub(reach.answering)).saturating_sub(names.len());
    match more {
        0 => names.join(", "),
        _ => format!("{} and {more} more", names.join(", ")),
    }
}

/// Describes in words the next hops that do not answer this machine.
#[must_use]
pub fn silent(lease_status: &LeaseStatus) -> Vec<String> {
    let sides =
        SIDES.into_iter().zip(&lease_status.reach).filter(|(_, reach)| !reach.silent.is_empty());
    let words = |(side, reach): (&str, &api::Reach)| {
        format!("next hops on the {side} side that do not answer ARP: {}", names(reach))
    };
    sides.map(words).collect()
}

/// How much this machine has of the connections that the peer had when that was last active.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Copied {
    /// It is not known.
    #[default]
    Unknown,
    /// What there is room for, and is kept up to date.
    Part {
        held: u64,
        all: u64,
    },
    All,
}

impl Copied {
    /// Follows what is seen. While the peer is active something is missed whenever no
    /// stream is up; once it is not, nothing happens that could be.
    pub fn follow(&mut self, own: Role, peer: Option<Role>, link: SyncLink, sync: &SyncStatus) {
        match (own, peer) {
            (Role::Active, _) => *self = Copied::Unknown,
            (_, Some(Role::Active)) if link == SyncLink::Receiving => *self = Copied::of(sync),
            (_, Some(Role::Active)) => *self = Copied::Unknown,
            _ => {}
        }
    }

    fn of(sync: &SyncStatus) -> Self {
        let SyncStatus { state, complete, missing, expected, .. } = *sync;
        match (state, missing) {
            _ if complete => Copied::All,
            (SyncState::Following, 1..) => {
                Copied::Part { held: expected.saturating_sub(missing), all: expected }
            }
            _ => Copied::Unknown,
        }
    }
}

pub struct Findings<'f> {
    /// The dataplane's last answer, while it answers.
    pub lease_status: Option<&'f LeaseStatus>,
    /// Why it is of no use.
    pub trouble: Option<&'f str>,
    pub role: Role,
    /// The peer's, while it is heard.
    pub peer: Option<Role>,
    /// What the peer is fit for, while it is heard.
    pub peer_fitness: Option<Fitness>,
    /// The stream between the machines.
    pub link: SyncLink,
    /// Why there is none.
    pub link_trouble: Option<&'f str>,
    /// It has what the peer had when that was last active.
    pub copied: Copied,
    /// What the witness says.
    pub witness: Option<bool>,
    /// Somebody speaks from the peer's address who proves nothing, and nobody was ever proven,
    /// as with another key. It may be the peer, and be active.
    pub unproven_peer: bool,
    /// The peer proves that it lives, and is not understood.
    pub incompatible: bool,
}

impl Findings<'_> {
    /// The fitness as the state machine takes it.
    #[must_use]
    pub fn fitness(&self) -> Fitness {
        let Some(lease_status) = self.lease_status.filter(|_| self.trouble.is_none()) else {
            return Fitness { witness: self.witness, ..Fitness::UNKNOWN };
        };
        // Like a machine that is cut off, one that is held back has all that it has, and
        // claims nothing.
        let witness = if self.is_held_back() { Some(false) } else { self.witness };
        let fitness = Fitness {
            able: lease_status.workers_run,
            synced: false,
            links: lease_status.links == [true, true]
                && lease_status.nics == [NicState::Present; 2]
                && lease_status.stuck == [false, false],
            witness,
            reach: lease_status.reach.each_ref().map(reach),
        };
        Fitness { synced: self.is_synced(fitness), ..fitness }
    }

    /// Beside a silent peer there is nobody to get anything from; a machine that has not
    /// listened yet does not know that. One that is not understood is not silent.
    fn is_synced(&self, own: Fitness) -> bool {
        let is_alone = self.peer.is_none() && !self.incompatible;
        match self.copied {
            Copied::All => true,
            Copied::Part { .. } if self.is_needed(own) => true,
            _ => is_alone && self.role == Role::Standby,
        }
    }

    /// True if a part of the connections is better than what the peer can do.
    fn is_needed(&self, own: Fitness) -> bool {
        let serves = |peer: Fitness| match self.peer {
            Some(Role::Active) => peer.able && peer.links && !own.serves_instead_of(peer),
            _ => peer.able && peer.links && peer.synced,
        };
        self.peer.is_some() && !self.peer_fitness.is_some_and(serves)
    }

    /// A machine that holds the role goes on: it is the other one that was changed.
    fn is_held_back(&self) -> bool {
        self.unproven_peer && self.role != Role::Active
    }

    /// Describes in words what keeps a machine of this fitness from being ready.
    #[must_use]
    pub fn obstacles(&self, fitness: Fitness) -> Vec<String> {
        let mut found = Vec::new();
        match self.role {
            Role::Listening => found.push("listening before it may take over".to_owned()),
            Role::Leaving => found.push("being stopped".to_owned()),
            Role::Standby | Role::Active => {}
        }
        match (self.trouble, self.lease_status) {
            (Some(trouble), _) => found.push(trouble.to_owned()),
            (None, Some(lease_status)) => {
                self.dataplane_obstacles(fitness, lease_status, &mut found)
            }
            (None, None) => found.push("the dataplane has not answered yet".to_owned()),
        }
        found
    }

    fn dataplane_obstacles(
        &self,
        fitness: Fitness,
        lease_status: &LeaseStatus,
        found: &mut Vec<String>,
    ) {
        if self.incompatible && self.role != Role::Active {
            found.push("the peer's heartbeats are not understood".to_owned());
        } else if self.is_held_back() {
            let words = "datagrams that are not understood come from the peer's address, or \
                         the peer does not hear this machine";
            found.push(words.to_owned());
        }
        if !lease_status.workers_run {
            found.push("a worker is stalled".to_owned());
        }
        let links = lease_status.links.into_iter().zip(lease_status.nics);
        for (side, (is_up, nic)) in SIDES.into_iter().zip(links) {
            match nic {
                NicState::Removed => found.push(format!("the {side} NIC was removed")),
                NicState::Reset => found.push(format!("the {side} NIC was reset")),
                NicState::Present if !is_up => found.push(format!("the {side} link is down")),
                NicState::Present => {}
            }
        }
        for (side, is_stuck) in SIDES.into_iter().zip(lease_status.stuck) {
            if is_stuck {
                found.push(format!("the {side} NIC sends nothing"));
            }
        }
        found.extend(self.reach_obstacles(fitness, lease_status));
        if !fitness.synced {
            found.push(self.sync_obstacle(lease_status));
        }
    }

    /// What the peer reaches and this machine does not, if the peer reaches more.
    fn reach_obstacles(&self, fitness: Fitness, lease_status: &LeaseStatus) -> Vec<String> {
        let Some(peer) = self.peer_fitness else { return Vec::new() };
        if fitness.compare_reach(peer) != Ordering::Less {
            return Vec::new();
        }
        let sides = SIDES.into_iter().zip(&lease_status.reach).zip(peer.reach);
        let less = sides
            .filter(|((_, own), theirs)| own.set == theirs.set && own.answering < theirs.answering);
        less.map(|((side, own), theirs)| {
            let api::Reach { answering, asked, .. } = own;
            let more = theirs.answering;
            format!(
                "{answering} of {asked} next hops on the {side} side answer, {more} answer the other \
                 machine; silent: {}",
                names(own)
            )
        })
        .collect()
    }

    fn sync_obstacle(&self, lease_status: &LeaseStatus) -> String {
        if let Copied::Part { held, all } = self.copied {
            return format!(
                "holds {} of {} connections, for want of room: raise node.connections to what the \
                 active machine has",
                count(held),
                count(all)
            );
        }
        match (self.link, lease_status.sync.state) {
            (SyncLink::Receiving, SyncState::Following) => {
                "connections differ from the peer's and are copied again".to_owned()
            }
            (SyncLink::Receiving, _) => "connections are being copied".to_owned(),
            _ => match self.link_trouble {
                Some(trouble) => format!("no connection sync: {trouble}"),
                None => "no connection sync yet".to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease_status() -> LeaseStatus {
        LeaseStatus { links: [true, true], workers_run: true, ..LeaseStatus::default() }
    }

    fn findings(lease_status: &LeaseStatus, copied: bool) -> Findings<'_> {
        Findings {
            lease_status: Some(lease_status),
            trouble: None,
            role: Role::Standby,
            peer: Some(Role::Active),
            peer_fitness: None,
            link: SyncLink::Receiving,
            link_trouble: None,
            copied: if copied { Copied::All } else { Copied::Unknown },
            witness: None,
            unproven_peer: false,
            incompatible: false,
        }
    }

    #[test]
    fn a_standby_machine_is_ready_with_all_connections() {
        let lease_status = lease_status();
        let ready = findings(&lease_status, true);
        assert_eq!(ready.fitness(), Fitness::READY);
        assert_eq!(ready.obstacles(ready.fitness()), Vec::<String>::new());
    }

    fn reaches(lease_status: &mut LeaseStatus, gateway: u16) {
        let silent = if gateway == 0 { vec![[198, 51, 100, 1].into()] } else { Vec::new() };
        lease_status.reach = [
            api::Reach { set: 7, asked: 1, answering: gateway, silent },
            api::Reach { set: 8, asked: 9, answering: 3, silent: vec![[10, 0, 0, 11].into()] },
        ];
    }

    #[test]
    fn what_the_peer_reaches_and_this_machine_does_not_is_said() {
        let mut lease_status = lease_status();
        reaches(&mut lease_status, 1);
        let all = findings(&lease_status, true).fitness();
        reaches(&mut lease_status, 0);
        let mut found = findings(&lease_status, true);
        assert_eq!(found.obstacles(found.fitness()), Vec::<String>::new(), "nobody reaches more");
        found.peer_fitness = Some(all);
        assert_eq!(
            found.obstacles(found.fitness()),
            ["0 of 1 next hops on the public side answer, 1 answer the other machine; silent: \
                 198.51.100.1"]
        );
        assert_eq!(
            silent(&lease_status),
            [
                "next hops on the public side that do not answer ARP: 198.51.100.1",
                "next hops on the private side that do not answer ARP: 10.0.0.11 and 5 more"
            ]
        );
    }

    #[test]
    fn a_nic_that_sends_nothing_is_as_good_as_without_a_link() {
        let lease_status = LeaseStatus { stuck: [true, false], ..lease_status() };
        let found = findings(&lease_status, true);
        assert!(found.fitness().able && !found.fitness().links);
        assert_eq!(found.obstacles(found.fitness()), ["the public NIC sends nothing"]);
    }

    #[test]
    fn without_a_stream_connections_are_missed_for_good() {
        let mut copied = Copied::default();
        let (own, active) = (Role::Standby, Some(Role::Active));
        let (whole, none) =
            (SyncStatus { complete: true, ..SyncStatus::default() }, SyncStatus::default());
        copied.follow(own, active, SyncLink::Receiving, &none);
        assert_eq!(copied, Copied::Unknown);
        copied.follow(own, active, SyncLink::Receiving, &whole);
        copied.follow(own, None, SyncLink::Down, &whole);
        copied.follow(own, Some(Role::Standby), SyncLink::Down, &whole);
        assert_eq!(copied, Copied::All, "nothing happened that it could miss");
        copied.follow(own, active, SyncLink::Down, &whole);
        copied.follow(own, Some(Role::Standby), SyncLink::Down, &whole);
        assert_eq!(copied, Copied::Unknown);
        copied.follow(own, active, SyncLink::Receiving, &whole);
        copied.follow(Role::Active, Some(Role::Standby), SyncLink::Sending, &whole);
        assert_eq!(copied, Copied::Unknown, "what it had as standby is history");
    }

    /// What holds a part waits beside a machine that serves everybody, and is better than none.
    #[test]
    fn a_part_of_the_connections_counts_when_nobody_has_all() {
        let lease_status = lease_status();
        let mut part = findings(&lease_status, false);
        let mut copied = Copied::default();
        let sync = SyncStatus {
            state: SyncState::Following,
            missing: 88_000,
            expected: 500_000,
            ..SyncStatus::default()
        };
        copied.follow(Role::Standby, Some(Role::Active), SyncLink::Receiving, &sync);
        part.copied = copied;
        part.peer_fitness = Some(Fitness { synced: false, ..Fitness::READY });
        assert!(!part.fitness().synced);
        assert_eq!(
            part.obstacles(part.fitness()),
            ["holds 412,000 of 500,000 connections, for want of room: raise node.connections to \
              what the active machine has"]
        );
        for peer in
            [Fitness { links: false, ..Fitness::READY }, Fitness { able: false, ..Fitness::READY }]
        {
            part.peer_fitness = Some(peer);
            assert!(part.fitness().synced, "{peer:?}");
        }
        part.peer = Some(Role::Standby);
        part.peer_fitness = Some(Fitness { synced: false, ..Fitness::READY });
        assert!(part.fitness().synced, "neither machine has more");
        part.peer_fitness = Some(Fitness::READY);
        assert!(!part.fitness().synced, "the peer has all of them");
    }

    #[test]
    fn alone_it_has_what_there_is_once_it_has_listened() {
        let lease_status = lease_status();
        let mut alone = findings(&lease_status, false);
        assert!(!alone.fitness().synced);
        alone.peer = None;
        assert!(alone.fitness().synced);
        alone.role = Role::Listening;
        assert!(!alone.fitness().synced);
    }

    #[test]
    fn beside_a_peer_that_is_not_understood_nothing_is_claimed() {
        let lease_status = lease_status();
        let mut beside = findings(&lease_status, false);
        (beside.peer, beside.unproven_peer) = (None, true);
        assert_eq!(beside.fitness().witness, Some(false));
        assert!(beside.fitness().able, "its connections are not lost by that");
        let obstacles = beside.obstacles(beside.fitness());
        assert!(
            obstacles[0].contains("are not understood come from the peer's address"),
            "{obstacles:?}"
        );
        beside.role = Role::Active;
        assert_eq!(beside.fitness().witness, None, "who is active goes on");
    }

    /// Whether it claims anything beside one that is proven is the state machine's to decide.
    #[test]
    fn beside_a_peer_that_lives_and_is_not_understood_nothing_is_copied() {
        let lease_status = lease_status();
        let mut beside = findings(&lease_status, false);
        (beside.peer, beside.incompatible) = (None, true);
        (beside.link, beside.link_trouble) = (SyncLink::Down, None);
        let fitness = beside.fitness();
        assert_eq!((fitness.witness, fitness.synced), (None, false));
        let obstacles = ["the peer's heartbeats are not understood", "no connection sync yet"];
        assert_eq!(beside.obstacles(fitness), obstacles);
    }

    #[test]
    fn a_nic_that_was_reset_or_removed_is_as_good_as_without_a_link() {
        for (state, words) in [
            (NicState::Reset, "the private NIC was reset"),
            (NicState::Removed, "the private NIC was removed"),
        ] {
            let nics = [NicState::Present, state];
            let lost = LeaseStatus { nics, ..lease_status() };
            let found = findings(&lost, true);
            assert!(!found.fitness().links);
            assert_eq!(found.obstacles(found.fitness()), [words]);
            // Nobody is told of its link besides.
            let lost = LeaseStatus { links: [true, false], ..lost };
            let found = findings(&lost, true);
            assert_eq!(found.obstacles(found.fitness()), [words]);
        }
    }

    #[test]
    fn what_stands_in_the_way_is_said() {
        let lease_status =
            LeaseStatus { links: [true, false], workers_run: false, ..lease_status() };
        let mut found = findings(&lease_status, false);
        assert_eq!(
            found.obstacles(found.fitness()),
            ["a worker is stalled", "the private link is down", "connections are being copied"]
        );
        (found.link, found.link_trouble) = (SyncLink::Down, Some("the path is cut"));
        let obstacles = found.obstacles(found.fitness());
        assert_eq!(obstacles.last().unwrap(), "no connection sync: the path is cut");
        found.trouble = Some("the dataplane does not answer");
        assert_eq!(found.fitness(), Fitness::UNKNOWN);
        assert_eq!(found.obstacles(found.fitness()), ["the dataplane does not answer"]);
    }
}
