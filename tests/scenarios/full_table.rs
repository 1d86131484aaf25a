//! A full connection table.

use lab::{Lab, Settings, VIP, ready};

/// Fills the table, finds that no other connection opens, and that all that are open work.
const FILL: &str = "
import http.client, socket, sys
room = int(sys.argv[2])
def connect(timeout):
    c = http.client.HTTPConnection(sys.argv[1], timeout=timeout); c.connect(); return c
held = [connect(20) for _ in range(room)]
try:
    connect(3); print('another one opened')
except (socket.timeout, TimeoutError): pass
for c in held:
    c.request('GET', '/'); assert c.getresponse().read().startswith(b's')
print('all', len(held))
";

#[test]
fn connections_that_exist_stay_alive() {
    let mut lab = ready().unwrap();
    lab.restart_with(&Settings { connections: 200, ..Settings::default() }).unwrap();
    let output = Lab::CLIENT.python(FILL, &[VIP, "200"]).unwrap();
    assert_eq!(output.stdout.trim(), "all 200");
    assert!(lab.appliance.dropped("table_full") > 0);
}
