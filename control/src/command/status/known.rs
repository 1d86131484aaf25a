//! What both processes of this machine say about it and its peer.

use core::time::Duration;
use std::path::Path;

use api::client::ClientError;
use api::{Client, Counters, FailureKind, Pair, Pools, PoolsPage, Services, Status, Versions};

use crate::error::Error;

/// Both processes answer at once, or hang.
const PATIENCE: Duration = Duration::from_secs(3);

/// Everything that is known at one time.
#[derive(Debug)]
pub(crate) struct Known {
    /// What the dataplane says of itself, or why it says nothing.
    pub(crate) status: Result<Status, Silence>,
    pub(crate) services: Option<Services>,
    pub(crate) counters: Option<Counters>,
    pub(crate) pair: KnownPair,
    pub(crate) pools: Option<Pools>,
    pub(crate) versions: Option<Versions>,
}

/// Nothing was asked yet.
impl Default for Known {
    fn default() -> Self {
        Known {
            status: Err(Silence { words: String::new(), cause: Cause::Other }),
            services: None,
            counters: None,
            pair: KnownPair::Alone(String::new()),
            pools: None,
            versions: None,
        }
    }
}

/// What is known of the pair.
#[derive(Debug)]
pub(crate) enum KnownPair {
    Pair(Box<Pair>),
    /// tandem-control answers, and there is no `[peer]`.
    Alone(String),
    /// tandem-control does not answer.
    Silent(Silence),
}

/// Why one of the processes says nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Silence {
    /// Why, in words.
    pub(crate) words: String,
    pub(crate) cause: Cause,
}

/// What is to be done about it depends on this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// There is no such process.
    NotRunning,
    /// This user may not ask it.
    Permission,
    /// It is of another release.
    Release,
    Other,
}

impl Silence {
    /// That of tandem-dataplane.
    pub(super) fn of_dataplane(error: &ClientError) -> Self {
        Silence { words: error.to_string(), cause: Cause::of(error) }
    }

    /// That of tandem-control.
    pub(super) fn of_control(error: &ClientError) -> Self {
        Silence { words: Error::describe_control(error), cause: Cause::of(error) }
    }
}

impl Cause {
    fn of(error: &ClientError) -> Self {
        match error {
            ClientError::NotRunning(_) => Cause::NotRunning,
            ClientError::Permission(_) => Cause::Permission,
            ClientError::OtherAnswer => Cause::Release,
            ClientError::Failed(failure) if failure.failure == FailureKind::Version => {
                Cause::Release
            }
            _ => Cause::Other,
        }
    }
}

impl KnownPair {
    pub(super) fn of(answer: Result<Pair, ClientError>) -> Self {
        match answer {
            Ok(pair) => KnownPair::Pair(Box::new(pair)),
            Err(ClientError::Failed(failure)) => KnownPair::Alone(failure.to_string()),
            Err(error) => KnownPair::Silent(Silence::of_control(&error)),
        }
    }

    pub(crate) fn pair(&self) -> Option<&Pair> {
        match self {
            KnownPair::Pair(pair) => Some(pair),
            KnownPair::Alone(_) | KnownPair::Silent(_) => None,
        }
    }
}

/// Asks both.
///
/// # Errors
/// Who may not look knows nothing of how the machine is.
pub(in crate::command) fn ask(socket: &Path) -> Result<Known, Error> {
    let (status, services, counters) = ask_dataplane(socket);
    let status = match status {
        Err(error @ ClientError::Permission(_)) => return Err(error.into()),
        status => status.map_err(|error| Silence::of_dataplane(&error)),
    };
    let (pair, pools, versions) = ask_control(&config::Node::pair_socket_beside(socket));
    Ok(Known { status, services, counters, pair, pools, versions })
}

type OfDataplane = (Result<Status, ClientError>, Option<Services>, Option<Counters>);

fn ask_dataplane(socket: &Path) -> OfDataplane {
    let mut client = match Client::connect_with_timeout(socket, PATIENCE) {
        Ok(client) => client,
        Err(error) => return (Err(error), None, None),
    };
    let status = client.status();
    // One that did not answer is not waited for again.
    let answers = status.is_ok();
    let services = answers.then(|| client.services().ok()).flatten();
    let counters = answers.then(|| client.counters().ok()).flatten();
    (status, services, counters)
}

fn ask_control(socket: &Path) -> (KnownPair, Option<Pools>, Option<Versions>) {
    let mut client = match Client::connect_with_timeout(socket, PATIENCE) {
        Ok(client) => client,
        Err(error) => return (KnownPair::of(Err(error)), None, None),
    };
    let pair = KnownPair::of(client.pair());
    if let KnownPair::Silent(_) = pair {
        return (pair, None, None);
    }
    let pools = pools(&mut client);
    (pair, pools, client.versions().ok())
}

/// All pools, page by page.
pub(in crate::command) fn pools(control: &mut Client) -> Option<Pools> {
    let mut all = control.pools_page(PoolsPage::default()).ok()?;
    while let Some(skip) = all.next {
        let page = control.pools_page(PoolsPage { service: None, skip }).ok()?;
        all.pools.extend(page.pools);
        (all.next, all.generation) = (page.next, page.generation);
    }
    Some(all)
}
