//! Traces for clients of the control socket: begun, fetched page by page, and over when their
//! client goes.

mod decision;
mod explain;
mod summary;
mod words;

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use std::sync::{Arc, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use api::{Failure, FailureKind, Trace, TraceCounts, TracePage, TracePoint};
use nat::Instant;

use self::words::Words;
use super::{Admin, packet_filter};
use crate::clock::Tsc;
use crate::drop_reason::DropReason;
use crate::mailbox::Order;
use crate::trace::{Counts, Journey, Kept, Point, Sink, Tracer, Wish};

/// The longest wait for a journey: a client that waits must not hold up the end of the process.
const WAIT: Duration = Duration::from_millis(250);
/// Between looks into the rings.
const PAUSE: Duration = Duration::from_millis(5);
/// Journeys of a page: well under what a frame takes.
const PAGE: usize = 512;
/// The most packets of one trace.
const MOST: u64 = 1_000_000;

/// Whether some client traces.
#[derive(Debug, Default)]
pub struct TraceSlot(AtomicBool);

/// A client's trace. It ends when this is dropped.
pub(super) struct TraceSession {
    admin: Weak<Admin>,
    /// By worker.
    sinks: Vec<Arc<Sink>>,
    left: Arc<AtomicU64>,
    until: Instant,
}

impl TraceSession {
    /// Has all workers follow the packets that the client wants.
    pub(super) fn begin(admin: &Arc<Admin>, trace: &Trace) -> Result<Self, Failure> {
        let filter = packet_filter::program(&trace.filter.program)?;
        let kept = kept(trace)?;
        let seconds = trace.seconds.clamp(1, Trace::LONGEST);
        let until = admin.clock.now().plus(nat::Seconds(seconds));
        let point = match trace.point {
            TracePoint::Before => Point::Before,
            TracePoint::After => Point::After,
            _ => Point::Either,
        };
        let wish =
            Wish { filter: Arc::new(filter), point, kept, one_in: trace.one_in.max(1), until };
        if admin.traces.0.swap(true, Relaxed) {
            return Err(Failure::new(
                FailureKind::Busy,
                "another tandem trace is running on this machine; end that one first (Ctrl-C), or \
                 wait until it ends by itself",
            ));
        }
        let left = Arc::new(AtomicU64::new(trace.packets.clamp(1, MOST)));
        let sinks: Vec<_> =
            admin.workers.iter().map(|_| Arc::new(Sink::new(Arc::clone(&left)))).collect();
        // From here on whatever happens takes the tracers away again.
        let session = TraceSession { admin: Arc::downgrade(admin), sinks, left, until };
        let tracer = |sink| Box::new(Tracer::new(wish.clone(), Arc::clone(sink)));
        let orders = session.sinks.iter().map(|sink| Order::Trace(Some(tracer(sink)))).collect();
        let given = admin.orders.lock().carry_out(&admin.workers, orders);
        given.map_err(|late| late.failure)?;
        tracing::info!(filter = %trace.filter.expression, seconds, "a client traces packets");
        Ok(session)
    }

    /// What was seen since the last page.
    pub(super) fn next(&self, admin: &Admin) -> TracePage {
        let deadline = std::time::Instant::now() + WAIT;
        let mut found = self.take(PAGE);
        while found.is_empty() && self.is_running(admin) && std::time::Instant::now() < deadline {
            std::thread::sleep(PAUSE);
            found = self.take(PAGE);
        }
        let is_full = found.len() >= PAGE;
        found.sort_by_key(|(_, journey)| journey.time);
        let words = Words::new(admin);
        let (now, wall) = (Tsc::now(), micros_since_1970());
        let rate = admin.clock.rate();
        let journeys = found.iter().map(|(worker, journey)| {
            let ago = rate.between(journey.time, now).as_micros();
            let time = wall.saturating_sub(u64::try_from(ago).unwrap_or(u64::MAX));
            words.journey(*worker, journey, time)
        });
        TracePage {
            journeys: journeys.collect(),
            counts: self.counts(),
            running: is_full || self.is_running(admin),
        }
    }

    fn is_running(&self, admin: &Admin) -> bool {
        admin.clock.now() < self.until && self.left.load(Relaxed) > 0
    }

    /// Takes journeys from all workers in turn, so that none of them waits for another.
    fn take(&self, most: usize) -> Vec<(usize, Journey)> {
        let mut found = Vec::new();
        loop {
            let before = found.len();
            for (worker, sink) in self.sinks.iter().enumerate() {
                if found.len() < most {
                    found.extend(sink.take().map(|journey| (worker, journey)));
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    fn counts(&self) -> TraceCounts {
        let sum = |of: fn(&Counts) -> &AtomicU64| {
            self.sinks.iter().map(|sink| of(sink.counts()).load(Relaxed)).sum()
        };
        TraceCounts {
            examined: sum(|counts| &counts.examined),
            matched: sum(|counts| &counts.matched),
            not_examined: sum(|counts| &counts.not_examined),
            lost: sum(|counts| &counts.lost),
        }
    }
}

impl Drop for TraceSession {
    fn drop(&mut self) {
        let Some(admin) = self.admin.upgrade() else { return };
        let workers: Vec<_> = admin.workers.iter().collect();
        // One that is late takes its tracer out when it goes on.
        if let Err(failure) = admin.orders.lock().have_done(&workers, || Order::Trace(None)) {
            tracing::warn!("a trace ends late: {}", failure.message);
        }
        admin.traces.0.store(false, Relaxed);
    }
}

fn kept(trace: &Trace) -> Result<Kept, Failure> {
    let Some(name) = &trace.reason else {
        return Ok(if trace.dropped { Kept::Dropped } else { Kept::All });
    };
    let found = DropReason::ALL.iter().find(|reason| reason.name() == name);
    let reason = found.ok_or_else(|| {
        let names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        let message =
            format!("there is no drop reason \"{name}\"; there are: {}", names.join(", "));
        Failure::new(FailureKind::NotFound, message)
    })?;
    Ok(Kept::DroppedFor(*reason))
}

fn micros_since_1970() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
