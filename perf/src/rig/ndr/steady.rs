//! Packets at a steady rate, and what comes back.

use core::time::Duration;

use dataplane::worker::BURST;
use dpdk::clock::tsc;
use nat::random::Random;

use super::STILL_MICROS;
use super::device::{Device, Switch};
use crate::rig::frames::Template;
use crate::rig::generator::Generator;
use crate::rig::percentiles::Times;
use crate::rig::worker_harness::{Flows, Packet};

/// How long after the last packet one may still come back.
const LATE: Duration = Duration::from_millis(20);

/// How long a device that has come round needs for what is still in its rings.
const REST: Duration = Duration::from_micros(500);

/// Packets of random connections.
pub(super) struct Traffic {
    templates: Vec<Template>,
    turn: usize,
    flows: Flows,
    connections: u32,
    random: Random,
}

impl Traffic {
    pub(super) fn new(templates: Vec<Template>, flows: Flows, connections: u32) -> Self {
        Traffic { templates, turn: 0, flows, connections, random: Random::from_system() }
    }

    /// So many packets, all of one kind.
    fn next(&mut self, count: usize) -> impl Iterator<Item = Packet<'_>> {
        self.turn = (self.turn + 1) % self.templates.len().max(1);
        let (flows, random, connections) = (self.flows, &mut self.random, self.connections);
        let template = self.templates.get(self.turn);
        let packets = template.into_iter().flat_map(move |t| core::iter::repeat_n(t, count));
        packets.map(move |template| Packet { template, flow: flows.of(random.below(connections)) })
    }
}

/// What came of a trial.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    /// Packets that were to be sent.
    pub(super) offered: u64,
    /// Packets that came back.
    pub(super) received: u64,
    /// Of those, before the generator ceased to send.
    in_time: u64,
    /// How long it sent.
    pub(super) seconds: f64,
    /// A core stood still.
    pub(super) stood_still: bool,
}

impl Trial {
    /// Packets that came back in a second.
    pub(super) fn returned(&self) -> f64 {
        self.in_time as f64 / self.seconds
    }

    /// Packets that did not come back.
    pub(super) fn lost(&self) -> u64 {
        self.offered.saturating_sub(self.received)
    }
}

/// What sends at a steady rate.
pub(super) struct SteadyGenerator<'a> {
    /// By device.
    generators: [Generator; 2],
    traffic: Traffic,
    switch: &'a Switch,
    /// Cycles in a second.
    hz: f64,
}

impl<'a> SteadyGenerator<'a> {
    pub(super) fn new(generators: [Generator; 2], traffic: Traffic, switch: &'a Switch) -> Self {
        SteadyGenerator { generators, traffic, switch, hz: dpdk::clock::hz() as f64 }
    }

    /// Sends through a device at so many packets a second, for a while. `times` takes how
    /// long each packet was under way.
    pub(super) fn trial(
        &mut self,
        device: Device,
        rate: f64,
        time: Duration,
        times: Option<&mut Times>,
    ) -> Trial {
        self.switch.turn(device);
        let still = (self.hz * STILL_MICROS as f64 / 1e6) as u64;
        let [router, loop_back] = &mut self.generators;
        let generator = if device == Device::Router { router } else { loop_back };
        let length = (time.as_secs_f64() * self.hz) as u64;
        let mut ignored = |_: u64, _: &[u8]| ();
        let mut recorded;
        let note: &mut dyn FnMut(u64, &[u8]) = match times {
            Some(times) => {
                recorded = |cycles, _: &[u8]| times.record(cycles);
                &mut recorded
            }
            None => &mut ignored,
        };
        let mut trial =
            Trial { offered: 0, received: 0, in_time: 0, seconds: 0.0, stood_still: false };
        // What an earlier one left behind comes back now.
        let (begin, rest) = (tsc(), (REST.as_secs_f64() * self.hz) as u64);
        while tsc().wrapping_sub(begin) < rest {
            generator.receive(|_, _| ());
        }
        let mut start = tsc();
        let mut before = start;
        loop {
            let now = tsc();
            let pause = now.wrapping_sub(before);
            if pause > still {
                // What was due meanwhile is not made up for in one burst.
                trial.stood_still = true;
                start = start.wrapping_add(pause);
            }
            before = now;
            trial.received += generator.receive(&mut *note);
            let elapsed = now.saturating_sub(start);
            if elapsed >= length {
                break;
            }
            let due = (elapsed as f64 / self.hz * rate) as u64;
            let count = due.saturating_sub(trial.offered).min(BURST as u64);
            if count > 0 {
                trial.offered += count;
                generator.send(self.traffic.next(count as usize));
            }
        }
        trial.in_time = trial.received;
        trial.seconds = length as f64 / self.hz;
        let late = (LATE.as_secs_f64() * self.hz) as u64;
        let end = tsc();
        while trial.received < trial.offered && tsc().wrapping_sub(end) < late {
            trial.received += generator.receive(&mut *note);
        }
        trial.stood_still |= self.switch.longest() > still;
        trial
    }
}
