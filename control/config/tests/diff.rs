//! What differs between two configurations, in the words of the file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use config::Sources;
use config::diff::{Difference, compare};

const COMPLETE: &str = include_str!("../../../docs/examples/tandem.toml");

fn sources(text: &str) -> Sources {
    Sources::new([("tandem.toml".to_owned(), text.to_owned())])
}

fn line(difference: &Difference) -> String {
    let Difference { section, name, server, key, old, new } = difference;
    let part = |part: &Option<String>| part.as_deref().unwrap_or("-").to_owned();
    format!(
        "{section} {} {} {}: {} -> {}",
        part(name),
        part(server),
        part(key),
        part(old),
        part(new)
    )
}

/// The differences after each `from` has become its `to`.
fn after(changes: &[(&str, &str)]) -> Vec<String> {
    let mut text = COMPLETE.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in the file");
        text = text.replacen(from, to, 1);
    }
    let differences = compare(&sources(COMPLETE), &sources(&text)).unwrap();
    differences.iter().map(line).collect()
}

#[test]
fn what_means_the_same_is_no_difference() {
    assert_eq!(after(&[]), [""; 0]);
    assert_eq!(after(&[("scheduler = \"wlc\"\n", "")]), [""; 0], "a default");
    assert_eq!(after(&[("1_000_000", "1000000"), ("# towards clients", "# out")]), [""; 0]);
    let named = [
        ("[[masquerade]]", "[defaults]\nscheduler = \"rr\"\n[[masquerade]]"),
        ("scheduler = \"rr\"\nserver", "server"),
    ];
    assert_eq!(after(&named), [""; 0]);
    let at = COMPLETE.find("[[service]]").unwrap();
    let (head, services) = COMPLETE.split_at(at);
    let several =
        Sources::new([("a", head), ("b", services)].map(|(n, t)| (n.to_owned(), t.to_owned())));
    assert_eq!(compare(&sources(COMPLETE), &several).unwrap(), []);
}

#[test]
fn services_servers_and_keys_are_named() {
    assert_eq!(
        after(&[
            ("scheduler = \"wlc\"", "scheduler = \"wrr\"\nunserved = \"drop\""),
            ("10.0.0.11:80\", weight = 1", "10.0.0.11:80\", weight = 0"),
            ("    { address = \"10.0.0.12:80\", weight = 1 },\n", ""),
            ("10.0.0.13:80\", weight = 1 },", "10.0.0.13:80\" },\n{ address = \"10.0.0.14:80\" },"),
        ]),
        [
            "service web - scheduler: \"wlc\" -> \"wrr\"",
            "service web - unserved: - -> \"drop\"",
            "service web 10.0.0.11:80 weight: 1 -> 0",
            "service web 10.0.0.12:80 -: { address = \"10.0.0.12:80\", weight = 1 } -> -",
            "service web 10.0.0.13:80 weight: 1 -> -",
            "service web 10.0.0.14:80 -: - -> { address = \"10.0.0.14:80\" }",
        ]
    );
    let renamed = after(&[("name = \"dns\"", "name = \"names\"")]);
    assert_eq!(renamed.len(), 2, "{renamed:?}");
    assert!(renamed[0].starts_with("service dns - -: {") && renamed[0].ends_with(" -> -"));
    assert!(renamed[1].starts_with("service names - -: - -> {"));
}

#[test]
fn what_is_inherited_differs_in_every_service_that_inherits_it() {
    let base = COMPLETE.replace("scheduler = \"wlc\"\n", "").replace("scheduler = \"rr\"\n", "");
    let with = |scheduler: &str| {
        let defaults = format!("[defaults]\nscheduler = \"{scheduler}\"\n[[masquerade]]");
        sources(&base.replace("[[masquerade]]", &defaults))
    };
    let lines: Vec<_> = compare(&with("rr"), &with("lc")).unwrap().iter().map(line).collect();
    assert_eq!(
        lines,
        ["service web - scheduler: \"rr\" -> \"lc\"", "service dns - scheduler: \"rr\" -> \"lc\"",]
    );
}

#[test]
fn sections_rules_and_order_are_named() {
    assert_eq!(
        after(&[
            ("workers = [1]", "workers = [1, 2]"),
            ("gateway = \"198.51.100.1\"\n", ""),
            (
                "[[masquerade]]",
                "[timeouts.service]\nudp = \"1m\"\n[[masquerade]]\nsource = [\"10.0.0.0/28\"]\n\
                 address = \"198.51.100.10\"\n[[masquerade]]"
            ),
        ]),
        [
            "node - - workers: [1] -> [1, 2]",
            "public - - gateway: \"198.51.100.1\" -> -",
            "masquerade [\"10.0.0.0/28\"] - -: - -> { address = \"198.51.100.10\", source = \
             [\"10.0.0.0/28\"] }",
            "timeouts - - -: - -> { service = { udp = \"1m\" } }",
        ]
    );
    let servers = "{ address = \"10.0.0.11:53\" }, { address = \"10.0.0.12:53\" }";
    let turned = "{ address = \"10.0.0.12:53\" }, { address = \"10.0.0.11:53\" }";
    assert_eq!(
        after(&[(servers, turned)]),
        ["service dns - order of server: 10.0.0.11:53, 10.0.0.12:53 -> 10.0.0.12:53, 10.0.0.11:53"]
    );
}

#[test]
fn mistakes_are_told() {
    let wrong = sources("[node]\n");
    assert!(compare(&sources(COMPLETE), &wrong).is_err());
    assert!(compare(&wrong, &sources(COMPLETE)).is_err());
}
