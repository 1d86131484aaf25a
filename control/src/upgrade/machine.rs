//! What of the machine is about upgrades: files that the image's scripts write and read.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Install, State};

/// The most bytes of an upgrade: both partitions of a slot have fewer.
const LIMIT: u64 = 512 << 20;
/// What has to be left on the state partition.
const SPARE: u64 = 16 << 20;

/// The machine, below a root; `/` but in tests.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Machine::below(Path::new("/"))
    }
}

impl Machine {
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Machine { root: root.to_owned() }
    }

    fn read(&self, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.root.join(path)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn folder(&self) -> PathBuf {
        self.root.join("var/lib/tandem/upgrade")
    }

    /// The release of the image; none on a machine that runs from no image.
    #[must_use]
    pub fn release(&self) -> Option<String> {
        let text = self.read("usr/lib/tandem/release")?;
        text.lines().find_map(|line| line.strip_prefix("VERSION=")).map(str::to_owned)
    }

    /// The slot that was started.
    #[must_use]
    pub fn slot(&self) -> Option<String> {
        let words = self.read("proc/cmdline")?;
        words.split_whitespace().find_map(|word| word.strip_prefix("rauc.slot=")).map(str::to_owned)
    }

    #[must_use]
    pub fn state(&self) -> State {
        let last = |path| self.read(path)?.lines().last().map(|line| line.trim().to_owned());
        State {
            release: self.release(),
            slot: self.slot(),
            boot: self.read("proc/sys/kernel/random/boot_id").unwrap_or_default(),
            good: self.root.join("run/tandem/slot-good").exists(),
            doing: last("run/tandem/upgrade.log"),
            failed: self.read("var/lib/tandem/upgrade/failed"),
            left: last("var/lib/tandem/slots"),
        }
    }

    /// Begins to take an upgrade of the peer.
    ///
    /// # Errors
    /// A sentence without its full stop.
    pub fn begin(&self, install: &Install) -> Result<Upload, String> {
        if self.slot().is_none() {
            return Err("it was not started from a disk with Tandem's image, and has no other \
                        slot to write to"
                .to_owned());
        }
        let folder = self.folder();
        let failed = |error: io::Error| format!("{} cannot be used: {error}", folder.display());
        if ["request", "running"].iter().any(|name| folder.join(name).exists()) {
            return Err("an upgrade is under way already".to_owned());
        }
        fs::create_dir_all(&folder).map_err(failed)?;
        let part = folder.join("upgrade.part");
        let _ = fs::remove_file(&part);
        let _ = fs::remove_file(folder.join("upgrade.raucb"));
        let _ = fs::remove_file(folder.join("failed"));
        let room = rustix::fs::statvfs(&folder).map_err(|error| failed(error.into()))?;
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        if install.size == 0 || install.size > LIMIT {
            return Err(format!("{} bytes are no upgrade: it has 1 to {LIMIT}", install.size));
        }
        if free < install.size.saturating_add(SPARE) {
            return Err(format!(
                "{} has {} MB free, and an upgrade of {} MB does not fit: look at what fills it \
                 with du -x /var",
                folder.display(),
                free / 1_000_000,
                install.size / 1_000_000
            ));
        }
        let file = File::create(&part).map_err(failed)?;
        Ok(Upload { folder, file, left: install.size, downgrade: install.downgrade })
    }
}

/// An upgrade on its way to the disk. One that is dropped unfinished leaves no file.
#[derive(Debug)]
pub struct Upload {
    folder: PathBuf,
    file: File,
    left: u64,
    downgrade: bool,
}

impl Upload {
    /// True once all bytes are there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.left == 0
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// A sentence without its full stop.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.left =
            self.left.checked_sub(bytes.len() as u64).ok_or("it is longer than was said")?;
        self.file.write_all(bytes).map_err(|error| self.failed(&error))
    }

    /// Has it installed.
    ///
    /// # Errors
    /// A sentence without its full stop.
    pub fn finish(self) -> Result<(), String> {
        let order = || {
            self.file.sync_all()?;
            fs::rename(self.folder.join("upgrade.part"), self.folder.join("upgrade.raucb"))?;
            let draft = self.folder.join("request.new");
            let mut file = File::create(&draft)?;
            file.write_all(if self.downgrade { b"--downgrade\n" } else { b"\n" })?;
            file.sync_all()?;
            // systemd waits for this file.
            fs::rename(&draft, self.folder.join("request"))
        };
        order().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> String {
        format!("it cannot be written into {}: {error}", self.folder.display())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Gone already where it was finished.
        let _ = fs::remove_file(self.folder.join("upgrade.part"));
    }
}

