//! Real commands and real servers.

use core::time::Duration;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use api::{Event, EventKind};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use config::{Config, Hook, HookAction};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustix::process::{Pid, geteuid, test_kill_process};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::configuration::Follower;

const BASE: &str = "[node]\nname = \"a\"\nworkers = [1]\n[public]\nport = \"0000:03:00.0\"\naddress = \
                    \"198.51.100.2/24\"\nfloating = [\"198.51.100.10/24\"]\n[private]\nport = \
                    \"0000:03:00.1\"\naddress = \"10.0.0.2/24\"\nfloating = [\"10.0.0.1/24\"]\n";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A machine with hooks, and a folder that everybody may write to.
struct Machine {
    folder: PathBuf,
    events: Events,
    counts: HookCounts,
    _follower: Arc<Follower>,
}

impl Machine {
    /// With these `[[hook]]` tables, in which `FOLDER` stands for its folder.
    fn new(hooks: &str, scripts: &[(&str, &str)]) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("tandem-hooks-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        for (name, script) in scripts {
            let path = folder.join(name);
            fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", folder.display())).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
        let hooks = hooks.replace("FOLDER", &folder.display().to_string());
        let config = Config::from_str("t", &format!("{BASE}{hooks}")).unwrap();
        let events = Events::start(&folder.join("state"), "a").unwrap();
        let follower = Follower::telling(&config, events.clone());
        let counts = start(&events, follower.subscribe()).unwrap();
        Machine { folder, events, counts, _follower: follower }
    }

