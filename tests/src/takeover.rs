//! The active machine loses its power under load: what clients notice, and how long.

use serde::Serialize;

use crate::appliance::Appliance;
use crate::probe::Probed;
use crate::topology::Lab;
use crate::{Error, GATEWAY, Loaded, Loading, Namespace, Probing, VIP, wait_until};

/// What one takeover was like for clients.
#[derive(Clone, Debug, Serialize)]
pub struct Takeover {
    /// The machine that died, and the one that took over.
    pub from: &'static str,
    /// The one that took over.
    pub to: &'static str,
    /// What a datagram every millisecond met.
    pub probed: Probed,
    /// What the clients met.
    pub loaded: Loaded,
    /// Connections that were open.
    pub connections: u32,
    /// Both floating addresses are the other machine's, as hosts on both sides see it.
    pub moved: bool,
}

impl Takeover {
    /// Connections that were lost.
    pub fn lost(&self) -> u64 {
        self.loaded.lost + self.loaded.wrong
    }

    /// True if nobody lost a connection and both addresses have moved.
    pub fn is_good(&self) -> bool {
        self.lost() == 0 && self.moved
    }
}

impl core::fmt::Display for Takeover {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let addresses = if self.moved { "both addresses moved" } else { "ADDRESSES NOT MOVED" };
        write!(
            f,
            "takeover: gap {} ms, {} of {} connections lost, {addresses}",
            self.probed.gap_micros / 1000,
            self.lost(),
            self.connections,
        )
    }
}

/// Kills the active machine while clients download and hold connections.
///
/// # Errors
///
/// [`Error`], when the lab itself does not work, or nobody takes over.
pub fn take_over(lab: &Lab, downloads: u32, keepalive: u32) -> Result<Takeover, Error> {
    lab.await_pair()?;
    let loading = Loading::start(downloads, keepalive)?;
    let probing = Probing::start(1000)?;
    // A computer that starves the pair while the load begins may have moved the role. What is
    // measured is the death of an active machine beside one that is ready.
    lab.await_pair()?;
    let (active, standby) = lab.roles().ok_or_else(Lab::no_pair)?;
    active.kill()?;
    let taken = || lab.roles().is_some_and(|(now, _)| now.machine == standby.machine);
    wait_until("the other machine is active", 20, taken)?;
    let probed = probing.finish()?;
    let loaded = loading.finish()?;
    let moved = has_moved(standby)?;
    let (from, to) = (active.machine.name, standby.machine.name);
    let connections = downloads + keepalive;
    Ok(Takeover { from, to, probed, loaded, connections, moved })
}

/// True if a host on each side reaches its floating address, at this machine.
fn has_moved(machine: &Appliance) -> Result<bool, Error> {
    let mut moved = true;
    for ((host, address), mac) in
        [(Lab::CLIENT, VIP), (Lab::S1, GATEWAY)].iter().zip(machine.macs()?)
    {
        let ping = host.run(&["ping", "-c", "1", "-W", "2", address])?;
        moved &= ping.ok() && neighbour(*host, address)? == mac;
    }
    Ok(moved)
}

/// The Ethernet address that a host has for an address now; empty if it has none.
///
/// # Errors
///
/// [`Error::Command`].
pub fn neighbour(host: Namespace, address: &str) -> Result<String, Error> {
    let line = host.must(&["ip", "neigh", "show", "to", address])?.stdout;
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "lladdr");
    Ok(at.and_then(|at| words.get(at + 1)).map_or_else(String::new, ToString::to_string))
}
