//! Processes stand still, and go on.

use lab::{Lab, Namespace, Probing, ready_pair};

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
    for length in ["0.1", "0.45", "0.55", "0.7", "2"] {
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

#[test]
fn a_stopped_dataplane_forwards_nothing_old() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let probing = Probing::start(1000).unwrap();
    active.dataplane.signal(Signal::STOP);
    lab::wait_until("the other one is active", 20, || standby.is_active()).unwrap();
    // The datagrams that came in before wait in the stopped process's rings.
    let (port, mac) = (format!("{}-private", active.machine.name), macs(active)[1].clone());
    let old = format!("ether src {mac} and udp dst port 7");
    let switch = Namespace("tandem-switch");
    let capture = switch.spawn(&["tcpdump", "-Unni", &port, &old]).unwrap();
    let listens = || switch.run(&["ss", "-0nH"]).unwrap().stdout.contains(&port);
    lab::wait_until("tcpdump has its socket", 20, listens).unwrap();
    active.dataplane.signal(Signal::CONT);
    await_active(&lab, standby);
    lab.await_pair().unwrap();
    let seen = capture.stop().unwrap().stdout;
    assert_eq!(seen.trim(), "");
    assert!(probing.finish().unwrap().received > 0);
    assert!(active.dropped("standby") > 0, "what waited was not even looked at");
}
