//! What clients see of each scheduler.

use std::collections::BTreeMap;

use lab::requests::give_addresses;
use lab::{Lab, Ready, Settings, VIP, ready};

const CLIENTS: u8 = 24;

/// Opens a connection for each client, one after the other, has an answer on it, and keeps all
/// open. Prints who has answered, in order.
const HOLD: &str = "
import http.client, sys
vip, clients = sys.argv[1], int(sys.argv[2])
held = []
for number in range(clients):
    source = '198.51.100.%d' % (101 + number)
    client = http.client.HTTPConnection(vip, timeout=10, source_address=(source, 0))
    client.request('GET', '/')
    print(client.getresponse().read().split()[0].decode())
    held.append(client)
";

/// The servers that answer so many clients, each on a connection that stays open.
fn answers(clients: u8) -> Vec<String> {
    let told = Lab::CLIENT.python(HOLD, &[VIP, &clients.to_string()]).unwrap().stdout;
    let answers: Vec<String> = told.lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), usize::from(clients), "{told}");
    answers
}

/// How many of them are each server's.
fn shares(answers: &[String]) -> [usize; 3] {
    Lab::servers().map(|(_, name)| answers.iter().filter(|answer| *answer == name).count())
}

fn by(lab: &Ready, scheduler: &'static str, weights: [u16; 3]) -> Vec<String> {
    lab.appliance.reload(&Settings { scheduler, weights, ..Settings::default() }).unwrap();
    // Whatever closes from before has closed.
    let servers = || lab::outage::servers(&lab.appliance, "web").unwrap();
    let is_idle = || servers().iter().all(|server| server.connections_active == 0);
    lab::wait_until("no connection is open", 20, is_idle).unwrap();
    answers(CLIENTS)
}

/// One or two fewer or more, as connections that close count a little.
fn is_about(shares: [usize; 3], expected: [usize; 3]) -> bool {
    shares.into_iter().zip(expected).all(|(share, expected)| share.abs_diff(expected) <= 2)
}

#[test]
fn each_scheduler_spreads_clients_as_its_name_says() {
    let mut lab = ready().unwrap();
    // Hundreds of connections that earlier scenarios have closed would count as open ones do.
    lab.restart_with(&Settings::default()).unwrap();
    give_addresses(Lab::CLIENT, CLIENTS).unwrap();
    assert_eq!(shares(&by(&lab, "rr", [1, 2, 3])), [8, 8, 8]);
    assert_eq!(shares(&by(&lab, "wrr", [1, 2, 3])), [4, 8, 12]);
    assert_eq!(shares(&by(&lab, "fo", [1, 3, 2])), [0, 24, 0]);
    // As ipvs does: another one while there are no more than its weight.
    assert_eq!(shares(&by(&lab, "ovf", [10, 12, 2])), [11, 13, 0]);
    for (scheduler, expected) in
        [("lc", [8, 8, 8]), ("wlc", [4, 8, 12]), ("sed", [4, 8, 12]), ("nq", [4, 8, 12])]
    {
        let found = shares(&by(&lab, scheduler, [1, 2, 3]));
        assert!(is_about(found, expected), "{scheduler}: {found:?}, expected {expected:?}");
    }
    let twos = shares(&by(&lab, "twos", [1, 1, 1]));
    assert!(twos.iter().all(|&share| share >= 3), "twos: {twos:?}");
}

#[test]
fn a_hash_gives_a_client_its_server_and_rr_does_not() {
    let mut lab = ready().unwrap();
    lab.spoil();
    give_addresses(Lab::CLIENT, CLIENTS).unwrap();
    for scheduler in ["sh", "mh"] {
        let first = by(&lab, scheduler, [1, 1, 1]);
        assert_eq!(first, answers(CLIENTS), "{scheduler}");
        let servers: BTreeMap<&String, ()> = first.iter().map(|server| (server, ())).collect();
        assert!(servers.len() > 1, "{scheduler}: 24 clients are not all of one server");
    }
    let dh = shares(&by(&lab, "dh", [1, 1, 1]));
    assert!(dh.contains(&24), "one virtual IP has one server: {dh:?}");
    // The control. 25 clients are no multiple of three.
    let first = by(&lab, "rr", [1, 1, 1]);
    answers(1);
    assert_ne!(first, answers(CLIENTS));
}
