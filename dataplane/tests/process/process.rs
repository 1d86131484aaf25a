//! A tandem-dataplane that runs, in a folder and (if it makes interfaces) a network
//! namespace of its own.

use core::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use api::Client;
use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something.
pub(crate) fn wait_until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A folder that goes when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tandem-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("dataplane.sock")
    }

    /// A file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a configuration with this `[peer]`, if any, and devices that lead nowhere.
    pub(crate) fn configure(&self, peer: &str) -> PathBuf {
        self.configure_with(["net_null0,no-rx=1", "net_null1,no-rx=1"], peer)
    }

    /// The same with these devices.
    pub(crate) fn configure_with(&self, [public, private]: [&str; 2], peer: &str) -> PathBuf {
        let (socket, state) = (self.socket(), self.0.join("state"));
        let prefix = self.0.file_name().unwrap().to_str().unwrap();
        let text = format!(
            r#"
[node]
name = "a"
workers = [1]
main_cores = [0]
idle = "adaptive"
hugepages = false
memory = 256
connections = 1000
control_socket = "{}"
file_prefix = "{prefix}"
state = "{}"

[public]
port = "{public}"
address = "198.51.100.2/24"
floating = ["198.51.100.10/24"]

[private]
port = "{private}"
address = "10.0.0.2/24"
floating = ["10.0.0.1/24"]

{peer}
"#,
            socket.display(),
            state.display()
        );
        let path = self.0.join("tandem.toml");
        fs::write(&path, text).unwrap();
        path
    }

    /// A `[peer]` that nobody talks to.
    pub(crate) fn peer(&self) -> String {
        let key = self.0.join("peer.key");
        fs::write(&key, [0x5a; 64]).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        format!(
            "[peer]\npaths = [{{ local = \"198.51.100.2\", remote = \"198.51.100.3\" }}]\n\
             key_file = \"{}\"\n",
            key.display()
        )
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The process.
pub(crate) struct Process {
    child: Child,
}

/// The command that starts the program, behind others such as `unshare`.
pub(crate) fn command(before: &[&str], config: &Path, more: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_tandem-dataplane");
    let mut words = before.iter().copied().chain([program, "--config"]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg(config).args(more).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

impl Process {
    /// Starts it and waits until it answers.
    pub(crate) fn start(mut command: Command, folder: &Folder) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        wait_until("tandem-dataplane answers", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("it ended ({status}): {}", rest_of(&mut child));
            }
            Client::connect(folder.socket()).ok()
        });
        let process = Process { child };
        // The last thing that it does before the workers start.
        wait_until("the workers run", || {
            let client = Client::connect(folder.socket());
            let counters = client.and_then(|mut client| client.counters()).ok()?;
            (counters.workers[0].counters["polls"] > 0).then_some(())
        });
        process
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The files of its threads in `/proc`, by name.
    pub(crate) fn threads(&self, file: &str) -> Vec<String> {
        let folder = format!("/proc/{}/task", self.id());
        let tasks = fs::read_dir(folder).unwrap();
        tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join(file)).ok()).collect()
    }

    /// The number of the first thread with this word in its name, once there is one.
    pub(crate) fn thread(&self, word: &str) -> u32 {
        let has_word = |status: &String| status.lines().next().is_some_and(|n| n.contains(word));
        let status = wait_until(&format!("a thread {word}"), || {
            self.threads("status").into_iter().find(has_word)
        });
        let number = status.lines().find_map(|line| line.strip_prefix("Pid:"));
        number.unwrap().trim().parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// What it says from now on, line by line.
    pub(crate) fn lines(&mut self) -> Lines {
        let stderr = BufReader::new(self.child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Lines(lines)
    }

    /// Asks it to end; how it ended.
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        wait_until("tandem-dataplane ends", || self.child.try_wait().unwrap())
    }

    /// Asks it to end, and reads what it has said.
    pub(crate) fn last_words(mut self) -> String {
        assert!(self.end().success());
        rest_of(&mut self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that a process writes.
pub(crate) struct Lines(Receiver<String>);

impl Lines {
    /// Waits for a line with these words; those before it are forgotten.
    pub(crate) fn await_words(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.0.recv_timeout(left) {
                Ok(line) if line.contains(words) => return,
                Ok(line) => said.push(line),
                Err(error) => panic!("never said {words:?} ({error}): {said:#?}"),
            }
        }
    }
}

fn rest_of(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}