    fn emit(&self, what: &str) {
        let draft = Draft::new(EventKind::ServerDown, what).why("http: 503");
        self.events.emit(draft.field("service", "web").field("server", "10.0.0.11:80"));
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    fn counts(&self) -> Counts {
        self.counts.all().values().next().copied().unwrap_or_default()
    }

    fn told(&self, kind: &EventKind) -> Vec<Arc<Event>> {
        self.events.recent(usize::MAX).into_iter().filter(|event| event.kind == *kind).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Waits for a condition.
fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came to be that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_alive(pid: &str) -> bool {
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw).unwrap();
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    // One that is dead, and nobody has asked for its exit code, is as good as gone.
    let is_zombie = fs::read_to_string(path).is_ok_and(|status| status.contains("State:\tZ"));
    test_kill_process(pid).is_ok() && !is_zombie
}

#[test]
fn a_command_has_the_event_and_no_privileges() {
    let machine = Machine::new(
        "[[hook]]\nname = \"pager\"\non = \"server.down\"\ncommand = [\"FOLDER/tell\", \"--it is\"]\n",
        &[(
            "tell",
            "cat > input; env > environment; id -u > user; id -G > groups; echo \"$1\" > argument\n\
             grep NoNewPrivs /proc/self/status > privileges; touch done",
        )],
    );
    machine.events.emit(Draft::new(EventKind::ServerUp, "nobody asked for this one"));
    machine.emit("10.0.0.11:80 of web is down");
    wait("the command is done", || machine.counts().done == 1);
    let event: Event = serde_json::from_str(&machine.read("input")).unwrap();
    assert_eq!(event, *machine.told(&EventKind::ServerDown)[0].clone());
    assert_eq!(event.number, 2);
    let environment = machine.read("environment");
    for line in [
        "TANDEM_HOOK=pager",
        "TANDEM_EVENT=server.down",
        "TANDEM_EVENT_SEVERITY=warning",
        "TANDEM_EVENT_NODE=a",
        "TANDEM_EVENT_WHAT=10.0.0.11:80 of web is down",
        "TANDEM_EVENT_WHY=http: 503",
        "TANDEM_EVENT_FIELD_SERVICE=web",
        "TANDEM_EVENT_FIELD_SERVER=10.0.0.11:80",
    ] {
        assert!(environment.lines().any(|found| found == line), "{line} in\n{environment}");
    }
    assert!(!environment.contains("CARGO"), "nothing else of this process");
    assert_eq!(machine.read("argument"), "--it is\n", "no shell takes it apart");
    assert_eq!(machine.read("privileges").split_whitespace().last(), Some("1"));
    if geteuid().is_root() {
        let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        assert_eq!(machine.read("user"), format!("{}\n", nobody.uid));
        assert_eq!(machine.read("groups"), format!("{}\n", nobody.gid), "and no further groups");
    }
}

#[test]
fn a_command_that_hangs_is_killed_in_its_time_and_the_next_event_is_told() {
    let machine = Machine::new(
        "[[hook]]\nname = \"hangs\"\non = \"server\"\ncommand = [\"FOLDER/hang\"]\ntimeout = \
         \"300ms\"\n",
        &[(
            "hang",
            "trap '' TERM HUP INT\necho $$ >> pids\n[ -e well ] && exit 0\nsleep 1000 & wait; sleep 1000",
        )],
    );
    machine.emit("one");
    wait("it is given up", || machine.counts().failed == 1);
    let pid = machine.read("pids");
    wait("it is gone", || !is_alive(&pid));
    wait("it is an event", || !machine.told(&EventKind::HookFailing).is_empty());
    let why = machine.told(&EventKind::HookFailing)[0].why.clone().unwrap();
    assert_eq!(why, "the command did not end within 0.3 s, and was killed");
    machine.emit("two");
    wait("the next one is given up", || machine.counts().failed == 2);
    fs::write(machine.folder.join("well"), "").unwrap();
    machine.emit("three");
    wait("it works again", || machine.counts().done == 1);
    wait("that is an event", || machine.told(&EventKind::HookWorking).len() == 1);
    assert_eq!(machine.told(&EventKind::HookFailing).len(), 1, "told once, and to no hook");
    assert_eq!(machine.read("pids").lines().count(), 3);
}

#[test]
fn what_a_command_starts_does_not_outlive_it() {
    let machine = Machine::new(
        "[[hook]]\nname = \"forks\"\non = \"server\"\ncommand = [\"FOLDER/fork\"]\n",
        &[(
            "fork",
            "for n in 1 2 3 4 5 6 7 8 9; do (trap '' TERM HUP; sleep 1000) & echo $! >> pids; done",
        )],
    );
    machine.emit("one");
    wait("it is done", || machine.counts().done == 1);
    let pids = machine.read("pids");
    assert_eq!(pids.lines().count(), 9);
    wait("all of them are gone", || pids.lines().all(|pid| !is_alive(pid)));
}

#[test]
fn output_without_end_is_cut_off() {
    let machine = Machine::new(
        "[[hook]]\nname = \"writes\"\non = \"server\"\ncommand = [\"FOLDER/write\"]\ntimeout = \"60s\"\n",
        &[("write", "[ -e well ] && { echo all is well; exit 7; }\nexec yes yes")],
    );
    machine.emit("one");
    wait("it is ended", || machine.counts().failed == 1);
    wait("it is an event", || !machine.told(&EventKind::HookFailing).is_empty());
    let why = machine.told(&EventKind::HookFailing)[0].why.clone().unwrap();
    assert!(why.starts_with("ended by a signal"), "{why}");
}

#[test]
fn what_a_failing_command_says_is_told() {
    let machine = Machine::new(
        "[[hook]]\nname = \"fails\"\non = \"server\"\ncommand = [\"FOLDER/fail\"]\n\
         [[hook]]\nname = \"missing\"\non = \"server\"\ncommand = [\"FOLDER/missing\"]\n",
        &[("fail", "echo trying; echo 'the pager is off' >&2; exit 7")],
    );
    machine.emit("one");
    wait("both fail", || machine.told(&EventKind::HookFailing).len() == 2);
    let mut why: Vec<_> = machine
        .told(&EventKind::HookFailing)
        .iter()
        .map(|event| (event.field("hook").unwrap().to_owned(), event.why.clone().unwrap()))
        .collect();
    why.sort();
    assert_eq!(why[0], ("fails".to_owned(), "exit code 7: the pager is off".to_owned()));
    assert!(why[1].1.contains("/missing cannot be started: No such file"), "{why:?}");
}

#[test]
fn a_queue_that_is_full_loses_its_oldest_events_and_counts_them() {
    let machine = Machine::new(
        "[[hook]]\nname = \"slow\"\non = \"server\"\ncommand = [\"FOLDER/slow\"]\ntimeout = \"60s\"\n",
        &[("slow", "while [ ! -e go ]; do sleep 0.05; done; cat >> told")],
    );
    machine.emit("first");
    wait("the first one is under way", || {
        machine.told(&EventKind::ServerDown).len() == 1 && machine.counts().waiting == 0
    });
    std::thread::sleep(Duration::from_millis(50));
    for number in 0..queue::ROOM + 5 {
        machine.emit(&format!("number {number}"));
    }
    wait("five are dropped", || machine.counts().dropped == 5);
    assert_eq!(machine.counts().waiting, queue::ROOM as u64);
    fs::write(machine.folder.join("go"), "").unwrap();
    wait("the others are told", || machine.counts().done == queue::ROOM as u64 + 1);
    let told = machine.read("told");
    let told = told.lines().map(|line| serde_json::from_str::<Event>(line).unwrap().what);
    let expected = (5..queue::ROOM + 5).map(|number| format!("number {number}"));
    let expected: Vec<_> = ["first".to_owned()].into_iter().chain(expected).collect();
    assert_eq!(told.collect::<Vec<_>>(), expected, "in their order");
}

#[test]
fn a_reload_exchanges_hooks_that_differ() {
    let script = [("tell", "echo $TANDEM_HOOK $TANDEM_EVENT_WHAT >> told")];
    let hook = |name: &str| {
        format!("[[hook]]\nname = \"{name}\"\non = \"server\"\ncommand = [\"FOLDER/tell\"]\n")
    };
    let machine = Machine::new("", &script);
    let path = machine.folder.display().to_string();
    let config = |hooks: String| {
        let text = format!("{BASE}{}", hooks.replace("FOLDER", &path));
        Arc::new(Config::from_str("t", &text).unwrap())
    };
    let (configuration, current) = watch::channel(config(hook("one")));
    let counts = start(&machine.events, current).unwrap();
    machine.emit("a");
    wait("one tells", || machine.read("told") == "one a\n");
    configuration.send_replace(config(hook("one") + &hook("two")));
    wait("there are two", || counts.all().len() == 2);
    assert_eq!(counts.all()["one"].done, 1, "it goes on");
    configuration.send_replace(config(hook("two")));
    wait("there is one", || counts.all().len() == 1);
    machine.emit("b");
    wait("two tells", || machine.read("told") == "one a\ntwo b\n");
}

/// What a server got, and what it is to answer.
#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<Vec<(HeaderMap, String)>>>);

impl Inbox {
    fn events(&self) -> Vec<Event> {
        let all = self.0.lock().unwrap();
        all.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }

    fn headers(&self) -> HeaderMap {
        self.0.lock().unwrap()[0].0.clone()
    }
}

/// Answers the first request with 503, and what follows as `then` says.
fn serve(listener: std::net::TcpListener, then: StatusCode) -> Inbox {
    let inbox = Inbox::default();
    let take = move |State(inbox): State<Inbox>, headers: HeaderMap, body: String| async move {
        let mut all = inbox.0.lock().unwrap();
        all.push((headers, body));
        if all.len() == 1 { StatusCode::SERVICE_UNAVAILABLE } else { then }
    };
    let router =
        Router::new().route("/tandem", axum::routing::post(take)).with_state(inbox.clone());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    inbox
}

fn webhook(to: SocketAddr, more: &str) -> String {
    format!("[[hook]]\nname = \"chat\"\non = \"all\"\nurl = \"http://{to}/tandem?room=1\"\n{more}")
}

#[test]
fn a_server_that_refuses_and_then_accepts_gets_every_event() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    drop(listener);
    let machine = Machine::new(&webhook(to, "headers = [\"Authorization: Bearer secret\"]\n"), &[]);
    machine.emit("one");
    machine.emit("two");
    wait("nobody listens", || machine.told(&EventKind::HookFailing).len() == 1);
    let failing = machine.told(&EventKind::HookFailing)[0].clone();
    let why = failing.why.clone().unwrap();
    assert!(why.contains("cannot be reached: Connection refused"), "{why}");
    assert!(!format!("{failing:?}").contains("secret") && !why.contains("room"), "{why}");
    let inbox = serve(std::net::TcpListener::bind(to).unwrap(), StatusCode::NO_CONTENT);
    wait("both are taken", || machine.counts().done == 2);
    let what: Vec<_> = inbox.events().into_iter().map(|event| event.what).collect();
    assert_eq!(what, ["one", "one", "two"], "the first one again after 503");
    let headers = inbox.headers();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("authorization"), "Bearer secret");
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("host"), to.to_string());
    assert_eq!(machine.counts().failed, 0);
    wait("it works again", || machine.told(&EventKind::HookWorking).len() == 1);
}

