//! Connection sync in the worker: a bounded amount of it in each poll.

use nat::sync::Session;

use super::flows::Flows;
use super::view::View;

/// Tells of connections, or installs some; returns how many records or events there were.
#[inline(always)]
pub(super) fn poll(flows: &mut Flows, view: &View) -> usize {
    let connections = &mut flows.translator.connections;
    let found = connections.follow_session(view.now, &view.policy().services);
    // Also after a step of the sweep that found no event.
    if !matches!(connections.session(), Session::Off) {
        view.counters.connections.set(connections.table().len() as u64);
    }
    found
}

/// Looks for connections that came before the configuration had their service, and counts those that
/// were open before it had their shares; returns how many records it has looked at.
#[inline(always)]
pub(super) fn bind(flows: &mut Flows, view: &View) -> usize {
    let connections = &mut flows.translator.connections;
    connections.bind_on(&view.policy().services) + connections.count_on()
}
