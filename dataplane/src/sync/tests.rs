//! Both threads with a stream between them, and workers that are plain threads.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::Scope;
use std::time::Instant as Time;

use dpdk::port::RssKey;
use nat::connection::{Kind, NewConnection};
use nat::persistence::{Fingerprint, Group, Installed, Target};
use nat::service::{Registry, ServerId, ServiceId};
use nat::sync::{Export, Import, Session, ring};
use nat::table::{Hit, Key};
use nat::timeouts::Timeouts;
use nat::{Connections, Direction, Instant, Seconds, Side};
use wire::tcp::Flags;
use wire::{FiveTuple, Port, Protocol};

use super::*;
use crate::worker::Sharing;

/// A worker whose polls are given by a thread of the test.
struct Worker {
    connections: Mutex<Connections<Ipv4Addr>>,
    installs: Arc<Installs>,
}

struct Machine {
    workers: Vec<Worker>,
    ring: usize,
    sharing: Sharing,
    start: Time,
    begun: AtomicUsize,
    stopped: AtomicBool,
    persistence: Arc<Persistence<Ipv4Addr>>,
    standby: AtomicBool,
}

impl Machine {
    fn new(workers: usize, ring: usize, seed: u64) -> Arc<Self> {
        Self::with_room(100_000, workers, ring, seed)
    }

    /// One whose workers each have room for so many connections.
    fn with_room(room: usize, workers: usize, ring: usize, seed: u64) -> Arc<Self> {
        let worker = |_| Worker {
            connections: Mutex::new(Connections::new(
                room,
                Timeouts::default(),
                Instant::from_millis(0),
                &mut |_| (),
            )),
            installs: Arc::default(),
        };
        Arc::new(Machine {
            workers: (0..workers).map(worker).collect(),
            ring,
            sharing: Sharing::new(RssKey::from_random(seed as u32), workers, Sharing::PLACES),
            start: Time::now(),
            begun: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            persistence: Arc::new(Persistence::with_room_for(100_000)),
            standby: AtomicBool::new(false),
        })
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.start.elapsed().as_millis() as u64)
    }

    fn set(&self, mut session: impl FnMut(&Worker) -> Session) {
        for worker in &self.workers {
            let session = session(worker);
            let mut connections = worker.connections.lock();
            connections.set_standby(matches!(session, Session::Import(_)), self.now());
            drop(connections.set_session(session));
        }
    }

    /// Lets all workers poll until the machine is stopped.
    fn work<'scope>(self: &Arc<Self>, scope: &'scope Scope<'scope, '_>) {
        let machine = Arc::clone(self);
        scope.spawn(move || {
            let services = Registry::default()
                .build(&[], nat::scheduler::ClientKey::from_bits([1, 2]))
                .unwrap();
            while !machine.stopped.load(Ordering::Relaxed) {
                let mut found = 0;
                for worker in &machine.workers {
                    let mut connections = worker.connections.lock();
                    found += connections.follow_session(machine.now(), &services);
                }
                if found == 0 {
                    std::thread::sleep(Duration::from_micros(50));
                }
            }
        });
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn owner_of(&self, client: Ipv4Addr) -> &Worker {
        &self.workers[self.sharing.owner(client)]
    }

    fn open(&self, number: u32) {
        let (opening, client) = opening(number);
        let now = self.now();
        self.owner_of(client).connections.lock().open(&opening, now).unwrap();
    }

    /// The handshake, or the end of the connection.
    fn go_on(&self, number: u32) {
        let (opening, client) = opening(number);
        let now = self.now();
        let mut connections = self.owner_of(client).connections.lock();
        let hit = connections.table().look_up(&opening.original).unwrap();
        if number % 3 == 0 {
            connections.close(hit.id).unwrap();
            return;
        }
        let back = Hit { direction: Direction::Reply, ..hit };
        let syn_ack = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());
        connections.pass(back, syn_ack.into(), now).unwrap();
        connections.pass(hit, Flags::ACK.into(), now).unwrap();
    }

    fn seen(&self) -> BTreeMap<String, String> {
        let mut seen = BTreeMap::new();
        for worker in &self.workers {
            let connections = worker.connections.lock();
            for (_, record) in connections.table().scan(0, usize::MAX) {
                let keys = [Direction::Original, Direction::Reply].map(|way| record.key(way));
                seen.insert(format!("{keys:?}"), record.state().name().to_owned());
            }
        }
        seen
    }
}

