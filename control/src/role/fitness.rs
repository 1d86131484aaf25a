//! What this machine is fit for, and what keeps it from being ready.

use api::{Holding, SyncLink, SyncState};
use failover::{Fitness, Role};

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
    /// What the witness says.
    pub witness: Option<bool>,
}

impl Findings<'_> {
    /// For the state machine.
    #[must_use]
    pub fn fitness(&self) -> Fitness {
        let Some(holding) = self.holding.filter(|_| self.trouble.is_none()) else {
            return Fitness { witness: self.witness, ..Fitness::UNKNOWN };
        };
        Fitness {
            able: holding.workers_run,
            synced: self.is_synced(holding),
            links: holding.links == [true, true],
            witness: self.witness,
        }
    }

    /// It has what the active machine has. Beside a silent peer there is nobody to get
    /// anything from; a machine that has not listened yet does not know that.
    fn is_synced(&self, holding: &Holding) -> bool {
        match self.peer {
            None => holding.sync.complete || self.role == Role::Standby,
            Some(Role::Active) => holding.sync.complete && self.link == SyncLink::Receiving,
            Some(_) => holding.sync.complete,
        }
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
    use api::SyncHolding;

    use super::*;

    fn holding(complete: bool) -> Holding {
        Holding {
            links: [true, true],
            workers_run: true,
            sync: SyncHolding { complete, ..SyncHolding::default() },
            ..Holding::default()
        }
    }

    fn findings(holding: &Holding) -> Findings<'_> {
        Findings {
            holding: Some(holding),
            trouble: None,
            role: Role::Standby,
            peer: Some(Role::Active),
            link: SyncLink::Receiving,
            link_trouble: None,
            witness: None,
        }
    }

    #[test]
    fn a_standby_machine_is_ready_with_all_connections() {
        let holding = holding(true);
        let ready = findings(&holding);
        assert_eq!(ready.fitness(), Fitness::READY);
        assert_eq!(ready.obstacles(ready.fitness()), Vec::<String>::new());
    }

    #[test]
    fn without_a_stream_it_falls_behind_an_active_peer() {
        let holding = holding(true);
        let mut cut = findings(&holding);
        cut.link = SyncLink::Down;
        cut.link_trouble = Some("the path is cut");
        assert!(!cut.fitness().synced);
        assert_eq!(cut.obstacles(cut.fitness()), ["no connection sync: the path is cut"]);
        cut.peer = Some(Role::Standby);
        assert!(cut.fitness().synced, "nothing happens that it could miss");
    }

    #[test]
    fn alone_it_has_what_there_is_once_it_has_listened() {
        let holding = holding(false);
        let mut alone = findings(&holding);
        alone.peer = None;
        assert!(alone.fitness().synced);
        alone.role = Role::Listening;
        assert!(!alone.fitness().synced);
    }

    #[test]
    fn what_stands_in_the_way_is_said() {
        let holding = Holding { links: [true, false], workers_run: false, ..holding(false) };
        let mut found = findings(&holding);
        assert_eq!(
            found.obstacles(found.fitness()),
            ["a worker stands still", "the private link is down", "connections are being copied"]
        );
        found.trouble = Some("the dataplane does not answer");
        assert_eq!(found.fitness(), Fitness::UNKNOWN);
        assert_eq!(found.obstacles(found.fitness()), ["the dataplane does not answer"]);
    }
}
