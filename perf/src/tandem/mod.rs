//! The real dataplane on the same files.
//!
//! It starts as the standby machine of a pair, takes all connections over its stream of
//! connection sync, and then becomes active: so every packet is of a connection that it
//! knows, whichever way it goes.

mod configuration;
mod connections;
mod control;
mod reading;

use core::time::Duration;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use api::{Client, LeaseOrder, ServerChange, SetServers, SyncState};
use nat::Side;

use crate::Error;
use crate::flap;
use crate::replay::Replay;
use crate::traffic::Traffic;

use configuration::Setup;
use connections::Follower;
pub(crate) use connections::next;
pub(crate) use control::{ControlProcess, Scrape, scrape};
pub(crate) use reading::Reading;
pub use reading::{Run, STAGES};

/// Waits for things to come about.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// How long it is active: longer than any run, as nobody renews it. In microseconds.
const LEASE: u64 = 30 * 24 * 3600 * 1_000_000;
/// A dataplane that forwards a traffic; ended when dropped.
#[derive(Debug)]
pub struct DataplaneProcess {
    child: Child,
    socket: PathBuf,
    /// By side, whether packets come in.
    fed: [bool; 2],
    follower: Option<Follower>,
}

/// Connections in the tables of all workers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Occupancy {
    pub connections: u64,
    /// That there is room for.
    pub capacity: u64,
}

/// Forwards for a while, all connections being known.
///
/// # Errors
///
/// [`Error`], with the dataplane's last words.
pub fn run(
    replay: &Replay,
    traffic: &Traffic,
    folder: &Path,
    time: Duration,
) -> Result<Run, Error> {
    let mut dataplane = DataplaneProcess::start(replay, traffic, folder, 1)?;
    dataplane.follow()?;
    let run = dataplane.measure(time)?;
    dataplane.check(&run)?;
    Ok(run)
}

impl DataplaneProcess {
    /// Starts it, and waits until it forwards, knowing every connection of the traffic.
    ///
    /// # Errors
    ///
    /// [`Error`], with its last words.
    pub fn start(
        replay: &Replay,
        traffic: &Traffic,
        folder: &Path,
        workers: usize,
    ) -> Result<Self, Error> {
        Self::start_with(replay, traffic, folder, workers, 0)
    }

    /// The same with so many services more, of ten servers each, which nobody asks.
    ///
    /// # Errors
    ///
    /// [`Error`], with its last words.
    pub fn start_with(
        replay: &Replay,
        traffic: &Traffic,
        folder: &Path,
        workers: usize,
        idle_services: u32,
    ) -> Result<Self, Error> {
        let connections = traffic.connections;
        let setup = Setup { replay, connections, workers, idle_services };
        let files = setup.write(folder)?;
        let child = spawn(&files.configuration)?;
        let fed = Side::ALL.map(|side| replay.feeds(side));
        let mut dataplane = DataplaneProcess { child, socket: files.socket, fed, follower: None };
        let ready = dataplane.make_ready(traffic, replay.packets());
        ready.map_err(|why| dataplane.failed(&why.to_string()))?;
        Ok(dataplane)
    }

    fn make_ready(&self, traffic: &Traffic, packets: u32) -> Result<(), Error> {
        let mut client = wait("it does not answer", || Client::connect(&self.socket).ok())?;
        connections::install(&self.socket, traffic)?;
        let known = Reading::take(&mut client).map_err(Error::dataplane)?.get("connections");
        if known != u64::from(traffic.connections) {
            let why = format!("it took {known} of {} connections", traffic.connections);
            return Err(Error::Dataplane(why));
        }
        let claim = LeaseOrder::Claim { term: 1, lease: LEASE, at: 0 };
        wait("it does not become active", || client.lease(claim).ok()?.granted.then_some(()))?;
        // Connections find their next hops with their first packet.
        let warm = 4 * u64::from(packets);
        wait("it does not forward all packets", || {
            let reading = Reading::take(&mut client).ok()?;
            (reading.get("fast_path_packets") >= warm).then_some(())
        })
    }

