//! The systemd units: installed, enabled, active, watched; and the machine's own watchdog.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::machine::Machine;

const DATAPLANE: &str = "tandem-dataplane.service";
const CONTROL: &str = "tandem-control.service";
const ASKED: &str = "LoadState,UnitFileState,ActiveState,SubState,NRestarts,WatchdogUSec,LimitCORE";

/// What `systemctl show` says, by name.
type Properties = BTreeMap<String, String>;

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        [DATAPLANE, CONTROL].iter().flat_map(|unit| look_at(machine, unit)).collect();
    findings.extend(watchdog(machine));
    findings
}

fn show(machine: &Machine<'_>, unit: Option<&str>, asked: &str) -> Result<Properties, String> {
    let mut arguments = vec!["show", "-p", asked];
    arguments.extend(unit);
    let text = (machine.tool)("systemctl", &arguments)?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

fn look_at(machine: &Machine<'_>, unit: &str) -> Vec<Finding> {
    let check = unit.trim_end_matches(".service");
    let properties = match show(machine, Some(unit), ASKED) {
        Ok(properties) => properties,
        Err(reason) => return vec![Finding::unknown(check, reason)],
    };
    let of = |key: &str| properties.get(key).map_or("", String::as_str);
    if of("LoadState") != "loaded" {
        return vec![Finding::wrong(
            check,
            format!("{unit} is not installed ({})", of("LoadState")),
            "Nothing starts the process with the machine, and nothing starts it again.",
            format!(
                "# Install the package, or copy images/systemd/{unit} to /etc/systemd/system; then:\n\
                 systemctl daemon-reload\nsystemctl enable --now {check}"
            ),
        )];
    }
    let mut findings = vec![state(check, of("UnitFileState"), of("ActiveState"), of("NRestarts"))];
    findings.extend(settings(check, of("WatchdogUSec"), of("LimitCORE")));
    findings
}

fn state(check: &str, file: &str, active: &str, restarts: &str) -> Finding {
    let log = format!("journalctl -u {check} -e");
    match (file, active) {
        (_, "failed") => Finding::wrong(
            check,
            "it failed, and is not started again",
            "The last lines of the log say why.",
            format!("{log}\nsystemctl restart {check}"),
        ),
        ("enabled" | "enabled-runtime" | "static" | "indirect", "active") => match restarts {
            "" | "0" => Finding::ok(check, "enabled and active"),
            times => Finding::note(
                check,
                format!("active, and restarted {times} times since the start"),
                "The log says why it ended.",
                log,
            ),
        },
        (_, "active") => Finding::wrong(
            check,
            format!("active, but {file}"),
            "It does not start with the machine.",
            format!("systemctl enable {check}"),
        ),
        ("enabled", _) => Finding::note(
            check,
            format!("enabled, and {active}"),
            "It starts with the machine, and does not run now.",
            format!("systemctl start {check}\n{log}"),
        ),
        _ => Finding::note(
            check,
            format!("installed, {file} and {active}"),
            "It neither runs nor starts with the machine.",
            format!("systemctl enable --now {check}"),
        ),
    }
}

/// What a drop-in may have taken away.
fn settings(check: &str, watchdog: &str, core: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if matches!(watchdog, "0" | "infinity") {
        findings.push(Finding::note(
            check,
            "WatchdogSec= is off",
            "A process that hangs is not restarted.",
            format!("systemctl cat {check}\n# Take WatchdogSec=0 out of the drop-in."),
        ));
    }
    if check == "tandem-control" && !matches!(core, "0" | "") {
        findings.push(Finding::wrong(
            check,
            format!("LimitCORE= is {core}"),
            "A core dump would put the pair's key on a disk.",
            format!("systemctl cat {check}\n# Set LimitCORE=0."),
        ));
    }
    if check == "tandem-dataplane" && core == "0" {
        findings.push(Finding::note(
            check,
            "LimitCORE= is 0",
            "A dataplane that hangs is killed, and nobody finds out where it hung.",
            format!("systemctl cat {check}\n# Set LimitCORE=infinity."),
        ));
    }
    findings
}

/// A machine whose kernel hangs is the peer's business at once, and nobody's afterwards.
fn watchdog(machine: &Machine<'_>) -> Option<Finding> {
    const CHECK: &str = "watchdog";
    let names = machine.host.names("/sys/class/watchdog").unwrap_or_default();
    let Some(name) = names.first() else {
        return Some(Finding::ok(CHECK, "this machine has none"));
    };
    let properties = show(machine, None, "RuntimeWatchdogUSec").ok()?;
    match properties.get("RuntimeWatchdogUSec").map(String::as_str) {
        Some("0" | "infinity") | None => Some(Finding::note(
            CHECK,
            format!("systemd does not use {name}"),
            "A machine whose kernel hangs stays down until somebody comes; the watchdog would \
             start it again.",
            "mkdir -p /etc/systemd/system.conf.d\n\
             printf '[Manager]\\nRuntimeWatchdogSec=30s\\n' > \
             /etc/systemd/system.conf.d/watchdog.conf\n\
             systemctl daemon-reexec",
        )),
        Some(time) => Some(Finding::ok(CHECK, format!("{name}, {time}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::super::testing::{all_ok, config, look, no_tool, states, tree};
    use super::*;

    const RIGHT: &str = "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\n\
        NRestarts=0\nWatchdogUSec=2s\n";

    fn with(properties: &str) -> Vec<Finding> {
        let properties = properties.to_owned();
        let answer = move |_: &str, arguments: &[&str]| {
            let core = if arguments.contains(&DATAPLANE) { "infinity" } else { "0" };
            Ok(format!("{properties}LimitCORE={core}\n"))
        };
        look(&tree(), &config(), &answer, super::look)
    }

    fn first(properties: &str) -> Finding {
        with(properties).remove(0)
    }

    #[test]
    fn units_that_run_are_ok() {
        assert!(all_ok(&with(RIGHT)));
    }

    #[test]
    fn units_that_are_missing_disabled_or_failed() {
        let missing = first("LoadState=not-found\n");
        assert_eq!(missing.found, "tandem-dataplane.service is not installed (not-found)");
        assert_eq!(first(&RIGHT.replace("=active", "=failed")).state, State::Wrong);
        let disabled = first(&RIGHT.replace("enabled", "disabled"));
        assert_eq!(disabled.remedy.as_deref(), Some("systemctl enable tandem-dataplane"));
        assert_eq!(first(&RIGHT.replace("=active", "=inactive")).state, State::Note);
        assert_eq!(first(&RIGHT.replace("NRestarts=0", "NRestarts=7")).state, State::Note);
        assert_eq!(with(&RIGHT.replace("WatchdogUSec=2s", "WatchdogUSec=0"))[1].state, State::Note);
    }

    #[test]
    fn a_core_dump_of_control_would_have_the_key() {
        let answer = |_: &str, _: &[&str]| Ok(format!("{RIGHT}LimitCORE=infinity\n"));
        let found = look(&tree(), &config(), &answer, super::look);
        let wrong = found.iter().find(|finding| finding.state == State::Wrong).unwrap();
        assert_eq!(wrong.found, "LimitCORE= is infinity");
    }

    #[test]
    fn without_systemd_they_are_unknown() {
        let found = look(&tree(), &config(), &no_tool, super::look);
        assert_eq!(states(&found), [State::Unknown, State::Unknown, State::Ok]);
    }

    #[test]
    fn a_watchdog_that_nobody_uses_is_noted() {
        let tree = tree();
        tree.folder("/sys/class/watchdog/watchdog0");
        let with = |time: &'static str| {
            let answer = move |_: &str, arguments: &[&str]| {
                let core = if arguments.contains(&DATAPLANE) { "infinity" } else { "0" };
                Ok(format!("{RIGHT}LimitCORE={core}\nRuntimeWatchdogUSec={time}\n"))
            };
            look(&tree, &config(), &answer, super::look)
        };
        assert_eq!(with("0").last().unwrap().state, State::Note);
        assert!(all_ok(&with("30s")));
    }
}
