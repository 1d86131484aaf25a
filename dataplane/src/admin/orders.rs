//! Orders to workers, and waiting for what comes back.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use api::{Client, Failure, FailureKind};

use super::{Admin, WorkerHandle};
use crate::mailbox::{Answer, Order, Walk};
use crate::snapshot::Snapshot;

/// How long a worker may take; it looks into its box every few microseconds. A client waits for
/// long enough that a snapshot can be published and taken back.
const PATIENCE: Duration = Duration::from_secs(4);
const _: () = assert!(2 * PATIENCE.as_millis() < Client::TIMEOUT.as_millis());
/// Between looks for the answer.
const PAUSE: Duration = Duration::from_micros(200);

impl Admin {
    /// Lets a worker copy connections from record `start` on, at most `limit`.
    pub(super) fn walk(
        &self,
        worker: &WorkerHandle,
        start: usize,
        limit: usize,
    ) -> Result<Walk, Failure> {
        self.orders.lock().walk(worker, start, limit)
    }
}

/// Some worker did not carry out an order in time.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) failure: Failure,
    /// By place, those that have taken the order. It was withdrawn from the others.
    taken: Vec<usize>,
}

/// Gives orders to workers, one at a time. Dropped answers free what workers no longer use.
#[derive(Debug)]
pub struct Orders {
    last: u64,
    patience: Duration,
}

impl Default for Orders {
    fn default() -> Self {
        Orders { last: 0, patience: PATIENCE }
    }
}

impl Orders {
    /// Hands a snapshot to every worker and returns when all of them use it. If one of them is
    /// late, it does not get it any more, and those that use it get the one before back.
    pub(super) fn publish(
        &mut self,
        workers: &[WorkerHandle],
        snapshot: &Arc<Snapshot>,
        before: &Arc<Snapshot>,
    ) -> Result<(), Failure> {
        let orders = workers.iter().map(|_| Order::Snapshot(Arc::clone(snapshot))).collect();
        let Err(late) = self.carry_out(workers, orders) else { return Ok(()) };
        let taken: Vec<_> = late.taken.iter().filter_map(|&place| workers.get(place)).collect();
        if let Err(failure) = self.have_done(&taken, || Order::Snapshot(Arc::clone(before))) {
            tracing::error!(
                "{}; it goes back to the configuration in use when it goes on",
                failure.message
            );
        }
        Err(late.failure)
    }

    /// Gives each worker its order and returns when all have carried theirs out. If one is late,
    /// the order is withdrawn from all that have not taken it.
    pub(super) fn carry_out(
        &mut self,
        workers: &[WorkerHandle],
        orders: Vec<Order>,
    ) -> Result<(), Late> {
        let (number, deadline) = self.begin();
        let mut given = Vec::new();
        let mut result = Ok(());
        for (worker, order) in workers.iter().zip(orders) {
            result = give(worker, number, order, deadline);
            if result.is_err() {
                break;
            }
            given.push(worker);
        }
        let await_one = |worker| await_answer(worker, number, deadline).map(drop);
        let result = result.and_then(|()| given.iter().copied().try_for_each(await_one));
        let Err(core) = result else { return Ok(()) };
        let has_taken = |worker: &WorkerHandle| worker.mailbox.withdraw(number).is_none();
        let places = given.into_iter().enumerate();
        let taken = places.filter(|(_, worker)| has_taken(worker)).map(|(place, _)| place);
        Err(Late { taken: taken.collect(), failure: self.failure(core) })
    }

    /// Gives these workers an order and returns when all have carried it out. It stays with one
    /// that is late.
    pub(super) fn have_done(
        &mut self,
        workers: &[&WorkerHandle],
        order: impl Fn() -> Order,
    ) -> Result<(), Failure> {
        let (number, deadline) = self.begin();
        let mut late = None;
        for worker in workers {
            late = give(worker, number, order(), deadline).err().or(late);
        }
        for worker in workers {
            late = await_answer(worker, number, deadline).err().or(late);
        }
        late.map_or(Ok(()), |core| Err(self.failure(core)))
    }

