//! The configuration of a dataplane that is measured.
//!
//! It has a `[peer]` that does not exist: so the dataplane starts as standby, takes all
//! connections over its stream of connection sync, and forwards when it is told to.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nat::Side;

use crate::Error;
use crate::packets::{SERVICE_PORT, VIP};
use crate::replay::Replay;
use crate::traffic::SERVERS;

/// Buffers besides those that hold the files, for what a worker can have in its hands.
const BUFFERS_OF_A_WORKER: u32 = 24_576;

/// What the dataplane runs with.
pub(super) struct Setup<'a> {
    pub(super) replay: &'a Replay,
    pub(super) connections: u32,
    pub(super) workers: usize,
    /// Services besides, of ten servers each, which nobody asks.
    pub(super) idle_services: u32,
}

/// Servers of an idle service, and the first port of theirs and of their service.
const IDLE_SERVERS: u32 = 10;
const IDLE_PORT: u32 = 20_000;

/// The files of a dataplane.
pub(super) struct Files {
    pub(super) configuration: PathBuf,
    pub(super) socket: PathBuf,
}

impl Setup<'_> {
    /// Writes the configuration and its key.
    pub(super) fn write(&self, folder: &Path) -> Result<Files, Error> {
        let configuration = folder.join("perf.toml");
        let (socket, key) = (folder.join("perf.sock"), folder.join("perf.key"));
        let text = self.text(folder, &socket) + &peer(&key);
        std::fs::write(&configuration, text)
            .map_err(Error::io(configuration.display().to_string()))?;
        write_key(&key).map_err(Error::io(key.display().to_string()))?;
        Ok(Files { configuration, socket })
    }

    /// Writes the configuration of a tandem-control beside the dataplane: one that is no machine
    /// of a pair, and leaves the role alone.
    pub(super) fn write_for_control(
        &self,
        folder: &Path,
        metrics: SocketAddr,
    ) -> Result<PathBuf, Error> {
        let path = folder.join("control.toml");
        let text = self.text(folder, &folder.join("perf.sock"));
        let text = format!("{text}\n[metrics]\nlisten = \"{metrics}\"\n");
        std::fs::write(&path, text).map_err(Error::io(path.display().to_string()))?;
        Ok(path)
    }

    /// Room in the tables of all workers. Addresses never share out evenly.
    fn room(&self) -> u32 {
        if self.workers == 1 { self.connections } else { self.connections / 8 * 9 + 4096 }
    }

    fn idle_services(&self) -> String {
        let mut text = String::new();
        for number in 0..self.idle_services {
            let (port, name) = (IDLE_PORT + number, format!("idle-{number}"));
            let server = |server| format!("{{ address = \"10.0.0.{}:{port}\" }}", 100 + server);
            let servers: Vec<String> = (0..IDLE_SERVERS).map(server).collect();
            // A String takes everything.
            let _ = write!(
                text,
                "\n[[service]]\nname = \"{name}\"\nlisten = \"{VIP}:{port}\"\nprotocol = \"udp\"\n\
                 server = [{}]\n",
                servers.join(", ")
            );
        }
        text
    }

    /// All but the peer.
    fn text(&self, folder: &Path, socket: &Path) -> String {
        let cores: Vec<String> = (1..=self.workers).map(|core| core.to_string()).collect();
        let (mut neighbours, mut servers) = (String::new(), String::new());
        for address in SERVERS {
            let last = address.octets()[3];
            let mac = format!("02:00:00:00:00:{last}");
            // A String takes everything.
            let _ = write!(neighbours, "{{ address = \"{address}\", mac = \"{mac}\" }}, ");
            let _ = write!(servers, "{{ address = \"{address}:{SERVICE_PORT}\" }}, ");
        }
        format!(
            r#"
[node]
name = "perf"
workers = [{cores}]
connections = {connections}
mbufs = {mbufs}
file_prefix = "tandem-perf"
control_socket = "{socket}"
state = "{state}"
log = "error"

[public]
port = "{public}"
address = "198.18.0.2/24"
floating = ["{VIP}/24"]
gateway = "198.18.0.254"
neighbour = [{{ address = "198.18.0.254", mac = "02:00:00:00:00:fe" }}]

[private]
port = "{private}"
address = "10.0.0.2/24"
floating = ["10.0.0.1/24"]
neighbour = [{neighbours}]

[[masquerade]]
source = ["10.0.0.0/24"]
address = "{VIP}"

[[service]]
name = "perf"
listen = "{VIP}:{SERVICE_PORT}"
protocol = "udp"
scheduler = "rr"
server = [{servers}]
{idle}"#,
            cores = cores.join(", "),
            connections = self.room(),
            mbufs = self.replay.packets() + BUFFERS_OF_A_WORKER * self.workers as u32,
            socket = socket.display(),
            state = folder.join("state").display(),
            idle = self.idle_services(),
            public = self.replay.device(Side::Public),
            private = self.replay.device(Side::Private),
        )
    }
}

/// A peer that does not exist.
fn peer(key: &Path) -> String {
    format!(
        r#"
[peer]
paths = [
    {{ local = "198.18.0.2", remote = "198.18.0.3" }},
    {{ local = "10.0.0.2", remote = "10.0.0.3" }},
]
key_file = "{}"
"#,
        key.display()
    )
}

/// A key that nobody uses: there is no peer. But there has to be one.
fn write_key(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(&[0x5a; 32])
}

#[cfg(test)]
mod tests {
    use config::Config;

    use super::*;
    use crate::traffic::{Mix, Size, Traffic};

    #[test]
    fn it_has_no_mistakes() {
        let folder = std::env::temp_dir().join("tandem-perf-test-configuration");
        std::fs::create_dir_all(&folder).unwrap();
        let traffic =
            Traffic { mix: Mix::Both, one_way: false, size: Size::Smallest, connections: 64 };
        let replay = Replay::write(&folder, "flows", &traffic, 2).unwrap();
        let setup = Setup { replay: &replay, connections: 64, workers: 2, idle_services: 3 };
        let files = setup.write(&folder).unwrap();
        let checked = Config::load_checked(&files.configuration).unwrap();
        assert!(checked.warnings.is_empty());
        assert_eq!(checked.config.node.workers.len(), 2);
        assert_eq!(checked.config.services.len(), 4);
        let metrics = "127.0.0.1:9406".parse().unwrap();
        let control = setup.write_for_control(&folder, metrics).unwrap();
        let config = Config::load_checked(&control).unwrap().config;
        assert!(config.peer.is_none());
        assert_eq!(config.metrics.listen, metrics);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
