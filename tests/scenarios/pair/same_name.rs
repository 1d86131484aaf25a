//! The second machine was set up with a copy of the first one's configuration: other addresses,
//! the same `node.name`.

use lab::{Appliance, Cut, Lab, Loading, Settings, VIP, ready_pair_with};

use super::{assert_nothing_lost, await_active, macs};

/// Asks for an address ten times, and prints each Ethernet address that answers.
const WHO_HAS: &str = "
import socket, sys, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)); wire.bind(('eth0', 0))
mac, target = wire.getsockname()[4], socket.inet_aton(sys.argv[2])
ask = b'\\xff' * 6 + mac + bytes.fromhex('08060001080006040001') + mac + socket.inet_aton(sys.argv[1]) + bytes(6) + target
answers, wait = set(), time.monotonic
for number in range(10):
    wire.send(ask)
    end = wait() + 0.1
    while (left := end - wait()) > 0:
        wire.settimeout(left)
        try: frame = wire.recv(100)
        except TimeoutError: break
        if frame[20:22] == b'\\0\\x02' and frame[28:32] == target: answers.add(frame[6:12].hex(':'))
for answer in sorted(answers): print(answer)
";

/// The Ethernet addresses that answer the client for the virtual IP.
fn who_has_the_vip() -> Vec<String> {
    let output = Lab::CLIENT.python(WHO_HAS, &[lab::CLIENT, VIP]).unwrap();
    output.stdout.lines().map(str::to_owned).collect()
}

fn alike() -> Settings {
    Settings { one_name: true, ..Settings::patient_pair() }
}

fn assert_alone(machine: &Appliance) {
    assert_eq!(who_has_the_vip(), [macs(machine)[0].clone()]);
}

#[test]
fn one_of_them_answers_and_the_other_takes_over_when_it_dies() {
    let mut lab = ready_pair_with(alike()).unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    assert_alone(active);
    for machine in [active, standby] {
        let status = machine.tandem(&["status"]).unwrap().words();
        assert!(
            status.contains("the peer has the same node.name \"a\" as this machine"),
            "{status}"
        );
    }
    let loading = Loading::start(20, 20).unwrap();
    active.kill().unwrap();
    await_active(&lab, standby);
    assert_nothing_lost(&loading.finish().unwrap(), 20);
    assert_alone(standby);
    active.launch(&alike()).unwrap();
    lab.await_pair().unwrap();
    assert!(standby.is_active() && !active.is_active(), "it took nothing back");
    assert_alone(standby);
}

/// After a partition both are active, as any two machines would be: the one with the lower
/// number gives way. It is also the control: two that answer are seen.
#[test]
fn two_that_were_both_active_find_each_other() {
    let mut lab = ready_pair_with(alike()).unwrap();
    lab.spoil();
    let cuts = Cut::heartbeats_of_both(&Cut::PATHS, 100).unwrap();
    lab::wait_until("both answer", 20, || who_has_the_vip().len() == 2).unwrap();
    drop(cuts);
    lab::wait_until("one of them is active", 20, || lab.roles().is_some()).unwrap();
    lab.await_pair().unwrap();
    let (active, _) = lab.roles().unwrap();
    assert_alone(active);
}
