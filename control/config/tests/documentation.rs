//! docs/configuration.md tells the truth: its examples are right and use every key,
//! and it describes every key that the reader knows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::time::Duration;

use config::{Check, CheckKind, Config, Server, schema};

const REFERENCE: &str = include_str!("../../../docs/configuration.md");
const COMPLETE: &str = include_str!("../../../docs/examples/tandem.toml");

/// The TOML examples of the reference, in its order; the first is complete.
fn examples() -> Vec<&'static str> {
    let blocks = REFERENCE.split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

/// An example with what it leaves out taken from the first.
fn completed(example: &str) -> String {
    let whole = examples()[0];
    let sections = whole.split_inclusive("\n\n").filter(|section| {
        let header = section.lines().next().unwrap();
        !example.lines().any(|line| line == header)
    });
    let sections = sections.collect::<String>();
    match example.starts_with("include") {
        true => format!("{example}\n{sections}"),
        false => format!("{sections}\n{example}"),
    }
}

#[test]
fn every_example_is_right() {
    assert!(examples().len() >= 7, "an example for each section");
    for example in examples() {
        let text = completed(example);
        if let Err(mistakes) = Config::from_str("example", &text) {
            panic!("{mistakes}\nin:\n{text}");
        }
    }
}

#[test]
fn the_complete_file_is_right_and_raises_no_warning() {
    let checked = Config::check("tandem.toml", COMPLETE).unwrap();
    assert_eq!(checked.warnings, []);
    assert_eq!(checked.config.services.len(), 2);
}

/// Tables of keys in the reference belong to the section that was named last before
/// them, as a heading or as a name at the beginning of a line.
fn documented(section: &str) -> Vec<&'static str> {
    let mut keys = Vec::new();
    let mut current: Vec<&str> = Vec::new();
    for line in REFERENCE.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            current = match heading {
                "The file" => vec![""],
                "[public] and [private]" => vec!["public", "private"],
                one => vec![one.trim_matches(['[', ']'])],
            };
        } else if line.starts_with('`') {
            current =
                line.split('`').skip(1).step_by(2).filter(|name| name.contains('.')).collect();
        } else if line.starts_with("| `") && current.contains(&section) {
            keys.push(line.split('`').nth(1).unwrap());
        }
    }
    keys
}

#[test]
fn every_key_is_described_and_no_other() {
    for section in schema::SECTIONS {
        let mut documented = documented(section.name);
        let mut known: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
        documented.sort_unstable();
        known.sort_unstable();
        assert_eq!(documented, known, "keys of [{}]", section.name);
    }
}

#[test]
fn every_key_is_in_an_example() {
    let all = examples().concat();
    for key in schema::SECTIONS.iter().flat_map(|section| section.keys) {
        let plain = format!("{} = ", key.name);
        let table = format!(".{}]", key.name);
        let section = format!("[{}]", key.name);
        let named = format!("[{}.", key.name);
        let found = [plain, table, section, named].iter().any(|form| all.contains(form.as_str()));
        assert!(found, "{} is in no example", key.name);
    }
}

/// The rows of a table whose first column begins with this header.
fn rows(header: &str) -> Vec<Vec<&'static str>> {
    let lines = REFERENCE.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn every_scheduler_is_described_and_no_other() {
    let described = rows("| name | which server");
    let known = config::Scheduler::ALL.iter();
    let known: Vec<_> = known.map(|one| vec![one.name(), one.sentence()]).collect();
    assert_eq!(described, known);
}

#[test]
fn every_multicast_protocol_is_described_and_no_other() {
    let described = rows("| name | what the kernel gets of it");
    let known = config::MulticastProtocol::ALL.iter();
    let known: Vec<_> = known.map(|one| vec![one.name(), one.sentence()]).collect();
    assert_eq!(described, known);
}

#[test]
fn every_scheduler_is_read_by_its_name() {
    let whole = examples()[0];
    for scheduler in config::Scheduler::ALL {
        let service = format!(
            "[[service]]\nname = \"one\"\nlisten = \"198.51.100.10:8080\"\nprotocol = \"tcp\"\n\
             scheduler = \"{scheduler}\"\nserver = [{{ address = \"10.0.0.11:80\" }}]\n"
        );
        let config = Config::from_str("schedulers", &format!("{whole}\n{service}")).unwrap();
        assert_eq!(config.services.last().unwrap().scheduler, *scheduler);
    }
}

