//! Devices that cannot be: each a typed error that names the device, and DPDK goes on.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use dpdk::eal::{DeviceError, DeviceSpec};

#[track_caller]
fn refused(name: &str, arguments: &str) -> (String, String) {
    let (eal, _guard) = common::eal();
    let device = DeviceSpec::Virtual { name: name.to_owned(), arguments: arguments.to_owned() };
    let error = eal.attach(&device).unwrap_err();
    assert!(eal.port(name).is_none());
    let text = error.to_string();
    let DeviceError::Refused { device: named, cause, .. } = error else {
        panic!("{text}");
    };
    assert_eq!(named, device.to_string());
    (cause, text)
}

#[test]
fn an_unknown_driver() {
    let (_, text) = refused("net_nonsense0", "");
    assert!(text.contains("net_nonsense0") && text.contains("check the driver's name"), "{text}");
}

#[test]
fn a_name_without_a_driver() {
    refused("", "");
    refused(",,=", "=,");
}

#[test]
fn arguments_that_the_driver_does_not_know() {
    let (_, text) = refused("net_null77", "nonsense=1");
    assert!(text.contains("net_null77,nonsense=1"), "{text}");
}

#[test]
fn a_file_that_is_not_there() {
    refused("net_pcap77", "rx_pcap=/nonexistent/frames.pcap");
}

#[test]
fn an_interface_that_is_not_there() {
    let (cause, text) = refused("net_af_packet77", "iface=no-such-nic,qpairs=1");
    assert_eq!(cause, "there is no interface no-such-nic");
    assert!(text.contains("ip link"), "{text}");
}

#[test]
fn an_address_of_memory_for_net_ring() {
    let (cause, _) = refused("net_ring77", "internal=0x1000");
    assert!(cause.contains("internal"), "{cause}");
}

#[test]
fn a_zero_byte() {
    let (eal, _guard) = common::eal();
    let device = DeviceSpec::Virtual { name: "net_null\0".to_owned(), arguments: String::new() };
    assert!(eal.attach(&device).unwrap_err().to_string().contains("zero byte"));
    assert!(eal.port("net_null\0").is_none());
}

#[test]
fn the_same_device_twice() {
    let (eal, _guard) = common::eal();
    let name = common::attach(eal, "net_null", "");
    let again = DeviceSpec::Virtual { name: name.clone(), arguments: String::new() };
    let error = eal.attach(&again).unwrap_err();
    assert!(error.to_string().contains("exists"), "{error}");
    assert!(eal.port(&name).is_some());
}
