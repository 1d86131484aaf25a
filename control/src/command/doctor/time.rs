//! Whether the clock is right, and what tandem-control says of the pair.

use api::Pair;
use api::client::ClientError;
use config::Config;

use super::finding::Finding;
use super::machine::Machine;
use crate::error::Error;

const CLOCK: &str = "time";

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let arguments = ["show", "-p", "NTPSynchronized", "--value"];
    vec![match (machine.tool)("timedatectl", &arguments) {
        Ok(answer) => judge(answer.trim()),
        Err(reason) => Finding::unknown(CLOCK, reason),
    }]
}

fn judge(answer: &str) -> Finding {
    match answer {
        "yes" => Finding::ok(CLOCK, "synchronised by NTP"),
        "no" => Finding::note(
            CLOCK,
            "not synchronised by NTP",
            "Failover does not need it. The logs of two machines cannot be compared, and https \
             checks may take certificates for expired.",
            "timedatectl set-ntp true\n# Or install chrony.",
        ),
        other => Finding::unknown(CLOCK, format!("timedatectl answered {other:?}")),
    }
}

/// What the pair's machines think of each other.
pub(super) fn peer(config: Option<&Config>, pair: Result<Pair, ClientError>) -> Vec<Finding> {
    const CHECK: &str = "pair";
    if config.is_none_or(|config| config.peer.is_none()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    match pair {
        Err(error) => findings.push(Finding::unknown(CHECK, Error::describe_control(&error))),
        Ok(pair) => findings.extend(troubles(&pair, CHECK)),
    }
    // Heartbeats carry no time of day: nothing of failover hangs on it.
    findings.push(Finding::unknown(
        "peer's time",
        "heartbeats do not carry it; compare: date +%T.%N on both machines",
    ));
    findings
}

fn troubles(pair: &Pair, check: &str) -> Vec<Finding> {
    let warnings = pair.warnings.iter().map(|warning| {
        let why = "tandem-control says so.";
        Finding::wrong(check, warning.as_str(), why, "tandem status")
    });
    let mut findings: Vec<Finding> = warnings.collect();
    if !pair.own.ready {
        findings.push(Finding::wrong(
            check,
            format!("this machine is not ready: {}", pair.own.obstacles.join("; ")),
            "It does not take over until it is, unless the peer is dead.",
            "tandem status",
        ));
    }
    let down: Vec<String> = pair
        .paths
        .iter()
        .filter(|path| !path.up)
        .map(|path| format!("{} to {}", path.local, path.remote))
        .collect();
    if !down.is_empty() {
        findings.push(Finding::wrong(
            check,
            format!("no heartbeats on {}", down.join(", ")),
            "When the last path is silent, both machines become active.",
            "tandem status",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(check, "ready, heartbeats on every path"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::super::testing::{CONFIGURATION, config, look, no_tool, only, states, tree};
    use super::*;

    #[test]
    fn the_clock_is_synchronised_or_not() {
        assert_eq!(judge("yes").state, State::Ok);
        assert_eq!(judge("no").state, State::Note);
        assert_eq!(judge("perhaps").state, State::Unknown);
        let found = look(&tree(), &config(), &no_tool, super::look);
        assert_eq!(only(&found).found, "timedatectl is not installed");
    }

    #[test]
    fn a_pair_that_is_not_ready_is_wrong() {
        let text = format!(
            "{CONFIGURATION}\n[peer]\npaths = [{{ local = \"10.0.0.2\", remote = \"10.0.0.3\" }}]\n\
             key_file = \"/etc/tandem/peer.key\"\n"
        );
        let pair_config = Config::from_str("tandem.toml", &text).unwrap();
        assert!(peer(Some(&config()), Ok(Pair::default())).is_empty());
        let mut pair = Pair::default();
        pair.own.obstacles = vec!["the public link is down".to_owned()];
        pair.paths = vec![api::Path::default()];
        let found = peer(Some(&pair_config), Ok(pair.clone()));
        assert_eq!(states(&found), [State::Wrong, State::Wrong, State::Unknown]);
        pair.own.ready = true;
        pair.paths[0].up = true;
        assert_eq!(states(&peer(Some(&pair_config), Ok(pair))), [State::Ok, State::Unknown]);
        let gone = ClientError::NotRunning("/run/tandem/control.sock".into());
        assert_eq!(states(&peer(Some(&pair_config), Err(gone))), [State::Unknown; 2]);
    }
}
