//! What a machine of the lab did to its programs, seen by a program of its own.
//!
//! A thread on each core sleeps for a millisecond again and again. Where it sleeps much longer, the core
//! stood still or was another's (a hypervisor's, another machine's), and whatever an appliance lost
//! then it did not lose by itself. Nothing of the appliance is asked; but a program that never leaves a
//! core would excuse itself, so a run has few excuses.

use core::time::Duration;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::thread::{CpuSet, Pid, sched_setaffinity};

use crate::Error;

const SLEEP: Duration = Duration::from_millis(1);
/// Excuses that the scenarios of one run may have together.
const EXCUSES: usize = 6;

/// Threads that watch every core, until they are asked.
#[derive(Debug)]
pub struct Witness {
    ends: Arc<AtomicBool>,
    /// The longest sleep on any core, in microseconds.
    longest: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Witness {
    /// Watches from now on.
    ///
    /// # Errors
    ///
    /// [`Error::File`], where the cores are not known.
    pub fn of_all_cores() -> Result<Self, Error> {
        let cores =
            std::thread::available_parallelism().map_err(Error::file("/sys/devices/system/cpu"))?;
        let (ends, longest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let threads = (0..cores.get()).map(|core| {
            let (ends, longest) = (Arc::clone(&ends), Arc::clone(&longest));
            std::thread::spawn(move || watch(core, &ends, &longest))
        });
        let threads = threads.collect();
        Ok(Witness { ends, longest, threads })
    }

    /// The longest time that a core had none for the thread on it, in microseconds.
    pub fn longest_pause(self) -> u64 {
        self.ends.store(true, Relaxed);
        for thread in self.threads {
            // One that panicked has seen what it has seen.
            let _ = thread.join();
        }
        self.longest.load(Relaxed)
    }
}

fn watch(core: usize, ends: &AtomicBool, longest: &AtomicU64) {
    let mut set = CpuSet::new();
    set.set(core);
    // On a core that may not be had, any other one is watched.
    let _ = sched_setaffinity(Pid::from_raw(0), &set);
    let mut before = Instant::now();
    while !ends.load(Relaxed) {
        std::thread::sleep(SLEEP);
        let now = Instant::now();
        let micros = u64::try_from(now.duration_since(before).as_micros()).unwrap_or(u64::MAX);
        longest.fetch_max(micros, Relaxed);
        before = now;
    }
}

/// Takes note of an excuse: what a scenario saw was not the appliance's doing, and it is tried again.
///
/// # Errors
///
/// [`Error::Command`], when the scenarios of this run have had too many of them: on a machine that
/// stands still so often, nothing is shown.
pub fn excuse(why: &str) -> Result<(), Error> {
    let run = std::env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| std::process::id().to_string());
    let path = std::env::temp_dir().join(format!("tandem-lab-excuses-{run}"));
    let failed = || Error::file(path.display().to_string());
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed())?;
    writeln!(file, "{why}").map_err(failed())?;
    let all = std::fs::read_to_string(&path).map_err(failed())?;
    if all.lines().count() > EXCUSES {
        return Err(Error::Command {
            command: "the scenarios of this run".to_owned(),
            words: format!("the machine stood still too often for what they say to count:\n{all}"),
        });
    }
    Ok(())
}
