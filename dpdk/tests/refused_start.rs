//! Configurations that are found wrong before DPDK is asked do not use up its one start.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use dpdk::CoreId;
use dpdk::eal::{DeviceError, DeviceSpec, Eal, EalConfig, EalError};

fn error(change: impl FnOnce(&mut EalConfig)) -> EalError {
    let mut config = common::config();
    change(&mut config);
    Eal::start(&config).unwrap_err()
}

#[test]
fn a_mistake_in_the_configuration_can_be_put_right() {
    for address in ["ffff:ff:1f.7", "", "nonsense"] {
        let missing = error(|config| config.devices = vec![DeviceSpec::Pci(address.to_owned())]);
        assert_eq!(missing, EalError::Device(DeviceError::NotFound(address.to_owned())));
    }

    let nowhere = error(|config| config.main_cores.clear());
    assert!(matches!(nowhere, EalError::Invalid(_)), "{nowhere}");
    let beyond = error(|config| config.worker_cores = vec![CoreId(u16::MAX)]);
    assert!(beyond.to_string().contains("65535"), "{beyond}");
    let absent =
        (0..).find(|n| !std::path::Path::new(&format!("/sys/devices/system/cpu/cpu{n}")).exists());
    let absent = CoreId(absent.unwrap());
    let core = error(|config| config.worker_cores = vec![absent]);
    assert!(
        matches!(&core, EalError::Invalid(text) if text.contains(&format!("core {absent}"))),
        "{core}"
    );
    let zero = error(|config| config.program = "a\0b".to_owned());
    assert!(matches!(zero, EalError::Invalid(_)), "{zero}");

    let device = DeviceSpec::Virtual {
        name: "net_af_packet0".to_owned(),
        arguments: "iface=no-such-nic".to_owned(),
    };
    let interface = error(|config| config.devices = vec![device]);
    assert!(interface.to_string().contains("there is no interface no-such-nic"), "{interface}");

    Eal::start(&common::config()).unwrap();
}
