//! tandem-control under systemd, with the unit that the images have.

use lab::{Signal, ready_pair};

#[test]
fn systemd_starts_control_again_within_the_lease() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    for machine in [standby, active] {
        machine.control_by_systemd().unwrap();
        lab.await_pair().unwrap();
    }
    // Moving it from one supervisor to another took longer than the lease.
    let (active, _) = lab.roles().unwrap();
    let term = active.pair().unwrap().own.term;
    for _ in 0..3 {
        let killed = active.control_of_systemd().unwrap();
        lab::namespace::signal(Signal::KILL, killed);
        lab::wait_until("systemd has started another one, which answers", 20, || {
            active.control_of_systemd().is_some_and(|next| next != killed) && active.pair().is_ok()
        })
        .unwrap();
        assert!(active.is_active());
    }
    lab.await_pair().unwrap();
    assert_eq!(active.pair().unwrap().own.term, term, "nobody claimed anything");
}
