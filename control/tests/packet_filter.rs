//! Filters as the dataplane runs them select what libpcap selects.

use bpf::{Instruction, Program};
use proptest::prelude::*;

fn primitive() -> impl Strategy<Value = String> {
    let host = (1u8..4, 1u8..4).prop_map(|(net, host)| format!("10.0.{net}.{host}"));
    let port = prop::sample::select(vec![53u16, 80, 443, 40_000]);
    let direction = prop::sample::select(vec!["", "src ", "dst "]);
    let protocol = prop::sample::select(vec!["tcp", "udp", "icmp", "arp", "ip", "ip6", "vlan"]);
    prop_oneof![
        (direction.clone(), host).prop_map(|(direction, host)| format!("{direction}host {host}")),
        (direction.clone(), port.clone()).prop_map(|(way, port)| format!("{way}port {port}")),
        (direction, 1u8..4).prop_map(|(way, net)| format!("{way}net 10.0.{net}.0/24")),
        protocol.prop_map(str::to_owned),
        port.prop_map(|port| format!("portrange {port}-{}", port + 10)),
        (0u16..256).prop_map(|flags| format!("tcp[13] & {flags} != 0")),
        (0u16..80).prop_map(|length| format!("less {length}")),
        (0u16..40, 1u8..255).prop_map(|(at, value)| format!("ether[{at}] = {value}")),
        (1u8..60, 1u8..9).prop_map(|(at, by)| format!("ip[{at}] / {by} > ip[{by}] % {by}")),
        Just("ip[6:2] & 0x1fff != 0".to_owned()),
        Just("ip multicast".to_owned()),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    primitive().prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) or ({b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

/// Frames near to what filters ask for: IPv4 with few addresses and ports, options, fragments, cut
/// short anywhere.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let addresses = prop::array::uniform4(1u8..4);
    let protocol = prop::sample::select(vec![1u8, 6, 17, 50]);
    let ports = prop::array::uniform2(prop::sample::select(vec![53u16, 80, 443, 40_000, 7]));
    let ether_type =
        prop_oneof![8 => Just(0x0800u16), 1 => Just(0x0806), 1 => Just(0x8100), 1 => Just(0x86dd)];
    let fragment = prop_oneof![4 => Just(0u16), 1 => any::<u16>()];
    (ether_type, addresses, protocol, ports, 5u8..8, fragment, any::<u8>(), 0usize..90).prop_map(
        |(ether_type, [a, b, c, d], protocol, ports, words, fragment, flags, length)| {
            let mut frame = vec![0u8; 14 + 60 + 20];
            frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
            frame[14] = 0x40 | words;
            frame[20..22].copy_from_slice(&fragment.to_be_bytes());
            frame[23] = protocol;
            frame[26..30].copy_from_slice(&[10, 0, a, b]);
            frame[30..34].copy_from_slice(&[10, 0, c, d]);
            let l4 = 14 + usize::from(words) * 4;
            frame[l4..l4 + 2].copy_from_slice(&ports[0].to_be_bytes());
            frame[l4 + 2..l4 + 4].copy_from_slice(&ports[1].to_be_bytes());
            frame[l4 + 13] = flags;
            frame.truncate(length + 4);
            frame
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_dataplane_selects_what_libpcap_selects(
        expression in expression(),
        frames in prop::collection::vec(frame(), 40),
    ) {
        // Some can match nothing ("arp and tcp"), which the compiler says.
        let Ok(filter) = control::packet_filter::compile(&expression) else { return Ok(()) };
        let instructions: Vec<_> = filter.program.iter().map(|one| Instruction {
            code: one.0,
            jump_true: one.1,
            jump_false: one.2,
            operand: one.3,
        }).collect();
        let program = Program::new(&instructions).unwrap();
        let ethernet = pcap::Capture::dead(pcap::Linktype::ETHERNET).unwrap();
        // Optimized as ours: a load beyond the frame ends a program, and the optimizer takes loads
        // out that nothing depends on.
        let oracle = ethernet.compile(&expression, true).unwrap();
        for frame in &frames {
            let ours = program.run(frame, frame.len()).accepts;
            prop_assert_eq!(ours, oracle.filter(frame), "{} {:02x?}", &expression, frame);
        }
    }
}

#[test]
fn some_frames_match_and_some_do_not() {
    let ethernet = pcap::Capture::dead(pcap::Linktype::ETHERNET).unwrap();
    let oracle = ethernet.compile("tcp port 80", true).unwrap();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    use proptest::strategy::ValueTree;
    let matches =
        (0..1000).filter(|_| oracle.filter(&frame().new_tree(&mut runner).unwrap().current()));
    let matches = matches.count();
    assert!((20..500).contains(&matches), "{matches} of 1000");
}
