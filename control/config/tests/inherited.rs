//! `[defaults]` and `[checks.NAME]`: what services inherit, and how mistakes in it are told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use std::time::Duration;

use config::{Config, Scheduler, Unserved};

const BASE: &str = "\
[node]
name = \"a\"
workers = [1]
[public]
port = \"0000:03:00.0\"
address = \"198.51.100.2/24\"
floating = [\"198.51.100.10/24\"]
gateway = \"198.51.100.1\"
[private]
port = \"0000:03:00.1\"
address = \"10.0.0.2/24\"
floating = [\"10.0.0.1/24\"]
";

/// The lines of [`BASE`], so that places can be told from the first line of a test's own text.
const ABOVE: u32 = 12;

fn service(name: &str, port: u16, more: &str) -> String {
    format!(
        "[[service]]\nname = \"{name}\"\nlisten = \"198.51.100.10:{port}\"\nserver = [{{ address \
         = \"10.0.0.11:{port}\" }}]\n{more}\n"
    )
}

fn right(text: &str) -> Config {
    Config::from_str("tandem.toml", &format!("{BASE}{text}"))
        .unwrap_or_else(|found| panic!("{found}"))
}

/// Mistakes and warnings, their lines counted from the first line of the text.
fn found(text: &str) -> Vec<String> {
    let (mistakes, warnings) = match Config::check("t", &format!("{BASE}{text}")) {
        Ok(checked) => (Vec::new(), checked.warnings),
        Err(found) => (found.mistakes, found.warnings),
    };
    let all = mistakes.into_iter().chain(warnings);
    all.map(|mut mistake| {
        mistake.place = mistake.place.map(|mut place| {
            place.line -= ABOVE;
            place
        });
        mistake.to_string()
    })
    .collect()
}

#[test]
fn a_service_has_what_it_says_and_else_the_default() {
    let config = right(&format!(
        "[defaults]\nprotocol = \"tcp\"\nscheduler = \"wrr\"\nunserved = \"drop\"\nserver = {{ \
         weight = 7 }}\ncheck = {{ kind = \"ping\" }}\n{}{}{}",
        service("a", 80, ""),
        service("b", 81, "scheduler = \"rr\"\ncheck = { kind = \"tcp\", fall = 9 }"),
        service("c", 82, "protocol = \"udp\"\ndefaults = false"),
    ));
    let [a, b, c] = &config.services[..] else { panic!("{config:?}") };
    assert_eq!(
        (a.scheduler, b.scheduler, c.scheduler),
        (Scheduler::WeightedRoundRobin, Scheduler::RoundRobin, Scheduler::default())
    );
    assert_eq!((a.unserved, c.unserved), (Some(Unserved::Drop), None));
    assert_eq!((a.servers[0].weight, c.servers[0].weight), (7, 1));
    assert!(!a.checks.is_empty() && b.checks[0].fall == 9 && c.checks.is_empty());
}

#[test]
fn a_check_is_named_and_changed() {
    let config = right(&format!(
        "[checks.base]\ninterval = \"5s\"\nfall = 4\n[checks.web]\nuse = \"base\"\nkind = \
         \"http\"\npath = \"/a\"\n[defaults]\nprotocol = \"tcp\"\ncheck = \"web\"\n{}{}",
        service("a", 80, ""),
        service("b", 81, "check = { use = \"web\", interval = \"1s\", fall = 2 }"),
    ));
    let checks: Vec<_> = config.services.iter().map(|service| &service.checks[0]).collect();
    assert_eq!(checks[0].kind, checks[1].kind);
    assert_eq!([checks[0].interval, checks[1].interval], [5, 1].map(Duration::from_secs));
    assert_eq!((checks[0].fall, checks[1].fall), (4, 2));
}

#[test]
fn a_mistake_that_is_inherited_is_told_once_with_its_heirs() {
    let three = |defaults: &str| {
        let services: String =
            [("a", 80), ("b", 81), ("c", 82)].map(|(name, port)| service(name, port, "")).concat();
        found(&format!("[defaults]\nprotocol = \"tcp\"\n{defaults}\n{services}"))
    };
    let found = three("scheduler = \"wlx\"");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("t:3:13: service.scheduler is \"wlx\""), "{found:?}");
    assert!(found[0].contains("(service \"a\" and 2 more inherit it)"), "{found:?}");
    // A mistake that only shows beside what the service has.
    let found = three("server = { weight = 0 }");
    assert_eq!(found.len(), 3, "a warning for each service, at its own servers: {found:?}");
    let found = three("check = { kind = \"dns\", path = \"/\" }");
    assert!(
        found[0].starts_with("t:3:") && found[0].contains("(service \"a\" and 2 more inherit it)"),
        "{found:?}"
    );
}

#[test]
fn what_nobody_inherits_is_judged_all_the_same() {
    let lines = found("[defaults]\nscheduler = \"wlx\"\nserver = { weight = -1 }\nnmae = 1\n");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("t:2:13: service.scheduler is \"wlx\""), "{lines:?}");
    assert!(lines[1].starts_with("t:3:21: service.server.weight is -1"), "{lines:?}");
    assert!(lines[2].starts_with("t:4:1: defaults has no key nmae"), "{lines:?}");
    let lines = found("[checks.web]\nkind = \"tpc\"\n");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("t:2:8: service.check.kind is \"tpc\""), "{lines:?}");
    assert_eq!(
        lines[1],
        "t:1:9: warning: the check \"web\" is used by no service; name it in the check of a \
         service, or take it out"
    );
}

