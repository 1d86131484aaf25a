//! What the page shows, as it is sent: each part is an object of its own, and is sent anew when it
//! has changed.

mod machines;
mod services;
mod sides;
mod verdict;

use api::Status;
use serde::Serialize;

pub use machines::{MachineState, MachineView, PairView, PathView, SyncView};
pub use services::{ServerShape, ServerView, ServiceView};
pub use sides::{BufferView, DropView, SideView, WorkerView};
pub use verdict::{TroubleView, VerdictView};

use super::failures::Failures;
use super::history::Sample;
use super::rates::Rates;
use crate::command::status::Known;

/// What the parts of this machine have answered; none where they have not.
#[derive(Debug, Default)]
pub struct Seen {
    /// What `tandem status` knows as well.
    pub(crate) known: Known,
    /// The last events, the oldest first.
    pub events: Vec<std::sync::Arc<api::Event>>,
}

impl Seen {
    fn status(&self) -> Option<&Status> {
        self.known.status.as_ref().ok()
    }
}

/// All of the page.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct View {
    pub own: OwnView,
    pub verdict: VerdictView,
    pub pair: PairView,
    pub sides: Vec<SideView>,
    pub now: Sample,
    pub services: Vec<ServiceView>,
    pub drops: Vec<DropView>,
    pub workers: Vec<WorkerView>,
    pub buffers: Vec<BufferView>,
    /// The last ones, the newest first.
    pub events: Vec<EventView>,
}

/// The machine that answers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct OwnView {
    /// Its `node.name`.
    pub node: String,
    /// The release of tandem-control.
    pub version: String,
    /// The release of the dataplane and its DPDK; empty while it does not answer.
    pub dataplane: String,
    /// Since when the dataplane runs, in seconds since 1970.
    pub started_at: u64,
    /// The file of the configuration in force.
    pub configuration: String,
    /// How many configurations were taken since the start.
    pub generation: u64,
    /// When it was taken, in seconds since 1970.
    pub loaded_at: u64,
    /// Connections that the machine can hold.
    pub connections_limit: u64,
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EventView {
    pub number: u64,
    /// In milliseconds since 1970.
    pub at_millis: u64,
    /// Its name, as in `server.down`.
    pub kind: String,
    pub severity: api::EventSeverity,
    /// A sentence without its full stop.
    pub what: String,
    pub why: Option<String>,
    /// Who caused it.
    pub actor: Option<String>,
}

impl EventView {
    fn of(event: &api::Event) -> Self {
        let api::Event { number, at_millis, severity, what, why, actor, .. } = event.clone();
        let kind = event.kind.name().to_owned();
        EventView { number, at_millis, kind, severity, what, why, actor }
    }
}

/// The counters of the time before, by what they count.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) totals: Rates<(), 4>,
    pub(super) sides: Rates<String, 5>,
    pub(super) services: Rates<String, 4>,
    pub(super) servers: Rates<(String, std::net::SocketAddr), 3>,
    pub(super) drops: Rates<String, 1>,
    pub(super) workers: Rates<u32, 2>,
    pub(super) failures: Failures,
    /// How many connections servers had when they were taken out.
    pub(super) drains: services::Drains,
}

/// When something was seen.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub monotonic: std::time::Instant,
    /// In seconds since 1970.
    pub unix: u64,
}

impl View {
    /// Made from what was seen. `node` is the machine's name, also where nothing answers.
    pub(super) fn of(
        node: &str,
        seen: &Seen,
        now: Sample,
        moment: Moment,
        memory: &mut Memory,
    ) -> Self {
        let view = View {
            own: own(node, seen, moment),
            verdict: verdict::of(seen),
            pair: machines::of(node, seen),
            sides: seen
                .status()
                .map_or_else(Vec::new, |status| sides::of(status, moment, &mut memory.sides)),
            now,
            services: services::of(seen, moment, memory),
            drops: seen.known.counters.as_ref().map_or_else(Vec::new, |counters| {
                sides::drops(counters, moment, &mut memory.drops)
            }),
            workers: seen.status().map_or_else(Vec::new, |status| {
                sides::workers(status, moment, &mut memory.workers)
            }),
            events: seen.events.iter().rev().map(|event| EventView::of(event)).collect(),
            buffers: seen.known.counters.as_ref().map_or_else(Vec::new, sides::buffers),
        };
        memory.sides.forget(moment.monotonic);
        memory.services.forget(moment.monotonic);
        memory.servers.forget(moment.monotonic);
        view
    }
}

fn own(node: &str, seen: &Seen, moment: Moment) -> OwnView {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let node = node.to_owned();
    let Some(status) = seen.status() else {
        return OwnView { node, version, ..OwnView::default() };
    };
    // Two clocks are read at two times: without the coarser grain it would flicker.
    let started_at = (moment.unix.saturating_sub(status.uptime_seconds) + 1) / 4 * 4;
    OwnView {
        node,
        version,
        dataplane: format!("{} on {}", status.version, status.dpdk),
        started_at,
        configuration: status.configuration.path.display().to_string(),
        generation: status.configuration.generation,
        loaded_at: status.configuration.loaded_at,
        connections_limit: status.connections_limit,
    }
}
