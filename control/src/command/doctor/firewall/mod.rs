//! The kernel's firewall: do heartbeats, scrapes of the metrics and browsers get through?
//!
//! The dataplane's packets do not pass here; what is for this machine's real addresses does.

mod ruleset;

use config::Config;
use serde_json::Value;

use self::ruleset::{Fate, Packet, Transport};
use super::finding::Finding;
use super::machine::Machine;

const CHECK: &str = "firewall";

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let Some(config) = machine.config else { return Vec::new() };
    let wanted = wanted(config);
    if wanted.is_empty() {
        return vec![Finding::ok(
            CHECK,
            "nothing has to get through: no peer, metrics and status page stay local",
        )];
    }
    let rules = (machine.tool)("nft", &["-j", "list", "ruleset"]);
    let rules = rules.and_then(|text| {
        serde_json::from_str::<Value>(&text)
            .map_err(|error| format!("the answer of nft is not understood: {error}"))
    });
    match rules {
        Ok(rules) => {
            let legacy = legacy(machine);
            wanted.iter().map(|wanted| judge(&rules, &legacy, wanted)).collect()
        }
        Err(reason) => vec![Finding::unknown(CHECK, reason)],
    }
}

/// Tables of iptables-legacy, which have rules that nft does not show.
fn legacy(machine: &Machine<'_>) -> Vec<String> {
    let names = machine.host.read("/proc/net/ip_tables_names").unwrap_or_default();
    names.split_whitespace().map(str::to_owned).collect()
}

/// Something that has to reach tandem-control.
pub(in crate::command) struct Wanted {
    pub(in crate::command) what: &'static str,
    without: &'static str,
    pub(in crate::command) packet: Packet,
}

/// All that has to reach it with this configuration.
pub(in crate::command) fn wanted(config: &Config) -> Vec<Wanted> {
    let packet = |transport, port| Packet { transport, port };
    let mut wanted = Vec::new();
    if let Some(peer) = &config.peer {
        wanted.push(Wanted {
            what: "heartbeats",
            without: "Both machines take each other for dead, and both become active.",
            packet: packet(Transport::Udp, peer.port),
        });
        wanted.push(Wanted {
            what: "connection sync",
            without: "The standby machine gets no connections, and never becomes ready.",
            packet: packet(Transport::Tcp, peer.port),
        });
    }
    let listen = config.metrics.listen;
    if !listen.ip().is_loopback() {
        wanted.push(Wanted {
            what: "metrics",
            without: "Prometheus gets no answer.",
            packet: packet(Transport::Tcp, listen.port()),
        });
    }
    let listen = config.status.listen;
    if !listen.ip().is_loopback() {
        wanted.push(Wanted {
            what: "status page",
            without: "Browsers get no answer.",
            packet: packet(Transport::Tcp, listen.port()),
        });
    }
    wanted
}

fn judge(rules: &Value, legacy: &[String], wanted: &Wanted) -> Finding {
    let Packet { transport, port } = wanted.packet;
    let what = format!("{} ({transport} port {port})", wanted.what);
    match ruleset::fate(rules, &wanted.packet) {
        Fate::Accepted if !legacy.is_empty() => Finding::unknown(
            CHECK,
            format!(
                "nftables lets {what} through, and there are tables of iptables-legacy besides \
                 ({}); look at: iptables-legacy-save",
                legacy.join(", ")
            ),
        ),
        Fate::Accepted => Finding::ok(CHECK, format!("{what} gets through")),
        Fate::Dropped(by) => Finding::wrong(
            CHECK,
            format!("{what} is dropped by {by}"),
            wanted.without,
            format!(
                "nft insert rule {} {transport} dport {port} accept\n\
                 # And the same rule in /etc/nftables.conf.",
                by.chain()
            ),
        ),
        Fate::Unclear(by) => Finding::unknown(
            CHECK,
            format!(
                "whether {what} gets through hangs on conditions of {by}; look at: nft list ruleset"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::super::testing::{all_ok, config, look, no_tool, only, states, tree};
    use super::*;

    fn pair() -> Config {
        let text = format!(
            "{}\n[peer]\npaths = [{{ local = \"10.0.0.2\", remote = \"10.0.0.3\" }}]\n\
             key_file = \"/etc/tandem/peer.key\"\n",
            super::super::testing::CONFIGURATION
        );
        Config::from_str("tandem.toml", &text).unwrap()
    }

    fn with(rules: &str) -> Vec<Finding> {
        let answer = format!("{{\"nftables\": [{rules}]}}");
        look(&tree(), &pair(), &move |_, _| Ok(answer.clone()), super::look)
    }

    const DROP: &str = r#"{"chain": {"family": "inet", "table": "filter", "name": "input",
        "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}"#;

    #[test]
    fn without_rules_everything_gets_through() {
        assert!(all_ok(&with("")));
    }

    #[test]
    fn a_policy_that_drops_is_wrong_with_the_rule_to_add() {
        let found = with(DROP);
        assert_eq!(states(&found), [State::Wrong; 2]);
        assert_eq!(
            found[0].found,
            "heartbeats (udp port 7405) is dropped by the policy of inet filter input"
        );
        let remedy = found[0].remedy.as_ref().unwrap();
        assert!(remedy.starts_with("nft insert rule inet filter input udp dport 7405 accept\n"));
    }

    #[test]
    fn tables_of_iptables_legacy_are_not_known_to_nft() {
        let tree = tree();
        tree.file("/proc/net/ip_tables_names", "filter\nnat\n");
        let answer = |rules: &'static str| {
            move |_: &str, _: &[&str]| -> Result<String, String> {
                Ok(format!("{{\"nftables\": [{rules}]}}"))
            }
        };
        let found = look(&tree, &pair(), &answer(""), super::look);
        assert_eq!(states(&found), [State::Unknown; 2]);
        assert!(found[0].found.contains("iptables-legacy besides (filter, nat)"), "{found:?}");
        // What nftables drops is dropped.
        assert_eq!(states(&look(&tree, &pair(), &answer(DROP), super::look)), [State::Wrong; 2]);
    }

    #[test]
    fn nft_that_is_missing_or_babbles_is_unknown() {
        let found = look(&tree(), &pair(), &no_tool, super::look);
        assert_eq!(only(&found).found, "nft is not installed");
        let found = look(&tree(), &pair(), &|_, _| Ok("babble".to_owned()), super::look);
        assert_eq!(only(&found).state, State::Unknown);
    }

    #[test]
    fn a_machine_alone_needs_nothing() {
        assert!(all_ok(&look(&tree(), &config(), &no_tool, super::look)));
    }
}
