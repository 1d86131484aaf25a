//! One capture on one worker, and the end where its copies come out.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crossbeam::queue::ArrayQueue;
use nat::table::Key;
use nat::{Connections, Side};

use crate::counts::Counts;
use crate::flow;
use crate::mark::Mark;
use crate::packet_copy::{Course, Ending, PacketCopy};
use crate::selection::Selection;

/// Copies of one poll at the most: its bursts from both sides and from some other workers, as they
/// arrive and as they leave.
const PENDING: usize = 512;

/// Steps that the filter may take in one poll: some 20 microseconds. A usual filter takes ten to
/// thirty for a packet.
const STEPS: u32 = 16_384;

/// What a session is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which packets are copied.
    pub selection: Arc<Selection>,
    /// Bytes of a packet that are copied at the most.
    pub snap_length: usize,
    /// Copies that exist at a time; twice as many as a poll can make at the least.
    pub buffers: usize,
    /// A number that the captures before it did not have.
    pub capture: u32,
    /// Which worker it is, from zero.
    pub worker: u16,
    /// How many there are.
    pub workers: u16,
}

/// Makes a session and the end where its copies come out. All memory is taken here.
pub fn session(settings: &Settings) -> (Session, Intake) {
    let Settings { selection, snap_length, buffers, capture, worker, workers } = settings;
    let buffers = (*buffers).max(2 * PENDING);
    let queue = || Arc::new(ArrayQueue::new(buffers));
    let (free, full, counts) = (queue(), queue(), Arc::<Counts>::default());
    for _ in 0..buffers {
        // It has room for as many.
        drop(free.push(Box::new(PacketCopy::with_room(*snap_length))));
    }
    let intake =
        Intake { free: Arc::clone(&free), full: Arc::clone(&full), counts: Arc::clone(&counts) };
    let session = Session {
        selection: Arc::clone(selection),
        // Its lowest bit is lost, and zero means none.
        capture: (*capture & (u32::MAX >> 1)).max(1),
        next: u32::from(*worker),
        stride: u32::from(*workers).max(1),
        free,
        full,
        counts,
        pending: Vec::with_capacity(PENDING),
        spare: Vec::with_capacity(PENDING),
        last: Last::None,
        burst: 0,
        steps: STEPS,
    };
    (session, intake)
}

/// The end where copies come out.
#[derive(Debug)]
pub struct Intake {
    free: Arc<ArrayQueue<Box<PacketCopy>>>,
    full: Arc<ArrayQueue<Box<PacketCopy>>>,
    counts: Arc<Counts>,
}

impl Intake {
    /// The oldest copy that has not been taken.
    pub fn next(&self) -> Option<Box<PacketCopy>> {
        self.full.pop()
    }

    /// Gives a buffer back to the worker.
    pub fn give_back(&self, copy: Box<PacketCopy>) {
        // It came from there, so there is room.
        drop(self.free.push(copy));
    }

    /// What the worker has seen.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// A frame, of which `bytes` is the beginning.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What is in its first buffer, in nearly all cases everything.
    pub bytes: &'a [u8],
    /// Its length.
    pub length: usize,
}

/// What a session says of a packet that arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrived {
    /// What the packet is to carry.
    pub mark: Mark,
    /// True if the filter accepts it: the worker brings it to its end alone and then says how
    /// it ended ([`Session::ended`]).
    pub is_selected: bool,
}

/// The copy of the packet that arrived last, if it was selected.
#[derive(Clone, Copy, Debug)]
enum Last {
    None,
    /// There was no buffer for it.
    Lost(Side),
    /// It is this one of those that wait.
    Pending(usize),
}

/// One capture on one worker.
#[derive(Debug)]
#[allow(clippy::vec_box, reason = "the boxes go on through rings, and their content stays put")]
pub struct Session {
    selection: Arc<Selection>,
    capture: u32,
    /// The number of the next packet that arrives.
    next: u32,
    stride: u32,
    free: Arc<ArrayQueue<Box<PacketCopy>>>,
    full: Arc<ArrayQueue<Box<PacketCopy>>>,
    counts: Arc<Counts>,
    /// The copies of this poll, in order.
    pending: Vec<Box<PacketCopy>>,
    /// Buffers that were taken and not used.
    spare: Vec<Box<PacketCopy>>,
    last: Last,
    /// How many copies there were before the burst that is about to leave.
    burst: usize,
    /// Steps that the filter may still take in this poll.
    steps: u32,
}

impl Session {
    /// A packet arrives on a side.
    pub fn arrives(&mut self, side: Side, at: u64, frame: Frame<'_>) -> Arrived {
        let number = self.next;
        self.next = self.next.wrapping_add(self.stride);
        self.last = Last::None;
        self.counts.see(side);
        let is_selected = self.accepts(side, frame);
        let mark = Mark { capture: self.capture, is_selected, number };
        if self.selection.looks_at_arrivals(side) {
            let place = self.pending.len();
            let is_there = self.copy(number, side, Course::Received, at, frame, is_selected);
            self.last = match (is_selected, is_there) {
                (false, _) => Last::None,
                (true, false) => Last::Lost(side),
                (true, true) => Last::Pending(place),
            };
        }
        Arrived { mark, is_selected }
    }

