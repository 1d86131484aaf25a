//! A dataplane that holds a role for a lease and forwards nothing, on a real socket. The
//! real one needs DPDK and NICs; the lab runs that.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use api::stream::{Direction, Frame, STREAM_VERSION};
use api::{
    Failure, FailureKind, LeaseOrder, LeaseStatus, Observations, Observe, Reach, Reloaded, Request,
    Response, Role, SourcesInForce, SourcesPage, SyncState, SyncStatus, frame, message, server,
};
use config::{Checked, Config, Mistakes, Sources};

use crate::pool::Pool;

pub(crate) struct DataplaneState {
    role: Role,
    pub(crate) term: u64,
    lease_until: Instant,
    retiring_until: Instant,
    pub(crate) links: [bool; 2],
    pub(crate) workers_run: bool,
    /// How many of its next hops answer: one public, two private.
    pub(crate) answering: [u16; 2],
    /// Which it has: the others are of another configuration.
    pub(crate) next_hops: u64,
    probes: u64,
    /// Where it says that its file is: what control reads before it has it reload.
    pub(crate) path: PathBuf,
    pub(crate) conflicts: u64,
    pub(crate) announcements: u64,
    pub(crate) sync: SyncStatus,
    start: u64,
    renewed: Instant,
    /// The longest time between two renewals.
    pub(crate) gap: Duration,
    /// When it became active or standby.
    pub(crate) changes: Vec<(Role, Instant)>,
    /// How often it was asked to read its configuration again.
    pub(crate) reloads: u64,
    /// The files that it has taken.
    sources: Sources,
    clients: Vec<UnixStream>,
    is_up: bool,
    /// The real servers.
    pub(crate) pool: Pool,
}

impl DataplaneState {
    fn expire(&mut self) {
        let now = Instant::now();
        if self.role == Role::Active && now >= self.lease_until {
            self.become_(Role::Standby, self.lease_until);
        }
    }

    fn become_(&mut self, role: Role, at: Instant) {
        if self.role != role {
            self.changes.push((role, at));
        }
        self.role = role;
    }

    pub(crate) fn is_active(&mut self) -> bool {
        self.expire();
        self.role == Role::Active
    }

    fn lease_order(&mut self, order: LeaseOrder) -> bool {
        self.expire();
        let now = Instant::now();
        match order {
            LeaseOrder::Claim { term, .. } if term < self.term => false,
            LeaseOrder::Claim { term, lease, .. } => {
                self.term = term;
                self.renewed = now;
                self.lease_until = now + Duration::from_micros(lease);
                self.become_(Role::Active, now);
                self.sync.complete = false;
                self.announcements += 1;
                true
            }
            LeaseOrder::Renew { term, lease, .. } => {
                let holds = self.role == Role::Active && term == self.term;
                if holds {
                    self.gap = self.gap.max(now - self.renewed);
                    self.renewed = now;
                    self.lease_until = now + Duration::from_micros(lease);
                }
                holds
            }
            LeaseOrder::Release => {
                self.become_(Role::Standby, now);
                true
            }
            LeaseOrder::Retire { grace } => {
                self.become_(Role::Standby, now);
                self.retiring_until = now + Duration::from_micros(grace);
                true
            }
            LeaseOrder::Drain => {
                let exports = self.sync.state == SyncState::Following;
                if exports {
                    self.sync.draining += 1;
                    self.sync.drained = self.sync.draining;
                }
                exports
            }
            LeaseOrder::Announce => {
                self.announcements += 1;
                true
            }
            LeaseOrder::Probe => {
                self.probes += 1;
                true
            }
            _ => true,
        }
    }

    fn reach(&self) -> [Reach; 2] {
        let side = |side: usize, asked: u16, address: [u8; 4]| Reach {
            set: self.next_hops + side as u64,
            asked,
            answering: self.answering[side],
            silent: if self.answering[side] < asked { vec![address.into()] } else { Vec::new() },
        };
        [side(0, 1, [198, 51, 100, 1]), side(1, 2, [10, 0, 0, 11])]
    }

