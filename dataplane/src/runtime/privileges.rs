//! What the process may do: enough to start, and next to nothing afterwards.
//!
//! Everything that takes a privilege is done at the start: DPDK's memory and devices are
//! open, the kernel interfaces are there with their addresses (a reload changes neither),
//! the control socket listens. What is needed later is in file descriptors. So capabilities
//! are given up before a worker takes its first packet, in every thread, DPDK's own among
//! them: all of them but for two rare cases ([`kept`]).

use config::{Config, Device};
use dpdk::privileges;
use rustix::thread::CapabilitySet;

use super::{KernelInterfaces, StartError};
use crate::admin::real_time;

/// A capability without which the start would fail, and what it is for.
#[derive(PartialEq, Eq, Debug)]
struct Need {
    capability: CapabilitySet,
    purpose: String,
}

/// Says what is missing, before something fails in words that do not help.
pub(super) fn check(config: &Config, kernel: KernelInterfaces) -> Result<(), StartError> {
    // A kernel that does not say what we may do lets us try.
    let Ok(held) = privileges::of_this_thread() else { return Ok(()) };
    match missing(&needs(config, kernel), held) {
        Some(missing) => Err(StartError::Privileges(missing)),
        None => Ok(()),
    }
}

/// Gives up what is not needed any more.
pub(super) fn give_up(config: &Config) {
    let kept = kept(config, real_time::permit);
    match privileges::keep_only(kept) {
        Ok(stubborn) if stubborn.is_empty() => {
            tracing::info!(kept = names(kept), "capabilities given up");
        }
        Ok(stubborn) => tracing::warn!(
            kept = names(kept),
            "capabilities given up, but these threads still have theirs: {}",
            stubborn.join(", ")
        ),
        Err(error) => tracing::warn!("capabilities could not be given up: {error}"),
    }
}

fn needs(config: &Config, kernel: KernelInterfaces) -> Vec<Need> {
    let need = |capability, purpose: String| Need { capability, purpose };
    let mut needs = Vec::new();
    if kernel == KernelInterfaces::Create {
        let [public, private] =
            [&config.public, &config.private].map(|side| side.kernel_interface.as_str());
        let purpose = format!("the kernel interfaces {public} and {private}");
        needs.push(need(CapabilitySet::NET_ADMIN, purpose));
    }
    for device in [&config.public.device, &config.private.device] {
        if is_driven_by(device, "net_af_packet") || is_driven_by(device, "net_af_xdp") {
            needs.push(need(CapabilitySet::NET_RAW, device.to_string()));
        }
        if is_driven_by(device, "net_af_xdp") {
            needs.push(need(CapabilitySet::NET_ADMIN, device.to_string()));
        }
    }
    needs
}

fn missing(needs: &[Need], held: CapabilitySet) -> Option<String> {
    let missing = needs.iter().filter(|need| !held.contains(need.capability));
    let missing: Vec<_> =
        missing.map(|need| format!("{} (for {})", names(need.capability), need.purpose)).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// What is needed until the end: net_af_xdp takes its program off the interface when the
/// port is closed; and orders about the role are taken with real-time priority, which is a
/// matter of a limit (LimitRTPRIO= in the unit) wherever this process may raise it.
fn kept(config: &Config, may_be_real_time: impl FnOnce() -> bool) -> CapabilitySet {
    let mut kept = CapabilitySet::empty();
    let devices = [&config.public.device, &config.private.device];
    if devices.into_iter().any(|device| is_driven_by(device, "net_af_xdp")) {
        kept |= CapabilitySet::NET_ADMIN;
    }
    if config.peer.is_some() && !may_be_real_time() {
        kept |= CapabilitySet::SYS_NICE;
    }
    kept
}

fn is_driven_by(device: &Device, driver: &str) -> bool {
    matches!(device, Device::Virtual(device) if device.name.starts_with(driver))
}

/// As capabilities(7) names them.
fn names(set: CapabilitySet) -> String {
    let names: Vec<_> = set.iter_names().map(|(name, _)| format!("CAP_{name}")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_purpose() {
        let need = |capability, purpose: &str| Need { capability, purpose: purpose.to_owned() };
        let needs = [
            need(CapabilitySet::NET_ADMIN, "the kernel interfaces a and b"),
            need(CapabilitySet::NET_RAW, "net_af_packet0,iface=eth0"),
        ];
        assert_eq!(missing(&needs, CapabilitySet::NET_RAW | CapabilitySet::NET_ADMIN), None);
        assert_eq!(
            missing(&needs, CapabilitySet::NET_RAW).as_deref(),
            Some("CAP_NET_ADMIN (for the kernel interfaces a and b)")
        );
        let both = missing(&needs, CapabilitySet::empty()).unwrap();
        assert!(both.ends_with(", CAP_NET_RAW (for net_af_packet0,iface=eth0)"), "{both}");
    }

    #[test]
    fn capabilities_have_their_usual_names() {
        assert_eq!(names(CapabilitySet::empty()), "none");
        assert_eq!(
            names(CapabilitySet::NET_ADMIN | CapabilitySet::NET_RAW),
            "CAP_NET_ADMIN CAP_NET_RAW"
        );
    }
}
