//! Hooks: what the configuration has done at events.
//!
//! Everything here runs on a thread of its own, which has given up the way to more privileges
//! (`no_new_privs`) before it starts a command; what it starts cannot have them either.
//!
//! ```text
//!  broadcast of events -> dispatch -> a queue each -> command, as another user, killed in its time
//!                            ^                    '-> POST, tried again with pauses
//!                     configuration
//! ```
//!
//! Nothing waits for a hook: a queue that is full loses its oldest event, which is counted. That a
//! hook fails is an event itself, told when it begins and when it ends, and given to no hook.

mod command;
mod environment;
mod queue;
mod webhook;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::{Event, EventKind};
use config::{Hook, HookAction};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use self::queue::{Queue, Waiting};
use super::{Draft, Events};
use crate::configuration::Current;

/// Names are looked up, and files of certificates read, on so many threads at most.
const BLOCKING: usize = 8;

/// What hooks have done, for the metrics.
#[derive(Clone, Debug, Default)]
pub struct HookCounts(Arc<Mutex<BTreeMap<String, Counts>>>);

/// What one hook has done since its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Events that were taken: exit code 0, or an answer from 200 to 299.
    pub done: u64,
    /// Events that were not.
    pub failed: u64,
    /// Events for which there was no room.
    pub dropped: u64,
    /// Events that wait.
    pub waiting: u64,
}

impl HookCounts {
    /// Every hook by its name.
    #[must_use]
    pub fn all(&self) -> BTreeMap<String, Counts> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, hook: &str, change: impl FnOnce(&mut Counts)) {
        if let Some(counts) = self.lock().get_mut(hook) {
            change(counts);
        }
    }

    /// Forgets hooks that are gone.
    fn follow(&self, hooks: &[Hook]) {
        let mut counts = self.lock();
        counts.retain(|name, _| hooks.iter().any(|hook| hook.name == *name));
        for hook in hooks {
            counts.entry(hook.name.clone()).or_default();
        }
    }
}

/// Starts the thread, which does what the configuration in force says at every event from now on.
///
/// # Errors
/// When there is none.
pub fn start(events: &Events, configuration: Current) -> io::Result<HookCounts> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING)
        .thread_name("tandem-hooks")
        .build()?;
    let (told, events, counts) = (events.subscribe(), events.clone(), HookCounts::default());
    // They are there from the first scrape on.
    counts.follow(&configuration.borrow().hooks);
    let dispatcher = Dispatcher { events, counts: counts.clone(), running: Vec::new() };
    std::thread::Builder::new().name("tandem-hooks".to_owned()).spawn(move || {
        if let Err(error) = rustix::thread::set_no_new_privs(true) {
            tracing::warn!("commands of hooks are not kept from more privileges: {error}");
        }
        runtime.block_on(dispatcher.run(told, configuration));
        runtime.shutdown_background();
    })?;
    Ok(counts)
}

/// Gives each event to the hooks that want it.
struct Dispatcher {
    events: Events,
    counts: HookCounts,
    running: Vec<Running>,
}

/// A hook whose tasks run. They end with it.
struct Running {
    hook: Hook,
    queue: Arc<Queue>,
    _tasks: JoinSet<()>,
}

impl Dispatcher {
    async fn run(
        mut self,
        mut told: broadcast::Receiver<Arc<Event>>,
        mut configuration: watch::Receiver<Arc<config::Config>>,
    ) {
        let hooks = configuration.borrow_and_update().hooks.clone();
        self.follow(&hooks);
        loop {
            tokio::select! {
                event = told.recv() => match event {
                    Ok(event) => self.give(&event),
                    Err(RecvError::Lagged(missed)) => self.miss(missed),
                    Err(RecvError::Closed) => return,
                },
                changed = configuration.changed() => match changed {
                    Ok(()) => {
                        let hooks = configuration.borrow_and_update().hooks.clone();
                        self.follow(&hooks);
                    }
                    Err(_) => return,
                },
            }
        }
    }

    /// Hooks that are the same go on; others begin anew.
    fn follow(&mut self, hooks: &[Hook]) {
        self.counts.follow(hooks);
        let mut before = core::mem::take(&mut self.running);
        for hook in hooks {
            let same = before.iter().position(|running| running.hook == *hook);
            let running = match same {
                Some(at) => before.swap_remove(at),
                None => self.begin(hook),
            };
            self.running.push(running);
        }
        for gone in before {
            self.counts.change(&gone.hook.name, |counts| counts.waiting = 0);
        }
    }

    fn begin(&self, hook: &Hook) -> Running {
        let queue = Arc::new(Queue::default());
        let at_once = match &hook.action {
            HookAction::Command(command) => command.at_once,
            // In their order, and never more than one that waits for an answer.
            _ => 1,
        };
        let teller = Arc::new(Teller {
            hook: hook.clone(),
            events: self.events.clone(),
            counts: self.counts.clone(),
            is_failing: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for _ in 0..at_once {
            tasks.spawn(serve(Arc::clone(&teller), Arc::clone(&queue)));
        }
        Running { hook: hook.clone(), queue, _tasks: tasks }
    }

    fn give(&self, event: &Arc<Event>) {
        // What fails at telling that it fails would never end.
        if event.kind.family() == "hook" {
            return;
        }
        for Running { hook, queue, .. } in &self.running {
            if hook.wants(event) {
                let waiting = queue.push(Arc::clone(event));
                self.counts.change(&hook.name, |counts| {
                    counts.waiting = waiting.count;
                    counts.dropped += waiting.dropped;
                });
            }
        }
    }

    fn miss(&self, missed: u64) {
        for Running { hook, .. } in &self.running {
            self.counts.change(&hook.name, |counts| counts.dropped += missed);
        }
    }
}

/// Takes events from the queue one after the other.
async fn serve(teller: Arc<Teller>, queue: Arc<Queue>) {
    loop {
        let Waiting { event, since, left } = queue.pop().await;
        teller.counts.change(&teller.hook.name, |counts| counts.waiting = left);
        let timeout = teller.hook.timeout;
        let result = match &teller.hook.action {
            HookAction::Command(command) => {
                command::run(&teller.hook.name, command, &event, timeout).await
            }
            HookAction::Webhook(webhook) => {
                webhook::deliver(webhook, &event, timeout, since, &|why| teller.tell(Err(why)))
                    .await
            }
            _ => Err("it is of no kind that is known".to_owned()),
        };
        teller.counts.change(&teller.hook.name, |counts| match result {
            Ok(()) => counts.done += 1,
            Err(_) => counts.failed += 1,
        });
        teller.tell(result.as_ref().copied().map_err(String::as_str));
    }
}

/// Tells that a hook begins to fail, and that it works again.
struct Teller {
    hook: Hook,
    events: Events,
    counts: HookCounts,
    is_failing: Mutex<bool>,
}

impl Teller {
    fn tell(&self, result: Result<(), &str>) {
        let mut is_failing = self.is_failing.lock().unwrap_or_else(PoisonError::into_inner);
        if core::mem::replace(&mut *is_failing, result.is_err()) == result.is_err() {
            return;
        }
        let name = &self.hook.name;
        let draft = match result {
            Ok(()) => Draft::new(EventKind::HookWorking, format!("the hook {name} works again")),
            Err(why) => {
                Draft::new(EventKind::HookFailing, format!("the hook {name} fails")).why(why)
            }
        };
        self.events.emit(draft.field("hook", name));
    }
}
