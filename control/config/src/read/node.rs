//! `[node]`.

use crate::document::{At, Table, value};
use crate::model::node::{CoreId, Idle, LogLevel, Node, Unserved};
use crate::read::distinct;

const IDLE: &[(&str, Idle)] = &[("poll", Idle::Poll), ("adaptive", Idle::Adaptive)];

pub(super) const UNSERVED: &[(&str, Unserved)] =
    &[("reject", Unserved::Reject), ("drop", Unserved::Drop)];

const LEVELS: &[(&str, LogLevel)] = &[
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];

/// The longest path of a Unix socket (`sun_path`, without its end).
const SOCKET_PATH: usize = 107;

/// The section, and the place of what is judged with others.
pub(crate) struct RawNode {
    pub(crate) node: Node,
    pub(crate) mbufs: Option<At<u32>>,
}

pub(super) fn read(table: Table<'_>) -> Option<RawNode> {
    let name = table.required("name", value::name(63));
    let workers = workers(&table);
    // What comes after is read and judged even where these are missing.
    let complete = name.is_some() && workers.is_some();
    let mut node =
        Node::new(name.map_or(String::new(), |name| name.value), workers.unwrap_or_default());
    node.main_cores = main_cores(&table, &node.workers);
    if let Some(ports) = table.list("management_ports", value::integer(1..=65_535)) {
        let ports: Vec<_> = ports.value.into_iter().map(|port| (port.value, port.span)).collect();
        distinct(&table, "management_ports", &ports, |port| format!("port {port}"));
        node.management_ports = ports.into_iter().map(|(port, _)| port).collect();
    }
    if let Some(idle) = table.optional("idle", value::choice(IDLE)) {
        node.idle = idle.value;
    }
    if let Some(rss) = table.optional("rss", value::boolean) {
        node.rss = rss.value;
    }
    if let Some(unserved) = table.optional("unserved", value::choice(UNSERVED)) {
        node.unserved = unserved.value;
    }
    if let Some(connections) = table.optional("connections", value::integer(1..=1_000_000_000)) {
        node.connections = connections.value;
    }
    if let Some(persistence) = table.optional("persistence", value::integer(1..=100_000_000)) {
        node.persistence = persistence.value;
    }
    read_process(&table, &mut node);
    let mbufs = read_memory(&table, &mut node);
    complete.then_some(RawNode { node, mbufs })
}

fn workers(table: &Table<'_>) -> Option<Vec<CoreId>> {
    table.expect("workers");
    let list = table.list("workers", value::integer(0..=1023))?;
    let cores: Vec<_> = list.value.into_iter().map(|at| (CoreId(at.value), at.span)).collect();
    if table.is_empty("workers") {
        table.report.error(
            &list.span,
            "node.workers has no core",
            "write the cores that are to forward, as in workers = [1]; lscpu -e lists them",
        );
        return None;
    }
    distinct(table, "workers", &cores, |core| format!("core {core}"));
    Some(cores.into_iter().map(|(core, _)| core).collect())
}

fn main_cores(table: &Table<'_>, workers: &[CoreId]) -> Vec<CoreId> {
    let Some(list) = table.list("main_cores", value::integer(0..=1023)) else { return Vec::new() };
    let cores: Vec<_> = list.value.into_iter().map(|at| (CoreId(at.value), at.span)).collect();
    distinct(table, "main_cores", &cores, |core| format!("core {core}"));
    for (core, span) in &cores {
        if workers.contains(core) {
            table.report.warning(
                span,
                format!("node.main_cores has core {core}, which is a worker's"),
                "a worker loses packets while something else runs on its core: choose another",
            );
        }
    }
    cores.into_iter().map(|(core, _)| core).collect()
}

fn read_memory(table: &Table<'_>, node: &mut Node) -> Option<At<u32>> {
    if let Some(hugepages) = table.optional("hugepages", value::boolean) {
        node.memory.hugepages = hugepages.value;
    }
    let mebibytes = table.optional("memory", value::integer(64..=1_048_576));
    node.memory.mebibytes = mebibytes.map(|mebibytes| mebibytes.value);
    let mbufs = table.optional("mbufs", value::integer(1024..=16_777_215));
    node.memory.mbufs = mbufs.as_ref().map(|mbufs| mbufs.value);
    mbufs
}

fn read_process(table: &Table<'_>, node: &mut Node) {
    if let Some(socket) = table.optional("control_socket", value::path) {
        if socket.value.as_os_str().len() > SOCKET_PATH {
            table.report.error(
                &socket.span,
                format!("node.control_socket is longer than {SOCKET_PATH} bytes"),
                format!("write a shorter path, as in \"{}\"", Node::CONTROL_SOCKET),
            );
        }
        node.control_socket = socket.value;
    }
    if let Some(log) = table.optional("log", value::choice(LEVELS)) {
        node.log = log.value;
    }
    if let Some(prefix) = table.optional("file_prefix", value::name(63)) {
        node.file_prefix = prefix.value;
    }
    if let Some(state) = table.optional("state", value::path) {
        node.state = state.value;
    }
    node.maintenance = table.optional("maintenance", value::path).map(|folder| folder.value);
}
