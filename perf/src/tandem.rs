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
}

/// Waits for things to come about.
const PATIENCE: Duration = Duration::from_secs(120);

/// Forwards for a while, all connections being known.
///
/// # Errors
///
/// [`Error`], with the dataplane's last words.
pub fn run(file: &Path, flows: u32, mbufs: u32, time: Duration) -> Result<Run, Error> {
    let folder = file.parent().unwrap_or(Path::new("/tmp"));
    let (config, socket) = (folder.join("perf.toml"), folder.join("perf.sock"));
    std::fs::write(&config, configuration(file, &socket, flows, mbufs))
        .map_err(Error::io(config.display().to_string()))?;
    let mut child = start(&config)?;
    let measured = measure(&socket, flows, time);
    let words = stop(&mut child);
    measured.map_err(|why| Error::Program {
        program: "tandem-dataplane".to_owned(),
        why: format!("{why} | {}", words.lines().rev().take(5).collect::<Vec<_>>().join(" | ")),
    })
}

fn start(config: &Path) -> Result<Child, Error> {
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

fn stop(child: &mut Child) -> String {
    // Both may have ended already; the words are what counts.
    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let mut words = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = stderr.read_to_string(&mut words);
    }
    let _ = child.wait();
    words
}

/// Forwarded packets and cycles so far, and connections.
fn counters(client: &mut Client) -> Result<(u64, u64, u64), String> {
    let counters = client.counters().map_err(|error| error.to_string())?;
    let worker = counters.workers.first().ok_or("no worker")?;
    let of = |name: &str| worker.counters.get(name).copied().unwrap_or_default();
    Ok((of("fast_path_packets"), of("cycles"), of("connections")))
}

fn measure(socket: &Path, flows: u32, time: Duration) -> Result<Run, String> {
    let deadline = Instant::now() + PATIENCE;
    let mut client = loop {
        match Client::connect(socket) {
            Ok(client) => break client,
            Err(error) if Instant::now() > deadline => return Err(error.to_string()),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    while counters(&mut client)?.2 < u64::from(flows) {
        if Instant::now() > deadline {
            return Err(format!("only {} of {flows} connections", counters(&mut client)?.2));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let (packets, cycles, _) = counters(&mut client)?;
    let started = Instant::now();
    std::thread::sleep(time);
    let (packets_after, cycles_after, _) = counters(&mut client)?;
    let seconds = started.elapsed().as_secs_f64();
    let forwarded = (packets_after - packets) as f64;
    Ok(Run {
        mpps: forwarded / seconds / 1e6,
        cycles: (cycles_after - cycles) as f64 / forwarded.max(1.0),
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
