//! Which datagrams count: those of the peer's present start, to our present start, once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test fails by panicking.

use control::heartbeat::{
    Accepted, Admission, Association, Body, HeartbeatPayload, NotUnderstood, Progress, Refusal,
    Refusals, Timers,
};
use control::key::{KeyRing, SharedKey};
use failover::{Fitness, Heartbeat, Identity, Incompatible, Instant, Precedence, Role, Term, Wish};
use std::time::Duration;

const MANY: u64 = 1_000_000;

fn key(byte: u8) -> SharedKey {
    SharedKey::from_bytes(vec![byte; 32]).unwrap()
}

fn payload(name: &str, sequence: u64) -> HeartbeatPayload {
    let identity = Identity { priority: 100, name: name.into(), start: 0 };
    let (role, wish, fitness) = (Role::Standby, Wish::None, Fitness::READY);
    HeartbeatPayload {
        sequence,
        heartbeat: Heartbeat {
            identity,
            term: Term(1),
            role,
            fitness,
            wish,
            hears_peer: true,
            lease: Duration::ZERO,
        },
        progress: Progress::default(),
        timers: Timers::default(),
        digests: config::Digests::default(),
        obstacles: Vec::new(),
        damped: None,
    }
}

/// One end, with a path.
struct End {
    association: Association,
    admission: Admission,
    name: &'static str,
    sequence: u64,
    now: Instant,
}

impl End {
    fn new(name: &'static str) -> Self {
        Self::with_key(name, 7)
    }

    fn with_key(name: &'static str, byte: u8) -> Self {
        let association = Association::new(key(byte)).unwrap();
        End { association, admission: Admission::default(), name, sequence: 0, now: Instant(0) }
    }

    fn send(&mut self) -> Vec<u8> {
        self.sequence += 1;
        self.association.seal(&payload(self.name, self.sequence)).unwrap()
    }

    /// 20 ms later.
    fn receive(&mut self, datagram: &[u8]) -> (Result<Accepted, Refusal>, Option<Vec<u8>>) {
        self.receive_after(20_000, datagram)
    }

    fn receive_after(
        &mut self,
        micros: u64,
        datagram: &[u8],
    ) -> (Result<Accepted, Refusal>, Option<Vec<u8>>) {
        self.now = Instant(self.now.0 + micros);
        let reception = self.association.receive(&mut self.admission, datagram, self.now);
        (reception.result, reception.answer)
    }

    fn result(&mut self, datagram: &[u8]) -> Result<Accepted, Refusal> {
        self.receive(datagram).0
    }
}

/// Two that know each other.
fn acquainted() -> (End, End) {
    let (mut a, mut b) = (End::new("a"), End::new("b"));
    let (result, hello) = b.receive(&a.send());
    assert_eq!(result, Err(Refusal::NoEcho));
    let (result, hello) = a.receive(&hello.unwrap());
    assert_eq!(result, Ok(Accepted::Hello));
    assert_eq!(b.result(&hello.unwrap()), Ok(Accepted::Hello));
    (a, b)
}

fn is_news(result: &Result<Accepted, Refusal>) -> bool {
    matches!(result, Ok(Accepted::Heartbeat(_)))
}

#[test]
fn after_two_hellos_heartbeats_count() {
    let (mut a, mut b) = acquainted();
    for _ in 0..10 {
        assert!(is_news(&b.result(&a.send())));
        assert!(is_news(&a.result(&b.send())));
    }
}

#[test]
fn each_counts_once_in_its_order() {
    let (mut a, mut b) = acquainted();
    let datagrams: Vec<_> = (0..4).map(|_| a.send()).collect();
    assert!(is_news(&b.result(&datagrams[2])));
    assert_eq!(b.result(&datagrams[1]), Ok(Accepted::Old), "it was overtaken");
    assert_eq!(b.result(&datagrams[1]), Err(Refusal::Replayed));
    // The same heartbeat over the other path.
    let again = a.association.seal(&payload("a", 3)).unwrap();
    assert_eq!(b.result(&again), Ok(Accepted::Old));
    assert!(is_news(&b.result(&datagrams[3])));
}

#[test]
fn the_key_changes_and_nothing_else_does() {
    let (mut a, mut b) = acquainted();
    let recorded = a.send();
    assert!(is_news(&b.result(&recorded)));
    let (before, starts) = (a.association.own_start(), b.association.starts());
    let both = |used, accepted| KeyRing::new(key(used), Some(key(accepted)));
    a.association.change_keys(both(7, 8));
    b.association.change_keys(both(7, 8));
    a.association.change_keys(both(8, 7));
    let late = a.send();
    for _ in 0..3 {
        assert!(is_news(&b.result(&a.send())));
        assert!(is_news(&a.result(&b.send())));
    }
    assert_eq!(b.association.peers_key(), Some(key(8).fingerprint()));
    assert_eq!(a.association.peers_key(), Some(key(7).fingerprint()));
    assert_eq!(b.result(&late), Ok(Accepted::Old));
    assert_eq!(b.result(&recorded), Err(Refusal::Replayed), "the window knows what it has seen");
    b.association.change_keys(key(8).into());
    a.association.change_keys(key(8).into());
    assert!(is_news(&b.result(&a.send())) && is_news(&a.result(&b.send())));
    assert_eq!((a.association.own_start(), b.association.starts()), (before, starts));
    // A key that is forgotten is none.
    a.association.change_keys(key(7).into());
    assert_eq!(b.result(&a.send()), Err(Refusal::Authentication));
}

