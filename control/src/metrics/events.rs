//! What happened, and what hooks have done about it.

use api::EventKind;

use super::catalogue as all;
use super::gather::EventSource;
use super::page::Page;

/// Writes how often each kind of event happened. Kinds that have not are there with 0, so that
/// their first time is an increase.
pub fn write(source: &EventSource, page: &mut Page) {
    let totals = source.events.totals();
    let kinds = EventKind::ALL.iter().map(|kind| ([kind.name()], totals.of(kind)));
    page.counters(all::EVENTS, kinds);
    page.counter(all::EVENTS_LOST, source.events.lost());
    let hooks = source.hooks.all();
    let results = hooks.iter().flat_map(|(name, counts)| {
        let results =
            [("done", counts.done), ("failed", counts.failed), ("dropped", counts.dropped)];
        results.map(|(result, count)| ([name.as_str(), result], count))
    });
    page.counters(all::HOOK_EVENTS, results);
    let waiting = hooks.iter().map(|(name, counts)| ([name.as_str()], counts.waiting as f64));
    page.gauges(all::HOOK_WAITING, waiting);
}
