//! A real server that fails: how long until it gets no new client, and until it is back.

use std::time::Instant;

use api::{ServerState, ServerStatus};

use crate::{Appliance, Error, Requested, Requesting, wait_until};

/// How long a change of a server's state may take at most.
const SECONDS: u64 = 60;

/// The servers of a service, as the dataplane has them.
///
/// # Errors
///
/// [`Error::Command`], when there is no such service.
pub fn servers(appliance: &Appliance, service: &str) -> Result<Vec<ServerStatus>, Error> {
    let failed = |words: String| Error::Command { command: "services".to_owned(), words };
    let services = appliance.client().map_err(failed)?.services();
    let services = services.map_err(|error| failed(error.to_string()))?.services;
    let found = services.into_iter().find(|one| one.name == service);
    found.map(|one| one.servers).ok_or_else(|| failed(format!("there is no service {service}")))
}

/// Waits until the server with this number is in a state; the milliseconds since then.
///
/// # Errors
///
/// [`Error::Waited`].
pub fn await_state(
    (appliance, service, server): (&Appliance, &str, usize),
    state: ServerState,
    since: Instant,
) -> Result<u64, Error> {
    let is_so = || {
        let servers = servers(appliance, service).unwrap_or_default();
        servers.get(server).is_some_and(|one| one.state == state)
    };
    wait_until(&format!("server {server} of {service} is {state}"), SECONDS, is_so)?;
    Ok(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// How many milliseconds `tandem check` promises from a failure until the service's server is
/// out.
///
/// # Errors
///
/// [`Error::Command`], when it promises nothing.
pub fn promised(appliance: &Appliance, service: &str) -> Result<u64, Error> {
    let file = format!("{}/tandem.toml", appliance.machine.folder());
    let told = appliance.tandem(&["check", &file])?;
    let start = format!("{service}:");
    let promise = told.stdout.lines().find_map(|line| {
        let line = line.strip_prefix("service")?.trim_start().strip_prefix(&start)?;
        let (_, seconds) = line.split_once("found out within ")?;
        seconds.split_whitespace().next()?.parse::<f64>().ok()
    });
    let words = || format!("tandem check promises nothing for {service}: {}", told.words());
    let promise =
        promise.ok_or_else(|| Error::Command { command: "check".to_owned(), words: words() });
    promise.map(|seconds| (seconds * 1000.0).round() as u64)
}

/// What the outage of a web server under load was like.
#[derive(Clone, Debug)]
pub struct Outage {
    /// Milliseconds until it was out, as promised.
    pub promised: u64,
    /// And as measured.
    pub out: u64,
    /// Milliseconds from its return until it was up.
    pub back: u64,
    /// What the clients met from before the outage until after it.
    pub requested: Requested,
}

impl Outage {
    /// Connections that nobody took before the server was avoided.
    const REFUSED: u64 = 5;

    /// True if the promise was kept, and clients lost what was in the server's hands and hardly
    /// more.
    pub fn is_good(&self) -> bool {
        self.out <= self.promised + 100 && self.requested.refused <= Self::REFUSED
    }
}

impl core::fmt::Display for Outage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Outage { promised, out, back, requested } = self;
        let all = requested.answered() + requested.failed();
        write!(
            f,
            "outage: out after {out} ms of {promised} ms, back after {back} ms, {} of {all} \
             requests failed",
            requested.failed()
        )
    }
}

/// Kills the web server with this number while so many clients ask, and starts it again.
///
/// # Errors
///
/// [`Error`], when the lab itself does not work, or the server does not come back.
pub fn stop_web(appliance: &Appliance, server: usize, clients: u8) -> Result<Outage, Error> {
    let promised = promised(appliance, "web")?;
    let place = (appliance, "web", server);
    await_state(place, ServerState::Up, Instant::now())?;
    let requesting = Requesting::start(clients, 50)?;
    let fault = crate::Fault::kill_web(server)?;
    let out = await_state(place, ServerState::Down, Instant::now())?;
    drop(fault);
    let back = await_state(place, ServerState::Up, Instant::now())?;
    let requested = requesting.finish()?;
    Ok(Outage { promised, out, back, requested })
}
