//! The file of what operators want of servers: it outlives restarts of both processes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::orders::{Order, Orders, ServerKey};

/// The most bytes that are read: thrice what so many servers as fit take.
const LIMIT: u64 = 16 * 1024 * 1024;

const VERSION: u32 = 1;

/// The file.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// Why the file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or its folder cannot be used.
    #[error("{path}, with what operators want of servers, cannot be used: {error}")]
    Io {
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What is in it is not understood.
    #[error(
        "{path}, with what operators want of servers, is damaged ({why}) and was moved to \
         {aside}: drain or disable those servers again"
    )]
    Damaged {
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// Where it is now.
        aside: PathBuf,
    },
}

#[derive(Default, Serialize, Deserialize)]
struct Content {
    version: u32,
    servers: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    key: ServerKey,
    #[serde(flatten)]
    order: Order,
}

impl Store {
    /// In this folder, which is made if it is not there.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Store { folder: folder.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("servers.json")
    }

    fn failed(&self, error: io::Error) -> StoreError {
        StoreError::Io { path: self.path(), error }
    }

    /// The orders in the file; none before the first. A damaged file is moved aside.
    ///
    /// # Errors
    /// When the file is there and cannot be read or understood.
    pub fn read(&self) -> Result<Orders, StoreError> {
        let file = match File::open(self.path()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Orders::default()),
            Err(error) => return Err(self.failed(error)),
        };
        let mut json = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut json).map_err(|error| self.failed(error))?;
        let content = match serde_json::from_slice::<Content>(&json) {
            _ if json.len() as u64 > LIMIT => Err("it is too large".to_owned()),
            Ok(content) if content.version == VERSION => Ok(content),
            Ok(content) => Err(format!("it is of version {}", content.version)),
            Err(error) => Err(error.to_string()),
        };
        let content = content.map_err(|why| {
            let aside = self.folder.join("servers.damaged");
            // Where that fails, the next order overwrites it.
            let _ = fs::rename(self.path(), &aside);
            StoreError::Damaged { path: self.path(), why, aside }
        })?;
        let mut orders = Orders::default();
        for Line { key, order } in content.servers {
            orders.merge(key, order);
        }
        Ok(orders)
    }

    /// Writes the orders so that they, or those before, are there after any crash.
    ///
    /// # Errors
    /// When they may not be on disk.
    pub fn write(&self, orders: &Orders) -> Result<(), StoreError> {
        let servers = orders.iter();
        let servers = servers.map(|(key, order)| Line { key: key.clone(), order: order.clone() });
        let content = Content { version: VERSION, servers: servers.collect() };
        let write = || {
            let json = serde_json::to_vec_pretty(&content)?;
            fs::create_dir_all(&self.folder)?;
            let draft = self.folder.join("servers.new");
            let mut file = File::create(&draft)?;
            file.write_all(&json)?;
            file.sync_all()?;
            fs::rename(&draft, self.path())?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| self.failed(error))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use api::Administrative;

    use super::*;
    use crate::servers::orders::Change;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tandem-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn orders_outlive_the_process() {
        let folder = folder("orders");
        let store = Store::new(&folder);
        assert_eq!(store.read().unwrap(), Orders::default());
        let mut orders = Orders::default();
        let key = |text: &str| ServerKey { service: "web".into(), server: text.parse().unwrap() };
        let keys = [key("10.0.0.11:80"), key("10.0.0.12:80")];
        orders.set(&keys, Change::State(Administrative::Maintenance), "a", 5_000);
        orders.set(&keys[..1], Change::Weight(Some(7)), "a", 5_000);
        orders.follow(|key| key.server.port() != 80, 9);
        store.write(&orders).unwrap();
        assert_eq!(Store::new(&folder).read().unwrap(), orders);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_damaged_file_is_moved_aside() {
        let folder = folder("damaged-orders");
        let store = Store::new(&folder);
        store.write(&Orders::default()).unwrap();
        for damaged in ["", "{\"version\":1,\"serv", "{\"version\":9,\"servers\":[]}", "\0\0\0"] {
            fs::write(store.path(), damaged).unwrap();
            let error = store.read().unwrap_err().to_string();
            assert!(error.contains("is damaged") && error.contains("drain or disable"), "{error}");
            assert_eq!(store.read().unwrap(), Orders::default(), "the start goes on");
            assert_eq!(fs::read_to_string(folder.join("servers.damaged")).unwrap(), damaged);
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
