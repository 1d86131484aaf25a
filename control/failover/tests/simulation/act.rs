//! What the machines do to the world, and what the world does to them.

use failover::{Action, Event, Term};

use crate::faults::Fault;
use crate::network::PATHS;
use crate::next_hops::{Lost, QUESTION};
use crate::rules::Before;
use crate::setting::Flaw;
use crate::world::{HEALED, Happening, World};

impl World {
    pub(crate) fn step(&mut self, node: usize, event: Event) -> Result<(), String> {
        if self.tells {
            println!("{:>8} {node} {event:?}", self.now);
        }
        // Before the step: claiming makes a machine complete.
        let before = Before {
            node,
            obeyed: self.nodes[node].is_connected(self.now),
            complete: self.nodes[node].dataplane.complete.is_some(),
            other_active: self.nodes[1 - node].is_active(self.now),
            now: self.now,
        };
        let actions = self.nodes[node].step(event, self.now);
        self.rules.acted(before, &actions, &self.nodes, &self.network, &self.dead)?;
        for action in actions {
            if self.tells {
                println!("{:>8} {node}   {action:?}", self.now);
            }
            self.act(node, action);
        }
        Ok(())
    }

    fn act(&mut self, node: usize, action: Action) {
        let life = self.nodes[node].life;
        match action {
            Action::Send(heartbeat) => {
                let numbered = self.nodes[node].number(heartbeat);
                for path in 0..PATHS {
                    let arrivals = self.network.carry(node, path, self.now, &mut self.random);
                    for arrival in arrivals.into_iter().flatten() {
                        self.at(arrival, Happening::Deliver(1 - node, numbered.clone()));
                    }
                }
            }
            Action::StoreTerm(term) => self.store(node, life, term),
            Action::Drain => {
                let time = self.random.within(500, 120_000);
                self.after(time, Happening::Drained(node, life));
            }
            Action::Probe => self.ask(node, life),
            Action::Report(notice) => self.outcome.count(notice),
            Action::Claim(_) => self.outcome.claims += 1,
            Action::Announce => self.outcome.announced += 1,
            Action::Renew(_) | Action::Release | Action::Retire => {}
        }
    }

    fn ask(&mut self, node: usize, life: u64) {
        let most = if self.setting.flaw == Flaw::AsksNobody { 6_000 } else { QUESTION };
        let time = self.random.within(5_000, most);
        let asker = &mut self.nodes[node];
        asker.next_hops.orders += 1;
        let (dataplane, order) = (asker.dataplane.life, asker.next_hops.orders);
        // An order to a dataplane that is not there is lost.
        if asker.is_connected(self.now) {
            self.after(time, Happening::Asked { node, life, dataplane, order });
        }
    }

    fn store(&mut self, node: usize, life: u64, term: Term) {
        let slow = if self.now < self.nodes[node].disk_slow { 400_000 } else { 8_000 };
        let time = self.random.within(100, slow);
        if self.now < self.nodes[node].disk_full {
            self.after(time, Happening::NotStored(node, life, term));
            return;
        }
        let boot = self.nodes[node].boots;
        self.after(time, Happening::Stored { node, life, boot, term });
        if self.setting.flaw == Flaw::LiesAboutDisk {
            self.after(50, Happening::Said(node, life, term));
        }
    }

