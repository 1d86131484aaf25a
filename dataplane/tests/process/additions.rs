//! Floating addresses that a reload brings.

use core::time::Duration;
use std::fs;
use std::time::Instant;

use api::{Client, Reload};

use super::process::{Folder, Process, command, wait_until};

/// Longer than lies between the last two announcements of a takeover, and far shorter than
/// the refresh is away.
const QUIET: Duration = Duration::from_secs(6);

/// Frames that announced floating addresses, once no more of them come.
fn settled(client: &mut Client) -> u64 {
    let (mut last, mut since) = (0, Instant::now());
    wait_until("announcements end", || {
        let sent = client.counters().unwrap().main_core["announcements_sent"];
        if sent != last {
            (last, since) = (sent, Instant::now());
        }
        (since.elapsed() >= QUIET).then_some(sent)
    })
}

#[test]
fn a_new_floating_address_is_announced_and_no_other() {
    let folder = Folder::new("additions");
    let config = folder.configure("");
    let text = fs::read_to_string(&config).unwrap();
    let process = Process::start(command(&[], &config, &["--no-kernel-interfaces"]), &folder);
    let mut client = Client::connect(folder.socket()).unwrap();
    let before = settled(&mut client);
    assert!(before > 0, "the start is announced");
    client.reload(Reload { path: None }).unwrap();
    assert_eq!(settled(&mut client), before, "nothing is new");
    let both = "floating = [\"198.51.100.10/24\", \"198.51.100.20/24\"]";
    fs::write(&config, text.replace("floating = [\"198.51.100.10/24\"]", both)).unwrap();
    client.reload(Reload { path: None }).unwrap();
    let with_new = settled(&mut client);
    // A request and a reply in each announcement; a late main core merges some. The start has
    // announced two addresses.
    let frames = with_new - before;
    assert!((2..=12).contains(&frames) && frames % 2 == 0, "{frames} frames");
    fs::write(&config, text).unwrap();
    client.reload(Reload { path: None }).unwrap();
    assert_eq!(settled(&mut client), with_new, "an address that goes is not announced");
    process.last_words();
}
