//! Doing what the plan says, each step written down first.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use host::Host;
use sha2::{Digest, Sha256};

use super::action::{Action, Content};
use super::record::{Before, Done, Record};
use crate::command::doctor::Tool;
use crate::error::Error;

/// What is worked on, and with what.
pub(super) struct Applier<'a> {
    pub(super) host: &'a Host,
    /// The host is the running machine: settings are set and commands are run.
    pub(super) is_live: bool,
    pub(super) tool: Tool<'a>,
}

/// Says what is done, a line each.
type Say<'s> = &'s mut dyn FnMut(&str) -> io::Result<()>;

impl Applier<'_> {
    /// Does the steps in their order, and stops at the first that fails.
    pub(super) fn apply(
        &self,
        actions: &[Action],
        record: &mut Record,
        say: Say<'_>,
    ) -> Result<(), Error> {
        for action in actions {
            let result = self.step(action, record);
            let title = action.title();
            result.map_err(|reason| {
                Error::Setup(format!(
                    "this step failed: {title}: {reason}\nWhat was done before it is recorded; put \
                     it back with tandem setup --undo, or mend the cause and run setup again."
                ))
            })?;
            say(&format!("done: {title}"))?;
        }
        Ok(())
    }

    fn step(&self, action: &Action, record: &mut Record) -> Result<(), String> {
        match action {
            Action::Write { path, content, mode, is_operators, .. } => {
                self.write(path, content, *mode, *is_operators, record)
            }
            Action::Set { path, value, .. } => self.set(path, value, record),
            Action::Run { command, undo, undo_last, .. } => {
                let done = Done::Run {
                    command: command.clone(),
                    undo: undo.clone(),
                    undo_last: *undo_last,
                    is_done: false,
                };
                self.note(done, record)?;
                self.run(command)?;
                if let Some(Done::Run { is_done, .. }) = record.done.last_mut() {
                    *is_done = true;
                }
                record.save(self.host).map_err(|error| error.to_string())
            }
        }
    }

    fn note(&self, done: Done, record: &mut Record) -> Result<(), String> {
        record.done.push(done);
        record.save(self.host).map_err(|error| error.to_string())
    }

    fn write(
        &self,
        path: &str,
        content: &Content,
        mode: u32,
        is_operators: bool,
        record: &mut Record,
    ) -> Result<(), String> {
        let bytes = match content {
            Content::Text(text) => text.clone().into_bytes(),
            Content::Key => {
                let mut key = vec![0; 32];
                getrandom::fill(&mut key).map_err(|error| error.to_string())?;
                key
            }
        };
        let file = self.host.file(path);
        let before = before(&file)?;
        if let Some(parent) = Path::new(path).parent() {
            let parent = parent.display().to_string();
            let made = record.make_folders(self.host, &parent, 0o755);
            made.map_err(|error| format!("{parent} cannot be made: {error}"))?;
        }
        let digest = digest(&bytes);
        let path = path.to_owned();
        self.note(Done::Write { path, before, digest, is_operators }, record)?;
        write_file(&file, &bytes, mode).map_err(|error| error.to_string())
    }

    fn set(&self, path: &str, value: &str, record: &mut Record) -> Result<(), String> {
        let before = self.host.read(path).map_err(|error| error.to_string())?;
        self.note(Done::Set { path: path.to_owned(), before: before.clone() }, record)?;
        let set = |value: &str| self.set_to(path, value);
        let get = || self.host.read(path).map_err(|error| error.to_string());
        set_whole(&before, value, &set, &get)
    }

    /// Sets a setting of the running kernel.
    pub(super) fn set_to(&self, path: &str, value: &str) -> Result<(), String> {
        let file = OpenOptions::new().write(true).truncate(true).open(self.host.file(path));
        let written = file.and_then(|mut file| file.write_all(format!("{value}\n").as_bytes()));
        written.map_err(|error| error.to_string())
    }

    /// Runs a command of the running machine.
    pub(super) fn run(&self, command: &[String]) -> Result<(), String> {
        let Some((program, arguments)) = command.split_first() else { return Ok(()) };
        if !self.is_live {
            return Ok(());
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        (self.tool)(program, &arguments).map(|_| ())
    }
}

/// Sets a setting. The kernel gives as many hugepages as it finds, and says nothing: all that it
/// found are too many where they are not enough, so it gets the old value back.
fn set_whole(
    before: &str,
    value: &str,
    set: &dyn Fn(&str) -> Result<(), String>,
    get: &dyn Fn() -> Result<String, String>,
) -> Result<(), String> {
    set(value)?;
    let got = get()?;
    let is_short = match (got.parse::<u64>(), value.parse::<u64>()) {
        (Ok(got), Ok(wanted)) => got < wanted,
        _ => false,
    };
    if !is_short {
        return Ok(());
    }
    let now = match set(before) {
        Ok(()) => format!("it is {before} again"),
        Err(reason) => format!("and it was not set to {before} again: {reason}"),
    };
    Err(format!(
        "the kernel gave only {got} ({now}): the memory is in use or in pieces; start the machine \
         again, ask for fewer (--hugepages), or free memory"
    ))
}

fn before(file: &Path) -> Result<Option<Before>, String> {
    match fs::read(file) {
        Ok(bytes) => {
            let text =
                String::from_utf8(bytes).map_err(|_| "the file there is no text".to_owned())?;
            let metadata = fs::metadata(file).map_err(|error| error.to_string())?;
            Ok(Some(Before { text, mode: metadata.permissions().mode() & 0o7777 }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file whole or not at all, with its mode from the beginning.
pub(super) fn write_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tandem-new");
    let new = path.with_file_name(name);
    let _ = fs::remove_file(&new);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new)?;
        // The mask of the shell does not count.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written?;
    // The name is on the disk as well once its folder is.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_kernel_that_gives_too_little_gets_the_old_value_back() {
        let pages = RefCell::new("16".to_owned());
        // It has memory for 200.
        let set = |value: &str| {
            let given = value.parse::<u64>().unwrap().min(200);
            pages.replace(given.to_string());
            Ok(())
        };
        let get = || Ok(pages.borrow().clone());
        assert_eq!(set_whole("16", "100", &set, &get), Ok(()));
        assert_eq!(*pages.borrow(), "100");
        let said = set_whole("100", "256", &set, &get).unwrap_err();
        assert!(said.starts_with("the kernel gave only 200 (it is 100 again)"), "{said}");
        assert_eq!(*pages.borrow(), "100");
    }
}
