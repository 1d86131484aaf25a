//! `tandem import`: the configuration of another load balancer as one of Tandem's.

pub(super) mod show;

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use clap::Args;
use config::Cidr;
use import::{Files, Format, Import, Known, Options, Ports};

use super::Context;
use super::schema::Envelope;
use super::setup::address;
use crate::error::Error;

pub(super) const HELP: &str = "\
It reads keepalived.conf, what ipvsadm-save writes, lvs.cf of Piranha and ldirectord.cf; the content \
tells which. The new configuration goes to standard output, and the report, line by line, to standard \
error. Two files of keepalived that are the two machines of a pair become two configurations.

Exit codes: 0 all is taken over, the same or otherwise; 3 something that alters what it does is not; 1 a \
file cannot be read, and with --strict also what would be 3; then nothing is written

Examples:
  tandem import /etc/keepalived/keepalived.conf --output tandem.toml
  ipvsadm-save -n | tandem import /dev/stdin > tandem.toml
  tandem import a/keepalived.conf b/keepalived.conf --output a.toml --peer-output b.toml
  iptables-save > rules; tandem import keepalived.conf --iptables-save rules --output tandem.toml
  tandem check tandem.toml";

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The old configuration: one file, or several that belong together
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the configuration into this file; one that is there is kept as FILE.old
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write that of the second machine into this file, where the files of both are given
    #[arg(long, value_name = "FILE")]
    peer_output: Option<PathBuf>,
    /// The files' format, instead of what their content tells: keepalived, ipvsadm, lvs.cf or ldirectord
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,
    /// What iptables-save has written, for firewall marks and masquerading
    #[arg(long, value_name = "FILE")]
    iptables_save: Option<PathBuf>,
    /// The machine that lines with @ in keepalived's files are read for; by default this host's name
    #[arg(long, value_name = "ID")]
    config_id: Option<String>,
    /// Read included files also from outside of the first file's folder
    #[arg(long)]
    follow: bool,
    /// Write nothing, and fail, when something that alters what it does is not taken over
    #[arg(long)]
    strict: bool,
    /// This machine's name
    #[arg(long)]
    name: Option<String>,
    /// The cores that forward, such as 1,2
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    workers: Option<Vec<u16>>,
    /// The NIC towards clients: its PCI address, or a DPDK virtual device
    #[arg(long, value_name = "PORT")]
    public_port: Option<config::Device>,
    /// This machine's own address on the public side, such as 198.51.100.2/24
    #[arg(long, value_name = "ADDRESS/PREFIX", value_parser = address::parse)]
    public_address: Option<Cidr<Ipv4Addr>>,
    /// The next hop towards clients
    #[arg(long, value_name = "ADDRESS")]
    public_gateway: Option<Ipv4Addr>,
    /// The NIC towards the real servers
    #[arg(long, value_name = "PORT")]
    private_port: Option<config::Device>,
    /// This machine's own address on the private side, such as 10.0.0.2/24
    #[arg(long, value_name = "ADDRESS/PREFIX", value_parser = address::parse)]
    private_address: Option<Cidr<Ipv4Addr>>,
}

impl Arguments {
    fn options(&self) -> Options {
        // Names of ports that only this machine knows; without the file the well-known ones remain.
        let names = std::fs::read_to_string("/etc/services").unwrap_or_default();
        let known = Known {
            name: self.name.clone(),
            workers: self.workers.clone(),
            public_port: self.public_port.as_ref().map(ToString::to_string),
            public_address: self.public_address,
            public_gateway: self.public_gateway,
            private_port: self.private_port.as_ref().map(ToString::to_string),
            private_address: self.private_address,
        };
        // NICs and cores of both machines are alike more often than not; addresses never are.
        let known_peer =
            Known { name: None, public_address: None, private_address: None, ..known.clone() };
        Options {
            format: self.from,
            config_id: self.config_id.clone().or_else(host_name),
            instance: None,
            follow: self.follow,
            rules: self.iptables_save.clone(),
            ports: Ports::default().with(&names),
            known,
            known_peer,
        }
    }
}

/// This host's name up to the first dot, as keepalived takes it.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    name.trim().split('.').next().map(str::to_owned)
}

pub(super) fn run(arguments: &Arguments, context: &mut Context<'_>) -> Result<(), Error> {
    let imported = import::import(&Files::Disk, &arguments.files, &arguments.options())
        .map_err(Error::Import)?;
    let alters = imported.report.alters();
    if arguments.strict && alters {
        tell(arguments, &imported, context, &[])?;
        return Err(Error::NotImported);
    }
    let written = write(arguments, &imported, context)?;
    tell(arguments, &imported, context, &written)?;
    if alters { Err(Error::Altered) } else { Ok(()) }
}

/// Writes the configurations; says what was kept.
fn write(
    arguments: &Arguments,
    imported: &Import,
    context: &mut Context<'_>,
) -> Result<Vec<String>, Error> {
    let mut said = Vec::new();
    match &arguments.output {
        Some(path) => said.extend(save(path, &imported.machine.text)?),
        None => {
            context.out.write_all(imported.machine.text.as_bytes())?;
            context.out.flush()?;
        }
    }
    match (&imported.peer, &arguments.peer_output) {
        (Some(peer), Some(path)) => said.extend(save(path, &peer.text)?),
        (Some(_), None) => said.push(
            "The second machine's configuration is not written: say where, with --peer-output FILE"
                .to_owned(),
        ),
        (None, Some(path)) => said.push(format!(
            "{} is not written: two files of keepalived, each with a vrrp_instance, are those of two \
             machines",
            path.display()
        )),
        (None, None) => {}
    }
    Ok(said)
}

/// Writes a file whole or not at all; one that is there is kept beside it.
fn save(path: &Path, text: &str) -> Result<Vec<String>, Error> {
    let failed = |error: std::io::Error| Error::NotWritten { path: path.to_owned(), error };
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    if path.exists() && !is_file {
        // A device or a pipe is written to, and never replaced.
        std::fs::write(path, text).map_err(failed)?;
        return Ok(Vec::new());
    }
    let new = beside(".new");
    let mut file = std::fs::File::create(&new).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // What is half written helps nobody, and the reason is told in any case.
        let _ = std::fs::remove_file(&new);
        return Err(failed(error));
    }
    let mut said = Vec::new();
    if is_file && path.metadata().is_ok_and(|metadata| metadata.len() > 0) {
        let old = beside(".old");
        std::fs::rename(path, &old).map_err(failed)?;
        said.push(format!("{} was there, and is {} now", path.display(), old.display()));
    }
    std::fs::rename(&new, path).map_err(failed)?;
    Ok(said)
}

fn tell(
    arguments: &Arguments,
    imported: &Import,
    context: &Context<'_>,
    said: &[String],
) -> Result<(), Error> {
    let mut out = std::io::stderr().lock();
    if context.json {
        let answer = show::answer(imported);
        let envelope = Envelope::new("import", &answer);
        serde_json::to_writer_pretty(&mut out, &envelope).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        show::text(imported, said, arguments.output.as_deref(), &mut out)?;
    }
    Ok(())
}
