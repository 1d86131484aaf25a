//! Many servers are checked once a second while requests pass.

use std::fmt::Write;
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

/// Processor time of a process, in hundredths of a second (proc_pid_stat(5)).
fn ticks(process: Option<u32>) -> u64 {
    let stat = process.and_then(|id| std::fs::read_to_string(format!("/proc/{id}/stat")).ok());
    let stat = stat.unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    after_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

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
        let busy = (ticks_after[machine] - ticks_before[machine]) as f64 / time;
        println!(
            "{}: {:.0} probes a second, {late} of {probes} began over 20 ms late, {transitions} \
             changes of state, tandem-control took {busy:.1} % of a core",
            lab.machines()[machine].machine.name,
            probes / time,
        );
        good &= late * 1000.0 <= probes * LATE as f64 && transitions == 0.0;
    }
    Ok(good && line("Failed requests").ends_with(" 0"))
}
