//! What this machine is fit for, and what keeps it from being ready.

use api::{Holding, SyncLink, SyncState};
use failover::{Fitness, Role};

/// Whether this machine has every connection that the peer had when that was last active.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Copied(bool);

impl Copied {
    /// Follows what is seen. While the peer is active something is missed whenever no
    /// stream is up; once it is not, nothing happens that could be.
    pub fn follow(&mut self, own: Role, peer: Option<Role>, link: SyncLink, complete: bool) {
        match (own, peer) {
            (Role::Active, _) => self.0 = false,
            (_, Some(Role::Active)) => self.0 = link == SyncLink::Receiving && complete,
            _ => {}
        }
    }
}

/// What is judged.
pub struct Findings<'f> {
    /// The dataplane's last answer, while it answers.
    pub holding: Option<&'f Holding>,
    /// Why it is of no use.
    pub trouble: Option<&'f str>,
    /// This machine's role.
    pub role: Role,
    /// The peer's, while it is heard.
    pub peer: Option<Role>,
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
    pub stranger: bool,
    /// The peer proves that it lives, and is not understood.
    pub incompatible: bool,
}

impl Findings<'_> {
    /// For the state machine.
    #[must_use]
    pub fn fitness(&self) -> Fitness {
        let Some(holding) = self.holding.filter(|_| self.trouble.is_none()) else {
            return Fitness { witness: self.witness, ..Fitness::UNKNOWN };
        };
        // Like a machine that is cut off, one that is held back has all that it has, and
        // claims nothing.
        let witness = if self.is_held_back() { Some(false) } else { self.witness };
        Fitness {
            able: holding.workers_run,
            synced: self.is_synced(),
            links: holding.links == [true, true],
            witness,
        }
    }

    /// Beside a silent peer there is nobody to get anything from; a machine that has not
    /// listened yet does not know that. One that is not understood is not silent.
    fn is_synced(&self) -> bool {
        let is_alone = self.peer.is_none() && !self.incompatible;
        self.copied.0 || (is_alone && self.role == Role::Standby)
    }

    /// A machine that holds the role goes on: it is the other one that was changed.
    fn is_held_back(&self) -> bool {
        self.stranger && self.role != Role::Active
    }

    /// In words, what keeps a machine of this fitness from being ready.
    #[must_use]
    pub fn obstacles(&self, fitness: Fitness) -> Vec<String> {
        let mut found = Vec::new();
        match self.role {
            Role::Listening => found.push("it listens before it may take over".to_owned()),
            Role::Leaving => found.push("it is being stopped".to_owned()),
            Role::Standby | Role::Active => {}
        }
        match (self.trouble, self.holding) {
            (Some(trouble), _) => found.push(trouble.to_owned()),
            (None, Some(holding)) => self.holding_obstacles(fitness, holding, &mut found),
            (None, None) => found.push("the dataplane has not answered yet".to_owned()),
        }
        found
    }

    fn holding_obstacles(&self, fitness: Fitness, holding: &Holding, found: &mut Vec<String>) {
        if self.incompatible && self.role != Role::Active {
            found.push("the peer speaks, and is not understood".to_owned());
        } else if self.is_held_back() {
            let words = "somebody speaks from the peer's address who is not understood, or does \
                         not hear this machine";
            found.push(words.to_owned());
        }
        if !holding.workers_run {
            found.push("a worker stands still".to_owned());
        }
        for (side, is_up) in ["public", "private"].into_iter().zip(holding.links) {
            if !is_up {
                found.push(format!("the {side} link is down"));
            }
        }
        if !fitness.synced {
            found.push(self.sync_obstacle(holding));
        }
    }

    fn sync_obstacle(&self, holding: &Holding) -> String {
        match (self.link, holding.sync.state) {
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

    fn holding() -> Holding {
        Holding { links: [true, true], workers_run: true, ..Holding::default() }
    }

    fn findings(holding: &Holding, copied: bool) -> Findings<'_> {
        Findings {
            holding: Some(holding),
            trouble: None,
            role: Role::Standby,
            peer: Some(Role::Active),
            link: SyncLink::Receiving,
            link_trouble: None,
            copied: Copied(copied),
            witness: None,
            stranger: false,
            incompatible: false,
        }
    }

    #[test]
    fn a_standby_machine_is_ready_with_all_connections() {
        let holding = holding();
        let ready = findings(&holding, true);
        assert_eq!(ready.fitness(), Fitness::READY);
        assert_eq!(ready.obstacles(ready.fitness()), Vec::<String>::new());
    }

    #[test]
    fn without_a_stream_connections_are_missed_for_good() {
        let mut copied = Copied::default();
        let (own, active) = (Role::Standby, Some(Role::Active));
        copied.follow(own, active, SyncLink::Receiving, false);
        assert_eq!(copied, Copied(false));
        copied.follow(own, active, SyncLink::Receiving, true);
        copied.follow(own, None, SyncLink::Down, true);
        copied.follow(own, Some(Role::Standby), SyncLink::Down, true);
        assert_eq!(copied, Copied(true), "nothing happened that it could miss");
        copied.follow(own, active, SyncLink::Down, true);
        copied.follow(own, Some(Role::Standby), SyncLink::Down, true);
        assert_eq!(copied, Copied(false));
        copied.follow(own, active, SyncLink::Receiving, true);
        copied.follow(Role::Active, Some(Role::Standby), SyncLink::Sending, true);
        assert_eq!(copied, Copied(false), "what it had as standby is history");
    }

    #[test]
    fn alone_it_has_what_there_is_once_it_has_listened() {
        let holding = holding();
        let mut alone = findings(&holding, false);
        assert!(!alone.fitness().synced);
        alone.peer = None;
        assert!(alone.fitness().synced);
        alone.role = Role::Listening;
        assert!(!alone.fitness().synced);
    }

    #[test]
    fn beside_a_peer_that_is_not_understood_nothing_is_claimed() {
        let holding = holding();
        let mut beside = findings(&holding, false);
        (beside.peer, beside.stranger) = (None, true);
        assert_eq!(beside.fitness().witness, Some(false));
        assert!(beside.fitness().able, "its connections are not lost by that");
        let obstacles = beside.obstacles(beside.fitness());
        assert!(obstacles[0].contains("who is not understood, or does not hear"), "{obstacles:?}");
        beside.role = Role::Active;
        assert_eq!(beside.fitness().witness, None, "who is active goes on");
    }

    /// Whether it claims anything beside one that is proven is the state machine's to decide.
    #[test]
    fn beside_a_peer_that_lives_and_is_not_understood_nothing_is_copied() {
        let holding = holding();
        let mut beside = findings(&holding, false);
        (beside.peer, beside.incompatible) = (None, true);
        (beside.link, beside.link_trouble) = (SyncLink::Down, None);
        let fitness = beside.fitness();
        assert_eq!((fitness.witness, fitness.synced), (None, false));
        let obstacles = ["the peer speaks, and is not understood", "no connection sync yet"];
        assert_eq!(beside.obstacles(fitness), obstacles);
    }

    #[test]
    fn what_stands_in_the_way_is_said() {
        let holding = Holding { links: [true, false], workers_run: false, ..holding() };
        let mut found = findings(&holding, false);
        assert_eq!(
            found.obstacles(found.fitness()),
            ["a worker stands still", "the private link is down", "connections are being copied"]
        );
        (found.link, found.link_trouble) = (SyncLink::Down, Some("the path is cut"));
        let obstacles = found.obstacles(found.fitness());
        assert_eq!(obstacles.last().unwrap(), "no connection sync: the path is cut");
        found.trouble = Some("the dataplane does not answer");
        assert_eq!(found.fitness(), Fitness::UNKNOWN);
        assert_eq!(found.obstacles(found.fitness()), ["the dataplane does not answer"]);
    }
}
