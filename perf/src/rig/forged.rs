//! What real clients get of a table that forged packets fill.
//!
//! Packets that nobody answers come from other clients each time, so many a second of the
//! machine's time, and among them clients that go on: a SYN, the server's answer a millisecond
//! later, the rest of the handshake after the client's round trip, and a segment a second after
//! the first. A client is served if the worker knows its connection each time. The table has
//! room for as many connections as forged packets come in a second or less, so it is full all
//! the time, and each opening takes the place of another.

use std::collections::VecDeque;

use dataplane::drop_reason::DropReason;
use nat::Side;
use serde::Serialize;
use wire::tcp::Flags;

use super::frames::{Flow, Template, server_of};
use super::test_bed::{Lifetime, Pages, TestBed, WORKER_CORE};
use super::worker_harness::{Packet, ROUND, WorkerHarness};
use crate::Error;
use crate::packets::FRAME;
use crate::record::{Better, Each, Figure};
use crate::statistics::Summary;

/// The first number of a real client.
const REAL: u32 = 0x4000_0000;

/// What the flood is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forged {
    /// SYNs.
    Syn,
    /// UDP datagrams.
    Udp,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct ForgedSettings {
    pub forged: Forged,
    /// Connections that the table has room for.
    pub room: u32,
    /// Forged packets a second.
    pub rate: u32,
    /// Real clients a second.
    pub clients: u32,
    /// Milliseconds from a real client to the router and back.
    pub round_trip: u32,
    /// Seconds of the run, after the table is full.
    pub seconds: u32,
    pub pages: Pages,
}

#[derive(Clone, Debug, Serialize)]
pub struct ForgedFlood {
    /// Forged packets in a second, as many as could be made and taken.
    pub offered: Summary,
    /// Real clients of each second, those whose last segment was due in it.
    pub clients: Summary,
    /// Of these, those that were served, in per cent.
    pub served_percent: Summary,
    /// Connections that made room for others, in a second.
    pub evicted: Summary,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// The next segment of a real client.
#[derive(Clone, Copy)]
struct Next {
    due: u64,
    flow: Flow,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Answer,
    Acknowledgement,
    Later,
}

/// Measures; `progress` is told of each second.
///
/// # Errors
///
/// [`Error`], when DPDK or the worker does not do its part.
pub fn run(settings: &ForgedSettings, progress: &dyn Fn(&str)) -> Result<ForgedFlood, Error> {
    let test_bed = TestBed::new(settings.pages, WORKER_CORE, &[])?;
    let mut flood = FloodHarness::new(settings, &test_bed)?;
    flood.fill(settings.room);
    // The first second's clients have no last segment in it.
    flood.second(settings)?;
    let [mut offered, mut clients, mut served, mut evicted] = [(); 4].map(|()| Vec::new());
    for second in 1..=settings.seconds {
        let found = flood.second(settings)?;
        let percent = f64::from(found.served) / f64::from(found.clients.max(1)) * 100.0;
        progress(&format!("{second:>4} {:>9} forged {percent:>7.2} % served", found.offered));
        offered.push(f64::from(found.offered));
        clients.push(f64::from(found.clients));
        served.push(percent);
        evicted.push(found.evicted as f64);
    }
    let mut figures = Vec::new();
    let mut put = |name, unit, better, samples| {
        Figure::new(name, unit, better, Each::Second, samples).put(&mut figures)
    };
    Ok(ForgedFlood {
        offered: put("forged packets", "a second", Better::Neither, offered)?,
        clients: put("real clients", "a second", Better::Neither, clients)?,
        served_percent: put("real clients served", "%", Better::Higher, served)?,
        evicted: put("connections that made room", "a second", Better::Neither, evicted)?,
        figures,
    })
}

/// What a second gave.
#[derive(Default)]
struct Second {
    offered: u32,
    clients: u32,
    served: u32,
    evicted: u64,
}

/// The worker, and whose packets come next.
struct FloodHarness {
    harness: WorkerHarness,
    forged: Template,
    syn: Template,
    answer: Template,
    acknowledgement: Template,
    /// The next forged client, and the next real one.
    forger: u32,
    client: u32,
    /// Segments of real clients, by the time between them.
    queues: [VecDeque<Next>; 3],
}

impl FloodHarness {
    fn new(settings: &ForgedSettings, test_bed: &TestBed) -> Result<Self, Error> {
        Ok(FloodHarness {
            harness: WorkerHarness::new(test_bed, settings.room, Lifetime::LONG)?,
            forged: match settings.forged {
                Forged::Syn => Template::tcp(Side::Public, Flags::SYN),
                Forged::Udp => Template::udp(Side::Public, FRAME),
            },
            syn: Template::tcp(Side::Public, Flags::SYN),
            answer: Template::tcp(Side::Private, Flags::SYN | Flags::ACK),
            acknowledgement: Template::tcp(Side::Public, Flags::ACK),
            forger: 0,
            client: REAL,
            queues: [(); 3].map(|()| VecDeque::new()),
        })
    }