/// Values other than the defaults arrive where they belong.
#[test]
fn the_examples_say_what_they_mean() {
    let all: Vec<Config> = examples()
        .iter()
        .map(|example| Config::from_str("example", &completed(example)).unwrap())
        .collect();
    let [
        _,
        _,
        node,
        sides,
        peer,
        metrics,
        status,
        masquerade,
        media,
        services,
        defaults,
        checks,
        timeouts,
        sources,
        hooks,
    ] = &all[..]
    else {
        panic!("{all:?}")
    };

    assert_eq!(node.node.workers, [2, 3].map(config::CoreId));
    assert_eq!(node.node.main_cores, [0, 1].map(config::CoreId));
    assert_eq!(node.node.management_ports, [22, 179]);
    assert_eq!(node.node.idle, config::Idle::Adaptive);
    assert!(!node.node.rss);
    assert_eq!(node.node.connections, 4_000_000);
    assert_eq!(node.node.memory.mebibytes, Some(2048));
    assert_eq!(node.node.memory.mbufs, Some(131_071));
    assert_eq!(node.node.log, config::LogLevel::Debug);

    assert_eq!(sides.public.device.to_string(), "net_af_packet0,iface=eth0");
    assert_eq!(sides.public.floating.len(), 2);
    assert_eq!(sides.public.routes[0].to.to_string(), "192.0.2.0/24");
    assert_eq!(sides.public.neighbours[0].mac.to_string(), "02:00:00:00:00:01");
    assert_eq!(sides.public.mss_clamp, Some(1400));
    assert_eq!(sides.public.virtual_mac.map(|mac| mac.0[5]), Some(1));
    assert_eq!(sides.private.virtual_mac.map(|mac| mac.0[5]), Some(2));
    assert_eq!(sides.public.kernel_multicast, config::MulticastProtocol::ALL);
    assert_eq!(sides.private.kernel_multicast, [config::MulticastProtocol::Vrrp]);
    assert_eq!(sides.public.rx_descriptors, Some(1024));
    assert_eq!(sides.private.tx_descriptors, Some(2048));
    assert_eq!(sides.private.mtu, 9000);
    assert_eq!(sides.private.gateway, Some([10, 0, 0, 254].into()));

    assert_eq!(node.node.state.to_str(), Some("/var/lib/tandem"));
    let maintenance = node.node.maintenance.as_ref().unwrap();
    assert_eq!(maintenance.to_str(), Some("/etc/tandem/maintenance.d"));

    assert_eq!(metrics.metrics, config::Metrics::default());
    let page = &status.status;
    let tls = page.tls.as_ref().unwrap();
    assert_eq!(tls.client_ca.as_ref().unwrap().to_str(), Some("/etc/tandem/operators.pem"));
    assert!(page.token_file.is_some() && page.names == ["tandem-a.example.org"]);
    let peer = peer.peer.as_ref().unwrap();
    assert_eq!(peer.paths.len(), 2);
    assert_eq!(peer.port, config::Peer::PORT);
    assert_eq!(peer.timing.preempt, Some(Duration::from_secs(30)));
    let timing = config::Timing { preempt: None, ..peer.timing };
    assert_eq!(timing, config::Timing::default(), "the example has the defaults");
    assert!(peer.witness.is_some());
    assert_eq!(masquerade.masquerade[0].source.len(), 2);
    assert_eq!(masquerade.masquerade[0].ports.to_string(), "20000-65535");

    let media = &media.services[0];
    assert_eq!(media.listens[0].to_string(), "198.51.100.10:50000-60000");
    let ports: Vec<_> = media.servers.iter().map(|server| server.address.port()).collect();
    assert_eq!((ports, media.checks[0].port), (vec![0, 0], Some(8080)));

    let web = &services.services[0];
    assert_eq!(web.servers.iter().map(|server| server.weight).collect::<Vec<_>>(), [2, 1, 0, 1]);
    assert_eq!(web.sorry.iter().map(|server| server.weight).collect::<Vec<_>>(), [1]);
    let limits: Vec<_> = web.servers.iter().map(|server| server.limit).collect();
    let limit = |most, resume_below| Some(config::Limit { most, resume_below });
    assert_eq!(limits, [limit(1000, 800), limit(500, 375), None, None]);
    assert_eq!((web.limit, web.when_full), (limit(1400, 1300), config::WhenFull::Next));
    let dns = services.services[2].keys();
    let dns: Vec<_> = dns.map(|(listen, protocol)| format!("{listen} {protocol}")).collect();
    assert_eq!(
        dns,
        [
            "198.51.100.10:53 tcp",
            "198.51.100.10:53 udp",
            "198.51.100.10:5353 tcp",
            "198.51.100.10:5353 udp"
        ]
    );
    let keep = Some(config::WhenAllDown::Keep);
    assert_eq!((web.pool.slow_start, web.pool.panic), (Duration::from_secs(30), 30));
    assert_eq!((web.pool.when_all_down, web.pool.quorum, web.pool.hysteresis), (keep, 2, 1));
    let check = &web.checks[0];
    assert_eq!(check.timeout, Duration::from_millis(500));
    assert!(matches!(&check.kind, CheckKind::Http(http)
        if http.paths == ["/healthz"] && http.statuses[0].last == 399 && http.tls.is_none()));
    let given = Check { address: None, port: None, ..check.clone() };
    let default = Check { timeout: given.timeout, ..Check::new(given.kind.clone()) };
    assert_eq!(given, default, "the example has the defaults");
    let kinds = |server: &Server| -> Vec<_> {
        web.checks_of(server).iter().map(|check| check.kind.name()).collect()
    };
    assert_eq!(
        web.servers.iter().map(kinds).collect::<Vec<_>>(),
        [["http"], ["http"], ["tcp"], ["http"]]
    );
    let ports = web.servers.iter().filter_map(|server| Some(web.agent_of(server)?.port));
    assert_eq!(ports.collect::<Vec<_>>(), [9707, 9707, 9707, 9708]);
    assert_eq!(web.detection_time(), Some(Duration::from_secs(4)), "by the check over TCP");
    let dns = &services.services[2];
    assert_eq!(dns.checks.len(), 3);
    assert_eq!(dns.checks[2].fast, Duration::from_millis(125));
    assert_eq!(dns.checks[2].timeout, Duration::from_millis(500));
    let basket = &services.services[3];
    assert_eq!(basket.detection_time(), Some(Duration::from_millis(10_000 + 2 * 2500 + 1000)));

    let [shop, time] = &defaults.services[..] else { panic!("{defaults:?}") };
    let weights = |service: &config::Service| {
        service.servers.iter().map(|server| server.weight).collect::<Vec<_>>()
    };
    assert_eq!((weights(shop), weights(time)), (vec![10, 20], vec![1]));
    assert_eq!(shop.protocols, [config::Protocol::Tcp]);

    let [shop, api] = [0, 1].map(|index| &checks.services[index].checks[0]);
    assert_eq!((shop.interval, api.interval), (Duration::from_secs(1), Duration::from_secs(1)));
    for (check, expected) in [(shop, "/healthz"), (api, "/ready")] {
        assert!(matches!(&check.kind, CheckKind::Http(http) if http.paths == [expected]));
    }

    let cache = services.services.last().unwrap();
    assert_eq!(cache.scheduler.name(), "mh");
    let expected = config::HashOptions { bound: 125, table_size: 131_071, ..Default::default() };
    assert_eq!(cache.hash, expected);

    assert_eq!(timeouts.timeouts.service.tcp.established, Duration::from_secs(1800));
    assert_eq!(timeouts.timeouts.service.icmp, Duration::from_secs(30));
    assert_eq!(timeouts.timeouts.masquerade.tcp.established, Duration::from_secs(9000));

    let limits = &sources.sources;
    assert_eq!((limits.allow.len(), limits.prefix), (1, 24));
    let quota = |connections, half_open, new_per_second| config::Quota {
        connections: Some(connections),
        half_open: Some(half_open),
        new_per_second: Some(new_per_second),
    };
    assert_eq!(limits.client, quota(2000, 200, 500));
    assert_eq!(limits.network, quota(100_000, 5000, 20_000));
    assert_eq!(limits.host, quota(50_000, 2000, 5000));

    let [pager, chat] = &hooks.hooks[..] else { panic!("{hooks:?}") };
    assert_eq!((pager.name.as_str(), pager.severity), ("pager", api::EventSeverity::Warning));
    let expected = config::HookCommand {
        command: vec!["/usr/local/bin/tell".to_owned(), "--pager".to_owned()],
        user: Some(config::Hook::USER.to_owned()),
        at_once: 1,
    };
    assert_eq!(pager.action, config::HookAction::Command(expected));
    assert_eq!((&*chat.on, chat.timeout), (&["all".to_owned()][..], config::Hook::TIMEOUT));
    let config::HookAction::Webhook(webhook) = &chat.action else { panic!("{chat:?}") };
    assert_eq!(webhook.retry_for, config::Hook::RETRY_FOR, "the example has the default");
    assert!(!format!("{webhook:?}").contains("secret"), "{webhook:?}");
}

/// The defaults in the reference's table of timeouts are the defaults.
#[test]
fn the_timeouts_described_are_the_defaults() {
    let rows = REFERENCE
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 3);
    let mut text = [String::new(), String::new()];
    for row in rows {
        let cells: Vec<&str> = row.split('`').collect();
        let [_, key, _, service, _, masquerade, _] = cells[..] else { panic!("{row}") };
        text[0] += &format!("{key} = {service}\n");
        text[1] += &format!("{key} = {masquerade}\n");
    }
    assert_eq!(text[0].lines().count(), 14);
    let [service, masquerade] = text;
    let given = format!("[timeouts.service]\n{service}\n[timeouts.masquerade]\n{masquerade}");
    let config = Config::from_str("defaults", &completed(&given)).unwrap();
    assert_eq!(config.timeouts, config::Timeouts::default());
}
