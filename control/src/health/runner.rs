//! The thread that begins probes at their time.
//!
//! One timer waits for the next job that is due; each probe is a task. The engine is behind a lock
//! that is held for microseconds: to take what is due, to give an outcome, or to read reports.

use core::time::Duration;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use api::EventKind;
use config::Config;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::control_probe;
use super::engine::{Begin, Engine, JobNumber, Target, Transition};
use super::outcome::{Outcome, Verdict};
use super::probe::{self, Prepared};
use crate::events::{Draft, Events};
use crate::log_limiter::LogLimiter;

/// The most probes that are under way at the same time, and what each takes of descriptors.
const MOST: usize = 4096;
const DESCRIPTORS: u64 = 4;
/// What the rest of the process needs.
const OTHERS: u64 = 256;
/// How long the thread sleeps where nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// What the thread and those who ask it share.
#[derive(Debug)]
pub struct Shared {
    engine: Mutex<Engine>,
    prepared: Mutex<HashMap<Target, Arc<Prepared>>>,
    pub version: watch::Sender<u64>,
    pub control_hosts: watch::Sender<Vec<IpAddr>>,
    wake: Notify,
    pub local: Ipv4Addr,
    voiding: Mutex<Voiding>,
    /// What was last said to whom it concerns, and when.
    warned: Mutex<HashMap<Arc<Target>, Instant>>,
    /// Where it is told that checks do not count.
    pub events: OnceLock<Events>,
}

/// How often a warning of a server that is well is repeated.
const WARNING: Duration = Duration::from_secs(86_400);

/// What was last said of failures that do not count.
#[derive(Debug, Default)]
struct Voiding {
    is_void: bool,
    local: LogLimiter,
}

impl Shared {
    #[must_use]
    pub fn new(engine: Engine, local: Ipv4Addr) -> Self {
        Shared {
            engine: Mutex::new(engine),
            prepared: Mutex::default(),
            version: watch::Sender::new(0),
            control_hosts: watch::Sender::new(Vec::new()),
            wake: Notify::new(),
            local,
            voiding: Mutex::default(),
            warned: Mutex::default(),
            events: OnceLock::new(),
        }
    }

    pub fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the thread look again at what is due.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    pub fn follow(
        &self,
        config: &Config,
        prepared: HashMap<Target, Arc<Prepared>>,
        hosts: Vec<IpAddr>,
    ) {
        *self.prepared.lock().unwrap_or_else(PoisonError::into_inner) = prepared;
        let mut engine = self.engine();
        engine.follow(config, Instant::now());
        let hosts = if engine.is_empty() { Vec::new() } else { hosts };
        self.version.send_replace(engine.version);
        drop(engine);
        self.control_hosts.send_if_modified(|before| {
            let changed = *before != hosts;
            *before = hosts;
            changed
        });
        self.wake();
    }

    fn prepared(&self, target: &Target) -> Option<Arc<Prepared>> {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.get(target).cloned()
    }

    fn end(&self, job: JobNumber, outcome: Outcome, began: Instant) {
        let now = Instant::now();
        let local = (outcome.verdict == Verdict::Local).then(|| outcome.text.clone());
        let mut engine = self.engine();
        let transitions = engine.end(job, outcome, began, now);
        let is_void = engine.faults.void_since().is_some();
        let version = engine.version;
        drop(engine);
        self.version.send_if_modified(|before| {
            let changed = *before != version;
            *before = (*before).max(version);
            changed
        });
        transitions.iter().for_each(tell);
        self.tell_void(is_void, local);
        self.wake();
    }

    /// Says once a day what an operator should hear of a server that is well.
    fn warn(&self, target: &Arc<Target>, warning: &str) {
        let now = Instant::now();
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.retain(|_, last| now.saturating_duration_since(*last) < WARNING);
        if !warned.contains_key(target) {
            warned.insert(Arc::clone(target), now);
            tracing::warn!("{} of {}: {warning}", target.kind(), target.address);
        }
    }

    fn emit(&self, draft: Draft) {
        match self.events.get() {
            Some(events) => events.emit(draft),
            None => Events::only_logged().emit(draft),
        }
    }