    /// Forges so many packets.
    fn forge(&mut self, count: u32) {
        let (first, template) = (self.forger, &self.forged);
        let packet = |client| Packet { template, flow: Flow { client, server: 0 } };
        // Forged clients come again after a billion, when none of them is known any more.
        self.harness.run((first..first + count).map(packet));
        self.forger = (first + count) % (REAL - ROUND as u32);
    }

    fn fill(&mut self, room: u32) {
        for _ in 0..=room / ROUND as u32 {
            self.forge(ROUND as u32);
        }
    }

    /// A second of the machine's time.
    fn second(&mut self, settings: &ForgedSettings) -> Result<Second, Error> {
        let hz = dpdk::clock::hz().max(1);
        let millis = |millis: u32| hz * u64::from(millis) / 1000;
        let waits = [1, settings.round_trip, 1000 - settings.round_trip.min(900) - 1].map(millis);
        let evicted = self.harness.counters.evicted.get();
        let (start, mut begun, mut found) = (dpdk::clock::tsc(), 0, Second::default());
        loop {
            let now = dpdk::clock::tsc();
            let passed = now.wrapping_sub(start);
            if passed >= hz {
                break;
            }
            let due = |rate: u32| (u128::from(passed) * u128::from(rate) / u128::from(hz)) as u32;
            let forged = (due(settings.rate) - found.offered).min(ROUND as u32);
            self.forge(forged);
            found.offered += forged;
            while begun < due(settings.clients) {
                begun += 1;
                self.begin(now + waits[0]);
            }
            self.go_on(now, waits, &mut found)?;
        }
        found.evicted = self.harness.counters.evicted.get() - evicted;
        Ok(found)
    }

    /// A real client begins; its server answers when it is `due`.
    fn begin(&mut self, due: u64) {
        let client = self.client;
        self.client = REAL + (client - REAL + 1) % REAL;
        let mut server = None;
        let packet = Packet { template: &self.syn, flow: Flow { client, server: 0 } };
        self.harness.run_seen([packet], |frame| server = server.or(server_of(frame)));
        // One that got nowhere is counted when its last segment is due, as not served.
        let flow = Flow { client, server: server.unwrap_or(0) };
        self.queues[0].push_back(Next { due, flow, stage: Stage::Answer });
    }

    /// Sends what is due of real clients.
    fn go_on(&mut self, now: u64, waits: [u64; 3], found: &mut Second) -> Result<(), Error> {
        for at in 0..self.queues.len() {
            while let Some(next) = self.queues[at].pop_front() {
                if next.due > now {
                    self.queues[at].push_front(next);
                    break;
                }
                let unknown =
                    |harness: &WorkerHarness| harness.counters.drops.get(DropReason::NoConnection);
                let before = unknown(&self.harness);
                let template = match next.stage {
                    Stage::Answer => &self.answer,
                    Stage::Acknowledgement | Stage::Later => &self.acknowledgement,
                };
                let turn = self.harness.run([Packet { template, flow: next.flow }]);
                if turn.packets != 1 {
                    return Err(Error::dataplane("no buffer was left for a packet"));
                }
                let is_known = unknown(&self.harness) == before && turn.sent == 1;
                let after = |stage, wait: u64| Next { due: next.due + wait, stage, ..next };
                match next.stage {
                    Stage::Answer => {
                        self.queues[1].push_back(after(Stage::Acknowledgement, waits[1]))
                    }
                    Stage::Acknowledgement => {
                        self.queues[2].push_back(after(Stage::Later, waits[2]))
                    }
                    Stage::Later => {
                        found.clients += 1;
                        found.served += u32::from(is_known);
                    }
                }
            }
        }
        Ok(())
    }
}
