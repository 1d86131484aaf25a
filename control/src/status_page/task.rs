//! What looks once a second, for the history always, and for the page while somebody sees it.

use core::time::Duration;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use api::{Request, Response};
use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use super::history::{History, Sample};
use super::rates::readable;
use super::view::{Memory, Moment, Seen, ServiceView, View};
use crate::command::status::{Cause, KnownPair, Silence};
use crate::dataplane_client::{AskError, DataplaneClient};
use crate::events::Events;
use crate::health::Health;
use crate::role::DriverHandle;
use crate::servers::PoolsHandle;

/// Between two looks. The largest configurations take longer, so that a look is a small part of
/// the time between two.
const INTERVAL: Duration = Duration::from_secs(1);
const SHARE: u32 = 10;
/// A look that is younger serves whoever comes.
const FRESH: Duration = Duration::from_millis(1500);
/// The events that are shown.
const EVENTS: usize = 30;
/// Nobody waits for longer than this for the first look.
const PATIENCE: Duration = Duration::from_secs(8);

/// Where the page's numbers come from.
pub struct Source {
    /// The machine's `node.name`.
    pub node: String,
    /// The dataplane's socket.
    pub socket: PathBuf,
    /// None on a machine without a peer.
    pub driver: Option<DriverHandle>,
    pub pools: PoolsHandle,
    pub health: Health,
    pub events: Events,
}

/// One look.
pub struct Tick {
    /// Grows by one with each.
    pub number: u64,
    /// What was seen.
    pub view: View,
    /// What differs from the look before, as a message of the stream.
    pub change: Bytes,
    at: Instant,
    history: Arc<Mutex<History>>,
    whole: OnceLock<Bytes>,
}

impl Tick {
    /// All of it with the history, as a message of the stream. Made once, whoever wants it.
    pub fn whole(&self) -> Bytes {
        self.whole
            .get_or_init(|| {
                #[derive(Serialize)]
                struct Whole<'w> {
                    #[serde(flatten)]
                    view: &'w View,
                    history: &'w History,
                }
                let history = lock(&self.history);
                message("whole", &Whole { view: &self.view, history: &history })
            })
            .clone()
    }
}

/// Where visitors get the looks.
#[derive(Clone)]
pub struct Ticks {
    ticks: watch::Receiver<Option<Arc<Tick>>>,
    wanted: Arc<Wanted>,
}

/// Whether somebody looks.
#[derive(Default)]
struct Wanted {
    visitors: AtomicUsize,
    wake: Notify,
}

/// One visitor's view of the looks. While there is one, the task looks.
pub struct Watched {
    ticks: watch::Receiver<Option<Arc<Tick>>>,
    wanted: Arc<Wanted>,
}

impl Ticks {
    /// A visitor has come.
    #[must_use]
    pub fn watch(&self) -> Watched {
        self.wanted.visitors.fetch_add(1, Ordering::Relaxed);
        let mut ticks = self.ticks.clone();
        let is_fresh = |tick: &Arc<Tick>| tick.at.elapsed() < FRESH;
        if ticks.borrow_and_update().as_ref().is_some_and(is_fresh) {
            ticks.mark_changed();
        } else {
            self.wanted.wake.notify_one();
        }
        Watched { ticks, wanted: Arc::clone(&self.wanted) }
    }
}

