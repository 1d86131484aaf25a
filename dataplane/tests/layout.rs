//! What one thread writes on a packet's way is on no cache line that another one writes.
//!
//! A worker itself is on the stack of its own thread, and its table, wheel and fragments are
//! memory that this thread took. What is left is what threads share, which is looked at here;
//! the ends of rings are in `dpdk/src/ring.rs` and `dataplane/nat/src/sync/ring.rs`.

use std::sync::Arc;

use crossbeam::utils::CachePadded;
use dataplane::counters::WorkerBlock;
use dataplane::mailbox::Mailbox;
use dataplane::role::SharedDeadlines;
use dataplane::sharing::Sharing;
use dataplane::worker::Peer;

/// A cache line; processors fetch two of them together.
const LINE: usize = 64;

/// A value of this type fills whole lines, wherever it is put.
#[track_caller]
fn assert_fills<T>(lines: usize) {
    let bytes = lines * LINE;
    assert_eq!(align_of::<T>() % bytes, 0, "{}", core::any::type_name::<T>());
    assert_eq!(size_of::<T>() % bytes, 0, "{}", core::any::type_name::<T>());
}

#[test]
fn counters_of_two_workers() {
    assert_fills::<WorkerBlock>(2);
    // Those of real servers are in a block of their own (`dataplane/src/counters.rs`).
}

#[test]
fn the_counters_behind_an_arc_are_not_beside_its_count_of_owners() {
    // An owner that comes or goes writes it.
    let counters = Arc::new(WorkerBlock::default());
    let data = Arc::as_ptr(&counters) as usize;
    // The count is before the data, and the data begins a line.
    assert_eq!(data % LINE, 0);
}

#[test]
fn packets_that_wait_for_another_worker() {
    assert_fills::<Option<CachePadded<Peer>>>(2);
}

#[test]
fn what_workers_only_read() {
    // Written when the lease is renewed.
    assert_fills::<SharedDeadlines>(2);
    // Written never.
    assert_fills::<Sharing>(1);
    // Written with an order; looked at in each poll.
    assert_fills::<Mailbox>(2);
}
