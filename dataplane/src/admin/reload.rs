//! Taking a new configuration while packets flow: whole or not at all.

use core::time::Duration;
use std::net::Ipv4Addr;
use std::sync::Arc;

use api::{Failure, FailureKind, Reload, Reloaded};
use config::{Config, Interface};
use nat::Side;
use wire::MacAddress;

use super::{Admin, WorkerHandle};
use crate::client_key;
use crate::snapshot::{Builder, Snapshot};

/// How long servers that are new wait for somebody to decide about them: tandem-control needs a
/// third of it at the most.
const HELD: Duration = Duration::from_secs(1);

/// Mistakes that a failure names.
const TOLD: usize = 1000;

/// Neighbours that a failure names.
const NAMED: usize = 10;

impl Admin {
    /// Reloads as for `tandem reload`, and says in the log what came of it.
    pub fn reload_for_signal(&self) {
        match self.reload(&Reload { path: None }) {
            // The reload itself is logged, whoever asked for it.
            Ok(reloaded) => {
                reloaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"))
            }
            Err(failure) => {
                tracing::error!("SIGHUP, not reloaded: {}", failure.message);
                failure.details.iter().for_each(|detail| tracing::error!("{detail}"));
            }
        }
    }

    pub(super) fn reload(&self, reload: &Reload) -> Result<Reloaded, Failure> {
        let mut loaded = self.loaded.lock();
        let path = reload.path.clone().unwrap_or_else(|| loaded.path.clone());
        let checked = Config::load_checked(&path).map_err(|mistakes| {
            let message = "the configuration has mistakes; the one in use stays";
            Failure::new(FailureKind::Configuration, message).with_details(told(mistakes.lines()))
        })?;
        let restart = loaded.config.restart_needed(&checked.config);
        if !restart.is_empty() {
            let message = "these changes need a restart of tandem-dataplane; the configuration \
                           in use stays";
            return Err(Failure::new(FailureKind::RestartNeeded, message).with_details(restart));
        }
        let checkpoint = loaded.builder.checkpoint();
        let key = loaded.builder.client_key;
        loaded.builder.client_key = client_key::Loaded::load(&checked.config, Some(key));
        let snapshot = self.deliver(&mut loaded.builder, &checked.config).inspect_err(|_| {
            loaded.builder.go_back(checkpoint);
        })?;
        let warnings = checked.warnings.iter().map(ToString::to_string).collect();
        loaded.replace(checked, path);
        if loaded.builder.servers.holds() {
            self.release_later();
        }
        tracing::info!(generation = snapshot.generation, "configuration reloaded");
        Ok(Reloaded { generation: snapshot.generation, warnings })
    }

    /// Servers that this reload has brought get their weights soon, also when nobody decides about
    /// them any more.
    fn release_later(&self) {
        let loaded = Arc::clone(&self.loaded);
        let release = move || {
            std::thread::sleep(HELD);
            loaded.lock().builder.servers.release();
        };
        let started = std::thread::Builder::new().name("tandem-release".to_owned()).spawn(release);
        if let Err(error) = started {
            tracing::warn!("servers that are new wait until tandem-control decides: {error}");
        }
    }

    /// Has every worker use a configuration, and then the main core. When it does not come to
    /// that, workers and main core go on with the one before.
    fn deliver(&self, builder: &mut Builder, config: &Config) -> Result<Arc<Snapshot>, Failure> {
        let loads: Vec<_> = self.workers.iter().map(|worker| &*worker.loads).collect();
        let snapshot = builder
            .build(config, &loads)
            .map_err(|error| Failure::new(FailureKind::Configuration, error.to_string()))?;
        let neighbours = static_neighbours(config);
        let reserved = self
            .resolver
            .lock()
            .reserve(&neighbours, self.clock.now())
            .map_err(|without| no_room_for(&without))?;
        let before = self.snapshot.read().clone();
        let published = self.orders.lock().publish(&self.workers, &snapshot, &before);
        let mut resolver = self.resolver.lock();
        if let Err(late) = published {
            resolver.give_back(reserved);
            let message = format!("{}; the configuration in use stays", late.message);
            return Err(Failure::new(late.failure, message));
        }
        follow_limits(&self.workers, &before, &snapshot);
        resolver.set_static(&neighbours, self.clock.now());
        resolver.keep(snapshot.next_hops());
        drop(resolver);
        *self.snapshot.write() = Arc::clone(&snapshot);
        Ok(snapshot)
    }
}

/// Makes the limits of a snapshot count that every worker uses by now, instead of those of the
/// one before.
pub fn follow_limits(workers: &[WorkerHandle], before: &Snapshot, snapshot: &Snapshot) {
    let budgets: Vec<_> = workers.iter().map(|worker| &*worker.budgets).collect();
    let (before, services) = (&before.policy.services, &snapshot.policy.services);
    if let Some(one) = budgets.first() {
        one.limits().follow(before, services, &budgets);
    }
}

/// The first lines: an answer holds so many, and nobody reads more.
fn told(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(TOLD);
    lines.truncate(TOLD);
    if more > 0 {
        lines.push(format!("and {more} more mistakes; tandem check shows all"));
    }
    lines
}

fn no_room_for(neighbours: &[(Side, Ipv4Addr)]) -> Failure {
    let message = "the neighbour table has no room for every neighbour of the configuration; the \
                   one in use stays";
    let line = |(side, address): &(Side, Ipv4Addr)| format!("{side}.neighbour {address}");
    let mut lines: Vec<_> = neighbours.iter().take(NAMED).map(line).collect();
    match neighbours.len().saturating_sub(NAMED) {
        0 => {}
        more => lines.push(format!("and {more} more")),
    }
    Failure::new(FailureKind::Configuration, message).with_details(lines)
}

/// The neighbours that a configuration names.
pub fn static_neighbours(config: &Config) -> Vec<(Side, Ipv4Addr, MacAddress)> {
    let of = |side: Side, interface: &Interface| {
        let neighbours = interface.neighbours.clone().into_iter();
        neighbours.map(move |neighbour| (side, neighbour.address, neighbour.mac))
    };
    of(Side::Public, &config.public).chain(of(Side::Private, &config.private)).collect()
}
