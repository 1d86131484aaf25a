//! DPDK starts once in a process; the second start is an error and harms nothing.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use dpdk::eal::{Eal, EalError};

#[test]
fn a_second_start_is_refused_and_the_first_goes_on() {
    let eal = Eal::start(&common::config()).unwrap();
    let again = Eal::start(&common::config());
    assert_eq!(again.unwrap_err(), EalError::AlreadyStarted);
    let from_another_thread = std::thread::spawn(|| Eal::start(&common::config()));
    assert_eq!(from_another_thread.join().unwrap().unwrap_err(), EalError::AlreadyStarted);

    let pool = common::pool(&eal, 63);
    drop(pool.alloc().unwrap());
    common::assert_whole(&pool);
}
