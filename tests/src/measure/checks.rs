//! Many servers are checked once a second while requests pass.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::{Error, Lab, Settings, VIP, wait_until};

/// The first of the ports that stand for many servers; nginx answers on all of them.
const FIRST: u16 = 20_000;

/// Probes in a thousand that may begin later than 20 milliseconds after their time.
const LATE: u64 = 1;

/// One service with so many servers, each with a check of its own.
pub(super) fn settings(servers: u16) -> Settings {
    let mut list = String::new();
    for number in 0..servers {
        let (host, port) = (11 + number % 3, FIRST + number / 3);
        let _ = writeln!(list, "    {{ address = \"10.0.0.{host}:{port}\" }},");
    }
    let section = format!(
        "[[service]]\nname = \"many\"\nlisten = \"{VIP}:8080\"\nprotocol = \"tcp\"\n\
         scheduler = \"rr\"\nserver = [\n{list}]\n\
         check = {{ kind = \"http\", path = \"/healthz\", interval = \"1s\", timeout = \"900ms\" }}\n"
    );
    // For as long as the program runs, which is as long as it is measured.
    Settings { sections: section.leak(), ..Settings::pair() }
}

/// The sum of a metric's values on a machine.
fn metric(lab: &Lab, machine: usize, name: &str) -> Result<f64, Error> {
    let namespace = lab.machines()[machine].machine.namespace;
    let page = namespace.must(&["curl", "-s", "-m", "5", "http://127.0.0.1:9405/metrics"])?.stdout;
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then(|| line.rsplit(' ').next()?.parse::<f64>().ok())?
    };
    Ok(page.lines().filter_map(value).sum())
}

/// Processor time of a process, and of that its thread for checks, in hundredths of a second
/// (proc_pid_stat(5)).
fn ticks(process: Option<u32>) -> [u64; 2] {
    let Some(process) = process else { return [0; 2] };
    let spent = |folder: &Path| {
        let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        let fields = after_name.split(' ').skip(11).take(2);
        fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>()
    };
    let process = PathBuf::from(format!("/proc/{process}"));
    let threads = fs::read_dir(process.join("task")).into_iter().flatten().flatten();
    let of_checks = threads.map(|thread| thread.path()).filter(|thread| {
        fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim_end() == HEALTH)
    });
    [spent(&process), of_checks.map(|thread| spent(&thread)).sum()]
}

/// The thread in which tandem-control checks servers.
const HEALTH: &str = "tandem-health";

pub(super) fn run(lab: &Lab, servers: u16, seconds: u32) -> Result<bool, Error> {
    for (host, _) in Lab::servers() {
        let last = FIRST + servers / 3;
        let rules = format!(
            "table ip many {{ chain before {{ type nat hook prerouting priority dstnat; \
             tcp dport {FIRST}-{last} redirect to :80; }}; }}"
        );
        host.must(&["bash", "-c", &format!("nft -f - <<< '{rules}'")])?;
    }
    let checked = |machine: usize| {
        let up = lab.machines()[machine].pool("many").ok();
        up.is_some_and(|pool| {
            pool.servers.iter().all(|one| one.operational == api::Operational::Up)
        })
    };
    wait_until("every server was checked, and is up", 60, || checked(0) && checked(1))?;
    let machines = [0, 1];
    let state = |machine: usize| -> Result<[f64; 3], Error> {
        Ok([
            metric(lab, machine, "tandem_check_begun_total")?,
            metric(lab, machine, "tandem_check_late_total")?,
            metric(lab, machine, "tandem_server_transitions_total")?,
        ])
    };
    let cpu = |machine: usize| ticks(lab.machines()[machine].control.process());
    let before = [state(0)?, state(1)?];
    let (start, ticks_before) = (Instant::now(), machines.map(cpu));
    let url = format!("http://{VIP}/");
    let load = Lab::CLIENT.run(&[
        "ab",
        "-q",
        "-l",
        "-r",
        "-s",
        "60",
        "-t",
        &seconds.to_string(),
        "-n",
        "100000000",
        "-c",
        "50",
        &url,
    ])?;
    let (time, ticks_after) = (start.elapsed().as_secs_f64(), machines.map(cpu));
    let line = |start: &str| load.stdout.lines().find(|line| line.starts_with(start)).unwrap_or("");
    println!("{}; {}", line("Requests per second"), line("Failed requests"));
    let mut good = true;
    for machine in machines {
        let after = state(machine)?;
        let [probes, late, transitions] = [0, 1, 2].map(|at| after[at] - before[machine][at]);
        let percent =
            |what: usize| (ticks_after[machine][what] - ticks_before[machine][what]) as f64 / time;
        let [all, checks] = [0, 1].map(percent);
        println!(
            "{}: {:.0} probes a second, {late} of {probes} began over 20 ms late, {transitions} \
             changes of state; checks took {checks:.1} % of a core, all of tandem-control {all:.1} %",
            lab.machines()[machine].machine.name,
            probes / time,
        );
        good &= late * 1000.0 <= probes * LATE as f64 && transitions == 0.0;
    }
    Ok(good && line("Failed requests").ends_with(" 0"))
}
