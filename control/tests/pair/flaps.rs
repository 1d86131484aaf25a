//! Links and next hops that come and go.

use std::time::Duration;

use crate::machine::{Both, throughout, wait};

/// The machine that is active, and the other one.
fn roles(both: &Both) -> [&crate::machine::Machine; 2] {
    if both.a.dataplane.is_active() { [&both.a, &both.b] } else { [&both.b, &both.a] }
}

fn is_settled(both: &Both) -> bool {
    let [active, standby] = roles(both);
    active.dataplane.is_active() && !standby.dataplane.is_active() && standby.pair().own.ready
}

/// The active machine loses a server that the other one reaches, and it answers again later.
fn server_comes_and_goes(both: &Both) -> bool {
    let [active, standby] = roles(both);
    active.dataplane.state().answering[1] -= 1;
    let damped = standby.pair().own.damped.is_some();
    if damped {
        throughout(Duration::from_secs(2), "the role stays", || active.dataplane.is_active());
    } else {
        wait("the role moves", || standby.dataplane.is_active() && !active.dataplane.is_active());
    }
    active.dataplane.state().answering[1] += 1;
    wait("the pair is settled", || is_settled(both));
    !damped
}

#[test]
fn servers_that_come_and_go_on_both_machines_soon_move_nothing_and_status_says_so() {
    let both = Both::up();
    let moves = (0..8).filter(|_| server_comes_and_goes(&both)).count();
    assert!((3..8).contains(&moves), "{moves} moves");
    let [active, standby] = roles(&both);
    let says = |why: Option<String>| why.is_some_and(|why| why.contains("takes the role again in"));
    assert!(says(standby.pair().own.damped));
    wait("the peer hears of it", || says(active.pair().peer.and_then(|peer| peer.damped)));
    assert!(standby.log().contains("lost links or next hops several times in a row"));
    // A link that is down moves the role all the same, and at once.
    active.dataplane.state().links = [false, true];
    wait("the role moves", || standby.dataplane.is_active() && !active.dataplane.is_active());
}
