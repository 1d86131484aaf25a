//! The stream of a capture: what the workers copy, in frames.

use core::time::Duration;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Weak};
use std::time::Instant;

use ::capture::{Course, Intake, PacketCopy};
use api::{CaptureFrame, CaptureStatistics, CapturedPacket, Failure};
use nat::Side;
use rustix::net::RecvFlags;

use super::comment::comment;
use super::wall_clock::WallClock;
use crate::admin::Admin;
use crate::snapshot::Snapshot;

/// Copies that are written at a time.
const BATCH: usize = 1024;
/// Between looks when there is nothing.
const PAUSE: Duration = Duration::from_millis(2);
/// How often the client is told how the capture stands, and the clocks are compared.
const SECOND: Duration = Duration::from_secs(1);

/// Why a capture ended before its client wanted it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// The client takes no more.
    #[error("{0}")]
    Stream(#[from] io::Error),
    /// A worker did not follow an order.
    #[error(transparent)]
    Worker(#[from] Failure),
    /// The process ends.
    #[error("tandem-dataplane is stopping")]
    Stopping,
}

/// Writes what the workers copy until the client closes its half of the stream, and then the rest.
pub(super) fn run(
    stream: &UnixStream,
    admin: &Weak<Admin>,
    intakes: &[Intake],
) -> Result<(), Ended> {
    let mut writer = Writer::new(stream, admin, intakes);
    let result = writer.follow();
    let ended = admin.upgrade().map_or(Ok(()), |admin| admin.end_capture());
    result?;
    ended?;
    while writer.write_batch()? > 0 {}
    writer.end()
}

struct Writer<'a> {
    stream: &'a UnixStream,
    admin: &'a Weak<Admin>,
    intakes: &'a [Intake],
    clock: WallClock,
    /// When the client was told last.
    told: Instant,
    out: Vec<u8>,
}

impl<'a> Writer<'a> {
    fn new(stream: &'a UnixStream, admin: &'a Weak<Admin>, intakes: &'a [Intake]) -> Self {
        let clock = WallClock::now(dpdk::clock::hz());
        Writer { stream, admin, intakes, clock, told: Instant::now(), out: Vec::new() }
    }

    /// Goes on until the client has enough.
    fn follow(&mut self) -> Result<(), Ended> {
        while !self.has_enough()? {
            if self.write_batch()? == 0 {
                std::thread::sleep(PAUSE);
            }
            if self.told.elapsed() >= SECOND {
                self.told = Instant::now();
                self.clock = WallClock::now(dpdk::clock::hz());
                CaptureFrame::Statistics(self.statistics()).write(&mut self.out);
                self.flush()?;
            }
        }
        Ok(())
    }

    /// True when the client has closed its half.
    fn has_enough(&self) -> Result<bool, Ended> {
        // A client has nothing to say here; what it says is passed over.
        let mut word = [0; 64];
        match rustix::net::recv(self.stream, &mut word[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => Ok(true),
            Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(Ended::Stream(error.into())),
        }
    }

    /// Writes some of what there is, the oldest first; how many.
    fn write_batch(&mut self) -> Result<usize, Ended> {
        let most = (BATCH / self.intakes.len().max(1)).max(16);
        let mut batch: Vec<(usize, Box<PacketCopy>)> = Vec::new();
        for (worker, intake) in self.intakes.iter().enumerate() {
            let copies = core::iter::from_fn(|| intake.next()).take(most);
            batch.extend(copies.map(|copy| (worker, copy)));
        }
        if batch.is_empty() {
            return Ok(0);
        }
        batch.sort_by_key(|(_, copy)| copy.at);
        // It is not held while the client is waited for: the process may want to end.
        let (snapshot, cores) = {
            let admin = self.admin.upgrade().ok_or(Ended::Stopping)?;
            let cores: Vec<u16> = admin.workers.iter().map(|worker| worker.core).collect();
            (Arc::clone(&admin.snapshot.read()), cores)
        };
        let count = batch.len();
        for (worker, copy) in batch {
            let core = cores.get(worker).copied().unwrap_or_default();
            CaptureFrame::Packet(self.packet(&copy, worker, core, &snapshot)).write(&mut self.out);
            if let Some(intake) = self.intakes.get(worker) {
                intake.give_back(copy);
            }
        }
        self.flush()?;
        Ok(count)
    }

    fn packet(
        &self,
        copy: &PacketCopy,
        worker: usize,
        core: u16,
        snapshot: &Snapshot,
    ) -> CapturedPacket {
        CapturedPacket {
            side: crate::admin::side(copy.side),
            is_sent: copy.course == Course::Sent,
            nanoseconds: self.clock.nanoseconds(copy.at),
            number: u64::from(copy.number),
            worker: worker as u32,
            length: copy.length,
            comment: comment(copy, core, snapshot),
            bytes: copy.bytes().to_vec(),
        }
    }

    fn statistics(&self) -> [CaptureStatistics; 2] {
        Side::ALL.map(|side| {
            let mut sum = CaptureStatistics::default();
            for counts in self.intakes.iter().map(|intake| intake.counts().get(side)) {
                sum.seen += counts.seen;
                sum.selected += counts.selected;
                sum.lost += counts.lost;
            }
            sum
        })
    }

    fn end(&mut self) -> Result<(), Ended> {
        CaptureFrame::End(self.statistics()).write(&mut self.out);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Ended> {
        self.stream.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }
}
