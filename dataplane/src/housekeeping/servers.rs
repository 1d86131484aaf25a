//! Servers that workers suspect: how long, and who is told.

use std::collections::HashMap;
use std::sync::Arc;

use nat::Instant;
use nat::passive::{Holder, Suspects};
use nat::service::{Cause, ServerId};
use wire::Protocol;

use super::Housekeeping;
use crate::observations::Observations;
use crate::snapshot::Snapshot;

/// Milliseconds between looks at how long servers are suspect.
const LOOK: u64 = 100;
/// A server's changes are logged once in so many milliseconds.
const LOGGED: u64 = 10_000;

/// What the main core remembers of suspects.
pub struct ServerWatch {
    suspects: Arc<Suspects>,
    observations: Arc<Observations>,
    holder: Holder,
    /// The number of changes that was published.
    published: Option<u64>,
    looked: Instant,
    /// What was said of a server last, and when.
    told: HashMap<ServerId, (Option<Cause>, Instant)>,
}

impl ServerWatch {
    /// Tells of these suspects there.
    pub fn new(suspects: Arc<Suspects>, observations: Arc<Observations>) -> Self {
        ServerWatch {
            suspects,
            observations,
            holder: Holder::default(),
            published: None,
            looked: Instant::default(),
            told: HashMap::new(),
        }
    }

    /// Says in the log what has become of servers.
    fn tell(&mut self, snapshot: &Snapshot, now: Instant) {
        for service in snapshot.policy.services.iter() {
            for server in service.all_servers() {
                let cause = snapshot.policy.weights.state(server.id).cause();
                let told = self.told.get(&server.id).copied();
                let is_news = told
                    .map_or(cause.is_some(), |(told, at)| told != cause && now.since(at) >= LOGGED);
                if !is_news {
                    continue;
                }
                self.told.insert(server.id, (cause, now));
                let service = &service.name;
                match cause.map(why) {
                    Some(why) => tracing::warn!(
                        "service {service}: {server} is suspect, {why}; new connections \
                         avoid it while another server has a weight"
                    ),
                    None => tracing::info!("service {service}: {server} is trusted again"),
                }
            }
        }
        self.told.retain(|&server, (cause, at)| {
            let stays = snapshot.policy.services.server(server).is_some();
            stays && (cause.is_some() || now.since(*at) < LOGGED)
        });
    }
}

impl Housekeeping {
    /// Publishes what workers have observed since the last round, and ends what has lasted for
    /// long enough.
    pub(super) fn watch_servers(&mut self, now: Instant) {
        let watch = &mut self.servers;
        let change = watch.suspects.weights().suspicions();
        let is_new = watch.published != Some(change);
        if !is_new && now.since(watch.looked) < LOOK {
            return;
        }
        watch.looked = now;
        if is_new {
            watch.published = Some(change);
            // 0 is what a client knows that has not asked yet.
            watch.observations.publish(change + 1);
        }
        let snapshot = self.snapshot.read().clone();
        let services = snapshot.policy.services.iter();
        let servers = services.flat_map(|service| {
            let has_handshake = service.listen_of(Protocol::Tcp).is_some();
            service.all_servers().map(move |server| (server.id, has_handshake))
        });
        watch.holder.look(servers, watch.suspects.weights(), now);
        watch.tell(&snapshot, now);
    }
}

const fn why(cause: Cause) -> &'static str {
    match cause {
        Cause::Refused => "it answers SYNs with resets",
        Cause::Unreachable => "it is unreachable, says ICMP or its silence to ARP",
        Cause::Unanswered => "it does not answer SYNs",
    }
}
