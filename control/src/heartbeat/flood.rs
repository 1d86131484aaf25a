//! A flood from the peer's address while the peer starts anew. The machines are simulated:
//! one path, and somebody on the link who sends to both whatever is the worst.

use failover::Instant;

use super::association::{Accepted, Admission, Association, Reception};
use super::message::tests::payload;
use super::refusal::Refusal;
use super::reservoir::Reservoir;
use super::seal::VERSION;
use crate::key::{KeyRing, SharedKey};

/// Between two heartbeats, in microseconds.
const INTERVAL: u64 = 20_000;
/// Between two datagrams of the flood: 50,000 a second at each machine.
const GAP: u64 = 20;

struct End {
    association: Association,
    admission: Admission,
    sequence: u64,
    /// How many got as far as cryptography, and did not pass.
    tried: u64,
}

impl End {
    fn new(seed: u64) -> Self {
        let key = |byte| SharedKey::from_bytes(vec![byte; 32]).unwrap();
        // As while the pair's key changes, half of them with the new one: as many are tried.
        let keys = match seed % 2 {
            0 => KeyRing::new(key(7), Some(key(8))),
            _ => KeyRing::new(key(8), Some(key(7))),
        };
        let association = Association::new(keys).unwrap();
        End {
            association,
            admission: Admission::with(Reservoir::seeded(seed)),
            sequence: 0,
            tried: 0,
        }
    }

    fn send(&mut self, name: &str) -> Vec<u8> {
        self.sequence += 1;
        let mut payload = payload(self.sequence);
        payload.heartbeat.identity.name = name.into();
        self.association.seal(&payload).unwrap()
    }

    /// Takes a datagram in; what is sent back.
    fn receive(&mut self, datagram: &[u8], now: u64) -> Vec<Vec<u8>> {
        let now = Instant(now);
        let mut receptions = self.association.receive_sampled(&mut self.admission, now);
        receptions.push(self.association.receive(&mut self.admission, datagram, now));
        receptions.into_iter().filter_map(|reception| self.count(reception)).collect()
    }

    fn count(&mut self, Reception { result, answer, .. }: Reception) -> Option<Vec<u8>> {
        self.tried += u64::from(result == Err(Refusal::Authentication));
        answer
    }
}

/// A datagram of an unproven sender, as random as they come, or with the salt of somebody who was heard.
fn junk(random: &mut u64, salt: Option<&[u8]>) -> Vec<u8> {
    let mut datagram = vec![VERSION];
    while datagram.len() < 120 {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        datagram.extend((*random >> 16).to_le_bytes());
    }
    if let Some(salt) = salt {
        datagram[1..17].copy_from_slice(salt);
    }
    datagram
}

/// The time until both know each other again, in microseconds.
fn time_to_know(seed: u64, copies_salt: bool) -> u64 {
    let (mut b, mut earlier) = (End::new(seed), End::new(1));
    for _ in 0..2 {
        for answer in b.receive(&earlier.send("a"), 0) {
            earlier.receive(&answer, 0).iter().for_each(|word| drop(b.receive(word, 0)));
        }
    }
    assert_eq!(b.association.starts(), 1);
    let (mut a, mut random) = (End::new(seed + 1000), seed);
    let mut now = 1_000_000;
    let began = now;
    while !a.association.is_proven() || b.association.starts() < 2 {
        now += GAP;
        assert!(now - began < 5_000_000, "they do not know each other after 5 s (seed {seed})");
        let is_due = now % INTERVAL == 0;
        let (to_b, to_a) = (a.send("a"), b.send("b"));
        // Each heartbeat comes just behind a burst that takes what is left of any budget.
        for _ in 0..if is_due { 150 } else { 1 } {
            let salts = copies_salt.then_some((&to_b[1..17], &to_a[1..17]));
            b.receive(&junk(&mut random, salts.map(|salts| salts.0)), now);
            a.receive(&junk(&mut random, salts.map(|salts| salts.1)), now);
        }
        if is_due {
            for answer in b.receive(&to_b, now) {
                a.receive(&answer, now);
            }
            for answer in a.receive(&to_a, now) {
                b.receive(&answer, now);
            }
        }
    }
    let seconds = (now - began) as f64 / 1e6;
    for end in [&a, &b].into_iter().filter(|_| !copies_salt) {
        // The burst, the rate and the reservoir. A start that is proven has its own rate.
        let most = 100.0 + (seconds + 0.02) * 2500.0;
        assert!((end.tried as f64) <= most, "{} were tried in {seconds} s", end.tried);
    }
    now - began
}

#[test]
fn a_new_start_of_the_peer_is_known_within_seconds_under_a_flood() {
    let mut times: Vec<_> = (0..12).map(|seed| time_to_know(seed, false)).collect();
    times.sort_unstable();
    println!("known after {times:?} us");
    assert!(times[6] < 2_500_000, "{times:?}");
}

#[test]
fn copying_the_salt_of_the_new_start_does_not_help() {
    for seed in 0..6 {
        println!("known after {} us", time_to_know(seed, true));
    }
}

/// Recordings are authentic, and are met one after the other.
#[test]
fn recordings_of_earlier_starts_do_not_drive_the_present_one_out() {
    let mut a = End::new(1);
    let mut b = End::new(2);
    let recorded: Vec<_> = (0..5).map(|_| End::new(3).send("b")).collect();
    a.receive(&b.send("b"), 0);
    recorded.iter().for_each(|datagram| drop(a.receive(datagram, 0)));
    let results: Vec<_> = (0..12)
        .map(|_| {
            let datagram = a.send("a");
            b.association.receive(&mut b.admission, &datagram, Instant(0)).result
        })
        .collect();
    let news = results.iter().filter(|result| matches!(result, Ok(Accepted::Heartbeat(_)))).count();
    assert_eq!(news, 2, "each of six is echoed in turn: {results:?}");
}

/// Somebody on the link copies the salt of the start that is known, with random counters or
/// with those that are due next.
fn copies_of_a_known_start(counters_are_due: bool) {
    let (mut a, mut b) = (End::new(1), End::new(2));
    let mut salt = Vec::new();
    for _ in 0..2 {
        let word = a.send("a");
        salt = word[1..17].to_vec();
        for answer in b.receive(&word, 0) {
            a.receive(&answer, 0).iter().for_each(|word| drop(b.receive(word, 0)));
        }
    }
    let (mut random, mut copies, mut heartbeats) = (9, 0, 0);
    for now in (INTERVAL..2_000_000).step_by(GAP as usize) {
        let is_due = now % INTERVAL == 0;
        // Each heartbeat comes just behind a burst that takes what is left of any budget.
        for number in 0..if is_due { 150 } else { 1 } {
            let mut copy = junk(&mut random, Some(&salt));
            if counters_are_due {
                // A hello or two went before them.
                let due = a.sequence + 3 + number % 64;
                copy[17..25].copy_from_slice(&due.to_le_bytes());
            }
            b.receive(&copy, now);
            copies += 1;
        }
        if is_due {
            let word = a.send("a");
            let result = b.association.receive(&mut b.admission, &word, Instant(now)).result;
            assert!(matches!(result, Ok(Accepted::Heartbeat(_))), "{result:?} at {now} us");
            heartbeats += 1;
        }
    }
    // The control: these are no heartbeats because of their tag, and there were many.
    assert!(b.tried > copies * 9 / 10 && copies > 1000 * heartbeats, "{} of {copies}", b.tried);
}

#[test]
fn copying_the_salt_of_the_known_start_refuses_none_of_its_heartbeats() {
    for counters_are_due in [false, true] {
        copies_of_a_known_start(counters_are_due);
    }
}
