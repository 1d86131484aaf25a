//! Room in file systems.

use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::{Host, ReadError};

/// A file system as it is where a path is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// MiB that a process may still write.
    pub free_mebibytes: u64,
    /// MiB in all.
    pub total_mebibytes: u64,
    /// True when nothing can be written.
    pub is_read_only: bool,
}

/// The room below a path, or below the nearest folder above it that exists.
///
/// # Errors
/// When the file system does not say.
pub fn room(host: &Host, path: &str) -> Result<Room, ReadError> {
    let wanted = host.file(path);
    let folder = wanted.ancestors().find(|folder| folder.exists()).unwrap_or(host.root());
    let answer = statvfs(folder).map_err(|error| crate::unreadable(path, &error.into()))?;
    let mebibytes = |blocks: u64| blocks.saturating_mul(answer.f_frsize) / (1024 * 1024);
    Ok(Room {
        free_mebibytes: mebibytes(answer.f_bavail),
        total_mebibytes: mebibytes(answer.f_blocks),
        is_read_only: answer.f_flag.contains(StatVfsMountFlags::RDONLY),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn a_folder_to_come_has_the_room_of_the_one_above() {
        let tree = Tree::new();
        let room = room(&tree.host(), "/var/lib/none/yet").unwrap();
        assert!(room.total_mebibytes > 0 && room.free_mebibytes <= room.total_mebibytes);
    }
}
