//! The end.

use lab::appliance::socket;
use lab::{Lab, VIP, ready};

#[test]
fn sigterm_leaves_nothing_behind() {
    let mut lab = ready().unwrap();
    lab.spoil();
    let links = || Lab::A.must(&["ip", "-br", "link"]).unwrap().stdout;
    assert!(links().contains("tandem-pub") && links().contains("tandem-priv"));
    assert!(socket().exists());
    lab.appliance.terminate().unwrap();
    assert!(!links().contains("tandem-"), "{}", links());
    assert!(!socket().exists());
    let sockets = Lab::A.run(&["ss", "-0nH"]).unwrap().stdout;
    assert!(!sockets.contains("pub0") && !sockets.contains("priv0"), "{sockets}");
    // Nobody answers any more, and a new start finds nothing in its way.
    assert!(!Lab::CLIENT.run(&["ping", "-c", "1", "-W", "1", VIP]).unwrap().ok());
    lab.appliance.launch(&lab::appliance::Settings::default()).unwrap();
    lab::wait_until("the virtual IP answers again", 20, || {
        Lab::CLIENT.run(&["ping", "-c", "1", "-W", "1", VIP]).unwrap().ok()
    })
    .unwrap();
}
