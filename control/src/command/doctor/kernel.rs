//! Settings of the kernel: real-time threads, forwarding beside the dataplane, reverse paths.

use host::kernel::setting;

use super::finding::Finding;
use super::machine::Machine;

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let mut findings = vec![real_time(machine)];
    if let Some(config) = machine.config {
        let names = [&config.public, &config.private].map(|side| side.kernel_interface.as_str());
        findings.push(forwarding(machine, names));
        if config.peer.is_some() {
            findings.push(reverse_path(machine, names));
        }
    }
    findings.extend(core_dumps(machine));
    findings
}

/// The share of each second that real-time threads may have: heartbeats and the lease are such.
fn real_time(machine: &Machine<'_>) -> Finding {
    const CHECK: &str = "real-time threads";
    const NAME: &str = "kernel.sched_rt_runtime_us";
    let text = match setting(machine.host, NAME) {
        Ok(text) => text,
        Err(reason) => return Finding::unknown(CHECK, reason),
    };
    let why = "Heartbeats and the role's lease are threads with real-time priority; throttled, \
               they are late, and the peer takes the role over.";
    let remedy = format!("sysctl -w {NAME}=950000");
    match text.parse::<i64>() {
        Ok(-1) => Finding::ok(CHECK, "never throttled"),
        Ok(0) => Finding::wrong(CHECK, format!("{NAME} is 0: they cannot run"), why, remedy),
        Ok(time) if time < 500_000 => {
            Finding::note(CHECK, format!("{NAME} is only {time} of a second"), why, remedy)
        }
        Ok(time) => Finding::ok(CHECK, format!("may run for {} ms of each second", time / 1000)),
        Err(_) => Finding::unknown(CHECK, format!("{NAME} is {text:?}")),
    }
}

fn forwarding(machine: &Machine<'_>, names: [&str; 2]) -> Finding {
    const CHECK: &str = "kernel forwarding";
    let all = match setting(machine.host, "net.ipv4.ip_forward") {
        Ok(all) => all,
        Err(reason) => return Finding::unknown(CHECK, reason),
    };
    if all == "0" {
        return Finding::ok(CHECK, "off: only the dataplane forwards");
    }
    // An interface that is still to come begins with the default.
    let of = |name: &str| {
        let own = setting(machine.host, &format!("net.ipv4.conf.{name}.forwarding"));
        own.or_else(|_| setting(machine.host, "net.ipv4.conf.default.forwarding"))
    };
    if names.iter().all(|name| of(name).as_deref() == Ok("0")) {
        return Finding::ok(CHECK, format!("off on {} and {}", names[0], names[1]));
    }
    let [public, private] = names;
    Finding::wrong(
        CHECK,
        format!(
            "the kernel forwards between {public} and {private} (net.ipv4.ip_forward is {all})"
        ),
        "What is addressed to this machine's Ethernet addresses can pass between the two sides \
         beside the dataplane: untranslated, and past its rules.",
        format!(
            "sysctl -w net.ipv4.ip_forward=0\n\
             echo net.ipv4.ip_forward=0 > /etc/sysctl.d/60-tandem.conf\n\
             # Where the kernel has to forward for others (containers): set \
             net.ipv4.conf.{public}.forwarding and net.ipv4.conf.{private}.forwarding to 0."
        ),
    )
}

/// The stricter of the setting for all interfaces and that of one counts.
fn reverse_path(machine: &Machine<'_>, names: [&str; 2]) -> Finding {
    const CHECK: &str = "rp_filter";
    let of = |name: &str| {
        setting(machine.host, &format!("net.ipv4.conf.{name}.rp_filter"))
            .ok()
            .and_then(|text| text.parse::<u8>().ok())
    };
    let Some(all) = of("all") else {
        return Finding::unknown(CHECK, "net.ipv4.conf.all.rp_filter cannot be read");
    };
    let values = names.map(|name| all.max(of(name).or(of("default")).unwrap_or(0)));
    if !values.contains(&1) {
        return Finding::ok(CHECK, "not strict");
    }
    Finding::note(
        CHECK,
        format!("strict on {}", if values[0] == 1 { names[0] } else { names[1] }),
        "A heartbeat whose sender the kernel would answer through another interface is dropped \
         without a word; with a management network beside the two sides that happens easily.",
        "sysctl -w net.ipv4.conf.all.rp_filter=2\n\
         echo net.ipv4.conf.all.rp_filter=2 >> /etc/sysctl.d/60-tandem.conf",
    )
}

