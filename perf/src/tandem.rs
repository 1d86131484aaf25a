//! The real dataplane on the same file.

use core::time::Duration;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use api::Client;

use crate::Error;
use crate::packets::{ROUTER_MAC, SERVICE_PORT, VIP};

/// What one run gave.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Packets forwarded, millions a second.
    pub mpps: f64,
    /// Cycles of the time stamp counter in each.
    pub cycles: f64,
    /// Packets in a poll.
    pub burst: f64,
}

/// Waits for things to come about.
const PATIENCE: Duration = Duration::from_secs(120);

/// A dataplane that forwards a file's packets; ended when dropped.
#[derive(Debug)]
pub struct Dataplane {
    child: Child,
    socket: PathBuf,
}

/// Forwards for a while, all connections being known.
///
/// # Errors
///
/// [`Error`], with the dataplane's last words.
pub fn run(file: &Path, flows: u32, mbufs: u32, time: Duration) -> Result<Run, Error> {
    let mut dataplane = Dataplane::start(file, flows, mbufs)?;
    dataplane.measure(time)
}

impl Dataplane {
    /// Starts it, and waits until it knows every flow of the file.
    ///
    /// # Errors
    ///
    /// [`Error`], with its last words.
    pub fn start(file: &Path, flows: u32, mbufs: u32) -> Result<Self, Error> {
        let folder = file.parent().unwrap_or(Path::new("/tmp"));
        let (config, socket) = (folder.join("perf.toml"), folder.join("perf.sock"));
        std::fs::write(&config, configuration(file, &socket, flows, mbufs))
            .map_err(Error::io(config.display().to_string()))?;
        let mut dataplane = Dataplane { child: spawn(&config)?, socket };
        let known = dataplane.await_flows(flows);
        known.map_err(|why| dataplane.failed(&why))?;
        Ok(dataplane)
    }

    /// Its control socket.
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
        let run = self.client().map_err(|error| error.to_string()).and_then(|mut client| {
            let before = counters(&mut client)?;
            let started = Instant::now();
            std::thread::sleep(time);
            let after = counters(&mut client)?;
            let seconds = started.elapsed().as_secs_f64();
            let forwarded = (after.packets - before.packets) as f64;
            Ok(Run {
                mpps: forwarded / seconds / 1e6,
                cycles: (after.cycles - before.cycles) as f64 / forwarded.max(1.0),
                burst: forwarded / (after.polls - before.polls).max(1) as f64,
            })
        });
        run.map_err(|why| self.failed(&why))
    }

    /// Packets dropped so far, by reason, in an order that stays.
    ///
    /// # Errors
    ///
    /// [`Error`], with its last words.
    pub fn drops(&mut self) -> Result<Vec<(String, u64)>, Error> {
        let counters =
            self.client().and_then(|mut client| client.counters().map_err(Error::dataplane));
        let drops = counters.map_err(|error| self.failed(&error.to_string()))?.drops;
        Ok(drops.into_iter().map(|drop| (drop.name, drop.packets)).collect())
    }

    fn await_flows(&self, flows: u32) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut client = loop {
            match Client::connect(&self.socket) {
                Ok(client) => break client,
                Err(error) if Instant::now() > deadline => return Err(error.to_string()),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        loop {
            let known = counters(&mut client)?.connections;
            if known >= u64::from(flows) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("only {known} of {flows} connections"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
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
        // Both may have ended already; the words are what counts.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let mut words = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut words);
        }
        let _ = self.child.wait();
        words
    }
}

impl Drop for Dataplane {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(config: &Path) -> Result<Child, Error> {
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
    let program: PathBuf = beside.unwrap_or_default().join("tandem-dataplane");
    Command::new(&program)
        .arg("--config")
        .arg(config)
        .arg("--no-kernel-interfaces")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io(program.display().to_string()))
}

/// What its worker has counted so far.
struct Counted {
    packets: u64,
    cycles: u64,
    polls: u64,
    connections: u64,
}

fn counters(client: &mut Client) -> Result<Counted, String> {
    let counters = client.counters().map_err(|error| error.to_string())?;
    let worker = counters.workers.first().ok_or("no worker")?;
    let of = |name: &str| worker.counters.get(name).copied().unwrap_or_default();
    Ok(Counted {
        packets: of("fast_path_packets"),
        cycles: of("cycles"),
        polls: of("polls"),
        connections: of("connections"),
    })
}

fn configuration(file: &Path, socket: &Path, flows: u32, mbufs: u32) -> String {
    format!(
        r#"
[node]
name = "perf"
workers = [1]
connections = {flows}
mbufs = {mbufs}
file_prefix = "tandem-perf"
control_socket = "{socket}"
log = "warn"

[public]
port = "net_pcap0,rx_pcap={file},infinite_rx=1"
address = "198.18.0.2/24"
floating = ["{VIP}/24"]
gateway = "198.18.0.254"
neighbour = [{{ address = "198.18.0.254", mac = "02:00:00:00:00:fe" }}]

[private]
port = "net_null0,no-rx=1"
address = "10.0.0.2/24"
floating = ["10.0.0.1/24"]
neighbour = [
    {{ address = "10.0.0.11", mac = "02:00:00:00:00:11" }},
    {{ address = "10.0.0.12", mac = "02:00:00:00:00:12" }},
    {{ address = "10.0.0.13", mac = "02:00:00:00:00:13" }},
]

[[service]]
name = "perf"
listen = "{VIP}:{SERVICE_PORT}"
protocol = "udp"
scheduler = "rr"
server = [{{ address = "10.0.0.11:53" }}, {{ address = "10.0.0.12:53" }}, {{ address = "10.0.0.13:53" }}]
# The public device answers to the Ethernet address {ROUTER_MAC}.
"#,
        file = file.display(),
        socket = socket.display(),
    )
}
