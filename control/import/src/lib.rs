//! Configurations of keepalived, ipvsadm, Piranha and ldirectord, read and written as Tandem's.
//!
//! A file passes through here in three steps. [`format`] tells by its content what it is. Its
//! reader (`keepalived`, `ipvsadm`, `piranha`, `ldirectord`) takes it apart and fills a model of
//! services and of the machine, and says in the [`report`] of each line what became of it. Then
//! `compose` writes the model as one file, has it checked by the real check, and takes out what
//! that refuses. So what comes out is always right, and nothing is left out in silence.
//!
//! ```
//! use import::{Files, Options, import};
//!
//! let old = "virtual_server 198.51.100.10 80 {\n protocol TCP\n real_server 10.0.0.11 80 {\n }\n}\n";
//! let files = Files::Memory([("/keepalived.conf".into(), old.into())].into());
//! let done = import(&files, &["/keepalived.conf".into()], &Options::default())?;
//! assert!(done.machine.text.contains("listen = \"198.51.100.10:80\""));
//! # Ok::<(), import::Error>(())
//! ```

#![deny(missing_docs)]

mod compose;
mod error;
mod files;
pub mod format;
mod ipvsadm;
pub mod keepalived;
mod ldirectord;
mod model;
mod pair;
mod piranha;
mod ports;
pub mod report;
mod rules;
mod suggestion;

use std::path::{Path, PathBuf};

pub use compose::{Known, Machine};
pub use error::Error;
pub use files::Files;
pub use format::Format;
pub use ports::Ports;
pub use report::{Entry, FillIn, Outcome, Place, Report};

use keepalived::read::Choices;
use model::Model;
use rules::Rules;

/// What decides how files are read, and what they do not have.
#[derive(Clone, Default, Debug)]
pub struct Options {
    /// Their format; none: their content tells.
    pub format: Option<Format>,
    /// The machine that keepalived's lines with `@` are read for.
    pub config_id: Option<String>,
    /// keepalived's instance, for `${_INSTANCE}`.
    pub instance: Option<String>,
    /// Included files may be anywhere, and not only below the first file's folder.
    pub follow: bool,
    /// What `iptables-save` wrote: for firewall marks and masquerading.
    pub rules: Option<PathBuf>,
    /// Names of ports.
    pub ports: Ports,
    /// What is known of the machine.
    pub known: Known,
    /// What is known of the other machine, where its file is given too.
    pub known_peer: Known,
}

/// What comes out.
#[derive(Clone, Debug)]
pub struct Import {
    /// The configuration of the machine.
    pub machine: Machine,
    /// That of the other one, where its file was given too.
    pub peer: Option<Machine>,
    /// What became of each line.
    pub report: Report,
}

/// Reads the files into one configuration. Two of keepalived with instances of VRRP each are those
/// of a pair's two machines, and become two configurations.
///
/// # Errors
/// When a file cannot be read, is of no known format, or holds more than anybody writes.
pub fn import(files: &Files, paths: &[PathBuf], options: &Options) -> Result<Import, Error> {
    let mut report = Report::default();
    let rules = match &options.rules {
        None => Rules::default(),
        Some(path) => {
            let text = text(files, path)?;
            let file = report.file(&path.display().to_string());
            rules::read(&text, file, &mut report)
        }
    };
    let mut models = Vec::new();
    for path in paths {
        models.push(read(files, path, options, &rules, &mut report)?);
    }
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    if options.rules.is_none() && models.iter().any(|(format, _)| *format == Format::Keepalived) {
        report.note(
            "keepalived does not masquerade: what private hosts may open to the public side is in the \
             firewall's rules (--iptables-save FILE), or is written as [[masquerade]].",
        );
    }
    if models.iter().any(|(format, model)| {
        matches!(format, Format::Keepalived | Format::Ldirectord) && model.has_checks()
    }) {
        report.note(
            "Checks keep the old times, and rise = 1: Tandem's own defaults are faster, and rise = 2 is \
             steadier. A server that comes and goes is held back for longer each time (hold_max).",
        );
    }
    match &mut models[..] {
        [(Format::Keepalived, first), (Format::Keepalived, second)]
            if first.machine.pair.is_some() && second.machine.pair.is_some() =>
        {
            let (first, second) = (core::mem::take(first), core::mem::take(second));
            pair::import(first, second, &names, options, &rules, report)
        }
        models => {
            let mut model = Model::default();
            for (_, one) in models {
                model.add(core::mem::take(one));
            }
            model.masquerades.extend(rules.masquerades);
            let machine = compose::compose(model, &options.known, &names, &mut report)?;
            Ok(Import { machine, peer: None, report })
        }
    }
}

fn text(files: &Files, path: &Path) -> Result<String, Error> {
    let bytes = files
        .read_named(path)
        .map_err(|error| Error::unreadable(&path.display().to_string(), &error))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

fn read(
    files: &Files,
    path: &Path,
    options: &Options,
    rules: &Rules,
    report: &mut Report,
) -> Result<(Format, Model), Error> {
    let name = path.display().to_string();
    let text = text(files, path)?;
    let format = options.format.or_else(|| Format::of(&text));
    let format = format.ok_or_else(|| Error::Unknown { file: name.clone() })?;
    let mut model = Model::default();
    let (model_of, ports) = (&mut model, &options.ports);
    match format {
        Format::Keepalived => {
            let choices = Choices {
                config_id: options.config_id.clone(),
                instance: options.instance.clone(),
                follow: options.follow,
            };
            let statements = keepalived::read::read(files, path, &name, &text, &choices, report)?;
            keepalived::map(&statements, model_of, report, ports, rules);
        }
        Format::Ipvsadm => {
            let file = report.file(&name);
            ipvsadm::read(&text, file, model_of, report, ports, rules);
        }
        Format::Piranha => {
            let file = report.file(&name);
            piranha::read(&text, file, model_of, report, ports);
        }
        Format::Ldirectord => {
            let file = report.file(&name);
            ldirectord::read(&text, file, model_of, report, ports);
        }
    }
    Ok((format, model))
}
