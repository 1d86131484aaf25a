//! Two machines on one link, on simulated time.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use api::{HeldKey, KeyState};
use control::heartbeat::{
    Accepted, Admission, Association, HeartbeatPayload, Progress, Refusal, Timers,
};
use control::key::{DerivedKey, KeyFiles, KeyRing, SharedKey};
use control::pair_key::rotation::Pair;
use control::pair_key::{Side, Step};
use failover::{Action, Event, Fitness, Heartbeat, Identity, Instant, Machine, Role, Term};

/// Between two looks at everything.
const TICK: Duration = Duration::from_millis(5);

#[derive(Clone, Copy)]
pub(crate) enum Takeover {
    Handover,
    Death,
}

struct Node {
    name: &'static str,
    files: KeyFiles,
    machine: Machine,
    association: Association,
    admission: Admission,
    inbox: Vec<Vec<u8>>,
    sequence: u64,
    stored: Term,
    heard: Instant,
    is_dead: bool,
}

impl Node {
    fn new(name: &'static str, files: KeyFiles, stored: Term, now: Instant) -> Self {
        let association = Association::new(files.load().unwrap().ring).unwrap();
        let identity =
            Identity { priority: 100, name: name.into(), start: association.own_start() };
        let machine = Machine::new(identity, failover::Timers::default(), stored, now);
        let admission = Admission::default();
        Node {
            name,
            files,
            machine,
            association,
            admission,
            inbox: Vec::new(),
            sequence: 0,
            stored,
            heard: now,
            is_dead: false,
        }
    }

    fn ring(&self) -> KeyRing {
        self.files.load().unwrap().ring
    }

    /// One step, and what it has the machine do; datagrams that it sends.
    fn step(&mut self, event: Event, now: Instant) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in self.machine.step(event, now) {
                match action {
                    Action::Send(heartbeat) => sent.extend(self.seal(heartbeat)),
                    Action::StoreTerm(term) => {
                        self.stored = term;
                        events.push(Event::TermStored(term));
                    }
                    Action::Drain => events.push(Event::Drained),
                    Action::Probe => events.push(Event::Probed),
                    _ => {}
                }
            }
        }
        sent
    }

    fn seal(&mut self, heartbeat: Heartbeat) -> Option<Vec<u8>> {
        self.sequence += 1;
        self.association.seal(&HeartbeatPayload {
            sequence: self.sequence,
            heartbeat,
            progress: Progress::default(),
            timers: Timers::default(),
            obstacles: Vec::new(),
            damped: None,
            digests: config::Digests::default(),
        })
    }

    fn turn(&mut self, now: Instant, refused: &mut u64) -> Vec<Vec<u8>> {
        let (mut sent, mut heard) = (Vec::new(), Vec::new());
        for datagram in core::mem::take(&mut self.inbox) {
            let reception = self.association.receive(&mut self.admission, &datagram, now);
            sent.extend(reception.answer);
            match reception.result {
                Ok(Accepted::Heartbeat(payload)) => heard.push(payload.heartbeat),
                Err(Refusal::Authentication) => *refused += 1,
                _ => {}
            }
        }
        if !heard.is_empty() {
            self.heard = now;
            sent.extend(self.step(Event::Heard(heard), now));
        }
        sent.extend(self.step(Event::Fitness(Fitness::READY), now));
        if now >= self.machine.next_tick() {
            sent.extend(self.step(Event::Tick, now));
        }
        sent
    }

    fn state(&self, now: Instant) -> KeyState {
        let ring = self.ring();
        let held = |key: &SharedKey| HeldKey {
            name: key.fingerprint().to_string(),
            generation: key.generation(),
            line: key.line(),
        };
        let is_heard = now.since(self.heard) < failover::Timers::default().dead;
        let peers = self.association.peers_key().filter(|_| is_heard);
        KeyState {
            used: held(ring.used()),
            accepted: ring.accepted().map(held),
            peers: peers.map(|name| name.to_string()),
        }
    }
}

pub(crate) struct World {
    folder: PathBuf,
    nodes: [Node; 2],
    now: Instant,
    /// After so many steps of the change a machine takes over.
    due: Option<(u32, Takeover)>,
    active: Option<usize>,
    /// How often the active machine became another one.
    pub(crate) changes: u32,
    /// How often that was wanted.
    pub(crate) takeovers: u32,
    /// Datagrams that no key opened.
    pub(crate) refused: u64,
    /// The second machine accepts no second key.
    pub(crate) peer_takes_one_key: bool,
}

impl World {
    pub(crate) fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("tandem-change-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let now = Instant(1_000_000);
        let nodes = ["a", "b"].map(|name| {
            fs::create_dir_all(folder.join(name)).unwrap();
            let files = KeyFiles::of(&folder.join(name).join("peer.key"));
            files.create(&SharedKey::from_bytes(vec![7; 32]).unwrap()).unwrap();
            Node::new(name, files, Term(0), now)
        });
        World {
            folder,
            nodes,
            now,
            due: None,
            active: None,
            changes: 0,
            takeovers: 0,
            refused: 0,
            peer_takes_one_key: false,
        }
    }

