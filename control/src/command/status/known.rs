//! What both processes of this machine say about it and its peer.

use core::time::Duration;
use std::path::Path;

use api::client::ClientError;
use api::{Client, Counters, Pair, Pools, PoolsPage, Services, Status, Versions};

use crate::error::Error;

/// Both processes answer at once, or hang.
const PATIENCE: Duration = Duration::from_secs(3);

/// Everything that is known at one time.
pub(in crate::command) struct Known {
    /// What the dataplane says of itself, or why it says nothing.
    pub(in crate::command) status: Result<Status, ClientError>,
    pub(in crate::command) services: Option<Services>,
    pub(in crate::command) counters: Option<Counters>,
    pub(in crate::command) pair: KnownPair,
    pub(in crate::command) pools: Option<Pools>,
    pub(in crate::command) versions: Option<Versions>,
}

/// What is known of the pair.
pub(in crate::command) enum KnownPair {
    Pair(Box<Pair>),
    /// tandem-control answers, and there is no `[peer]`.
    Alone(String),
    /// tandem-control does not answer.
    Silent(ClientError),
}

impl KnownPair {
    pub(super) fn of(answer: Result<Pair, ClientError>) -> Self {
        match answer {
            Ok(pair) => KnownPair::Pair(Box::new(pair)),
            Err(ClientError::Failed(failure)) => KnownPair::Alone(failure.to_string()),
            Err(error) => KnownPair::Silent(error),
        }
    }

    pub(in crate::command) fn pair(&self) -> Option<&Pair> {
        match self {
            KnownPair::Pair(pair) => Some(pair),
            KnownPair::Alone(_) | KnownPair::Silent(_) => None,
        }
    }

    /// Why nothing is known of a pair.
    pub(super) fn silence(error: &ClientError) -> String {
        Error::describe_control(error)
    }
}

/// Asks both.
pub(in crate::command) fn ask(socket: &Path) -> Known {
    let (status, services, counters) = ask_dataplane(socket);
    let (pair, pools, versions) = ask_control(&config::Node::pair_socket_beside(socket));
    Known { status, services, counters, pair, pools, versions }
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
        Err(error) => return (KnownPair::Silent(error), None, None),
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
