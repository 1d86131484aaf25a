//! `tandem top` and `tandem watch` on a real pseudo-terminal of 80 by 24, read by a terminal
//! emulator that is not ours; and that the terminal is as before, however they end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

mod dataplane;

use core::time::Duration;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use api::{Request, Response};
use dataplane::{FakeDataplane, busy, pair};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

/// A program, and the terminal that it is alone on.
struct Terminal {
    child: Child,
    keyboard: File,
    /// The program's end, kept open so that its settings can be looked at.
    line: OwnedFd,
    screen: Arc<Mutex<vt100::Parser>>,
    settings: String,
}

const DEADLINE: Duration = Duration::from_secs(20);

fn winsize((columns, rows): (u16, u16)) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Terminal {
    fn start(program: &str, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let line: OwnedFd =
            File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap().into();
        tcsetwinsize(&master, winsize((80, 24))).unwrap();
        let settings = settings(&line);
        let end = || Stdio::from(line.try_clone().unwrap());
        // The terminal becomes the one that controls the program, as a login's does.
        let child = Command::new("setsid")
            .args(["--ctty", program])
            .args(words)
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .envs(variables.iter().copied())
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0)));
        let keyboard = File::from(master);
        let (mut output, shown) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..length]);
            }
        });
        Terminal { child, keyboard, line, screen, settings }
    }

    fn tandem(dataplane: &FakeDataplane, words: &[&str]) -> Self {
        Self::tandem_with(dataplane, words, &[])
    }

    fn tandem_with(dataplane: &FakeDataplane, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut all = vec!["--socket", dataplane.socket.to_str().unwrap()];
        all.extend(words);
        Self::start(env!("CARGO_BIN_EXE_tandem"), &all, variables)
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    #[track_caller]
    fn await_that(&self, what: &str, mut is_so: impl FnMut(&vt100::Screen) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !is_so(self.screen.lock().unwrap().screen()) {
            assert!(Instant::now() < end, "{what} did not come:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    fn await_text(&self, text: &str) {
        self.await_that(text, |screen| screen.contents().contains(text));
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    #[track_caller]
    fn await_end(&mut self) -> ExitStatus {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            if Instant::now() > end {
                self.child.kill().unwrap();
                panic!("it did not end:\n{}", self.text());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// It has taken the terminal over.
    #[track_caller]
    fn assert_taken(&self) {
        let parser = self.screen.lock().unwrap();
        assert!(parser.screen().alternate_screen() && parser.screen().hide_cursor());
        assert_ne!(settings(&self.line), self.settings, "it is in raw mode");
    }

    /// The terminal is as the shell left it.
    #[track_caller]
    fn assert_back(&self) {
        self.await_that("the first screen", |screen| !screen.alternate_screen());
        self.await_that("the cursor", |screen| !screen.hide_cursor());
        assert_eq!(settings(&self.line), self.settings);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn settings(line: &OwnedFd) -> String {
    let all = tcgetattr(line).unwrap();
    format!("{:?}", (all.input_modes, all.output_modes, all.control_modes, all.local_modes))
}

/// Each time it is asked, a thousand packets more were forwarded.
fn growing() -> impl Fn(Request) -> Response + Send + 'static {
    let asked = AtomicU64::new(0);
    move |request| match busy(request) {
        Response::Services(mut services) => {
            let more = asked.fetch_add(1, Ordering::Relaxed) * 1000;
            services.services[0].packets_in += more;
            services.services[0].connections_total += more;
            Response::Services(services)
        }
        other => other,
    }
}

fn machine() -> FakeDataplane {
    FakeDataplane::start(growing()).with_control(|_| Response::Pair(pair()))
}

#[test]
fn top_shows_rates_takes_keys_and_gives_the_terminal_back() {
    let dataplane = machine();
    let mut terminal = Terminal::tandem(&dataplane, &["top", "--interval", "250ms"]);
    terminal.await_text("SERVICE         UP       NEW/S");
    terminal.await_that("a rate of the service web", |screen| {
        let text = screen.contents();
        let line =
            text.lines().find(|line| line.starts_with("web ")).unwrap_or_default().to_owned();
        line.split_whitespace().nth(2).is_some_and(|rate| rate.ends_with('k'))
    });
    terminal.assert_taken();
    assert!(terminal.text().starts_with("BROKEN: a is active"), "{}", terminal.text());
    terminal.press("4");
    terminal.await_text("REASON");
    terminal.await_text("no_connection");
    terminal.press("?");
    terminal.await_text("Any key closes this.");
    terminal.press(" ");
    terminal.press("\x1b[D\x1b[Z");
    terminal.await_text("clients are counted with");
    terminal.press("q");
    assert_eq!(terminal.await_end().code(), Some(0));
    terminal.assert_back();
}

#[test]
fn clients_are_counted_when_that_is_asked_for() {
    let dataplane = machine();
    let mut terminal = Terminal::tandem(&dataplane, &["top", "--sources", "--by", "clients"]);
    terminal.await_text("198.51.100.100                  2,500 100.0 %");
    terminal.press("\x03");
    assert_eq!(terminal.await_end().code(), Some(0), "Ctrl-C is a way to quit");
    terminal.assert_back();
}

#[test]
fn another_size_is_another_picture() {
    let dataplane = machine();
    let mut terminal = Terminal::tandem(&dataplane, &["top", "--interval", "250ms"]);
    terminal.await_text("q quit");
    terminal.screen.lock().unwrap().set_size(12, 60);
    tcsetwinsize(&terminal.line, winsize((60, 12))).unwrap();
    let foot = |screen: &vt100::Screen| {
        let rows: Vec<String> = screen.rows(0, 60).collect();
        rows.len() == 12 && rows[11].starts_with("q quit") && rows[11].trim_end().ends_with("...")
    };
    terminal.await_that("the keys in the last of 12 rows", foot);
    terminal.press("q");
    terminal.await_end();
    terminal.assert_back();
}

#[test]
fn signals_give_the_terminal_back_and_end_the_program() {
    use std::os::unix::process::ExitStatusExt;
    let dataplane = machine();
    for words in [&["top"][..], &["watch"]] {
        for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
            let mut terminal = Terminal::tandem(&dataplane, words);
            terminal.await_that("the other screen", vt100::Screen::alternate_screen);
            terminal.await_text("a is active");
            terminal.signal(signal);
            let status = terminal.await_end();
            assert_eq!(status.signal(), Some(signal.as_raw()), "whoever waits sees the signal");
            terminal.assert_back();
        }
    }
}

#[test]
fn a_stop_gives_the_terminal_back_until_it_goes_on() {
    let dataplane = machine();
    let mut terminal = Terminal::tandem(&dataplane, &["top"]);
    terminal.await_text("q quit");
    terminal.press("\x1a");
    terminal.assert_back();
    terminal.signal(Signal::CONT);
    terminal.await_that("the other screen", vt100::Screen::alternate_screen);
    terminal.await_text("q quit");
    terminal.assert_taken();
    terminal.press("q");
    terminal.await_end();
    terminal.assert_back();
}

/// Not a test of its own: what the next one runs on a terminal.
#[test]
#[ignore = "it panics while it has the terminal"]
fn panics_while_it_has_the_terminal() {
    let _screen = control::output::screen::Screen::enter().unwrap();
    let other = std::thread::spawn(|| panic!("a thread panics"));
    assert!(other.join().is_err());
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_panic_of_any_thread_gives_the_terminal_back() {
    let own = std::env::current_exe().unwrap();
    let words = ["--ignored", "--exact", "panics_while_it_has_the_terminal", "--nocapture"];
    let terminal = Terminal::start(own.to_str().unwrap(), &words, &[]);
    // What it says is on the first screen, where it stays.
    terminal.await_that("the words of the panic", |screen| {
        screen.contents().contains("a thread panics") && !screen.alternate_screen()
    });
    terminal.assert_back();
}

#[test]
fn watch_draws_the_status_again_with_rates() {
    let dataplane = machine();
    let mut terminal = Terminal::tandem(&dataplane, &["watch", "--interval", "250ms"]);
    terminal.await_text("BROKEN: a is active");
    terminal.await_text("$ tandem doctor");
    terminal.await_text("q ends");
    terminal.await_that("new connections a second", |screen| {
        screen
            .contents()
            .lines()
            .any(|line| line.starts_with("connections") && line.contains("k new/s"))
    });
    terminal.assert_taken();
    terminal.press("q");
    assert_eq!(terminal.await_end().code(), Some(0));
    terminal.assert_back();
    terminal.await_text("BROKEN: a is active");
}

#[test]
fn colours_are_for_terminals_without_no_color() {
    let dataplane = machine();
    let is_coloured = |variables: &[(&str, &str)]| {
        let mut terminal = Terminal::tandem_with(&dataplane, &["status"], variables);
        assert_eq!(terminal.await_end().code(), Some(2));
        terminal.await_text("BROKEN: a is active");
        let parser = terminal.screen.lock().unwrap();
        let cell = parser.screen().cell(0, 0).unwrap();
        cell.fgcolor() != vt100::Color::Default
    };
    assert!(is_coloured(&[]));
    assert!(!is_coloured(&[("NO_COLOR", "1")]));
    assert!(!is_coloured(&[("TERM", "dumb")]));
    let piped = dataplane.tandem(&["status"]);
    assert!(!dataplane::stdout(&piped).contains('\x1b'));
}

/// The screen of tandem status leaves room for the prompt, and breaks no line.
#[test]
fn status_is_one_screen() {
    let dataplane = machine();
    let mut terminal = Terminal::tandem(&dataplane, &["status"]);
    terminal.await_end();
    terminal.await_text("running");
    let text = terminal.text();
    assert!(text.starts_with("BROKEN: a is active, b is active"), "{text}");
    assert!(text.lines().count() <= 23, "{text}");
}

#[test]
fn a_dumb_terminal_and_a_pipe_get_lines() {
    let dataplane = machine();
    let mut terminal =
        Terminal::tandem_with(&dataplane, &["top", "--interval", "100ms"], &[("TERM", "dumb")]);
    assert_eq!(terminal.await_end().code(), Some(0));
    terminal.await_text("SERVICE");
    let piped = dataplane.shows(&["top", "--interval", "100ms"]);
    assert!(piped.starts_with("SERVICE") && !piped.contains('\x1b'), "{piped}");
    let output = dataplane.tandem(&["watch", "--count", "3", "--interval", "100ms"]);
    let lines = dataplane::stdout(&output);
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert!(
        lines.lines().all(|line| line.contains(" UTC") && line.contains("BROKEN: ")),
        "{lines}"
    );
    assert!(lines.lines().nth(1).unwrap().contains("new/s"), "{lines}");
}
