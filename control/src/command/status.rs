//! `tandem status`: role, NICs, workers, the configuration in force and the pair.

use core::time::Duration;
use std::io::{self, Write};
use std::path::Path;

use api::client::ClientError;
use api::{Client, Nic, NicState, Pair, Status, WorkerStatus};
use clap::Args;
use serde::Serialize;

use super::verdict::{self, Known};
use super::{Context, pair, pools};
use crate::error::Error;
use crate::output::colour::{self, Colour};
use crate::output::units::{bytes, count, permille, seconds};
use crate::output::{Table, date};

/// tandem-control answers at once, or hangs.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) const HELP: &str = "\
With --brief the exit code is 0 when all is well; 1 when this machine forwards or could take over, \
and something is to be looked at; 2 when it neither forwards nor could take over.";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// One line that says whether all is well, and an exit code
    #[arg(long)]
    brief: bool,
}

/// The dataplane's status, with the pair where there is one.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pair: Option<Pair>,
    /// Servers that are down, and other trouble with services, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    troubles: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let socket = context.pair_socket();
    let status = context.client().and_then(|mut client| Ok(client.status()?));
    let pair = Client::connect_with_timeout(&socket, PATIENCE).and_then(|mut c| c.pair());
    if arguments.brief {
        return verdict::of(
            status.map_err(|error| error.to_string()),
            Known::of(pair),
            troubles(context),
        )
        .answer(context);
    }
    let status = match (status, &pair) {
        (Ok(status), _) => status,
        // What is known of the pair is of use just when the dataplane is down.
        (Err(error), Ok(pair)) if !context.json => {
            pair::show(pair, context.out)?;
            writeln!(context.out)?;
            return Err(error);
        }
        (Err(error), _) => return Err(error),
    };
    let troubles = troubles(context);
    let whole = Whole { status, pair: pair.as_ref().ok().cloned(), troubles };
    let has_colours = colour::are_wanted();
    context.answer(&whole, |whole, out| {
        for trouble in &whole.troubles {
            let line = if has_colours { Colour::Red.paint(trouble) } else { trouble.clone() };
            writeln!(out, "{line}")?;
        }
        if !whole.troubles.is_empty() {
            writeln!(out)?;
        }
        show(&whole.status, out)?;
        writeln!(out)?;
        match &pair {
            Ok(pair) => pair::show(pair, out),
            Err(error) => writeln!(out, "{}", absent(error, &socket)),
        }
    })
}

fn troubles(context: &Context<'_>) -> Vec<String> {
    pools::fetch(context).map_or_else(Vec::new, |pools| pools::troubles(&pools))
}

/// That nothing is known of the pair. A machine by itself needs no tandem-control.
fn absent(error: &ClientError, socket: &Path) -> String {
    match error {
        ClientError::NotRunning(_) => format!(
            "No pair: no tandem-control answers on {}; with [peer] in the configuration, start \
             it with: systemctl start tandem-control",
            socket.display()
        ),
        ClientError::Failed(failure) => format!("No pair: {failure}."),
        other => format!("Nothing is known of the pair: {}.", Error::describe_control(other)),
    }
}

fn show(status: &Status, out: &mut dyn Write) -> io::Result<()> {
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
