//! Processes stand still, and go on.

use lab::{Appliance, Lab, Namespace, Probing, Signal, ready_pair};

use super::{await_active, macs, rounds};

/// Looks at both roles for as long as `until` is false; never may both be active. The
/// machines are asked one after the other, and one that stands still answers late: both
/// are active if the first one is before and after the second one says that it is.
fn watch(lab: &Lab, what: &str, mut until: impl FnMut() -> bool) {
    lab::wait_until(what, 30, || {
        let [first, second] = lab.machines();
        let both = first.is_active() && second.is_active() && first.is_active();
        assert!(!both, "both are active");
        until()
    })
    .unwrap();
}

#[test]
fn a_stopped_control_process_never_makes_two_active() {
    let lab = ready_pair().unwrap();
    for _ in 0..rounds(1) {
        lab.await_pair().unwrap();
        let (active, standby) = lab.roles().unwrap();
        active.control.signal(Signal::STOP);
        await_active(&lab, standby);
        active.control.signal(Signal::CONT);
        let settled = || active.pair().is_ok_and(|pair| pair.own.ready) && !active.is_active();
        watch(&lab, "the one that stood still is standby", settled);
        standby.control.signal(Signal::STOP);
        await_active(&lab, active);
        standby.control.signal(Signal::CONT);
        let settled = || standby.pair().is_ok_and(|pair| pair.own.ready) && !standby.is_active();
        watch(&lab, "the other one too", settled);
    }
}

/// Stops of every length around the intervals of failover, of each process on each role:
/// whatever comes of it, never are two active, and the pair comes to rest.
#[test]
fn stops_of_any_length_never_make_two_active() {
    let lab = ready_pair().unwrap();
    for length in ["0.05", "0.1", "0.45", "0.55", "0.7", "2", "10"] {
        for process in ["control", "dataplane"] {
            for of_active in [true, false] {
                lab.await_pair().unwrap();
                let (active, standby) = lab.roles().unwrap();
                let machine = if of_active { active } else { standby };
                let stopped = match process {
                    "control" => &machine.control,
                    _ => &machine.dataplane,
                };
                let id = stopped.process().unwrap();
                let line = format!("kill -STOP {id}; sleep {length}; kill -CONT {id}");
                let mut stop = machine.machine.namespace.spawn(&["bash", "-c", &line]).unwrap();
                let what = format!("{process} of {} goes on", machine.machine.name);
                watch(&lab, &what, || !stop.runs());
                let rest = format!("{what} after {length} s, and the pair is at rest");
                watch(&lab, &rest, || {
                    let roles = lab.roles();
                    roles.is_some_and(|(_, other)| other.pair().is_ok_and(|pair| pair.own.ready))
                });
            }
        }
    }
}

/// The control: it is the end of the lease that keeps a machine whose control stands still
/// from being the second active one. Somebody renews it instead, and two are active.
#[test]
fn a_lease_that_does_not_end_makes_two_active() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    let term = active.pair().unwrap().own.term;
    let lease = api::LeaseOrder::Renew { term, lease: 500_000, at: 0 };
    active.control.signal(Signal::STOP);
    let mut client = active.client().unwrap();
    lab::wait_until("both are active", 20, || {
        client.lease(lease).unwrap();
        standby.is_active() && active.is_active()
    })
    .unwrap();
}

/// What a machine sends to the echo's server while `happens`, as tcpdump sees it there.
fn sent_by(machine: &Appliance, happens: impl FnOnce()) -> String {
    let (port, mac) = (format!("{}-private", machine.machine.name), macs(machine)[1].clone());
    let datagrams = format!("ether src {mac} and udp dst port 7");
    let switch = Namespace("tandem-switch");
    let capture = switch.spawn(&["tcpdump", "-Unni", &port, &datagrams]).unwrap();
    let listens = || switch.run(&["ss", "-0nH"]).unwrap().stdout.contains(&port);
    lab::wait_until("tcpdump has its socket", 20, listens).unwrap();
    happens();
    capture.stop().unwrap().stdout
}

/// The control: what waited for less than a stall goes out, and the capture sees it. A machine
/// that shares its cores may be slower to go on than it was told; then it is tried again.
#[test]
fn a_dataplane_that_stood_still_for_a_moment_forwards_what_waited() {
    let lab = ready_pair().unwrap();
    for _ in 0..5 {
        lab.await_pair().unwrap();
        let (active, _) = lab.roles().unwrap();
        let probing = Probing::start(1000).unwrap();
        let term = active.pair().unwrap().own.term;
        let before = active.dropped("standby");
        let seen = sent_by(active, || {
            active.dataplane.signal(Signal::STOP);
            std::thread::sleep(core::time::Duration::from_millis(30));
            active.dataplane.signal(Signal::CONT);
            lab.await_pair().unwrap();
        });
        let probed = probing.finish().unwrap();
        let dropped = active.dropped("standby") - before;
        if active.is_active() && active.pair().unwrap().own.term == term && dropped == 0 {
            assert!(seen.lines().count() > 0 && probed.received > 0, "{probed:?}");
            return;
        }
        println!("{probed:?}, {dropped} dropped");
    }
    panic!("a stop of 30 ms moved the role or dropped what waited, each time");
}

#[test]
fn a_stopped_dataplane_forwards_nothing_old() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let probing = Probing::start(1000).unwrap();
    active.dataplane.signal(Signal::STOP);
    lab::wait_until("the other one is active", 20, || standby.is_active()).unwrap();
    // The datagrams that came in before wait in the stopped process's rings.
    let seen = sent_by(active, || {
        active.dataplane.signal(Signal::CONT);
        await_active(&lab, standby);
        lab.await_pair().unwrap();
    });
    assert_eq!(seen.trim(), "");
    assert!(probing.finish().unwrap().received > 0);
    assert!(active.dropped("standby") > 0, "what waited was not even looked at");
}