    /// Has it tell another machine of what happens, as the active one of a pair does;
    /// returns when that has been told of all connections.
    ///
    /// # Errors
    ///
    /// [`Error`], with its last words.
    pub fn follow(&mut self) -> Result<(), Error> {
        let followed = Follower::start(&self.socket).and_then(|follower| {
            let mut client = self.client()?;
            wait("it does not tell of its connections", || {
                let sync = client.lease(LeaseOrder::Watch).ok()?.sync;
                (sync.state == SyncState::Following).then_some(())
            })?;
            Ok(follower)
        });
        self.follower = Some(followed.map_err(|why| self.failed(&why.to_string()))?);
        Ok(())
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    fn client(&self) -> Result<Client, Error> {
        Client::connect(&self.socket).map_err(Error::dataplane)
    }

    /// What it forwards in a while.
    ///
    /// # Errors
    ///
    /// [`Error`], with its last words.
    pub fn measure(&mut self, time: Duration) -> Result<Run, Error> {
        let sides = self.fed.iter().filter(|fed| **fed).count();
        let run = self.client().and_then(|mut client| {
            let before = Reading::take(&mut client).map_err(Error::dataplane)?;
            std::thread::sleep(time);
            let after = Reading::take(&mut client).map_err(Error::dataplane)?;
            Ok(after.since(&before, sides))
        });
        run.map_err(|why| self.failed(&why.to_string()))
    }

    /// The same while a real server's weight changes so many times a second through the control
    /// socket; and how many times it has.
    ///
    /// # Errors
    ///
    /// [`Error`], with its last words.
    pub fn measure_flapping(&mut self, time: Duration, a_second: u32) -> Result<(Run, u64), Error> {
        let mut client = self.client()?;
        let services = client.services().map_err(Error::dataplane)?.services;
        let server = |one: &api::ServiceStatus| {
            one.servers.first().map(|server| ServerChange::new(&one.name, server.address))
        };
        let change = services.iter().find_map(server);
        let change = change.ok_or_else(|| Error::dataplane("it has no real server"))?;
        let set = move |weight| {
            let change = ServerChange { weight: Some(weight), ..change.clone() };
            let changed =
                client.set_servers(SetServers { servers: vec![change], ..SetServers::default() });
            changed.map(|_| ()).map_err(Error::dataplane)
        };
        flap::meanwhile(a_second, set, || self.measure(time))
    }

    /// Whether all packets went the way that is measured.
    ///
    /// # Errors
    ///
    /// [`Error::Program`], when it dropped packets for another reason than their number,
    /// when they took the slow path, or when none left on a side where they should.
    pub fn check(&mut self, run: &Run) -> Result<(), Error> {
        run.fault(self.fed).map_or(Ok(()), |why| Err(self.failed(&why)))
    }

    /// How full its tables are.
    ///
    /// # Errors
    ///
    /// [`Error`], with its last words.
    pub fn occupancy(&mut self) -> Result<Occupancy, Error> {
        let status = self.client().and_then(|mut client| client.status().map_err(Error::dataplane));
        let workers = status.map_err(|error| self.failed(&error.to_string()))?.workers;
        Ok(Occupancy {
            connections: workers.iter().map(|worker| worker.connections).sum(),
            capacity: workers.iter().map(|worker| worker.capacity).sum(),
        })
    }

    fn failed(&mut self, why: &str) -> Error {
        let words = self.stop();
        let last: Vec<&str> = words.lines().rev().take(5).collect();
        Error::Program {
            program: "tandem-dataplane".to_owned(),
            why: format!("{why} | {}", last.join(" | ")),
        }
    }

    /// Ends it; returns what it said.
    fn stop(&mut self) -> String {
        self.follower = None;
        // It may end by itself meanwhile; the words are what counts.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        }
        let mut words = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut words);
        }
        let _ = self.child.wait();
        words
    }
}

impl Drop for DataplaneProcess {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Looks until there is what is waited for.
fn wait<T>(why: &str, mut look: impl FnMut() -> Option<T>) -> Result<T, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(Error::Dataplane(format!("{why} within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(PAUSE);
    }
}

/// A program of this build.
fn program(name: &str) -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    beside.unwrap_or_default().join(name)
}

fn spawn(config: &Path) -> Result<Child, Error> {
    let program = program("tandem-dataplane");
    Command::new(&program)
        .arg("--config")
        .arg(config)
        .arg("--no-kernel-interfaces")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io(program.display().to_string()))
}
