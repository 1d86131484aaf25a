//! Two minutes of faults, from a seed of its own: the same ones in every run.

use lab::ready_pair_with;
use lab::soak::{Soak, settings};

#[test]
fn two_minutes_of_faults_lose_no_established_connection() {
    let mut lab = ready_pair_with(settings()).unwrap();
    lab.spoil();
    let report = Soak { minutes: 2, seed: Some(13), xdp: false }.of(&lab).unwrap();
    assert!(report.is_good(), "{report}");
}
