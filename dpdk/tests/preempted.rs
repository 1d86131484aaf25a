//! A thread that is stopped inside of a pool: whom it holds up.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::assert_whole;
use crossbeam::queue::ArrayQueue;
use dpdk::SocketId;
use dpdk::mbuf::Mbuf;
use dpdk::mempool::{Mempool, MempoolConfig};

/// Without caches: every buffer goes through the ring.
const CONFIG: MempoolConfig =
    MempoolConfig { mbufs: 255, cache: 0, data_room: 2176, socket: SocketId::ANY };
const STOPS: usize = 500;
/// Buffers that the other thread has.
const GIVEN: usize = 8;

static STANDS: AtomicBool = AtomicBool::new(false);
static MAY_GO_ON: AtomicBool = AtomicBool::new(false);

/// The thread that gets the signal stands wherever it is, as if another had its core.
extern "C" fn stand(_: libc::c_int) {
    STANDS.store(true, SeqCst);
    while !MAY_GO_ON.load(SeqCst) {
        core::hint::spin_loop();
    }
    STANDS.store(false, SeqCst);
}

/// One thread takes from a pool and gives back, as another one does that it gives some to. It is
/// stopped again and again, and the other one is told then to give back. How often that one then
/// waited, and how often it did not.
fn stopped_in(pool: &Mempool, patience: Duration) -> [usize; 2] {
    // SAFETY: the handler uses nothing but atomics, which are safe in a signal's context.
    unsafe {
        libc::signal(libc::SIGUSR1, stand as extern "C" fn(libc::c_int) as libc::sighandler_t)
    };
    let (end, told) = (AtomicBool::new(false), AtomicUsize::new(0));
    // 0 is no thread.
    let thread = AtomicU64::new(0);
    let given = ArrayQueue::<Mbuf>::new(GIVEN);
    let [mut waited, mut did_not] = [0; 2];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: it has no conditions.
            thread.store(unsafe { libc::pthread_self() }, SeqCst);
            while !end.load(SeqCst) {
                if let Some(mbuf) = pool.alloc() {
                    // Where there is no room it is given back here.
                    drop(given.push(mbuf));
                }
            }
        });
        scope.spawn(|| {
            while !end.load(SeqCst) {
                if told.load(SeqCst) > 0 && given.pop().is_some() {
                    told.fetch_sub(1, SeqCst);
                }
            }
        });
        while waited == 0 && did_not < STOPS {
            while thread.load(SeqCst) == 0 || !given.is_full() {
                std::thread::yield_now();
            }
            MAY_GO_ON.store(false, SeqCst);
            // SAFETY: the thread runs until it is told to end.
            unsafe { libc::pthread_kill(thread.load(SeqCst), libc::SIGUSR1) };
            while !STANDS.load(SeqCst) {
                std::thread::yield_now();
            }
            told.store(GIVEN / 2, SeqCst);
            let begin = Instant::now();
            while told.load(SeqCst) > 0 && begin.elapsed() < patience {
                std::thread::yield_now();
            }
            *if told.load(SeqCst) > 0 { &mut waited } else { &mut did_not } += 1;
            MAY_GO_ON.store(true, SeqCst);
            while STANDS.load(SeqCst) {
                std::thread::yield_now();
            }
        }
        end.store(true, SeqCst);
    });
    drop(given);
    [waited, did_not]
}

#[test]
fn nobody_waits_for_the_one_that_takes() {
    let (eal, _guard) = common::eal();
    let pool = Mempool::of_one_taker(eal, CONFIG).unwrap();
    assert_eq!(stopped_in(&pool, Duration::from_secs(60)), [0, STOPS]);
    assert_whole(&pool);
}

/// The control.
#[test]
fn in_an_ordinary_pool_the_others_wait() {
    let (eal, _guard) = common::eal();
    let pool = Mempool::new(eal, CONFIG).unwrap();
    assert_eq!(stopped_in(&pool, Duration::from_secs(2))[0], 1);
    assert_whole(&pool);
}
