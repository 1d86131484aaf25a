//! The pair: what clients notice when machines, processes, links and paths fail.
//!
//! Each story has its negative control: with the mechanism off, connections are lost, or
//! two machines are active. Times are measured by `tandem-lab measure`, not here.

mod addresses;
mod alerts;
mod control;
mod default_timers;
mod flaps;
mod floods;
mod handover;
mod kill;
mod links;
mod metrics;
mod multicast;
mod paths;
mod persistence;
mod reach;
mod rejoin;
mod same_name;
mod servers;
mod soak;
mod stalls;
mod status;
mod status_page;
mod strangers;
mod survivors;
mod sync;
mod takeover;
mod units;

use lab::{Appliance, Lab, Loaded, Probed};

/// How many rounds: few by default, as many as `TANDEM_LAB_ROUNDS` says for a long run.
fn rounds(default: u32) -> u32 {
    let given = std::env::var("TANDEM_LAB_ROUNDS").ok();
    given.and_then(|given| given.parse().ok()).unwrap_or(default)
}

/// Everything that was begun came to a good end.
fn assert_nothing_lost(loaded: &Loaded, downloads: u64) {
    assert_eq!((loaded.whole, loaded.wrong, loaded.lost), (downloads, 0, 0), "{loaded:?}");
    assert!(loaded.requests > 0, "{loaded:?}");
}

/// Microseconds that a core had no time for a thread that only sleeps, or that the probe was late
/// to send, beyond which what was lost says nothing about the appliance: other programs, and other
/// machines, have its cores, too.
const STOOD_STILL: u64 = 8_000;

/// What `happens` must lose no datagram. Where the machine stood still meanwhile it is tried
/// again: what loses datagrams by itself does so each time. That it stood still is seen by what has
/// nothing to do with the appliance; that no datagram came back for a while is no excuse.
fn assert_no_datagram_lost(mut happens: impl FnMut() -> Probed) {
    for _ in 0..5 {
        let before = lab::queues::overflows();
        lab::hops::count().unwrap();
        let witness = lab::witness::Witness::of_all_cores().unwrap();
        let probed = happens();
        let pause = witness.longest_pause();
        if probed.received == probed.sent {
            return;
        }
        let overflowed = lab::queues::overflows() - before;
        let losses = lab::hops::losses(&probed).unwrap();
        let words = format!(
            "{probed:?}; {losses}; {overflowed} overflowed in the kernel's queues; a core had no time \
             for {pause} us"
        );
        println!("{words}");
        assert!(overflowed > 0 || probed.late_micros.max(pause) > STOOD_STILL, "{words}");
        lab::witness::excuse(&words).unwrap();
    }
    panic!("datagrams were lost each time, and the machine stood still each time");
}

/// Waits until this machine is the only active one, and its tandem-control says so, too: that
/// knows it a moment later.
fn await_active(lab: &Lab, machine: &Appliance) {
    let name = machine.machine.name;
    let is_it = || {
        let (active, _) = lab.roles()?;
        let pair = machine.pair().ok().filter(|pair| pair.own.role == api::Role::Active)?;
        (active.machine.name == name).then_some(pair)
    };
    let is_it = || is_it().is_some();
    lab::wait_until(&format!("{name} is the active one"), 20, is_it)
        .unwrap_or_else(|error| panic!("{error}: {:?}", lab.machines().map(Appliance::pair)));
}

/// The Ethernet address that a host has for an address now.
fn neighbour(host: lab::Namespace, address: &str) -> String {
    lab::neighbour(host, address).unwrap()
}

fn macs(machine: &Appliance) -> [String; 2] {
    machine.macs().unwrap()
}
