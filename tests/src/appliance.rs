//! What forwards in tandem-a: the appliance, or the kernel in its place.

use std::path::{Path, PathBuf};

use api::{Client, Reload};

use crate::namespace::{must, signal, write};
use crate::topology::{Lab, Options, Router, address};
use crate::{Error, FOLDER, VIP, wait_until};

/// What DPDK keeps of the lab's appliance.
pub(crate) const DPDK_FOLDER: &str = "/run/dpdk/tandem-lab-a";
/// Lines of a log that an error shows.
const LOG_LINES: usize = 12;

/// The appliance of the lab.
#[derive(Debug)]
pub struct Appliance;

/// How the appliance reaches its NICs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Driver {
    /// Packet sockets. Their driver asks the kernel to put fragments together before it
    /// takes them, so that the appliance never sees one.
    #[default]
    AfPacket,
    /// XDP sockets: every frame as it is.
    AfXdp,
}

impl Driver {
    const fn name(self) -> &'static str {
        match self {
            Driver::AfPacket => "net_af_packet",
            Driver::AfXdp => "net_af_xdp",
        }
    }
}

/// What differs from one configuration of the appliance to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// How it reaches its NICs.
    pub driver: Driver,
    /// Cores that forward, as the configuration writes them.
    pub workers: &'static str,
    /// Room for connections.
    pub connections: u32,
    /// Scheduler of the web service.
    pub scheduler: &'static str,
    /// Weights of its servers.
    pub weights: [u16; 3],
    /// A real server, by its place, that is in no service.
    pub without: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            driver: Driver::default(),
            workers: "[1]",
            connections: 100_000,
            scheduler: "rr",
            weights: [1, 1, 1],
            without: None,
        }
    }
}

fn folder() -> String {
    format!("{FOLDER}/a")
}

/// The control socket.
pub fn socket() -> PathBuf {
    Path::new(&folder()).join("dataplane.sock")
}

/// A program of this build: beside the one that runs, or a folder up from a test.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from(name))
}

impl Appliance {
    pub(crate) fn start(options: Options) -> Result<Self, Error> {
        std::fs::create_dir_all(folder()).map_err(Error::file(folder()))?;
        let appliance = Appliance;
        match options.router {
            Router::Appliance => appliance.launch(&options.settings)?,
            Router::Kernel => kernel()?,
        }
        wait_until("the virtual IP answers the client's ping", 30, || {
            let ping = ["ping", "-c", "1", "-W", "1", VIP];
            Lab::CLIENT.run(&ping).is_ok_and(|output| output.ok())
        })
        .map_err(|error| appliance.with_log(error))?;
        Ok(appliance)
    }

    /// Starts the process with a configuration, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Error`], with the last lines of its log.
    pub fn launch(&self, settings: &Settings) -> Result<(), Error> {
        let configuration = self.configure(settings)?;
        let dataplane = program("tandem-dataplane").display().to_string();
        let words = [dataplane.as_str(), "--config", &configuration];
        let process = Lab::A.serve("a/dataplane.log", &words)?;
        write(&format!("{}/pid", folder()), &process.to_string())?;
        let mut ended = false;
        wait_until("tandem-dataplane answers on its socket", 60, || {
            ended = !self.runs();
            ended || self.client().is_ok()
        })
        .map_err(|error| self.with_log(error))?;
        if ended {
            let words = format!("it ended; its log ends with\n  {}", self.last_words());
            return Err(Error::Command { command: "tandem-dataplane".to_owned(), words });
        }
        Ok(())
    }

    /// Its process.
    pub fn process(&self) -> Option<u32> {
        std::fs::read_to_string(format!("{}/pid", folder())).ok()?.trim().parse().ok()
    }

    /// True while the process is there.
    pub fn runs(&self) -> bool {
        self.process().is_some_and(|process| {
            let status = std::fs::read_to_string(format!("/proc/{process}/stat"));
            // A process that has ended and not been waited for is a Z.
            status.is_ok_and(|status| !status.contains(") Z "))
        })
    }

    /// Asks the process to end, and waits until it has.
    ///
    /// # Errors
    ///
    /// [`Error::Waited`].
    pub fn terminate(&self) -> Result<(), Error> {
        let Some(process) = self.process() else { return Ok(()) };
        signal("-TERM", process);
        wait_until("tandem-dataplane has ended", 30, || !self.runs())
            .map_err(|error| self.with_log(error))
    }

