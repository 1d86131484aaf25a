//! `real_server` and `sorry_server`.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::Mapper;
use super::check::CHECKERS;
use super::times::Times;
use super::virtual_server::Said;
use crate::keepalived::keywords::REAL_SERVER;
use crate::keepalived::read::Statement;
use crate::model::{Server, Service};
use crate::report::Outcome;

impl Mapper<'_> {
    /// A server; none where it was left out; an error says why the whole service has to be.
    pub(super) fn real_server(
        &mut self,
        statement: &Statement,
        default_port: u16,
        said: &Said,
    ) -> Result<Option<Server>, String> {
        let Some(address) = self.server_address(statement, default_port) else {
            for inside in statement.inside() {
                let words = "it is in a real_server that was not taken over";
                self.all(inside, Outcome::NotTaken, words);
            }
            return Ok(None);
        };
        let mut server = Server::new(statement.at, address);
        server.weight = said.weight.unwrap_or(1);
        self.taken(statement);
        let counting = self.counting(statement.inside(), CHECKERS);
        let (checkers, keywords): (Vec<&Statement>, Vec<&Statement>) =
            counting.into_iter().partition(|inside| CHECKERS.contains(&inside.keyword()));
        let mut times = Times::default();
        let mut thresholds = (None, None);
        let mut refused = None;
        for inside in keywords {
            match inside.keyword() {
                "weight" => {
                    if let Some(weight) = self.number(inside, 0..=2_147_483_647) {
                        self.taken(inside);
                        server.weight = weight;
                    }
                }
                "uthreshold" => thresholds.0 = self.threshold(inside),
                "lthreshold" => thresholds.1 = self.threshold(inside),
                "lvs_method" | "lb_kind" => {
                    if let Some(why) = self.forwarding(inside) {
                        refused = Some(format!("its server {address} is not behind NAT: {why}"));
                    }
                }
                _ if self.times(inside, &mut times) => {}
                _ => self.fixed(inside, &[REAL_SERVER]),
            }
        }
        self.limits(statement, thresholds, &mut server);
        let times = said.times.or(&times);
        for checker in checkers {
            let checks = self.checker(checker, &times, default_port == 0 && address.port() == 0);
            server.checks.extend(checks);
        }
        if server.checks.len() > 8 {
            let words = "a server has 8 checks at the most; the further ones are left out";
            self.say(statement, Outcome::NotTaken, words);
            server.checks.truncate(8);
        }
        refused.map_or(Ok(Some(server)), Err)
    }

    fn server_address(&mut self, statement: &Statement, default_port: u16) -> Option<SocketAddrV4> {
        let Some(text) = statement.argument(0) else {
            self.wrong(statement, "write address and port, as in real_server 10.0.0.11 80");
            return None;
        };
        if text.contains(':') {
            self.say(statement, Outcome::NotTaken, "IPv6 is not supported yet");
            return None;
        }
        let Ok(address) = text.parse::<Ipv4Addr>() else {
            let words =
                "this is no address, and keepalived skips the server; write it as in 10.0.0.11";
            self.wrong(statement, words);
            return None;
        };
        let port = match statement.argument(1) {
            None => 0,
            Some(text) => self.port(statement, text)?,
        };
        Some(SocketAddrV4::new(address, if port == 0 { default_port } else { port }))
    }

    /// Zero is no limit.
    fn threshold(&mut self, inside: &Statement) -> Option<u32> {
        let number = self.number(inside, 0..=u32::MAX)?;
        self.taken(inside);
        Some(number.min(1_000_000_000)).filter(|number| *number > 0)
    }

    fn limits(
        &mut self,
        statement: &Statement,
        (upper, lower): (Option<u32>, Option<u32>),
        server: &mut Server,
    ) {
        let Some(upper) = upper else {
            if lower.is_some() {
                let words = "lthreshold does nothing without uthreshold";
                self.say(statement, Outcome::Unneeded, words);
            }
            return;
        };
        server.keys.push(("max_connections", upper.to_string()));
        match lower {
            Some(lower) if lower > upper => {
                let words = "lthreshold is above uthreshold; three quarters of that are taken";
                self.say(statement, Outcome::Otherwise, words);
            }
            Some(lower) => server.keys.push(("resume_below", lower.to_string())),
            None => {}
        }
    }

    pub(super) fn sorry_server(
        &mut self,
        statement: &Statement,
        default_port: u16,
        service: &mut Service,
    ) {
        let Some(address) = self.server_address(statement, default_port) else { return };
        if address.ip().is_loopback() {
            let words = "Tandem serves nothing itself; put the sorry server on a machine of the private \
                         network, and write it as sorry";
            return self.say(statement, Outcome::NotTaken, words);
        }
        self.taken(statement);
        service.sorry.push(Server::new(statement.at, address));
    }
}