#[test]
fn names_that_are_wrong_are_told_with_the_nearest() {
    let checks = "[checks.web]\nkind = \"tcp\"\n";
    let used = service("used", 99, "protocol = \"tcp\"\ncheck = \"web\"");
    let with = |check: &str| {
        let other = service("a", 80, &format!("protocol = \"tcp\"\ncheck = {check}"));
        let found = found(&format!("{checks}{used}{other}"));
        assert_eq!(found.len(), 1, "{check}: {found:?}");
        found[0].clone()
    };
    assert_eq!(with("\"wbe\""), "t:14:9: there is no check \"wbe\"; did you mean web?");
    assert_eq!(with("\"dns\""), "t:14:9: there is no check \"dns\"; the named checks are web");
    assert_eq!(with("{ use = \"wb\" }"), "t:14:17: there is no check \"wb\"; did you mean web?");
    assert!(with("{ use = 7 }").contains("service.check.use is a whole number"));
    assert_eq!(
        found(&service("a", 80, "protocol = \"tcp\"\ncheck = \"web\"")),
        ["t:6:9: there is no check \"web\"; write the check as a table, or name one with \
          [checks.NAME]"]
    );
}

#[test]
fn checks_that_are_based_on_themselves_are_told() {
    let lines = found(&format!(
        "[checks.a]\nuse = \"b\"\n[checks.b]\nuse = \"a\"\n{}",
        service("s", 80, "protocol = \"tcp\"\ncheck = \"a\"")
    ));
    assert_eq!(
        lines,
        ["t:4:7: the check \"a\" is based on itself (service \"s\" inherits it); take one use out"]
    );
    let chain: String = (0..12).map(|n| format!("[checks.c{n}]\nuse = \"c{}\"\n", n + 1)).collect();
    let lines = found(&format!(
        "{chain}[checks.c12]\nkind = \"tcp\"\n{}",
        service("s", 80, "protocol = \"tcp\"\ncheck = \"c0\"")
    ));
    assert!(lines[0].contains("more than 8 checks are based on each other"), "{lines:?}");
}

#[test]
fn tables_that_are_none_are_told() {
    for (text, what) in [
        ("defaults = 7\n", "defaults is a whole number; write a table"),
        ("checks = \"web\"\n", "checks is no table"),
        ("checks.web = 7\n", "the check \"web\" is a whole number"),
        ("defaults.server = [7]\n", "defaults.server is a list; write a table"),
    ] {
        let (head, _) = BASE.split_once('\n').unwrap();
        let whole = format!("{text}{head}\n{}", BASE.split_once('\n').unwrap().1);
        let error = Config::from_str("t", &whole).unwrap_err().to_string();
        assert!(error.starts_with("t:1:") && error.contains(what), "{error}");
    }
    let lines = found(&service("s", 80, "protocol = \"tcp\"\ndefaults = \"no\""));
    assert!(lines[0].contains("service.defaults is a string"), "{lines:?}");
}
