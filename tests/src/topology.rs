//! The lab's hosts and wires.

use std::fs;
use std::path::Path;

use crate::appliance::{self, Appliance, Settings};
use crate::namespace::{Namespace, must};
use crate::servers;
use crate::{Error, FOLDER, wait_until};

/// What forwards in tandem-a.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Router {
    /// Tandem.
    #[default]
    Appliance,
    /// The kernel with nftables: tells a fault of the lab from a fault of the appliance.
    Kernel,
}

/// How the lab is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// What forwards.
    pub router: Router,
    /// How the appliance is set.
    pub settings: Settings,
}

/// The lab, up.
#[derive(Debug)]
pub struct Lab {
    /// The appliance in tandem-a.
    pub appliance: Appliance,
    /// The one in tandem-b, which runs when the settings say that there is a pair.
    pub second: Appliance,
    options: Options,
}

const SWITCH: Namespace = Lab::SWITCH;

/// An interface of a host, and what it is plugged into.
#[derive(Clone, Copy)]
struct Host {
    namespace: Namespace,
    /// The interface in that namespace.
    interface: &'static str,
    /// The other end of its wire, in the namespace of the switches.
    switch_port: &'static str,
    /// The bridge of that port: one side of the appliance.
    bridge: &'static str,
    /// The address with its prefix length; none for the appliance's own.
    address: Option<&'static str>,
    /// The default route.
    gateway: Option<&'static str>,
}

const HOSTS: [Host; 9] = [
    Host {
        namespace: Lab::CLIENT,
        interface: "eth0",
        switch_port: "client",
        bridge: "public",
        address: Some("198.51.100.100/24"),
        gateway: Some("198.51.100.1"),
    },
    Host {
        namespace: Lab::UPSTREAM,
        interface: "eth0",
        switch_port: "upstream",
        bridge: "public",
        address: Some("198.51.100.1/24"),
        gateway: None,
    },
    Host::appliance(Lab::A, "pub0", "a-public", "public"),
    Host::appliance(Lab::A, "priv0", "a-private", "private"),
    Host::appliance(Lab::B, "pub0", "b-public", "public"),
    Host::appliance(Lab::B, "priv0", "b-private", "private"),
    Host::server(Lab::S1, "s1", "10.0.0.11/24"),
    Host::server(Lab::S2, "s2", "10.0.0.12/24"),
    Host::server(Lab::S3, "s3", "10.0.0.13/24"),
];

impl Lab {
    /// The switches of both sides.
    pub const SWITCH: Namespace = Namespace("tandem-switch");
    /// The client.
    pub const CLIENT: Namespace = Namespace("tandem-client");
    /// The router to the Internet.
    pub const UPSTREAM: Namespace = Namespace("tandem-upstream");
    /// A host behind it.
    pub const INTERNET: Namespace = Namespace("tandem-internet");
    /// The first appliance.
    pub const A: Namespace = Namespace("tandem-a");
    /// The second.
    pub const B: Namespace = Namespace("tandem-b");
    /// The first real server.
    pub const S1: Namespace = Namespace("tandem-s1");
    /// The second.
    pub const S2: Namespace = Namespace("tandem-s2");
    /// The third.
    pub const S3: Namespace = Namespace("tandem-s3");

    const ALL: [Namespace; 9] = [
        SWITCH,
        Self::CLIENT,
        Self::UPSTREAM,
        Self::INTERNET,
        Self::A,
        Self::B,
        Self::S1,
        Self::S2,
        Self::S3,
    ];

    /// Raises everything, from whatever was there, and waits until it works.
    ///
    /// # Errors
    ///
    /// [`Error`]; `down` cleans up then.
    pub fn up(options: Options) -> Result<Self, Error> {
        Self::network()?;
        Self::appliance_only()?;
        let lab = Self::existing(options);
        appliance::write_keys()?;
        lab.appliance.start(options)?;
        lab.appliance.await_service()?;
        if options.settings.pair {
            lab.second.start(options)?;
        }
        Ok(lab)
    }

    /// Raises all but the appliances.
    pub(crate) fn network() -> Result<(), Error> {
        Self::down()?;
        fs::create_dir_all(FOLDER).map_err(Error::file(FOLDER))?;
        for namespace in Self::ALL {
            namespace.create()?;
        }
        for bridge in ["public", "private"] {
            must(&["ip", "-n", SWITCH.0, "link", "add", bridge, "type", "bridge"])?;
            // Bridges keep LLDP to themselves unless told otherwise: 01:80:c2:00:00:0e is bit 14.
            let link = ["ip", "-n", SWITCH.0, "link", "set", bridge];
            must(&[&link[..], &["type", "bridge", "group_fwd_mask", "0x4000"]].concat())?;
            must(&["ip", "-n", SWITCH.0, "link", "set", bridge, "up"])?;
        }
        for host in &HOSTS {
            host.plug()?;
        }
        Self::internet()?;
        Self::direct_link()?;
        servers::start()
    }

    /// A lab that is up already.
    pub(crate) fn existing(options: Options) -> Self {
        let (appliance, second) = (Appliance::of(&appliance::A), Appliance::of(&appliance::B));
        Lab { appliance, second, options }
    }

    /// Both appliances.
    pub fn machines(&self) -> [&Appliance; 2] {
        [&self.appliance, &self.second]
    }

    /// The one that is active, and the other; `None` while none or both are.
    pub fn roles(&self) -> Option<(&Appliance, &Appliance)> {
        match (self.appliance.is_active(), self.second.is_active()) {
            (true, false) => Some((&self.appliance, &self.second)),
            (false, true) => Some((&self.second, &self.appliance)),
            _ => None,
        }
    }