    fn walk(&mut self, worker: &WorkerHandle, start: usize, limit: usize) -> Result<Walk, Failure> {
        let (number, deadline) = self.begin();
        let found = Vec::with_capacity(limit.max(1));
        let order = Order::Walk(Walk { start, found, next: None });
        let answer = give(worker, number, order, deadline)
            .and_then(|()| await_answer(worker, number, deadline));
        match answer {
            Ok(Answer::Walked(walk)) => Ok(walk),
            _ => {
                worker.mailbox.withdraw(number);
                Err(self.failure(worker.core))
            }
        }
    }

    /// The number of the next order, and until when it is waited for.
    fn begin(&mut self) -> (u64, Instant) {
        self.last += 1;
        (self.last, Instant::now() + self.patience)
    }

    fn failure(&self, core: u16) -> Failure {
        let patience = self.patience;
        let message = format!("the worker on core {core} has not answered for {patience:?}");
        Failure::new(FailureKind::Busy, message)
    }
}

/// Puts an order into a worker's box; its core if there is no room in time.
fn give(worker: &WorkerHandle, number: u64, order: Order, deadline: Instant) -> Result<(), u16> {
    let mut order = order;
    while let Err(back) = worker.mailbox.order(number, order) {
        order = back;
        pause(worker, deadline)?;
    }
    Ok(())
}

/// The answer to the order of this number. Late answers to others are dropped.
fn await_answer(worker: &WorkerHandle, number: u64, deadline: Instant) -> Result<Answer, u16> {
    loop {
        while let Some((answered, answer)) = worker.mailbox.answer() {
            if answered == number {
                return Ok(answer);
            }
        }
        pause(worker, deadline)?;
    }
}

