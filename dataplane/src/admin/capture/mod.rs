//! Captures over a client's stream.
//!
//! ```text
//!   workers --copies--> this thread --frames--> the command, which writes files
//!           <--buffers--
//! ```
//!
//! One capture runs at a time. The thread reads what the workers have copied, says in words what is
//! known of each packet, and writes the stream's frames ([`api::capture`]). Where the command
//! does not take them fast enough, buffers run out, and the workers count what they did not copy.

mod comment;
mod stream;
mod wall_clock;

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Weak};

use ::capture::{Intake, Points, Selection, Settings};
use api::capture::{LEAST_SNAP_LENGTH, MOST_SNAP_LENGTH};
use api::{CaptureNic, CapturePoint, Capturing, Failure, FailureKind};
use nat::Side;

use super::{Admin, packet_filter};
use crate::mailbox::Order;

/// Memory for copies, of each worker.
const MEMORY: usize = 16 << 20;
/// Copies at the most, of each worker.
const COPIES: usize = 16_384;
/// What a copy takes besides its bytes.
const COPY: usize = 192;
/// A frame of a link that carries no more than this is copied whole, whatever the MTU is.
const USUAL_FRAME: usize = 2048;
/// Ethernet's header and two tags.
const FRAME_OVERHEAD: usize = 14 + 8;

/// Whether packets are being captured.
#[derive(Debug, Default)]
pub struct Captures {
    runs: Arc<AtomicBool>,
    /// How many there have been.
    number: AtomicU32,
}

/// The turn of one capture, over when this is dropped.
#[derive(Debug)]
struct Turn(Arc<AtomicBool>);

impl Captures {
    fn begin(&self) -> Result<Turn, Failure> {
        let busy = |_| {
            let message = "another capture runs on this machine; end it first, with Ctrl-C where \
                           it was started (it ends with its command)";
            Failure::new(FailureKind::Busy, message)
        };
        let orders = (Ordering::AcqRel, Ordering::Relaxed);
        self.runs.compare_exchange(false, true, orders.0, orders.1).map_err(busy)?;
        Ok(Turn(Arc::clone(&self.runs)))
    }

    fn next_number(&self) -> u32 {
        self.number.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A capture that has begun. Whatever becomes of its client, it ends with this.
pub(super) struct BegunCapture {
    admin: Weak<Admin>,
    /// Where the copies come out, by worker.
    intakes: Vec<Intake>,
    /// For people.
    filter: String,
    capturing: Capturing,
    _turn: Turn,
}

impl Drop for BegunCapture {
    fn drop(&mut self) {
        let Some(admin) = self.admin.upgrade() else { return };
        if let Err(failure) = admin.end_capture() {
            tracing::warn!(%failure, "a capture ends late");
        }
    }
}

impl Admin {
    /// Has every worker copy packets.
    pub(super) fn begin_capture(
        self: &Arc<Self>,
        order: &api::Capture,
    ) -> Result<BegunCapture, Failure> {
        let filter = order
            .filter
            .as_ref()
            .map(|filter| packet_filter::program(&filter.program))
            .transpose()?;
        let turn = self.captures.begin()?;
        let capturing = self.capturing(order);
        let selection = Selection {
            filter,
            sides: [api::Side::Public, api::Side::Private]
                .map(|side| order.side.is_none_or(|only| only == side)),
            points: points(&order.at),
        };
        let filter = order.filter.as_ref().map(|filter| filter.expression.clone());
        let intakes = self.have_copied(selection, capturing.snap_length as usize)?;
        let (admin, filter) = (Arc::downgrade(self), filter.unwrap_or_default());
        tracing::info!(filter, "a capture begins");
        Ok(BegunCapture { admin, intakes, filter, capturing, _turn: turn })
    }

    /// What a client is told of its capture.
    fn capturing(&self, order: &api::Capture) -> Capturing {
        let loaded = self.loaded.lock();
        let config = &loaded.config;
        let largest = usize::from(config.public.mtu.max(config.private.mtu)) + FRAME_OVERHEAD;
        let snap_length = match order.snap_length {
            0 => largest.max(USUAL_FRAME) as u32,
            length => length.clamp(LEAST_SNAP_LENGTH, MOST_SNAP_LENGTH),
        };
        let nics = Side::ALL.map(|side| {
            let (port, interface) = (
                &self.ports[side.index()],
                match side {
                    Side::Public => &config.public,
                    Side::Private => &config.private,
                },
            );
            CaptureNic {
                side: super::side(side),
                device: interface.device.to_string(),
                driver: port.driver().to_owned(),
                mac: self.snapshot.read().interface(side).mac.0,
                speed_mbps: port.link().speed_mbps,
            }
        });
        Capturing {
            node: config.node.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            nics: nics.into(),
            snap_length,
        }
    }

    /// Gives the workers their orders; the ends where the copies come out, by worker.
    fn have_copied(
        &self,
        selection: Selection,
        snap_length: usize,
    ) -> Result<Vec<Intake>, Failure> {
        let selection = Arc::new(selection);
        let capture = self.captures.next_number();
        let workers = self.workers.len() as u16;
        let (orders, intakes) = (0..workers)
            .map(|worker| {
                let (session, intake) = ::capture::session(&Settings {
                    selection: Arc::clone(&selection),
                    snap_length,
                    buffers: (MEMORY / (snap_length + COPY)).min(COPIES),
                    capture,
                    worker,
                    workers,
                });
                (Order::Capture(Some(Box::new(session))), intake)
            })
            .unzip();
        let begun = self.orders.lock().carry_out(&self.workers, orders);
        begun.map_err(|late| {
            // Those that have taken the order copy for nobody.
            drop(self.end_capture());
            late.failure
        })?;
        Ok(intakes)
    }

    /// Has every worker copy packets no more. A worker that is late ends when it comes to it.
    fn end_capture(&self) -> Result<(), Failure> {
        let workers: Vec<_> = self.workers.iter().collect();
        self.orders.lock().have_done(&workers, || Order::Capture(None))
    }
}

fn points(at: &[CapturePoint]) -> Points {
    let has = |point| at.is_empty() || at.contains(&point);
    Points {
        received: has(CapturePoint::Received),
        sent: has(CapturePoint::Sent),
        dropped: has(CapturePoint::Dropped),
    }
}

impl BegunCapture {
    /// What the client is told of it.
    pub(super) fn capturing(&self) -> &Capturing {
        &self.capturing
    }

    /// Writes what is captured until the client has enough of it. The process may end meanwhile.
    pub(super) fn run(self, stream: &UnixStream) {
        let filter = &self.filter;
        match stream::run(stream, &self.admin, &self.intakes) {
            Ok(()) => tracing::info!(filter, "the capture has ended"),
            // Its command was ended, or its output is gone.
            Err(why) => tracing::info!(filter, %why, "the capture has ended with its client"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_capture_runs_at_a_time() {
        let captures = Captures::default();
        let turn = captures.begin().ok();
        assert!(turn.is_some());
        let failure = captures.begin().map(drop).map_err(|failure| failure.failure);
        assert_eq!(failure, Err(FailureKind::Busy));
        drop(turn);
        assert!(captures.begin().is_ok());
    }

    #[test]
    fn no_point_is_all_points() {
        assert_eq!(points(&[]), Points::ALL);
        let dropped = Points { received: false, sent: false, dropped: true };
        assert_eq!(points(&[CapturePoint::Dropped]), dropped);
    }
}
