//! The last failure of each server, which outlives its end: a server that is up again says nothing
//! of it any more.

use std::collections::HashMap;
use std::net::SocketAddr;

use api::{Operational, Pool, PoolServer};
use serde::Serialize;

/// A failure of a server's checks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// When it was seen last, in seconds since 1970.
    pub at: u64,
    /// In words: `http: 500 after 12 ms`.
    pub reason: String,
}

/// The last failures, by service and server.
#[derive(Debug, Default)]
pub(super) struct Failures(HashMap<(String, SocketAddr), Failure>);

impl Failures {
    /// Looks for servers that fail now.
    pub(super) fn note(&mut self, pools: &[Pool], now: u64) {
        for server in pools.iter().flat_map(|pool| &pool.servers) {
            let fails = matches!(server.operational, Operational::Down | Operational::GoingDown);
            if fails && !server.reason.is_empty() {
                let failure = Failure { at: now, reason: server.reason.clone() };
                self.0.insert((server.service.clone(), server.address), failure);
            }
        }
        let count: usize = pools.iter().map(|pool| pool.servers.len()).sum();
        if self.0.len() > count {
            let known: std::collections::HashSet<_> = pools
                .iter()
                .flat_map(|pool| &pool.servers)
                .map(|server| (server.service.clone(), server.address))
                .collect();
            self.0.retain(|key, _| known.contains(key));
        }
    }

    /// The last failure of a server that is over.
    pub(super) fn last(&self, server: &PoolServer) -> Option<&Failure> {
        self.0.get(&(server.service.clone(), server.address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(operational: Operational, reason: &str) -> Pool {
        let (service, reason) = ("web".to_owned(), reason.to_owned());
        let server = PoolServer { service, operational, reason, ..PoolServer::default() };
        Pool { servers: vec![server], ..Pool::default() }
    }

    #[test]
    fn a_failure_outlives_its_end_and_not_its_server() {
        let mut failures = Failures::default();
        let well = pool(Operational::Up, "http: 200");
        failures.note(std::slice::from_ref(&well), 1);
        assert_eq!(failures.last(&well.servers[0]), None);
        failures.note(&[pool(Operational::Down, "http: 500")], 2);
        failures.note(std::slice::from_ref(&well), 3);
        let expected = Failure { at: 2, reason: "http: 500".to_owned() };
        assert_eq!(failures.last(&well.servers[0]), Some(&expected));
        failures.note(&[], 4);
        assert_eq!(failures.last(&well.servers[0]), None);
    }
}
