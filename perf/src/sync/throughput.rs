//! Events a second from one worker to the other machine's table.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Instant as Time;

use api::Failure;
use crossbeam::queue::ArrayQueue;
use dataplane::sync::{Exporters, Importers, Intake, Progress, REPLIES, export, import};
use nat::persistence::{Persistence, Told};
use nat::scheduler::ClientKey;
use nat::service::{Registry, Services};
use nat::sync::ring::{self, Consumer};
use nat::sync::{Export, Import, Session};
use nat::table::Hit;
use nat::timeouts::Timeouts;
use nat::{Connections, Direction, Instant};
use wire::tcp::Flags;

use super::{RING, at, opening};
use crate::Error;

/// Connections that exist at a time.
const OPEN: usize = 100_000;
/// Events of a connection: opened, answered, established, closed.
const EVENTS: u64 = 4;
/// The longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The only worker of a machine.
struct Machine {
    orders: ArrayQueue<Session>,
    /// Those before, freed here.
    retired: ArrayQueue<Session>,
    stop: AtomicBool,
    start: Time,
}

impl Machine {
    fn new() -> Self {
        let (orders, retired) = (ArrayQueue::new(1), ArrayQueue::new(4));
        Machine { orders, retired, stop: AtomicBool::new(false), start: Time::now() }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.start.elapsed().as_millis() as u64)
    }

    fn order(&self, session: Session) -> Result<(), Failure> {
        let refused = |_| Failure::new(api::FailureKind::Busy, "the worker has not answered");
        self.orders.push(session).map_err(refused)?;
        let deadline = Time::now() + PATIENCE;
        while self.retired.pop().is_none() && !self.stop.load(Ordering::Relaxed) {
            if Time::now() > deadline {
                return Err(Failure::new(api::FailureKind::Busy, "the worker has not answered"));
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    fn follow(
        &self,
        connections: &mut Connections<Ipv4Addr>,
        services: &Services<Ipv4Addr>,
    ) -> usize {
        if let Some(session) = self.orders.pop() {
            connections.set_standby(matches!(session, Session::Import(_)), self.now());
            drop(self.retired.push(connections.set_session(session)));
        }
        connections.follow_session(self.now(), services)
    }
}

impl Exporters for Machine {
    fn begin(&self) -> Result<Vec<Consumer>, Failure> {
        let (producer, consumer) = ring::ring(RING);
        self.order(Session::Export(Box::new(Export::new(producer))))?;
        Ok(vec![consumer])
    }

    fn seed(&self) -> u64 {
        1
    }

    fn persistence(&self) -> Arc<Persistence<Ipv4Addr>> {
        Arc::default()
    }

    fn now(&self) -> Instant {
        Machine::now(self)
    }

    fn end(&self) -> Result<(), Failure> {
        self.order(Session::Off)
    }
}

impl Importers for Machine {
    fn begin(&self, workers: u16) -> Result<Vec<Intake>, Failure> {
        let (orders, to_install) = ring::ring(RING);
        let (replies, replied) = ring::ring(REPLIES);
        let installs = Arc::default();
        let import = Import::new(to_install, replies, workers, Arc::clone(&installs));
        self.order(Session::Import(Box::new(import)))?;
        Ok(vec![Intake { orders, replies: replied, installs }])
    }

    fn remember(&self, _: &Told<Ipv4Addr>) {}

    /// Both tables have room for all.
    fn free(&self, _: usize) -> u64 {
        0
    }

    fn owner(&self, _: Option<Ipv4Addr>) -> usize {
        0
    }

    fn end(&self) -> Result<(), Failure> {
        self.order(Session::Off)
    }
}

/// Events a second, over the events of so many connections.
pub(super) fn run(connections: u32) -> Result<f64, Error> {
    let (here, there) = UnixStream::pair().map_err(Error::io("a pair of streams"))?;
    let services = Registry::default().build(&[], ClientKey::random()).map_err(Error::dataplane)?;
    let (from, to) = (Machine::new(), Machine::new());
    let (sender, receiver) = (Progress::default(), Progress::default());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut installed = connections_for(OPEN + connections as usize);
            while !to.stop.load(Ordering::Relaxed) {
                if to.follow(&mut installed, &services) == 0 {
                    std::thread::yield_now();
                }
            }
        });
        scope.spawn(|| export(&here, &from, &sender, &stop));
        scope.spawn(|| import(&there, &to, &receiver, &stop));
        let run = Run { from: &from, services: &services, sender: &sender, receiver: &receiver };
        let result = run.measure(connections);
        for flag in [&stop, &from.stop, &to.stop] {
            flag.store(true, Ordering::Relaxed);
        }
        result
    })
}

fn connections_for(capacity: usize) -> Connections<Ipv4Addr> {
    Connections::new(capacity, Timeouts::default(), at(0), &mut |region| {
        dpdk::memory::advise_hugepages(region.start, region.bytes);
    })
}

struct Run<'a> {
    from: &'a Machine,
    services: &'a Services<Ipv4Addr>,
    sender: &'a Progress,
    receiver: &'a Progress,
}

impl Run<'_> {
    fn measure(&self, count: u32) -> Result<f64, Error> {
        let mut connections = connections_for(OPEN * 2);
        self.poll_until(&mut connections, || self.receiver.status().complete)?;
        // Nothing expires, so that every event is one of those that are counted.
        connections.set_standby(true, at(1));
        let before = self.sender.status().events;
        let mut open = VecDeque::with_capacity(OPEN + 1);
        let start = Time::now();
        let mut written = 0;
        for number in 0..count {
            let opening = opening(number);
            let hit = connections.open(&opening, at(1)).map_err(Error::dataplane)?;
            let back = Hit { direction: Direction::Reply, ..hit };
            let syn_ack = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());
            connections.pass(back, syn_ack.into(), at(1));
            connections.pass(hit, Flags::ACK.into(), at(1));
            open.push_back(hit.id);
            written += EVENTS - 1;
            if open.len() > OPEN {
                if let Some(id) = open.pop_front() {
                    connections.close(id);
                    written += 1;
                }
            }
            if number % 64 == 0 {
                self.from.follow(&mut connections, self.services);
                self.keep_pace(written, before)?;
            }
        }
        let mark = self.sender.want_mark().ok_or_else(|| Error::dataplane("the stream ended"))?;
        self.poll_until(&mut connections, || self.sender.status().drained >= mark)?;
        let seconds = start.elapsed().as_secs_f64();
        let (sender, receiver) = (self.sender.status(), self.receiver.status());
        if sender.overflows + receiver.mismatches > 0 || sender.events - before < written {
            return Err(Error::dataplane("events were lost on the way"));
        }
        Ok(written as f64 / seconds)
    }

    /// Waits while the ring is half full: it is the way that is measured, not overflow.
    fn keep_pace(&self, written: u64, before: u64) -> Result<(), Error> {
        let deadline = Time::now() + PATIENCE;
        while written > self.sender.status().events - before + RING as u64 / 2 {
            if Time::now() > deadline {
                return Err(Error::dataplane("the stream stands still"));
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    fn poll_until(
        &self,
        connections: &mut Connections<Ipv4Addr>,
        is: impl Fn() -> bool,
    ) -> Result<(), Error> {
        let deadline = Time::now() + PATIENCE;
        while !is() {
            if Time::now() > deadline {
                return Err(Error::dataplane("connection sync does not come to an end"));
            }
            self.from.follow(connections, self.services);
            std::thread::yield_now();
        }
        Ok(())
    }
}
