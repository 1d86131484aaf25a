//! The end.

use lab::{Lab, Settings, VIP, ready};

#[test]
fn sigterm_leaves_nothing_behind() {
    let mut lab = ready().unwrap();
    lab.spoil();
    let links = || Lab::A.must(&["ip", "-br", "link"]).unwrap().stdout;
    assert!(links().contains("tandem-pub") && links().contains("tandem-priv"));
    assert!(lab.appliance.machine.socket().exists());
    lab.appliance.terminate().unwrap();
    assert!(!links().contains("tandem-"), "{}", links());
    assert!(!lab.appliance.machine.socket().exists());
    // The kernel takes packet sockets apart after the process has gone.
    lab::wait_until("its packet sockets are gone", 20, || {
        let sockets = Lab::A.run(&["ss", "-0nH"]).unwrap().stdout;
        !sockets.contains("pub0") && !sockets.contains("priv0")
    })
    .unwrap();
    // Nobody answers any more, and a new start finds nothing in its way.
    assert!(!Lab::CLIENT.run(&["ping", "-c", "1", "-W", "1", VIP]).unwrap().ok());
    lab.appliance.launch(&Settings::default()).unwrap();
    lab::wait_until("the virtual IP answers again", 20, || {
        Lab::CLIENT.run(&["ping", "-c", "1", "-W", "1", VIP]).unwrap().ok()
    })
    .unwrap();
}
