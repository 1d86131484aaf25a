//! Clients that keep their servers.

use core::time::Duration;

/// Persistence: the connections of a client go to the server that it had last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Persist {
    /// The group: its services send a client to the same server address. None: the service is
    /// alone. All services of a group have the same prefix and timeout.
    pub group: Option<String>,
    /// How long a client is remembered after its last new connection, 1 s to 31 days.
    pub timeout: Duration,
    /// How many bits of a client's address count, 1 to 32.
    pub prefix: u8,
    /// A server that drains keeps its clients.
    pub keep_on_drain: bool,
    /// A server that is full takes its clients' connections all the same.
    pub over: bool,
}

impl Persist {
    /// The longest timeout, which is that of IPVS.
    pub const LONGEST: Duration = Duration::from_secs(31 * 86_400);
}

/// As keepalived has it.
impl Default for Persist {
    fn default() -> Self {
        Persist {
            group: None,
            timeout: Duration::from_secs(360),
            prefix: 32,
            keep_on_drain: false,
            over: false,
        }
    }
}
