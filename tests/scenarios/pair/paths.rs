//! The paths of heartbeats are cut.

use lab::{Cut, Lab, ready_pair};

use super::await_active;

fn terms(lab: &Lab) -> [u64; 2] {
    lab.machines().map(|machine| machine.pair().map_or(0, |pair| pair.own.term))
}

#[test]
fn no_takeover_while_any_path_works() {
    let lab = ready_pair().unwrap();
    let before = terms(&lab);
    for alive in Cut::PATHS {
        let dead: Vec<&str> = Cut::PATHS.into_iter().filter(|path| *path != alive).collect();
        let cuts = Cut::heartbeats_of_both(&dead, 100).unwrap();
        for machine in lab.machines() {
            let noticed =
                || machine.pair().is_ok_and(|pair| pair.paths.iter().filter(|p| p.up).count() == 1);
            lab::wait_until("two paths are down and one is up", 10, noticed).unwrap();
        }
        drop(cuts);
        let whole = || {
            lab.machines().iter().all(|machine| {
                machine.pair().is_ok_and(|pair| pair.paths.iter().all(|path| path.up))
            })
        };
        lab::wait_until("all paths are up again", 10, whole).unwrap();
    }
    assert_eq!(terms(&lab), before);
}

/// The active machine hears nothing, and is heard.
#[test]
fn no_takeover_when_heartbeats_go_one_way() {
    let lab = ready_pair().unwrap();
    let before = terms(&lab);
    let (active, standby) = lab.roles().unwrap();
    let cut = Cut::heartbeats(active.machine.namespace, &Cut::PATHS, 100).unwrap();
    let deaf = || active.pair().is_ok_and(|pair| pair.silence_millis.is_some_and(|ms| ms > 1000));
    lab::wait_until("the active machine has heard nothing for a second", 10, deaf).unwrap();
    assert!(active.is_active() && !standby.is_active());
    drop(cut);
    lab.await_pair().unwrap();
    assert_eq!(terms(&lab), before);
}

/// The control of the story before: it is hearing that keeps a standby machine standby. One
/// that hears nothing takes over, and the active one, which hears it, gives way.
#[test]
fn a_standby_machine_that_hears_nothing_takes_over() {
    let lab = ready_pair().unwrap();
    let (active, standby) = lab.roles().unwrap();
    let term = active.pair().unwrap().own.term;
    let cut = Cut::heartbeats(standby.machine.namespace, &Cut::PATHS, 100).unwrap();
    await_active(&lab, standby);
    drop(cut);
    lab.await_pair().unwrap();
    assert!(standby.is_active() && standby.pair().unwrap().own.term > term);
}

#[test]
fn no_takeover_at_a_third_of_all_heartbeats_lost() {
    let lab = ready_pair().unwrap();
    let before = terms(&lab);
    let sum = |machine: &lab::Appliance, of: fn(&api::Path) -> u64| {
        machine.pair().map_or(0, |pair| pair.paths.iter().map(of).sum::<u64>())
    };
    let received = || sum(&lab.second, |path| path.received);
    let cuts = Cut::heartbeats_of_both(&Cut::PATHS, 30).unwrap();
    let (sent_before, start) = (sum(&lab.appliance, |path| path.sent), received());
    lab::wait_until("a thousand heartbeats were heard", 60, || received() > start + 1000).unwrap();
    // The control: they are counted on the way in, and it is true that some were missing.
    let sent = sum(&lab.appliance, |path| path.sent) - sent_before;
    assert!((received() - start) * 10 < sent * 9, "{} of {sent} came", received() - start);
    drop(cuts);
    assert_eq!(terms(&lab), before);
}

#[test]
fn a_total_partition_heals_to_one_active_machine_which_announces() {
    let mut lab = ready_pair().unwrap();
    lab.spoil();
    let cuts = Cut::heartbeats_of_both(&Cut::PATHS, 100).unwrap();
    // What no pair can avoid, and the control of the test: both are active.
    let both = || lab.machines().iter().all(|machine| machine.is_active());
    lab::wait_until("both are active", 20, both).unwrap();
    drop(cuts);
    let one = || lab.roles().is_some();
    lab::wait_until("one of them is", 20, one).unwrap();
    let (active, _) = lab.roles().unwrap();
    await_active(&lab, active);
    let mac = super::macs(active)[0].clone();
    lab::wait_until("the client believes the winner", 10, || {
        let ping = Lab::CLIENT.run(&["ping", "-c", "1", "-W", "1", lab::VIP]).unwrap();
        ping.ok() && super::neighbour(Lab::CLIENT, lab::VIP) == mac
    })
    .unwrap();
    lab.await_pair().unwrap();
}
