//! What stands between the generator's sending and receiving: the router, or a loop-back.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use std::time::Instant;

use dataplane::worker::{BURST, Parts, Worker};
use dpdk::burst::Burst;
use dpdk::clock::tsc;

use crate::rig::ring_pair::End;

/// The device that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Device {
    Router = 0,
    /// What sends everything back on the other side.
    Loopback = 1,
}

/// The longest wait for the device's core.
const PATIENCE: Duration = Duration::from_secs(10);
const STOP: u8 = 2;

/// Says from the generator's core which device runs, and from the device's how it went.
#[derive(Debug)]
pub(super) struct Switch {
    device: AtomicU8,
    /// When the last poll ended, by the time stamp counter.
    last: AtomicU64,
    /// The longest time between two polls, in cycles.
    longest: AtomicU64,
}

impl Switch {
    pub(super) fn to(device: Device) -> Self {
        let (last, longest) = (AtomicU64::new(0), AtomicU64::new(0));
        Switch { device: AtomicU8::new(device as u8), last, longest }
    }

    /// Lets a device run, waits until its core has come round, and forgets how long that
    /// stood still before.
    pub(super) fn turn(&self, device: Device) {
        self.device.store(device as u8, Relaxed);
        let (now, start) = (tsc(), Instant::now());
        while self.last.load(Relaxed) <= now && start.elapsed() < PATIENCE {
            core::hint::spin_loop();
        }
        self.longest.store(0, Relaxed);
    }

    /// The longest time between two polls since then, in cycles; also of a poll that has
    /// not come yet.
    pub(super) fn longest(&self) -> u64 {
        let since = tsc().saturating_sub(self.last.load(Relaxed));
        self.longest.load(Relaxed).max(since)
    }

    pub(super) fn stop(&self) {
        self.device.store(STOP, Relaxed);
    }

    #[inline(always)]
    fn note(&self, now: u64, cycles: u64) {
        self.last.store(now, Relaxed);
        if cycles > self.longest.load(Relaxed) {
            self.longest.store(cycles, Relaxed);
        }
    }
}

/// Runs the devices on the core of this thread until it is told to stop.
pub(super) fn attend(parts: Parts, mut rings: [End; 2], switch: &Switch) {
    let mut worker = Worker::new(parts);
    let mut before = tsc();
    loop {
        let device = switch.device.load(Relaxed);
        if device == Device::Router as u8 {
            worker.poll();
        } else if device == Device::Loopback as u8 {
            send_back(&mut rings);
        } else {
            return;
        }
        let now = tsc();
        switch.note(now, now.wrapping_sub(before));
        before = now;
    }
}

/// Sends what has come on each side on the other.
fn send_back(rings: &mut [End; 2]) {
    let [public, private] = rings;
    let mut burst = Burst::<BURST>::new();
    public.rx.receive(&mut burst);
    private.tx.transmit(&mut burst);
    burst.clear();
    private.rx.receive(&mut burst);
    public.tx.transmit(&mut burst);
    burst.clear();
}
