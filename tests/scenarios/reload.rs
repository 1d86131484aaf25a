//! A new configuration under load.

use lab::{Lab, Settings, VIP, ready};

#[test]
fn reloads_under_load_fail_no_request() {
    let lab = ready().unwrap();
    let url = format!("http://{VIP}/");
    let ab = ["ab", "-q", "-l", "-r", "-s", "60", "-n", "20000", "-c", "50", &url];
    let mut load = Lab::CLIENT.spawn(&ab).unwrap();
    let mut reloads = 0;
    while load.runs() {
        let weights = if reloads % 2 == 0 { [1, 2, 3] } else { [3, 0, 1] };
        lab.appliance.reload(&Settings { weights, ..Settings::default() }).unwrap();
        reloads += 1;
    }
    let output = load.finish().unwrap().stdout;
    lab.appliance.reload(&Settings::default()).unwrap();
    assert!(output.contains("Complete requests:      20000"), "{output}");
    assert!(output.contains("Failed requests:        0"), "{output}");
    assert!(reloads >= 3, "only {reloads} reloads while requests were sent");
}

#[test]
fn a_mistake_changes_nothing_and_is_told_with_its_place() {
    let lab = ready().unwrap();
    let path =
        lab.appliance.configure(&Settings { scheduler: "rrr", ..Settings::default() }).unwrap();
    let output = lab.appliance.tandem(&["reload"]).unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", output.words());
    assert!(output.words().contains(&format!("{path}:")), "{}", output.words());
    assert!(output.words().contains("rrr"), "{}", output.words());
    let answer = Lab::CLIENT.must(&["curl", "-s", "-m", "10", &format!("http://{VIP}/")]).unwrap();
    assert!(answer.stdout.contains(lab::CLIENT));
    lab.appliance.reload(&Settings::default()).unwrap();
}

/// Asks twice from one port, always the same: who answers?
const FLOW: &str = "
import os, socket, struct, sys
vip, me = sys.argv[1:3]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((me, 40053)); s.settimeout(1)
name = b''.join(bytes([len(part)]) + part for part in (b'whoami', b'lab')) + bytes(1)
def ask():
    for _ in range(10):
        s.sendto(struct.pack('!HHHHHH', 7, 0x100, 1, 0, 0, 0) + name + struct.pack('!HH', 16, 1), (vip, 53))
        try: return s.recv(512)[-2:].decode()
        except TimeoutError: pass
    return 'nobody'
print(ask(), ask())
";

#[test]
fn a_flow_over_udp_leaves_a_server_that_is_removed() {
    let lab = ready().unwrap();
    let ask = || {
        let words = ["python3", "-c", FLOW, VIP, lab::CLIENT];
        Lab::CLIENT.must(&words).unwrap().stdout
    };
    let answers = ask();
    let names: Vec<&str> = answers.split_whitespace().collect();
    assert_eq!(names[0], names[1], "{answers}");
    let place = Lab::servers().iter().position(|(_, name)| *name == names[0]).unwrap();
    lab.appliance.reload(&Settings { without: Some(place), ..Settings::default() }).unwrap();
    let after = ask();
    lab.appliance.reload(&Settings::default()).unwrap();
    let after: Vec<&str> = after.split_whitespace().collect();
    assert_ne!(after[0], names[0], "the flow stays with a server that is gone");
    assert_ne!(after[0], "nobody");
}
