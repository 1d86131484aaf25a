//! What the possibility of a capture costs a worker while none runs.

use core::hint::black_box;
use std::net::Ipv4Addr;

use capture::{Ending, Frame, Mark, Session};
use nat::{Connections, Instant, Side};

use crate::connections;
use crate::{BURST, frames};

/// A capture, or none, beside a worker's packets, with the marks that a worker's buffers have.
pub type Capture = Option<Box<(Session, [Option<Mark>; BURST])>>;

/// As [`connections::forward`], with a look at a capture where the worker has one: as each burst
/// arrives, as it leaves, and at the end of the poll.
pub fn forward(
    capture: &mut Capture,
    connections: &mut Connections<Ipv4Addr>,
    packets: &mut [frames::Frame],
    now: Instant,
) -> usize {
    let mut forwarded = 0;
    for burst in packets.chunks_mut(BURST) {
        if let Some(capture) = black_box(&mut *capture) {
            let (session, marks) = &mut **capture;
            arrive(session, burst, marks);
        }
        forwarded += connections::forward(connections, burst, now, &None);
        if let Some(capture) = black_box(&mut *capture) {
            let (session, marks) = &mut **capture;
            leave(session, burst, marks);
        }
        if let Some(capture) = black_box(&mut *capture) {
            capture.0.settle(connections);
        }
    }
    forwarded
}

#[cold]
#[inline(never)]
fn arrive(session: &mut Session, burst: &[frames::Frame], marks: &mut [Option<Mark>; BURST]) {
    for (frame, mark) in burst.iter().zip(marks) {
        let arrived = session.arrives(Side::Public, 1, whole(frame));
        *mark = Some(arrived.mark);
        if arrived.is_selected {
            session.ended(Ending::Passed);
        }
    }
}

#[cold]
#[inline(never)]
fn leave(session: &mut Session, burst: &[frames::Frame], marks: &[Option<Mark>; BURST]) {
    session.begins_to_send();
    for (place, (frame, mark)) in burst.iter().zip(marks).enumerate() {
        session.leaves(Side::Private, 2, whole(frame), *mark, place);
    }
    session.sent(Side::Private, burst.len());
}

fn whole(frame: &frames::Frame) -> Frame<'_> {
    Frame { bytes: frame, length: frame.len() }
}
