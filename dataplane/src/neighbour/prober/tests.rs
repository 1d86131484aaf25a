use super::*;

const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

fn server(n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0100 + n)
}

/// A prober, and the network around it.
struct Harness {
    prober: Prober,
    ms: u64,
    asked: Vec<(u64, Question)>,
}

impl Harness {
    fn new(servers: u32) -> Self {
        let mut prober = Prober::default();
        let servers = (0..servers).map(|n| (Side::Private, server(n)));
        let hops: Vec<_> = servers.chain([(Side::Public, GATEWAY)]).collect();
        prober.keep(&hops);
        Harness { prober, ms: 1_000, asked: Vec::new() }
    }

    /// Runs for so long; those of whom it is said that they answer do so at once.
    fn run(&mut self, ms: u64, answers: impl Fn(Question) -> bool) {
        for _ in 0..ms / 10 {
            self.ms += 10;
            let mut questions = Vec::new();
            self.prober
                .look(Instant::from_millis(self.ms), true, [false; 2], |q| questions.push(q));
            for question in questions {
                self.asked.push((self.ms, question));
                if answers(question) {
                    self.prober.answered(question.side, question.address);
                }
            }
        }
    }

    fn settled(servers: u32) -> Self {
        let mut harness = Harness::new(servers);
        harness.run(6_000, |_| true);
        harness.asked.clear();
        harness
    }

    fn answering(&self, side: Side) -> (u16, u16) {
        let reach = self.prober.reach(side);
        (reach.answering, reach.asked)
    }

    /// Milliseconds until this is so.
    fn until(
        &mut self,
        answers: impl Fn(Question) -> bool + Copy,
        so: impl Fn(&Prober) -> bool,
    ) -> u64 {
        let since = self.ms;
        while !so(&self.prober) {
            self.run(10, answers);
            assert!(self.ms < since + 20_000, "never");
        }
        self.ms - since
    }
}

#[test]
fn a_side_tells_nothing_until_each_of_its_next_hops_is_known() {
    let mut harness = Harness::new(3);
    assert_eq!(harness.prober.reach(Side::Private).set, 0);
    // One is dead.
    harness.run(200, |q| q.address != server(1));
    assert_eq!(harness.prober.reach(Side::Private).set, 0);
    harness.run(100, |q| q.address != server(1));
    let reach = harness.prober.reach(Side::Private);
    assert!(reach.set != 0);
    assert_eq!((reach.asked, reach.answering, reach.silent), (3, 2, vec![server(1)]));
}

#[test]
fn a_path_that_dies_is_known_within_half_a_second() {
    for phase in 0..20 {
        let mut harness = Harness::settled(3);
        harness.run(phase * 10, |_| true);
        let dead = |q: Question| q.side == Side::Private;
        let time = harness.until(dead, |prober| prober.reach(Side::Public).answering == 0);
        assert!((240..=450).contains(&time), "{time} ms");
        assert_eq!(harness.answering(Side::Private), (3, 3));
        assert_eq!(harness.prober.reach(Side::Public).silent, [GATEWAY]);
    }
}

#[test]
fn it_is_known_again_at_the_first_answer() {
    let mut harness = Harness::settled(1);
    harness.run(1_000, |_| false);
    assert_eq!(harness.answering(Side::Public), (0, 1));
    let time = harness.until(|_| true, |prober| prober.reach(Side::Public).answering == 1);
    assert!(time <= 210, "{time} ms");
}

#[test]
fn one_that_speaks_again_is_asked_at_once_and_only_its_answer_counts() {
    let mut harness = Harness::settled(1);
    harness.run(1_000, |_| false);
    while harness.asked.last().is_some_and(|(at, _)| *at + 90 != harness.ms) {
        harness.run(10, |_| false);
    }
    harness.prober.seen(Side::Public, GATEWAY);
    assert_eq!(harness.answering(Side::Public), (0, 1), "frames may pass in one direction only");
    harness.run(10, |_| true);
    assert_eq!(harness.answering(Side::Public), (1, 1));
}

#[test]
fn a_single_lost_answer_changes_nothing() {
    let mut harness = Harness::settled(3);
    let reach = harness.prober.reach(Side::Private);
    for lost in 0..2_u64 {
        let until = harness.ms + 200 + lost * 80;
        while harness.ms < until {
            harness.run(10, |_| false);
            assert_eq!(harness.prober.reach(Side::Private), reach);
        }
        harness.run(1_000, |_| true);
    }
}

#[test]
fn the_last_question_and_some_later_ones_go_to_all() {
    let mut harness = Harness::settled(0);
    harness.run(3_000, |_| false);
    let to_all: Vec<bool> = harness.asked.iter().map(|(_, question)| question.to_all).collect();
    assert_eq!(to_all.get(..6), Some(&[false, false, true, false, false, true][..]));
    // One that answers by broadcast only, as its Ethernet address is another now, is found.
    let mut harness = Harness::settled(0);
    harness.run(1_000, |q| q.to_all);
    assert_eq!(harness.answering(Side::Public), (1, 1));
}

