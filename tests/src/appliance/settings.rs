//! The appliance's configuration, and what differs from one scenario to another.

use super::keys::key_file;
use super::machine::Machine;
use super::page;
use crate::{GATEWAY, SECOND_GATEWAY, SECOND_VIP, VIP};

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
    /// The device of a side.
    fn device(self, number: u8, interface: &str) -> String {
        match self {
            // The driver's 512 frames overflow, uncounted, when a shared machine lets a
            // worker wait for some milliseconds.
            Driver::AfPacket => format!("net_af_packet{number},iface={interface},framecnt=8192"),
            Driver::AfXdp => format!("net_af_xdp{number},iface={interface}"),
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
    /// Two machines: with a `[peer]` section.
    pub pair: bool,
    /// tandem-control runs also where there is one machine, to check its servers.
    pub control: bool,
    /// More lines for the web service: its checks, say.
    pub web: &'static str,
    /// More lines for the DNS service.
    pub dns: &'static str,
    /// More sections: services of a scenario's own, say.
    pub sections: &'static str,
    /// More lines for the `[public]` section.
    pub on_public: &'static str,
    /// More lines for the `[peer]` section.
    pub peer: &'static str,
    /// Heartbeats take the paths over both NICs alone, and not the direct link.
    pub nic_paths: bool,
    /// Both machines have the name of the first one, as after a configuration was copied.
    pub one_name: bool,
    /// The metrics are served on the direct link, and not on loopback.
    pub metrics_on_link: bool,
    /// The status page is served on the direct link, over TLS and with a token, and not on loopback.
    pub page_on_link: bool,
    /// A second floating address on each side, and on the public one two services more.
    pub second_addresses: bool,
    /// Lines for the `[timeouts.service]` section.
    pub timeouts: &'static str,
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
            pair: false,
            control: false,
            web: "",
            dns: "",
            sections: "",
            on_public: "",
            peer: "",
            nic_paths: false,
            one_name: false,
            metrics_on_link: false,
            page_on_link: false,
            second_addresses: false,
            timeouts: "",
        }
    }
}

impl Settings {
    /// The two machines, at the timers that they have by default: for measuring.
    pub fn pair() -> Self {
        Settings { pair: true, ..Settings::default() }
    }

    /// The two machines at timers that forgive a shared machine its pauses: for scenarios
    /// that tell what happens, and not how fast.
    pub fn patient_pair() -> Self {
        Settings { peer: "dead = \"600ms\"\nlease = \"500ms\"", ..Settings::pair() }
    }

    /// One machine that checks its web servers, over TLS as well, and its DNS servers, twice a
    /// second.
    pub fn checked() -> Self {
        Settings {
            control: true,
            web: r#"
check = { kind = "http", path = "/healthz", body = "well", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }"#,
            dns: r#"
check = { kind = "dns", name = "whoami.lab", type = "TXT", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }"#,
            sections: r#"
[[service]]
name = "tls"
listen = "198.51.100.10:443"
protocol = "tcp"
scheduler = "rr"
server = [{ address = "10.0.0.11:443" }, { address = "10.0.0.12:443" }, { address = "10.0.0.13:443" }]
check = { kind = "https", path = "/healthz", name = "www.lab.example", ca = "/run/tandem-lab/authority.pem", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }

[[service]]
name = "udp"
listen = "198.51.100.10:5353"
protocol = "udp"
scheduler = "rr"
server = [{ address = "10.0.0.11:53" }, { address = "10.0.0.12:53" }, { address = "10.0.0.13:53" }]
check = { kind = "udp", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }
"#,
            ..Settings::default()
        }
    }

    /// The servers of a service, as the file has them.
    fn servers(&self, port: u16, weights: [u16; 3]) -> String {
        let used = (0..3).filter(|&place| self.without != Some(place));
        let server = |place: usize| {
            let (last, weight) = (11 + place, weights[place]);
            format!("{{ address = \"10.0.0.{last}:{port}\", weight = {weight} }}")
        };
        used.map(server).collect::<Vec<_>>().join(", ")
    }

