use config::CheckKind;
use proptest::prelude::*;

use super::*;

fn check() -> Check {
    Check::new(CheckKind::Ping)
}

/// Feeds results a second apart, and tells after which of them it changed.
fn changes(machine: &mut Machine, check: &Check, results: &str, start: Instant) -> Vec<usize> {
    let at = |index: usize| start + Duration::from_secs(index as u64);
    let results = results.bytes().enumerate();
    results.filter(|(i, r)| machine.observe(check, *r == b'+', at(*i))).map(|(i, _)| i).collect()
}

#[test]
fn failures_and_successes_count_in_a_row() {
    let start = Instant::now();
    let mut machine = Machine::new(Start::Up, start);
    let results = "+--+--+---+-+++";
    assert_eq!(changes(&mut machine, &check(), results, start), [9, 13]);
}

#[test]
fn each_start_is_what_it_says() {
    let start = Instant::now();
    let after = |start_as, results| {
        let mut machine = Machine::new(start_as, start);
        let before = machine.operational(&check(), start);
        changes(&mut machine, &check(), results, start);
        (before, machine.operational(&check(), start))
    };
    use Operational::{Down, GoingDown, GoingUp, Up, Waiting};
    assert_eq!(after(Start::Up, "-"), (Up, GoingDown { failed: 1, of: 3 }));
    assert_eq!(after(Start::Down, "+"), (Down, GoingUp { passed: 1, of: 2 }));
    assert_eq!(after(Start::Down, "++"), (Down, Up));
    assert_eq!(after(Start::Checked, "+"), (Waiting, Up));
    assert_eq!(after(Start::Checked, "-"), (Waiting, Down));
    assert!(!Waiting.is_up() && Up.is_up());
}

#[test]
fn the_rhythm_follows_the_state() {
    let start = Instant::now();
    let mut check = check();
    check.down = Duration::from_secs(7);
    let (steady, fast) = (Rhythm::Steady(check.interval), Rhythm::Fast(check.fast));
    let mut machine = Machine::new(Start::Up, start);
    let mut after = |result| {
        machine.observe(&check, result, start);
        machine.rhythm(&check)
    };
    assert_eq!([after(true), after(false), after(false)], [steady, fast, fast]);
    assert_eq!([after(false), after(false)], [Rhythm::Steady(check.down); 2]);
    assert_eq!([after(true), after(true)], [fast, steady]);
}

/// A server that is well for so long and ill for so long, checked as the runner does it.
fn alternate(check: &Check, half: Duration, total: Duration) -> (usize, Vec<Operational>) {
    let start = Instant::now();
    let mut machine = Machine::new(Start::Up, start);
    let (mut now, mut transitions, mut seen) = (start, 0, Vec::new());
    while now < start + total {
        let is_well = (now - start).as_millis() / half.as_millis() % 2 == 0;
        transitions += usize::from(machine.observe(check, is_well, now));
        seen.push(machine.operational(check, now));
        now += match machine.rhythm(check) {
            Rhythm::Steady(step) | Rhythm::Fast(step) => step,
        };
    }
    (transitions, seen)
}

#[test]
fn a_server_that_alternates_every_four_seconds_is_damped() {
    let ten_minutes = Duration::from_secs(600);
    let (transitions, seen) = alternate(&check(), Duration::from_secs(4), ten_minutes);
    assert!(transitions <= 5, "{transitions}");
    assert!(seen.iter().any(|seen| matches!(seen, Operational::Flapping { .. })));
    let undamped = Check { hold_max: Duration::ZERO, ..check() };
    let (transitions, _) = alternate(&undamped, Duration::from_secs(4), ten_minutes);
    assert!(transitions > 100, "the control: {transitions}");
}

#[test]
fn a_hold_ends_when_the_server_stays_well() {
    let start = Instant::now();
    let mut machine = Machine::new(Start::Up, start);
    let twice_down = changes(&mut machine, &check(), "---++---", start);
    assert_eq!(twice_down, [2, 4, 7]);
    let well = start + Duration::from_secs(8);
    let back = changes(&mut machine, &check(), "++++++++++++", well);
    assert_eq!(back, [10], "ten seconds after the first success");
    let mut machine = Machine::new(Start::Up, start);
    changes(&mut machine, &check(), "---++---++", start);
    let state = machine.operational(&check(), start + Duration::from_secs(9));
    assert_eq!(state, Operational::Flapping { held: Duration::from_secs(9) });
    assert_eq!(state.to_string(), "flapping, held 9 s");
}

proptest! {
    /// However results come: it goes down exactly after `fall` failures in a row, and comes back
    /// after `rise` successes at the earliest.
    #[test]
    fn it_follows_a_simple_model(
        results in prop::collection::vec(any::<bool>(), 0..200),
        fall in 1_u16..5, rise in 1_u16..5,
    ) {
        let start = Instant::now();
        let check = Check { fall, rise, hold_max: Duration::ZERO, ..check() };
        let mut machine = Machine::new(Start::Up, start);
        let (mut is_up, mut row) = (true, 0);
        for (index, passed) in results.into_iter().enumerate() {
            row = if passed == is_up { 0 } else { row + 1 };
            let turns = row == if is_up { fall } else { rise };
            if turns {
                is_up = !is_up;
                row = 0;
            }
            let now = start + Duration::from_secs(index as u64);
            prop_assert_eq!(machine.observe(&check, passed, now), turns);
            prop_assert_eq!(machine.is_up(), is_up);
            prop_assert_eq!(machine.operational(&check, now).is_up(), is_up);
        }
    }

    /// A held server is down, and never for longer than the most after it is well.
    #[test]
    fn a_hold_is_bounded(flaps in 1_usize..40, most in 0_u64..400) {
        let start = Instant::now();
        let check = Check { hold_max: Duration::from_secs(most), ..check() };
        let mut machine = Machine::new(Start::Up, start);
        let mut now = start;
        let mut step = |passed, machine: &mut Machine| {
            now += Duration::from_secs(1);
            machine.observe(&check, passed, now);
        };
        for _ in 0..flaps {
            (0..3).for_each(|_| step(false, &mut machine));
            (0..2).for_each(|_| step(true, &mut machine));
        }
        (0..=most.max(2)).for_each(|_| step(true, &mut machine));
        prop_assert!(machine.is_up());
    }
}
