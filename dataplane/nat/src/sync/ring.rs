//! A bounded ring of four-word entries from one thread to one other.
//!
//! The writer owns the head and the reader the tail; each looks at the other's count only
//! when its own copy says that the ring is full (or empty), so that the two threads share
//! a cache line once in many entries. An entry is stored before the head that covers it
//! is released, and read after that head was acquired; the words are atomic, so that this
//! needs no unsafe code, and cost what plain loads and stores cost.
//!
//! A writer that finds no room says so in a flag, and writes nothing more: what follows a
//! gap would mislead the reader.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::Arc;

/// One entry: what is in it is its reader's and writer's affair.
pub type Words = [u64; 4];

/// Two cache lines: processors fetch them in pairs.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Padded<T>(T);

#[derive(Debug)]
struct Shared {
    slots: Box<[[AtomicU64; 4]]>,
    head: Padded<AtomicU64>,
    tail: Padded<AtomicU64>,
    overflow: Padded<AtomicBool>,
    /// The number of the last mark that the reader wants to find in the ring.
    wanted: Padded<AtomicU64>,
}

impl Shared {
    /// The place of an entry; the number of slots is a power of two.
    #[inline(always)]
    fn slot(&self, at: u64) -> Option<&[AtomicU64; 4]> {
        self.slots.get(at as usize & (self.slots.len() - 1))
    }

    fn capacity(&self) -> u64 {
        self.slots.len() as u64
    }
}

/// The writing end.
#[derive(Debug)]
pub struct Producer {
    shared: Arc<Shared>,
    head: u64,
    /// The head at which to look at the tail again.
    limit: u64,
    overflowed: bool,
}

/// The reading end.
#[derive(Debug)]
pub struct Consumer {
    shared: Arc<Shared>,
    tail: u64,
    /// The head when it was last looked at.
    head: u64,
}

/// A ring with room for at least so many entries.
pub fn ring(entries: usize) -> (Producer, Consumer) {
    let entries = entries.clamp(2, 1 << 24).next_power_of_two();
    let slots = (0..entries).map(|_| [const { AtomicU64::new(0) }; 4]).collect();
    let shared = Arc::new(Shared {
        slots,
        head: Padded::default(),
        tail: Padded::default(),
        overflow: Padded::default(),
        wanted: Padded::default(),
    });
    let limit = shared.capacity();
    let producer = Producer { shared: Arc::clone(&shared), head: 0, limit, overflowed: false };
    (producer, Consumer { shared, tail: 0, head: 0 })
}

impl Producer {
    /// Writes an entry. False when there is no room, or once was none: the ring has
    /// overflowed then, and takes nothing more.
    #[inline]
    pub fn push(&mut self, words: Words) -> bool {
        if self.head >= self.limit && !self.has_room_again() {
            return false;
        }
        let Some(slot) = self.shared.slot(self.head) else { return false };
        for (place, word) in slot.iter().zip(words) {
            place.store(word, Relaxed);
        }
        self.head += 1;
        self.shared.head.0.store(self.head, Release);
        true
    }

    #[cold]
    #[inline(never)]
    fn has_room_again(&mut self) -> bool {
        if !self.overflowed && self.room() > 0 {
            return true;
        }
        // The limit is never raised again.
        self.overflowed = true;
        self.shared.overflow.0.store(true, Release);
        false
    }

    /// True when an entry fits. Looks at the reader's count only when it must.
    #[inline]
    pub fn has_room(&mut self) -> bool {
        self.head < self.limit || self.room() > 0
    }

    /// How many entries fit now. Looks at the reader's count.
    pub fn room(&mut self) -> usize {
        if self.overflowed {
            return 0;
        }
        self.limit = self.shared.tail.0.load(Acquire) + self.shared.capacity();
        (self.limit - self.head) as usize
    }

    /// True while at least half of the ring is free.
    #[inline]
    pub fn is_half_free(&mut self) -> bool {
        let half = self.shared.capacity() / 2;
        self.head + half <= self.limit || self.room() as u64 >= half
    }

    /// Entries written so far.
    pub fn written(&self) -> u64 {
        self.head
    }

    /// Entries that the reader has done with.
    pub fn done(&self) -> u64 {
        self.shared.tail.0.load(Acquire)
    }

    /// The last mark that the reader has asked for.
    #[inline(always)]
    pub fn wanted(&self) -> u64 {
        self.shared.wanted.0.load(Acquire)
    }
}

impl Consumer {
    /// Entries that can be read now.
    pub fn ready(&mut self) -> usize {
        if self.head == self.tail {
            self.head = self.shared.head.0.load(Acquire);
        }
        (self.head - self.tail) as usize
    }

