//! `virtual_server`: a service.

use std::net::Ipv4Addr;

use config::{Listen, Protocol, Scheduler};

use super::Mapper;
use super::times::Times;
use super::value::prefix_of_mask;
use crate::keepalived::keywords::VIRTUAL_SERVER;
use crate::keepalived::read::Statement;
use crate::model::{Service, all_ports, quote};
use crate::report::{At, Outcome};

/// What a service's block says besides the service itself.
#[derive(Default)]
pub(super) struct Said {
    pub(super) times: Times,
    pub(super) weight: Option<u32>,
    has_protocol: bool,
    persists: bool,
    prefix: Option<u8>,
    timeout: Option<u32>,
    /// Why the service cannot be taken over.
    refused: Option<String>,
    sorry: Option<Statement>,
}

/// Keywords that may stand in a service several times.
const REPEATABLE: &[&str] = &["real_server"];

const DIRECT: &str = "Tandem forwards by NAT alone: change the servers (default route to the gateway address, no \
                      virtual IP on lo, no ARP settings, no tunnel), write lb_kind NAT, and import again";

impl Mapper<'_> {
    pub(super) fn virtual_server(&mut self, statement: &Statement) {
        let first_entry = self.report.len();
        let what: Vec<&str> = statement.words.iter().take(3).map(String::as_str).collect();
        let mut service = Service::new(statement.at, what.join(" "));
        let mut said = Said::default();
        let Some(default_port) = self.listens(statement, &mut service, &mut said) else {
            let words = "it is in a virtual_server that was not taken over";
            for inside in statement.inside() {
                self.all(inside, Outcome::NotTaken, words);
            }
            return;
        };
        let counting = self.counting(statement.inside(), REPEATABLE);
        let (servers, keywords): (Vec<&Statement>, Vec<&Statement>) =
            counting.into_iter().partition(|inside| inside.keyword() == "real_server");
        for inside in keywords {
            self.of_service(inside, &mut service, &mut said);
        }
        self.protocol_of(statement, &servers, &mut service, &said);
        self.persistence(statement, &mut service, &said);
        self.hash_of(statement, &mut service);
        for inside in servers {
            match self.real_server(inside, default_port, &said) {
                Ok(Some(server)) => service.servers.push(server),
                Ok(None) => {}
                Err(why) => said.refused = Some(why),
            }
        }
        if let Some(sorry) = said.sorry.take() {
            self.sorry_server(&sorry, default_port, &mut service);
        }
        if service.servers.is_empty()
            && statement.inside().iter().all(|one| one.keyword() != "real_server")
        {
            said.refused =
                Some("it has no real_server, and keepalived ignores it; add one".to_owned());
        }
        match said.refused {
            Some(why) => {
                self.report.refuse_block(
                    first_entry,
                    statement.at,
                    &format!(
                        "it is in the virtual_server of line {}, which was not taken over",
                        statement.at.line
                    ),
                );
                self.say(statement, Outcome::NotTaken, &why);
            }
            None => {
                self.taken(statement);
                self.model.services.push(service);
            }
        }
    }

    /// Where the service listens, and the port of servers that have none; none when it is nowhere.
    fn listens(
        &mut self,
        statement: &Statement,
        service: &mut Service,
        said: &mut Said,
    ) -> Option<u16> {
        let at = statement.at;
        match statement.argument(0) {
            None => {
                self.wrong(
                    statement,
                    "write address and port, as in virtual_server 198.51.100.10 80",
                );
                None
            }
            Some("group") => {
                let name = statement.argument(1).unwrap_or_default();
                let Some(group) = self.groups.get_mut(name) else {
                    let words = format!("there is no virtual_server_group {name}; write one");
                    self.say(statement, Outcome::NotTaken, &words);
                    return None;
                };
                group.is_used = true;
                let (listens, is_partial) = (group.listens.clone(), group.is_partial);
                if listens.is_empty() {
                    self.say(statement, Outcome::NotTaken, "nothing of its group was taken over");
                    return None;
                }
                if is_partial {
                    let words = "a part of its group was not taken over, and nothing listens there";
                    self.say(statement, Outcome::NotTaken, words);
                }
                if listens.len() > 1 {
                    let words = "one service listens on all addresses of the group: IPVS has one of its \
                                 own for each, with its own turns and counts of connections";
                    self.say(statement, Outcome::Otherwise, words);
                }
                said.persists = listens.iter().any(|one| one.value.last != one.value.first);
                let mut ports: Vec<u16> = listens.iter().map(|one| one.value.first).collect();
                ports.dedup();
                service.name = super::global::is_name(name).then(|| name.to_owned());
                service.listens = listens;
                Some(match ports[..] {
                    [port] if !said.persists => port,
                    _ => 0,
                })
            }
            Some("fwmark") => {
                let listens = self.marked(statement)?;
                let mark = statement.argument(1).and_then(|mark| mark.parse::<u32>().ok());
                let found = mark.and_then(|mark| self.rules.marks.get(&mark)).into_iter().flatten();
                for (protocol, _) in found {
                    if !service.protocols.contains(protocol) {
                        service.protocols.push(*protocol);
                    }
                }
                said.has_protocol = true;
                let first = listens.first().map_or(0, |one| one.value.first);
                let is_one =
                    listens.iter().all(|one| one.value.first == first && one.value.last == first);
                service.listens = listens;
                Some(if is_one { first } else { 0 })
            }
            Some(address) if address.contains(':') => {
                self.say(statement, Outcome::NotTaken, "IPv6 is not supported yet");
                None
            }
            Some(address) => {
                let Ok(address) = address.parse::<Ipv4Addr>() else {
                    let words = "this is no address, and keepalived skips the block; write it as in \
                                 198.51.100.10";
                    self.wrong(statement, words);
                    return None;
                };
                let port = match statement.argument(1) {
                    None => 0,
                    Some(text) => self.port(statement, text)?,
                };
                let listen = match port {
                    0 => all_ports(address),
                    port => Listen { address, first: port, last: port },
                };
                said.persists = port == 0;
                service.listens = vec![At { value: listen, at }];
                Some(port)
            }
        }
    }

    fn of_service(&mut self, inside: &Statement, service: &mut Service, said: &mut Said) {
        let at = inside.at;
        match inside.keyword() {
            "protocol" => self.protocol(inside, service, said),
            "lb_algo" | "lvs_sched" => self.scheduler(inside, service),
            "lb_kind" | "lvs_method" => {
                if let Some(why) = self.forwarding(inside) {
                    said.refused = Some(why);
                }
            }
            "sorry_server_lvs_method" => {
                if let Some(why) = self.forwarding(inside) {
                    self.say(inside, Outcome::NotTaken, &why);
                }
            }
            "ops" => {
                self.taken(inside);
                service.set("one_packet", "true", at);
            }
            "hashed" | "sh-port" | "mh-port" | "flag-2" => {
                self.taken(inside);
                service.set("hash_port", "true", at);
            }
            "persistence_timeout" if inside.words.len() < 2 => {
                self.taken(inside);
                said.timeout = Some(360);
            }
            "persistence_timeout" => {
                if let Some(timeout) = self.number(inside, 1..=31 * 86_400) {
                    self.taken(inside);
                    said.timeout = Some(timeout);
                }
            }
            "persistence_granularity" => self.granularity(inside, said),
            "quorum" | "hysteresis" => {
                let key = if inside.keyword() == "quorum" { "quorum" } else { "hysteresis" };
                let least = u32::from(key == "quorum");
                if let Some(number) = self.number(inside, least..=1_000_000) {
                    self.taken(inside);
                    service.set(key, number.to_string(), at);
                }
            }
            "weight" => {
                said.weight = self.number(inside, 0..=2_147_483_647);
                if said.weight.is_some() {
                    self.taken(inside);
                }
            }
            "sorry_server" => said.sorry = Some(inside.clone()),
            "snmp_name" => {
                let name = self.word(inside).map(str::to_owned);
                let name = name.filter(|name| super::global::is_name(name));
                match name {
                    Some(name) => {
                        self.taken(inside);
                        service.name = Some(name);
                    }
                    None => self.say(
                        inside,
                        Outcome::Unneeded,
                        "it cannot be a service's name in Tandem",
                    ),
                }
            }
            "ip_family" if inside.argument(0) == Some("inet6") => {
                self.say(inside, Outcome::NotTaken, "IPv6 is not supported yet");
                said.refused = Some("IPv6 is not supported yet".to_owned());
            }
            _ if self.times(inside, &mut said.times) => {}
            _ => self.fixed(inside, &[VIRTUAL_SERVER]),
        }
    }

    /// True for a keyword of the times of checks, which is then taken.
    pub(super) fn times(&mut self, inside: &Statement, times: &mut Times) -> bool {
        match inside.keyword() {
            "delay_loop" => times.delay_loop = self.timer(inside),
            "connect_timeout" => times.connect_timeout = self.timer(inside),
            "delay_before_retry" => times.delay_before_retry = self.timer(inside),
            "retry" | "nb_get_retry" => times.retry = self.number(inside, 0..=u32::MAX),
            "alpha" => times.alpha = self.switch(inside),
            "inhibit_on_failure" => {
                self.switch(inside);
            }
            "virtualhost" => times.virtualhost = self.word(inside).map(str::to_owned),
            _ => return false,
        }
        if !self.report.tells_of(inside.at) {
            self.taken(inside);
        }
        true
    }

    fn protocol(&mut self, inside: &Statement, service: &mut Service, said: &mut Said) {
        if said.has_protocol {
            let words = "the firewall's rules say which protocol it is";
            return self.say(inside, Outcome::Unneeded, words);
        }
        let Some(protocol) = self.word(inside) else { return };
        match protocol.to_ascii_uppercase().as_str() {
            "TCP" => service.protocols = vec![Protocol::Tcp],
            "UDP" => service.protocols = vec![Protocol::Udp],
            "SCTP" => {
                said.refused = Some(
                    "Tandem forwards TCP and UDP, and no SCTP; keep this service where it is"
                        .to_owned(),
                );
            }
            _ => {
                return self
                    .wrong(inside, "keepalived ignores it, and takes UDP; write TCP or UDP");
            }
        }
        said.has_protocol = true;
        self.taken(inside);
    }

    /// Without a protocol it is UDP, which hardly anybody means.
    fn protocol_of(
        &mut self,
        statement: &Statement,
        servers: &[&Statement],
        service: &mut Service,
        said: &Said,
    ) {
        if !service.protocols.is_empty() || said.has_protocol {
            if service.protocols.is_empty() {
                service.protocols = vec![Protocol::Udp];
            }
            return;
        }
        service.protocols = vec![Protocol::Udp];
        let is_tcp = |one: &Statement| {
            matches!(one.keyword(), "TCP_CHECK" | "HTTP_GET" | "SSL_GET" | "SMTP_CHECK")
        };
        let checks_tcp = servers.iter().any(|server| server.inside().iter().any(is_tcp));
        if checks_tcp {
            let words = "it has no protocol, so that keepalived takes UDP, and so it is written; its servers \
                         are checked over TCP, and TCP was probably meant: write protocol = \"tcp\"";
            self.wrong(statement, words);
        } else {
            let words = "it has no protocol, so that keepalived takes UDP; so it is written";
            self.say(statement, Outcome::Otherwise, words);
        }
    }

    fn scheduler(&mut self, inside: &Statement, service: &mut Service) {
        let Some(name) = self.word(inside).map(str::to_owned) else { return };
        // Flags may stand behind the name in DPVS's files.
        if matches!(name.as_str(), "lblc" | "lblcr") {
            let words = format!(
                "Tandem has no {name}: \"mh\" is written, by which a client always finds the same server; \
                 look at docs/schedulers.md for another one"
            );
            service.set("scheduler", "\"mh\"", inside.at);
            return self.say(inside, Outcome::NotTaken, &words);
        }
        if let Some((name, _)) = Scheduler::ACCEPTED.iter().find(|(known, _)| *known == name) {
            self.taken(inside);
            service.set("scheduler", quote(name), inside.at);
        } else if name == "conhash" {
            let words = "of DPVS; \"mh\" hashes clients as evenly, and other clients move";
            service.set("scheduler", "\"mh\"", inside.at);
            self.say(inside, Outcome::Otherwise, words);
        } else {
            let names = Scheduler::ACCEPTED.iter().map(|(name, _)| *name);
            let words = crate::suggestion::unknown("scheduler", &name, names);
            let words = format!("keepalived ignores it and takes wlc: {words}");
            self.wrong(inside, &words);
        }
    }

    /// Why a way of forwarding cannot be taken over.
    pub(super) fn forwarding(&mut self, inside: &Statement) -> Option<String> {
        match inside.argument(0).map(str::to_ascii_uppercase).as_deref() {
            Some("NAT") => {
                self.taken(inside);
                None
            }
            Some("FNAT" | "SNAT") => {
                let words = "full NAT hides clients from servers; Tandem keeps the client's address, so \
                             the servers' default route has to be the gateway address";
                self.say(inside, Outcome::NotTaken, words);
                None
            }
            Some(kind @ ("DR" | "TUN" | "TUNNEL")) => {
                self.say(inside, Outcome::NotTaken, DIRECT);
                Some(format!("it forwards by {kind}. {DIRECT}"))
            }
            _ => {
                self.wrong(inside, "keepalived ignores it, and takes NAT; write NAT");
                None
            }
        }
    }

    fn granularity(&mut self, inside: &Statement, said: &mut Said) {
        let Some(mask) = self.word(inside) else { return };
        let prefix = match mask.parse::<Ipv4Addr>() {
            Ok(mask) => prefix_of_mask(mask).filter(|prefix| *prefix > 0),
            Err(_) => mask.parse::<u8>().ok().filter(|prefix| (1..=32).contains(prefix)),
        };
        if let Some(prefix) = prefix {
            said.prefix = Some(prefix);
            return self.taken(inside);
        }
        let words = "the mask is no prefix; each client keeps a server of its own: write \
                     persist.prefix if many clients are to share one";
        self.say(inside, Outcome::NotTaken, words);
    }

    fn persistence(&mut self, statement: &Statement, service: &mut Service, said: &Said) {
        if said.persists && said.timeout.is_none() {
            let words =
                "a service of all ports is always persistent, for 360 s, as keepalived has it";
            self.say(statement, Outcome::Otherwise, words);
        }
        let timeout = said.timeout.or((said.persists || said.prefix.is_some()).then_some(360));
        let Some(timeout) = timeout else { return };
        let mut persist = format!("{{ timeout = \"{timeout}s\"");
        if let Some(prefix) = said.prefix.filter(|prefix| *prefix < 32) {
            persist.push_str(&format!(", prefix = {prefix}"));
        }
        persist.push_str(" }");
        service.set("persist", persist, statement.at);
    }

    /// Options of a hash do nothing without one.
    fn hash_of(&mut self, statement: &Statement, service: &mut Service) {
        let scheduler = service.keys.iter().find(|key| key.value.0 == "scheduler");
        let hashes =
            scheduler.is_some_and(|key| ["\"sh\"", "\"mh\""].contains(&key.value.1.as_str()));
        let key = service.keys.iter().find(|key| key.value.0 == "hash_port").map(|key| key.at);
        if let Some(at) = key.filter(|_| !hashes) {
            let words = "it does nothing without the scheduler sh or mh";
            self.report.add(at, statement.text.clone(), Outcome::Unneeded, words);
            service.keys.retain(|key| key.value.0 != "hash_port");
        }
        let is_tcp = service.protocols.contains(&Protocol::Tcp);
        let key = service.keys.iter().find(|key| key.value.0 == "one_packet").map(|key| key.at);
        if let Some(at) = key.filter(|_| is_tcp) {
            let words = "one packet scheduling is for UDP alone, and keepalived resets it";
            self.report.add(at, "ops", Outcome::NotUnderstood, words);
            service.keys.retain(|key| key.value.0 != "one_packet");
        }
    }
}
