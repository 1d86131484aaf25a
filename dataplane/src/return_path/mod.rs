//! Whether servers' answers to clients come back through this router.
//!
//! A server without the right default route answers the health checks of this machine, which ask
//! from an address on its own link, and loses the answer to every client. So each server is asked
//! from the address that clients know, which is not on its link: an answer comes back here only
//! if the server's route leads to the gateway address.
//!
//! ```text
//!              answer                       3 questions without an answer
//!   Unknown ----------> Ok ----------------------------------------------> Missing
//!      |                 ^                                                    |
//!      |                 '---------------------- answer ----------------------'
//!      '------------------- 3 questions without an answer -------------------^
//!
//!   any --- the server does not answer ARP, or this machine is on standby ---> Unknown
//! ```
//!
//! Servers of TCP are asked with a SYN, which a reset answers as well as SYN and ACK do; others
//! with an echo request. A question has a number that its answer must repeat.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::Ipv4Addr;

use ahash::RandomState;
use nat::Instant;
use nat::service::ServerId;
use wire::Port;

/// Milliseconds between questions to a server.
pub const INTERVAL: u64 = 30_000;
/// And to one whose way back is missing: it is used again soon after it was mended.
pub const MISSING: u64 = 5000;
/// An answer comes within so many milliseconds.
pub const PATIENCE: u64 = 1000;
/// Questions that are not answered before the way back is missing.
pub const ATTEMPTS: u32 = 3;
/// The first questions are spread over so many milliseconds.
const BEGIN: u64 = 3000;
/// Milliseconds until a server that does not answer ARP is looked at again.
const ABSENT: u64 = 5000;
/// The most questions of a look.
const BUDGET: usize = 20;
/// After so many milliseconds without a look, answers may wait in rings.
const PAUSE: u64 = 500;
/// The ports that are asked from: ephemeral ones (RFC 6335 section 6). On the private side nobody
/// else has a port of a virtual IP which is not a service's.
const FIRST_PORT: u16 = 49_152;

/// Whether a server's answers come back here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ReturnPath {
    /// Nobody knows.
    #[default]
    Unknown,
    /// They do.
    Ok,
    /// They do not.
    Missing,
}

/// How a server is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// With a SYN to its port.
    Syn,
    /// With an echo request.
    Echo,
}

/// A server that is to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    /// Its number.
    pub id: ServerId,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its port.
    pub port: Port,
    /// The virtual IP that it is asked from.
    pub from: Ipv4Addr,
    /// How.
    pub method: Method,
}

/// A question on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question {
    /// To whom.
    pub target: Target,
    /// The port that it comes from, or its ICMP identifier.
    pub port: Port,
    /// Its sequence number; of an echo the low half.
    pub number: u32,
}

/// An answer that came by the gateway address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// How it was asked for.
    pub method: Method,
    /// Who answers.
    pub server: Ipv4Addr,
    /// The server's port; of an echo of no meaning.
    pub server_port: Port,
    /// The virtual IP that was asked from.
    pub to: Ipv4Addr,
    /// The port, or ICMP identifier, that was asked from.
    pub port: Port,
    /// The number of the question.
    pub number: u32,
}

/// What look and answer find out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// Of which server.
    pub target: Target,
    /// How its way back was.
    pub before: ReturnPath,
    /// How it is.
    pub now: ReturnPath,
}

struct Path {
    target: Target,
    state: ReturnPath,
    asked: Option<(Instant, Question)>,
    next: Instant,
    missed: u32,
    was_down: bool,
}

/// The ways back of all servers.
#[derive(Default)]
pub struct ReturnPaths {
    paths: HashMap<ServerId, Path>,
    is_active: bool,
    looked: Instant,
    /// Nobody outside can guess the number of a question.
    secret: RandomState,
    asked: u64,
}

impl ReturnPaths {
    /// Asks these servers from now on, and no others.
    pub fn keep(&mut self, targets: impl Iterator<Item = Target>, now: Instant) {
        let mut before = core::mem::take(&mut self.paths);
        for target in targets {
            let known = before.remove(&target.id).filter(|path| path.target == target);
            let path = known.unwrap_or_else(|| Path {
                target,
                state: ReturnPath::Unknown,
                asked: None,
                next: Instant::from_millis(now.millis() + self.phase(target, BEGIN)),
                missed: 0,
                was_down: false,
            });
            self.paths.insert(target.id, path);
        }
    }

