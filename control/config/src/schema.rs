//! Every section and key of the file, in the order of its documentation: what the
//! reader accepts, and nothing else.

/// A table of the file and its keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Section {
    /// Its name with dots: `node`, `service.server`; empty for the file itself.
    pub name: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// A key of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// A value that it may have, as TOML.
    pub example: &'static str,
}

impl Section {
    /// The key with this name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn key(name: &'static str, example: &'static str) -> Key {
    Key { name, example }
}

/// The key with this name of another section. A name that is not there does not compile.
const fn as_in(name: &str, keys: &[Key]) -> Key {
    let mut at = 0;
    while !is_same(keys[at].name, name) {
        at += 1;
    }
    keys[at]
}

/// The keys but those with these names; so many are left.
const fn without<const LEFT: usize>(keys: &[Key], names: &[&str]) -> [Key; LEFT] {
    let mut left = [key("", ""); LEFT];
    let (mut at, mut taken) = (0, 0);
    while at < keys.len() {
        let (mut name, mut is_out) = (0, false);
        while name < names.len() {
            is_out |= is_same(keys[at].name, names[name]);
            name += 1;
        }
        if !is_out {
            left[taken] = keys[at];
            taken += 1;
        }
        at += 1;
    }
    left
}

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

pub(crate) const FILE: Section = Section {
    name: "",
    keys: &[
        key("include", "[\"services.d/*.toml\"]"),
        key("node", "{ name = \"a\", workers = [1] }"),
        key("public", "{ ... }"),
        key("private", "{ ... }"),
        key("peer", "{ ... }"),
        key("metrics", "{ ... }"),
        key("status", "{ ... }"),
        key("masquerade", "[{ ... }]"),
        key("defaults", "{ ... }"),
        key("checks", "{ ... }"),
        key("service", "[{ ... }]"),
        key("timeouts", "{ ... }"),
        key("sources", "{ ... }"),
        key("hook", "[{ ... }]"),
    ],
};

pub(crate) const NODE: Section = Section {
    name: "node",
    keys: &[
        key("name", "\"a\""),
        key("workers", "[1]"),
        key("main_cores", "[0]"),
        key("management_ports", "[22]"),
        key("idle", "\"poll\""),
        key("rss", "true"),
        key("unserved", "\"reject\""),
        key("connections", "1000000"),
        key("persistence", "1000000"),
        key("hugepages", "true"),
        key("memory", "1024"),
        key("mbufs", "131071"),
        key("control_socket", "\"/run/tandem/dataplane.sock\""),
        key("log", "\"info\""),
        key("file_prefix", "\"tandem\""),
        key("state", "\"/var/lib/tandem\""),
        key("maintenance", "\"/etc/tandem/maintenance.d\""),
    ],
};

const INTERFACE: &[Key] = &[
    key("port", "\"0000:03:00.0\""),
    key("address", "\"198.51.100.2/24\""),
    key("floating", "[\"198.51.100.10/24\"]"),
    key("gateway", "\"198.51.100.1\""),
    key("mtu", "1500"),
    key("route", "[{ to = \"10.1.0.0/16\", via = \"10.0.0.254\" }]"),
    key("neighbour", "[{ address = \"10.0.0.11\", mac = \"02:00:00:00:00:11\" }]"),
    key("rx_descriptors", "1024"),
    key("tx_descriptors", "1024"),
    key("kernel_interface", "\"tandem-pub\""),
    key("kernel_multicast", "[\"ospf\", \"lldp\"]"),
    key("mss_clamp", "1460"),
    key("virtual_mac", "\"00:00:5e:00:01:01\""),
];

pub(crate) const PUBLIC: Section = Section { name: "public", keys: INTERFACE };

/// As [`PUBLIC`], with examples of the private side.
pub(crate) const PRIVATE: Section = Section {
    name: "private",
    keys: &[
        key("port", "\"0000:03:00.1\""),
        key("address", "\"10.0.0.2/24\""),
        key("floating", "[\"10.0.0.1/24\"]"),
        key("gateway", "\"10.0.0.254\""),
        as_in("mtu", INTERFACE),
        as_in("route", INTERFACE),
        as_in("neighbour", INTERFACE),
        as_in("rx_descriptors", INTERFACE),
        as_in("tx_descriptors", INTERFACE),
        key("kernel_interface", "\"tandem-priv\""),
        as_in("kernel_multicast", INTERFACE),
        as_in("mss_clamp", INTERFACE),
        key("virtual_mac", "\"00:00:5e:00:01:02\""),
    ],
};

const ROUTE_KEYS: &[Key] = &[key("to", "\"10.1.0.0/16\""), key("via", "\"10.0.0.254\"")];

pub(crate) const PUBLIC_ROUTE: Section = Section { name: "public.route", keys: ROUTE_KEYS };
pub(crate) const PRIVATE_ROUTE: Section = Section { name: "private.route", keys: ROUTE_KEYS };