impl Exporters for Machine {
    fn begin(&self) -> Result<Vec<Consumer>, Failure> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let mut rings = Vec::new();
        self.set(|_| {
            let (producer, consumer) = ring::ring(self.ring);
            rings.push(consumer);
            Session::Export(Box::new(Export::new(producer)))
        });
        Ok(rings)
    }

    fn seed(&self) -> u64 {
        self.sharing.key().bits().into()
    }

    fn persistence(&self) -> Arc<Persistence<Ipv4Addr>> {
        Arc::clone(&self.persistence)
    }

    fn now(&self) -> Instant {
        Machine::now(self)
    }

    fn end(&self) -> Result<(), Failure> {
        self.set(|_| Session::Off);
        Ok(())
    }
}

impl Importers for Machine {
    fn begin(&self, workers: u16) -> Result<Vec<Intake>, Failure> {
        let mut intakes = Vec::new();
        self.set(|worker| {
            let (orders, to_install) = ring::ring(self.ring);
            let (replies, replied) = ring::ring(REPLIES);
            let installs = Arc::clone(&worker.installs);
            intakes.push(Intake { orders, replies: replied, installs: Arc::clone(&installs) });
            Session::Import(Box::new(Import::new(to_install, replies, workers, installs)))
        });
        Ok(intakes)
    }

    fn remember(&self, client: &Told<Ipv4Addr>) {
        let now = Machine::now(self);
        self.persistence.install(client, self.standby.load(Ordering::Relaxed), now);
    }

    fn free(&self, worker: usize) -> u64 {
        let connections = self.workers[worker].connections.lock();
        (connections.table().capacity() - connections.table().len()) as u64
    }

    fn owner(&self, remote: Option<Ipv4Addr>) -> usize {
        remote.map_or(0, |remote| self.sharing.owner(remote))
    }

    fn end(&self) -> Result<(), Failure> {
        for worker in &self.workers {
            drop(worker.connections.lock().set_session(Session::Off));
        }
        Ok(())
    }
}

fn opening(number: u32) -> (NewConnection<Ipv4Addr>, Ipv4Addr) {
    let client = Ipv4Addr::from_bits(0xcb00_0000 + number * 7);
    let tuple = |source, destination, ports: [u16; 2]| FiveTuple {
        source,
        destination,
        source_port: Port::new(ports[0]),
        destination_port: Port::new(ports[1]),
        protocol: Protocol::Tcp,
    };
    let original = tuple(client, Ipv4Addr::new(198, 51, 100, 10), [4000, 80]);
    let reply = tuple(Ipv4Addr::new(10, 0, 0, 11), client, [80, 4000]);
    let opening = NewConnection {
        kind: Kind::Service,
        original: Key::new(original, Side::Public),
        reply: Key::new(reply, Side::Private),
        service: ServiceId::NONE,
        server: ServerId::NONE,
        direction: nat::Direction::Original,
        flags: Flags::SYN,
    };
    (opening, client)
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    let deadline = Time::now() + Duration::from_secs(30);
    while !is() {
        assert!(Time::now() < deadline, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A pair of machines with a stream between them, both at work.
struct Run<'a> {
    from: &'a Arc<Machine>,
    to: &'a Arc<Machine>,
    sender: &'a Progress,
    receiver: &'a Progress,
}

/// Runs a story; the streams end with it.
fn with_pair(from: &Arc<Machine>, to: &Arc<Machine>, story: impl FnOnce(&Run<'_>)) {
    let (sender, receiver) =
        (Progress::default(), Progress::retrying_after(Duration::from_millis(10)));
    let (here, there) = UnixStream::pair().unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        from.work(scope);
        to.work(scope);
        scope.spawn(|| export(&here, from.as_ref(), &sender, &stop));
        scope.spawn(|| import(&there, to.as_ref(), &receiver, &stop));
        let run = Run { from, to, sender: &sender, receiver: &receiver };
        let _ends = Ends(&stop, from, to);
        story(&run);
    });
}

/// Ends all threads, also when an assertion fails: the scope waits for them.
struct Ends<'a>(&'a AtomicBool, &'a Machine, &'a Machine);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        self.1.stop();
        self.2.stop();
    }
}

impl Run<'_> {
    fn wait_for_drain(&self) {
        let mark = self.sender.want_mark().expect("it exports");
        wait_until("drained", || self.sender.status().drained >= mark);
    }

    fn wait_for_completion(&self) {
        wait_until("complete", || self.receiver.status().complete);
        wait_until("complete there", || self.sender.status().complete);
    }
}

