//! One client takes so much and no more, and others have theirs.

use lab::{Lab, Settings, VIP, ready};

const OTHER: &str = "198.51.100.121";

/// Opens connections from an address, all at once, and tells how many are open.
const CONNECT: &str = "
import socket, sys, threading
vip, source, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
held = []
def connect():
    s = socket.socket(); s.bind((source, 0)); s.settimeout(8)
    try: s.connect((vip, 80)); held.append(s)
    except (TimeoutError, socket.timeout): pass
threads = [threading.Thread(target=connect) for _ in range(count)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(held))
";

fn connected(source: &str, count: u32) -> u32 {
    let words = [VIP, source, &count.to_string()];
    Lab::CLIENT.python(CONNECT, &words).unwrap().stdout.trim().parse().unwrap()
}

#[test]
fn a_client_has_as_many_connections_as_one_may() {
    let mut lab = ready().unwrap();
    let limited = |sections| Settings { workers: "[0, 1]", sections, ..Settings::default() };
    lab.restart_with(&limited("[sources.client]\nconnections = 5\n")).unwrap();
    let address = format!("{OTHER}/24");
    Lab::CLIENT.must(&["ip", "addr", "replace", &address, "dev", "eth0"]).unwrap();
    assert_eq!(connected(lab::CLIENT, 12), 5);
    assert!(lab.appliance.dropped("source_connections") > 0);
    assert_eq!(connected(OTHER, 12), 5, "what one has taken is not taken from another");
    // Who is allowed, and the control: with more for each, all of them connect.
    let allow = format!("[sources]\nallow = [\"{OTHER}/32\"]\nclient = {{ connections = 5 }}\n");
    let allow: &'static str = allow.leak();
    lab.appliance.reload(&limited(allow)).unwrap();
    assert_eq!((connected(OTHER, 12), connected(lab::CLIENT, 3)), (12, 0));
    lab.appliance.reload(&limited("[sources.client]\nconnections = 100\n")).unwrap();
    assert_eq!(connected(lab::CLIENT, 12), 12);
    // To count something else takes a restart.
    let path = lab.appliance.configure(&limited("[sources.host]\nconnections = 5\n")).unwrap();
    let refused = lab.appliance.tandem(&["reload"]).unwrap();
    assert!(
        !refused.ok() && refused.words().contains("sources: client now, host"),
        "{path} {refused:?}"
    );
    Lab::CLIENT.must(&["ip", "addr", "del", &address, "dev", "eth0"]).unwrap();
}
