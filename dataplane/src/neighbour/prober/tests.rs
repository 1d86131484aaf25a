use super::*;

const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

fn server(n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0100 + n)
}

/// A prober, and the network around it.
struct Bench {
    prober: Prober,
    ms: u64,
    asked: Vec<(u64, Question)>,
}

impl Bench {
    fn new(servers: u32) -> Self {
        let mut prober = Prober::default();
        let servers = (0..servers).map(|n| (Side::Private, server(n)));
        let hops: Vec<_> = servers.chain([(Side::Public, GATEWAY)]).collect();
        prober.keep(&hops);
        Bench { prober, ms: 1_000, asked: Vec::new() }
    }

    /// Runs for so long; those of whom it is said that they answer do so at once.
    fn run(&mut self, ms: u64, answers: impl Fn(Question) -> bool) {
        for _ in 0..ms / 10 {
            self.ms += 10;
            let mut questions = Vec::new();
            self.prober.look(Instant::from_millis(self.ms), true, |q| questions.push(q));
            for question in questions {
                self.asked.push((self.ms, question));
                if answers(question) {
                    self.prober.answered(question.side, question.address);
                }
            }
        }
    }

    fn settled(servers: u32) -> Self {
        let mut bench = Bench::new(servers);
        bench.run(6_000, |_| true);
        bench.asked.clear();
        bench
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
    let mut bench = Bench::new(3);
    assert_eq!(bench.prober.reach(Side::Private).set, 0);
    // One is dead.
    bench.run(200, |q| q.address != server(1));
    assert_eq!(bench.prober.reach(Side::Private).set, 0);
    bench.run(100, |q| q.address != server(1));
    let reach = bench.prober.reach(Side::Private);
    assert!(reach.set != 0);
    assert_eq!((reach.asked, reach.answering, reach.silent), (3, 2, vec![server(1)]));
}

#[test]
fn a_path_that_dies_is_known_within_half_a_second() {
    for phase in 0..20 {
        let mut bench = Bench::settled(3);
        bench.run(phase * 10, |_| true);
        let dead = |q: Question| q.side == Side::Private;
        let time = bench.until(dead, |prober| prober.reach(Side::Public).answering == 0);
        assert!((240..=450).contains(&time), "{time} ms");
        assert_eq!(bench.answering(Side::Private), (3, 3));
        assert_eq!(bench.prober.reach(Side::Public).silent, [GATEWAY]);
    }
}

#[test]
fn it_is_known_again_at_the_first_answer() {
    let mut bench = Bench::settled(1);
    bench.run(1_000, |_| false);
    assert_eq!(bench.answering(Side::Public), (0, 1));
    let time = bench.until(|_| true, |prober| prober.reach(Side::Public).answering == 1);
    assert!(time <= 210, "{time} ms");
}

#[test]
fn one_that_speaks_again_is_asked_at_once_and_only_its_answer_counts() {
    let mut bench = Bench::settled(1);
    bench.run(1_000, |_| false);
    while bench.asked.last().is_some_and(|(at, _)| *at + 90 != bench.ms) {
        bench.run(10, |_| false);
    }
    bench.prober.seen(Side::Public, GATEWAY);
    assert_eq!(bench.answering(Side::Public), (0, 1), "frames may pass in one direction only");
    bench.run(10, |_| true);
    assert_eq!(bench.answering(Side::Public), (1, 1));
}

#[test]
fn a_single_lost_answer_changes_nothing() {
    let mut bench = Bench::settled(3);
    let reach = bench.prober.reach(Side::Private);
    for lost in 0..2_u64 {
        let until = bench.ms + 200 + lost * 80;
        while bench.ms < until {
            bench.run(10, |_| false);
            assert_eq!(bench.prober.reach(Side::Private), reach);
        }
        bench.run(1_000, |_| true);
    }
}

#[test]
fn the_last_question_and_some_later_ones_go_to_all() {
    let mut bench = Bench::settled(0);
    bench.run(3_000, |_| false);
    let to_all: Vec<bool> = bench.asked.iter().map(|(_, question)| question.to_all).collect();
    assert_eq!(to_all.get(..6), Some(&[false, false, true, false, false, true][..]));
    // One that answers by broadcast only, as its Ethernet address is another now, is found.
    let mut bench = Bench::settled(0);
    bench.run(1_000, |q| q.to_all);
    assert_eq!(bench.answering(Side::Public), (1, 1));
}

#[test]
fn a_thousand_are_asked_at_a_bounded_rate() {
    let mut bench = Bench::settled(1_000);
    bench.run(8_000, |_| true);
    let to_servers = bench.asked.iter().filter(|(_, q)| q.side == Side::Private).count();
    assert!((1_900..=2_100).contains(&to_servers), "{to_servers} in 8 s");
    // The path is dead: not more than ten in 10 ms.
    bench.asked.clear();
    bench.run(4_000, |_| false);
    let to_servers = bench.asked.iter().filter(|(_, q)| q.side == Side::Private).count();
    assert!(to_servers <= 4_000, "{to_servers} in 4 s");
    let (answering, asked) = bench.answering(Side::Private);
    assert!(answering < asked);
}

#[test]
fn with_a_thousand_some_are_found_silent_within_half_a_second() {
    let mut bench = Bench::settled(1_000);
    let time = bench.until(|_| false, |p| p.reach(Side::Private).answering < 1_000);
    assert!(time <= 400, "{time} ms");
}

#[test]
fn all_are_asked_at_once_when_it_is_ordered() {
    for (servers, most) in [(3, 30), (1_000, 300)] {
        let mut bench = Bench::settled(servers);
        bench.prober.hurry(1);
        let time = bench.until(|_| true, |prober| prober.done() == 1);
        assert!(time <= most, "{time} ms for {servers}");
        assert_eq!(bench.answering(Side::Private), (servers as u16, servers as u16));
    }
}

#[test]
fn an_order_is_done_when_the_dead_are_known_to_be() {
    let mut bench = Bench::settled(3);
    bench.prober.hurry(1);
    let dead = |q: Question| q.address != server(2);
    let time = bench.until(dead, |prober| prober.done() == 1);
    assert!((240..=300).contains(&time), "{time} ms");
    assert_eq!(bench.answering(Side::Private), (2, 3));
    // One that is known to be dead is asked once more.
    bench.prober.hurry(2);
    let time = bench.until(dead, |prober| prober.done() == 2);
    assert!((80..=100).contains(&time), "{time} ms");
}

#[test]
fn an_order_is_carried_out_once() {
    let mut bench = Bench::settled(3);
    bench.prober.hurry(1);
    bench.run(100, |_| true);
    bench.asked.clear();
    bench.prober.hurry(1);
    bench.run(10, |_| true);
    assert!(bench.asked.is_empty());
}

#[test]
fn a_pause_of_this_machine_makes_nobody_silent() {
    let mut bench = Bench::settled(1);
    let mut pause = |ms| {
        bench.ms += ms;
        bench.prober.look(Instant::from_millis(bench.ms), true, |_| {});
        bench.answering(Side::Public)
    };
    for _ in 0..20 {
        assert_eq!(pause(500), (1, 1));
    }
    // The control: without a pause it is silent soon. And so it is while workers don't run.
    let mut bench = Bench::settled(1);
    for _ in 0..100 {
        bench.ms += 10;
        bench.prober.look(Instant::from_millis(bench.ms), false, |_| {});
    }
    assert_eq!(bench.answering(Side::Public), (1, 1));
    bench.run(500, |_| false);
    assert_eq!(bench.answering(Side::Public), (0, 1));
}

#[test]
fn the_same_next_hops_have_the_same_number_on_every_machine() {
    let hops = |order: &[u32]| {
        let mut prober = Prober::default();
        prober.keep(&order.iter().map(|&n| (Side::Private, server(n))).collect::<Vec<_>>());
        let mut bench = Bench { prober, ms: 0, asked: Vec::new() };
        bench.run(100, |_| true);
        bench.prober.reach(Side::Private).set
    };
    assert_eq!(hops(&[1, 2, 3]), hops(&[3, 1, 2, 2]));
    assert_ne!(hops(&[1, 2, 3]), hops(&[1, 2, 4]));
    assert_ne!(hops(&[1, 2]), hops(&[1, 2, 3]));
    assert_eq!(hops(&[]), 0);
}

#[test]
fn what_is_known_of_a_next_hop_outlives_a_reload() {
    let mut bench = Bench::settled(3);
    let hops: Vec<_> = (0..4).map(|n| (Side::Private, server(n))).collect();
    bench.prober.keep(&hops);
    assert_eq!(bench.answering(Side::Private), (3, 4));
    assert_eq!(bench.prober.reach(Side::Private).set, 0, "the new one is not known yet");
    bench.run(50, |_| true);
    assert!(bench.prober.reach(Side::Private).set != 0);
    assert_eq!(bench.prober.reach(Side::Public), Reach::default());
}
