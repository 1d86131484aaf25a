//! The terminal while it is drawn all over, and its return to what it was, however that ends.
//!
//! Three ways lead out: [`Screen`] is dropped; a signal sets a flag that the loop of events looks
//! at; a panic, of any thread, runs a hook first. What is written goes to a descriptor of its own, since
//! standard output is locked by the command line.

use core::time::Duration;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::Instant;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP};

/// How long a signal or the clock may wait for the loop of events.
const TURN: Duration = Duration::from_millis(100);
/// The other screen, cleared, without a cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[2J\x1b[?25l";
const LEAVE: &[u8] = b"\x1b[0m\x1b[?25h\x1b[?1049l";

/// The terminal is not as the shell left it.
static ENTERED: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Why it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The operator wanted it.
    Asked,
    /// This signal came.
    Signal(i32),
}

impl Ended {
    /// Ends the process by the signal, if one came, so that whoever waits for it sees that.
    pub fn finish(self) {
        if let Ended::Signal(signal) = self {
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    }
}

/// What came while it was waited for.
pub enum Came {
    Key(KeyEvent),
    /// The terminal has another size, or has been another program's meanwhile.
    Redraw,
    Nothing,
    End(Ended),
}

/// The terminal, taken over.
pub struct Screen {
    out: File,
    ended: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When standard output or input is none.
    pub fn enter() -> io::Result<Self> {
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let (ended, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            let number = usize::try_from(signal).unwrap_or_default();
            signal_hook::flag::register_usize(signal, Arc::clone(&ended), number)?;
        }
        signal_hook::flag::register(SIGTSTP, Arc::clone(&stopped))?;
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                leave();
                before(info);
            }));
        });
        enter()?;
        Ok(Screen { out, ended, stopped })
    }

    /// What ratatui draws on.
    pub fn terminal(&self) -> io::Result<Terminal<CrosstermBackend<File>>> {
        Terminal::new(CrosstermBackend::new(self.out.try_clone()?))
    }

    /// Waits for what comes next, a short time at most.
    pub fn next(&self) -> io::Result<Came> {
        let signal = self.ended.load(Ordering::Relaxed);
        if signal != 0 {
            return Ok(Came::End(Ended::Signal(i32::try_from(signal).unwrap_or(SIGTERM))));
        }
        if self.stopped.swap(false, Ordering::Relaxed) {
            return self.stop();
        }
        if !event::poll(TURN)? {
            return Ok(Came::Nothing);
        }
        match event::read()? {
            Event::Key(key) if key.kind == KeyEventKind::Release => Ok(Came::Nothing),
            Event::Key(key) if is_control(key, 'c') || is_control(key, 'd') => {
                Ok(Came::End(Ended::Asked))
            }
            Event::Key(key) if is_control(key, '\\') => Ok(Came::End(Ended::Signal(SIGQUIT))),
            Event::Key(key) if is_control(key, 'z') => self.stop(),
            Event::Key(key) if is_control(key, 'l') => Ok(Came::Redraw),
            Event::Key(key) => Ok(Came::Key(key)),
            Event::Resize(..) => Ok(Came::Redraw),
            _ => Ok(Came::Nothing),
        }
    }

    /// Gives the terminal back, and stops until the shell has the process go on.
    fn stop(&self) -> io::Result<Came> {
        leave();
        signal_hook::low_level::raise(SIGSTOP)?;
        enter()?;
        Ok(Came::Redraw)
    }

    /// Waits until it is time, and draws again when the terminal changes. An end, if one came.
    pub fn wait(
        &mut self,
        due: Instant,
        mut redraw: impl FnMut(&mut Self) -> io::Result<()>,
    ) -> io::Result<Option<Ended>> {
        while Instant::now() < due {
            match self.next()? {
                Came::End(ended) => return Ok(Some(ended)),
                Came::Key(key) if matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) => {
                    return Ok(Some(Ended::Asked));
                }
                Came::Redraw => redraw(self)?,
                Came::Key(_) | Came::Nothing => {}
            }
        }
        Ok(None)
    }

    /// Draws lines from the top on, and one below all of them.
    pub fn write_lines(&mut self, lines: &[String], foot: &str) -> io::Result<()> {
        // One write a picture, each line over what was there: nothing flickers.
        let mut picture = String::from("\x1b[H");
        for line in lines {
            picture.push_str(line);
            picture.push_str("\x1b[K\r\n");
        }
        picture.push_str("\x1b[J\x1b[999;1H\x1b[2m");
        picture.push_str(foot);
        picture.push_str("\x1b[0m\x1b[K");
        self.out.write_all(picture.as_bytes())?;
        self.out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn is_control(key: KeyEvent, letter: char) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char(letter)
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::Relaxed);
    write(ENTER)
}

/// Puts the terminal back as it was; once, whoever calls it.
fn leave() {
    if ENTERED.swap(false, Ordering::Relaxed) {
        // A terminal that is gone needs nothing.
        let _ = write(LEAVE);
        let _ = disable_raw_mode();
    }
}

/// Writes past the lock of standard output, which another thread may hold.
fn write(bytes: &[u8]) -> io::Result<()> {
    rustix::io::write(io::stdout().as_fd(), bytes)?;
    Ok(())
}
