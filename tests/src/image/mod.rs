//! The appliance's image in virtual machines, which take the place of the lab's two appliances.
//!
//! Each has a NIC on the lab's public and on its private bridge, which the dataplane takes by
//! vfio-pci behind an emulated IOMMU, and one on a bridge for management, where dnsmasq gives
//! addresses and files to start by network. QEMU emulates the processor: KVM is not there
//! everywhere, and what is shown is that the image works, not how fast.

mod configuration;
mod disk;
mod hardware;
mod machine;
mod stick;

use std::fs;
use std::path::{Path, PathBuf};

pub use configuration::Configuration;
pub use hardware::{Firmware, Hardware};
pub use machine::Machine;
pub use stick::Stick;

use crate::namespace::{must, write};
use crate::topology::Lab;
use crate::{Error, FOLDER, lock};

/// Where `make image` leaves what it makes.
const ARTEFACTS: &str = "target/image";

/// What the machines fetch by HTTP when they start by network.
const BOOT: &str = "/run/tandem-lab/boot";

/// The address of the lab on the bridge for management.
const MANAGEMENT: &str = "192.0.2.254";

/// The network of the lab, with a place for virtual machines. It is down when dropped.
#[derive(Debug)]
pub struct Network {
    _lock: fs::File,
}

impl Network {
    /// Raises it.
    ///
    /// # Errors
    ///
    /// [`Error`], when it cannot be raised.
    pub fn up() -> Result<Self, Error> {
        let network = Network { _lock: lock()? };
        Lab::network()?;
        let switch = Lab::SWITCH;
        for words in [
            &["link", "add", "management", "type", "bridge"][..],
            &["link", "set", "management", "up"],
            &["addr", "add", "192.0.2.254/24", "dev", "management"],
        ] {
            must(&[&["ip", "-n", switch.0], words].concat())?;
        }
        let key = key();
        must(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &key])?;
        must(&["bash", "-c", &format!("umask 077; head -c 32 /dev/urandom > {FOLDER}/peer.key")])?;
        boot_server()?;
        Ok(network)
    }

    /// What a machine fetches that starts by network: the configuration of this stick.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn offer(&self, machine: &str, stick: &Stick) -> Result<(), Error> {
        stick.archive(&format!("{BOOT}/{machine}.tar"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // A test that fails has said why already.
        let _ = Lab::down();
    }
}

/// The private key with which the lab logs in.
fn key() -> String {
    format!("{FOLDER}/login")
}

/// Addresses on the bridge for management, and the files of network boot.
fn boot_server() -> Result<(), Error> {
    let files = fs::canonicalize(artefacts().join("netboot")).map_err(Error::file(ARTEFACTS))?;
    fs::create_dir_all(BOOT).map_err(Error::file(BOOT))?;
    must(&["bash", "-c", &format!("ln -s {}/* {BOOT}/", files.display())])?;
    // What an operator writes: where the configuration of each machine is.
    let start = format!(
        "#!ipxe\nset tandem tandem.config=http://{MANAGEMENT}:8000/${{hostname}}.tar\n\
         chain boot.ipxe\n"
    );
    write(&format!("{BOOT}/start.ipxe"), &start)?;
    let hosts = ["a", "b"].map(|name| {
        let number = if name == "a" { 1 } else { 2 };
        format!("dhcp-host=52:54:00:00:00:0{number},192.0.2.1{number},{name}\n")
    });
    let text = format!(
        "port=0\ninterface=management\nbind-interfaces\ndhcp-range=192.0.2.10,192.0.2.99,1h\n\
         dhcp-authoritative\nno-ping\nuser=root\n{}dhcp-userclass=set:ipxe,iPXE\n\
         dhcp-boot=tag:ipxe,http://{MANAGEMENT}:8000/start.ipxe\n",
        hosts.concat()
    );
    let path = format!("{FOLDER}/management.conf");
    write(&path, &text)?;
    let lease = format!("--dhcp-leasefile={FOLDER}/leases");
    let configuration = format!("--conf-file={path}");
    Lab::SWITCH.serve("management.log", &["dnsmasq", "-k", &configuration, &lease])?;
    let server = ["python3", "-m", "http.server", "-b", MANAGEMENT, "-d", BOOT, "8000"];
    Lab::SWITCH.serve("netboot.log", &server)?;
    Ok(())
}

/// The folder of the image; another one by TANDEM_IMAGE.
fn artefacts() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    workspace.join(std::env::var("TANDEM_IMAGE").unwrap_or_else(|_| ARTEFACTS.to_owned()))
}

/// An upgrade that `images/tests/upgrades.sh` has made.
///
/// # Errors
///
/// [`Error::File`], when it was not run.
pub fn upgrade(name: &str) -> Result<PathBuf, Error> {
    let path = artefacts().join(format!("tests/{name}.raucb"));
    fs::canonicalize(&path).map_err(Error::file(path.display().to_string()))
}

/// The one file of the image with this ending.
///
/// # Errors
///
/// [`Error::File`], when `make image` was not there.
pub fn artefact(ending: &str) -> Result<PathBuf, Error> {
    let folder = artefacts();
    let missing = || {
        let source = std::io::Error::other(format!("no file *{ending}: make image makes it"));
        Error::File { path: folder.display().to_string(), source }
    };
    let entries = fs::read_dir(&folder).map_err(|_| missing())?;
    let mut found = entries.flatten().map(|entry| entry.path());
    found.find(|path| path.to_string_lossy().ends_with(ending)).ok_or_else(missing)
}
