//! The CPU: what it can do, how fast it runs, and what the kernel tells the time from.

use std::collections::BTreeSet;

use config::CoreId;
use host::core_list;
use host::cpu;

use super::finding::Finding;
use super::machine::Machine;

/// x86-64-v3 and AES in the kernel's words. (`abm` is LZCNT, `pni` is SSE3.)
const NEEDED: [&str; 18] = [
    "aes", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave", "cx16",
    "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3", "sse2",
];
const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0";

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let flags = cpu::flags(machine.host);
    let mut findings = vec![match &flags {
        Ok(flags) => instructions(flags),
        Err(reason) => Finding::unknown("CPU", reason),
    }];
    findings.push(clock(machine, flags.as_ref().ok()));
    findings.extend(governor(machine));
    findings
}

fn instructions(flags: &BTreeSet<String>) -> Finding {
    let lacking: Vec<_> = NEEDED.into_iter().filter(|flag| !flags.contains(*flag)).collect();
    if lacking.is_empty() {
        return Finding::ok("CPU", "x86-64-v3 and AES");
    }
    let remedy = if flags.contains("hypervisor") {
        "# Give the virtual machine its host's CPU (QEMU: -cpu host), or a model from Haswell on."
    } else {
        "# Use another machine: every server CPU since 2013 has them."
    };
    Finding::wrong(
        "CPU",
        format!("it lacks {}", lacking.join(", ")),
        "The processes are built for x86-64-v3 with AES, and do not start on this CPU.",
        remedy,
    )
}

fn clock(machine: &Machine<'_>, flags: Option<&BTreeSet<String>>) -> Finding {
    const CHECK: &str = "clock source";
    let source = match machine.host.read(&format!("{CLOCK}/current_clocksource")) {
        Ok(source) => source,
        Err(reason) => return Finding::unknown(CHECK, reason),
    };
    let steady = ["constant_tsc", "nonstop_tsc"];
    let lacking = flags.map_or(Vec::new(), |flags| {
        steady.into_iter().filter(|flag| !flags.contains(*flag)).collect::<Vec<_>>()
    });
    match source.as_str() {
        "tsc" if lacking.is_empty() => Finding::ok(CHECK, "tsc"),
        "tsc" => Finding::note(
            CHECK,
            format!("tsc, but the CPU does not promise {}", lacking.join(", ")),
            "The dataplane measures its lease and timeouts with this counter, which must not \
             change its speed.",
            "# On a virtual machine: let it have the host's CPU flags (QEMU: -cpu \
             host,migratable=off).",
        ),
        "kvm-clock" | "hyperv_clocksource_tsc_page" => Finding::note(
            CHECK,
            source.as_str(),
            "The hypervisor's clock is made from the TSC as well. The dataplane reads the TSC \
             itself, and so does not notice when the machine is moved to another host.",
            "# Where the host's TSC is steady, tsc is the better choice:\n\
             echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource",
        ),
        _ => Finding::wrong(
            CHECK,
            format!("{source}: the kernel does not trust the CPU's time stamp counter"),
            "The dataplane measures its lease and timeouts with this counter; one that is not \
             steady ends the lease too late, and two machines are active.",
            "dmesg | grep -i -e tsc -e clocksource",
        ),
    }
}

fn governor(machine: &Machine<'_>) -> Option<Finding> {
    const CHECK: &str = "CPU frequency";
    let workers = &machine.config?.node.workers;
    let slow = |core: &&CoreId| {
        cpu::governor(machine.host, **core).is_some_and(|governor| governor != "performance")
    };
    let slow: Vec<CoreId> = workers.iter().filter(slow).copied().collect();
    if let Some(first) = slow.first() {
        let governor = cpu::governor(machine.host, *first).unwrap_or_default();
        return Some(Finding::note(
            CHECK,
            format!("governor {governor} on core {}", core_list::format(&slow)),
            "A core that is clocked down forwards less, and is late with the first packets of a \
             burst.",
            slow.iter()
                .map(|core| {
                    format!(
                        "echo performance > \
                         /sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor"
                    )
                })
                .collect::<Vec<_>>()
                .join("\n"),
        ));
    }
    let is_set_here = workers.iter().any(|core| cpu::governor(machine.host, *core).is_some());
    Some(Finding::ok(
        CHECK,
        if is_set_here {
            "governor performance on the workers' cores"
        } else {
            "set by the firmware or the hypervisor, not by this kernel"
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::super::testing::{all_ok, config, look, no_tool, only, tree};
    use super::*;
    use host::testing::Tree;

    fn right() -> Tree {
        let tree = tree();
        let flags = NEEDED.join(" ");
        tree.file("/proc/cpuinfo", &format!("flags : {flags} constant_tsc nonstop_tsc\n"));
        tree.file(&format!("{CLOCK}/current_clocksource"), "tsc\n");
        tree
    }

    #[test]
    fn a_cpu_of_today_is_ok() {
        assert!(all_ok(&look(&right(), &config(), &no_tool, super::look)));
        let governor = "/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor";
        let tree = right();
        tree.file(governor, "performance\n");
        assert!(all_ok(&look(&tree, &config(), &no_tool, super::look)));
        tree.file(governor, "powersave\n");
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!(only(&found).found, "governor powersave on core 1");
    }

    #[test]
    fn a_cpu_without_avx2_is_wrong() {
        let tree = right();
        let flags = NEEDED.join(" ").replace("avx2", "") + " constant_tsc nonstop_tsc hypervisor";
        tree.file("/proc/cpuinfo", &format!("flags : {flags}\n"));
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!(
            (only(&found).state, only(&found).found.as_str()),
            (State::Wrong, "it lacks avx2")
        );
        assert!(only(&found).remedy.as_ref().unwrap().contains("-cpu host"));
    }

    #[test]
    fn clocks() {
        let tree = right();
        let state = |source: &str| {
            tree.file(&format!("{CLOCK}/current_clocksource"), source);
            only(&look(&tree, &config(), &no_tool, super::look)).state
        };
        assert_eq!(state("hpet"), State::Wrong);
        assert_eq!(state("kvm-clock"), State::Note);
        let flags = NEEDED.join(" ");
        tree.file("/proc/cpuinfo", &format!("flags : {flags} constant_tsc\n"));
        assert_eq!(state("tsc"), State::Note);
        tree.remove(&format!("{CLOCK}/current_clocksource"));
        tree.file("/proc/cpuinfo", &format!("flags : {flags}\n"));
        let found = look(&tree, &config(), &no_tool, super::look);
        assert_eq!(only(&found).state, State::Unknown);
    }
}