const NEIGHBOUR_KEYS: &[Key] =
    &[key("address", "\"10.0.0.11\""), key("mac", "\"02:00:00:00:00:11\"")];

pub(crate) const PUBLIC_NEIGHBOUR: Section =
    Section { name: "public.neighbour", keys: NEIGHBOUR_KEYS };
pub(crate) const PRIVATE_NEIGHBOUR: Section =
    Section { name: "private.neighbour", keys: NEIGHBOUR_KEYS };

pub(crate) const PEER: Section = Section {
    name: "peer",
    keys: &[
        key("paths", "[{ local = \"10.0.0.2\", remote = \"10.0.0.3\" }]"),
        key("key_file", "\"/etc/tandem/peer.key\""),
        key("priority", "100"),
        key("port", "7405"),
        key("interval", "\"20ms\""),
        key("dead", "\"150ms\""),
        key("lease", "\"120ms\""),
        key("preempt", "\"30s\""),
        key("grace", "\"2s\""),
        key("quiet", "\"60s\""),
        key("witness", "\"192.0.2.1\""),
    ],
};

pub(crate) const PEER_PATH: Section = Section {
    name: "peer.paths",
    keys: &[key("local", "\"10.0.0.2\""), key("remote", "\"10.0.0.3\"")],
};

pub(crate) const METRICS: Section =
    Section { name: "metrics", keys: &[key("listen", "\"127.0.0.1:9405\"")] };

pub(crate) const STATUS: Section = Section {
    name: "status",
    keys: &[
        key("listen", "\"127.0.0.1:9406\""),
        key("certificate", "\"/etc/tandem/status.pem\""),
        key("private_key", "\"/etc/tandem/status.key\""),
        key("token_file", "\"/etc/tandem/status.token\""),
        key("client_ca", "\"/etc/tandem/operators.pem\""),
        key("names", "[\"tandem-a.example.org\"]"),
    ],
};

pub(crate) const MASQUERADE: Section = Section {
    name: "masquerade",
    keys: &[
        key("source", "[\"10.0.0.0/24\"]"),
        key("address", "\"198.51.100.10\""),
        key("ports", "\"1024-65535\""),
        key("max_connections", "50000"),
        key("reserved_connections", "10000"),
    ],
};

pub(crate) const SERVICE: Section = Section {
    name: "service",
    keys: &[
        key("name", "\"web\""),
        key("listen", "\"198.51.100.10:80\""),
        key("protocol", "\"tcp\""),
        key("scheduler", "\"wlc\""),
        key("hash_port", "true"),
        key("strict", "true"),
        key("bound", "125"),
        key("mh_size", "65537"),
        key("unserved", "\"drop\""),
        key("on_down", "\"cut\""),
        key("return_path", "\"require\""),
        key("slow_start", "\"30s\""),
        key("panic", "30"),
        key("when_all_down", "\"keep\""),
        key("quorum", "2"),
        key("hysteresis", "1"),
        key("server", "[{ address = \"10.0.0.11:80\" }]"),
        key("sorry", "[{ address = \"10.0.0.21:80\" }]"),
        key("max_connections", "10000"),
        key("resume_below", "7500"),
        key("reserved_connections", "1000"),
        key("when_full", "\"next\""),
        key("one_packet", "true"),
        key("check", "{ kind = \"tcp\" }"),
        key("agent", "{ port = 9707 }"),
        key("persist", "{ timeout = \"6m\" }"),
        key("defaults", "false"),
    ],
};

pub(crate) const PERSIST: Section = Section {
    name: "service.persist",
    keys: &[
        key("group", "\"shop\""),
        key("timeout", "\"6m\""),
        key("prefix", "24"),
        key("keep_on_drain", "true"),
        key("over", "true"),
    ],
};

pub(crate) const SERVER: Section = Section {
    name: "service.server",
    keys: &[
        key("address", "\"10.0.0.11:80\""),
        key("weight", "1"),
        as_in("check", SERVICE.keys),
        as_in("agent", SERVICE.keys),
        key("max_connections", "1000"),
        key("resume_below", "750"),
    ],
};

pub(crate) const SORRY: Section = Section {
    name: "service.sorry",
    keys: &[key("address", "\"10.0.0.21:80\""), key("weight", "1")],
};

/// What a service may have for a default: whatever does not tell it from all others.
pub(crate) const DEFAULTS: Section = Section {
    name: "defaults",
    keys: &without::<{ SERVICE.keys.len() - 3 }>(SERVICE.keys, &["name", "listen", "defaults"]),
};

/// What each server of a service may have for a default.
pub(crate) const DEFAULTS_SERVER: Section = Section {
    name: "defaults.server",
    keys: &without::<{ SERVER.keys.len() - 1 }>(SERVER.keys, &["address"]),
};

