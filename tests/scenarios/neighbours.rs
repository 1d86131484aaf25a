//! Neighbours that are not known when a connection opens.

use lab::{Lab, Settings, VIP, ready};

/// Frames of a download of so many bytes, at the least.
const FRAMES: u64 = 50_000_000 / 1500;

#[test]
fn a_connection_leaves_the_main_core_when_its_neighbours_are_known() {
    let mut lab = ready().unwrap();
    lab.restart_with(&Settings::default()).unwrap();
    let line = format!("curl -s -m 60 -r 0-49999999 http://{VIP}/big | wc -c");
    let bytes = Lab::CLIENT.sh(&line).unwrap().stdout;
    assert_eq!(bytes.trim(), "50000000");
    let counted = |counter: &str| lab.appliance.counted(counter).iter().sum::<u64>();
    assert!(counted("fast_path_packets") > FRAMES / 2);
    let main = counted("punt_unresolved_packets") + counted("punt_kernel_packets");
    assert!(main < FRAMES / 100, "{main} packets went through the main core");
}