    fn lease_status(&mut self, granted: bool) -> LeaseStatus {
        let now = Instant::now();
        let left = self.lease_until.saturating_duration_since(now).as_micros() as u64;
        LeaseStatus {
            granted,
            role: self.role,
            term: self.term,
            lease_left: if self.role == Role::Active { left } else { 0 },
            retiring: now < self.retiring_until,
            links: self.links,
            nics: Default::default(),
            workers_run: self.workers_run,
            stuck: [false, false],
            reach: self.reach(),
            probing: self.probes,
            probed: self.probes,
            announcements: self.announcements,
            conflicts: self.conflicts,
            disputes: self.conflicts,
            start: self.start,
            sync: self.sync.clone(),
        }
    }
}

/// A dataplane on a socket.
pub(crate) struct FakeDataplane {
    pub(crate) socket: PathBuf,
    state: Arc<Mutex<DataplaneState>>,
}

impl FakeDataplane {
    pub(crate) fn start(socket: &Path) -> Self {
        let long_ago = Instant::now();
        let state = Arc::new(Mutex::new(DataplaneState {
            role: Role::Standby,
            term: 0,
            lease_until: long_ago,
            retiring_until: long_ago,
            links: [true, true],
            workers_run: true,
            answering: [1, 2],
            next_hops: 7,
            probes: 0,
            path: "/nowhere".into(),
            conflicts: 0,
            announcements: 0,
            sync: SyncStatus::default(),
            start: 1,
            renewed: long_ago,
            gap: Duration::ZERO,
            changes: Vec::new(),
            reloads: 0,
            sources: file(socket).unwrap().sources,
            clients: Vec::new(),
            is_up: true,
            pool: Pool::default(),
        }));
        let dataplane = FakeDataplane { socket: socket.to_owned(), state };
        dataplane.listen();
        dataplane
    }

    fn listen(&self) {
        let _ = std::fs::remove_file(&self.socket);
        let listener = UnixListener::bind(&self.socket).unwrap();
        let state = Arc::clone(&self.state);
        let socket = self.socket.clone();
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if !state.lock().unwrap().is_up {
                    return;
                }
                state.lock().unwrap().clients.push(stream.try_clone().unwrap());
                let (state, socket) = (Arc::clone(&state), socket.clone());
                std::thread::spawn(move || converse(stream, &socket, &state));
            }
        });
    }

    /// Its state, to be looked at or changed. While this is held nothing is answered.
    pub(crate) fn state(&self) -> MutexGuard<'_, DataplaneState> {
        self.state.lock().unwrap()
    }

    pub(crate) fn is_active(&self) -> bool {
        self.state().is_active()
    }

    /// What kill -9 does to it.
    pub(crate) fn kill(&self) {
        let mut state = self.state();
        state.is_up = false;
        let now = Instant::now();
        state.become_(Role::Standby, now);
        for client in state.clients.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
        drop(state);
        // Wakes the listener, which finds that it is over.
        let _ = UnixStream::connect(&self.socket);
        let _ = std::fs::remove_file(&self.socket);
    }

    /// Takes its file as it is now, as at its start.
    pub(crate) fn read_file(&self) {
        self.state().sources = file(&self.socket).unwrap().sources;
    }

    pub(crate) fn restart(&self) {
        let mut state = self.state();
        state.is_up = true;
        state.start += 1;
        state.term = 0;
        state.sync = SyncStatus::default();
        drop(state);
        self.listen();
    }
}

impl Drop for FakeDataplane {
    fn drop(&mut self) {
        self.kill();
    }
}

