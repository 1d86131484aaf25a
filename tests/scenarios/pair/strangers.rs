//! Messages that are not the peer's: from others, of another version, repeated, of nothing.

use lab::{Appliance, Cut, Lab, Settings, ready_pair};

/// Sends datagrams and TCP streams to a machine's heartbeat and sync port from the peer's
/// own address and port: random ones, cut and changed copies of real heartbeats, real ones
/// again, and ones of another protocol version. The first real ones are taken from a
/// capture.
const FORGE: &str = "
import os, random, socket, subprocess, sys
me, peer, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
capture = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3)); capture.bind(('direct0', 0))
real = []
while len(real) < 20:
    frame = capture.recv(2000)
    if frame[12:14] == b'\\x08\\0' and frame[23] == 17 and frame[36:38] == (7405).to_bytes(2, 'big'): real.append(frame[42:])
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
import struct
def send(payload, ttl=255):
    udp = struct.pack('!HHHH', 7405, 7405, 8 + len(payload), 0) + payload
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, ttl, 17, 0, socket.inet_aton(me), socket.inet_aton(peer))
    raw.sendto(ip + udp, (peer, 0))
random.seed(7)
for number in range(count):
    one = bytearray(random.choice(real))
    kind = number % 6
    if kind == 0: send(os.urandom(random.randrange(1, 400)))
    elif kind == 1: send(bytes(one[:random.randrange(len(one))]))
    elif kind == 2: one[random.randrange(len(one))] ^= 1 << random.randrange(8); send(bytes(one))
    elif kind == 3: send(bytes(one))
    elif kind == 4: one[0] = 99; send(bytes(one))
    else: send(bytes(one), 64)
for number in range(200):
    s = socket.socket(); s.settimeout(1)
    try:
        s.connect((peer, 7405)); s.sendall(os.urandom(random.randrange(1, 2000))); s.close()
    except OSError: pass
print(count)
";

fn refused(machine: &Appliance) -> Vec<(String, u64)> {
    let pair = machine.pair().unwrap();
    pair.paths.into_iter().flat_map(|path| path.refused).collect()
}

#[test]
fn forged_replayed_and_foreign_messages_change_nothing() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let terms = || lab.machines().map(|machine| machine.pair().map_or(0, |pair| pair.own.term));
    let before = terms();
    for (target, from) in [(active, standby), (standby, active)] {
        let words = [from.machine.direct, target.machine.direct, "60000"];
        let output = from.machine.namespace.python(FORGE, &words).unwrap();
        assert_eq!(output.stdout.trim(), "60000");
        for reason in ["authentication", "replayed", "version", "off_link", "length"] {
            let count = || {
                let all = refused(target).into_iter().filter(|(name, _)| name == reason);
                all.map(|(_, count)| count).sum::<u64>()
            };
            // Most fall to the limit that comes before all of them.
            lab::wait_until(&format!("some are refused: {reason}"), 10, || count() > 0)
                .unwrap_or_else(|error| panic!("{error}: {:?}", refused(target)));
        }
        assert!(target.control.runs());
    }
    assert!(active.is_active() && !standby.is_active());
    lab.await_pair().unwrap();
    assert_eq!(terms(), before);
}

/// A machine of another release, as one that joins sees it: the version of all that comes
/// from it is another one, in both directions. Each says so, and nothing changes hands.
#[test]
fn a_peer_of_another_version_is_said_on_both_machines() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    standby.kill().unwrap();
    // The first byte behind the UDP header; without a checksum, as nobody mends it.
    let other = "udp dport 7405 @th,64,8 set 99 udp checksum set 0";
    let _mangled = [Lab::A, Lab::B].map(|machine| Cut::rules(machine, other).unwrap());
    standby.launch(&Settings::patient_pair()).unwrap();
    for machine in [active, standby] {
        let status = || machine.tandem(&["status"]).unwrap().words();
        let says = || status().contains("version 99") && status().contains("same release");
        lab::wait_until("it says that its peer speaks version 99", 20, says)
            .unwrap_or_else(|error| panic!("{error}: {}", status()));
        let log = || machine.control.last_words(50).contains("version 99");
        lab::wait_until("its log says so, too", 20, log).unwrap();
    }
    let held = || {
        let obstacles = standby.pair().map(|pair| pair.own.obstacles).unwrap_or_default();
        obstacles.iter().any(|obstacle| obstacle.contains("not understood"))
    };
    lab::wait_until("who does not understand its peer is not ready", 20, held)
        .unwrap_or_else(|error| panic!("{error}: {:?}", standby.pair()));
    // Once it has listened for the dead interval it could claim.
    let listened = || standby.pair().is_ok_and(|pair| pair.own.role == api::Role::Standby);
    lab::wait_until("it has listened", 20, listened).unwrap();
    // No condition tells that something does not happen: three dead intervals of this pair.
    std::thread::sleep(core::time::Duration::from_secs(2));
    assert!(active.is_active() && !standby.is_active());
    assert_eq!(standby.connections(), 0);
    assert_eq!(standby.pair().unwrap().sync.link, api::SyncLink::Down);
}