#[test]
fn a_new_start_with_either_key_is_known() {
    for byte in [7, 8] {
        let mut b = End::new("b");
        b.association.change_keys(KeyRing::new(key(8), Some(key(7))));
        let mut a = End::with_key("a", byte);
        a.association.change_keys(KeyRing::new(key(byte), Some(key(15 - byte))));
        let (_, hello) = b.receive(&a.send());
        let (_, hello) = a.receive(&hello.unwrap());
        assert_eq!(b.result(&hello.unwrap()), Ok(Accepted::Hello));
        assert!(is_news(&b.result(&a.send())));
    }
}

#[test]
fn a_restart_is_known_again_and_the_earlier_start_is_over() {
    let (mut a, mut b) = acquainted();
    let late = a.send();
    let mut again = End::new("a");
    let (result, hello) = b.receive(&again.send());
    assert_eq!(result, Err(Refusal::NoEcho), "it cannot know b yet");
    assert!(is_news(&b.result(&a.send())), "until then the earlier start counts");
    let (_, hello) = again.receive(&hello.unwrap());
    assert_eq!(b.result(&hello.unwrap()), Ok(Accepted::Hello));
    assert!(is_news(&b.result(&again.send())), "its heartbeats are counted anew");
    assert_eq!(b.result(&late), Err(Refusal::Replayed), "what was on its way comes too late");
    assert_eq!(b.result(&a.send()), Err(Refusal::Replayed));
    assert!(is_news(&again.result(&b.send())));
}

#[test]
fn a_recording_from_an_earlier_start_changes_nothing() {
    let (mut a, mut b) = acquainted();
    let recorded: Vec<_> = (0..100).map(|_| a.send()).collect();
    recorded.iter().for_each(|datagram| assert!(is_news(&b.result(datagram))));
    // Both start anew and know each other.
    let (mut a, mut b) = acquainted();
    for datagram in &recorded {
        let (result, hello) = b.receive(datagram);
        assert_eq!(result, Err(Refusal::NoEcho));
        // Whoever plays it can make nothing of the answer; nor can a, whom it is not for.
        if let Some(hello) = hello {
            assert_eq!(a.result(&hello), Err(Refusal::NoEcho));
        }
        assert!(is_news(&b.result(&a.send())), "the present start counts all the while");
    }
    assert_eq!(b.result(&recorded[5]), Err(Refusal::Replayed));
}

/// Two machines that were given one name are a pair all the same. What tells them apart is what
/// each start has drawn, and both see it alike.
#[test]
fn our_name_is_a_peers_too() {
    let (mut a, mut b) = acquainted();
    b.name = "a";
    let start = |result: Result<Accepted, Refusal>| match result {
        Ok(Accepted::Heartbeat(payload)) => payload.heartbeat.identity.start,
        other => panic!("{other:?}"),
    };
    assert_eq!(start(b.result(&a.send())), a.association.own_start());
    assert_eq!(start(a.result(&b.send())), b.association.own_start());
    assert_ne!(a.association.own_start(), b.association.own_start());
}

/// What the peer says of this version, and whether it is active, to another machine.
fn strange(from: &mut End, version: u8, active: Option<bool>) -> Vec<u8> {
    from.association.seal_body(Body::NotUnderstood(NotUnderstood { version, active })).unwrap()
}

