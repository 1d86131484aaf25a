//! `tandem drain --wait`: until the servers have no connection left.
//!
//! What counts are the connections of the active machine. A standby machine has copies of them;
//! there the peer's count is taken, as far as it is told. So it makes no difference on which of
//! the two the command runs, or whether the role moves meanwhile.

use core::fmt;
use core::time::Duration;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::time::Instant;

use api::{Client, PoolServer, PoolsPage, Role};
use schemars::JsonSchema;
use serde::Serialize;

use super::directly;
use crate::command::Context;
use crate::error::Error;
use crate::output::units::{plural, seconds};

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(500);
/// How long nobody may answer: both daemons may be restarted meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(5);

/// How the waiting ended.
#[derive(Serialize, JsonSchema)]
pub(in crate::command) struct Waited {
    /// Connections that are left.
    connections: u64,
    /// How long it took.
    seconds: u64,
    #[serde(skip)]
    names: String,
}

impl Waited {
    pub(super) fn is_empty(&self) -> bool {
        self.connections == 0
    }
}

impl fmt::Display for Waited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Waited { connections, names, .. } = self;
        let after = seconds(self.seconds);
        match connections {
            0 => write!(f, "{names}: no connection is left, after {after}."),
            left => {
                let left = plural(usize::try_from(*left).unwrap_or(usize::MAX), "connection");
                write!(f, "{names}: {left} left after {after}; it stays drained.")
            }
        }
    }
}

pub(super) fn until_empty(
    servers: &[PoolServer],
    patience: Option<Duration>,
    context: &Context<'_>,
) -> Result<Waited, Error> {
    let began = Instant::now();
    let mut answered = began;
    let mut progress = Progress::default();
    let names: Vec<_> =
        servers.iter().map(|one| format!("{} of {}", one.address, one.service)).collect();
    let names = names.join(", ");
    loop {
        let mut left = match count(servers, context) {
            Ok(left) => {
                answered = Instant::now();
                progress.show(left, began.elapsed())?;
                Some(left)
            }
            Err(error) if answered.elapsed() > PATIENCE => return Err(error),
            Err(_) => None,
        };
        let is_over = patience.is_some_and(|patience| began.elapsed() >= patience);
        match left {
            Some(0) => {}
            _ if !is_over => {
                std::thread::sleep(PERIOD);
                continue;
            }
            // It was not possible to find out.
            None => left = Some(count(servers, context)?),
            Some(_) => {}
        }
        progress.clear()?;
        let seconds = began.elapsed().as_secs();
        let connections = left.unwrap_or(0);
        return Ok(Waited { connections, seconds, names });
    }
}

/// The connections of all these servers on the active machine.
fn count(servers: &[PoolServer], context: &Context<'_>) -> Result<u64, Error> {
    let is_meant = |service: &str, address: SocketAddr| {
        servers.iter().any(|one| one.service == service && one.address == address)
    };
    let mut dataplane = Client::connect_with_timeout(context.socket, ANSWER)?;
    let services = dataplane.services()?;
    let own = services.services.iter().flat_map(|service| {
        service
            .servers
            .iter()
            .chain(&service.sorry)
            .map(|server| directly::pool_server(&service.name, server))
    });
    let own: u64 = own
        .filter(|one| is_meant(&one.service, one.address))
        .filter_map(|one| one.connections)
        .sum();
    if dataplane.status()?.role == Role::Active {
        return Ok(own);
    }
    // A standby machine may have no copies of them yet.
    match of_peer(servers, context) {
        Some(theirs) => Ok(theirs),
        None if own > 0 => Ok(own),
        None => Err(Error::ActiveIsSilent),
    }
}

/// The peer's connections, if it has told of all these servers.
fn of_peer(servers: &[PoolServer], context: &Context<'_>) -> Option<u64> {
    let mut control = Client::connect_with_timeout(context.pair_socket(), ANSWER).ok()?;
    let mut sum = 0;
    for server in servers {
        let page = PoolsPage { service: Some(server.service.clone()), skip: 0 };
        let pools = control.pools_page(page).ok()?;
        let mut found = pools.pools.into_iter().flat_map(|pool| pool.servers);
        let found = found.find(|one| one.address == server.address)?;
        sum += found.peer?.connections?;
    }
    Some(sum)
}

/// One line on a terminal that is written again and again.
#[derive(Default)]
struct Progress {
    shown: bool,
}

impl Progress {
    fn show(&mut self, left: u64, after: Duration) -> io::Result<()> {
        let mut terminal = io::stderr();
        if !terminal.is_terminal() {
            return Ok(());
        }
        self.shown = true;
        let left = plural(usize::try_from(left).unwrap_or(usize::MAX), "connection");
        write!(terminal, "\r\x1b[K{left} left, {}", seconds(after.as_secs()))?;
        terminal.flush()
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.shown { write!(io::stderr(), "\r\x1b[K") } else { Ok(()) }
    }
}
