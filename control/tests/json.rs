//! What every command writes with `--json` is of the shape that `tandem schema` tells, as a JSON
//! Schema validator that is not ours finds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod dataplane;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use api::{
    AdminOrder, Administered, Administrative, Applied, CaptureFrame, CaptureNic, CaptureStatistics,
    Capturing, Event, EventKind, EventsFound, Explanation, Failure, FailureKind, HeldKey, Journey,
    KeyState, Killed, Operational, Origin, PacketSummary, PeerExchange, PeerView, Pool, PoolServer,
    Pools, Reloaded, Request, Response, Role, Side, Step, TraceCounts, TracePage, TraceStage,
    Version, VersionFile, VersionFiles, VersionOrigin, Versions,
};
use dataplane::{FakeDataplane, busy, idle, pair, stdout};
use serde_json::{Value, json};

fn schema(name: &str) -> Value {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tandem")).args(["schema", name]).output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The schema, such that it takes no member that it does not tell of.
fn strict(mut schema: Value) -> Value {
    fn close(value: &mut Value) {
        match value {
            Value::Object(members) => {
                let is_shape = members.get("properties").is_some_and(Value::is_object);
                if is_shape && !members.contains_key("additionalProperties") {
                    members.insert("additionalProperties".to_owned(), json!(false));
                }
                members.values_mut().for_each(close);
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut schema);
    schema
}

/// The names of the shapes that were seen.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    /// Each line, or all of it as one, is an answer of this shape.
    #[track_caller]
    fn check(&mut self, name: &str, text: &str) -> Vec<Value> {
        let validator = jsonschema::validator_for(&strict(schema(name))).unwrap();
        let answers: Vec<Value> = match serde_json::from_str(text) {
            Ok(one) => vec![one],
            Err(_) => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        };
        assert!(!answers.is_empty(), "{name}: nothing was written");
        for answer in &answers {
            assert_eq!(answer["schema"], name, "{answer:#}");
            let errors: Vec<_> = validator
                .iter_errors(answer)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{name}: {errors:#?}\n{answer:#}");
        }
        self.0.insert(name.to_owned());
        answers
    }
}

fn server() -> PoolServer {
    PoolServer {
        service: "web".to_owned(),
        address: ([10, 0, 0, 12], 80).into(),
        operational: Operational::Down,
        reason: "http: 500 after 12 ms".to_owned(),
        code: "L7STS".to_owned(),
        before_seconds: Some(90),
        administrative: Administrative::Drain,
        origin: Some(Origin::Operator("a".to_owned())),
        decided_at: Some(1_772_366_400),
        set_weight: Some(3),
        connections: Some(12),
        peer: Some(PeerView { connections: Some(1), ..PeerView::default() }),
        ..PoolServer::default()
    }
}

/// A tandem-control with something to say of everything.
fn control(request: Request) -> Response {
    let version = || Version {
        number: 4,
        origin: VersionOrigin::RolledBack,
        of: Some(2),
        confirm_by: Some(1_772_366_400_000),
        ..Version::default()
    };
    let applied = || Applied { version: version(), generation: 4, warnings: vec!["w".to_owned()] };
    match request {
        Request::Pair | Request::Failover => Response::Pair(pair()),
        Request::Pools(_) => Response::Pools(Pools {
            pools: vec![Pool {
                service: "web".to_owned(),
                servers: vec![
                    server(),
                    PoolServer { origin: Some(Origin::Folder), ..server() },
                    PoolServer::default(),
                ],
                ..Pool::default()
            }],
            warnings: vec!["the maintenance folder cannot be read".to_owned()],
            peer: Some(PeerExchange {
                trouble: Some("no path".to_owned()),
                ..PeerExchange::default()
            }),
            ..Pools::default()
        }),
        Request::Administer(administer) => {
            assert!(!matches!(administer.order, AdminOrder::Weight(None)), "an order of the tests");
            let servers = vec![PoolServer { connections: Some(0), ..server() }];
            Response::Administered(Administered { servers, notes: vec!["a note".to_owned()] })
        }
        Request::Versions => Response::Versions(Versions {
            versions: vec![version(), Version { number: 3, ..Version::default() }],
        }),
        Request::VersionFiles(asked) => {
            let weight = asked.number;
            let text = include_str!("../../docs/examples/tandem.toml")
                .replace(":80\", weight = 1 }", &format!(":80\", weight = {weight} }}"));
            let files = vec![VersionFile { name: "tandem.toml".to_owned(), text }];
            Response::VersionFiles(VersionFiles { files })
        }
        Request::Apply(_) | Request::Confirm | Request::RollBack(_) => Response::Applied(applied()),
        Request::Events(_) => Response::EventsFound(EventsFound {
            events: vec![
                Event {
                    why: Some("connection refused".to_owned()),
                    actor: Some("root".to_owned()),
                    fields: [("service".to_owned(), "web".to_owned())].into(),
                    details: vec!["a line".to_owned()],
                    ..Event::default()
                },
                Event { kind: EventKind::ServerDown, ..Event::default() },
            ],
            ..EventsFound::default()
        }),
        Request::Reload(_) => {
            Response::Reloaded(Reloaded { generation: 4, warnings: vec!["a warning".to_owned()] })
        }
        Request::Key(_) => Response::KeyState(KeyState {
            accepted: Some(HeldKey::default()),
            peers: Some("1234".to_owned()),
            ..KeyState::default()
        }),
        other => panic!("{other:?} was not expected"),
    }
}

fn packet() -> PacketSummary {
    PacketSummary {
        source: "203.0.113.9".parse().unwrap(),
        destination: "198.51.100.10".parse().unwrap(),
        source_port: Some(4242),
        destination_port: Some(80),
        protocol: "tcp".to_owned(),
        detail: Some("SYN".to_owned()),
        length: 60,
        ttl: 64,
    }
}

fn steps() -> Vec<Step> {
    let rewritten = Step {
        packet: Some(packet()),
        service: Some("web".to_owned()),
        server: Some(([10, 0, 0, 11], 80).into()),
        side: Some(Side::Private),
        remedy: Some("tandem services".to_owned()),
        ..Step::new(TraceStage::Rewritten, "", "to 10.0.0.11:80")
    };
    vec![Step::new(TraceStage::Arrived, "queue", "from the public NIC"), rewritten]
}

/// A dataplane with something to show, and the files of the example as its configuration.
fn all(request: Request) -> Response {
    match request {
        Request::Kill(_) => Response::Killed(Killed { connections: 2, ..Killed::default() }),
        Request::Explain(asked) => Response::Explained(Explanation {
            generation: 7,
            core: 1,
            packet: PacketSummary {
                source: asked.source.ip(),
                destination: asked.destination.ip(),
                ..packet()
            },
            steps: steps(),
        }),
        Request::Trace(_) => Response::Tracing(TracePage { running: true, ..TracePage::default() }),
        Request::TraceNext => {
            static ASKED: AtomicBool = AtomicBool::new(false);
            let is_first = !ASKED.swap(true, Ordering::Relaxed);
            let journey =
                || Journey { time_micros: 7, core: 1, packet: Some(packet()), steps: steps() };
            let counts = TraceCounts { examined: 9, matched: 1, ..TraceCounts::default() };
            let journeys = is_first.then(journey).into_iter().collect();
            Response::Tracing(TracePage { journeys, counts, running: false })
        }
        Request::Sources(page) => {
            let text = include_str!("../../docs/examples/tandem.toml").replace("wlc", "rr");
            let (files, at) = ([("tandem.toml", text.as_str())], (page.file, page.offset));
            let page = api::SourcesInForce::page(7, "digest".to_owned(), files, at);
            Response::SourcesInForce(page)
        }
        other => busy(other),
    }
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/tandem.toml")
}

/// A file in a folder of its own, with this text.
fn file(name: &str, text: &str) -> PathBuf {
    let path = dataplane::path().with_file_name(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn with_json(dataplane: &FakeDataplane, words: &[&str]) -> Output {
    let mut all = words.to_vec();
    all.push("--json");
    dataplane.tandem(&all)
}

/// What is written when a capture has ended, whose dataplane ends it at once.
fn captured() -> String {
    let socket = dataplane::path();
    let listener = UnixListener::bind(&socket).unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let nic = |side| CaptureNic {
            side,
            device: "net_ring0".to_owned(),
            driver: "net_ring".to_owned(),
            mac: [2, 0, 0, 0, 0, 1],
            speed_mbps: None,
        };
        let nics = vec![nic(Side::Public), nic(Side::Private)];
        let capturing = Capturing { nics, snap_length: 96, ..Capturing::default() };
        let begun = api::server::serve_one(&mut stream, |_| Response::Capturing(capturing.clone()));
        assert!(begun.unwrap());
        let mut end = Vec::new();
        CaptureFrame::End([CaptureStatistics { seen: 9, ..CaptureStatistics::default() }; 2])
            .write(&mut end);
        stream.write_all(&end).unwrap();
        // Until the client has gone.
        drop(stream.read_to_end(&mut end));
    });
    let file = dataplane::path().with_file_name("x.pcapng").display().to_string();
    let output = dataplane::tandem(&socket, &["capture", "-w", &file, "--json"]);
    served.join().unwrap();
    // The answer, and after it why the command has failed: the dataplane ends no capture by itself.
    let text = stdout(&output);
    let mut answers = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    answers.next().unwrap().unwrap().to_string()
}

#[test]
fn every_answer_is_of_its_shape() {
    let dataplane = FakeDataplane::start(all).with_control(control);
    let mut seen = Seen::default();
    let example = example().display().to_string();
    let wrong = file("wrong.toml", "[node]\nname = 3\n").display().to_string();
    let key = dataplane::path().with_file_name("peer.key");
    let paths = "paths = [{ local = \"198.51.100.2\", remote = \"198.51.100.3\" }]";
    let text = std::fs::read_to_string(&example).unwrap();
    let paired = format!("{text}\n[peer]\n{paths}\nkey_file = \"{}\"\n", key.display());
    let paired = file("paired.toml", &paired).display().to_string();
    let empty = dataplane::path().parent().unwrap().display().to_string();
    let server = ["web", "10.0.0.11:80"];
    let cases: &[(&str, &[&str], &[i32])] = &[
        ("check", &["check", &example], &[0]),
        ("check", &["check", &wrong], &[2]),
        ("status", &["status"], &[2]),
        ("verdict", &["status", "--brief"], &[2]),
        ("watch", &["watch", "--count", "2", "--interval", "100ms"], &[2]),
        ("top", &["top", "--interval", "100ms", "--sources"], &[0]),
        ("services", &["services"], &[0]),
        ("servers", &["drain", server[0], server[1]], &[0]),
        ("servers", &["drain", "--wait", "--timeout", "1s", server[0], server[1]], &[0, 1, 3]),
        ("servers", &["disable", server[0], server[1]], &[0]),
        ("servers", &["enable", server[0], server[1]], &[0]),
        ("servers", &["weight", server[0], server[1], "5"], &[0]),
        ("connections", &["connections"], &[0]),
        ("connections", &["connections", "--all"], &[0]),
        ("connection-count", &["connections", "--count"], &[0]),
        ("connection-groups", &["connections", "--by", "server"], &[0]),
        ("killed", &["kill", "--service", "web", "--yes"], &[0]),
        ("explanation", &["explain", "203.0.113.9:4242", "198.51.100.10:80/tcp"], &[0]),
        ("event", &["events"], &[0]),
        ("event-kinds", &["events", "--list-kinds"], &[0]),
        ("sources", &["sources"], &[0]),
        ("neighbours", &["neighbours"], &[0]),
        ("counters", &["counters"], &[0]),
        ("pair", &["failover"], &[0]),
        ("reloaded", &["reload"], &[0]),
        ("applied", &["apply", &example], &[0]),
        ("versions", &["config", "log"], &[0]),
        ("config-files", &["config", "show", "4"], &[0]),
        ("config-diff", &["config", "diff"], &[1]),
        ("applied", &["config", "rollback"], &[0]),
        ("applied", &["config", "confirm"], &[0]),
        ("diff", &["diff", &example], &[1]),
        ("doctor", &["doctor", &example], &[0, 1]),
        ("setup", &["setup", "--undo", "--dry-run", "--root", &empty], &[0]),
        ("progress", &["key", "new", "--config", &paired], &[0]),
        ("key", &["key", "status", "--config", &paired], &[0]),
        ("error", &["upgrade", "/nowhere.raucb"], &[1]),
    ];
    for (name, words, codes) in cases {
        let output = with_json(&dataplane, words);
        let code = output.status.code().unwrap();
        assert!(codes.contains(&code), "{words:?}: {code} {}", stdout(&output));
        seen.check(name, &stdout(&output));
    }
    seen.check("capture", &captured());
    let traced = stdout(&with_json(&dataplane, &["trace"]));
    let (packets, last) = traced.trim_end().rsplit_once('\n').unwrap();
    seen.check("trace", packets);
    seen.check("trace-summary", last);
    seen.check("trace-summary", &stdout(&with_json(&dataplane, &["trace", "--paths"])));
    let old = "virtual_server 198.51.100.10 80 {\n real_server 10.0.0.11 80 {\n }\n}\n";
    let old = file("keepalived.conf", old).display().to_string();
    let imported = with_json(&dataplane, &["import", &old]);
    seen.check("import", &String::from_utf8_lossy(&imported.stderr));
    let listed = Command::new(env!("CARGO_BIN_EXE_tandem")).arg("schema").output().unwrap();
    let listed: BTreeSet<String> = stdout(&listed)
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    assert_eq!(seen.0, listed, "every schema has an answer here, and none is without a schema");
}

#[test]
fn answers_of_machines_without_anything_are_of_their_shapes() {
    let dataplane = FakeDataplane::start(idle);
    let mut seen = Seen::default();
    for words in [["counters"], ["services"], ["connections"], ["neighbours"], ["sources"]] {
        seen.check(words[0], &stdout(&with_json(&dataplane, &words)));
    }
    let mut seen = Seen::default();
    let socket = Path::new("/nowhere/dataplane.sock");
    for (name, words) in [
        ("status", &["status", "--json"][..]),
        ("verdict", &["status", "--brief", "--json"]),
        ("watch", &["watch", "--count", "1", "--json"]),
    ] {
        let output = dataplane::tandem(socket, words);
        assert_eq!(output.status.code(), Some(2));
        let answer = seen.check(name, &stdout(&output)).remove(0);
        assert_eq!(answer["state"], "broken");
        assert_eq!(answer["troubles"][0]["type"][0], "systemctl start tandem-dataplane");
    }
}

#[test]
fn a_failure_says_its_exit_code() {
    let dataplane = FakeDataplane::start(|_| {
        Failure::new(FailureKind::Configuration, "2 mistakes")
            .with_details(vec!["f:1:1: a".to_owned()])
            .into()
    });
    let output = with_json(&dataplane, &["counters"]);
    let answer = Seen::default().check("error", &stdout(&output)).remove(0);
    assert_eq!(answer["error"]["exit_code"], 2);
    assert_eq!(output.status.code(), Some(2));
}

/// The validator and the schema do find what is wrong.
#[test]
fn another_shape_is_refused() {
    let dataplane = FakeDataplane::start(all).with_control(control);
    let output = with_json(&dataplane, &["counters"]);
    let right: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let validator = jsonschema::validator_for(&strict(schema("counters"))).unwrap();
    assert!(validator.is_valid(&right));
    let spoilt: [fn(&mut Value); 5] = [
        |answer| drop(answer.as_object_mut().unwrap().remove("drops")),
        |answer| drop(answer.as_object_mut().unwrap().remove("schema_version")),
        |answer| answer["schema_version"] = json!(2),
        |answer| answer["drops"][0]["packets"] = json!("many"),
        |answer| answer["mempools"][0]["new"] = json!(1),
    ];
    for spoil in spoilt {
        let mut answer = right.clone();
        spoil(&mut answer);
        assert!(!validator.is_valid(&answer), "{answer:#}");
    }
    // Readers take members of a later release.
    let mut later = right;
    later["mempools"][0]["new"] = json!(1);
    assert!(jsonschema::validator_for(&schema("counters")).unwrap().is_valid(&later));
}

/// Every member that is published stays, with its type, until the version is raised. New ones are
/// added to the file by `TANDEM_WRITE_MEMBERS=1`.
#[test]
fn no_member_goes_within_a_version() {
    let listed = Command::new(env!("CARGO_BIN_EXE_tandem")).arg("schema").output().unwrap();
    let mut now = BTreeMap::new();
    for line in stdout(&listed).lines().skip(1) {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        let whole = schema(name);
        let mut path = vec![format!("{name}/{version}")];
        members(&whole, &whole, &mut path, &mut now);
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json-members.txt");
    if std::env::var_os("TANDEM_WRITE_MEMBERS").is_some() {
        let lines: String = now.iter().map(|(path, kind)| format!("{path} {kind}\n")).collect();
        std::fs::write(&file, lines).unwrap();
    }
    let published = std::fs::read_to_string(&file).unwrap();
    assert!(published.lines().count() > 200, "the file has all of them");
    for line in published.lines() {
        let (path, kind) = line.split_once(' ').unwrap();
        // What is of an older version may go.
        let root = path.split('.').next().unwrap();
        if now.keys().any(|known| known.split('.').next() == Some(root)) {
            let found = now.get(path).map(String::as_str);
            assert_eq!(found, Some(kind), "{path}: raise the version of its schema");
        }
    }
}

/// Each member with its type, by its path: `status/1.nics[].mtu integer`.
fn members(
    whole: &Value,
    schema: &Value,
    path: &mut Vec<String>,
    found: &mut BTreeMap<String, String>,
) {
    if path.len() > 12 {
        return;
    }
    let schema = match schema["$ref"].as_str().and_then(|target| target.strip_prefix('#')) {
        Some(target) => whole.pointer(target).unwrap(),
        None => schema,
    };
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        path.push(format!(".{name}"));
        found.insert(path.concat(), kind(whole, member));
        members(whole, member, path, found);
        path.pop();
    }
    if schema["items"].is_object() {
        path.push("[]".to_owned());
        members(whole, &schema["items"], path, found);
        path.pop();
    }
    for one in schema["anyOf"].as_array().into_iter().flatten() {
        members(whole, one, path, found);
    }
}

fn kind(whole: &Value, schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#')) {
        return kind(whole, whole.pointer(target).unwrap());
    }
    let of = |list: &Value| {
        let kinds = list.as_array().into_iter().flatten().map(|one| kind(whole, one));
        kinds.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("|")
    };
    match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(several) => {
            several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|")
        }
        _ if schema["anyOf"].is_array() => of(&schema["anyOf"]),
        _ if schema["oneOf"].is_array() => of(&schema["oneOf"]),
        _ if schema["const"].is_string() => "string".to_owned(),
        _ if schema["const"].is_number() => "integer".to_owned(),
        _ => "any".to_owned(),
    }
}

#[test]
fn a_standby_machine_has_the_same_shape() {
    let standby = |request| match all(request) {
        Response::Status(mut status) => {
            status.role = Role::Standby;
            Response::Status(status)
        }
        other => other,
    };
    let dataplane = FakeDataplane::start(standby);
    let answers = Seen::default().check("status", &stdout(&with_json(&dataplane, &["status"])));
    assert_eq!(answers[0]["role"], "standby");
    assert_eq!(answers[0]["pair"], Value::Null);
}
