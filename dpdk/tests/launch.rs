//! Workers: they run on their core, once, and a panic comes back as an error.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, mpsc};

use common::WORKER;
use dpdk::CoreId;
use dpdk::eal::LaunchError;

#[test]
fn a_worker_runs_on_its_core() {
    let (eal, _guard) = common::eal();
    let (tell, told) = mpsc::channel();
    let worker = eal.launch(WORKER, move || {
        // SAFETY: takes no arguments and returns a number.
        let core = unsafe { libc::sched_getcpu() };
        tell.send((core, std::thread::current().id())).unwrap();
    });
    let worker = worker.unwrap();
    assert_eq!(worker.core(), WORKER);
    worker.join().unwrap();
    let (core, thread) = told.recv().unwrap();
    assert_eq!(core, i32::from(WORKER.0));
    assert_ne!(thread, std::thread::current().id());
}

#[test]
fn a_panic_comes_back_and_the_core_can_be_used_again() {
    let (eal, _guard) = common::eal();
    let panics: [fn(); 3] =
        [|| panic!("burst {}", 7), || panic!("static"), || std::panic::panic_any(7_u8)];
    for (panic, message) in panics.into_iter().zip(["burst 7", "static", "without a message"]) {
        let error = eal.launch(WORKER, panic).unwrap().join().unwrap_err();
        assert_eq!(error.to_string(), format!("the worker on core {WORKER} panicked: {message}"));
    }
    eal.launch(WORKER, || ()).unwrap().join().unwrap();
}

#[test]
fn what_a_worker_holds_is_dropped_once_even_when_it_panics() {
    struct Counted(Arc<AtomicU32>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (eal, _guard) = common::eal();
    let drops = Arc::new(AtomicU32::new(0));
    for fails in [false, true] {
        let held = Counted(Arc::clone(&drops));
        let run = move || {
            let _held = held;
            assert!(!fails);
        };
        assert_eq!(eal.launch(WORKER, run).unwrap().join().is_err(), fails);
    }
    let held = Counted(Arc::clone(&drops));
    assert!(eal.launch(CoreId(99), move || drop(held)).is_err());
    assert_eq!(drops.load(Ordering::SeqCst), 3);
}

#[test]
fn a_core_that_is_no_worker() {
    let (eal, _guard) = common::eal();
    for core in [CoreId(99), CoreId(127), CoreId(u16::MAX)] {
        let error = eal.launch(core, || ()).unwrap_err();
        assert_eq!(error, LaunchError::NotAWorker(core));
        assert!(error.to_string().contains(&core.to_string()));
    }
}

#[test]
fn a_busy_core_is_refused() {
    let (eal, _guard) = common::eal();
    let (go, wait) = mpsc::channel::<()>();
    let worker = eal.launch(WORKER, move || wait.recv().unwrap()).unwrap();
    let error = eal.launch(WORKER, || unreachable!("it is busy")).unwrap_err();
    assert!(matches!(error, LaunchError::Busy { core: WORKER, .. }), "{error}");
    go.send(()).unwrap();
    worker.join().unwrap();
}

#[test]
fn of_many_threads_that_launch_each_runs_once_or_is_refused() {
    let (eal, _guard) = common::eal();
    let runs = Arc::new(AtomicU32::new(0));
    let together = Barrier::new(4);
    let launched: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    let mut launched = 0;
                    for _ in 0..200 {
                        let runs = Arc::clone(&runs);
                        let run = move || {
                            runs.fetch_add(1, Ordering::SeqCst);
                        };
                        if let Ok(worker) = eal.launch(WORKER, run) {
                            launched += 1;
                            worker.join().unwrap();
                        }
                    }
                    launched
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    eal.launch(WORKER, || ()).unwrap().join().unwrap();
    assert!(launched > 0);
    assert_eq!(runs.load(Ordering::SeqCst), launched);
}
