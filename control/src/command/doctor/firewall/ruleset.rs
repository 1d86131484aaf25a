//! What becomes of a packet in a ruleset, as `nft -j list ruleset` writes it.
//!
//! Only what firewalls of servers are mostly made of is understood: protocols, ports, interfaces,
//! states of connections, jumps. A condition that is not understood may hold or not, and then
//! the answer is that it is unclear.

use core::fmt;

use serde_json::Value;

/// Jumps that are followed into each other.
const DEPTH: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        })
    }
}

/// The first packet from another machine to a port here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Packet {
    pub(super) transport: Transport,
    pub(super) port: u16,
}

/// What decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct By {
    chain: String,
    is_policy: bool,
}

impl By {
    /// Family, table and name of the chain, as nft takes them.
    pub(super) fn chain(&self) -> &str {
        &self.chain
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_policy { "the policy" } else { "a rule" };
        write!(f, "{what} of {}", self.chain)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Accepted,
    Dropped(By),
    Unclear(By),
}

/// What the chains at the hook `input` do with the packet. Each of them has to accept it.
pub(super) fn fate(ruleset: &Value, packet: &Packet) -> Fate {
    let objects = ruleset["nftables"].as_array().map_or(&[][..], Vec::as_slice);
    let base = objects.iter().map(|object| &object["chain"]).filter(|chain| {
        let is_ipv4 = matches!(chain["family"].as_str(), Some("ip" | "inet"));
        is_ipv4 && chain["hook"] == "input" && chain["type"] == "filter"
    });
    let mut unclear = None;
    for chain in base {
        let walk = Walk { objects, packet };
        let fate = match walk.chain(chain, text(&chain["name"]), DEPTH) {
            Step::On if chain["policy"] == "drop" => Fate::Dropped(by(chain, true)),
            Step::On => Fate::Accepted,
            Step::End(fate) => fate,
        };
        match fate {
            Fate::Accepted => {}
            Fate::Dropped(_) => return fate,
            Fate::Unclear(_) => unclear = Some(fate),
        }
    }
    unclear.unwrap_or(Fate::Accepted)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn by(base: &Value, is_policy: bool) -> By {
    let parts = ["family", "table", "name"].map(|key| text(&base[key]));
    By { chain: parts.join(" "), is_policy }
}

/// Whether a condition holds for the packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holds {
    Yes,
    No,
    Perhaps,
}

enum Step {
    /// The next rule has its turn.
    On,
    End(Fate),
}

struct Walk<'r> {
    objects: &'r [Value],
    packet: &'r Packet,
}

impl Walk<'_> {
    /// The rules of a chain, which a base chain has led to.
    fn chain(&self, base: &Value, name: &str, depth: usize) -> Step {
        let unclear = || Step::End(Fate::Unclear(by(base, false)));
        if depth == 0 {
            return unclear();
        }
        let rules = self.objects.iter().map(|object| &object["rule"]).filter(|rule| {
            rule["family"] == base["family"]
                && rule["table"] == base["table"]
                && rule["chain"] == *name
        });
        for rule in rules {
            match self.rule(base, rule, depth) {
                Some(Step::On) => return Step::On,
                Some(end) => return end,
                None => {}
            }
        }
        Step::On
    }

    /// `None`: the next rule of this chain. `Some(Step::On)`: this chain is left.
    fn rule(&self, base: &Value, rule: &Value, depth: usize) -> Option<Step> {
        let mut holds = Holds::Yes;
        let unclear = || Some(Step::End(Fate::Unclear(by(base, false))));
        for expression in rule["expr"].as_array().map_or(&[][..], Vec::as_slice) {
            let (kind, value) = expression.as_object()?.iter().next()?;
            let end = |fate| match holds {
                Holds::Yes => Some(Step::End(fate)),
                _ => unclear(),
            };
            match kind.as_str() {
                "match" => match self.matches(value) {
                    Holds::No => return None,
                    Holds::Perhaps => holds = Holds::Perhaps,
                    Holds::Yes => {}
                },
                "accept" => return end(Fate::Accepted),
                "drop" | "reject" => return end(Fate::Dropped(by(base, false))),
                "jump" | "goto" => {
                    let step = self.chain(base, text(&value["target"]), depth - 1);
                    return match (step, holds) {
                        (Step::On, _) if kind == "goto" && holds == Holds::Yes => Some(Step::On),
                        (Step::On, _) => None,
                        (end, Holds::Yes) => Some(end),
                        _ => unclear(),
                    };
                }
                "return" => return if holds == Holds::Yes { Some(Step::On) } else { unclear() },
                // They count, log or mark, and decide nothing.
                "counter" | "log" | "comment" | "mangle" | "notrack" => {}
                _ => holds = Holds::Perhaps,
            }
        }
        None
    }

    fn matches(&self, condition: &Value) -> Holds {
        let (left, right) = (&condition["left"], &condition["right"]);
        let Packet { transport, port } = *self.packet;
        let own = transport.to_string();
        let holds = if let Some(payload) = left["payload"].as_object() {
            let protocol = payload.get("protocol").map_or("", text);
            match (protocol, payload.get("field").map_or("", text)) {
                ("udp" | "tcp", _) if protocol != own => return Holds::No,
                ("udp" | "tcp" | "th", "dport") => contains(right, &Value::from(port)),
                ("ip", "protocol") => contains(right, &Value::from(own)),
                ("ip6" | "icmp" | "icmpv6" | "arp", _) => return Holds::No,
                _ => Holds::Perhaps,
            }
        } else if let Some(key) = left["meta"]["key"].as_str() {
            match key {
                "l4proto" => contains(right, &Value::from(own)),
                // It comes from another machine.
                "iifname" | "iif" => match contains(right, &Value::from("lo")) {
                    Holds::Yes if right.is_string() => Holds::No,
                    _ => Holds::Perhaps,
                },
                "nfproto" => contains(right, &Value::from("ipv4")),
                _ => Holds::Perhaps,
            }
        } else if left["ct"]["key"] == "state" {
            contains(right, &Value::from("new"))
        } else {
            Holds::Perhaps
        };
        match (condition["op"].as_str(), holds) {
            (Some("!="), Holds::Yes) => Holds::No,
            (Some("!="), Holds::No) => Holds::Yes,
            (Some("==" | "in" | "!=") | None, holds) => holds,
            _ => Holds::Perhaps,
        }
    }
}

