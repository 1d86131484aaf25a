//! Two workers behind one queue of each NIC: a packet goes to the worker that owns its
//! remote address.

use lab::{INTERNET, Lab, Settings, VIP, ready};

/// Other addresses of the client: its own alone would always meet the same worker.
const CLIENTS: core::ops::Range<u8> = 101..117;

/// Requests from each address, and one by each server to the Internet host.
fn talk() {
    for last in CLIENTS {
        let address = format!("198.51.100.{last}");
        let url = format!("http://{VIP}/");
        let words = ["curl", "-s", "-m", "10", "--interface", &address, &url];
        let answer = Lab::CLIENT.must(&words).unwrap().stdout;
        assert!(answer.trim().ends_with(&address), "{answer}");
    }
    for (server, _) in Lab::servers() {
        let url = format!("http://{INTERNET}/");
        let answer = server.must(&["curl", "-s", "-m", "10", &url]).unwrap().stdout;
        assert!(answer.trim().ends_with(VIP), "{answer}");
        server.must(&["curl", "-s", "-m", "10", &format!("http://{VIP}/")]).unwrap();
        server.must(&["ping", "-c", "2", "-W", "5", INTERNET]).unwrap();
    }
    Lab::CLIENT.must(&["ping", "-c", "2", "-W", "5", VIP]).unwrap();
}

#[test]
fn two_workers_share_the_connections() {
    let mut lab = ready().unwrap();
    lab.restart_with(&Settings { workers: "[0, 1]", ..Settings::default() }).unwrap();
    for last in CLIENTS {
        let address = format!("198.51.100.{last}/24");
        Lab::CLIENT.must(&["ip", "addr", "add", &address, "dev", "eth0"]).unwrap();
    }
    talk();
    // Only the first worker has a queue; the other forwards what it is handed.
    let forwarded = lab.appliance.counted("fast_path_packets");
    assert_eq!(forwarded.len(), 2);
    assert!(forwarded.iter().all(|&packets| packets > 0), "{forwarded:?}");
    let received = lab.appliance.counted("rx_public_packets");
    assert!(received[0] > 0 && received[1] == 0, "{received:?}");
    let handed = lab.appliance.counted("handed_off_packets");
    assert!(handed[0] > 0, "{handed:?}");
}