pub(crate) const CHECK: Section = Section {
    name: "service.check",
    keys: &[
        key("kind", "\"http\""),
        key("use", "\"web\""),
        key("address", "\"10.0.0.11\""),
        key("port", "8080"),
        key("interval", "\"2s\""),
        key("fast", "\"500ms\""),
        key("down", "\"2s\""),
        key("timeout", "\"1s\""),
        key("fall", "3"),
        key("rise", "2"),
        key("start", "\"up\""),
        key("hold_max", "\"5m\""),
        key("send", "'PING\\r\\n'"),
        key("expect", "'+PONG'"),
        key("require_reply", "true"),
        key("path", "\"/healthz\""),
        key("host", "\"www.example.org\""),
        key("status", "\"200-299\""),
        key("method", "\"GET\""),
        key("version", "\"1.1\""),
        key("headers", "[\"Accept: text/plain\"]"),
        key("body", "\"all is well\""),
        key("body_regex", "'\"state\": *\"(ok|green)\"'"),
        key("verify", "true"),
        key("ca", "\"/etc/tandem/ca.pem\""),
        key("name", "\"www.example.org\""),
        key("expiry", "\"14d\""),
        key("type", "\"SOA\""),
        key("rcode", "\"NOERROR\""),
        key("transport", "\"udp\""),
        key("command", "[\"/usr/lib/tandem/check-db\"]"),
        key("user", "\"nobody\""),
        key("dynamic", "false"),
    ],
};

pub(crate) const AGENT: Section = Section {
    name: "service.agent",
    keys: &[key("port", "9707"), key("interval", "\"2s\""), key("send", "'web\\n'")],
};

pub(crate) const TIMEOUTS: Section = Section {
    name: "timeouts",
    keys: &[key("service", "{ ... }"), key("masquerade", "{ ... }"), key("fragment", "\"30s\"")],
};

const CONNECTION_KEYS: &[Key] = &[
    key("none", "\"2s\""),
    key("established", "\"15m\""),
    key("syn_sent", "\"2m\""),
    key("syn_recv", "\"1m\""),
    key("fin_wait", "\"2m\""),
    key("time_wait", "\"2m\""),
    key("close", "\"10s\""),
    key("close_wait", "\"1m\""),
    key("last_ack", "\"30s\""),
    key("listen", "\"2m\""),
    key("synack", "\"2m\""),
    key("udp", "\"5m\""),
    key("udp_unreplied", "\"30s\""),
    key("icmp", "\"1m\""),
];

pub(crate) const SERVICE_TIMEOUTS: Section =
    Section { name: "timeouts.service", keys: CONNECTION_KEYS };
pub(crate) const MASQUERADE_TIMEOUTS: Section =
    Section { name: "timeouts.masquerade", keys: CONNECTION_KEYS };

pub(crate) const SOURCES: Section = Section {
    name: "sources",
    keys: &[
        key("allow", "[\"203.0.113.0/24\"]"),
        key("client", "{ ... }"),
        key("network", "{ ... }"),
        key("host", "{ ... }"),
    ],
};

const QUOTA: &[Key] =
    &[key("connections", "1000"), key("half_open", "100"), key("new_per_second", "200")];

pub(crate) const SOURCES_CLIENT: Section = Section { name: "sources.client", keys: QUOTA };
pub(crate) const SOURCES_NETWORK: Section = Section {
    name: "sources.network",
    keys: &[
        key("prefix", "24"),
        as_in("connections", QUOTA),
        as_in("half_open", QUOTA),
        as_in("new_per_second", QUOTA),
    ],
};
pub(crate) const SOURCES_HOST: Section = Section { name: "sources.host", keys: QUOTA };

pub(crate) const HOOK: Section = Section {
    name: "hook",
    keys: &[
        key("name", "\"pager\""),
        key("on", "[\"server.down\", \"role\"]"),
        key("severity", "\"warning\""),
        key("command", "[\"/usr/local/bin/tell\"]"),
        key("user", "\"nobody\""),
        key("at_once", "1"),
        key("url", "\"https://alerts.example.org/tandem\""),
        key("headers", "[\"Authorization: Bearer secret\"]"),
        key("ca", "\"/etc/tandem/ca.pem\""),
        key("retry_for", "\"1h\""),
        key("timeout", "\"10s\""),
    ],
};

/// Every section.
pub const SECTIONS: &[Section] = &[
    FILE,
    NODE,
    PUBLIC,
    PUBLIC_ROUTE,
    PUBLIC_NEIGHBOUR,
    PRIVATE,
    PRIVATE_ROUTE,
    PRIVATE_NEIGHBOUR,
    PEER,
    PEER_PATH,
    METRICS,
    STATUS,
    MASQUERADE,
    SERVICE,
    SERVER,
    SORRY,
    CHECK,
    PERSIST,
    AGENT,
    TIMEOUTS,
    SERVICE_TIMEOUTS,
    MASQUERADE_TIMEOUTS,
    SOURCES,
    SOURCES_CLIENT,
    SOURCES_NETWORK,
    SOURCES_HOST,
    HOOK,
];