/// A core dump of the dataplane has the size of its memory.
fn core_dumps(machine: &Machine<'_>) -> Option<Finding> {
    const CHECK: &str = "core dumps";
    let pattern = setting(machine.host, "kernel.core_pattern").ok()?;
    if pattern.starts_with('|') {
        let program = pattern.trim_start_matches('|').split_whitespace().next().unwrap_or("");
        return Some(Finding::ok(CHECK, format!("go to {program}")));
    }
    if !pattern.starts_with('/') {
        return Some(Finding::note(
            CHECK,
            format!("would go to \"{pattern}\" in the process's working directory"),
            "The dataplane cannot write there under its unit, so nobody finds out why a process \
             that hung was killed.",
            "apt install systemd-coredump",
        ));
    }
    Some(Finding::ok(CHECK, format!("go to {pattern}")))
}

#[cfg(test)]
mod tests {
    use config::Config;

    use super::super::finding::State;
    use super::super::testing::{all_ok, config, look, no_tool, only, states, tree};
    use host::testing::Tree;

    const RT: &str = "/proc/sys/kernel/sched_rt_runtime_us";
    const FORWARD: &str = "/proc/sys/net/ipv4/ip_forward";

    fn right() -> Tree {
        let tree = tree();
        tree.file(RT, "950000\n").file(FORWARD, "0\n");
        tree.file("/proc/sys/kernel/core_pattern", "|/lib/systemd/systemd-coredump %P\n");
        tree
    }

    fn with_peer() -> Config {
        let text = format!(
            "{}\n[peer]\npaths = [{{ local = \"10.0.0.2\", remote = \"10.0.0.3\" }}]\n\
             key_file = \"/etc/tandem/peer.key\"\n",
            super::super::testing::CONFIGURATION
        );
        Config::from_str("tandem.toml", &text).unwrap()
    }

    #[test]
    fn debians_defaults_are_ok() {
        assert!(all_ok(&look(&right(), &config(), &no_tool, super::look)));
        let found = look(&tree(), &config(), &no_tool, super::look);
        assert_eq!(states(&found), [State::Unknown; 2]);
    }

    #[test]
    fn throttled_threads() {
        let tree = right();
        let state = |text: &str| {
            tree.file(RT, text);
            look(&tree, &config(), &no_tool, super::look)[0].state
        };
        assert_eq!(state("0"), State::Wrong);
        assert_eq!(state("10000"), State::Note);
        assert_eq!(state("-1"), State::Ok);
        assert_eq!(state("much"), State::Unknown);
    }

    #[test]
    fn a_kernel_that_forwards_is_wrong_unless_not_between_the_sides() {
        let tree = right();
        tree.file(FORWARD, "1\n");
        assert_eq!(only(&look(&tree, &config(), &no_tool, super::look)).state, State::Wrong);
        tree.file("/proc/sys/net/ipv4/conf/default/forwarding", "1\n");
        for name in ["tandem-pub", "tandem-priv"] {
            tree.file(&format!("/proc/sys/net/ipv4/conf/{name}/forwarding"), "0\n");
        }
        assert!(all_ok(&look(&tree, &config(), &no_tool, super::look)));
    }

    #[test]
    fn strict_reverse_paths_matter_to_a_pair() {
        let tree = right();
        tree.file("/proc/sys/net/ipv4/conf/all/rp_filter", "1\n");
        assert!(all_ok(&look(&tree, &config(), &no_tool, super::look)));
        let found = look(&tree, &with_peer(), &no_tool, super::look);
        assert_eq!(only(&found).found, "strict on tandem-pub");
        tree.file("/proc/sys/net/ipv4/conf/all/rp_filter", "2\n");
        tree.file("/proc/sys/net/ipv4/conf/default/rp_filter", "1\n");
        assert!(all_ok(&look(&tree, &with_peer(), &no_tool, super::look)), "loose is the greater");
    }

    #[test]
    fn core_dumps_that_go_nowhere_are_noted() {
        let tree = right();
        tree.file("/proc/sys/kernel/core_pattern", "core\n");
        assert_eq!(only(&look(&tree, &config(), &no_tool, super::look)).check, "core dumps");
    }
}