impl Watched {
    /// The next look; none when there will be no more.
    pub async fn next(&mut self) -> Option<Arc<Tick>> {
        timeout(PATIENCE, self.ticks.changed()).await.ok()?.ok()?;
        self.ticks.borrow_and_update().clone()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.wanted.visitors.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts to look.
pub fn start(source: Source) -> Ticks {
    let (sender, ticks) = watch::channel(None);
    let wanted = Arc::new(Wanted::default());
    let task = Task {
        history: Arc::default(),
        memory: Memory::default(),
        client: None,
        sent: Sent::default(),
        number: 0,
        wanted: Arc::clone(&wanted),
        sender,
        source,
    };
    tokio::spawn(task.run());
    Ticks { ticks, wanted }
}

struct Task {
    source: Source,
    history: Arc<Mutex<History>>,
    memory: Memory,
    /// The connection to the dataplane, while it answers.
    client: Option<DataplaneClient>,
    sent: Sent,
    number: u64,
    wanted: Arc<Wanted>,
    sender: watch::Sender<Option<Arc<Tick>>>,
}

impl Task {
    async fn run(mut self) {
        let mut changed = self.source.health.watch();
        let mut next = tokio::time::Instant::now();
        loop {
            let is_due = tokio::select! {
                () = tokio::time::sleep_until(next) => true,
                () = self.wanted.wake.notified() => false,
                found = changed.changed() => {
                    if found.is_err() {
                        return;
                    }
                    changed.borrow_and_update();
                    self.note_failures().await;
                    // Servers that change again and again are not followed one by one.
                    sleep(INTERVAL / 10).await;
                    continue;
                }
            };
            let begun = Instant::now();
            self.look(is_due).await;
            if is_due {
                next = tokio::time::Instant::now() + INTERVAL.max(begun.elapsed() * SHARE);
            }
        }
    }

    async fn note_failures(&mut self) {
        if let Ok(pools) = self.source.pools.all().await {
            self.memory.failures.note(&pools.pools, unix_seconds());
        }
    }

    /// Looks at what is wanted. The history has its samples at their times alone.
    async fn look(&mut self, is_due: bool) {
        let mut seen = Seen::default();
        self.ask_totals(&mut seen).await;
        let moment = Moment { monotonic: Instant::now(), unix: unix_seconds() };
        let sample = self.sample(&seen, moment);
        if is_due {
            lock(&self.history).add(sample);
        }
        if self.wanted.visitors.load(Ordering::Relaxed) == 0 {
            return;
        }
        self.ask_rest(&mut seen).await;
        let begun = Instant::now();
        seen.events = self.source.events.recent(EVENTS);
        if let Some(pools) = &seen.known.pools {
            self.memory.failures.note(&pools.pools, moment.unix);
        }
        let view = View::of(&self.source.node, &seen, sample, moment, &mut self.memory);
        self.number += 1;
        let tick = Tick {
            number: self.number,
            change: self.sent.change(&view),
            view,
            at: Instant::now(),
            history: Arc::clone(&self.history),
            whole: OnceLock::new(),
        };
        tracing::debug!(
            "the status page: {} services and their servers in {} us, {} bytes",
            tick.view.services.len(),
            begun.elapsed().as_micros(),
            tick.change.len()
        );
        self.sender.send_replace(Some(Arc::new(tick)));
    }

    async fn ask_totals(&mut self, seen: &mut Seen) {
        match self.ask(&Request::Status).await {
            Ok(Response::Status(status)) => seen.known.status = Ok(status),
            Ok(_) => {
                let words = AskError::OtherAnswer.to_string();
                seen.known.status = Err(Silence { words, cause: Cause::Release });
            }
            Err(error) => {
                let words = format!("the dataplane does not answer: {error}");
                seen.known.status = Err(Silence { words, cause: cause(&error) });
                return;
            }
        }
        if let Ok(Response::Counters(counters)) = self.ask(&Request::Counters).await {
            seen.known.counters = Some(counters);
        }
    }

    async fn ask_rest(&mut self, seen: &mut Seen) {
        if seen.known.status.is_ok() {
            let services = match &mut self.client {
                Some(client) => client.services().await.ok(),
                None => None,
            };
            if services.is_none() {
                self.client = None;
            }
            seen.known.services = services;
        }
        seen.known.pools = self.source.pools.all().await.ok();
        if let Some(driver) = &self.source.driver {
            seen.known.pair = match driver.pair().await {
                Ok(pair) => KnownPair::Pair(Box::new(pair)),
                Err(failure) => {
                    KnownPair::Silent(Silence { words: failure.to_string(), cause: Cause::Other })
                }
            };
        }
    }

    /// Asks on the connection that there is, or on a new one. After an error there is none: nobody
    /// knows what comes on it.
    async fn ask(&mut self, request: &Request) -> Result<Response, AskError> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => DataplaneClient::connect(&self.source.socket).await?,
        };
        let response = client.request(request).await?;
        self.client = Some(client);
        Ok(response)
    }

    fn sample(&mut self, seen: &Seen, moment: Moment) -> Sample {
        let Ok(status) = &seen.known.status else {
            return Sample { at: moment.unix, ..Sample::default() };
        };
        let public = status.nics.iter().find(|nic| nic.side == api::Side::Public);
        let nic = public.map(|nic| nic.counters).unwrap_or_default();
        let workers = seen.known.counters.iter().flat_map(|counters| &counters.workers);
        let opened = workers.filter_map(|worker| worker.counters.get("connections_opened")).sum();
        let dropped = status.workers.iter().map(|worker| worker.dropped_packets).sum();
        let values = [opened, nic.rx_bytes, nic.tx_bytes, dropped];
        let rates = self.memory.totals.take((), values, moment.monotonic);
        let [opened, bytes_in, bytes_out, dropped] = rates.unwrap_or_default();
        Sample {
            at: moment.unix,
            connections: status.workers.iter().map(|worker| worker.connections).sum::<u64>() as f64,
            opened: readable(opened),
            bits_in: readable(bytes_in * 8.0),
            bits_out: readable(bytes_out * 8.0),
            dropped: readable(dropped),
        }
    }
}

