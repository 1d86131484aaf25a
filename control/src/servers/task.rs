//! The task that owns the pools, and how others ask it.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use api::{
    AdminOrder, Administer, Administered, Administrative, EventKind, Failure, FailureKind,
    PeerExchange, Pools as PoolsPageAnswer, PoolsPage,
};
use config::{Config, Peer};
use failover::Instant;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep_until, timeout};

use super::dataplane::{Applied, Desired, Teller, Told};
use super::exchange::tell::{self, Telling};
use super::exchange::{Heard, Knowledge, hear};
use super::folder::{self, FolderRules};
use super::observed::ObservedReceiver;
use super::orders::{Change, Order, ServerKey};
use super::pool::Pools;
use super::status;
use super::store::{Store, StoreError};
use crate::clock::Clock;
use crate::events::{Draft, Events};
use crate::sync::noise::{Secured, SyncKeys};

/// An answer takes the task less than this, unless the disk hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a command waits for the dataplane to know.
const DATAPLANE_PATIENCE: Duration = Duration::from_secs(2);
/// How long a command waits for the peer to know.
const PEER_PATIENCE: Duration = Duration::from_secs(2);
/// How long a write may keep the task.
const DISK_PATIENCE: Duration = Duration::from_secs(1);
const HANGS: &str = "it does not outlive a restart of tandem-control: the disk of node.state hangs";
/// Requests that may wait for the task.
const ROOM: usize = 64;

/// What others ask of the task.
#[derive(Debug)]
enum PoolsRequest {
    /// What a user wants.
    Administer(Administer, String, oneshot::Sender<Result<Done, Failure>>),
    Page(PoolsPage, oneshot::Sender<Result<PoolsPageAnswer, Failure>>),
}

/// What was set.
#[derive(Debug)]
struct Done {
    answer: Administered,
    /// What the dataplane has to be told for it.
    version: u64,
    /// What the peer has to be told for it.
    orders: u64,
    /// How far the peer was told; none: there is no peer.
    telling: Option<watch::Receiver<Telling>>,
}

/// Asks the task, from anywhere.
#[derive(Clone, Debug)]
pub struct PoolsHandle {
    requests: mpsc::Sender<PoolsRequest>,
    applied: watch::Receiver<Applied>,
    socket: PathBuf,
}

/// What the task is made from.
pub struct Parts {
    pub node: config::Node,
    /// The folder whose files take servers out.
    pub folder: PathBuf,
    pub clock: Clock,
    /// The configuration in force, whenever it changes.
    pub configuration: watch::Receiver<Arc<Config>>,
    /// Its generation, sent after it.
    pub generations: watch::Receiver<u64>,
    /// What checks find.
    pub observed: ObservedReceiver,
    /// None: this machine has no peer.
    pub peer: Option<PeerParts>,
    pub events: Events,
}

/// What the exchange with the peer is made from.
pub struct PeerParts {
    pub peer: Peer,
    pub keys: SyncKeys,
    /// The peer's connections.
    pub links: mpsc::Receiver<Secured>,
}

/// The ends of the exchange with the peer.
struct Exchange {
    knowledge: watch::Sender<Arc<Knowledge>>,
    telling: watch::Receiver<Telling>,
    heard: mpsc::Receiver<Heard>,
}

impl Exchange {
    fn start(parts: PeerParts, socket: PathBuf) -> Self {
        let PeerParts { peer, keys, links } = parts;
        let (knowledge, known) = watch::channel(Arc::default());
        let (telling, told) = watch::channel(Telling::default());
        tokio::spawn(tell::Teller::new(&peer, keys, socket, known, telling).run());
        let (sender, heard) = mpsc::channel(ROOM);
        tokio::spawn(hear::run(links, sender));
        Exchange { knowledge, telling: told, heard }
    }
}

/// Owns the pools.
pub struct PoolsTask {
    node: config::Node,
    clock: Clock,
    pools: Pools,
    store: Store,
    configuration: watch::Receiver<Arc<Config>>,
    generations: watch::Receiver<u64>,
    observed: ObservedReceiver,
    folder: watch::Receiver<FolderRules>,
    exchange: Option<Exchange>,
    desired: watch::Sender<Arc<Desired>>,
    applied: watch::Receiver<Applied>,
    requests: mpsc::Receiver<PoolsRequest>,
    /// Why what operators want is not on disk.
    unwritten: Option<String>,
    /// A write of them that takes long, as on a disk that hangs.
    writing: Option<tokio::task::JoinHandle<Result<(), StoreError>>>,
    /// That the file was damaged, until the next start.
    damaged: Option<String>,
    /// When something changes by itself.
    next: Option<Instant>,
    /// Grows with each order that is new.
    orders_version: u64,
}

