//! Taking a new configuration while packets flow: whole or not at all.

use std::sync::Arc;
use std::time::SystemTime;

use api::{Failure, FailureKind, Reload, Reloaded};
use config::{Config, Interface};
use nat::Side;
use wire::MacAddress;

use super::Admin;

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
            Failure::new(FailureKind::Configuration, message).with_details(mistakes.lines())
        })?;
        let restart = loaded.config.restart_needed(&checked.config);
        if !restart.is_empty() {
            let message = "these changes need a restart of tandem-dataplane; the configuration \
                           in use stays";
            return Err(Failure::new(FailureKind::RestartNeeded, message).with_details(restart));
        }
        let loads: Vec<_> = self.workers.iter().map(|worker| &*worker.loads).collect();
        let snapshot = loaded
            .builder
            .build(&checked.config, &loads)
            .map_err(|error| Failure::new(FailureKind::Configuration, error.to_string()))?;
        // New neighbours first: a packet that goes by the new routes finds them.
        let now = self.clock.now();
        let mut resolver = self.resolver.lock();
        if !resolver.set_static(&static_neighbours(&checked.config), now) {
            let message = "the neighbour table has no room for every neighbour of the \
                           configuration; the rest of it is in use";
            tracing::warn!("{message}");
        }
        resolver.keep(snapshot.next_hops());
        drop(resolver);
        *self.snapshot.write() = Arc::clone(&snapshot);
        self.publish(&snapshot)?;
        loaded.config = checked.config;
        loaded.path = path;
        loaded.at = SystemTime::now();
        tracing::info!(generation = snapshot.generation, "configuration reloaded");
        let warnings = checked.warnings.iter().map(ToString::to_string).collect();
        Ok(Reloaded { generation: snapshot.generation, warnings })
    }
}

/// The neighbours that a configuration names.
pub fn static_neighbours(config: &Config) -> Vec<(Side, std::net::Ipv4Addr, MacAddress)> {
    let of = |side: Side, interface: &Interface| {
        let neighbours = interface.neighbours.clone().into_iter();
        neighbours.map(move |neighbour| (side, neighbour.address, neighbour.mac))
    };
    of(Side::Public, &config.public).chain(of(Side::Private, &config.private)).collect()
}
