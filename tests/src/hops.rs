//! Where a probe's datagrams were last seen: the kernel counts them on their way.
//!
//! ```text
//!   client -> [1] switch -> [2] appliance -> [3] switch -> echo
//!   client <- [6] switch <- appliance [5] <- switch [4] <-
//! ```

use crate::namespace::write;
use crate::{Error, FOLDER, Lab, Namespace, Probed};

const SWITCH: Namespace = Namespace("tandem-switch");

/// A point on the way of a probe's datagrams at which the kernel counts them.
struct CountingPoint {
    name: &'static str,
    /// The interfaces at which packets come in there.
    interfaces: &'static [(Namespace, &'static str)],
    /// The port that tells their direction, as nftables names it: "sport" or "dport".
    port: &'static str,
}

const POINTS: [CountingPoint; 6] = [
    CountingPoint { name: "out of the client", interfaces: &[(SWITCH, "client")], port: "dport" },
    CountingPoint {
        name: "into the appliances",
        interfaces: &[(Lab::A, "pub0"), (Lab::B, "pub0")],
        port: "dport",
    },
    CountingPoint {
        name: "out of the appliances",
        interfaces: &[(SWITCH, "a-private"), (SWITCH, "b-private")],
        port: "dport",
    },
    CountingPoint { name: "back out of the echo", interfaces: &[(SWITCH, "s2")], port: "sport" },
    CountingPoint {
        name: "back into the appliances",
        interfaces: &[(Lab::A, "priv0"), (Lab::B, "priv0")],
        port: "sport",
    },
    CountingPoint {
        name: "back out of the appliances",
        interfaces: &[(SWITCH, "a-public"), (SWITCH, "b-public")],
        port: "sport",
    },
];

/// Sets the counters, all to 0.
///
/// # Errors
///
/// [`Error::Command`].
pub fn count() -> Result<(), Error> {
    for CountingPoint { interfaces, port, .. } in POINTS {
        for (namespace, interface) in interfaces {
            let table = format!("hop_{}", interface.replace('-', "_"));
            let rules = format!(
                "table netdev {table}\ndelete table netdev {table}\ntable netdev {table} {{\n chain \
                 hop {{\n  type filter hook ingress device {interface} priority -10;\n  udp \
                 {port} 7 counter\n }}\n}}\n"
            );
            let path = format!("{FOLDER}/{table}.nft");
            write(&path, &rules)?;
            namespace.must(&["nft", "-f", &path])?;
        }
    }
    Ok(())
}

/// Where datagrams of a probe were lost: so many between a place and the next.
#[derive(Clone, Debug, Default)]
pub struct Losses(Vec<(u64, &'static str, &'static str)>);

impl core::fmt::Display for Losses {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Losses(losses) = self;
        for (number, (lost, before, after)) in losses.iter().enumerate() {
            let comma = if number == 0 { "" } else { "; " };
            write!(f, "{comma}{lost} lost between {before} and {after}")?;
        }
        Ok(())
    }
}

/// Where those were lost that a probe has missed since.
///
/// # Errors
///
/// [`Error::Command`].
pub fn losses(probed: &Probed) -> Result<Losses, Error> {
    let back = ("back at the client", probed.received);
    let (mut losses, mut before) = (Vec::new(), ("sent", probed.sent));
    for (place, seen) in seen()?.into_iter().chain([back]) {
        if seen < before.1 {
            losses.push((before.1 - seen, before.0, place));
        }
        before = (place, seen);
    }
    Ok(Losses(losses))
}

/// How many datagrams were seen at each place since.
fn seen() -> Result<Vec<(&'static str, u64)>, Error> {
    let mut all = Vec::new();
    for CountingPoint { name, interfaces, .. } in POINTS {
        let mut packets = 0;
        for (namespace, interface) in interfaces {
            let table = format!("hop_{}", interface.replace('-', "_"));
            let listed = namespace.must(&["nft", "list", "table", "netdev", &table])?.stdout;
            let mut words = listed.split_whitespace();
            words.find(|word| *word == "packets");
            packets += words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        }
        all.push((name, packets));
    }
    Ok(all)
}