impl PoolsTask {
    /// Starts the task, and what tells the dataplane and follows the folder.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn start(parts: Parts) -> std::io::Result<PoolsHandle> {
        let Parts { node, folder, clock, configuration, generations, observed, peer, events } =
            parts;
        let store = Store::new(&node.state);
        let (orders, damaged) = match store.read() {
            Ok(orders) => (orders, None),
            Err(error) => {
                // No file is worth the service.
                tracing::error!("{error}");
                (Default::default(), Some(error.to_string()))
            }
        };
        let (rules, folder_rules) = watch::channel(FolderRules::default());
        if let Ok(read) = FolderRules::read(&folder) {
            rules.send_replace(read);
        }
        std::thread::Builder::new()
            .name("tandem-folder".to_owned())
            .spawn(move || folder::follow(&folder, &rules))?;
        let (desired, wanted) = watch::channel(Arc::new(Desired::default()));
        let (applied, is_applied) = watch::channel(Applied::default());
        let socket = node.control_socket.clone();
        tokio::spawn(Teller { socket: socket.clone(), desired: wanted, applied }.run());
        let (sender, requests) = mpsc::channel(ROOM);
        let exchange = peer.map(|peer| Exchange::start(peer, socket.clone()));
        let handle = PoolsHandle { requests: sender, applied: is_applied.clone(), socket };
        let mut task = PoolsTask {
            node,
            clock,
            pools: Pools { orders, events, ..Pools::default() },
            store,
            configuration,
            generations,
            observed,
            folder: folder_rules,
            exchange,
            desired,
            applied: is_applied,
            requests,
            unwritten: None,
            writing: None,
            damaged,
            next: None,
            orders_version: 1,
        };
        task.configure();
        task.pools.folder = task.folder.borrow_and_update().clone();
        task.pools.observed = Arc::clone(&task.observed.borrow_and_update());
        tokio::spawn(task.run());
        Ok(handle)
    }

    async fn run(mut self) {
        loop {
            self.decide();
            let due = self.next.map(|at| self.clock.at(at));
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => self.answer(request).await,
                    None => return,
                },
                Ok(()) = self.configuration.changed() => {
                    self.configure();
                    self.forget().await;
                }
                Ok(()) = self.observed.changed() => {
                    self.write_again().await;
                    self.pools.observed = Arc::clone(&self.observed.borrow_and_update());
                }
                Ok(()) = self.folder.changed() => {
                    self.pools.folder = self.folder.borrow_and_update().clone();
                    tracing::info!("the maintenance folder has changed");
                }
                heard = next_heard(self.exchange.as_mut()) => self.hear(heard).await,
                () = until(due) => {}
            }
        }
    }

    fn configure(&mut self) {
        let config = Arc::clone(&self.configuration.borrow_and_update());
        self.pools.configure(&config, self.clock.now());
    }

    /// Decides, and has the dataplane told if something has changed.
    fn decide(&mut self) {
        self.next = self.pools.decide(self.clock.now());
        let mut desired = Desired::default();
        for service in &self.pools.services {
            for (member, share) in service.shares() {
                let draining = self.pools.administrative(member).state != Administrative::Ready;
                let observed = self.pools.observed(&member.key);
                let told = Told {
                    weight: share.weight,
                    part: share.part,
                    draining,
                    down: share.is_down,
                    max_connections: observed.map_or(0, |one| one.max_connections),
                };
                desired.servers.insert(member.key.clone(), told);
            }
            let sorry_only = service.decision.as_ref().is_some_and(|one| one.sorry_only);
            desired.sorry_only.insert(service.name.clone(), sorry_only);
        }
        self.tell();
        self.desired.send_if_modified(|before| {
            desired.version = before.version;
            let changed = before.version == 0 || **before != desired;
            if changed {
                desired.version += 1;
                *before = Arc::new(desired);
            }
            changed
        });
    }

    /// What there is to tell the peer now.
    fn tell(&self) {
        let Some(exchange) = &self.exchange else { return };
        let order = |order: &Order| Order { absent_since: None, ..order.clone() };
        let orders = self.pools.orders.iter().map(|(key, one)| (key.clone(), order(one))).collect();
        let views = status::views(&self.pools);
        let knowledge = Knowledge { orders, views, version: self.orders_version };
        exchange.knowledge.send_if_modified(|before| {
            let changed = **before != knowledge;
            if changed {
                *before = Arc::new(knowledge);
            }
            changed
        });
    }

    async fn hear(&mut self, heard: Heard) {
        let message = match heard {
            Heard::Gone => return self.pools.peer.forget(),
            Heard::Message(message) => message,
        };
        self.pools.peer.take(&message);
        let mut is_news = false;
        for (key, order) in message.orders {
            let (name, before) = (key.clone(), self.pools.orders.of(&key).cloned());
            if self.pools.orders.merge(key, order) {
                is_news = true;
                self.tell_merged(&name, before.as_ref());
            }
        }
        if is_news {
            self.orders_version += 1;
            self.forget().await;
            self.write().await;
        }
    }

    async fn answer(&mut self, request: PoolsRequest) {
        match request {
            PoolsRequest::Administer(administer, actor, answer) => {
                let done = self.administer(&administer, &actor).await;
                let _ = answer.send(done);
            }
            PoolsRequest::Page(page, answer) => {
                let mut page = status::page(&self.pools, &page, self.clock.now());
                if let Ok(page) = &mut page {
                    page.warnings = self.warnings();
                    page.peer = self.peer();
                    page.generation = *self.generations.borrow();
                }
                let _ = answer.send(page);
            }
        }
    }

    fn peer(&self) -> Option<PeerExchange> {
        let telling = self.exchange.as_ref()?.telling.borrow().clone();
        let Telling { version, trouble } = telling;
        let told = version == Some(self.orders_version);
        Some(PeerExchange { told, heard: self.pools.peer.complete, trouble })
    }

    fn warnings(&self) -> Vec<String> {
        let trouble = self.applied.borrow().trouble.clone();
        [self.damaged.clone(), self.unwritten.clone(), trouble].into_iter().flatten().collect()
    }

    async fn administer(&mut self, administer: &Administer, actor: &str) -> Result<Done, Failure> {
        let keys = status::find(&self.pools, administer)?;
        let change = match administer.order {
            AdminOrder::Enable => Change::State(Administrative::Ready),
            AdminOrder::Drain => Change::State(Administrative::Drain),
            AdminOrder::Disable => Change::State(Administrative::Maintenance),
            AdminOrder::Weight(weight) => Change::Weight(weight),
            _ => return Err(Failure::new(FailureKind::Malformed, "there is no such order")),
        };
        self.pools.orders.set(&keys, change, &self.node.name, unix_millis());
        self.orders_version += 1;
        keys.iter().for_each(|key| self.pools.events.emit(ordered(key, change).actor(actor)));
        self.decide();
        self.write().await;
        let notes = self.unwritten.clone().into_iter().collect();
        let servers = status::servers(&self.pools, &keys, self.clock.now());
        let version = self.desired.borrow().version;
        let (answer, orders) = (Administered { servers, notes }, self.orders_version);
        let telling = self.exchange.as_ref().map(|exchange| exchange.telling.clone());
        Ok(Done { answer, version, orders, telling })
    }

    /// Tells what an operator has ordered on the other machine.
    fn tell_merged(&self, key: &ServerKey, before: Option<&Order>) {
        let Some(order) = self.pools.orders.of(key) else { return };
        let by = |node: &str| format!("an operator on {node}");
        if before.map_or(Administrative::Ready, |before| before.state.value) != order.state.value {
            let draft = ordered(key, Change::State(order.state.value));
            self.pools.events.emit(draft.actor(by(&order.state.stamp.node)));
        }
        if before.and_then(|before| before.weight.value) != order.weight.value {
            let draft = ordered(key, Change::Weight(order.weight.value));
            self.pools.events.emit(draft.actor(by(&order.weight.stamp.node)));
        }
    }

    /// Forgets what is said of servers that have been gone for long.
    async fn forget(&mut self) {
        let Pools { services, orders, .. } = &mut self.pools;
        let known: std::collections::HashSet<&ServerKey> =
            services.iter().flat_map(|service| service.all().map(|member| &member.key)).collect();
        if orders.follow(|key| known.contains(key), unix_millis() / 1000) {
            self.write().await;
        }
    }

    /// Writes what operators want. A disk that hangs keeps nobody waiting: servers that fail are
    /// taken out meanwhile.
    async fn write(&mut self) {
        if self.writing.as_ref().is_some_and(|before| !before.is_finished()) {
            self.unwritten = Some(HANGS.to_owned());
            return;
        }
        let (store, orders) = (self.store.clone(), self.pools.orders.clone());
        let mut writing = tokio::task::spawn_blocking(move || store.write(&orders));
        let result = match timeout(DISK_PATIENCE, &mut writing).await {
            Ok(written) => written.unwrap_or_else(|error| {
                Err(StoreError::Io { path: self.node.state.clone(), error: error.into() })
            }),
            Err(_) => {
                tracing::error!("{HANGS}");
                self.writing = Some(writing);
                self.unwritten = Some(HANGS.to_owned());
                return;
            }
        };
        self.writing = None;
        if let Err(error) = &result {
            tracing::error!("{error}");
        }
        self.unwritten = result
            .err()
            .map(|error| format!("it does not outlive a restart of tandem-control: {error}"));
    }

    /// Writes again what could not be written as the disk hung.
    async fn write_again(&mut self) {
        if self.writing.as_ref().is_some_and(tokio::task::JoinHandle::is_finished) {
            self.write().await;
        }
    }
}

