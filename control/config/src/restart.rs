//! What a running dataplane can take, and what only a restart changes.

use core::fmt::{Debug, Display};
use std::path::PathBuf;

use crate::model::Config;
use crate::model::interface::Interface;
use crate::model::node::Node;
use crate::model::peer::{Peer, PeerPath, Timing};
use crate::model::status::StatusPage;

impl Config {
    /// What differs in `new` and cannot be changed while the dataplane runs, one line
    /// each: `node.workers: [1] now, [1, 2] in the file`. Empty: a reload takes all of
    /// `new`.
    ///
    /// What is set up once is cores, memory, devices, the kernel's interfaces, the folder of what
    /// is kept, and whether the machine is one of a pair.
    /// Floating addresses, gateways, routes, neighbours, services, masquerade rules
    /// and timeouts may change at any time.
    pub fn restart_needed(&self, new: &Config) -> Vec<String> {
        let mut changes = Changes(Vec::new());
        let (old_node, node) = (&self.node, &new.node);
        changes.text("node.name", &old_node.name, &node.name);
        changes.list("node.workers", &old_node.workers, &node.workers);
        changes.list("node.main_cores", &old_node.main_cores, &node.main_cores);
        changes.debug("node.idle", &old_node.idle, &node.idle);
        changes.text("node.rss", &old_node.rss, &node.rss);
        changes.text("node.connections", &old_node.connections, &node.connections);
        changes.text("node.persistence", &old_node.persistence, &node.persistence);
        let (old_memory, memory) = (&old_node.memory, &node.memory);
        changes.text("node.hugepages", &old_memory.hugepages, &memory.hugepages);
        changes.option("node.memory", old_memory.mebibytes, memory.mebibytes);
        changes.option("node.mbufs", old_memory.mbufs, memory.mbufs);
        let socket = |node: &Node| node.control_socket.display().to_string();
        changes.text("node.control_socket", &socket(old_node), &socket(node));
        changes.debug("node.log", &old_node.log, &node.log);
        changes.text("node.file_prefix", &old_node.file_prefix, &node.file_prefix);
        changes.interface("public", &self.public, &new.public);
        changes.interface("private", &self.private, &new.private);
        changes.text("node.state", &old_node.state.display(), &node.state.display());
        // A source's connections cannot be counted once they are there.
        changes.text("sources", &self.sources.counted(), &new.sources.counted());
        // The rest of it is tandem-control's, or taken at any time.
        changes.pair(self.peer.as_ref(), new.peer.as_ref());
        changes.0
    }

    /// The same of tandem-control: what it has set up when it was started. Once it was restarted
    /// with the new file, a reload is taken.
    pub fn restart_of_control(&self, new: &Config) -> Vec<String> {
        let mut changes = Changes(Vec::new());
        let (old_node, node) = (&self.node, &new.node);
        changes.text("node.name", &old_node.name, &node.name);
        let socket = |node: &Node| node.control_socket.display().to_string();
        changes.text("node.control_socket", &socket(old_node), &socket(node));
        changes.debug("node.log", &old_node.log, &node.log);
        changes.text("node.state", &old_node.state.display(), &node.state.display());
        let maintenance =
            |node: &Node| node.maintenance.as_ref().map(|path| path.display().to_string());
        changes.option("node.maintenance", maintenance(old_node), maintenance(node));
        changes.peer(self.peer.as_ref(), new.peer.as_ref());
        changes.text("metrics.listen", &self.metrics.listen, &new.metrics.listen);
        changes.status(&self.status, &new.status);
        changes.0
    }
}

struct Changes(Vec<String>);

