//! What is wanted: from the command line, or from a configuration that exists.

use config::{Config, CoreId, Device, Mistakes};
use host::{Host, core_list, cpu};

use super::Arguments;
use super::address::Addresses;
use super::nic::{self, Nic};
use super::pages::Amount;
use super::{cores, nic::Side};
use crate::error::Error;

pub(super) struct Wishes {
    pub(super) nics: [Nic; 2],
    pub(super) workers: Vec<CoreId>,
    pub(super) hugepages: Option<Amount>,
    pub(super) no_iommu: bool,
    /// The workers' cores are to be theirs alone.
    pub(super) isolates: bool,
    /// The path of the configuration on the machine.
    pub(super) config_path: String,
    /// There is none yet.
    pub(super) writes_configuration: bool,
    /// The one that exists, if it is right.
    pub(super) config: Option<Config>,
    pub(super) name: String,
    pub(super) addresses: Addresses,
}

pub(super) fn of(arguments: &Arguments, host: &Host) -> Result<Wishes, Error> {
    let config_path = config_path(arguments, host)?;
    let exists = host.exists(&config_path);
    let loaded = exists.then(|| Config::load(host.file(&config_path)));
    let nics = nics(arguments, host, loaded.as_ref())?;
    nic::guard(&nics, &host::carried::all(host), arguments.force).map_err(Error::Usage)?;
    let workers = workers(arguments, host, &nics, loaded.as_ref())?;
    Ok(Wishes {
        nics,
        workers,
        hugepages: arguments.hugepages,
        no_iommu: arguments.no_iommu,
        isolates: !arguments.no_isolation,
        config_path,
        writes_configuration: !exists,
        config: loaded.and_then(Result::ok),
        name: arguments.name.clone().unwrap_or_else(|| name(host)),
        addresses: Addresses {
            public: arguments.public_address,
            private: arguments.private_address,
            virtual_ip: arguments.virtual_ip,
            gateway: arguments.gateway_address,
            public_gateway: arguments.public_gateway,
        },
    })
}

/// The configuration's path on the machine. One that is relative begins where the command was
/// typed, and below another root at that root.
pub(super) fn config_path(arguments: &Arguments, host: &Host) -> Result<String, Error> {
    let path = if host.is_running() {
        std::path::absolute(&arguments.config)?
    } else {
        std::path::Path::new("/").join(&arguments.config)
    };
    let text = path
        .to_str()
        .ok_or_else(|| Error::Usage(format!("--config {} is not UTF-8 text", path.display())))?;
    Ok(text.to_owned())
}

type Loaded<'l> = Option<&'l Result<Config, Mistakes>>;

fn nics(arguments: &Arguments, host: &Host, loaded: Loaded<'_>) -> Result<[Nic; 2], Error> {
    let [public, private] =
        [(Side::Public, &arguments.public), (Side::Private, &arguments.private)].map(
            |(side, wanted)| {
                let configured = match loaded {
                    Some(Ok(config)) => Some(side.of(config)),
                    _ => None,
                };
                nic(host, side, wanted.as_deref(), configured, loaded)
            },
        );
    let (public, private) = (public?, private?);
    if public.device == private.device {
        let message = format!("{} cannot be both NICs", public.device);
        return Err(Error::Usage(message));
    }
    Ok([public, private])
}

fn nic(
    host: &Host,
    side: Side,
    wanted: Option<&str>,
    configured: Option<&Device>,
    loaded: Loaded<'_>,
) -> Result<Nic, Error> {
    let found = match (wanted, configured) {
        (Some(text), _) => nic::find(host, side, text),
        (None, Some(device)) => nic::configured(host, side, device),
        (None, None) => {
            let why = match loaded {
                Some(Err(_)) => "the configuration that exists has mistakes",
                _ => "there is no configuration yet",
            };
            Err(format!(
                "which NIC is the {side} one? ({why}) Give --public NIC and --private NIC.\n{}",
                nic::list(host)
            ))
        }
    };
    let found = found.map_err(Error::Usage)?;
    match configured {
        Some(device) if *device != found.device => Err(Error::Usage(format!(
            "the configuration has {device} as {side}.port, and --{side} is {}: change the \
             configuration, or leave out --{side}",
            found.device
        ))),
        _ => Ok(found),
    }
}

fn workers(
    arguments: &Arguments,
    host: &Host,
    nics: &[Nic; 2],
    loaded: Loaded<'_>,
) -> Result<Vec<CoreId>, Error> {
    let configured = match loaded {
        Some(Ok(config)) => Some(&config.node.workers),
        _ => None,
    };
    let there = cpu::online(host).ok();
    let chosen = match (&arguments.cores, configured) {
        (Some(list), _) => {
            let wanted = core_list::parse(list).filter(|cores| !cores.is_empty());
            let wanted = wanted.ok_or_else(|| {
                Error::Usage(format!("--cores {list} is no list of cores such as 2,4 or 2-5"))
            })?;
            cores::check(&wanted, there.as_deref()).map_err(Error::Usage)?;
            wanted
        }
        (None, Some(configured)) => configured.clone(),
        (None, None) => {
            let node = nics.iter().find_map(|nic| nic.node);
            cores::choose(there.as_deref(), node).map_err(Error::Usage)?
        }
    };
    match configured {
        Some(configured) if *configured != chosen => Err(Error::Usage(format!(
            "the configuration has the workers {}, and --cores is {}: change the configuration, or \
             leave out --cores",
            core_list::format(configured),
            core_list::format(&chosen)
        ))),
        _ => Ok(chosen),
    }
}

/// The machine's host name, as far as it can be `node.name`.
fn name(host: &Host) -> String {
    let name = host.read("/etc/hostname").or_else(|_| host.read("/proc/sys/kernel/hostname"));
    let name = name.unwrap_or_default();
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = name.chars().take_while(allowed).take(63).collect();
    if name.is_empty() { "a".to_owned() } else { name }
}