    /// Writes the configuration file; returns its path.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn configure(&self, settings: &Settings) -> Result<String, Error> {
        let path = format!("{}/tandem.toml", folder());
        write(&path, &self.configuration(settings))?;
        Ok(path)
    }

    /// Takes other settings while it runs.
    ///
    /// # Errors
    ///
    /// [`Error::Command`], with what it said.
    pub fn reload(&self, settings: &Settings) -> Result<(), Error> {
        self.configure(settings)?;
        let refused = |words: String| Error::Command { command: "reload".to_owned(), words };
        let mut client = self.client().map_err(refused)?;
        client.reload(Reload::default()).map(|_| ()).map_err(|error| refused(error.to_string()))
    }

    /// A client of its control socket.
    ///
    /// # Errors
    ///
    /// What went wrong, in words.
    pub fn client(&self) -> Result<Client, String> {
        Client::connect(socket()).map_err(|error| error.to_string())
    }

    /// Packets dropped for a reason so far.
    ///
    /// # Panics
    ///
    /// Never: an appliance that does not answer has dropped nothing that it could tell of.
    pub fn dropped(&self, reason: &str) -> u64 {
        let counters = self.client().ok().and_then(|mut client| client.counters().ok());
        let drops = counters.map(|counters| counters.drops).unwrap_or_default();
        drops.iter().filter(|drop| drop.name == reason).map(|drop| drop.packets).sum()
    }

    /// A counter of each worker.
    pub fn counted(&self, counter: &str) -> Vec<u64> {
        let counters = self.client().ok().and_then(|mut client| client.counters().ok());
        let workers = counters.map(|counters| counters.workers).unwrap_or_default();
        workers.iter().map(|worker| worker.counters.get(counter).copied().unwrap_or(0)).collect()
    }

    /// Connections opened so far to each real server of a service, in the order of the
    /// configuration.
    pub fn opened(&self, service: &str) -> Vec<u64> {
        let services = self.client().ok().and_then(|mut client| client.services().ok());
        let services = services.map(|services| services.services).unwrap_or_default();
        let service = services.into_iter().find(|one| one.name == service);
        let servers = service.map(|service| service.servers).unwrap_or_default();
        servers.iter().map(|server| server.connections_total).collect()
    }

    /// Runs the command line against it.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn tandem(&self, words: &[&str]) -> Result<crate::Output, Error> {
        let (program, socket) = (program("tandem"), socket());
        let (program, socket) = (program.display().to_string(), socket.display().to_string());
        let mut all = vec![program.as_str(), "--socket", &socket];
        all.extend(words);
        Lab::A.run(&all)
    }

    fn with_log(&self, error: Error) -> Error {
        let Error::Waited { seconds, what, .. } = error else { return error };
        Error::Waited {
            seconds,
            what,
            words: format!("; its log ends with\n  {}", self.last_words()),
        }
    }

    /// The end of its log.
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(format!("{}/dataplane.log", folder()));
        let log = log.unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n  ")
    }

    fn configuration(&self, settings: &Settings) -> String {
        let Settings { workers, connections, scheduler, weights, .. } = settings;
        let used = (0..3).filter(|&place| settings.without != Some(place));
        let servers = |port: u16, weights: [u16; 3]| -> String {
            let server = |place: usize| {
                let (last, weight) = (11 + place, weights[place]);
                format!("{{ address = \"10.0.0.{last}:{port}\", weight = {weight} }}")
            };
            used.clone().map(server).collect::<Vec<_>>().join(", ")
        };
        let (web, dns) = (servers(80, *weights), servers(53, [1; 3]));
        let (driver, socket) = (settings.driver.name(), socket());
        format!(
            r#"# The appliance of the lab.
[node]
name = "a"
workers = {workers}
main_cores = [0]
idle = "adaptive"
hugepages = false
memory = 512
mbufs = 32767
connections = {connections}
control_socket = "{socket}"
file_prefix = "tandem-lab-a"

[public]
port = "{driver}0,iface=pub0"
address = "198.51.100.2/24"
floating = ["{VIP}/24"]
gateway = "198.51.100.1"

[private]
port = "{driver}1,iface=priv0"
address = "10.0.0.2/24"
floating = ["10.0.0.1/24"]

[[masquerade]]
source = ["10.0.0.0/24"]
address = "{VIP}"

[[service]]
name = "web"
listen = "{VIP}:80"
protocol = "tcp"
scheduler = "{scheduler}"
server = [{web}]

[[service]]
name = "dns"
listen = "{VIP}:53"
protocol = "udp"
scheduler = "rr"
server = [{dns}]

# Scenarios start what answers here: iperf3 on s1, echoes of large datagrams on s2.
[[service]]
name = "iperf"
listen = "{VIP}:5201"
protocol = "tcp"
server = [{{ address = "10.0.0.11:5201" }}]

[[service]]
name = "echo"
listen = "{VIP}:7"
protocol = "udp"
server = [{{ address = "10.0.0.12:7" }}]

# Nobody ever answers here.
[[service]]
name = "closed"
listen = "{VIP}:9"
protocol = "udp"
server = [{{ address = "10.0.0.13:9" }}]
"#,
            socket = socket.display(),
        )
    }
}

/// The kernel in the appliance's place, with the same addresses and services.
fn kernel() -> Result<(), Error> {
    let a = Lab::A;
    a.must(&["nft", "flush", "ruleset"])?;
    address(a, "pub0", "198.51.100.2/24")?;
    address(a, "pub0", "198.51.100.10/24")?;
    address(a, "priv0", "10.0.0.2/24")?;
    address(a, "priv0", "10.0.0.1/24")?;
    must(&["ip", "-n", a.0, "route", "add", "default", "via", "198.51.100.1"])?;
    a.must(&["sysctl", "-qw", "net.ipv4.ip_forward=1"])?;
    let rules = "table ip lab {\n chain pre {\n  type nat hook prerouting priority dstnat;\n  \
                 ip daddr 198.51.100.10 tcp dport 80 dnat to numgen inc mod 3 map { 0 : 10.0.0.11, \
                 1 : 10.0.0.12, 2 : 10.0.0.13 }\n  ip daddr 198.51.100.10 udp dport 53 dnat to \
                 numgen inc mod 3 map { 0 : 10.0.0.11, 1 : 10.0.0.12, 2 : 10.0.0.13 }\n  ip daddr \
                 198.51.100.10 tcp dport 5201 dnat to 10.0.0.11\n  ip daddr 198.51.100.10 udp \
                 dport 7 dnat to 10.0.0.12\n  ip daddr 198.51.100.10 udp dport 9 dnat to \
                 10.0.0.13\n }\n chain post {\n  type nat hook postrouting priority srcnat;\n  ip \
                 saddr 10.0.0.0/24 oifname pub0 snat to 198.51.100.10\n  ip saddr 10.0.0.0/24 \
                 oifname priv0 snat to 10.0.0.1\n }\n}\n";
    let path = format!("{}/kernel.nft", folder());
    write(&path, rules)?;
    a.must(&["nft", "-f", &path]).map(|_| ())
}
