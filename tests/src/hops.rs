//! Where a probe's datagrams were last seen: counters of the kernel's along their way.
//!
//! ```text
//!   client -> [1] switch -> [2] appliance -> [3] switch -> echo
//!   client <- [6] switch <- appliance [5] <- switch [4] <-
//! ```

use crate::namespace::write;
use crate::{Error, FOLDER, Lab, Namespace, Probed};

const SWITCH: Namespace = Namespace("tandem-switch");

/// A place, the interfaces at which packets come in there, and the port that tells their
/// direction.
struct Place(&'static str, &'static [(Namespace, &'static str)], &'static str);

const PLACES: [Place; 6] = [
    Place("out of the client", &[(SWITCH, "client")], "dport"),
    Place("into the appliances", &[(Lab::A, "pub0"), (Lab::B, "pub0")], "dport"),
    Place("out of the appliances", &[(SWITCH, "a-private"), (SWITCH, "b-private")], "dport"),
    Place("back out of the echo", &[(SWITCH, "s2")], "sport"),
    Place("back into the appliances", &[(Lab::A, "priv0"), (Lab::B, "priv0")], "sport"),
    Place("back out of the appliances", &[(SWITCH, "a-public"), (SWITCH, "b-public")], "sport"),
];

/// Sets the counters, all to 0.
///
/// # Errors
///
/// [`Error::Command`].
pub fn count() -> Result<(), Error> {
    for Place(_, interfaces, direction) in PLACES {
        for (namespace, interface) in interfaces {
            let table = format!("hop_{}", interface.replace('-', "_"));
            let rules = format!(
                "table netdev {table}\ndelete table netdev {table}\ntable netdev {table} {{\n chain \
                 hop {{\n  type filter hook ingress device {interface} priority -10;\n  udp \
                 {direction} 7 counter\n }}\n}}\n"
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
    for Place(place, interfaces, _) in PLACES {
        let mut packets = 0;
        for (namespace, interface) in interfaces {
            let table = format!("hop_{}", interface.replace('-', "_"));
            let listed = namespace.must(&["nft", "list", "table", "netdev", &table])?.stdout;
            let mut words = listed.split_whitespace();
            words.find(|word| *word == "packets");
            packets += words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        }
        all.push((place, packets));
    }
    Ok(all)
}
