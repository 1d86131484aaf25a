//! Health checks of real servers.
//!
//! Every check of the configuration is a job: what is asked of which address and port. Checks that
//! are equal share one. A thread of its own begins each job at its time ([`runner`]), asks the
//! server ([`probe`]), and gives the outcome to the [`engine`], whose state machine counts failures
//! and successes. What all checks of a server say together is its [`Operational`] state.
//!
//! ```text
//!  Config -> plan -> jobs -> runner -> probe -> outcome -> engine -> reports, watch
//!                                                            ^
//!                          control probe: is it the network on our side?
//! ```
//!
//! Whoever decides about weights follows [`Health::watch`] and reads [`Health::reports`].

pub mod control_probe;
pub mod engine;
pub mod outcome;
pub mod probe;
pub mod report;
pub mod runner;
pub mod words;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Instant;

use config::Config;
use tokio::sync::{oneshot, watch};

use self::engine::{Engine, Origin, Target, plan};
use self::probe::{Prepared, SystemRoots};
use self::runner::Shared;
use crate::events::Events;

pub use report::{Administrative, CheckReport, Code, DynamicWeight, Last, Operational, Report};

/// The checks of this machine. Clones are the same checks, which end with the last of them.
#[derive(Clone, Debug)]
pub struct Health {
    shared: Arc<Shared>,
    /// Ends the thread when it is dropped.
    _alive: Arc<oneshot::Sender<()>>,
}

/// What there is to count about all checks together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Checks, equal ones counted once.
    pub checks: usize,
    /// Probes that began.
    pub begun: u64,
    /// Those that began more than 20 ms after their time.
    pub late: u64,
    /// Failures that counted against no server, because the network on this side had failed.
    pub voided: u64,
    /// Failures count against no server now.
    pub is_void: bool,
}

impl Health {
    /// Starts the checks of a configuration, on a thread of their own.
    ///
    /// # Errors
    /// When there is no thread for them.
    pub fn start(config: &Config) -> io::Result<Self> {
        Health::start_from(config, config.private.address.address)
    }

    /// The same from another address of this machine; 0.0.0.0: from whichever the system takes.
    ///
    /// # Errors
    /// When there is no thread for them.
    pub fn start_from(config: &Config, local: Ipv4Addr) -> io::Result<Self> {
        let engine = Engine::new(Origin::new(is_second(config), Instant::now()));
        let shared = Arc::new(Shared::new(engine, local));
        follow(&shared, config);
        let (alive, ended) = oneshot::channel();
        runner::start(Arc::clone(&shared), ended)?;
        Ok(Health { shared, _alive: Arc::new(alive) })
    }

    /// Tells events there from now on.
    pub fn report_to(&self, events: Events) {
        // The first time counts; there is no second one.
        let _ = self.shared.events.set(events);
    }

    /// Takes another configuration. A check whose definition is the same goes on as if nothing had
    /// happened; another begins as its `start` says. It reads files of certificates.
    pub fn follow(&self, config: &Config) {
        follow(&self.shared, config);
    }

    /// Servers that were down before this process started, and those that were up and have served:
    /// those that have not been checked yet begin as they were.
    pub fn take_as_they_were(
        &self,
        down: &[(String, SocketAddrV4)],
        up: &[(String, SocketAddrV4)],
    ) {
        self.shared.engine().take_as_they_were(down, up, Instant::now());
    }

    /// A number that grows whenever a server comes up or goes down, or is to have another weight
    /// or administrative state. Read [`Health::reports`] then.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    /// Every server of every service, in the order of the configuration.
    #[must_use]
    pub fn reports(&self) -> Vec<Report> {
        self.shared.engine().reports(Instant::now())
    }

    /// What there is to count about all checks together.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let engine = self.shared.engine();
        Totals {
            checks: engine.len(),
            begun: engine.begun,
            late: engine.late,
            voided: engine.faults.voided,
            is_void: engine.faults.void_since().is_some(),
        }
    }

    /// Somebody has seen connections to a server fail: it is probed at once. Resolves to its state
    /// when each of its checks has ended since; to an error where there is no such server, or no
    /// check of it.
    #[must_use]
    pub fn suspect(&self, service: &str, server: SocketAddrV4) -> oneshot::Receiver<Operational> {
        let (reply, answer) = oneshot::channel();
        self.shared.engine().suspect(service, server, reply, Instant::now());
        self.shared.wake();
        answer
    }
}

fn follow(shared: &Shared, config: &Config) {
    let mut roots = SystemRoots::default();
    let mut prepared: HashMap<Target, Arc<Prepared>> = HashMap::new();
    for target in plan(config).into_iter().flat_map(|server| server.targets) {
        prepared.entry(target).or_insert_with_key(|target| {
            let made = Prepared::new(target, &mut roots);
            if let Prepared::Broken(why) = &made {
                let kind = target.kind();
                tracing::error!("a check ({kind} of {}) cannot be made: {why}", target.address);
            }
            Arc::new(made)
        });
    }
    shared.follow(config, prepared, control_hosts(config));
}

/// Whom a control probe asks on the side of the servers: the gateway, and the peer.
fn control_hosts(config: &Config) -> Vec<IpAddr> {
    let network = config.private.address;
    let gateway = config.private.gateway.map(IpAddr::V4);
    let paths = config.peer.iter().flat_map(|peer| &peer.paths);
    let peers = paths.map(|path| path.remote);
    let peers = peers.filter(|remote| matches!(remote, IpAddr::V4(v4) if network.contains(*v4)));
    gateway.into_iter().chain(peers).collect()
}

/// One machine of a pair checks half an interval after the other. Which of them it is follows from
/// their addresses, which both know.
fn is_second(config: &Config) -> bool {
    let paths = config.peer.iter().flat_map(|peer| &peer.paths);
    paths.map(|path| path.local > path.remote).next().unwrap_or(false)
}
