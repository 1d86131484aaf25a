//! Which checks there are, when each begins, and what their outcomes mean. It opens no socket, and
//! takes the time.

pub mod hold;
pub mod job;
pub mod local_fault;
pub mod machine;
pub mod phase;
pub mod plan;
#[cfg(test)]
mod tests;

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Instant;

use config::{Config, Start};
use tokio::sync::oneshot;

pub use job::Job;
use local_fault::Judgement;
pub use local_fault::LocalFaults;
pub use phase::Origin;
pub use plan::{Ask, Target, plan};

use super::outcome::{Outcome, Verdict};
use super::report::{Administrative, DynamicWeight, Operational, Report};

/// The number of a job; none is used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JobNumber(u64);

/// A probe that is to begin now.
#[derive(Clone, Debug)]
pub struct Begin {
    pub job: JobNumber,
    pub target: Arc<Target>,
}

/// A server, and what follows from its jobs.
#[derive(Debug)]
struct Server {
    service: String,
    address: SocketAddrV4,
    jobs: Vec<JobNumber>,
    since: Instant,
    transitions: u64,
    effect: Effect,
}

/// What others act upon.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Effect {
    is_up: bool,
    weights: Vec<DynamicWeight>,
    administrative: Option<Administrative>,
    max_connections: Option<u32>,
}

/// Somebody who waits for a probe of a server.
#[derive(Debug)]
struct Suspect {
    server: (String, SocketAddrV4),
    asked: Instant,
    /// The jobs that have not ended since.
    open: HashSet<JobNumber>,
    replies: Vec<oneshot::Sender<Operational>>,
}

/// A server that came up or went down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transition {
    pub report: Report,
    /// How long it was what it was before.
    pub lasted: Duration,
}

/// The checks of a configuration.
#[derive(Debug)]
pub struct Engine {
    jobs: HashMap<JobNumber, Job>,
    by_target: HashMap<Arc<Target>, JobNumber>,
    next_number: u64,
    servers: Vec<Server>,
    /// When jobs are due. An entry that is not the job's own time is out of date.
    queue: BinaryHeap<Reverse<(Instant, JobNumber)>>,
    origin: Origin,
    suspects: Vec<Suspect>,
    /// Probes that began, also those of checks that are no more.
    pub begun: u64,
    /// Those that began late.
    pub late: u64,
    pub faults: LocalFaults,
    /// Grows whenever something changes that others act upon.
    pub version: u64,
}

/// The least time between two probes of a server that others suspect.
const SUSPECT_PAUSE: Duration = Duration::from_millis(100);