    /// The second floating addresses of both sides, as they follow the first, and the services
    /// of the public one.
    fn second_addresses(&self) -> ([String; 2], String) {
        if !self.second_addresses {
            return Default::default();
        }
        let service = |name: &str, protocol: &str, port: u16| {
            let servers = self.servers(port, [1; 3]);
            format!(
                "[[service]]\nname = \"second-{name}\"\nlisten = \"{SECOND_VIP}:{port}\"\n\
                 protocol = \"{protocol}\"\nserver = [{servers}]\n\n"
            )
        };
        let addresses = [SECOND_VIP, SECOND_GATEWAY].map(|second| format!(", \"{second}/24\""));
        (addresses, service("web", "tcp", 80) + &service("dns", "udp", 53))
    }

    fn peer_section(&self, machine: &Machine) -> String {
        if !self.pair {
            return String::new();
        }
        let other = machine.other();
        let path = |local: &str, remote: &str| {
            format!("    {{ local = \"{local}\", remote = \"{remote}\" }},\n")
        };
        let paths = [
            path(machine.public, other.public),
            path(machine.private, other.private),
            path(machine.direct, other.direct),
        ];
        let paths = if self.nic_paths { &paths[..2] } else { &paths[..] };
        format!(
            "[peer]\npaths = [\n{}]\nkey_file = \"{}\"\n{}\n",
            paths.concat(),
            key_file(),
            self.peer
        )
    }

    /// The file of a machine.
    pub(super) fn file(&self, machine: &Machine) -> String {
        let Settings { workers, connections, scheduler, weights, timeouts, .. } = self;
        let Settings { web, dns, sections, on_public, .. } = self;
        let (web_servers, dns_servers) = (self.servers(80, *weights), self.servers(53, [1; 3]));
        let Machine { name, public, private, .. } = machine;
        let name = if self.one_name { super::A.name } else { name };
        let [pub0, priv0] = [(0, "pub0"), (1, "priv0")].map(|(n, i)| self.driver.device(n, i));
        let (socket, prefix) = (machine.socket(), machine.file_prefix());
        let (socket, state, peer) =
            (socket.display(), machine.folder(), self.peer_section(machine));
        let ([second_vip, second_gateway], second_services) = self.second_addresses();
        let metrics = match self.metrics_on_link {
            true => format!("[metrics]\nlisten = \"{}:9405\"\n", machine.direct),
            false => String::new(),
        };
        let page = if self.page_on_link { page::section(machine) } else { String::new() };
        format!(
            r#"# An appliance of the lab.
[node]
name = "{name}"
workers = {workers}
main_cores = [0]
idle = "adaptive"
hugepages = false
memory = 512
connections = {connections}
control_socket = "{socket}"
file_prefix = "{prefix}"
state = "{state}/state"

[public]
port = "{pub0}"
address = "{public}/24"
floating = ["{VIP}/24"{second_vip}]
gateway = "198.51.100.1"
{on_public}

[private]
port = "{priv0}"
address = "{private}/24"
floating = ["{GATEWAY}/24"{second_gateway}]

{peer}
{metrics}
{page}
[timeouts.service]
{timeouts}

[[masquerade]]
source = ["10.0.0.0/24"]
address = "{VIP}"

[[service]]
name = "web"
listen = "{VIP}:80"
protocol = "tcp"
scheduler = "{scheduler}"
server = [{web_servers}]
{web}

[[service]]
name = "dns"
listen = "{VIP}:53"
protocol = "udp"
scheduler = "rr"
server = [{dns_servers}]
{dns}

# Scenarios start what answers here: iperf3 on s1, echoes of datagrams on s2.
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

{second_services}
{sections}"#
        )
    }
}