impl Changes {
    fn interface(&mut self, side: &str, old: &Interface, new: &Interface) {
        let key = |key| format!("{side}.{key}");
        self.text(&key("port"), &old.device, &new.device);
        self.text(&key("address"), &old.address, &new.address);
        self.text(&key("mtu"), &old.mtu, &new.mtu);
        self.option(&key("rx_descriptors"), old.rx_descriptors, new.rx_descriptors);
        self.option(&key("tx_descriptors"), old.tx_descriptors, new.tx_descriptors);
        self.text(&key("kernel_interface"), &old.kernel_interface, &new.kernel_interface);
        self.list(&key("kernel_multicast"), &old.kernel_multicast, &new.kernel_multicast);
        self.option(&key("virtual_mac"), old.virtual_mac, new.virtual_mac);
    }

    /// A machine is one of a pair from its start, or alone: it would have to give up a role that
    /// nobody else has.
    fn pair(&mut self, old: Option<&Peer>, new: Option<&Peer>) {
        let is_set = |peer: Option<&Peer>| if peer.is_some() { "set" } else { "not set" };
        self.text("peer", &is_set(old), &is_set(new));
    }

    fn peer(&mut self, old: Option<&Peer>, new: Option<&Peer>) {
        let (Some(old), Some(new)) = (old, new) else { return self.pair(old, new) };
        let paths = |peer: &Peer| {
            let path = |path: &PeerPath| format!("{} to {}", path.local, path.remote);
            peer.paths.iter().map(path).collect::<Vec<_>>()
        };
        self.list("peer.paths", &paths(old), &paths(new));
        self.text("peer.key_file", &old.key_file.display(), &new.key_file.display());
        self.text("peer.priority", &old.priority, &new.priority);
        self.text("peer.port", &old.port, &new.port);
        let (timing, other) = (&old.timing, &new.timing);
        self.debug("peer.interval", &timing.interval, &other.interval);
        self.debug("peer.dead", &timing.dead, &other.dead);
        self.debug("peer.lease", &timing.lease, &other.lease);
        let preempt = |timing: &Timing| timing.preempt.map(|after| format!("{after:?}"));
        self.option("peer.preempt", preempt(timing), preempt(other));
        self.debug("peer.grace", &timing.grace, &other.grace);
        self.debug("peer.quiet", &timing.quiet, &other.quiet);
        self.option("peer.witness", old.witness, new.witness);
    }

    /// The files behind the paths may change at any time.
    fn status(&mut self, old: &StatusPage, new: &StatusPage) {
        self.text("status.listen", &old.listen, &new.listen);
        let files = |page: &StatusPage| {
            let tls = page.tls.as_ref();
            [
                ("status.certificate", tls.map(|tls| tls.certificate.clone())),
                ("status.private_key", tls.map(|tls| tls.private_key.clone())),
                ("status.client_ca", tls.and_then(|tls| tls.client_ca.clone())),
                ("status.token_file", page.token_file.clone()),
            ]
        };
        for ((key, old), (_, new)) in files(old).into_iter().zip(files(new)) {
            let shown = |path: Option<PathBuf>| path.map(|path| path.display().to_string());
            self.option(key, shown(old), shown(new));
        }
        self.list("status.names", &old.names, &new.names);
    }

    fn text<T: Display>(&mut self, key: &str, old: &T, new: &T) {
        let (old, new) = (old.to_string(), new.to_string());
        if old != new {
            self.0.push(format!("{key}: {old} now, {new} in the file"));
        }
    }

    fn debug<T: PartialEq + Debug>(&mut self, key: &str, old: &T, new: &T) {
        let show = |value: &T| format!("{value:?}").to_lowercase();
        if old != new {
            self.0.push(format!("{key}: {} now, {} in the file", show(old), show(new)));
        }
    }

    fn option<T: PartialEq + Display>(&mut self, key: &str, old: Option<T>, new: Option<T>) {
        let show = |value: Option<T>| value.map_or("not set".to_owned(), |value| value.to_string());
        if old != new {
            self.text(key, &show(old), &show(new));
        }
    }

    fn list<T: Display>(&mut self, key: &str, old: &[T], new: &[T]) {
        let show = |list: &[T]| {
            let entries: Vec<String> = list.iter().map(T::to_string).collect();
            format!("[{}]", entries.join(", "))
        };
        self.text(key, &show(old), &show(new));
    }
}