    pub(crate) fn take_over_after(&mut self, steps: u32, takeover: Takeover) {
        self.due = Some((steps, takeover));
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.plus(time);
        while self.now < end {
            self.now = self.now.plus(TICK);
            for index in 0..2 {
                if !self.nodes[index].is_dead {
                    let sent = self.nodes[index].turn(self.now, &mut self.refused);
                    self.nodes[1 - index].inbox.extend(sent);
                }
            }
            self.note_active();
        }
    }

    fn note_active(&mut self) {
        let is_active = |node: &Node| !node.is_dead && node.machine.role() == Role::Active;
        let Some(active) = self.nodes.iter().position(is_active) else { return };
        // In a handover both are for a moment; the new one counts when the old one has stopped.
        if self.nodes.iter().filter(|node| is_active(node)).count() == 2 {
            if !self.nodes.iter().any(|node| node.machine.is_handing_over()) {
                self.changes += 1;
            }
            return;
        }
        if self.active.is_some_and(|before| before != active) {
            self.changes += 1;
        }
        self.active = Some(active);
    }

    fn take_over(&mut self, takeover: Takeover) {
        let active = self.active.unwrap();
        match takeover {
            Takeover::Handover => {
                let sent = self.nodes[active].step(Event::Handover, self.now);
                self.nodes[1 - active].inbox.extend(sent);
            }
            Takeover::Death => self.nodes[active].is_dead = true,
        }
        self.pass(Duration::from_millis(600));
        if self.nodes[active].is_dead {
            let Node { name, files, stored, .. } = &self.nodes[active];
            // It starts with what is on its disk.
            self.nodes[active] = Node::new(name, files.clone(), *stored, self.now);
            self.pass(Duration::from_millis(600));
        }
        assert_eq!(self.active, Some(1 - active), "the other one has taken over");
        self.takeovers += 1;
    }

    /// The names of the used and of the accepted key of each.
    pub(crate) fn keys(&self) -> [(String, Option<String>); 2] {
        self.nodes.each_ref().map(|node| {
            let state = node.state(self.now);
            (state.used.name, state.accepted.map(|key| key.name))
        })
    }

    /// What clients are hashed under.
    pub(crate) fn lasting(&self) -> [DerivedKey; 3] {
        let of = |node: &Node| node.ring().used().derive_lasting(b"hash of clients");
        let first = SharedKey::from_bytes(vec![7; 32]).unwrap();
        [first.derive_lasting(b"hash of clients"), of(&self.nodes[0]), of(&self.nodes[1])]
    }

    /// The own start of each, and how many of the other it has known.
    pub(crate) fn starts(&self) -> [(u128, u64); 2] {
        self.nodes.each_ref().map(|node| (node.association.own_start(), node.association.starts()))
    }

    /// What no command does while the peer does not accept it.
    pub(crate) fn use_new_key_on_own(&mut self) {
        let node = &mut self.nodes[0];
        node.files.take_into_use(node.ring().accepted_name().unwrap()).unwrap();
        node.files.forget(node.ring().accepted_name().unwrap()).unwrap();
        node.association.change_keys(node.ring());
    }
}

impl Pair for World {
    fn look(&mut self) -> Result<[KeyState; 2], String> {
        self.pass(Duration::from_millis(40));
        Ok(self.nodes.each_ref().map(|node| node.state(self.now)))
    }

    fn carry_out(&mut self, step: &Step) -> Result<(), String> {
        if let Some((0, takeover)) = self.due {
            self.due = None;
            self.take_over(takeover);
        }
        self.due = self.due.map(|(left, takeover)| (left.saturating_sub(1), takeover));
        let [own, peer] = &mut self.nodes;
        let text = |error: control::key::FileError| error.to_string();
        match step {
            Step::Make => {
                own.files.accept(&own.ring().used().successor().unwrap()).map_err(text)?;
            }
            Step::Bring(_) if self.peer_takes_one_key => {}
            Step::Bring(name) => {
                let ring = own.ring();
                let found = ring.iter().find(|(one, _)| one.to_string() == *name);
                peer.files.accept(found.unwrap().1).map_err(text)?;
            }
            Step::Use(side, name) => {
                let node = if *side == Side::Own { &*own } else { &*peer };
                node.files.take_into_use(name.parse().unwrap()).map_err(text)?;
            }
            Step::Forget(side, key) => {
                let node = if *side == Side::Own { &*own } else { &*peer };
                node.files.forget(key.name.parse().unwrap()).map_err(text)?;
            }
            Step::Done | Step::Strange(_) => {}
        }
        for node in &mut self.nodes {
            let ring = node.ring();
            node.association.change_keys(ring);
        }
        self.pass(Duration::from_millis(100));
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