fn pause(worker: &WorkerHandle, deadline: Instant) -> Result<(), u16> {
    if Instant::now() > deadline {
        return Err(worker.core);
    }
    std::thread::sleep(PAUSE);
    Ok(())
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;

    use config::Config;
    use nat::room::Room;
    use nat::sync::Session;
    use wire::MacAddress;

    use super::*;
    use crate::snapshot::Builder;

    const CONFIGURATION: &str = r#"
[node]
name = "a"
workers = [1, 2]

[public]
port = "net_null0"
address = "198.51.100.2/24"

[private]
port = "net_null1"
address = "10.0.0.2/24"
floating = ["10.0.0.1/24"]
"#;

    /// Workers that do nothing but follow orders, each beginning with the same snapshot.
    struct Crew {
        workers: Vec<WorkerHandle>,
        first: Arc<Snapshot>,
        second: Arc<Snapshot>,
        stop: Arc<AtomicBool>,
        threads: Vec<JoinHandle<Vec<u64>>>,
    }

    impl Crew {
        fn new(workers: u16) -> Self {
            let config = Config::from_str("built-in", CONFIGURATION).unwrap();
            let mut builder = Builder::new([MacAddress::ZERO; 2]);
            let [first, second] = [(); 2].map(|()| builder.build(&config, &[]).unwrap());
            let handle = |core| WorkerHandle {
                core,
                room: Arc::new(Room::new(0.into())),
                counters: Arc::default(),
                loads: Arc::default(),
                budgets: Arc::default(),
                mailbox: Arc::default(),
            };
            let workers = (1..=workers).map(handle).collect();
            Crew { workers, first, second, stop: Arc::default(), threads: Vec::new() }
        }

        /// Has a worker follow its orders from now on.
        fn start(&mut self, worker: usize) {
            let mailbox = Arc::clone(&self.workers[worker].mailbox);
            let (mut used, stop) = (Arc::clone(&self.first), Arc::clone(&self.stop));
            self.threads.push(std::thread::spawn(move || {
                let mut generations = Vec::new();
                loop {
                    // What is in the box is followed before it ends.
                    let ends = stop.load(Ordering::Relaxed);
                    match mailbox.next_order() {
                        Some((number, Order::Snapshot(next))) => {
                            generations.push(next.generation);
                            let old = core::mem::replace(&mut used, next);
                            assert!(mailbox.reply(number, Answer::Retired(old)).is_ok());
                        }
                        Some((number, Order::Sync(session))) => {
                            assert!(mailbox.reply(number, Answer::Synced(session)).is_ok());
                        }
                        Some((_, Order::Walk(_) | Order::Capture(_))) => {}
                        None if ends => return generations,
                        None => std::thread::yield_now(),
                    }
                }
            }));
        }

        /// The generations that each worker which was started has used, in turn.
        fn end(self) -> Vec<Vec<u64>> {
            self.stop.store(true, Ordering::Relaxed);
            self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        }
    }

    /// The patience with a worker that is to be late.
    fn impatient() -> Orders {
        Orders { patience: Duration::from_secs(1), ..Orders::default() }
    }

    #[test]
    fn every_worker_uses_a_snapshot_that_was_published() {
        let mut crew = Crew::new(2);
        (0..2).for_each(|worker| crew.start(worker));
        let mut orders = Orders { patience: Duration::from_secs(60), ..Orders::default() };
        orders.publish(&crew.workers, &crew.second, &crew.first).unwrap();
        assert_eq!(crew.end(), [[2], [2]]);
    }

    #[test]
    fn a_worker_that_is_late_has_nobody_use_what_it_did_not_take() {
        for late in 0..2 {
            let mut crew = Crew::new(2);
            crew.start(1 - late);
            let failure =
                impatient().publish(&crew.workers, &crew.second, &crew.first).unwrap_err();
            let words = format!("the worker on core {} has not answered for 1s", late + 1);
            assert_eq!((failure.failure, failure.message), (FailureKind::Busy, words));
            assert!(crew.workers[late].mailbox.next_order().is_none(), "it was withdrawn");
            let generations = crew.end();
            // A machine that is slower than the patience has it withdrawn from both.
            assert!(generations == [vec![2, 1]] || generations[0].is_empty(), "{generations:?}");
        }
    }

    #[test]
    fn a_worker_that_took_it_and_is_late_goes_back_when_it_goes_on() {
        let crew = Crew::new(1);
        let mailbox = Arc::clone(&crew.workers[0].mailbox);
        let hangs = std::thread::spawn(move || {
            let mut orders = core::iter::repeat_with(|| {
                std::thread::yield_now();
                mailbox.next_order()
            });
            // It hangs with the first, and goes on when the second is in its box.
            let mut next = || orders.by_ref().flatten().next().unwrap().1;
            [next(), next()].map(|order| match order {
                Order::Snapshot(snapshot) => snapshot.generation,
                _ => 0,
            })
        });
        impatient().publish(&crew.workers, &crew.second, &crew.first).unwrap_err();
        assert_eq!(hangs.join().unwrap(), [2, 1]);
    }

    #[test]
    fn an_answer_that_comes_late_is_not_taken_for_a_later_one() {
        let mut crew = Crew::new(1);
        let mut orders = impatient();
        orders.have_done(&[&crew.workers[0]], || Order::Sync(Session::Off)).unwrap_err();
        // It answers the first order, and never the second.
        let mailbox = &crew.workers[0].mailbox;
        let (number, _) = mailbox.next_order().unwrap();
        assert!(mailbox.reply(number, Answer::Synced(Session::Off)).is_ok());
        orders.have_done(&[&crew.workers[0]], || Order::Sync(Session::Off)).unwrap_err();
        // The control: it answers from now on.
        crew.start(0);
        orders.patience = Duration::from_secs(60);
        orders.have_done(&[&crew.workers[0]], || Order::Sync(Session::Off)).unwrap();
        crew.end();
    }
}
