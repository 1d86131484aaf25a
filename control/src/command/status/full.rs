//! Every number of the machine and the pair, as `tandem status --full` shows them.

use std::io::{self, Write};

use api::{Nic, NicState, Status, WorkerStatus};

use super::known::{Known, KnownPair};
use crate::command::pair;
use crate::output::units::{bytes, count, permille, seconds};
use crate::output::{Table, date};

/// What is known of the dataplane, then the pair.
pub(super) fn show(known: &Known, out: &mut dyn Write) -> io::Result<()> {
    if let Ok(status) = &known.status {
        show_machine(status, out)?;
        writeln!(out)?;
    }
    match &known.pair {
        KnownPair::Pair(pair) => pair::show(pair, out),
        // A machine by itself needs no tandem-control.
        KnownPair::Alone(why) => writeln!(out, "No pair: {}.", why.trim_end_matches('.')),
        KnownPair::Silent(silence) => {
            writeln!(out, "Nothing is known of a pair: {}", silence.words)
        }
    }
}

fn show_machine(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let Status { version, dpdk, node, role, uptime_seconds, configuration, .. } = status;
    let uptime = seconds(*uptime_seconds);
    writeln!(out, "{node} is {role}, up {uptime}: tandem-dataplane {version} on {dpdk}")?;
    writeln!(
        out,
        "configuration {}, generation {}, taken {}",
        configuration.path.display(),
        configuration.generation,
        date::utc(configuration.loaded_at)
    )?;
    writeln!(out)?;
    show_nics(&status.nics, out)?;
    writeln!(out)?;
    show_traffic(&status.nics, out)?;
    writeln!(out)?;
    show_workers(&status.workers, out)
}

fn show_nics(nics: &[Nic], out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(["SIDE", "DEVICE", "MAC", "LINK", ">MTU", "ADDRESS", "FLOATING"]);
    for nic in nics {
        let link = match (nic.link_up, nic.speed_mbps) {
            _ if nic.state == NicState::Removed => "NIC removed".to_owned(),
            _ if nic.state == NicState::Reset => "NIC reset".to_owned(),
            (false, _) => "down".to_owned(),
            (true, None) => "up".to_owned(),
            (true, Some(speed)) if speed >= 1000 && speed % 100 == 0 => {
                format!("up {} Gb/s", f64::from(speed) / 1000.0)
            }
            (true, Some(speed)) => format!("up {speed} Mb/s"),
        };
        table.row([
            nic.side.to_string(),
            nic.device.clone(),
            nic.mac.clone(),
            link,
            nic.mtu.to_string(),
            nic.address.clone(),
            nic.floating.join(" "),
        ]);
    }
    table.write(out)
}

fn show_traffic(nics: &[Nic], out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new([
        "SIDE",
        ">RX PACKETS",
        ">RX",
        ">RX MISSED",
        ">RX ERRORS",
        ">NO BUFFER",
        ">TX PACKETS",
        ">TX",
        ">TX ERRORS",
    ]);
    for nic in nics {
        let counters = nic.counters;
        table.row([
            nic.side.to_string(),
            count(counters.rx_packets),
            bytes(counters.rx_bytes),
            count(counters.rx_missed),
            count(counters.rx_errors),
            count(counters.rx_no_buffer),
            count(counters.tx_packets),
            bytes(counters.tx_bytes),
            count(counters.tx_errors),
        ]);
    }
    table.write(out)
}

fn show_workers(workers: &[WorkerStatus], out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new([
        ">CORE",
        ">CONNECTIONS",
        ">CAPACITY",
        ">BUSY",
        ">RX PACKETS",
        ">TX PACKETS",
        ">DROPPED",
    ]);
    for worker in workers {
        table.row([
            worker.core.to_string(),
            count(worker.connections),
            count(worker.capacity),
            permille(worker.busy_permille),
            count(worker.rx_packets),
            count(worker.tx_packets),
            count(worker.dropped_packets),
        ]);
    }
    table.write(out)
}
