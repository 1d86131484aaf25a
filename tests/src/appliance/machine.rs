//! The two machines of the pair, and what differs between them.

use std::path::PathBuf;

use crate::{FOLDER, Lab, Namespace};

/// One machine: its name, its namespace, its own addresses.
#[derive(PartialEq, Eq, Debug)]
pub struct Machine {
    /// Its name in the pair.
    pub name: &'static str,
    /// Where it runs.
    pub namespace: Namespace,
    /// Its real address on the public side.
    pub public: &'static str,
    /// Its real address on the private side.
    pub private: &'static str,
    /// Its end of the direct link.
    pub direct: &'static str,
}

/// The first machine.
pub static A: Machine = Machine {
    name: "a",
    namespace: Lab::A,
    public: "198.51.100.2",
    private: "10.0.0.2",
    direct: "192.0.2.1",
};

/// The second.
pub static B: Machine = Machine {
    name: "b",
    namespace: Lab::B,
    public: "198.51.100.3",
    private: "10.0.0.3",
    direct: "192.0.2.2",
};

impl Machine {
    /// The other one of the pair.
    pub fn other(&self) -> &'static Machine {
        if self.name == A.name { &B } else { &A }
    }

    /// What it writes.
    pub fn folder(&self) -> String {
        format!("{FOLDER}/{}", self.name)
    }

    /// What DPDK keeps of it.
    pub(crate) fn dpdk_folder(&self) -> String {
        format!("/run/dpdk/{}", self.file_prefix())
    }

    pub(super) fn file_prefix(&self) -> String {
        format!("tandem-lab-{}", self.name)
    }

    /// The dataplane's control socket.
    pub fn socket(&self) -> PathBuf {
        PathBuf::from(self.folder()).join("dataplane.sock")
    }

    /// tandem-control's socket.
    pub fn pair_socket(&self) -> PathBuf {
        PathBuf::from(self.folder()).join("control.sock")
    }
}
