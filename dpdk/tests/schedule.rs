//! A real-time thread, and what it leaves to the threads that it starts.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::thread;

use dpdk::schedule::{Schedule, this_thread};

fn policy() -> i32 {
    // SAFETY: takes a number and returns one.
    unsafe { libc::sched_getscheduler(0) & !libc::SCHED_RESET_ON_FORK }
}

#[test]
fn a_thread_hurries_and_its_children_do_not() {
    let hurried = thread::spawn(|| {
        this_thread(Schedule::RealTime(1)).expect("this test is for root");
        let child = thread::spawn(policy).join().unwrap();
        let hurried = policy();
        this_thread(Schedule::Ordinary).unwrap();
        (hurried, child, policy())
    });
    let (hurried, child, after) = hurried.join().unwrap();
    assert_eq!(hurried, libc::SCHED_FIFO);
    assert_eq!([child, after], [libc::SCHED_OTHER; 2]);
    assert!(this_thread(Schedule::RealTime(200)).is_err());
}
