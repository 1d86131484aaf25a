//! The maintenance folder: a file in it takes a server out, as ldirectord's `maintenancedir`
//! does. The name says which (`10.0.0.12`, `10.0.0.12:80`, `web@10.0.0.12:80`); the word
//! `disable` in it puts the server in maintenance, anything else drains it.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use api::Administrative;
use tokio::sync::watch;

use super::ServerKey;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);
/// The most files that are looked at.
const MOST: usize = 8192;
/// The most bytes of a file that are looked at.
const MOST_BYTES: u64 = 64;

/// Which servers a file means.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pattern {
    /// Of this service; none: of any.
    service: Option<String>,
    address: IpAddr,
    /// With this port; none: with any.
    port: Option<u16>,
}

impl Pattern {
    /// What a file's name means; none: nothing.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (service, server) = match name.rsplit_once('@') {
            Some((service, server)) if !service.is_empty() => (Some(service.to_owned()), server),
            Some(_) => return None,
            None => (None, name),
        };
        if let Ok(socket) = server.parse::<SocketAddr>() {
            return Some(Pattern { service, address: socket.ip(), port: Some(socket.port()) });
        }
        Some(Pattern { service, address: server.parse().ok()?, port: None })
    }

    fn means(&self, key: &ServerKey) -> bool {
        self.address == key.server.ip()
            && self.port.is_none_or(|port| port == key.server.port())
            && self.service.as_ref().is_none_or(|service| *service == key.service)
    }
}

/// What the files say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FolderRules {
    /// By address, since few files have one.
    by_address: BTreeMap<IpAddr, Vec<(Pattern, Administrative)>>,
    /// Files whose names mean no server.
    pub unknown: Vec<String>,
}

impl FolderRules {
    /// What is said of a server.
    #[must_use]
    pub fn of(&self, key: &ServerKey) -> Administrative {
        let rules = self.by_address.get(&key.server.ip()).into_iter().flatten();
        let said = rules.filter(|(pattern, _)| pattern.means(key)).map(|&(_, state)| state);
        said.max().unwrap_or_default()
    }

    /// What the files of a folder say; nothing where there is no such folder.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut rules = FolderRules::default();
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(rules),
            Err(error) => return Err(error),
        };
        for entry in entries.take(MOST) {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // What editors and packages leave behind.
            if name.starts_with('.') || name.ends_with('~') || name == "README" {
                continue;
            }
            match Pattern::parse(&name) {
                Some(pattern) => {
                    let state = state(&entry.path());
                    rules.by_address.entry(pattern.address).or_default().push((pattern, state));
                }
                None => rules.unknown.push(name),
            }
        }
        rules.by_address.values_mut().for_each(|list| list.sort());
        rules.unknown.sort();
        Ok(rules)
    }
}

/// What a file says. One that cannot be read is there all the same, and drains.
fn state(path: &Path) -> Administrative {
    let mut word = String::new();
    // A pipe without a writer would hold whoever opens it.
    let is_file = fs::metadata(path).is_ok_and(|found| found.is_file());
    if is_file {
        let file = File::open(path).map(|file| file.take(MOST_BYTES));
        let _ = file.and_then(|mut file| file.read_to_string(&mut word));
    }
    match word.trim() {
        "disable" => Administrative::Maintenance,
        _ => Administrative::Drain,
    }
}

/// Follows the folder until nobody listens any more. It blocks: it is for a thread of its own.
pub fn follow(folder: &Path, rules: &watch::Sender<FolderRules>) {
    let mut reported = BTreeSet::new();
    let mut trouble = None;
    while !rules.is_closed() {
        match FolderRules::read(folder) {
            Ok(read) => {
                trouble = None;
                for name in &read.unknown {
                    if reported.insert(name.clone()) {
                        tracing::warn!(
                            "{} means no server: name a file as 10.0.0.12, 10.0.0.12:80 or \
                             web@10.0.0.12:80",
                            folder.join(name).display()
                        );
                    }
                }
                reported.retain(|name| read.unknown.contains(name));
                rules.send_if_modified(|before| {
                    let changed = *before != read;
                    *before = read;
                    changed
                });
            }
            // What it said before holds: a folder that cannot be read enables nobody.
            Err(error) => {
                let error = error.to_string();
                if trouble.as_ref() != Some(&error) {
                    tracing::error!("{} cannot be read: {error}", folder.display());
                }
                trouble = Some(error);
            }
        }
        std::thread::sleep(PERIOD);
    }
}

/// The folder of a machine whose configuration is this file.
#[must_use]
pub fn of(node: &config::Node, file: &Path) -> PathBuf {
    let beside = || file.with_file_name("maintenance.d");
    node.maintenance.clone().unwrap_or_else(beside)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn key(service: &str, server: &str) -> ServerKey {
        ServerKey { service: service.into(), server: server.parse().unwrap() }
    }

    #[test]
    fn a_file_means_the_servers_that_its_name_says() {
        let folder = std::env::temp_dir().join(format!("tandem-folder-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        assert_eq!(FolderRules::read(&folder).unwrap(), FolderRules::default());
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("10.0.0.12", "");
        write("10.0.0.13:80", "disable\n");
        write("web@10.0.0.14:80", "Ansible, until Friday");
        write("10.0.0.13", "");
        write("server-15", "");
        write("@10.0.0.16", "");
        write(".10.0.0.17.swp", "");
        fs::create_dir(folder.join("10.0.0.18")).unwrap();
        let rules = FolderRules::read(&folder).unwrap();
        let of = |service: &str, server: &str| rules.of(&key(service, server));
        assert_eq!(of("web", "10.0.0.12:80"), Administrative::Drain);
        assert_eq!(of("dns", "10.0.0.12:53"), Administrative::Drain);
        assert_eq!(of("web", "10.0.0.13:80"), Administrative::Maintenance, "the more holds");
        assert_eq!(of("dns", "10.0.0.13:53"), Administrative::Drain);
        assert_eq!(of("web", "10.0.0.14:80"), Administrative::Drain);
        assert_eq!(of("dns", "10.0.0.14:80"), Administrative::Ready);
        assert_eq!(of("web", "10.0.0.11:80"), Administrative::Ready);
        assert_eq!(of("web", "10.0.0.18:80"), Administrative::Drain);
        assert_eq!(rules.unknown, ["@10.0.0.16", "server-15"]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
