//! The process tandem-control: its threads and tasks, their start and their end.

use core::time::Duration;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use config::{Config, Digests, Peer};
use failover::Term;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

use crate::boot::{self, Judge};
use crate::clock::Clock;
use crate::configuration::Follower;
use crate::events::{self, Events};
use crate::heartbeat::Association;
use crate::key::{Held, KeyError, KeyFiles};
use crate::measures::Measures;
use crate::metrics::gather::{EventSource, PairSource};
use crate::metrics::{Source, http};
use crate::pair_key::{self, Keeper};
use crate::pair_socket::{Answerers, PairSocket};
use crate::realtime;
use crate::reload;
use crate::role::driver::start::Parts;
use crate::role::term::TermFile;
use crate::role::{Driver, DriverHandle, DriverRequest, SyncPlan, term};
use crate::servers::task::PeerParts;
use crate::servers::{PoolsTask, checks, folder, task};
use crate::status_page;
use crate::sync::accept::OtherLinks;
use crate::sync::manager::{Channels, Manager};
use crate::sync::noise::SyncKeys;
use crate::sync::{Counts, Report};
use crate::upgrade;
use crate::versions;
use crate::watchdog;
use crate::witness::{self, Witness};

/// Why the process cannot start, or go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The shared key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// A socket, thread or signal handler cannot be made.
    #[error("{what}: {error}")]
    Io {
        what: String,
        /// What the system says.
        error: io::Error,
    },
    /// The heartbeat thread has ended unexpectedly.
    #[error("the heartbeat thread has ended unexpectedly")]
    Ended,
    /// A metric cannot be made.
    #[error("the metrics cannot be made: {0}")]
    Metrics(#[from] prometheus::Error),
}

impl StartError {
    /// A mistake of the configuration or what belongs to it, rather than of the system.
    #[must_use]
    pub fn is_mistake(&self) -> bool {
        matches!(self, StartError::Key(_))
    }

    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| StartError::Io { what, error }
    }
}

/// Runs until SIGTERM or SIGINT, started with this configuration, which was read from `path`.
///
/// # Errors
/// When it cannot start.
pub fn run(config: &Config, path: &Path) -> Result<(), StartError> {
    realtime::lock_memory();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("tandem-control")
        .enable_all()
        .build()
        .map_err(StartError::io("no threads"))?;
    runtime.block_on(serve(config, path))
}

async fn serve(config: &Config, path: &Path) -> Result<(), StartError> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(StartError::io("no handler for SIGTERM"))?;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(StartError::io("no handler for SIGINT"))?;
    let events = Events::start(&config.node.state, &config.node.name)
        .map_err(StartError::io("no threads for events"))?;
    let follower = Follower::telling(config, events.clone());
    let hooks = events::hooks::start(&events, follower.subscribe())
        .map_err(StartError::io("no thread for hooks"))?;
    events::starts::tell_start(&events, &upgrade::Machine::default());
    reload::follow_signals(Arc::clone(&follower))
        .map_err(StartError::io("no handlers for SIGHUP, SIGUSR1, SIGUSR2"))?;
    tokio::spawn(Arc::clone(&follower).run());
    let clock = Clock::start();
    let digests = follower.digests();
    let pair = config.peer.as_ref();
    let mut pair =
        pair.map(|peer| start_pair(config, peer, clock, digests, &events)).transpose()?;
    let configuration = follower.subscribe();
    let (health, observed) = checks::start(config, configuration.clone(), follower.generations())
        .await
        .map_err(StartError::io("no thread for health checks"))?;
    health.report_to(events.clone());
    let folder = folder::of(&config.node, path);
    let node = config.node.clone();
    let peer = pair.as_mut().and_then(|pair| pair.exchange.take());
    let generations = follower.generations();
    let parts = task::Parts {
        node,
        folder,
        clock,
        configuration,
        generations,
        observed,
        peer,
        events: events.clone(),
    };
    let pools = PoolsTask::start(parts).map_err(StartError::io("no thread for servers"))?;
    let driver = pair.as_ref().map(|pair| pair.source.driver.clone());
    let socket = config.node.pair_socket();
    let versions = versions::start(&config.node.state, Arc::clone(&follower), events.clone());
    let keys = pair.as_ref().map(|pair| Arc::clone(&pair.keys));
    let answerers = Answerers {
        driver,
        pools: pools.clone(),
        follower,
        versions,
        keys,
        events: events.clone(),
    };
    tokio::spawn(events::observer::run(config.node.control_socket.clone(), events.clone()));
    let _socket = PairSocket::open(&socket, answerers)
        .map_err(StartError::io(socket.display().to_string()))?;
    let judge = match &pair {
        Some(pair) => Judge::Pair(pair.source.driver.clone()),
        None => Judge::Alone(config.node.control_socket.clone()),
    };
    let boot = boot::start(&socket, judge);
    let page = status_page::task::Source {
        node: config.node.name.clone(),
        socket: config.node.control_socket.clone(),
        driver: pair.as_ref().map(|pair| pair.source.driver.clone()),
        pools: pools.clone(),
        health: health.clone(),
        events: events.clone(),
    };
    let ticks = status_page::task::start(page);
    tokio::spawn(status_page::http::serve(config.status.clone(), ticks));
    let source = Source::new(
        config.node.control_socket.clone(),
        pair.as_ref().map(|pair| pair.source.clone()),
        pools,
        health,
        boot,
        EventSource { events: events.clone(), hooks },
    );
    tokio::spawn(http::serve(config.metrics.listen, source));
    let silence = config.peer.as_ref().map_or(Duration::ZERO, |peer| peer.timing.dead * 2);
    let driver = pair.as_ref().map(|pair| pair.source.driver.clone());
    let _watchdog = watchdog::start(driver, silence);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = ended(pair.as_mut()) => return Err(StartError::Ended),
    }
    tracing::info!("stopping");
    if let Some(pair) = pair {
        pair.leave().await;
    }
    events::starts::tell_stop(&events);
    tracing::info!("stopped");
    Ok(())
}

