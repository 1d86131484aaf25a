//! MTUs, and the interfaces through which the kernel has the machine's real addresses.

use config::{Config, Device, Interface as Side};
use host::interface;

use super::finding::Finding;
use super::machine::Machine;

const MTU: &str = "MTU";

pub(super) fn look(machine: &Machine<'_>) -> Vec<Finding> {
    let Some(config) = machine.config else { return Vec::new() };
    let mut findings = vec![tun(machine), between(config)];
    for side in [&config.public, &config.private] {
        findings.extend(below(machine, side));
        findings.extend(kernel_interface(machine, side));
    }
    findings
}

fn tun(machine: &Machine<'_>) -> Finding {
    const CHECK: &str = "TAP interfaces";
    if machine.host.exists("/dev/net/tun") {
        return Finding::ok(CHECK, "/dev/net/tun is there");
    }
    Finding::wrong(
        CHECK,
        "there is no /dev/net/tun",
        "The kernel has the machine's real addresses through TAP interfaces; the dataplane does \
         not start without them.",
        "modprobe tun\necho tun > /etc/modules-load.d/tun.conf",
    )
}

/// A full packet of one side has to fit through the other.
fn between(config: &Config) -> Finding {
    let (public, private) = (config.public.mtu, config.private.mtu);
    let is_clamped = [&config.public, &config.private].iter().any(|side| side.mss_clamp.is_some());
    if public == private || is_clamped {
        return Finding::ok(MTU, format!("public {public}, private {private}"));
    }
    let least = public.min(private);
    Finding::note(
        MTU,
        format!("public {public}, private {private}"),
        "Full packets of the larger side do not fit through the other, and their senders are told \
         (path MTU discovery). Where a firewall drops that answer, connections hang.",
        format!("# Set mss_clamp = {} in both sections.", least.saturating_sub(40)),
    )
}

/// The interface of the kernel that a virtual device sends through.
fn below(machine: &Machine<'_>, side: &Side) -> Option<Finding> {
    let Device::Virtual(device) = &side.device else { return None };
    let interface = interface::named(machine.host, device.argument("iface")?)?;
    let (mtu, name) = (interface.mtu, &interface.name);
    if mtu >= u32::from(side.mtu) {
        return None;
    }
    Some(Finding::wrong(
        MTU,
        format!("{name} has {mtu}, and {} is configured for {device}", side.mtu),
        "The kernel drops what is larger than its interface takes.",
        format!("ip link set {name} mtu {}", side.mtu),
    ))
}

fn kernel_interface(machine: &Machine<'_>, side: &Side) -> Option<Finding> {
    let name = &side.kernel_interface;
    let interface = interface::named(machine.host, name)?;
    if interface.mtu == u32::from(side.mtu) {
        return None;
    }
    Some(Finding::note(
        MTU,
        format!("the kernel's interface {name} has {}, the side {}", interface.mtu, side.mtu),
        "Heartbeats and SSH go through this interface: with another MTU than the network's, full \
         packets are lost.",
        format!("ip link set {name} mtu {}", side.mtu),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::super::testing::{all_ok, config, look, no_tool, only, tree};
    use host::testing::Tree;

    fn right() -> Tree {
        let tree = tree();
        tree.file("/dev/net/tun", "");
        tree
    }

    #[test]
    fn equal_mtus_are_ok() {
        let tree = right();
        tree.interface("tandem-pub");
        assert!(all_ok(&look(&tree, &config(), &no_tool, super::look)));
    }

    #[test]
    fn unequal_sides_are_noted_unless_clamped() {
        let mut config = config();
        config.private.mtu = 9000;
        let found = look(&right(), &config, &no_tool, super::look);
        assert_eq!(only(&found).state, State::Note);
        assert!(only(&found).remedy.as_ref().unwrap().contains("mss_clamp = 1460"));
        config.private.mss_clamp = Some(1460);
        assert!(all_ok(&look(&right(), &config, &no_tool, super::look)));
    }

    #[test]
    fn interfaces_with_a_smaller_mtu_are_found() {
        let (tree, mut config) = (right(), config());
        config.public.device = "net_af_packet0,iface=eth1".parse().unwrap();
        tree.interface("eth1").file("/sys/class/net/eth1/mtu", "1400");
        let found = look(&tree, &config, &no_tool, super::look);
        assert_eq!(only(&found).remedy.as_deref(), Some("ip link set eth1 mtu 1500"));
        tree.interface("eth1").interface("tandem-priv");
        tree.file("/sys/class/net/tandem-priv/mtu", "1400");
        let found = look(&tree, &config, &no_tool, super::look);
        assert_eq!(only(&found).state, State::Note);
    }

    #[test]
    fn a_machine_without_tun_is_wrong() {
        let found = look(&tree(), &config(), &no_tool, super::look);
        assert_eq!(only(&found).check, "TAP interfaces");
    }
}
