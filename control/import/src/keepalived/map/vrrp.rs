//! `vrrp_instance` and `vrrp_sync_group`: the floating addresses of both sides, and the peer.

use core::time::Duration;
use std::net::Ipv4Addr;

use super::Mapper;
use crate::keepalived::keywords::{AUTHENTICATION, INSTANCE, SYNC_GROUP};
use crate::keepalived::read::Statement;
use crate::model::Address;
use crate::report::{At, Outcome, Place};

/// An instance, as far as it concerns the others.
pub(super) struct Instance {
    name: String,
    at: Place,
    interface: Option<String>,
    has_addresses: bool,
    priority: Option<At<u8>>,
    preempts: bool,
    preempt_delay: Option<At<Duration>>,
}

impl Mapper<'_> {
    pub(super) fn sync_group(&mut self, statement: &Statement) {
        self.taken(statement);
        for inside in self.counting(statement.inside(), &[]) {
            if inside.keyword() != "group" {
                self.fixed(inside, &[SYNC_GROUP]);
                continue;
            }
            self.taken(inside);
            let mut names: Vec<String> = inside.words.iter().skip(1).cloned().collect();
            for line in inside.inside() {
                self.taken(line);
                names.extend(line.words.iter().cloned());
            }
            self.sync_groups.push(At { value: names, at: inside.at });
        }
    }

    pub(super) fn instance(&mut self, statement: &Statement) {
        let Some(name) = self.word(statement).map(str::to_owned) else { return };
        self.taken(statement);
        let mut instance = Instance {
            name,
            at: statement.at,
            interface: None,
            has_addresses: false,
            priority: None,
            preempts: true,
            preempt_delay: None,
        };
        let lists = [
            "virtual_ipaddress",
            "virtual_ipaddress_excluded",
            "virtual_routes",
            "unicast_peer",
            "track_script",
            "track_interface",
            "track_file",
            "track_process",
        ];
        let counting = self.counting(statement.inside(), &lists);
        // Addresses may stand before the interface that they are on.
        let interface = counting.iter().find(|inside| inside.keyword() == "interface");
        instance.interface = interface.and_then(|inside| inside.argument(0)).map(str::to_owned);
        let source = counting
            .iter()
            .find(|inside| matches!(inside.keyword(), "unicast_src_ip" | "mcast_src_ip"))
            .and_then(|inside| inside.argument(0)?.parse::<Ipv4Addr>().ok());
        let router = counting.iter().find(|inside| inside.keyword() == "virtual_router_id");
        let router = router.and_then(|inside| inside.argument(0)?.parse::<u8>().ok());
        for inside in counting {
            self.of_instance(inside, &mut instance, source, router);
        }
        if self.model.machine.pair.is_none() {
            self.model.machine.pair = Some(statement.at);
        }
        self.instances.push(instance);
    }

    fn of_instance(
        &mut self,
        inside: &Statement,
        instance: &mut Instance,
        source: Option<Ipv4Addr>,
        router: Option<u8>,
    ) {
        let interface = instance.interface.clone();
        match inside.keyword() {
            "interface" => {
                if let Some(name) = self.word(inside) {
                    let value = name.to_owned();
                    self.taken(inside);
                    self.model.machine.devices.push(At { value, at: inside.at });
                }
            }
            "virtual_ipaddress" | "virtual_ipaddress_excluded" => {
                self.taken(inside);
                for line in inside.inside() {
                    if let Some(address) = self.address(line, interface.as_deref()) {
                        instance.has_addresses = true;
                        self.taken(line);
                        self.model.machine.floating.push(address);
                    }
                }
            }
            "virtual_routes" => self.routes(inside, interface.as_deref()),
            "priority" => {
                if let Some(priority) = self.number(inside, 1..=255) {
                    let value = u8::try_from(priority).unwrap_or(u8::MAX);
                    instance.priority = Some(At { value, at: inside.at });
                    self.taken(inside);
                }
            }
            "nopreempt" => {
                if let Some(is_on) = self.switch(inside) {
                    instance.preempts = !is_on;
                    self.taken(inside);
                }
            }
            "preempt_delay" => {
                let time = if inside.words.len() < 2 { None } else { self.timer(inside) };
                match time {
                    Some(time) => {
                        instance.preempt_delay = Some(At { value: time, at: inside.at });
                        self.taken(inside);
                    }
                    None => self.wrong(inside, "its time is missing; write it in seconds"),
                }
            }
            "unicast_src_ip" | "mcast_src_ip" => self.source(inside, interface),
            "unicast_peer" => self.peers(inside, source),
            "use_vmac" | "use_vmac_addr" => self.virtual_mac(inside, interface, router),
            "authentication" | "auth_hmac" => {
                self.say(inside, Outcome::Otherwise, AUTH);
                for line in inside.inside() {
                    self.fixed(line, &[AUTHENTICATION]);
                }
            }
            "lvs_sync_daemon_interface" => self.taken(inside),
            _ => self.fixed(inside, &[INSTANCE]),
        }
    }

    fn source(&mut self, statement: &Statement, device: Option<String>) {
        let address = statement.argument(0).map(str::parse::<Ipv4Addr>);
        let Some(Ok(address)) = address else {
            let words = "this is no IPv4 address; the machine's own has to be filled in";
            return self.say(statement, Outcome::NotTaken, words);
        };
        self.taken(statement);
        let at = statement.at;
        self.model.machine.real.push(Address { at, address, prefix: None, device });
    }

    fn peers(&mut self, statement: &Statement, source: Option<Ipv4Addr>) {
        self.taken(statement);
        for line in statement.inside() {
            match line.keyword().parse::<Ipv4Addr>() {
                Ok(peer) => {
                    self.taken(line);
                    self.model.machine.paths.push(At { value: (source, peer), at: line.at });
                }
                Err(_) => self.say(
                    line,
                    Outcome::NotTaken,
                    "this is no IPv4 address; write a path to the peer into peer.paths",
                ),
            }
        }
        if statement.inside().len() > 1 {
            let words = "a pair has two machines: take the addresses of the third and further ones out \
                         of peer.paths";
            self.say(statement, Outcome::NotTaken, words);
        }
    }

    fn virtual_mac(&mut self, statement: &Statement, device: Option<String>, router: Option<u8>) {
        let (Some(device), Some(router)) = (device, router) else {
            let words = "the instance has no interface or virtual_router_id; write virtual_mac";
            return self.say(statement, Outcome::NotTaken, words);
        };
        self.taken(statement);
        let mac = format!("00:00:5e:00:01:{router:02x}");
        let at = statement.at;
        self.model.machine.macs.push(At { value: (device, mac), at });
    }

    /// What only all instances together tell.
    pub(super) fn finish_vrrp(&mut self) {
        self.judge_groups();
        let with_priority = self.instances.iter().filter_map(|one| one.priority.clone());
        let highest = with_priority.clone().max_by_key(|priority| priority.value);
        let lowest = with_priority.min_by_key(|priority| priority.value);
        if let (Some(high), Some(low)) = (&highest, &lowest) {
            if high.value != low.value {
                let words = format!(
                    "the instances have priorities from {} to {}; the machine has one, the highest",
                    low.value, high.value
                );
                self.report.add(
                    low.at,
                    format!("priority {}", low.value),
                    Outcome::Otherwise,
                    words,
                );
            }
        }
        if highest.is_some() {
            self.model.machine.priority = highest;
        }
        if self.instances.is_empty() {
            return;
        }
        let preempts = self.instances.iter().all(|one| one.preempts);
        let delay = self.instances.iter().find_map(|one| one.preempt_delay.clone());
        match delay.filter(|delay| preempts && delay.value >= Duration::from_secs(1)) {
            Some(delay) => self.model.machine.preempt = Some(delay),
            None if preempts => {
                let first = self.instances.first().map(|one| (one.at, one.name.clone()));
                let Some((at, name)) = first else { return };
                let words = "keepalived takes the role back as soon as a machine of higher priority is \
                             there; Tandem leaves it where it is, unless peer.preempt says otherwise";
                let text = format!("vrrp_instance {name}");
                self.report.add(at, text, Outcome::Otherwise, words);
            }
            None => {}
        }
    }

    /// Sides that are not in one group move together all the same.
    fn judge_groups(&mut self) {
        for group in &self.sync_groups {
            for name in &group.value {
                if !self.instances.iter().any(|one| one.name == *name) {
                    let words =
                        format!("there is no vrrp_instance {name}; keepalived leaves it out");
                    let outcome = Outcome::NotUnderstood;
                    self.report.add(group.at, format!("group {{ {name} }}"), outcome, words);
                }
            }
        }
        let with_addresses: Vec<&Instance> =
            self.instances.iter().filter(|one| one.has_addresses).collect();
        let together = |one: &Instance, other: &Instance| {
            let has = |group: &At<Vec<String>>, name: &String| group.value.contains(name);
            self.sync_groups.iter().any(|group| has(group, &one.name) && has(group, &other.name))
        };
        let Some(first) = with_addresses.first() else { return };
        let apart: Vec<(Place, String)> = with_addresses
            .iter()
            .skip(1)
            .filter(|other| other.interface != first.interface && !together(first, other))
            .map(|other| (other.at, other.name.clone()))
            .collect();
        for (at, name) in apart {
            let words = "no vrrp_sync_group holds the instances together, so that the sides could have \
                         been active on different machines; in Tandem they always move together";
            self.report.add(at, format!("vrrp_instance {name}"), Outcome::Otherwise, words);
        }
    }
}

const AUTH: &str =
    "a key of at least 32 bytes takes its place: tandem key new makes it; no secret is copied";