#[test]
fn what_another_attempt_does_not_mend_is_not_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let inbox = serve(listener, StatusCode::FORBIDDEN);
    let machine = Machine::new(&webhook(to, ""), &[]);
    machine.emit("one");
    wait("it is given up", || machine.counts().failed == 1);
    assert_eq!(inbox.events().len(), 2, "503 is tried again, 403 is not");
    assert_eq!(machine.counts().done, 0);
}

#[test]
fn an_answer_that_does_not_come_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let more = "timeout = \"200ms\"\nretry_for = \"0s\"\n";
    let machine = Machine::new(&webhook(to, more), &[]);
    machine.emit("one");
    wait("it is given up", || machine.counts().failed == 1);
    wait("it is an event", || machine.told(&EventKind::HookFailing).len() == 1);
    let why = machine.told(&EventKind::HookFailing)[0].why.clone().unwrap();
    assert_eq!(why, format!("http://{to}: no answer within 0.2 s"));
}

/// A server with a certificate of this authority's, and the authority's file.
fn serve_tls(folder: &Path) -> (SocketAddr, PathBuf, std::sync::mpsc::Receiver<String>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let file = folder.join("ca.pem");
    fs::write(&file, authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority, &authority_key).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let (sender, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut heard = vec![0; 64 * 1024];
                let mut length = 0;
                while !heard[..length].ends_with(b"}") {
                    length += stream.read(&mut heard[length..]).await.unwrap();
                }
                let text = String::from_utf8_lossy(&heard[..length]).into_owned();
                let _ = sender.send(text);
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
        });
    });
    (to, file, received)
}

