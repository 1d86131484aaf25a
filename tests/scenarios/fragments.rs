//! Datagrams larger than a frame, over XDP sockets: packet sockets would put fragments
//! together before the appliance sees them.

use lab::{Driver, Lab, Ready, Settings, VIP};
use wire::testing::Frame;

fn ready() -> Ready {
    let mut lab = lab::ready().unwrap();
    lab.restart_with(&Settings { driver: Driver::AfXdp, ..Settings::default() }).unwrap();
    lab
}

fn round_trip(is_reversed: bool, count: u64) {
    let lab = ready();
    let program = lab::appliance::program("tandem-lab").display().to_string();
    let via = |side| match is_reversed {
        true => vec!["--reversed-via".to_owned(), lab.appliance.mac(side).unwrap().to_string()],
        false => Vec::new(),
    };
    let run = |words: &[&str], via: Vec<String>| {
        let words = [&program].into_iter().map(String::as_str).chain(words.iter().copied());
        words.map(str::to_owned).chain(via).collect::<Vec<_>>()
    };
    let answer = run(&["answer", "--listen", "10.0.0.12:7"], via(1));
    let _server = Lab::S2.spawn(&words(&answer)).unwrap();
    lab::wait_until("the echo server listens", 20, || {
        Lab::S2.run(&["ss", "-unlH"]).unwrap().stdout.contains("10.0.0.12:7")
    })
    .unwrap();
    let (to, number) = (format!("{VIP}:7"), count.to_string());
    let ask = ["ask", "--from", lab::CLIENT, "--to", &to, "--count", &number];
    let output = Lab::CLIENT.must(&words(&run(&ask, via(0)))).unwrap();
    assert_eq!(output.stdout.trim(), number);
    // Three frames a datagram came in on each side: nobody put them together before.
    for counter in ["rx_public_packets", "rx_private_packets"] {
        let frames: u64 = lab.appliance.counted(counter).iter().sum();
        assert!(frames >= 3 * count, "{frames} {counter}");
    }
}

fn words(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

#[test]
fn datagrams_of_4000_bytes_go_both_ways() {
    round_trip(false, 5);
}

#[test]
fn also_with_their_fragments_in_reverse_order() {
    round_trip(true, 5);
}

/// More than a worker remembers at a time: those that are through make room.
#[test]
fn their_number_is_not_limited_by_the_table() {
    round_trip(false, 5000);
}

#[test]
fn a_flood_of_fragments_without_a_first_one_is_bounded_and_counted() {
    let lab = ready();
    let before = lab.appliance.dropped("fragment_early") + lab.appliance.dropped("fragment_table");
    let macs = (Lab::CLIENT.mac("eth0").unwrap(), lab.appliance.mac(0).unwrap());
    let vip: std::net::Ipv4Addr = VIP.parse().unwrap();
    let later = Frame::udp(([198, 51, 100, 100], 4242), (vip, 7)).payload([0; 4000]);
    let later = later.fragment(1480, 1000).macs(macs.0, macs.1);
    let flood: Vec<_> =
        (1..9000).map(|datagram| later.clone().identification(datagram).build()).collect();
    Lab::CLIENT.send("eth0", &flood).unwrap();
    lab::wait_until("fragments are refused", 20, || {
        lab.appliance.dropped("fragment_early") + lab.appliance.dropped("fragment_table") > before
    })
    .unwrap();
    let answer = Lab::CLIENT.must(&["curl", "-s", "-m", "10", &format!("http://{VIP}/")]).unwrap();
    assert!(answer.stdout.contains(lab::CLIENT));
}