    /// What it is when [`Lab::roles`] has nothing.
    pub(crate) fn no_pair() -> Error {
        Error::Command {
            command: "tandem status".to_owned(),
            words: "not one of the two machines is active".to_owned(),
        }
    }

    /// Waits until one machine is active and the other ready to take over.
    ///
    /// # Errors
    ///
    /// [`Error::Waited`].
    pub fn await_pair(&self) -> Result<(), Error> {
        let ready = || {
            let (_, standby) = self.roles()?;
            standby.pair().ok().filter(|pair| pair.own.ready)
        };
        let told = wait_until("one is active and the other ready", 30, || ready().is_some());
        told.map_err(|error| {
            let views = self.machines().map(|machine| format!("{:?}", machine.pair()));
            match error {
                Error::Waited { seconds, what, .. } => {
                    Error::Waited { seconds, what, words: format!("\n  {}", views.join("\n  ")) }
                }
                error => error,
            }
        })
    }

    /// The wire between the two machines that no other host is on.
    fn direct_link() -> Result<(), Error> {
        wire(Self::A, "direct0", Self::B, "direct0")?;
        for machine in [&appliance::A, &appliance::B] {
            address(machine.namespace, "direct0", &format!("{}/30", machine.direct))?;
        }
        Ok(())
    }

    /// How it was raised.
    pub fn options(&self) -> Options {
        self.options
    }

    /// The real servers and their names.
    pub const fn servers() -> [(Namespace, &'static str); 3] {
        [(Self::S1, "s1"), (Self::S2, "s2"), (Self::S3, "s3")]
    }

    fn internet() -> Result<(), Error> {
        wire(Self::UPSTREAM, "eth1", Self::INTERNET, "eth0")?;
        address(Self::UPSTREAM, "eth1", "203.0.113.1/24")?;
        address(Self::INTERNET, "eth0", "203.0.113.10/24")?;
        must(&["ip", "-n", Self::INTERNET.0, "route", "add", "default", "via", "203.0.113.1"])?;
        Self::UPSTREAM.must(&["sysctl", "-qw", "net.ipv4.ip_forward=1"]).map(|_| ())
    }

    /// In both, frames are for the appliance alone: its packet sockets see them before
    /// this hook, and the kernel, which has the real address on its TAP device, must not
    /// answer a second time.
    fn appliance_only() -> Result<(), Error> {
        let rules = "table netdev lab {\n chain unseen {\n  type filter hook ingress devices = \
                     { pub0, priv0 } priority 0; policy drop;\n }\n}\n";
        let path = format!("{FOLDER}/drop.nft");
        crate::namespace::write(&path, rules)?;
        for machine in [Self::A, Self::B] {
            machine.must(&["nft", "-f", &path])?;
        }
        Ok(())
    }

    /// Takes everything down, also what a crash left behind.
    ///
    /// # Errors
    ///
    /// [`Error::NotRoot`], and when a process, a namespace or a file cannot be removed.
    pub fn down() -> Result<(), Error> {
        if !rustix::process::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        for namespace in Self::ALL {
            namespace.remove()?;
        }
        [&appliance::A, &appliance::B].into_iter().for_each(Appliance::clean_up);
        let dpdk = [&appliance::A, &appliance::B].map(appliance::Machine::dpdk_folder);
        for folder in [FOLDER, &dpdk[0], &dpdk[1]] {
            if Path::new(folder).exists() {
                fs::remove_dir_all(folder).map_err(Error::file(folder))?;
            }
        }
        Ok(())
    }
}

impl Host {
    /// An interface of an appliance, which gives itself its addresses.
    const fn appliance(
        namespace: Namespace,
        interface: &'static str,
        switch_port: &'static str,
        bridge: &'static str,
    ) -> Self {
        Host { namespace, interface, switch_port, bridge, address: None, gateway: None }
    }

    /// A real server, whose default route goes through the appliance.
    const fn server(
        namespace: Namespace,
        switch_port: &'static str,
        address: &'static str,
    ) -> Self {
        Host {
            namespace,
            interface: "eth0",
            switch_port,
            bridge: "private",
            address: Some(address),
            gateway: Some(crate::GATEWAY),
        }
    }

    fn plug(&self) -> Result<(), Error> {
        let Host { namespace, interface, switch_port, bridge, .. } = *self;
        wire(namespace, interface, SWITCH, switch_port)?;
        must(&["ip", "-n", SWITCH.0, "link", "set", switch_port, "master", bridge])?;
        if let Some(ip) = self.address {
            address(namespace, interface, ip)?;
        }
        if let Some(gateway) = self.gateway {
            must(&["ip", "-n", namespace.0, "route", "add", "default", "via", gateway])?;
        }
        Ok(())
    }
}

/// A wire between two hosts, without the offloads that would let packets travel unfinished.
fn wire(a: Namespace, a_end: &str, b: Namespace, b_end: &str) -> Result<(), Error> {
    must(&[
        "ip", "-n", a.0, "link", "add", a_end, "type", "veth", "peer", "name", b_end, "netns", b.0,
    ])?;
    for (namespace, end) in [(a, a_end), (b, b_end)] {
        must(&["ip", "-n", namespace.0, "link", "set", end, "up"])?;
        let off = ["tx", "rx", "sg", "tso", "gso", "gro"].map(|offload| format!("{offload} off"));
        // Some offloads are fixed on some kernels, which ethtool says and ignores.
        namespace.sh(&format!("ethtool -K {end} {} >/dev/null 2>&1 || true", off.join(" ")))?;
    }
    Ok(())
}

pub(crate) fn address(namespace: Namespace, interface: &str, ip: &str) -> Result<(), Error> {
    must(&["ip", "-n", namespace.0, "addr", "add", ip, "dev", interface]).map(|_| ())
}
