//! Connections that outlive their state in the appliance.

use lab::{Lab, Settings, VIP, ready};

/// Opens a connection and sends half a request; when told, the other half. Prints what
/// comes of it.
const HALVES: &str = "
import os, socket, sys, time
host, said, go = sys.argv[1:4]
tcp = socket.create_connection((host, 80), timeout=20)
tcp.sendall(b'GET / HTTP/1.1\\r\\n')
open(said, 'w').write('x')
deadline = time.time() + 60
while not os.path.exists(go) and time.time() < deadline: time.sleep(0.02)
try:
    tcp.sendall(b'Host: lab\\r\\n\\r\\n')
    print(tcp.recv(1000)[:15].decode())
except ConnectionResetError: print('reset')
except TimeoutError: print('silence')
";

/// What a client of the service and a private host on the Internet meet when in the middle
/// of their connections something `happens`.
fn halves(happens: impl FnOnce()) -> [String; 2] {
    let go = format!("{}/go", lab::FOLDER);
    let _ = std::fs::remove_file(&go);
    let tasks = [(Lab::CLIENT, VIP), (Lab::S1, lab::INTERNET)].map(|(from, to)| {
        let said = format!("{}/said-{}", lab::FOLDER, from.0);
        let _ = std::fs::remove_file(&said);
        let task = from.spawn_python(HALVES, &[to, &said, &go]).unwrap();
        let is_said = || std::path::Path::new(&said).exists();
        lab::wait_until("the first half is sent", 20, is_said).unwrap();
        task
    });
    happens();
    std::fs::write(&go, "").unwrap();
    tasks.map(|task| task.finish().unwrap().stdout.trim().to_owned())
}

#[test]
fn both_ends_are_told_that_a_connection_is_forgotten() {
    let mut lab = ready().unwrap();
    let met = halves(|| lab.restart_with(&Settings::default()).unwrap());
    assert_eq!(met, ["reset", "reset"]);
    assert!(lab.appliance.counted("resets_sent").iter().sum::<u64>() >= 2);
}

/// The control: the connections are good until they are forgotten.
#[test]
fn a_connection_that_is_known_goes_on() {
    let _lab = ready().unwrap();
    assert_eq!(halves(|| {}), ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]);
}
