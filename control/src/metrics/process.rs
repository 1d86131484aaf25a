//! The process of tandem-control itself, by the names that exporters have for it everywhere.

use std::fs;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::catalogue as all;
use super::page::Page;

/// Ticks of the kernel's clock in a second, as it tells them to programs: the same on every machine.
const TICKS: f64 = 100.0;
/// Bytes of a page of memory, on x86-64.
const PAGE: f64 = 4096.0;

/// Writes what the kernel knows of this process. What cannot be read is missing.
pub(super) fn write(page: &mut Page) {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    page.seconds(all::PROCESS_CPU, used.tv_sec as f64 + used.tv_nsec as f64 / 1e9);
    if let Ok(files) = fs::read_dir("/proc/self/fd") {
        // The folder itself is open while it is read.
        page.gauge(all::PROCESS_FILES, files.count().saturating_sub(1) as f64);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        page.gauge(all::PROCESS_MOST_FILES, most as f64);
    }
    let told = Told::read().unwrap_or_default();
    for (family, value) in [
        (all::PROCESS_VIRTUAL, told.virtual_bytes),
        (all::PROCESS_RESIDENT, told.resident_bytes),
        (all::PROCESS_START, told.start),
        (all::PROCESS_THREADS, told.threads),
    ] {
        page.gauges::<&str, 0>(family, value.map(|value| ([], value)));
    }
}

/// What `/proc/self/stat` says, as far as it could be read.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Told {
    virtual_bytes: Option<f64>,
    resident_bytes: Option<f64>,
    /// In seconds since 1970.
    start: Option<f64>,
    threads: Option<f64>,
}

impl Told {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let machine = fs::read_to_string("/proc/stat").unwrap_or_default();
        let booted = machine.lines().find_map(|line| line.strip_prefix("btime ")?.parse().ok());
        Some(Told::parse(&stat, booted))
    }

    /// By proc_pid_stat(5): the name of the program is in parentheses, and may have any character
    /// in it; behind it the third field follows.
    fn parse(stat: &str, booted: Option<f64>) -> Self {
        let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Told {
            virtual_bytes: field(23),
            resident_bytes: field(24).map(|pages| pages * PAGE),
            start: booted.zip(field(22)).map(|(booted, started)| booted + started / TICKS),
            threads: field(20),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_name_with_parentheses_is_no_field() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 9 0 200 8192 3 18446744073709";
        let told = Told::parse(stat, Some(1000.0));
        assert_eq!((told.threads, told.virtual_bytes), (Some(9.0), Some(8192.0)));
        assert_eq!(told.resident_bytes, Some(3.0 * PAGE));
        assert_eq!(told.start, Some(1000.0 + 200.0 / TICKS));
        assert_eq!(Told::parse("", None), Told::default());
    }

    #[test]
    fn this_process_was_started_a_short_time_ago() {
        let told = Told::read().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - told.start.unwrap();
        assert!((-2.0..3600.0).contains(&age), "{age}");
        assert!(told.resident_bytes.unwrap() > 1e5 && told.threads.unwrap() >= 1.0);
    }
}