#[test]
fn connections_old_and_new_arrive_with_other_numbers_of_workers() {
    for (exporters, importers) in [(1, 1), (3, 2), (1, 4)] {
        let (from, to) = (
            Machine::new(exporters, RING, 0x9e37_79b9_7f4a_7c15),
            Machine::new(importers, RING, 77),
        );
        (0..3000).for_each(|number| from.open(number));
        // Something that the active machine has long forgotten.
        to.open(50_000);
        with_pair(&from, &to, |run| {
            for number in 3000..6000 {
                from.open(number);
                from.go_on(number - 3000);
            }
            run.wait_for_completion();
            run.wait_for_drain();
            assert_eq!(from.seen(), to.seen());
            assert_eq!(run.sender.status().state, SyncState::Following);
            assert_eq!(run.receiver.status().state, SyncState::Following);
            assert_eq!(run.receiver.status().mismatches, 0);
            wait_until("no lag", || run.sender.status().lag == 0);
            // What follows arrives as well, and a drain says so.
            (3000..6000).for_each(|number| from.go_on(number));
            run.wait_for_drain();
            assert_eq!(from.seen(), to.seen());
        });
    }
}

#[test]
fn an_overflow_is_noticed_and_everything_is_sent_again() {
    let (from, to) = (Machine::new(2, 64, 0x1357_9bdf), Machine::new(3, 256, 99));
    with_pair(&from, &to, |run| {
        // What was opened before is told by the walk, which leaves half of a ring free.
        wait_until("a session", || from.begun.load(Ordering::Relaxed) > 0);
        for number in 0..20_000 {
            from.open(number);
        }
        wait_until("an overflow", || run.sender.status().overflows > 0);
        for number in 0..20_000 {
            from.go_on(number);
        }
        wait_until("equal", || run.receiver.status().complete && from.seen() == to.seen());
        run.wait_for_drain();
        assert!(from.begun.load(Ordering::Relaxed) > 1);
        assert_eq!(run.receiver.status().mismatches, 0);
    });
}

#[test]
fn a_difference_ends_the_stream_and_is_not_complete() {
    let (from, to) = (Machine::new(1, RING, 3), Machine::new(2, RING, 5));
    (0..100).for_each(|number| from.open(number));
    with_pair(&from, &to, |run| {
        run.wait_for_completion();
        let (lost, client) = opening(17);
        let mut connections = to.owner_of(client).connections.lock();
        let hit = connections.table().look_up(&lost.original).unwrap();
        // Behind the back of the session: its tally goes with it.
        connections.close(hit.id).unwrap();
        drop(connections);
        wait_until("noticed", || run.receiver.status().mismatches == 1);
        assert!(!run.receiver.status().complete);
        wait_until("ended", || run.sender.status().state == SyncState::Off);
        assert_eq!(run.sender.want_mark(), None);
    });
}

#[test]
fn a_standby_without_room_keeps_what_fits_and_gets_the_rest_when_there_is_room() {
    let (from, to) = (Machine::new(2, RING, 3), Machine::with_room(400, 2, RING, 5));
    (0..3000).for_each(|number| from.open(number));
    with_pair(&from, &to, |run| {
        let status = || run.receiver.status();
        wait_until("it says how much is missing", || status().missing > 0);
        let SyncStatus { state, missing, expected, complete, mismatches, .. } = status();
        assert_eq!((state, complete, mismatches), (SyncState::Following, false, 0));
        assert_eq!((expected, expected - missing), (3000, 800), "it holds what fits");
        assert!(!run.sender.status().complete, "and the peer knows");
        // It follows on: what comes to its end makes room for what opens.
        (0..3000).step_by(3).for_each(|number| from.go_on(number));
        wait_until("it has heard", || status().expected == 2000);
        assert_eq!(run.sender.status().state, SyncState::Following, "not all over again");
        // As answered connections come, those that were not make room for them.
        (0..600).filter(|number| number % 3 > 0).for_each(|number| from.go_on(number));
        let is_kept = |number| {
            let (opening, client) = opening(number);
            let connections = to.owner_of(client).connections.lock();
            connections.table().look_up(&opening.original).is_some()
        };
        wait_until("answered ones", || (0..600).filter(|n| n % 3 > 0).all(is_kept));
        // Most others end: then everything has room, and is sent once more.
        for number in (1000..3000).filter(|number| number % 3 > 0) {
            let (opening, client) = opening(number);
            let mut connections = from.owner_of(client).connections.lock();
            let hit = connections.table().look_up(&opening.original).unwrap();
            connections.close(hit.id).unwrap();
        }
        wait_until("another attempt", || run.sender.status().state == SyncState::Off);
        assert_eq!(status().mismatches, 0);
    });
    // The threads of both begin again.
    for machine in [&from, &to] {
        machine.stopped.store(false, Ordering::Relaxed);
    }
    with_pair(&from, &to, |run| {
        run.wait_for_completion();
        assert_eq!(from.seen(), to.seen());
        assert_eq!(run.receiver.status().missing, 0);
    });
}

