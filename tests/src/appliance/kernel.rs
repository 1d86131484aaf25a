//! The kernel in the appliance's place: tells a fault of the lab from one of the appliance.

use crate::namespace::{must, write};
use crate::topology::{Lab, address};
use crate::{Error, FOLDER};

/// The kernel in the appliance's place, with the same addresses and services.
pub(super) fn start() -> Result<(), Error> {
    let a = Lab::A;
    a.must(&["nft", "flush", "ruleset"])?;
    address(a, "pub0", "198.51.100.2/24")?;
    address(a, "pub0", "198.51.100.10/24")?;
    address(a, "priv0", "10.0.0.2/24")?;
    address(a, "priv0", "10.0.0.1/24")?;
    must(&["ip", "-n", a.0, "route", "add", "default", "via", "198.51.100.1"])?;
    a.must(&["sysctl", "-qw", "net.ipv4.ip_forward=1"])?;
    let rules = "table ip lab {\n chain pre {\n  type nat hook prerouting priority dstnat;\n  \
                 ip daddr 198.51.100.10 tcp dport 80 dnat to numgen inc mod 3 map { 0 : 10.0.0.11, \
                 1 : 10.0.0.12, 2 : 10.0.0.13 }\n  ip daddr 198.51.100.10 udp dport 53 dnat to \
                 numgen inc mod 3 map { 0 : 10.0.0.11, 1 : 10.0.0.12, 2 : 10.0.0.13 }\n  ip daddr \
                 198.51.100.10 tcp dport 5201 dnat to 10.0.0.11\n  ip daddr 198.51.100.10 udp \
                 dport 7 dnat to 10.0.0.12\n  ip daddr 198.51.100.10 udp dport 9 dnat to \
                 10.0.0.13\n }\n chain post {\n  type nat hook postrouting priority srcnat;\n  ip \
                 saddr 10.0.0.0/24 oifname pub0 snat to 198.51.100.10\n  ip saddr 10.0.0.0/24 \
                 oifname priv0 snat to 10.0.0.1\n }\n}\n";
    let path = format!("{FOLDER}/kernel.nft");
    write(&path, rules)?;
    a.must(&["nft", "-f", &path]).map(|_| ())
}