#[test]
fn a_peer_that_is_not_understood_lives_and_both_know_who_goes_first() {
    let (mut a, mut b) = acquainted();
    let said = |from: &mut End, to: &mut End, spoken: u8| match to.result(&strange(
        from,
        spoken,
        Some(true),
    )) {
        Ok(Accepted::NotUnderstood {
            version,
            said: Some(Incompatible { active, precedence }),
        }) => {
            assert_eq!((version, active), (spoken, Some(true)));
            precedence
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(said(&mut a, &mut b, 1), Precedence::Peer);
    assert_eq!(said(&mut a, &mut b, 3), Precedence::Own);
    let is_higher = a.association.own_start() > b.association.own_start();
    let unknown = |peer_is_higher| Precedence::Unknown { peer_is_higher };
    assert_eq!(said(&mut a, &mut b, 2), unknown(is_higher));
    assert_eq!(said(&mut b, &mut a, 2), unknown(!is_higher));
}

#[test]
fn one_that_was_overtaken_tells_nothing_more() {
    let (mut a, mut b) = acquainted();
    let (first, second) = (strange(&mut a, 2, Some(true)), strange(&mut a, 2, Some(false)));
    assert!(is_news(&b.result(&a.send())));
    for overtaken in [second, first] {
        let result = b.result(&overtaken);
        assert_eq!(result, Ok(Accepted::NotUnderstood { version: 2, said: None }));
    }
}

/// The control: only a start that echoes this machine's proves that it lives now.
#[test]
fn one_that_does_not_answer_this_start_proves_nothing() {
    let (_, mut b) = acquainted();
    let mut another = End::new("a");
    assert_eq!(b.result(&strange(&mut another, 2, Some(true))), Err(Refusal::NoEcho));
    let mut stranger = End::with_key("a", 8);
    assert_eq!(b.result(&strange(&mut stranger, 2, Some(true))), Err(Refusal::Authentication));
}

#[test]
fn answers_are_few() {
    let mut b = End::new("b");
    let strangers = (0..10_000).map(|_| End::new("a").send());
    let answers = strangers.filter(|datagram| b.receive_after(100, datagram).1.is_some()).count();
    assert!(answers <= 31, "{answers} in a second");
}

/// Counts what becomes of many datagrams, 100 microseconds from one to the next, while the
/// peer is heard every 20 ms.
fn bombard(mut datagram: impl FnMut(u64, &mut End, &mut End) -> Vec<u8>) -> Refusals {
    let (mut a, mut b) = acquainted();
    let (mut refusals, mut heard) = (Refusals::default(), 0);
    let before = resident();
    let began = std::time::Instant::now();
    for number in 0..MANY {
        let datagram = datagram(number, &mut a, &mut b);
        let mut results = vec![b.receive_after(100, &datagram).0];
        results.extend(
            b.association.receive_sampled(&mut b.admission, b.now).into_iter().map(|v| v.result),
        );
        for result in results {
            match result {
                Ok(Accepted::Waits) => {}
                Ok(accepted) => panic!("{accepted:?} from datagram {number}"),
                Err(refusal) => refusals.count(refusal),
            }
        }
        if number % 200 == 0 {
            let result = b.association.receive(&mut b.admission, &a.send(), b.now).result;
            assert!(is_news(&result), "the peer is not heard at datagram {number}: {result:?}");
            heard += 1;
        }
    }
    assert_eq!(heard, MANY / 200);
    let grown = resident().saturating_sub(before);
    // AddressSanitizer keeps what was freed for a while, to notice its use.
    let is_kept = std::env::var_os("ASAN_OPTIONS").is_some();
    assert!(grown < 4 << 20 || is_kept, "memory grew by {grown} bytes");
    println!(
        "{:?}, {:?}",
        began.elapsed(),
        refusals.iter().filter(|(_, n)| *n > 0).collect::<Vec<_>>()
    );
    refusals
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn a_million_forged_ones() {
    // Real ones with one bit changed: of the header, so that the salt may be another, or
    // behind it.
    let mut state = 1;
    let refusals = bombard(|_, a, _| {
        let mut datagram = a.send();
        let bit = random(&mut state) as usize % (datagram.len() * 8);
        datagram[bit / 8] ^= 1 << (bit % 8);
        datagram
    });
    assert!(refusals.get(Refusal::Authentication) > MANY / 2, "most get as far as the tag");
}

#[test]
fn a_million_with_another_key() {
    let mut stranger = End::with_key("a", 8);
    let refusals = bombard(|_, _, _| stranger.send());
    let tried = refusals.get(Refusal::Authentication);
    assert!((240_000..260_000).contains(&tried), "2,500 a second are tried, not {tried}");
}

#[test]
fn a_million_replayed_ones() {
    let (mut earlier, _) = acquainted();
    let mut recorded: Vec<_> = (0..1000).map(|_| earlier.send()).collect();
    let refusals = bombard(|number, a, b| {
        if number < 1000 {
            let datagram = a.send();
            let _ = b.association.receive(&mut b.admission, &datagram, b.now);
            recorded.push(datagram);
        }
        recorded[number as usize % recorded.len()].clone()
    });
    assert!(refusals.get(Refusal::Replayed) > MANY / 2);
    assert!(refusals.get(Refusal::NoEcho) <= 1000, "each of the earlier start once");
}

#[test]
fn a_million_reflected_ones() {
    let refusals = bombard(|_, _, b| b.send());
    assert_eq!(refusals.get(Refusal::Reflected), MANY);
}

#[test]
fn a_million_truncated_ones() {
    let mut state = 1;
    let refusals = bombard(|_, a, _| {
        let mut datagram = a.send();
        datagram.truncate(random(&mut state) as usize % datagram.len());
        datagram
    });
    assert!(refusals.get(Refusal::Length) > MANY / 4);
    assert!(refusals.get(Refusal::Authentication) > MANY / 4);
}

#[test]
fn a_million_random_ones() {
    let mut state = 1;
    let refusals = bombard(|number, _, _| {
        let length = random(&mut state) as usize % 1500;
        let mut datagram: Vec<u8> =
            (0..length.div_ceil(8)).flat_map(|_| random(&mut state).to_le_bytes()).collect();
        if let Some(version) = datagram.first_mut().filter(|_| number % 2 == 0) {
            *version = 1;
        }
        datagram
    });
    assert!(refusals.get(Refusal::Version) > MANY / 4);
    assert!(refusals.get(Refusal::Authentication) > 10_000);
}