/// When the driver ends unasked; never without one.
async fn ended(pair: Option<&mut Running>) {
    match pair {
        Some(pair) => drop((&mut pair.ended).await),
        None => core::future::pending().await,
    }
}

/// What runs where there is a peer.
struct Running {
    source: PairSource,
    driver: JoinHandle<()>,
    /// Says when the driver's thread ends.
    ended: oneshot::Receiver<()>,
    /// What the exchange of states of servers is made from.
    exchange: Option<PeerParts>,
    /// Changes the pair's key.
    keys: Arc<Keeper>,
}

fn start_pair(
    config: &Config,
    peer: &Peer,
    clock: Clock,
    digests: watch::Receiver<Digests>,
    events: &Events,
) -> Result<Running, StartError> {
    let Held { ring, trouble } = KeyFiles::of(&peer.key_file).load()?;
    if let Some(trouble) = trouble {
        tracing::warn!("the second key of the pair is not accepted: {trouble}");
    }
    let sync_keys = SyncKeys::new(&ring);
    let association = Association::new(ring.clone()).map_err(StartError::Random)?;
    let (driver, requests) = DriverHandle::new();
    let (terms, stored) = keep_terms(&config.node.state, driver.clone())?;
    let (witness, closely) = Witness::new(peer.witness.is_some(), peer.timing);
    if let Some(address) = peer.witness {
        let interval = peer.timing.interval;
        tokio::spawn(witness::ping::run(address, interval, closely, clock, driver.clone()));
    }
    let (plan, plans) = watch::channel(SyncPlan::default());
    let (reports, sync) = watch::channel(Report::default());
    let counts = Arc::new(Counts::default());
    let (servers, links) = mpsc::channel(1);
    let (upgrades, upgrading) = mpsc::channel(1);
    tokio::spawn(upgrade::receive::run(upgrading, upgrade::Machine::default(), events.clone()));
    let (files, telling) = (&peer.key_file, events.clone());
    let keys = Arc::new(Keeper::new(files, ring, sync_keys.clone(), driver.clone(), telling));
    let (key_orders, ordering) = mpsc::channel(1);
    tokio::spawn(pair_key::link::run(ordering, Arc::clone(&keys)));
    let others = OtherLinks { servers, upgrades, keys: key_orders };
    let channels = Channels { plans, report: reports, others, events: events.clone() };
    let manager =
        Manager::start(&config.node, peer, sync_keys.clone(), channels, Arc::clone(&counts), clock);
    tokio::spawn(manager.run());
    let path = |path: &config::PeerPath| (path.local.to_string(), path.remote.to_string());
    let measures = Arc::new(Measures::new(&peer.paths.iter().map(path).collect::<Vec<_>>())?);
    let source = PairSource { driver: driver.clone(), measures: Arc::clone(&measures), counts };
    let parts = Parts {
        node: config.node.clone(),
        peer: peer.clone(),
        clock,
        stored,
        association,
        requests,
        terms,
        plan,
        sync,
        measures,
        digests,
        witness,
        events: events.clone(),
    };
    let (alive, ended) = oneshot::channel();
    let driver = drive(parts, alive).map_err(StartError::io("no thread for heartbeats"))?;
    let exchange = Some(PeerParts { peer: peer.clone(), keys: sync_keys, links });
    Ok(Running { source, driver, ended, exchange, keys })
}

/// The term on disk, and the thread that writes the next ones.
fn keep_terms(
    folder: &Path,
    driver: DriverHandle,
) -> Result<(mpsc::UnboundedSender<Term>, Term), StartError> {
    let file = TermFile::new(folder);
    let stored = file.read().unwrap_or_else(|error| {
        // The peer and the dataplane know the term too, and no disk is worth the service.
        tracing::error!("{error}; starting without it");
        Term(0)
    });
    let (terms, receiver) = mpsc::unbounded_channel();
    std::thread::Builder::new()
        .name("tandem-term".to_owned())
        .spawn(move || term::keep(&file, receiver, &driver))
        .map_err(StartError::io("no thread for the term"))?;
    Ok((terms, stored))
}

/// The thread of heartbeats and lease.
fn drive(parts: Parts, alive: oneshot::Sender<()>) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("tandem-role".to_owned()).spawn(move || {
        // Dropped however the thread ends.
        let _alive = alive;
        realtime::make_this_thread_real_time();
        runtime.block_on(async { Driver::start(parts).await.run().await });
    })
}

impl Running {
    /// Gives the role up in an orderly manner.
    async fn leave(self) {
        self.source.driver.tell(DriverRequest::Leave);
        let joined = tokio::task::spawn_blocking(|| self.driver.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the heartbeat thread has ended with an error");
        }
    }
}
