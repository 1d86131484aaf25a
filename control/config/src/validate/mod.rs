//! The sections judged against each other, and made a configuration.

mod buffers;
mod build;
mod hook;
mod interface;
mod limits;
mod listen;
mod masquerade;
mod numbers;
mod peer;
mod persist;
mod pool;
mod ports;
mod scheduler;
mod service;
mod shares;
mod sides;
mod status;

use crate::checked::Checked;
use crate::document::{Report, Table, parse};
use crate::mistake::Mistakes;
use crate::read::{self, Raw};
use crate::resolve::{Resolved, resolve};
use crate::schema;
use crate::sources::Sources;

/// From the texts to a configuration, or to every mistake in it.
pub(crate) fn check(sources: Sources) -> Result<Checked, Mistakes> {
    let report = Report::new(&sources);
    let Resolved { table, probes } = resolve(parse(&report), &report);
    let raw = Raw::read(Table::new(&table, 0..0, &schema::FILE, &report));
    for probe in &probes {
        report.probe(|| read::probe_service(Table::new(probe, 0..0, &schema::SERVICE, &report)));
    }
    judge(&raw, &report);
    let mbufs = raw.node.as_ref().and_then(|raw| raw.mbufs.clone());
    let config = build::config(raw);
    if let (Some(config), Some(mbufs)) = (&config, &mbufs) {
        buffers::judge(config, mbufs, &report);
    }
    if config.is_none() {
        // Every reader that gives None has said why; this is the net below them.
        report.unexplained();
    }
    let found = report.finish();
    match config {
        Some(config) if found.mistakes.is_empty() => {
            Ok(Checked { config, warnings: found.warnings, sources })
        }
        _ => Err(found),
    }
}

fn judge(raw: &Raw, report: &Report<'_>) {
    let sides = [&raw.public, &raw.private];
    sides.into_iter().flatten().for_each(|side| interface::judge(side, report));
    if let (Some(public), Some(private)) = (&raw.public, &raw.private) {
        sides::judge(public, private, report);
        masquerade::judge(&raw.masquerade, public, private, report);
    }
    service::judge(&raw.services, raw.public.as_ref(), raw.private.as_ref(), report);
    shares::judge(raw, report);
    persist::judge(&raw.services, report);
    status::judge(&raw.status, raw.metrics, report);
    hook::judge(&raw.hooks, report);
    if let Some(peer) = &raw.peer {
        peer::judge(peer, &sides, report);
    }
}