/// What the peer says; never without one.
async fn next_heard(exchange: Option<&mut Exchange>) -> Heard {
    let heard = match exchange {
        Some(exchange) => exchange.heard.recv().await,
        None => None,
    };
    match heard {
        Some(heard) => heard,
        None => core::future::pending().await,
    }
}

/// At this time; never without one.
async fn until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => core::future::pending().await,
    }
}

/// What an operator wants of a server.
fn ordered(ServerKey { service, server }: &ServerKey, change: Change) -> Draft {
    let server = api::server_name(server);
    let (kind, how) = match change {
        Change::State(Administrative::Ready) => {
            (EventKind::ServerEnabled, "gets new connections again".to_owned())
        }
        Change::State(Administrative::Drain) => {
            (EventKind::ServerDrained, "gets no new connection (drain)".to_owned())
        }
        Change::State(_) => {
            (EventKind::ServerDisabled, "gets no new connection (maintenance)".to_owned())
        }
        Change::Weight(Some(weight)) => (EventKind::ServerWeight, format!("has weight {weight}")),
        Change::Weight(None) => {
            (EventKind::ServerWeight, "has its configured weight again".to_owned())
        }
    };
    let draft = Draft::new(kind, format!("{server} of {service} {how}"));
    draft.field("service", service).field("server", server)
}

fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl PoolsHandle {
    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, Failure>>) -> PoolsRequest,
    ) -> Result<T, Failure> {
        let (sender, receiver) = oneshot::channel();
        let asked = async {
            let sent = self.requests.send(request(sender)).await;
            sent.map_err(|_| ())?;
            receiver.await.map_err(|_| ())
        };
        match timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(())) => Err(Failure::new(FailureKind::NotNow, "tandem-control is ending")),
            Err(_) => Err(Failure::new(
                FailureKind::Busy,
                "tandem-control did not come to it in time; try again",
            )),
        }
    }

    /// Has done what this operator wants, and waits until the dataplane knows.
    ///
    /// # Errors
    /// When a server is not in the configuration, or the task hangs.
    pub async fn administer(
        &self,
        administer: Administer,
        actor: String,
    ) -> Result<Administered, Failure> {
        let request = |answer| PoolsRequest::Administer(administer, actor, answer);
        let done = self.ask(request).await?;
        let Done { mut answer, version, orders, telling } = done;
        let mut applied = self.applied.clone();
        let known =
            timeout(DATAPLANE_PATIENCE, applied.wait_for(|applied| applied.version >= version));
        if !matches!(known.await, Ok(Ok(_))) {
            let trouble = self.applied.borrow().trouble.clone();
            answer.notes.push(trouble.unwrap_or_else(|| {
                "the dataplane does not know of it yet: it does not answer".to_owned()
            }));
        }
        if let Some(mut telling) = telling {
            let told = telling.wait_for(|telling| telling.version >= Some(orders));
            if timeout(PEER_PATIENCE, told).await.is_err() {
                let why = telling.borrow().trouble.clone();
                let why = why.map_or(String::new(), |trouble| format!(": {trouble}"));
                answer.notes.push(format!("the peer will know of it when it is reached{why}"));
            }
        }
        let mut servers: Vec<_> = answer.servers.iter_mut().collect();
        status::count_connections(&self.socket, 0, &mut servers).await;
        Ok(answer)
    }

    /// All pools, without their connections, which the dataplane tells by itself.
    ///
    /// # Errors
    /// When the task hangs.
    pub async fn all(&self) -> Result<PoolsPageAnswer, Failure> {
        let mut whole = PoolsPageAnswer::default();
        let mut skip = Some(0);
        while let Some(at) = skip {
            let page = PoolsPage { service: None, skip: at };
            let page = self.ask(|answer| PoolsRequest::Page(page, answer)).await?;
            whole.pools.extend(page.pools);
            (whole.warnings, whole.peer, skip) = (page.warnings, page.peer, page.next);
            whole.generation = page.generation;
        }
        Ok(whole)
    }

    /// One page of the pools.
    ///
    /// # Errors
    /// When the service is not in the configuration, or the task hangs.
    pub async fn page(&self, page: PoolsPage) -> Result<PoolsPageAnswer, Failure> {
        // Where a service is named, nothing is left out.
        let skip = page.skip;
        let mut pools = self.ask(|answer| PoolsRequest::Page(page, answer)).await?;
        let servers = pools.pools.iter_mut().flat_map(|pool| &mut pool.servers);
        status::count_connections(&self.socket, skip, &mut servers.collect::<Vec<_>>()).await;
        Ok(pools)
    }
}
