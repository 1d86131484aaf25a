//! This machine: cores, memory, sockets.

use core::fmt;
use std::path::{Path, PathBuf};

/// What concerns this machine alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// The machine's name; unique in the pair.
    pub name: String,
    /// The cores that forward, one worker each; distinct, at least one.
    pub workers: Vec<CoreId>,
    /// The cores of everything but the workers; empty: every core of the machine
    /// that is not a worker's. See [`Node::main_cores_of`].
    pub main_cores: Vec<CoreId>,
    /// TCP ports of this machine that are to be reached in a flood at its real addresses, too.
    pub management_ports: Vec<u16>,
    /// What a worker does when no packet comes.
    pub idle: Idle,
    /// Have NICs that can send packets to their worker do it.
    pub rss: bool,
    /// What is told to those whom nobody serves, unless their service says otherwise.
    pub unserved: Unserved,
    /// The Unix socket on which the dataplane takes commands.
    pub control_socket: PathBuf,
    /// Connections that this machine can hold, over all workers.
    pub connections: u32,
    /// Persistent clients that this machine remembers, over all services.
    pub persistence: u32,
    /// Memory for DPDK.
    pub memory: Memory,
    /// The least severe messages that are logged.
    pub log: LogLevel,
    /// What tells this dataplane's DPDK files from another's on the same machine.
    pub file_prefix: String,
    /// The folder of what has to outlive a restart: the term, and what operators want of servers.
    pub state: PathBuf,
    /// The folder whose files take servers out; none: `maintenance.d` beside the configuration
    /// file.
    pub maintenance: Option<PathBuf>,
}

impl Node {
    /// Where the dataplane's socket is unless the configuration says otherwise.
    pub const CONTROL_SOCKET: &str = "/run/tandem/dataplane.sock";

    /// The folder of what outlives a restart, unless the configuration says otherwise.
    pub const STATE: &str = "/var/lib/tandem";

    /// The port of SSH (RFC 4253).
    pub const SSH: u16 = 22;

    /// A machine with every default.
    pub fn new(name: impl Into<String>, workers: Vec<CoreId>) -> Self {
        Node {
            name: name.into(),
            workers,
            main_cores: Vec::new(),
            management_ports: vec![Self::SSH],
            idle: Idle::Poll,
            rss: true,
            unserved: Unserved::Reject,
            control_socket: PathBuf::from(Self::CONTROL_SOCKET),
            connections: 1_000_000,
            persistence: 1_000_000,
            memory: Memory::default(),
            log: LogLevel::Info,
            file_prefix: "tandem".to_owned(),
            state: PathBuf::from(Self::STATE),
            maintenance: None,
        }
    }

    /// The Unix socket of tandem-control, beside the dataplane's.
    pub fn pair_socket(&self) -> PathBuf {
        Self::pair_socket_beside(&self.control_socket)
    }

    /// The socket of the tandem-control that belongs to this socket of a dataplane.
    pub fn pair_socket_beside(control_socket: &Path) -> PathBuf {
        control_socket.with_file_name("control.sock")
    }

    /// The cores for everything but the workers, on a machine with these cores: those
    /// configured, else those that are no worker's, else (every core is a worker's)
    /// the first core.
    pub fn main_cores_of(&self, machine: &[CoreId]) -> Vec<CoreId> {
        if !self.main_cores.is_empty() {
            return self.main_cores.clone();
        }
        let free = machine.iter().copied().filter(|core| !self.workers.contains(core));
        let free: Vec<CoreId> = free.collect();
        if free.is_empty() { machine.iter().copied().take(1).collect() } else { free }
    }
}

/// A CPU core by the number that Linux gives it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CoreId(pub u16);

impl fmt::Display for CoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a worker does when no packet comes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Idle {
    /// Polls on: the least latency, and its core is always busy.
    #[default]
    Poll,
    /// Sleeps after empty polls: spares the core, costs latency.
    Adaptive,
}

/// What is told to those whom nobody serves: a closed port of a floating address, a service
/// without servers, an address without a way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Unserved {
    /// They get a TCP reset or an ICMP error at once.
    #[default]
    Reject,
    /// They get no answer.
    Drop,
}

/// Memory for DPDK.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Memory {
    /// Take it from hugepages; without them forwarding is slower.
    pub hugepages: bool,
    /// How much to take at start, in MiB; none: as it is needed.
    pub mebibytes: Option<u32>,
    /// Packet buffers, over both NICs and all workers; none: as many as can be in use
    /// ([`Buffers`](super::buffers::Buffers)).
    pub mbufs: Option<u32>,
}

impl Default for Memory {
    fn default() -> Self {
        Memory { hugepages: true, mebibytes: None, mbufs: None }
    }
}

/// The least severe messages that are logged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum LogLevel {
    /// What stops the work.
    Error,
    /// What will.
    Warn,
    /// What changed.
    #[default]
    Info,
    /// What was decided.
    Debug,
    /// Everything.
    Trace,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(numbers: &[u16]) -> Vec<CoreId> {
        numbers.iter().copied().map(CoreId).collect()
    }

    #[test]
    fn main_runs_beside_the_workers() {
        let mut node = Node::new("a", cores(&[1, 2]));
        assert_eq!(node.main_cores_of(&cores(&[0, 1, 2, 3])), cores(&[0, 3]));
        node.main_cores = cores(&[3]);
        assert_eq!(node.main_cores_of(&cores(&[0, 1, 2, 3])), cores(&[3]));
    }

    #[test]
    fn main_shares_the_first_core_when_every_core_works() {
        let node = Node::new("a", cores(&[0, 1]));
        assert_eq!(node.main_cores_of(&cores(&[0, 1])), cores(&[0]));
    }
}
