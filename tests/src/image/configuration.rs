//! The configuration of a virtual machine.

use super::Hardware;
use crate::{GATEWAY, VIP};

/// What a machine of the pair, or one by itself, is to do.
#[derive(Clone, Copy, Debug)]
pub struct Configuration {
    /// With a `[peer]` section.
    pub pair: bool,
}

impl Configuration {
    /// The file. Timers are those of an emulated machine, which is slow: a second of silence
    /// is nothing there. Workers sleep when there is nothing to do: two machines share the cores
    /// of one.
    pub(super) fn file(self, hardware: &Hardware) -> String {
        let name = hardware.name;
        let (own, other) = if name == "a" { (2, 3) } else { (3, 2) };
        let peer = if self.pair {
            format!(
                "[peer]\nkey_file = \"/etc/tandem/peer.key\"\ninterval = \"200ms\"\n\
                 dead = \"6s\"\nlease = \"5s\"\n\
                 paths = [\n  {{ local = \"198.51.100.{own}\", remote = \"198.51.100.{other}\" }},\n\
                 \x20 {{ local = \"10.0.0.{own}\", remote = \"10.0.0.{other}\" }},\n]\n"
            )
        } else {
            String::new()
        };
        format!(
            r#"# A virtual machine of the lab.
[node]
name = "{name}"
workers = [1]
idle = "adaptive"
connections = 20_000

[public]
port = "{public}"
address = "198.51.100.{own}/24"
floating = ["{VIP}/24"]
gateway = "198.51.100.1"

[private]
port = "{private}"
address = "10.0.0.{own}/24"
floating = ["{GATEWAY}/24"]

{peer}
[metrics]
listen = "198.51.100.{own}:9405"

[[masquerade]]
source = ["10.0.0.0/24"]
address = "{VIP}"

[checks.web]
kind = "http"
path = "/healthz"
interval = "2s"
timeout = "2s"

[[service]]
name = "web"
listen = "{VIP}:80"
protocol = "tcp"
scheduler = "rr"
check = "web"
server = [
  {{ address = "10.0.0.11:80" }},
  {{ address = "10.0.0.12:80" }},
  {{ address = "10.0.0.13:80" }},
]
"#,
            public = Hardware::PUBLIC,
            private = Hardware::PRIVATE,
        )
    }
}
