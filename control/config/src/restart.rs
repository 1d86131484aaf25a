//! What a running dataplane can take, and what only a restart changes.

use core::fmt::{Debug, Display};

use crate::model::Config;
use crate::model::interface::Interface;
use crate::model::node::Node;

impl Config {
    /// What differs in `new` and cannot be changed while the dataplane runs, one line
    /// each: `node.workers: [1] now, [1, 2] in the file`. Empty: a reload takes all of
    /// `new`.
    ///
    /// What is set up once is cores, memory, devices and the kernel's interfaces.
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
        // A machine is one of a pair from its start, or alone: it would have to give up a
        // role that nobody else has.
        let peer = |config: &Config| if config.peer.is_some() { "set" } else { "not set" };
        changes.text("peer", &peer(self), &peer(new));
        changes.0
    }

    /// The sections that tandem-control has set up once and that are others in `new`: it takes
    /// them when it starts.
    pub fn restart_of_control(&self, new: &Config) -> Vec<&'static str> {
        let sections = [
            ("[node]", self.node != new.node),
            ("[peer]", self.peer != new.peer),
            ("[metrics]", self.metrics != new.metrics),
        ];
        sections.into_iter().filter_map(|(section, differs)| differs.then_some(section)).collect()
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
        self.option(&key("virtual_mac"), old.virtual_mac, new.virtual_mac);
    }

    fn text<T: PartialEq + Display>(&mut self, key: &str, old: &T, new: &T) {
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
