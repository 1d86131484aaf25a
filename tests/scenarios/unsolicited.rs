//! What nobody asked for, from the public side.

use lab::{Lab, VIP, ready};
use wire::tcp::Flags;
use wire::testing::Frame;

#[test]
fn unsolicited_packets_are_dropped_each_under_its_reason() {
    let lab = ready().unwrap();
    let macs = (Lab::CLIENT.mac("eth0").unwrap(), lab.appliance.mac(0).unwrap());
    let address = |text: &str| text.parse::<std::net::Ipv4Addr>().unwrap();
    let (client, vip) = (address(lab::CLIENT), address(VIP));
    let udp = |from, to| Frame::udp((from, 4242), (to, 4243)).payload("abcd");
    let stories = [
        (udp(client, vip), "no_service"),
        (Frame::tcp((client, 4242), (vip, 80), Flags::ACK), "no_connection"),
        (Frame::echo_reply(client, vip, 7), "no_connection"),
        (udp(client, address("10.0.0.11")), "not_for_us"),
        (udp(address("10.0.0.13"), vip), "spoofed"),
        (udp(vip, vip), "spoofed"),
        (udp(address("169.254.1.2"), vip), "martian"),
        (udp(client, vip).options(&[131, 7, 4, 10, 0, 0, 11]), "ip_option"),
    ];
    for (frame, reason) in stories {
        let before = lab.appliance.dropped(reason);
        let frame = frame.macs(macs.0, macs.1);
        Lab::CLIENT.send("eth0", &vec![frame.build(); 10]).unwrap();
        let what = format!("{frame:?} counts as {reason}");
        lab::wait_until(&what, 10, || lab.appliance.dropped(reason) >= before + 10).unwrap();
    }
}

/// What a cloud machine answers for is not to be reached through the router: also not by a
/// host that has a way there.
#[test]
fn a_private_host_reaches_no_link_local_address() {
    let lab = ready().unwrap();
    let macs = (Lab::S1.mac("eth0").unwrap(), lab.appliance.mac(1).unwrap());
    let to = |address: [u8; 4]| {
        let frame = Frame::udp(([10, 0, 0, 11], 4242), (address, 80)).payload("abcd");
        frame.macs(macs.0, macs.1).build()
    };
    let (before, opened) = (lab.appliance.dropped("martian"), || {
        lab.appliance.counted("connections_opened").iter().sum::<u64>()
    });
    let opened_before = opened();
    Lab::S1.send("eth0", &vec![to([169, 254, 169, 254]); 10]).unwrap();
    lab::wait_until("they are dropped", 10, || lab.appliance.dropped("martian") >= before + 10)
        .unwrap();
    assert_eq!(opened(), opened_before);
    // The control: an ordinary address opens a connection.
    Lab::S1.send("eth0", &[to([203, 0, 113, 10])]).unwrap();
    lab::wait_until("it is opened", 10, || opened() > opened_before).unwrap();
}