/// What is to be done about a dataplane that does not answer.
fn cause(error: &AskError) -> Cause {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    match error {
        AskError::Io(error) if matches!(error.kind(), NotFound | ConnectionRefused) => {
            Cause::NotRunning
        }
        AskError::Failed(failure) if failure.failure == api::FailureKind::Version => Cause::Release,
        AskError::OtherAnswer => Cause::Release,
        _ => Cause::Other,
    }
}

/// What visitors have been sent: the JSON of each part.
#[derive(Default)]
struct Sent {
    parts: HashMap<&'static str, String>,
    services: HashMap<String, String>,
    /// Their names in their order.
    order: Vec<String>,
}

impl Sent {
    /// The message that makes the page before into this one.
    fn change(&mut self, view: &View) -> Bytes {
        let View { own, verdict, pair, sides, now, services, drops, workers, buffers, events } =
            view;
        let parts = [
            ("now", json(now)),
            ("own", json(own)),
            ("verdict", json(verdict)),
            ("pair", json(pair)),
            ("sides", json(sides)),
            ("drops", json(drops)),
            ("workers", json(workers)),
            ("buffers", json(buffers)),
            ("events", json(events)),
        ];
        let mut changed: Vec<String> = Vec::new();
        for (name, text) in parts {
            if self.parts.get(name) != Some(&text) {
                changed.push(format!("\"{name}\":{text}"));
                self.parts.insert(name, text);
            }
        }
        changed.extend(self.services(services));
        Bytes::from(format!("event: change\ndata: {{{}}}\n\n", changed.join(",")))
    }

    /// The services that have changed, and their order where that has.
    fn services(&mut self, services: &[ServiceView]) -> Vec<String> {
        let mut changed = Vec::new();
        for service in services {
            let text = json(service);
            if self.services.get(&service.name) != Some(&text) {
                changed.push(text.clone());
                self.services.insert(service.name.clone(), text);
            }
        }
        let is_same = self.order.len() == services.len()
            && self.order.iter().zip(services).all(|(name, service)| *name == service.name);
        let mut parts = Vec::new();
        if !is_same {
            self.order = services.iter().map(|service| service.name.clone()).collect();
            let names: std::collections::HashSet<&String> = self.order.iter().collect();
            self.services.retain(|name, _| names.contains(name));
            parts.push(format!("\"order\":{}", json(&self.order)));
        }
        if !changed.is_empty() {
            parts.push(format!("\"changed\":[{}]", changed.join(",")));
        }
        parts
    }
}

/// JSON has no line breaks of its own, so it is one line of the stream.
fn message(event: &str, value: &impl Serialize) -> Bytes {
    Bytes::from(format!("event: {event}\ndata: {}\n\n", json(value)))
}

/// Nothing of the page can fail to be written: maps have texts for keys, and numbers are finite.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

fn lock(history: &Mutex<History>) -> MutexGuard<'_, History> {
    history.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, connections: u64) -> ServiceView {
        ServiceView { name: name.to_owned(), connections, ..ServiceView::default() }
    }

    fn text(change: &Bytes) -> serde_json::Value {
        let text = std::str::from_utf8(change).unwrap();
        let json = text.strip_prefix("event: change\ndata: ").unwrap();
        serde_json::from_str(json.strip_suffix("\n\n").unwrap()).unwrap()
    }

    #[test]
    fn only_what_has_changed_is_sent() {
        let mut sent = Sent::default();
        let mut view = View { services: vec![service("a", 1), service("b", 1)], ..View::default() };
        let first = text(&sent.change(&view));
        assert!(first.get("verdict").is_some() && first.get("own").is_some());
        assert_eq!(first["order"], serde_json::json!(["a", "b"]));
        let same = text(&sent.change(&view));
        assert_eq!(same, serde_json::json!({}));
        view.services[1].connections = 2;
        let changed = text(&sent.change(&view));
        assert_eq!(changed["changed"][0]["name"], "b");
        assert_eq!((changed["changed"].as_array().unwrap().len(), changed.get("order")), (1, None));
        view.services.remove(0);
        assert_eq!(text(&sent.change(&view))["order"], serde_json::json!(["b"]));
        view.services.insert(0, service("a", 1));
        let again = text(&sent.change(&view));
        assert_eq!(again["changed"][0]["name"], "a", "a service that comes back is told anew");
    }
}
