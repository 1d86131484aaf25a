//! Which machine of a pair is active.
//!
//! Everything here is pure: a [`Machine`] takes an [`Event`] and the time, and says in
//! [`Action`]s what is to be done. It opens no socket, reads no clock and writes no file,
//! so that two of them and the network between can be run through millions of bad days
//! (tests/simulation) and through every order of events of a small world
//! (tests/exhaustive).
//!
//! A machine is active for as long as its dataplane holds a lease, which [`Action::Renew`]
//! extends with each heartbeat. The lease is shorter than the interval after which the peer
//! is given up: a machine that stops running stops being active before the other begins.
//!
//! What can be promised: while any path between the machines works, both are active for no
//! longer than it takes a heartbeat to arrive, and none takes over from one that lives.
//! What can't: without any path, a machine cannot tell a dead peer from one that it does
//! not hear, and both will be active until they meet again. A witness makes that rarer: a
//! machine that hears neither peer nor witness takes itself for the one that is cut off.
//!
//! A peer that lives is never taken for dead, whatever is wrong with its words
//! ([`Incompatible`]): beside an active one this machine claims nothing, and of two active
//! ones that do not understand each other one gives way.
//!
//! A message may take as long as lies between lease and dead interval. Where one takes
//! longer, a control process that was restarted at the very end of its lease may be given
//! up though it lives; the two find each other with the next heartbeat.
//!
//! A machine that runs and has its links may still reach less than the other one. Each tells
//! the other which share of the same next hops answers ([`reach`]). The role moves from an
//! active machine that reaches less to a standby one that reaches more when both have asked
//! every next hop again and it has stayed so for a while ([`Timers::confirm`]). Between two that
//! reach equally much nothing moves.
//!
//! A machine that loses links or next hops again and again is damped ([`damping`]): it takes the
//! role where nobody else can fill it, and not because it is the better one. So a network that
//! comes and goes moves the role once each time that it takes it from its holder, and a part of
//! it that comes and goes soon moves nothing.
//!
//! # What the caller owes
//!
//! - Each step gets the time of a monotonic clock, read just before. A process that was
//!   kept from running must not make up for missed ticks: the gap is how it finds out.
//! - [`Event::Tick`] comes by [`Machine::next_tick`]. Heartbeats that wait in the sockets
//!   are taken in before any other event, since each may find the peer silent; and all of
//!   them in one event, since each but the newest may be contradicted by the next.
//! - Heartbeats are authenticated, and only those newer than all before are taken in,
//!   whichever path they came over. The order outlives a restart of the sender.
//! - What comes from the peer, is authentic and fresh, and cannot be read is
//!   [`Event::NotUnderstood`], unless something newer that can be read came with it.
//! - Actions are carried out at once and in their order. The lease of [`Action::Claim`] and
//!   [`Action::Renew`] counts from the time that was given to the step, and one that has
//!   run out is not renewed: the dataplane says so, and that is [`Event::LeaseLost`].
//! - [`Fitness::synced`] is told for the machine as it stands by: false from the time that
//!   another is heard to be active in a term whose connections it has not got. What it is
//!   told while it is active does not count.
//! - A machine that starts while its dataplane holds the lease is made with
//!   [`Machine::resume`], any other with [`Machine::new`] and the highest term on its disk.

#![deny(missing_docs)]

pub mod damping;
pub mod heartbeat;
pub mod machine;
mod peer;
pub mod reach;
pub mod time;
pub mod timers;

pub use damping::{Damped, Damping};
pub use heartbeat::{Fitness, Heartbeat, Identity, Incompatible, Precedence, Role, Term, Wish};
pub use machine::{Action, Event, Machine, Notice};
pub use reach::Reach;
pub use time::Instant;
pub use timers::Timers;