fn converse(mut stream: UnixStream, socket: &Path, state: &Mutex<DataplaneState>) {
    while let Ok(Some(json)) = frame::read(&mut stream) {
        let response = match message::decode(&json).unwrap() {
            Request::Lease(order) => {
                let mut state = state.lock().unwrap();
                let granted = state.lease_order(order);
                Response::LeaseStatus(state.lease_status(granted))
            }
            Request::Sync(direction) => {
                state.lock().unwrap().sync.complete = false;
                frame::write(&mut stream, &server::encode(&Response::Syncing)).unwrap();
                let _ = match direction {
                    Direction::Export => export(&mut stream, state),
                    Direction::Import => import(&mut stream, state),
                };
                state.lock().unwrap().sync.state = SyncState::Off;
                return;
            }
            Request::Reload(_) => reload(socket, &mut state.lock().unwrap()),
            Request::Sources(page) => {
                Response::SourcesInForce(sources(&page, &state.lock().unwrap()))
            }
            Request::Services => Response::Services(state.lock().unwrap().pool.services()),
            Request::SetServers(changes) => state.lock().unwrap().pool.set(&changes),
            Request::Status => status(&mut state.lock().unwrap()),
            Request::Observe(observe) => Response::Observations(nothing_observed(observe)),
            request => crate::answers::busy(request),
        };
        if frame::write(&mut stream, &server::encode(&response)).is_err() {
            return;
        }
    }
}

/// No server is suspect: the first answer comes at once, the others later, as nothing changes.
fn nothing_observed(observe: Observe) -> Observations {
    if observe.after != 0 {
        std::thread::sleep(Duration::from_millis(300));
    }
    Observations { change: 1, ..Observations::default() }
}

fn status(state: &mut DataplaneState) -> Response {
    let response = crate::answers::busy(Request::Status);
    let Response::Status(mut status) = response else { return response };
    status.role = if state.is_active() { Role::Active } else { Role::Standby };
    status.configuration.generation = state.reloads + 1;
    status.configuration.path.clone_from(&state.path);
    Response::Status(status)
}

/// Its configuration file.
fn file(socket: &Path) -> Result<Checked, Mistakes> {
    Config::load_checked(socket.with_file_name("tandem.toml"))
}

fn reload(socket: &Path, state: &mut DataplaneState) -> Response {
    match file(socket) {
        Ok(checked) => {
            state.reloads += 1;
            state.sources = checked.sources;
            let generation = state.reloads + 1;
            Response::Reloaded(Reloaded { generation, warnings: Vec::new() })
        }
        Err(mistakes) => {
            let failure = Failure::new(FailureKind::Configuration, "the file has mistakes");
            Response::Failure(failure.with_details(mistakes.lines()))
        }
    }
}

fn sources(page: &SourcesPage, state: &DataplaneState) -> SourcesInForce {
    let (generation, digest) = (state.reloads + 1, state.sources.digest());
    if page.known.as_ref() == Some(&digest) {
        return SourcesInForce { generation, digest, ..SourcesInForce::default() };
    }
    let files = state.sources.files().iter().map(|file| (&*file.name, &*file.text));
    SourcesInForce::page(generation, digest, files, (page.file, page.offset))
}

/// All connections, which are none, at once; the rest is listening.
fn export(stream: &mut UnixStream, state: &Mutex<DataplaneState>) -> io::Result<()> {
    let mut frames = Vec::new();
    let version = STREAM_VERSION;
    Frame::Begin { session: 1, workers: 1, seed: 1, version }.write(&mut frames);
    Frame::Tally { worker: 0, number: 1, count: 0, digest: 0, complete: true }.write(&mut frames);
    stream.write_all(&frames)?;
    state.lock().unwrap().sync.state = SyncState::Following;
    while read_frame(stream).is_ok() {}
    Ok(())
}

fn import(stream: &mut UnixStream, state: &Mutex<DataplaneState>) -> io::Result<()> {
    loop {
        let frame = read_frame(stream)?;
        let mut state = state.lock().unwrap();
        match frame {
            Frame::Begin { .. } => {
                state.sync = SyncStatus { state: SyncState::Bulk, ..SyncStatus::default() };
            }
            Frame::Tally { worker, number, count, digest, complete } => {
                state.sync.state = SyncState::Following;
                state.sync.complete |= complete;
                let mut answer = Vec::new();
                Frame::Compared { worker, number, count, digest, equal: true }.write(&mut answer);
                stream.write_all(&answer)?;
            }
            _ => {}
        }
    }
}

fn read_frame(stream: &mut UnixStream) -> io::Result<Frame> {
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let mut body = vec![0; Frame::length(header)?];
    stream.read_exact(&mut body)?;
    Frame::read(&body)
}
