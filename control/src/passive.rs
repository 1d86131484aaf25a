//! Suspicions of the dataplane: a worker saw clients fail at a server, and avoids it until a
//! check has decided.
//!
//! The dataplane answers [`Request::Observe`] when something has changed, a millisecond or two
//! after it did. One task asks it again and again on a connection of its own, on machines with
//! and without a peer, and says each suspicion once.

use core::time::Duration;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use api::{
    Observation, Observations, Observe, Request, Response, ServerChange, SetServers, SuspectCause,
};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::dataplane_client::{AskError, DataplaneClient};
use crate::health::{Health, Operational};

/// Between attempts to reach a dataplane that is not there.
const RETRY: Duration = Duration::from_millis(200);
/// Between two questions: a server that changes all the time must not keep anybody busy.
const PAUSE: Duration = Duration::from_millis(10);
/// Suspicions that wait for the health checks.
const ROOM: usize = 1024;

/// A server that is to be checked at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suspicion {
    /// The name of its service.
    pub service: String,
    /// Its address and port.
    pub server: SocketAddr,
    /// Why.
    pub cause: SuspectCause,
}

/// Begins to wait for suspicions of the dataplane behind this socket. The task ends when nobody
/// receives any more.
#[must_use]
pub fn watch(socket: &Path) -> mpsc::Receiver<Suspicion> {
    let (sender, receiver) = mpsc::channel(ROOM);
    tokio::spawn(run(socket.to_owned(), sender));
    receiver
}

/// Has the checks of each suspect server begin at once, and ends the suspicion of one that they
/// find up. One that they find down is so published like any other; of one that has no check, or
/// whose checks are undecided, the suspicion ends by itself.
pub fn check_at_once(socket: &Path, health: Health) {
    let mut suspicions = watch(socket);
    let socket = socket.to_owned();
    tokio::spawn(async move {
        while let Some(suspicion) = suspicions.recv().await {
            tokio::spawn(decide(socket.clone(), health.clone(), suspicion));
        }
    });
}

async fn decide(socket: PathBuf, health: Health, Suspicion { service, server, .. }: Suspicion) {
    let SocketAddr::V4(address) = server else { return };
    let found = health.suspect(&service, address).await;
    if !matches!(found, Ok(Operational::Up)) {
        return;
    }
    let change = ServerChange { suspect: Some(false), ..ServerChange::new(service, server) };
    let changes = SetServers { servers: vec![change], ..SetServers::default() };
    let trusted = async {
        let mut client = DataplaneClient::connect(&socket).await?;
        client.request(&Request::SetServers(changes)).await
    };
    if let Err(error) = trusted.await {
        tracing::debug!("{server} stays suspect for its time: {error}");
    }
}

async fn run(socket: PathBuf, sender: mpsc::Sender<Suspicion>) {
    let mut known = Known::default();
    while !sender.is_closed() {
        // A dataplane that was just started suspects nobody, and counts anew.
        if let Err(error) = follow(&socket, &sender, &mut known).await {
            tracing::debug!("no suspicions of the dataplane: {error}");
        }
        sleep(RETRY).await;
    }
}

/// Asks over one connection until it breaks or nobody receives.
async fn follow(
    socket: &Path,
    sender: &mpsc::Sender<Suspicion>,
    known: &mut Known,
) -> Result<(), AskError> {
    let mut client = DataplaneClient::connect(socket).await?;
    let mut after = 0;
    while !sender.is_closed() {
        let response = client.request(&Request::Observe(Observe { after })).await?;
        let Response::Observations(observations) = response else { return Ok(()) };
        after = observations.change;
        for suspicion in known.news(observations) {
            // Where the checks are behind, the server is checked in its turn.
            if sender.try_send(suspicion).is_err() {
                tracing::debug!("a suspicion was not told: too many wait");
            }
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Suspicions that were told, with their time.
#[derive(Default)]
struct Known(HashMap<(String, SocketAddr), u64>);

impl Known {
    /// Those that were not told yet.
    fn news(&mut self, Observations { servers, .. }: Observations) -> Vec<Suspicion> {
        let before = core::mem::take(&mut self.0);
        let mut news = Vec::new();
        for Observation { service, server, suspect, since_millis } in servers {
            let key = (service.clone(), server);
            if before.get(&key) != Some(&since_millis) {
                news.push(Suspicion { service, server, cause: suspect });
            }
            self.0.insert(key, since_millis);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(since: &[(&str, u64)]) -> Observations {
        let servers = since.iter().map(|&(server, since_millis)| Observation {
            service: "web".to_owned(),
            server: server.parse().unwrap(),
            suspect: SuspectCause::Refused,
            since_millis,
        });
        Observations { change: 1, generation: 1, servers: servers.collect() }
    }

    #[test]
    fn a_suspicion_is_told_once_and_the_next_one_again() {
        let mut known = Known::default();
        let mut count = |since: &[(&str, u64)]| known.news(observed(since)).len();
        assert_eq!(count(&[("10.0.0.11:80", 5)]), 1);
        assert_eq!(count(&[("10.0.0.11:80", 5), ("10.0.0.12:80", 7)]), 1);
        assert_eq!(count(&[("10.0.0.11:80", 9), ("10.0.0.12:80", 7)]), 1, "suspect anew");
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[("10.0.0.11:80", 12)]), 1);
    }
}