impl Engine {
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Engine {
            jobs: HashMap::new(),
            by_target: HashMap::new(),
            next_number: 0,
            servers: Vec::new(),
            queue: BinaryHeap::new(),
            origin,
            suspects: Vec::new(),
            begun: 0,
            late: 0,
            faults: LocalFaults::default(),
            version: 0,
        }
    }

    /// Takes a configuration. Checks and servers that stay keep all that is known of them.
    pub fn follow(&mut self, config: &Config, now: Instant) {
        let mut before: HashMap<_, _> = core::mem::take(&mut self.servers)
            .into_iter()
            .map(|server| ((server.service.clone(), server.address), server))
            .collect();
        // Who waits is told that there is no answer.
        self.suspects.clear();
        self.jobs.values_mut().for_each(|job| job.servers.clear());
        let planned = plan(config);
        let wanted: HashSet<&Target> = planned.iter().flat_map(|server| &server.targets).collect();
        self.by_target.retain(|target, _| wanted.contains(&**target));
        let kept: HashSet<JobNumber> = self.by_target.values().copied().collect();
        self.jobs.retain(|number, _| kept.contains(number));
        let mut free = self.free_places();
        for (index, planned) in planned.iter().enumerate() {
            let targets = planned.targets.iter();
            let jobs: Vec<JobNumber> =
                targets.map(|target| self.job_for(target, &mut free, now)).collect();
            for number in &jobs {
                if let Some(job) = self.jobs.get_mut(number) {
                    job.servers.push(index);
                }
            }
            let key = (planned.service.clone(), planned.server);
            let server = match before.remove(&key) {
                Some(server) => Server { jobs, ..server },
                None => self.new_server(key, jobs, now),
            };
            self.servers.push(server);
        }
        let hosts: HashSet<_> = self.jobs.values().filter_map(|job| job.target.host()).collect();
        self.faults.forget(|host| hosts.contains(&host));
        self.settle(0..self.servers.len(), now);
        self.version += 1;
    }

    fn free_places(&self) -> impl Iterator<Item = usize> + use<> {
        let taken: BTreeSet<usize> = self.jobs.values().map(|job| job.place).collect();
        (0..).filter(move |place| !taken.contains(place))
    }

    fn job_for(
        &mut self,
        target: &Target,
        free: &mut impl Iterator<Item = usize>,
        now: Instant,
    ) -> JobNumber {
        if let Some(number) = self.by_target.get(target) {
            return *number;
        }
        let number = JobNumber(self.next_number);
        self.next_number += 1;
        let mut job = Job::new(target.clone(), free.next().unwrap_or(0), now);
        job.schedule(&self.origin, now);
        self.by_target.insert(Arc::clone(&job.target), number);
        self.jobs.insert(number, job);
        self.enqueue(number);
        number
    }

    fn new_server(
        &self,
        (service, address): (String, SocketAddrV4),
        jobs: Vec<JobNumber>,
        now: Instant,
    ) -> Server {
        let effect = self.effect(&jobs, now);
        Server { service, address, jobs, since: now, transitions: 0, effect }
    }

    fn enqueue(&mut self, number: JobNumber) {
        if let Some(due) = self.jobs.get(&number).and_then(|job| job.due) {
            self.queue.push(Reverse((due, number)));
        }
        // Entries that are out of date are passed over when their time comes, which may be in an
        // hour. They must not pile up until then.
        if self.queue.len() > 8 * self.jobs.len() + 64 {
            let jobs = self.jobs.iter();
            self.queue =
                jobs.filter_map(|(number, job)| Some(Reverse((job.due?, *number)))).collect();
        }
    }

    /// When the next probe begins.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((due, _))| *due)
    }

    /// The next probe whose time has come.
    pub fn begin(&mut self, now: Instant) -> Option<Begin> {
        while let Some(Reverse((due, number))) = self.queue.peek().copied() {
            if due > now {
                return None;
            }
            self.queue.pop();
            let Some(job) = self.jobs.get_mut(&number).filter(|job| job.due == Some(due)) else {
                continue;
            };
            if !job.may_begin() {
                job.due = None;
                continue;
            }
            self.begun += 1;
            if now.saturating_duration_since(due) > job::LATE {
                self.late += 1;
            }
            job.begin(&self.origin, due, now);
            let target = Arc::clone(&job.target);
            self.enqueue(number);
            return Some(Begin { job: number, target });
        }
        None
    }

    /// A probe that began at `began` has ended. The servers that came up or went down by it.
    pub fn end(
        &mut self,
        number: JobNumber,
        outcome: Outcome,
        began: Instant,
        now: Instant,
    ) -> Vec<Transition> {
        let is_void = self.is_void(number, &outcome, began, now);
        let Some(job) = self.jobs.get_mut(&number) else { return Vec::new() };
        job.end(outcome, is_void, now);
        job.schedule(&self.origin, now);
        let servers = job.servers.clone();
        self.enqueue(number);
        let transitions = self.settle(servers, now);
        self.answer_suspects(number, began, now);
        transitions
    }

    fn is_void(
        &mut self,
        number: JobNumber,
        outcome: &Outcome,
        began: Instant,
        now: Instant,
    ) -> bool {
        let Some(job) = self.jobs.get(&number) else { return true };
        let host = match &job.target.ask {
            Ask::Check(_) => job.target.host(),
            // It counts for nothing anyway, and a host without an agent is not silent.
            Ask::Agent(_) => None,
        };
        match (outcome.verdict, host) {
            (Verdict::Local, _) => true,
            (Verdict::Silent, Some(host)) => {
                let jobs = &self.jobs;
                let up = || {
                    let up = jobs.values().filter(|job| job.is_up());
                    up.filter_map(|job| job.target.host()).collect()
                };
                let interval = job.target.interval();
                self.faults.silence(host, began, interval, now, up) == Judgement::Void
            }
            (_, Some(host)) => {
                self.faults.answers(host);
                false
            }
            (_, None) => false,
        }
    }

    /// What the jobs of a server say together.
    fn effect(&self, jobs: &[JobNumber], now: Instant) -> Effect {
        let jobs = || jobs.iter().filter_map(|number| self.jobs.get(number));
        Effect {
            is_up: jobs().all(|job| job.operational(now).is_up()),
            weights: jobs().filter_map(|job| job.words.weight).collect(),
            administrative: jobs().filter_map(|job| job.words.administrative).max(),
            max_connections: jobs().filter_map(|job| job.words.max_connections).min(),
        }
    }

    fn settle(
        &mut self,
        servers: impl IntoIterator<Item = usize>,
        now: Instant,
    ) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for index in servers {
            let Some(jobs) = self.servers.get(index).map(|server| server.jobs.clone()) else {
                continue;
            };
            let effect = self.effect(&jobs, now);
            let Some(server) = self.servers.get_mut(index) else { continue };
            if effect == server.effect {
                continue;
            }
            self.version += 1;
            let turned = effect.is_up != server.effect.is_up;
            server.effect = effect;
            if turned {
                let lasted = now.saturating_duration_since(server.since);
                server.since = now;
                server.transitions += 1;
                transitions
                    .extend(self.report(index, now).map(|r| Transition { report: r, lasted }));
            }
        }
        transitions
    }

    /// Somebody has seen connections to the server fail: it is probed at once. The answer is what
    /// it is when each of its checks has ended; without a check there is none.
    pub fn suspect(
        &mut self,
        service: &str,
        server: SocketAddrV4,
        reply: oneshot::Sender<Operational>,
        now: Instant,
    ) {
        let key = (service.to_owned(), server);
        if let Some(before) = self.suspects.iter_mut().find(|suspect| suspect.server == key) {
            before.replies.retain(|reply| !reply.is_closed());
            before.replies.push(reply);
            return;
        }
        let found = self.servers.iter().find(|s| s.service == service && s.address == server);
        let jobs = found.map_or(Vec::new(), |server| server.jobs.clone());
        let mut open = HashSet::new();
        for number in jobs {
            let Some(job) = self.jobs.get_mut(&number) else { continue };
            if matches!(job.target.ask, Ask::Check(_)) {
                job.hurry(SUSPECT_PAUSE, now);
                open.insert(number);
                self.enqueue(number);
            }
        }
        if !open.is_empty() {
            self.suspects.push(Suspect { server: key, asked: now, open, replies: vec![reply] });
        }
    }

    fn answer_suspects(&mut self, number: JobNumber, began: Instant, now: Instant) {
        let mut done = Vec::new();
        self.suspects.retain_mut(|suspect| {
            if began >= suspect.asked {
                suspect.open.remove(&number);
            }
            suspect.open.retain(|number| self.jobs.contains_key(number));
            if suspect.open.is_empty() {
                done.push((suspect.server.clone(), core::mem::take(&mut suspect.replies)));
            }
            !suspect.open.is_empty()
        });
        for ((service, address), replies) in done {
            let index =
                self.servers.iter().position(|s| s.service == service && s.address == address);
            let Some(report) = index.and_then(|index| self.report(index, now)) else { continue };
            for reply in replies {
                // Nobody may wait for it any more.
                let _ = reply.send(report.operational);
            }
        }
    }

    /// Has the checks of these servers begin as down, and of those as up, as far as none of them
    /// has ended yet. One that a server shares with others begins as down when all of them are.
    pub fn take_as_they_were(
        &mut self,
        down: &[(String, SocketAddrV4)],
        up: &[(String, SocketAddrV4)],
        now: Instant,
    ) {
        let is_in = |list: &[(String, SocketAddrV4)], server: &Server| {
            list.iter().any(|(name, at)| *name == server.service && *at == server.address)
        };
        for (number, job) in &mut self.jobs {
            let mut sharers = self.servers.iter().filter(|server| server.jobs.contains(number));
            let Some(first) = sharers.next() else { continue };
            let rest: Vec<_> = sharers.collect();
            if is_in(down, first) && rest.iter().all(|server| is_in(down, server)) {
                job.take_for(Start::Down, now);
            } else if is_in(up, first) || rest.iter().any(|server| is_in(up, server)) {
                job.take_for(Start::Up, now);
            }
        }
        // It was so before, so nothing has changed.
        for index in 0..self.servers.len() {
            let jobs = self.servers.get(index).map(|server| server.jobs.clone());
            let effect = self.effect(&jobs.unwrap_or_default(), now);
            if let Some(server) = self.servers.get_mut(index) {
                server.effect = effect;
            }
        }
        self.version += 1;
    }

    /// Every server, in the order of the configuration.
    #[must_use]
    pub fn reports(&self, now: Instant) -> Vec<Report> {
        (0..self.servers.len()).filter_map(|index| self.report(index, now)).collect()
    }

    fn report(&self, index: usize, now: Instant) -> Option<Report> {
        let server = self.servers.get(index)?;
        let jobs = || server.jobs.iter().filter_map(|number| self.jobs.get(number));
        let checks: Vec<_> = jobs().map(|job| job.report(now)).collect();
        let gravest = checks.iter().map(|check| check.operational);
        let gravest = gravest.max_by_key(|operational| operational.gravity());
        let Effect { weights, administrative, max_connections, .. } = server.effect.clone();
        Some(Report {
            service: server.service.clone(),
            server: server.address,
            operational: gravest.unwrap_or(Operational::Unchecked),
            since: server.since,
            transitions: server.transitions,
            checks,
            weights,
            administrative,
            max_connections,
        })
    }

    /// How many jobs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}
