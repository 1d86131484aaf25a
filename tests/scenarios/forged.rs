//! Packets that somebody forges in the name of a connection's ends.

use core::hash::BuildHasher;
use std::net::Ipv4Addr;

use lab::{Conversation, Heard, Lab, Namespace, Ready, Settings, VIP, ready};
use wire::tcp::Flags;
use wire::testing::Frame;

const QUESTION: &[u8] = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
const RESET_ACK: Flags = Flags::from_bits(Flags::RST.bits() | Flags::ACK.bits());
const FIN_ACK: Flags = Flags::from_bits(Flags::FIN.bits() | Flags::ACK.bits());

/// A connection to the web service that waits between two questions, and its client's port.
fn hold() -> (Conversation, u16) {
    let held = Conversation::ask(Lab::CLIENT, &format!("{VIP}:80"), QUESTION).unwrap();
    let listed = ["ss", "-tnH", "state", "established", "dport", "=", ":80"];
    let open = Lab::CLIENT.must(&listed).unwrap().stdout;
    let own = open.split_whitespace().find(|word| word.starts_with(lab::CLIENT));
    let port = own.and_then(|own| own.rsplit(':').next()?.parse().ok());
    (held, port.unwrap_or_else(|| panic!("no connection in {open:?}")))
}

/// The server that an answer names, by its place.
fn server(heard: &Heard) -> usize {
    let names = Lab::servers().map(|(_, name)| format!("{name} {}", lab::CLIENT));
    let at = names.iter().position(|name| heard.ends_with(name));
    at.unwrap_or_else(|| panic!("{heard:?}"))
}

/// Sends segments of a connection in the name of one of its ends, with numbers drawn by lot.
fn forge(
    lab: &Ready,
    from: Namespace,
    side: usize,
    (own, other): ((Ipv4Addr, u16), (Ipv4Addr, u16)),
    kinds: &[Flags],
) {
    let macs = (from.mac("eth0").unwrap(), lab.appliance.mac(side).unwrap());
    let lot = std::hash::RandomState::new();
    let segment = |(at, &flags): (usize, &Flags)| {
        let numbers = lot.hash_one(at);
        let frame = Frame::tcp(own, other, flags).numbers(numbers as u32, (numbers >> 32) as u32);
        frame.macs(macs.0, macs.1).build()
    };
    let frames: Vec<_> = kinds.iter().enumerate().map(segment).collect();
    from.send("eth0", &frames).unwrap();
}

fn address(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

#[test]
fn a_forged_reset_and_syn_do_not_take_a_connection_to_another_server() {
    let lab = ready().unwrap();
    let before = lab.appliance.opened("web").iter().sum::<u64>();
    let (held, port) = hold();
    let ends = ((address(lab::CLIENT), port), (address(VIP), 80));
    let passed = || lab.appliance.counted("slow_path_packets").iter().sum::<u64>();
    let slow = passed();
    forge(&lab, Lab::CLIENT, 0, ends, &[Flags::RST, Flags::SYN].repeat(10));
    lab::wait_until("the forged ones have come", 10, || passed() >= slow + 10).unwrap();
    let first = server(&held.first);
    assert_eq!(server(&held.go_on().unwrap()), first);
    assert_eq!(lab.appliance.opened("web").iter().sum::<u64>(), before + 1);
}

/// A second for what closes, and a minute for what is open.
const SHORT: &str = "established = \"1m\"
fin_wait = \"1s\"
close_wait = \"1s\"
last_ack = \"1s\"
time_wait = \"1s\"
close = \"1s\"";

/// Opens three connections: one ends with a reset, and its port is used again at once; one ends
/// with a FIN. Holds what was opened last until a file is there, and goes on with it.
const END: &str = "
import http.client, os, socket, struct, sys, time
def connect(port):
    c = http.client.HTTPConnection(sys.argv[1], timeout=20, source_address=('', port)); c.connect()
    return c
def ask(c):
    c.request('GET', '/'); return c.getresponse().read().decode().split()[0]
c = connect(0); port = c.sock.getsockname()[1]; ask(c)
c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()
again = connect(port); first = ask(again)
c = connect(0); ask(c); c.close()
open(sys.argv[2], 'w').close()
deadline = time.time() + 60
while not os.path.exists(sys.argv[3]) and time.time() < deadline: time.sleep(0.05)
print(first, ask(again))
";

/// The same answer twice, or what else there was.
fn assert_went_on(output: &lab::Output) {
    let answers: Vec<_> = output.stdout.split_whitespace().collect();
    assert!(matches!(answers[..], [first, second] if first == second), "{output:?}");
}

#[test]
fn forged_resets_and_fins_end_and_shorten_nothing() {
    let mut lab = ready().unwrap();
    lab.restart_with(&Settings { timeouts: SHORT, ..Settings::default() }).unwrap();
    let [ended, go] = ["ended", "go"].map(|name| format!("{}/forged-{name}", lab::FOLDER));
    for file in [&ended, &go] {
        let _ = std::fs::remove_file(file);
    }
    let (held, port) = hold();
    let at = server(&held.first);
    let (namespace, real) = (Lab::servers()[at].0, Ipv4Addr::new(10, 0, 0, 11 + at as u8));
    let (client, vip) = ((address(lab::CLIENT), port), (address(VIP), 80));
    let kinds = [Flags::RST, RESET_ACK, FIN_ACK].repeat(5);
    forge(&lab, Lab::CLIENT, 0, (client, vip), &kinds);
    forge(&lab, namespace, 1, ((real, 80), client), &kinds);
    // The control: connections that are really reset or closed, and end in their second. When
    // they have, the one that was not could have been over, too.
    let ender = Lab::CLIENT.spawn_python(END, &[VIP, &ended, &go]).unwrap();
    lab::wait_until("others have ended", 20, || std::fs::exists(&ended).is_ok_and(|is| is))
        .unwrap();
    let left = || lab.appliance.connections();
    lab::wait_until("the ended ones are gone", 20, || left() <= 2).unwrap();
    std::fs::write(&go, "").unwrap();
    assert_went_on(&ender.finish().unwrap());
    assert_eq!(server(&held.go_on().unwrap()), at);
    assert_eq!(lab.appliance.opened("web").iter().sum::<u64>(), 3, "none was opened anew");
}
