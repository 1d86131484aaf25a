//! A pair is upgraded by one command, and nobody who uses it notices.

use lab::Loading;
use lab::image::{Network, upgrade};

use crate::pair::Pair;

/// What a machine has noted of its role since its start, and before.
const HISTORY: &str = "journalctl --no-pager -o short-monotonic -u tandem-dataplane -u tandem-control \
                       | grep -iE 'active|standby|stood|stall|lease|term|sync|boot|heard|start' | tail -n 80";

#[test]
fn a_pair_is_upgraded_and_no_connection_is_lost() {
    let _network = Network::up().unwrap();
    let Pair { active, standby } = Pair::start();
    for machine in [&active, &standby] {
        let judged =
            || machine.run("test -e /run/tandem/slot-good").is_ok_and(|output| output.ok());
        machine.wait("its slot is well", judged).unwrap();
    }
    let loading = Loading::start_again_and_again(4, 4).unwrap();
    active.copy(&upgrade("newer").unwrap(), "/var/lib/tandem/new.raucb").unwrap();
    // It goes on after the connection that began it, and ends with the machine's restart.
    let log = "/var/lib/tandem/upgrade.log";
    let begin = "tandem upgrade --pair /var/lib/tandem/new.raucb";
    active.must(&format!("nohup {begin} >{log} 2>&1 </dev/null &")).unwrap();

    let is_newer = "grep -q newer /usr/lib/tandem/release && test -e /run/tandem/slot-good";
    for machine in [&standby, &active] {
        let upgraded = || machine.run(is_newer).is_ok_and(|output| output.ok());
        machine.wait("it runs the new release and is well", upgraded).unwrap_or_else(|error| {
            let said = active.run(&format!("cat {log}; cat /var/lib/tandem/slots"));
            panic!("{error}\n{}", said.map_or(String::new(), |said| said.words()))
        });
    }
    for machine in [&active, &standby] {
        machine.await_status("WELL").unwrap();
    }
    let loaded = loading.finish().unwrap();
    let said = active.must(&format!("cat {log}")).unwrap();
    // Where an emulated machine stands still while it writes, the role has moved before it is handed
    // over; who is active in the end is decided by how slow the host is, too.
    let ready = format!("{} is ready to take over.", standby.name());
    assert!(said.contains(&ready), "{said}");
    if loaded.lost + loaded.wrong > 0 {
        let told = [&active, &standby].map(|machine| machine.run(HISTORY).map(|told| told.words()));
        panic!("{loaded:?}\n{said}\n{told:#?}");
    }
    assert!(loaded.whole >= 4, "{loaded:?}");
    println!("{loaded:?}");
}
