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
pub(in crate::command) enum Transport {
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
pub(in crate::command) struct Packet {
    pub(in crate::command) transport: Transport,
    pub(in crate::command) port: u16,
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
            let expressions = rule["expr"].as_array().map_or(&[][..], Vec::as_slice);
            match self.rule(base, expressions, depth) {
                Some(Step::On) => return Step::On,
                Some(end) => return end,
                None => {}
            }
        }
        Step::On
    }

    /// `None`: the next rule of this chain. `Some(Step::On)`: this chain is left.
    fn rule(&self, base: &Value, expressions: &[Value], depth: usize) -> Option<Step> {
        let mut holds = Holds::Yes;
        let unclear = || Some(Step::End(Fate::Unclear(by(base, false))));
        for expression in expressions {
            let Some((kind, value)) = expression.as_object().and_then(|of| of.iter().next()) else {
                return unclear();
            };
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
                "vmap" => match self.verdict(value) {
                    // The kernel leaves a rule whose map has nothing for the packet.
                    Some(None) => return None,
                    Some(Some(verdict)) if holds == Holds::Yes => {
                        return self.rule(base, core::slice::from_ref(verdict), depth);
                    }
                    _ => return unclear(),
                },
                // They count, log or mark, and decide nothing.
                "counter" | "log" | "comment" | "mangle" | "notrack" | "continue" | "last"
                | "secmark" | "ct helper" | "ct timeout" | "ct expectation" => {}
                // The rule goes on or not, and that is all.
                "limit" | "quota" | "ct count" | "set" | "meter" => holds = Holds::Perhaps,
                "xt" if value["type"] == "match" => holds = Holds::Perhaps,
                // A queue, a proxy, a target of iptables, something to come: it may be the end.
                _ => return unclear(),
            }
        }
        None
    }

    /// What a map has for the packet: `Some(None)` is nothing, `None` is not known.
    fn verdict<'v>(&self, map: &'v Value) -> Option<Option<&'v Value>> {
        // A named map (`@ports`) has no elements here.
        let elements = map["data"]["set"].as_array()?;
        for element in elements {
            let [key, verdict] = element.as_array()?.as_slice() else { return None };
            match self.compare(&map["key"], key) {
                Holds::Yes => return Some(Some(verdict)),
                Holds::No => {}
                Holds::Perhaps => return None,
            }
        }
        Some(None)
    }

    fn matches(&self, condition: &Value) -> Holds {
        if self.is_of_others(&condition["left"]) {
            return Holds::No;
        }
        let holds = self.compare(&condition["left"], &condition["right"]);
        match (condition["op"].as_str(), holds) {
            (Some("!="), Holds::Yes) => Holds::No,
            (Some("!="), Holds::No) => Holds::Yes,
            (Some("==" | "in" | "!=") | None, holds) => holds,
            _ => Holds::Perhaps,
        }
    }

    /// True for a field of a protocol that the packet is not of: no condition on it holds.
    fn is_of_others(&self, left: &Value) -> bool {
        match left["payload"]["protocol"].as_str() {
            Some(protocol @ ("udp" | "tcp")) => protocol != self.packet.transport.to_string(),
            Some("ip6" | "icmp" | "icmpv6" | "arp") => true,
            _ => false,
        }
    }

    /// Whether something of the packet is this, or one of these.
    fn compare(&self, left: &Value, right: &Value) -> Holds {
        let Packet { transport, port } = *self.packet;
        let own = transport.to_string();
        if self.is_of_others(left) {
            return Holds::No;
        }
        if let Some(payload) = left["payload"].as_object() {
            let protocol = payload.get("protocol").map_or("", text);
            match (protocol, payload.get("field").map_or("", text)) {
                ("udp" | "tcp" | "th", "dport") => contains(right, &Value::from(port)),
                ("ip", "protocol") => contains(right, &Value::from(own)),
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
        // Another protocol's ports are not even unequal.
        let tcp = json!({"payload": {"protocol": "tcp", "field": "dport"}});
        let tcp = json!({"match": {"op": "!=", "left": tcp, "right": 22}});
        let fate = fate_of("accept", &[rule("in", json!([tcp, {"drop": null}]))]);
        assert_eq!(fate, Fate::Accepted);
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

    fn vmap(key: Value, elements: Value) -> Value {
        json!({"vmap": {"key": key, "data": {"set": elements}}})
    }

    fn port_key() -> Value {
        json!({"payload": {"protocol": "udp", "field": "dport"}})
    }

    #[test]
    fn maps_of_verdicts_decide_where_their_keys_are_understood() {
        let (accept, drop) = (json!({"accept": null}), json!({"drop": null}));
        let jump = json!({"jump": {"target": "inbound"}});
        let ports = |elements: Value| [rule("in", json!([vmap(port_key(), elements)]))];
        assert_eq!(fate_of("drop", &ports(json!([[22, drop], [7405, accept]]))), Fate::Accepted);
        assert!(is_dropped(&fate_of("accept", &ports(json!([[7405, drop]])))));
        assert!(is_dropped(&fate_of("drop", &ports(json!([[53, accept]])))));

        // What most rulesets begin with: it decides nothing of a new packet.
        let states = vmap(
            json!({"ct": {"key": "state"}}),
            json!([["established", accept], ["related", accept], ["invalid", drop]]),
        );
        let rules = [
            rule("in", json!([states])),
            rule("in", json!([vmap(port_key(), json!([[7405, jump]]))])),
            rule("inbound", json!([accept])),
        ];
        assert_eq!(fate_of("drop", &rules), Fate::Accepted);

        // Which interface it comes from is not known.
        let by_interface =
            vmap(json!({"meta": {"key": "iifname"}}), json!([["lo", accept], ["eth0", jump]]));
        let named = json!({"vmap": {"key": port_key(), "data": "@ports"}});
        for unknown in [by_interface, named] {
            let fate = fate_of("drop", &[rule("in", json!([unknown.clone()]))]);
            assert!(matches!(fate, Fate::Unclear(_)), "{unknown} {fate:?}");
        }
    }

    #[test]
    fn what_may_be_the_end_of_a_rule_is_unclear() {
        for end in [
            json!({"queue": {"num": 1}}),
            json!({"synproxy": null}),
            json!({"xt": {"type": "target", "name": "REJECT"}}),
            json!({"something new": {}}),
            json!("something new"),
        ] {
            for policy in ["accept", "drop"] {
                let fate = fate_of(policy, &[rule("in", json!([udp_port(json!(7405)), end]))]);
                assert!(matches!(fate, Fate::Unclear(_)), "{end} {fate:?}");
            }
            // A rule that is not for the packet ends nothing.
            let fate = fate_of("accept", &[rule("in", json!([udp_port(json!(53)), end]))]);
            assert_eq!(fate, Fate::Accepted);
        }
        let rules = [rule("in", json!([{"log": {}}, {"ct helper": "ftp"}, {"accept": null}]))];
        assert_eq!(fate_of("drop", &rules), Fate::Accepted);
    }
}
