//! The list of what is to do: what is wanted, less what is there already.

use host::{Host, cpu};

use super::action::{Action, Content};
use super::apply::Applier;
use super::nic::Nic;
use super::pages::Wanted;
use super::record::Record;
use super::wishes::Wishes;
use super::{boot, configuration, cores, running, vfio};
use crate::error::Error;

/// The key of a pair, where the documentation has it.
pub(super) const KEY: &str = "/etc/tandem/peer.key";

#[derive(Debug)]
pub(super) struct Plan {
    /// What was chosen, a line each.
    pub(super) choices: Vec<String>,
    pub(super) actions: Vec<Action>,
    /// What has to be mended before anything is done.
    pub(super) problems: Vec<String>,
    /// What is left for the operator afterwards.
    pub(super) left: Vec<String>,
}

pub(super) fn of(wishes: &Wishes, applier: &Applier<'_>, record: &Record) -> Result<Plan, Error> {
    let (host, is_live) = (applier.host, applier.is_live);
    let there = cpu::online(host).ok();
    let mut isolated = cores::isolated(&wishes.workers, there.as_deref());
    if !wishes.isolates {
        isolated.clear();
    }
    let pages = Wanted::of(wishes, host);
    let is_handed_over = wishes.nics.iter().any(|nic| nic.handed_over().is_some());
    let words = boot::arguments(host, &isolated, &pages, is_handed_over && !wishes.no_iommu);

    let mut actions = Vec::new();
    if is_live {
        actions.extend(pages.actions(host));
    }
    let mut problems = pages.problems(wishes, host);
    let has_grub = boot::has_grub(host);
    let conflicts = boot::conflicts(host, &words, is_live, record);
    let mut left = Vec::new();
    // Without GRUB the operator writes all of the command line, and ours are only words to them.
    if has_grub {
        problems.extend(conflicts);
        actions.extend(boot::actions(host, &words, is_live, record));
    } else if boot::is_appliance(host) {
        actions.extend(boot::appliance_action(host, &words).filter(|_| is_live));
    } else {
        left.extend(conflicts);
    }
    let writes_grub =
        |action: &Action| matches!(action, Action::Write { path, .. } if path == boot::PATH);
    let grub_changes = actions.iter().any(writes_grub);
    let needs_reload = is_live && wishes.no_iommu && vfio::needs_reload(applier.tool, record);
    let vfio = vfio::steps(host, &wishes.nics, wishes.no_iommu, is_live, needs_reload);
    if vfio.bind_now() {
        problems.extend(running::problem(applier, wishes.config.as_ref()));
    }
    problems.extend(vfio.problems);
    actions.extend(vfio.actions);
    let makes_key = !host.exists(KEY);
    if makes_key {
        let why = "the key of a pair, 32 random bytes";
        actions.push(Action::hand_over(KEY, Content::Key, 0o600, why));
    }
    if wishes.writes_configuration {
        let text = configuration::text(wishes, KEY).map_err(Error::Usage)?;
        let (content, why) = (Content::Text(text), "a first configuration");
        actions.push(Action::hand_over(&wishes.config_path, content, 0o644, why));
    }
    let lacking = boot::lacking(host, &words, &isolated);
    let is_stale = grub_changes || boot::is_stale(host, &words);
    let lacking = if boot::is_appliance(host) { boot::isolation(&lacking) } else { lacking };
    left.extend(left_of_boot(host, is_live, has_grub, is_stale, &lacking));
    left.extend(vfio.left);
    left.extend(left_of_operator(wishes, is_live, makes_key));
    Ok(Plan { choices: choices(wishes), actions, problems, left })
}

fn choices(wishes: &Wishes) -> Vec<String> {
    let nic = |nic: &Nic| {
        let device = nic.pci.as_ref();
        let names = device.map_or(String::new(), |device| device.interfaces.join(" "));
        let driver = device.and_then(|device| device.driver.clone()).unwrap_or_default();
        let stays = if device.is_some_and(host::pci::PciDevice::is_shared) {
            ", stays with this driver"
        } else {
            ""
        };
        let words = [names, driver].into_iter().filter(|word| !word.is_empty());
        let words = words.collect::<Vec<_>>().join(", ");
        let words = if words.is_empty() { String::new() } else { format!(" ({words}{stays})") };
        let side = format!("{} NIC", nic.side);
        format!("{side:<13} {}{words}", nic.device)
    };
    let mut choices: Vec<String> = wishes.nics.iter().map(nic).collect();
    choices.push(format!("worker cores  {}", configuration::cores(wishes)));
    if wishes.no_iommu {
        choices.push(
            "WARNING       --no-iommu: the NICs can write to all of this machine's memory"
                .to_owned(),
        );
    }
    choices
}

fn left_of_boot(
    host: &Host,
    is_live: bool,
    has_grub: bool,
    is_stale: bool,
    lacking: &[String],
) -> Vec<String> {
    if !has_grub && !boot::is_appliance(host) && !lacking.is_empty() {
        return vec![format!(
            "There is no GRUB here (/etc/default/grub). Add to the kernel's command line, and \
             start the machine again: {}",
            lacking.join(" ")
        )];
    }
    if !is_live {
        return if has_grub && is_stale && boot::has_update_grub(host) {
            vec!["Run update-grub in this root.".to_owned()]
        } else {
            Vec::new()
        };
    }
    let mut left = Vec::new();
    if has_grub && is_stale && !boot::has_update_grub(host) {
        left.push("update-grub is not there: make GRUB's menu again by hand.".to_owned());
    }
    if !lacking.is_empty() {
        left.push(format!("Start the machine again, which brings: {}", lacking.join(" ")));
    }
    left
}

fn left_of_operator(wishes: &Wishes, is_live: bool, makes_key: bool) -> Vec<String> {
    let file = &wishes.config_path;
    let mut left = Vec::new();
    let has_mistakes = !wishes.writes_configuration && wishes.config.is_none();
    if has_mistakes || wishes.writes_configuration && !wishes.addresses.are_complete() {
        left.push(format!(
            "Fill in the addresses in {file}, until this is right: tandem check {file}"
        ));
    } else if wishes.writes_configuration {
        left.push(format!("Write your services into {file}, then: tandem check {file}"));
    }
    if makes_key {
        left.push(format!(
            "For a pair: fill in [peer], copy {KEY} to the other machine, and type there: tandem key install FILE"
        ));
    }
    if is_live {
        left.push("systemctl enable --now tandem-dataplane tandem-control".to_owned());
        left.push("tandem doctor".to_owned());
    }
    left
}