/// Whether a release is newer than another: the numbers in their names are compared one by one.
#[must_use]
pub fn is_newer(one: &str, other: &str) -> bool {
    let numbers = |release: &str| -> Vec<u64> {
        let numbers = release.split(|c: char| !c.is_ascii_digit());
        numbers.filter_map(|number| number.parse().ok()).collect()
    };
    numbers(one) > numbers(other)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A machine in a folder of its own, which is gone with it.
    pub(in super::super) struct Folder(pub(in super::super) PathBuf);

    impl Folder {
        pub(in super::super) fn with_slot(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("tandem-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            for (file, text) in [
                ("usr/lib/tandem/release", "VERSION=0.2.0+20260301120000\n"),
                ("proc/cmdline", "quiet tandem.slot=a rauc.slot=a panic=10\n"),
                ("proc/sys/kernel/random/boot_id", "one\n"),
                ("var/lib/tandem/slots", "slot b was left: first\nslot b was left: second\n"),
            ] {
                let file = path.join(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
            Folder(path)
        }

        pub(in super::super) fn text(&self, path: &str) -> Option<String> {
            fs::read_to_string(self.0.join("var/lib/tandem/upgrade").join(path)).ok()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_machine_tells_its_state() {
        let folder = Folder::with_slot("state");
        let machine = Machine::below(&folder.0);
        let state = machine.state();
        assert_eq!(state.release.as_deref(), Some("0.2.0+20260301120000"));
        assert_eq!((state.slot.as_deref(), state.good), (Some("a"), false));
        assert_eq!(state.left.as_deref(), Some("slot b was left: second"));
        let elsewhere = Machine::below(Path::new("/nowhere")).state();
        assert_eq!((elsewhere.release, elsewhere.slot), (None, None));
    }

    #[test]
    fn an_upgrade_is_asked_for_once_it_is_whole() {
        let folder = Folder::with_slot("whole");
        let machine = Machine::below(&folder.0);
        let install = Install { size: 8, downgrade: true };
        let mut upload = machine.begin(&install).unwrap();
        upload.write(b"1234").unwrap();
        assert!(!upload.is_whole());
        drop(upload);
        assert_eq!((folder.text("upgrade.part"), folder.text("request")), (None, None));

        let mut upload = machine.begin(&install).unwrap();
        upload.write(b"12345678").unwrap();
        assert!(upload.is_whole());
        upload.finish().unwrap();
        assert_eq!(folder.text("upgrade.raucb").as_deref(), Some("12345678"));
        assert_eq!(folder.text("request").as_deref(), Some("--downgrade\n"));
        let busy = machine.begin(&install).unwrap_err();
        assert!(busy.contains("under way"), "{busy}");
    }

    #[test]
    fn what_is_no_upgrade_or_has_no_room_is_refused() {
        let folder = Folder::with_slot("refused");
        let machine = Machine::below(&folder.0);
        let begin = |size| machine.begin(&Install { size, downgrade: false });
        for size in [0, LIMIT + 1, u64::MAX] {
            assert!(begin(size).unwrap_err().contains("are no upgrade"));
        }
        let mut upload = begin(4).unwrap();
        assert!(upload.write(b"12345").unwrap_err().contains("longer"));
        let elsewhere = Machine::below(Path::new("/nowhere")).begin(&Install::default());
        assert!(elsewhere.unwrap_err().contains("no other slot"));
    }

    #[test]
    fn releases_are_compared_by_their_numbers() {
        assert!(is_newer("0.2.0+20260301120000", "0.2.0+20260228120000"));
        assert!(is_newer("0.10.0+1", "0.9.9+2"));
        assert!(!is_newer("0.2.0+20260301120000", "0.2.0+20260301120000"));
        assert!(!is_newer("0.1.9+20270101000000", "0.2.0+20260301120000"));
    }
}
