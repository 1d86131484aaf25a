//! A machine of the pair: the real tandem-control beside a dataplane that pretends.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use api::{Client, Pair};

use crate::dataplane::FakeDataplane;

pub(crate) struct Machine {
    pub(crate) dataplane: FakeDataplane,
    pub(crate) folder: PathBuf,
    metrics: SocketAddr,
    /// Where its status page is.
    pub(crate) page: SocketAddr,
    control: Option<Child>,
}

/// Two machines, joined by two paths over the loopback interface.
pub(crate) struct Both {
    pub(crate) a: Machine,
    pub(crate) b: Machine,
    /// The UDP port of heartbeats and TCP port of connection sync.
    pub(crate) port: u16,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Both {
    /// Both configured; neither control runs yet. They are more patient than by default:
    /// what runs beside the tests must not move the role.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// Makes machines with further keys in `[peer]`, and timers that a busy computer can hold.
    pub(crate) fn with(more: &str) -> Self {
        Self::exactly(&format!("dead = \"1s\"\nlease = \"800ms\"\n{more}"))
    }

    /// Makes machines with these keys in `[peer]`, and the defaults for the others.
    pub(crate) fn exactly(more: &str) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root =
            std::env::temp_dir().join(format!("tandem-pair-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        // Tests run side by side: each has a port of its own.
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let machine = |name: &str, own: u8, other: u8| {
            let folder = root.join(name);
            fs::create_dir_all(&folder).unwrap();
            let key = folder.join("peer.key");
            fs::write(&key, [7; 32]).unwrap();
            fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
            let config = config(name, &folder, port, [own, other], more);
            fs::write(folder.join("tandem.toml"), config).unwrap();
            let dataplane = FakeDataplane::start(&folder.join("dataplane.sock"));
            let metrics = SocketAddr::new([127, 0, 1, own].into(), port);
            let page = SocketAddr::new([127, 0, 2, own].into(), port);
            Machine { dataplane, folder, metrics, page, control: None }
        };
        Both { a: machine("a", 2, 3), b: machine("b", 3, 2), port }
    }

    /// Both run, one is active, the other has all connections.
    pub(crate) fn up() -> Self {
        Self::new().start()
    }

    pub(crate) fn start(mut self) -> Self {
        self.a.start();
        wait("a is active", || self.a.dataplane.is_active());
        self.b.start();
        wait("both hear each other", || self.a.hears() && self.b.hears());
        wait("b has all connections", || self.a.pair().peer.unwrap().ready);
        self
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("a:\n{}\nb:\n{}", self.a.log(), self.b.log());
        }
        self.a.kill();
        self.b.kill();
        let _ = self.a.folder.parent().map(fs::remove_dir_all);
    }
}

fn config(name: &str, folder: &Path, port: u16, [own, other]: [u8; 2], more: &str) -> String {
    let folder = folder.display();
    format!(
        r#"
[node]
name = "{name}"
workers = [1]
control_socket = "{folder}/dataplane.sock"
state = "{folder}/state"

[public]
port = "0000:03:00.0"
address = "198.51.100.{own}/24"
floating = ["198.51.100.10/24"]
gateway = "198.51.100.1"

[private]
port = "0000:03:00.1"
address = "10.0.0.{own}/24"
floating = ["10.0.0.1/24"]

[peer]
paths = [
    {{ local = "198.51.100.{own}", remote = "198.51.100.{other}" }},
    {{ local = "10.0.0.{own}", remote = "10.0.0.{other}" }},
]
key_file = "{folder}/peer.key"
port = {port}
{more}

[metrics]
listen = "127.0.1.{own}:{port}"

[status]
listen = "127.0.2.{own}:{port}"

[[service]]
name = "web"
listen = "198.51.100.10:80"
protocol = "tcp"
server = [{{ address = "10.0.0.11:80" }}, {{ address = "10.0.0.12:80" }}]
check = {{ kind = "tcp", interval = "1s" }}

[[service]]
name = "dns"
listen = "198.51.100.10:53"
protocol = "udp"
server = [{{ address = "10.0.0.11:53" }}]

[[hook]]
name = "nothing"
on = "role.active"
command = ["/bin/true"]
"#
    )
}

impl Machine {
    pub(crate) fn start(&mut self) {
        let log =
            fs::File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["process::control", "--exact", "--nocapture"])
            .env(crate::process::CONFIG, self.folder.join("tandem.toml"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.control = Some(child);
    }

    /// The binary itself, with the addresses as they are configured.
    pub(crate) fn start_binary(&mut self, stderr: Stdio) {
        let child = Command::new(env!("CARGO_BIN_EXE_tandem-control"))
            .arg("--config")
            .arg(self.folder.join("tandem.toml"))
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        self.control = Some(child);
    }

    /// The same, to its end.
    pub(crate) fn run_binary(&mut self) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tandem-control"))
            .arg("--config")
            .arg(self.folder.join("tandem.toml"))
            .output()
            .unwrap()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.control.as_ref().unwrap())
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.control.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Waits until control has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut child = self.control.take().unwrap();
        wait("control ends", || child.try_wait().unwrap().is_some());
        child.wait().unwrap().code()
    }

    /// How the pair is, as this machine sees it; waits until it answers.
    pub(crate) fn pair(&self) -> Pair {
        let socket = self.folder.join("control.sock");
        let mut pair = None;
        wait("control answers", || {
            pair = Client::connect(&socket).ok().and_then(|mut client| client.pair().ok());
            pair.is_some()
        });
        pair.unwrap()
    }

    /// What its HTTP server answers: status line with headers, and text.
    pub(crate) fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.metrics).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), text.to_owned())
    }

    /// One scrape's text.
    pub(crate) fn metrics(&self) -> String {
        wait("metrics are served", || TcpStream::connect(self.metrics).is_ok());
        let (head, text) = self.get("/metrics");
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains("text/plain; version=0.0.4"), "{head}");
        text
    }

    fn hears(&self) -> bool {
        self.pair().paths.iter().all(|path| path.up)
    }

    pub(crate) fn tandem(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tandem"))
            .arg("--socket")
            .arg(&self.dataplane.socket)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

/// Waits for a condition.
pub(crate) fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "it never came to be that {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Checks a condition again and again for some time.
pub(crate) fn throughout(time: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        assert!(condition(), "it came to be otherwise than that {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