    /// Says once that failures do not count, and once that they do again.
    fn tell_void(&self, is_void: bool, local: Option<String>) {
        let mut voiding = self.voiding.lock().unwrap_or_else(PoisonError::into_inner);
        if voiding.is_void != is_void {
            voiding.is_void = is_void;
            if is_void {
                let hosts: Vec<String> =
                    self.control_hosts.borrow().iter().map(ToString::to_string).collect();
                let why = format!(
                    "servers do not answer, and neither does {}: the private network of this \
                     machine has failed",
                    hosts.join(" or ")
                );
                let what = "checks without an answer do not count for now";
                self.emit(Draft::new(EventKind::ChecksVoid, what).why(why));
            } else {
                let what = "the private network answers again: checks count";
                self.emit(Draft::new(EventKind::ChecksCount, what));
            }
        }
        if let Some(why) = local {
            let now = failover::Instant::default().plus(monotonic());
            if voiding.local.may_log(now) {
                tracing::warn!("a check cannot be made on this machine, and does not count: {why}");
            }
        }
    }
}

fn monotonic() -> Duration {
    Duration::from_micros(api::lease::monotonic_micros())
}

/// Says why a server came up or went down.
fn tell(transition: &Transition) {
    let Transition { report, lasted } = transition;
    let lasted = lasted.as_secs();
    let why = report.deciding().map_or(String::new(), |check| {
        let last = check.last.as_ref().map_or(String::new(), |last| format!(": {last}"));
        format!("{}{last}", check.kind)
    });
    let (service, server) = (&report.service, report.server);
    if report.operational.is_up() {
        tracing::debug!("{service}: {server} is up, after {lasted} s ({why})");
    } else {
        let state = report.operational;
        tracing::debug!("{service}: {server} is {state}, after {lasted} s ({why})");
    }
}

/// Starts the thread. It ends when the other end of the channel is dropped.
///
/// # Errors
/// When there is no thread, or no events of the system for it.
pub fn start(shared: Arc<Shared>, ended: oneshot::Receiver<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(64)
        .thread_name("tandem-health")
        .build()?;
    std::thread::Builder::new().name("tandem-health".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = run(&shared) => {}
                () = control_probe::run(&shared) => {}
                _ = ended => {}
            }
        });
        // What a file system makes wait is not waited for.
        runtime.shutdown_background();
    })?;
    Ok(())
}

async fn run(shared: &Arc<Shared>) {
    let room = Arc::new(Semaphore::new(room()));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let (begin, next) = {
            let mut engine = shared.engine();
            (engine.begin(Instant::now()), engine.next_due())
        };
        match begin {
            Some(begin) => spawn(shared, begin, permit),
            None => {
                drop(permit);
                let next = next.unwrap_or_else(|| Instant::now() + IDLE);
                tokio::select! {
                    () = tokio::time::sleep_until(next.into()) => {}
                    () = shared.wake.notified() => {}
                }
            }
        }
    }
}

fn spawn(shared: &Arc<Shared>, Begin { job, target }: Begin, permit: OwnedSemaphorePermit) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let began = Instant::now();
        // What a reload takes out while this begins is made no more.
        let outcome = match shared.prepared(&target) {
            Some(prepared) => probe::run(shared.local, &target, &prepared).await,
            None => Outcome::local("it is no longer configured"),
        };
        drop(permit);
        if let Some(warning) = &outcome.warning {
            shared.warn(&target, warning);
        }
        shared.end(job, outcome, began);
    });
}

/// As many probes as there are descriptors for. The limit of this process is raised as far as the
/// system lets it be.
fn room() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(MOST as u64 * DESCRIPTORS + OTHERS);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!("the limit of descriptors cannot be raised: {error}");
            limit = getrlimit(Resource::Nofile);
        }
    }
    let descriptors = limit.current.unwrap_or(u64::MAX).saturating_sub(OTHERS) / DESCRIPTORS;
    usize::try_from(descriptors).unwrap_or(MOST).clamp(16, MOST)
}