/// Whether a value is one of these: a value, a range, a list, or a set of them.
fn contains(of: &Value, wanted: &Value) -> Holds {
    if of == wanted {
        return Holds::Yes;
    }
    if let Some([least, most]) = of["range"].as_array().map(Vec::as_slice) {
        return match (least.as_u64(), most.as_u64(), wanted.as_u64()) {
            (Some(least), Some(most), Some(wanted)) if (least..=most).contains(&wanted) => {
                Holds::Yes
            }
            (Some(_), Some(_), Some(_)) => Holds::No,
            _ => Holds::Perhaps,
        };
    }
    let items = of["set"].as_array().or(of.as_array());
    match items {
        Some(items) => {
            let all: Vec<_> = items.iter().map(|item| contains(item, wanted)).collect();
            [Holds::Yes, Holds::Perhaps].into_iter().find(|h| all.contains(h)).unwrap_or(Holds::No)
        }
        // A named set (`@ports`), or something else that is not understood.
        None if of.as_str().is_some_and(|name| name.starts_with('@')) || of.is_object() => {
            Holds::Perhaps
        }
        None => Holds::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(chain: &str, expressions: Value) -> Value {
        json!({"rule": {"family": "inet", "table": "t", "chain": chain, "expr": expressions}})
    }

    fn udp_port(right: Value) -> Value {
        let left = json!({"payload": {"protocol": "udp", "field": "dport"}});
        json!({"match": {"op": "==", "left": left, "right": right}})
    }

    fn state(right: Value) -> Value {
        json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": right}})
    }

    fn meta(key: &str, right: &str) -> Value {
        json!({"match": {"op": "==", "left": {"meta": {"key": key}}, "right": right}})
    }

    fn fate_of(policy: &str, rules: &[Value]) -> Fate {
        let base = json!({"chain": {"family": "inet", "table": "t", "name": "in", "hook": "input",
            "type": "filter", "policy": policy}});
        let mut objects = vec![json!({"metainfo": {}}), base];
        objects.extend(rules.iter().cloned());
        fate(&json!({ "nftables": objects }), &Packet { transport: Transport::Udp, port: 7405 })
    }

    fn is_dropped(fate: &Fate) -> bool {
        matches!(fate, Fate::Dropped(_))
    }

    #[test]
    fn a_rule_for_the_port_lets_it_through() {
        let accept = json!({"accept": null});
        for right in [
            json!(7405),
            json!({"set": [22, 7405]}),
            json!({"range": [7000, 8000]}),
            json!({"set": [{"range": [7400, 7410]}]}),
        ] {
            let rules = [rule("in", json!([udp_port(right.clone()), {"counter": {}}, accept]))];
            assert_eq!(fate_of("drop", &rules), Fate::Accepted, "{right}");
        }
        let others = [
            rule("in", json!([udp_port(json!(53)), accept])),
            rule("in", json!([state(json!({"set": ["established", "related"]})), accept])),
            rule("in", json!([meta("iifname", "lo"), accept])),
            rule("in", json!([meta("l4proto", "tcp"), accept])),
        ];
        assert!(is_dropped(&fate_of("drop", &others)));
    }

    #[test]
    fn the_last_rule_may_drop_what_is_left() {
        let rules = [rule("in", json!([{"reject": {"type": "icmpx"}}]))];
        assert!(is_dropped(&fate_of("accept", &rules)));
        assert_eq!(fate_of("accept", &[]), Fate::Accepted);
    }

    #[test]
    fn jumps_are_followed_and_returned_from() {
        let jump = |to: &str| json!([{"jump": {"target": to}}]);
        let rules = [
            rule("in", jump("empty")),
            rule("in", jump("allow")),
            rule("allow", json!([udp_port(json!(53)), {"return": null}])),
            rule("allow", json!([udp_port(json!(7405)), {"accept": null}])),
        ];
        assert_eq!(fate_of("drop", &rules), Fate::Accepted);
        // A chain that jumps to itself ends all the same.
        let unclear = fate_of("drop", &[rule("in", jump("in"))]);
        assert!(matches!(unclear, Fate::Unclear(_)), "{unclear:?}");
    }

    #[test]
    fn what_is_not_understood_is_unclear() {
        let accept = json!({"accept": null});
        for condition in [
            udp_port(json!("@ports")),
            meta("iifname", "tandem-pub"),
            json!({"limit": {"rate": 5}}),
            json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                "right": "10.0.0.3"}}),
        ] {
            let fate = fate_of("drop", &[rule("in", json!([condition.clone(), accept]))]);
            assert!(matches!(fate, Fate::Unclear(_)), "{condition} {fate:?}");
        }
    }
}
