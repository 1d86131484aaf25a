//! Weight 0 drains a server.

use lab::{Lab, Settings, VIP, ready};

/// Holds a connection open: asks, tells who answered, waits for a file, asks again.
const HOLD: &str = "
import http.client, os, sys, time
c = http.client.HTTPConnection(sys.argv[1], timeout=20)
def ask():
    c.request('GET', '/'); return c.getresponse().read().decode().split()[0]
first = ask()
open(sys.argv[2], 'w').write(first)
deadline = time.time() + 60
while not os.path.exists(sys.argv[3]) and time.time() < deadline: time.sleep(0.05)
print(first, ask())
";

#[test]
fn a_drained_server_keeps_its_connections_and_gets_no_new_ones() {
    let lab = ready().unwrap();
    let (said, go) = (format!("{}/held", lab::FOLDER), format!("{}/go", lab::FOLDER));
    for file in [&said, &go] {
        let _ = std::fs::remove_file(file);
    }
    let held = Lab::CLIENT.spawn_python(HOLD, &[VIP, &said, &go]).unwrap();
    let name = || std::fs::read_to_string(&said).ok().filter(|name| !name.is_empty());
    lab::wait_until("the first answer has come", 20, || name().is_some()).unwrap();
    let name = name().unwrap();
    let at = Lab::servers().iter().position(|(_, server)| *server == name).unwrap();
    let mut settings = Settings::default();
    settings.weights[at] = 0;
    lab.appliance.reload(&settings).unwrap();
    let line = format!("for i in $(seq 30); do curl -s -m 10 http://{VIP}/; done");
    let answers = Lab::CLIENT.sh(&line).unwrap().stdout;
    std::fs::write(&go, "").unwrap();
    let output = held.finish().unwrap();
    lab.appliance.reload(&Settings::default()).unwrap();
    assert_eq!(answers.lines().count(), 30);
    assert!(!answers.lines().any(|answer| answer.starts_with(&name)), "{answers}");
    assert_eq!(output.stdout.trim(), format!("{name} {name}"), "{}", output.stderr);
}