#[test]
fn what_was_installed_stays_when_the_stream_ends() {
    let (from, to) = (Machine::new(1, RING, 3), Machine::new(1, RING, 5));
    (0..100).for_each(|number| from.open(number));
    let mut kept = None;
    with_pair(&from, &to, |run| {
        run.wait_for_completion();
        kept = Some(run.to.seen());
        assert_eq!(run.from.seen(), run.to.seen());
    });
    assert_eq!(kept, Some(to.seen()), "what was installed stays");
}

#[test]
fn what_no_exporter_sends_ends_the_stream() {
    use api::stream::{Frame, STREAM_VERSION};
    let begin = |version| Frame::Begin { session: 1, workers: 2, seed: 1, version };
    let events = |worker| Frame::Events { worker, events: vec![[9; 32]] };
    let client = Frame::Persistence { clients: vec![[0xff; 40]] };
    let cases: [(&[Frame], &str); 6] = [
        (&[begin(STREAM_VERSION + 1)], "speaks version"),
        (&[events(0)], "before the first Begin"),
        (&[begin(STREAM_VERSION), events(2)], "does not have"),
        (&[begin(STREAM_VERSION), events(0)], "an event that is none"),
        (&[begin(STREAM_VERSION), client], "a persistent client that is none"),
        (&[begin(STREAM_VERSION), Frame::Marked { number: 3 }], "only the importer"),
    ];
    for (frames, why) in cases {
        let to = Machine::new(2, RING, 5);
        let (mut here, there) = UnixStream::pair().unwrap();
        let mut bytes = Vec::new();
        frames.iter().for_each(|frame| frame.write(&mut bytes));
        std::io::Write::write_all(&mut here, &bytes).unwrap();
        let progress = Progress::default();
        let importer = Importer::new(&there, to.as_ref(), &progress).unwrap();
        let ended = importer.run(&AtomicBool::new(false)).unwrap_err().to_string();
        assert!(ended.contains(why), "{ended}");
    }
}

#[test]
fn a_stream_that_takes_nothing_costs_bounded_memory_and_recovers() {
    let (from, to) = (Machine::new(1, 4096, 3), Machine::new(1, RING, 5));
    let (sender, receiver) = (Progress::default(), Progress::default());
    let (here, there) = UnixStream::pair().unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        from.work(scope);
        to.work(scope);
        scope.spawn(|| export(&here, from.as_ref(), &sender, &stop));
        let _ends = Ends(&stop, &from, &to);
        // Nobody reads: backlog and ring fill up.
        for number in 0..90_000 {
            from.open(number);
        }
        std::thread::sleep(Duration::from_millis(300));
        let before = sender.status();
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(sender.status(), before, "no new session while the stream stands still");
        scope.spawn(|| import(&there, to.as_ref(), &receiver, &stop));
        wait_until("equal", || receiver.status().complete && from.seen() == to.seen());
        assert!(sender.status().overflows >= 1);
    });
}

/// A client and its server, as another machine would tell it.
fn client(number: u32) -> Told<Ipv4Addr> {
    let bits = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Told {
        fingerprint: Fingerprint::from_bits(bits & ((1 << Fingerprint::BITS) - 1)).unwrap(),
        target: Target {
            group: Group::named("shop"),
            address: Ipv4Addr::new(10, 0, 0, 11 + (number % 5) as u8),
            port: Port::new(80),
        },
        left: Seconds(600),
    }
}

impl Machine {
    fn clients(&self) -> u64 {
        self.persistence.clients(Machine::now(self)).entries
    }

    fn has(&self, number: u32) -> bool {
        // On an active machine what is known is not taken, and what is new is.
        let other = Target { port: Port::new(81), ..client(number).target };
        let told = Told { target: other, ..client(number) };
        self.persistence.install(&told, false, Machine::now(self)) == Installed::Known
    }
}

#[test]
fn the_peer_is_complete_only_with_all_persistent_clients_and_hears_of_new_ones() {
    let (from, to) = (Machine::new(2, RING, 3), Machine::new(3, RING, 5));
    to.standby.store(true, Ordering::Relaxed);
    let begin = |number| from.persistence.install(&client(number), true, Machine::now(&from));
    (0..20_000).for_each(|number| assert_eq!(begin(number), Installed::Taken));
    with_pair(&from, &to, |run| {
        run.wait_for_completion();
        assert_eq!(to.clients(), 20_000);
        (20_000..20_100).for_each(|number| assert_eq!(begin(number), Installed::Taken));
        wait_until("the new ones are there", || to.clients() == 20_100);
        // A mark says that all is there that there was.
        (20_100..20_200).for_each(|number| assert_eq!(begin(number), Installed::Taken));
        let mark = run.sender.want_mark().unwrap();
        wait_until("drained", || run.sender.status().drained >= mark);
        assert_eq!(to.clients(), 20_200);
    });
    assert!((0..20_200).all(|number| to.has(number)));
    assert!(!to.has(20_200));
}