#[test]
fn https_goes_to_whom_the_certificate_names_only() {
    let folder = std::env::temp_dir().join(format!("tandem-hooks-ca-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (to, ca, received) = serve_tls(&folder);
    let hook = |host: &str, more: &str| {
        let port = to.port();
        format!(
            "[[hook]]\nname = \"chat\"\non = \"server\"\nurl = \"https://{host}:{port}/tandem\"\n\
             retry_for = \"0s\"\n{more}"
        )
    };
    let trusted = format!("ca = \"{}\"\n", ca.display());
    for (host, more, is_right) in
        [("localhost", &*trusted, true), ("127.0.0.1", &*trusted, false), ("localhost", "", false)]
    {
        let machine = Machine::new(&hook(host, more), &[]);
        machine.emit("one");
        if is_right {
            wait("it is taken", || machine.counts().done == 1);
            let text = received.recv_timeout(Duration::from_secs(10)).unwrap();
            assert!(text.starts_with("POST /tandem HTTP/1.1\r\n"), "{text}");
        } else {
            wait("it is refused", || machine.counts().failed == 1);
            assert!(received.try_recv().is_err(), "nothing was sent to {host}");
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_webhook_is_never_shown_with_its_secrets() {
    let text = format!(
        "{BASE}[[hook]]\nname = \"chat\"\non = \"all\"\nurl = \"https://chat.example.org/SECRET\"\n\
         headers = [\"X-Token: SECRET\"]\n"
    );
    let hooks: Vec<Hook> = Config::from_str("t", &text).unwrap().hooks;
    let HookAction::Webhook(webhook) = &hooks[0].action else { panic!("{hooks:?}") };
    assert_eq!(webhook.shown(), "https://chat.example.org");
    assert!(!format!("{hooks:?}").contains("SECRET"));
}