    /// The entry that comes so many after the next; `None` if it is not there yet.
    #[inline]
    pub fn peek(&mut self, ahead: usize) -> Option<Words> {
        if self.head - self.tail <= ahead as u64 {
            self.head = self.shared.head.0.load(Acquire);
            if self.head - self.tail <= ahead as u64 {
                return None;
            }
        }
        let slot = self.shared.slot(self.tail + ahead as u64)?;
        Some([0, 1, 2, 3].map(|at: usize| slot[at].load(Relaxed)))
    }

    /// Gives the places of so many entries back to the writer, which learns by it that
    /// they are done with.
    #[inline]
    pub fn advance(&mut self, entries: usize) {
        self.tail = self.tail.saturating_add(entries as u64).min(self.head);
        self.shared.tail.0.store(self.tail, Release);
    }

    /// Takes the next entry.
    pub fn pop(&mut self) -> Option<Words> {
        let words = self.peek(0)?;
        self.advance(1);
        Some(words)
    }

    /// True once something was not written for want of room.
    pub fn has_overflowed(&self) -> bool {
        self.shared.overflow.0.load(Acquire)
    }

    /// Asks the writer to put this mark behind what it has written by the time that it
    /// sees the wish.
    pub fn want(&self, mark: u64) {
        self.shared.wanted.0.store(mark, Release);
    }
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::*;

    #[test]
    fn writer_and_reader_write_cache_lines_of_their_own() {
        const LINES: usize = 128;
        let written = [
            offset_of!(Shared, head),
            offset_of!(Shared, tail),
            offset_of!(Shared, overflow),
            offset_of!(Shared, wanted),
        ];
        assert_eq!((align_of::<Shared>() % LINES, size_of::<Shared>() % LINES), (0, 0));
        assert!(written.iter().all(|at| at % LINES == 0));
        assert!(!written.contains(&offset_of!(Shared, slots)), "read by both");
    }

    #[test]
    fn entries_come_out_in_order_and_whole() {
        let (mut producer, mut consumer) = ring(4);
        for round in 0..10u64 {
            for number in 0..4 {
                assert!(producer.push([round, number, round ^ number, 7]));
            }
            assert_eq!(producer.room(), 0);
            for number in 0..4 {
                assert_eq!(consumer.pop(), Some([round, number, round ^ number, 7]));
            }
            assert_eq!(consumer.pop(), None);
        }
        assert!(!consumer.has_overflowed());
    }

    #[test]
    fn after_an_overflow_nothing_more_is_written() {
        let (mut producer, mut consumer) = ring(2);
        assert!(producer.push([1; 4]) && producer.push([2; 4]));
        assert!(!producer.push([3; 4]));
        assert!(consumer.has_overflowed());
        assert_eq!(consumer.pop(), Some([1; 4]));
        assert!(!producer.push([4; 4]), "the reader would not see the gap");
        assert_eq!(consumer.pop(), Some([2; 4]));
        assert_eq!(consumer.pop(), None);
    }

    #[test]
    fn the_writer_learns_what_the_reader_has_done() {
        let (mut producer, mut consumer) = ring(8);
        assert!((0..5).all(|n| producer.push([n; 4])));
        assert!(producer.is_half_free() == (producer.room() >= 4));
        assert_eq!(consumer.peek(4), Some([4; 4]));
        assert_eq!(consumer.peek(5), None);
        assert_eq!(producer.done(), 0);
        consumer.advance(3);
        assert_eq!((producer.done(), producer.written(), consumer.ready()), (3, 5, 2));
        consumer.want(9);
        assert_eq!(producer.wanted(), 9);
    }

    /// Two threads, a ring that is nearly always full or empty: no entry is lost, torn,
    /// doubled or out of order.
    #[test]
    fn two_threads_agree_on_every_entry() {
        const COUNT: u64 = 400_000;
        let (mut producer, mut consumer) = ring(64);
        let writer = std::thread::spawn(move || {
            for number in 0..COUNT {
                while producer.room() == 0 {
                    std::thread::yield_now();
                }
                let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                assert!(producer.push([number, mixed, !number, mixed.rotate_left(9)]));
            }
        });
        let mut next = 0u64;
        while next < COUNT {
            let Some(words) = consumer.pop() else {
                std::thread::yield_now();
                continue;
            };
            let mixed = next.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            assert_eq!(words, [next, mixed, !next, mixed.rotate_left(9)]);
            next += 1;
        }
        writer.join().unwrap();
        assert!(!consumer.has_overflowed());
    }
}