#[test]
fn a_thousand_are_asked_at_a_bounded_rate() {
    let mut harness = Harness::settled(1_000);
    harness.run(8_000, |_| true);
    let to_servers = harness.asked.iter().filter(|(_, q)| q.side == Side::Private).count();
    assert!((1_900..=2_100).contains(&to_servers), "{to_servers} in 8 s");
    // The path is dead: not more than ten in 10 ms.
    harness.asked.clear();
    harness.run(4_000, |_| false);
    let to_servers = harness.asked.iter().filter(|(_, q)| q.side == Side::Private).count();
    assert!(to_servers <= 4_000, "{to_servers} in 4 s");
    let (answering, asked) = harness.answering(Side::Private);
    assert!(answering < asked);
}

#[test]
fn with_a_thousand_some_are_found_silent_within_half_a_second() {
    let mut harness = Harness::settled(1_000);
    let time = harness.until(|_| false, |p| p.reach(Side::Private).answering < 1_000);
    assert!(time <= 400, "{time} ms");
}

#[test]
fn all_are_asked_at_once_when_it_is_ordered() {
    for (servers, most) in [(3, 30), (1_000, 300)] {
        let mut harness = Harness::settled(servers);
        harness.prober.ask_all(1);
        let time = harness.until(|_| true, |prober| prober.done() == 1);
        assert!(time <= most, "{time} ms for {servers}");
        assert_eq!(harness.answering(Side::Private), (servers as u16, servers as u16));
    }
}

#[test]
fn an_order_is_done_when_the_dead_are_known_to_be() {
    let mut harness = Harness::settled(3);
    harness.prober.ask_all(1);
    let dead = |q: Question| q.address != server(2);
    let time = harness.until(dead, |prober| prober.done() == 1);
    assert!((240..=300).contains(&time), "{time} ms");
    assert_eq!(harness.answering(Side::Private), (2, 3));
    // One that is known to be dead is asked once more.
    harness.prober.ask_all(2);
    let time = harness.until(dead, |prober| prober.done() == 2);
    assert!((80..=100).contains(&time), "{time} ms");
}

#[test]
fn an_order_is_carried_out_once() {
    let mut harness = Harness::settled(3);
    harness.prober.ask_all(1);
    harness.run(100, |_| true);
    harness.asked.clear();
    harness.prober.ask_all(1);
    harness.run(10, |_| true);
    assert!(harness.asked.is_empty());
}

#[test]
fn a_pause_of_this_machine_makes_nobody_silent() {
    let mut harness = Harness::settled(1);
    let mut pause = |ms| {
        harness.ms += ms;
        harness.prober.look(Instant::from_millis(harness.ms), true, [false; 2], |_| {});
        harness.answering(Side::Public)
    };
    for _ in 0..20 {
        assert_eq!(pause(500), (1, 1));
    }
    // The control: without a pause it is silent soon. And so it is while workers don't run.
    let mut harness = Harness::settled(1);
    for _ in 0..100 {
        harness.ms += 10;
        harness.prober.look(Instant::from_millis(harness.ms), false, [false; 2], |_| {});
    }
    assert_eq!(harness.answering(Side::Public), (1, 1));
    let mut harness = Harness::settled(1);
    harness.run(500, |_| false);
    assert_eq!(harness.answering(Side::Public), (0, 1));
}

#[test]
fn where_answers_may_be_lost_nobody_who_answered_becomes_silent_and_all_are_asked_on() {
    let mut harness = Harness::settled(1);
    let (public, private) = ([true, false], [false, true]);
    let mut asked = 0;
    let mut unanswered = |harness: &mut Harness, is_deaf| {
        for _ in 0..100 {
            harness.ms += 10;
            let now = Instant::from_millis(harness.ms);
            harness.prober.look(now, true, is_deaf, |_| asked += 1);
        }
        harness.answering(Side::Public)
    };
    assert_eq!(unanswered(&mut harness, public), (1, 1));
    // The control: losses of the other side excuse nothing.
    assert_eq!(unanswered(&mut harness, private), (0, 1));
    // Who is silent stays so.
    assert_eq!(unanswered(&mut harness, public), (0, 1));
    assert!(asked > 8, "{asked}");
}

#[test]
fn the_same_next_hops_have_the_same_number_on_every_machine() {
    let hops = |order: &[u32]| {
        let mut prober = Prober::default();
        prober.keep(&order.iter().map(|&n| (Side::Private, server(n))).collect::<Vec<_>>());
        let mut harness = Harness { prober, ms: 0, asked: Vec::new() };
        harness.run(100, |_| true);
        harness.prober.reach(Side::Private).set
    };
    assert_eq!(hops(&[1, 2, 3]), hops(&[3, 1, 2, 2]));
    assert_ne!(hops(&[1, 2, 3]), hops(&[1, 2, 4]));
    assert_ne!(hops(&[1, 2]), hops(&[1, 2, 3]));
    assert_eq!(hops(&[]), 0);
}

#[test]
fn what_is_known_of_a_next_hop_outlives_a_reload() {
    let mut harness = Harness::settled(3);
    let hops: Vec<_> = (0..4).map(|n| (Side::Private, server(n))).collect();
    harness.prober.keep(&hops);
    assert_eq!(harness.answering(Side::Private), (3, 4));
    assert_eq!(harness.prober.reach(Side::Private).set, 0, "the new one is not known yet");
    harness.run(50, |_| true);
    assert!(harness.prober.reach(Side::Private).set != 0);
    assert_eq!(harness.prober.reach(Side::Public), Reach::default());
}