    pub(crate) fn begin(&mut self, node: usize, fault: Fault) -> Result<(), String> {
        if self.tells {
            println!("{:>8} {node} {fault:?}", self.now);
        }
        let now = self.now;
        let over = |time: u64| (now + time).min(HEALED.max(now));
        let this = &mut self.nodes[node];
        let extend = |until: &mut u64, time: u64| *until = (*until).max(over(time));
        match fault {
            Fault::PauseControl(time) => extend(&mut this.control_paused, time),
            Fault::PauseMachine(time) => extend(&mut this.machine_paused, time),
            Fault::DiskFull(time) => extend(&mut this.disk_full, time),
            Fault::DiskSlow(time) => extend(&mut this.disk_slow, time),
            Fault::WitnessLost(time) => extend(&mut this.witness_lost, time),
            Fault::CrashControl(time) => self.crash_control(node, time),
            Fault::CrashDataplane(time) => self.crash_dataplane(node, over(time)),
            Fault::CrashMachine(time) => self.crash_machine(node, time),
            Fault::Cut(path, time) => self.network.damage(node, path, 1000, over(time), now),
            Fault::CutAll(time) => self.damage_all(&[node], over(time)),
            Fault::Partition(time) => self.damage_all(&[0, 1], over(time)),
            Fault::Loss(path, loss, time) => {
                self.network.damage(0, path, loss, over(time), now);
                self.network.damage(1, path, loss, over(time), now);
            }
            Fault::Delay(slow, time) => self.network.delay(slow, over(time)),
            Fault::LinkDown(side, time) => {
                extend(&mut this.links_down[side], time);
                this.dataplane.lose_link(side);
                self.network.damage(0, side, 1000, over(time), now);
                self.network.damage(1, side, 1000, over(time), now);
            }
            Fault::Unreachable(side, next_hops, time) => {
                self.lose(&[node], side, next_hops, over(time))
            }
            Fault::WrongNetwork(side, time) => {
                self.network.damage(0, side, 1000, over(time), now);
                self.network.damage(1, side, 1000, over(time), now);
                self.lose(&[node], side, Lost::all(side), over(time));
            }
            Fault::Mute(side, time) => {
                self.network.damage(node, side, 1000, over(time), now);
                self.lose(&[node], side, Lost::all(side), over(time));
            }
            Fault::Deaf(side, time) => {
                self.network.damage(1 - node, side, 1000, over(time), now);
                self.lose(&[node], side, Lost::all(side), over(time));
            }
            Fault::HopsDie(side, next_hops, time) => {
                self.dead[side].add(next_hops, over(time), now);
                self.lose(&[0, 1], side, 0, over(time));
            }
            Fault::Reloaded(time) => extend(&mut this.next_hops.reloaded, time),
            Fault::Leave(time) => {
                this.leaves_for = time;
                return self.tell(node, Event::Leave);
            }
            Fault::Handover => return self.tell(node, Event::Handover),
            Fault::Conflict => return self.tell(node, Event::Conflict),
        }
        Ok(())
    }

    /// What an operator says to a process that stands still is not heard.
    fn tell(&mut self, node: usize, event: Event) -> Result<(), String> {
        if self.now < self.nodes[node].paused_until() {
            return Ok(());
        }
        self.step(node, event)
    }

    fn damage_all(&mut self, nodes: &[usize], until: u64) {
        for &node in nodes {
            for path in 0..PATHS {
                self.network.damage(node, path, 1000, until, self.now);
            }
        }
    }

    /// Next hops stop answering these machines, and answer again at the end.
    fn lose(&mut self, nodes: &[usize], side: usize, next_hops: u8, until: u64) {
        for &node in nodes {
            self.nodes[node].next_hops.lost[side].add(next_hops, until, self.now);
            self.look_from(self.now, node);
            self.look_from(until, node);
        }
    }

    fn crash_dataplane(&mut self, node: usize, until: u64) {
        let crashed = &mut self.nodes[node];
        crashed.dataplane.crash(until);
        crashed.next_hops.forget();
        self.look_from(until, node);
    }

    fn crash_control(&mut self, node: usize, time: u64) {
        self.nodes[node].stop();
        let back = (self.now + time).min(HEALED.max(self.now));
        self.at(back, Happening::StartControl(node, self.nodes[node].life));
    }

    pub(crate) fn crash_machine(&mut self, node: usize, time: u64) {
        let back = (self.now + time).min(HEALED.max(self.now));
        self.nodes[node].boots += 1;
        if self.setting.flaw == Flaw::ForgetsDisk {
            self.nodes[node].disk = Term(0);
        }
        self.crash_dataplane(node, back);
        self.crash_control(node, time);
    }
}