    /// How the packet ended that arrived last.
    pub fn ended(&mut self, ending: Ending) {
        match self.last {
            Last::None => {}
            Last::Lost(side) => {
                if self.selection.wants(side, Course::Received, ending) {
                    self.counts.lose(side);
                }
            }
            Last::Pending(place) => {
                if let Some(copy) = self.pending.get_mut(place) {
                    copy.ending = ending;
                }
            }
        }
        self.last = Last::None;
    }

    /// A burst is about to leave.
    pub fn begins_to_send(&mut self) {
        self.burst = self.pending.len();
    }

    /// A packet of it, at this place, is about to leave on a side.
    pub fn leaves(
        &mut self,
        side: Side,
        at: u64,
        frame: Frame<'_>,
        mark: Option<Mark>,
        place: usize,
    ) {
        let mark = mark.filter(|mark| mark.capture == self.capture);
        let was_selected = mark.is_some_and(|mark| mark.is_selected);
        if !was_selected {
            if !self.accepts(side, frame) {
                return;
            }
            self.keep(mark);
        }
        if !self.selection.wants(side, Course::Sent, Ending::Passed) {
            return;
        }
        let number = mark.map_or_else(|| self.own_number(), |mark| mark.number);
        if !self.copy(number, side, Course::Sent, at, frame, true) {
            return self.counts.lose(side);
        }
        if let Some(copy) = self.pending.last_mut() {
            copy.place = place;
        }
    }

    /// Of the burst that was about to leave on a side so many packets were sent. The others will be
    /// about to leave again.
    pub fn sent(&mut self, side: Side, count: usize) {
        (0..count).for_each(|_| self.counts.see(side));
        while self.pending.len() > self.burst {
            if self.pending.last().is_none_or(|copy| copy.place < count) {
                break;
            }
            self.spare.extend(self.pending.pop());
        }
    }

    /// The end of a poll: what is wanted goes to whoever writes it down.
    pub fn settle(&mut self, connections: &Connections<Ipv4Addr>) {
        let table = connections.table();
        for mut copy in self.pending.drain(..) {
            let PacketCopy { side, course, ending, is_kept, .. } = *copy;
            if !is_kept || !self.selection.wants(side, course, ending) {
                self.spare.push(copy);
                continue;
            }
            let tuple = flow::tuple(copy.bytes()).map(|tuple| match course {
                Course::Received => tuple,
                Course::Sent => tuple.reversed(),
            });
            let hit = tuple.and_then(|tuple| table.look_up(&Key::new(tuple, side)));
            copy.connection = hit.and_then(|hit| Some((hit.id, *table.get(hit.id)?)));
            self.counts.select(side);
            if let Err(copy) = self.full.push(copy) {
                // There are as many places as buffers.
                self.spare.push(copy);
            }
        }
        self.last = Last::None;
        self.steps = STEPS;
    }

    /// True if the filter accepts a frame. Where a long filter would hold the worker up, it is not
    /// asked, and the frame is counted as lost.
    fn accepts(&mut self, side: Side, frame: Frame<'_>) -> bool {
        let Some(filter) = &self.selection.filter else { return true };
        if self.steps < filter.steps_at_most() {
            self.counts.lose(side);
            return false;
        }
        let run = filter.run(frame.bytes, frame.length);
        self.steps = self.steps.saturating_sub(run.steps);
        run.accepts
    }

    /// A number for a packet of the router's own.
    fn own_number(&mut self) -> u32 {
        let number = self.next;
        self.next = self.next.wrapping_add(self.stride);
        number
    }

    /// What leaves is wanted: what it was when it arrived is wanted as well.
    fn keep(&mut self, mark: Option<Mark>) {
        let Some(mark) = mark else { return };
        let mut arrived = self.pending.iter_mut().rev();
        let is_it = |copy: &&mut Box<PacketCopy>| {
            copy.course == Course::Received && copy.number == mark.number
        };
        if let Some(copy) = arrived.find(is_it) {
            copy.is_kept = true;
        }
    }

    /// Copies a frame; false if there is no buffer.
    fn copy(
        &mut self,
        number: u32,
        side: Side,
        course: Course,
        at: u64,
        frame: Frame<'_>,
        is_kept: bool,
    ) -> bool {
        if self.pending.len() == PENDING {
            return false;
        }
        let Some(mut copy) = self.spare.pop().or_else(|| self.free.pop()) else { return false };
        (copy.number, copy.side, copy.course, copy.at) = (number, side, course, at);
        (copy.ending, copy.connection, copy.is_kept) = (Ending::Passed, None, is_kept);
        (copy.length, copy.place) = (frame.length as u32, 0);
        copy.fill(frame.bytes);
        self.pending.push(copy);
        true
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