    /// Where in a time this server's questions lie.
    fn phase(&self, target: Target, time: u64) -> u64 {
        self.secret.hash_one((target.address, target.port)) % time
    }

    /// The way back of each server.
    pub fn states(&self) -> impl Iterator<Item = (ServerId, ReturnPath)> + '_ {
        self.paths.iter().map(|(&id, path)| (id, path.state))
    }

    /// Looks for answers that did not come, and asks those whose turn it is with `ask`. Called a
    /// few times a second; `is_there` says whether a server answers ARP, and `is_down` whether
    /// its check has failed.
    pub fn look(
        &mut self,
        now: Instant,
        is_active: bool,
        is_there: impl Fn(&Target) -> bool,
        is_down: impl Fn(ServerId) -> bool,
        mut ask: impl FnMut(Question),
    ) -> Vec<Change> {
        let has_paused = now.since(self.looked) > PAUSE;
        self.looked = now;
        let begins = is_active && !core::mem::replace(&mut self.is_active, is_active);
        let (secret, count) = (&self.secret, &mut self.asked);
        let mut room = BUDGET;
        let mut changes = Vec::new();
        for path in self.paths.values_mut() {
            let before = path.state;
            if begins {
                let spread = secret.hash_one((path.target.address, path.target.port)) % BEGIN;
                path.next = Instant::from_millis(now.millis() + spread);
            }
            if !is_active {
                path.forget();
            } else {
                let down = is_down(path.target.id);
                if core::mem::replace(&mut path.was_down, down) && !down {
                    path.next = path.next.min(now);
                }
                path.miss(now, has_paused);
                if room > 0 && path.is_due(now) {
                    if is_there(&path.target) {
                        room -= 1;
                        *count += 1;
                        ask(path.ask(secret.hash_one(*count), now));
                    } else {
                        path.forget();
                        path.next = Instant::from_millis(now.millis() + ABSENT);
                    }
                }
            }
            if path.state != before {
                changes.push(Change { target: path.target, before, now: path.state });
            }
        }
        changes
    }

    /// An answer came. `None` if nobody asked for it, and if it is no news.
    pub fn answered(&mut self, answer: &Answer) -> Option<Change> {
        let is_asked = |path: &&mut Path| path.asked.is_some_and(|(_, asked)| answer.is_to(&asked));
        let path = self.paths.values_mut().find(is_asked)?;
        let before = core::mem::replace(&mut path.state, ReturnPath::Ok);
        if let Some((at, _)) = path.asked.take() {
            path.next = Instant::from_millis(at.millis() + INTERVAL);
        }
        path.missed = 0;
        (before != ReturnPath::Ok).then_some(Change {
            target: path.target,
            before,
            now: ReturnPath::Ok,
        })
    }
}

impl Answer {
    fn is_to(&self, question: &Question) -> bool {
        let Question { target, port, number } = *question;
        let number_fits = match target.method {
            Method::Syn => self.number == number && self.server_port == target.port,
            Method::Echo => self.number as u16 == number as u16,
        };
        (self.method, self.server, self.to, self.port)
            == (target.method, target.address, target.from, port)
            && number_fits
    }
}

impl Path {
    fn forget(&mut self) {
        (self.state, self.asked, self.missed) = (ReturnPath::Unknown, None, 0);
    }

    fn is_due(&self, now: Instant) -> bool {
        self.asked.is_none() && now >= self.next
    }

    fn miss(&mut self, now: Instant, has_paused: bool) {
        let Some((at, _)) = &mut self.asked else { return };
        if has_paused {
            *at = now;
        }
        if now.since(*at) < PATIENCE {
            return;
        }
        let asked = *at;
        self.asked = None;
        self.missed += 1;
        if self.missed >= ATTEMPTS {
            self.state = ReturnPath::Missing;
            self.missed = 0;
            self.next = Instant::from_millis(asked.millis() + MISSING);
        }
    }

    fn ask(&mut self, random: u64, now: Instant) -> Question {
        let port = Port::new(FIRST_PORT | (random >> 48) as u16);
        let question = Question { target: self.target, port, number: random as u32 };
        self.asked = Some((now, question));
        question
    }
}

/// True for a port that servers are asked from.
pub fn is_asking_port(port: Port) -> bool {
    port.number() >= FIRST_PORT
}
