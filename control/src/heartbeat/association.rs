//! Who the peer is: which datagrams count, and what makes ours count with the peer.
//!
//! A start of the peer is proven by a datagram that echoes the salt of our own start: it
//! was made after ours. Until then it is only met; one that was recorded long ago could
//! come again. So what does not echo us changes nothing but that it is answered, with a
//! hello that echoes its sender, who then knows what to say.
//!
//! ```text
//!    a starts, b runs           b knows an earlier a
//!    heartbeat, no echo  ---->  met, counts as no echo
//!    proven, counts      <----  hello, echoes a
//!    hello, echoes b     ---->  proven in place of the earlier a
//! ```

use core::cmp::Ordering;
use std::collections::HashSet;

use failover::{Heartbeat, Incompatible, Instant, Precedence, Role};

use super::bucket::Bucket;
use super::message::{self, Body, HeartbeatPayload, Message, NotUnderstood};
use super::refusal::Refusal;
use super::replay_window::ReplayWindow;
use super::reservoir::Reservoir;
use super::salt::Salt;
use super::seal::{Header, Opener, Sealer};
use crate::key::{Fingerprint, KeyRing};

/// Starts of the peer that are over and may not come again; when so many are known, our
/// own start is renewed, which voids them all.
const RETIRED: usize = 1024;

/// Starts of the peer that are met at a time. Recordings of earlier ones are met too; with
/// room for several they don't drive the present one out.
const MET: usize = 8;

/// The admission control of a path: how many of its datagrams get as far as cryptography.
///
/// Of the datagrams without the salt of the peer's proven start, a token bucket admits some as
/// they come, and a reservoir samples the rest. So a sender that floods the path from the peer's
/// address cannot keep the peer's next start out for long.
///
/// Datagrams with that salt are all admitted. Anybody on the link can copy the salt and the
/// counters that are due next: the copies would use up a rate of any kind, and the peer's own
/// datagrams would be refused. What bounds their cost is how many datagrams are read at all.
#[derive(Clone, Debug)]
pub struct Admission {
    unknown: Bucket,
    reservoir: Reservoir,
}

impl Default for Admission {
    fn default() -> Self {
        Admission::with(Reservoir::default())
    }
}

impl Admission {
    /// The usual limits, with this reservoir.
    #[must_use]
    pub fn with(reservoir: Reservoir) -> Self {
        Admission { unknown: Bucket::new(500, 100), reservoir }
    }
}

/// What becomes of a datagram that came over a path.
#[derive(Debug)]
pub struct Reception {
    /// What it says, or why it does not count.
    pub result: Result<Accepted, Refusal>,
    /// An answer, to be sent back over the path that the datagram came over.
    pub answer: Option<Vec<u8>>,
    /// Its number among the datagrams of its sender's start; 0 if it has none.
    pub counter: u64,
    /// It says that its sender is not active, and will not be: it cannot, or claims nothing as it
    /// is cut off. Told of what does not count, too, if it was made with the key.
    pub claims_nothing: bool,
}

impl Reception {
    /// The reception of a datagram that does not count.
    #[must_use]
    pub fn refused(why: Refusal) -> Self {
        Reception { result: Err(why), answer: None, counter: 0, claims_nothing: false }
    }
}

/// What a datagram that counts says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// The peer is there, and says nothing else.
    Hello,
    /// A heartbeat that is newer than all before.
    Heartbeat(Box<HeartbeatPayload>),
    /// One that came over another path before, or was overtaken.
    Old,
    /// The peer lives, and what it says is not understood.
    NotUnderstood {
        /// The version that it speaks.
        version: u8,
        /// What is understood; none if it was overtaken by something newer.
        said: Option<Incompatible>,
    },
    /// It says nothing yet: it may be in the reservoir's sample, see
    /// [`Association::receive_sampled`].
    Waits,
}

/// What there is to know of a datagram besides whether it counts.
#[derive(Default)]
struct Aside {
    /// Its sender is to be greeted: the salt of its start.
    to_greet: Option<Salt>,
    claims_nothing: bool,
}

/// One start of the peer's tandem-control.
struct Start {
    opener: Opener,
    window: ReplayWindow,
    /// The sequence number of the last heartbeat that was taken in.
    sequence: u64,
    /// The counter of the last datagram that was taken in as a word of the peer.
    newest: u64,
}

impl Start {
    fn new(keys: &KeyRing, salt: Salt) -> Self {
        Start {
            opener: Opener::new(keys, salt),
            window: ReplayWindow::default(),
            sequence: 0,
            newest: 0,
        }
    }

    fn open(&mut self, header: Header, datagram: &[u8]) -> Result<Message, Refusal> {
        if !self.window.is_new(header.counter) {
            return Err(Refusal::Replayed);
        }
        let message = self.opener.open(header, datagram)?;
        self.window.see(header.counter);
        Ok(message)
    }

    /// What a body says that came in the datagram of this counter, to a machine whose own
    /// start has this salt.
    fn take(&mut self, body: Body, counter: u64, own: Salt) -> Accepted {
        let is_newest = counter > self.newest;
        match body {
            Body::Hello => Accepted::Hello,
            Body::NotUnderstood(message) => {
                let NotUnderstood { version, active } = message;
                let precedence = precedence(version, self.opener.salt, own);
                let said = is_newest.then_some(Incompatible { active, precedence });
                self.newest = self.newest.max(counter);
                Accepted::NotUnderstood { version, said }
            }
            Body::Heartbeat(mut payload) if is_newest && payload.sequence > self.sequence => {
                (self.newest, self.sequence) = (counter, payload.sequence);
                payload.heartbeat.identity.start = self.opener.salt.number();
                Accepted::Heartbeat(payload)
            }
            Body::Heartbeat(_) => Accepted::Old,
        }
    }
}

/// Which of two machines goes first if the peer speaks this version and is not understood.
fn precedence(version: u8, peers: Salt, own: Salt) -> Precedence {
    match version.cmp(&message::VERSION) {
        Ordering::Less => Precedence::Peer,
        Ordering::Greater => Precedence::Own,
        Ordering::Equal => Precedence::Unknown { peer_is_higher: peers.number() > own.number() },
    }
}

/// The sender of this is not active, and claims nothing: its dataplane cannot forward, or it hears
/// neither peer nor witness.
fn claims_nothing(body: &Body) -> bool {
    let Body::Heartbeat(payload) = body else { return false };
    let Heartbeat { role, fitness, hears_peer, .. } = &payload.heartbeat;
    let is_cut_off = !hears_peer && fitness.witness == Some(false);
    *role != Role::Active && (!fitness.able || is_cut_off)
}

/// This machine's start and the starts of the peer that it has met.
pub struct Association {
    keys: KeyRing,
    sealer: Sealer,
    proven: Option<Start>,
    /// Starts of the peer that were proven so far.
    starts: u64,
    /// The oldest first.
    met: Vec<Start>,
    /// Counts the datagrams that echo a start that was only met.
    echoes: usize,
    retired: HashSet<Salt>,
    hellos: Bucket,
}

impl Association {
    /// A new start of a machine.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(keys: impl Into<KeyRing>) -> Result<Self, getrandom::Error> {
        let keys = keys.into();
        let sealer = Sealer::new(keys.used(), Salt::draw()?);
        Ok(Association {
            keys,
            sealer,
            proven: None,
            starts: 0,
            met: Vec::new(),
            echoes: 0,
            retired: HashSet::new(),
            hellos: Bucket::new(20, 10),
        })
    }

    /// Goes on with other keys. Nothing else changes: both starts, what they have counted and what is
    /// known of the peer stay.
    pub fn change_keys(&mut self, keys: KeyRing) {
        if keys.used_name() != self.keys.used_name() {
            self.sealer.change_key(keys.used());
        }
        let starts = self.proven.iter_mut().chain(&mut self.met);
        starts.for_each(|start| start.opener.change_keys(&keys));
        self.keys = keys;
    }

    /// The keys that this machine holds.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The key that the peer's last datagram was sealed with; none before it is proven.
    #[must_use]
    pub fn peers_key(&self) -> Option<Fingerprint> {
        self.proven.as_ref().and_then(|start| start.opener.opened())
    }

    /// The salt of the own start, as a number.
    #[must_use]
    pub fn own_start(&self) -> u128 {
        self.sealer.salt().number()
    }

    /// True if a start of the peer is proven.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.proven.is_some()
    }

    /// How many starts of the peer were proven so far; what counts is of the last of them.
    #[must_use]
    pub fn starts(&self) -> u64 {
        self.starts
    }

    /// A heartbeat as a datagram, for one path.
    pub fn seal(&mut self, payload: &HeartbeatPayload) -> Option<Vec<u8>> {
        self.seal_body(Body::Heartbeat(Box::new(payload.clone())))
    }

    /// Anything as a datagram, for one path.
    pub fn seal_body(&mut self, body: Body) -> Option<Vec<u8>> {
        let echo = self.known();
        self.sealer.seal(&Message { echo, body })
    }

    /// Whom the next datagram echoes: the proven start, else those that were met in turn,
    /// so that each comes over each of several paths.
    fn known(&mut self) -> Salt {
        if let Some(start) = &self.proven {
            return start.opener.salt;
        }
        let count = self.met.len().max(1);
        let turn = self.echoes.wrapping_add(self.echoes / count) % count;
        self.echoes = self.echoes.wrapping_add(1);
        self.met.get(turn).map_or(Salt::default(), |start| start.opener.salt)
    }

    /// Judges a datagram that came over the path of this admission control.
    pub fn receive(
        &mut self,
        admission: &mut Admission,
        datagram: &[u8],
        now: Instant,
    ) -> Reception {
        self.reception(admission, datagram, now, false)
    }

    /// Judges the sample of the path's datagrams that exceeded its rate. To be called about once
    /// an interval.
    pub fn receive_sampled(&mut self, admission: &mut Admission, now: Instant) -> Vec<Reception> {
        let sample = admission.reservoir.take_sample(now);
        sample.iter().map(|datagram| self.reception(admission, datagram, now, true)).collect()
    }

    fn reception(
        &mut self,
        admission: &mut Admission,
        datagram: &[u8],
        now: Instant,
        is_sampled: bool,
    ) -> Reception {
        let mut aside = Aside::default();
        let result = self.judge(admission, datagram, now, is_sampled, &mut aside);
        let Aside { to_greet, claims_nothing } = aside;
        let answer = to_greet.filter(|_| self.hellos.take(now));
        let answer = answer.and_then(|echo| self.sealer.seal(&Message { echo, body: Body::Hello }));
        let counter = Header::read(datagram).map_or(0, |header| header.counter);
        Reception { result, answer, counter, claims_nothing }
    }

    fn judge(
        &mut self,
        admission: &mut Admission,
        datagram: &[u8],
        now: Instant,
        is_sampled: bool,
        aside: &mut Aside,
    ) -> Result<Accepted, Refusal> {
        let header = Header::read(datagram)?;
        if header.salt == self.sealer.salt() {
            return Err(Refusal::Reflected);
        }
        let own = self.sealer.salt();
        if let Some(start) = self.proven.as_mut().filter(|start| start.opener.salt == header.salt) {
            let message = start.open(header, datagram)?;
            if message.echo != own {
                aside.to_greet = Some(header.salt);
                return Err(Refusal::NoEcho);
            }
            return Ok(start.take(message.body, header.counter, own));
        }
        if self.retired.contains(&header.salt) {
            return Err(Refusal::Replayed);
        }
        if !is_sampled && !admission.unknown.take(now) {
            let one_lost = admission.reservoir.offer(datagram, now);
            return if one_lost { Err(Refusal::Rate) } else { Ok(Accepted::Waits) };
        }
        self.meet(header, datagram, aside)
    }

    /// A datagram of a start that is not proven yet.
    fn meet(
        &mut self,
        header: Header,
        datagram: &[u8],
        aside: &mut Aside,
    ) -> Result<Accepted, Refusal> {
        let known = self.met.iter().position(|met| met.opener.salt == header.salt);
        let (place, message) = match known.and_then(|place| Some((place, self.met.get_mut(place)?)))
        {
            Some((place, start)) => (place, start.open(header, datagram)?),
            None => {
                let mut start = Start::new(&self.keys, header.salt);
                // Only what was made with the key is remembered and answered.
                let message = start.open(header, datagram)?;
                if self.met.len() >= MET {
                    self.met.remove(0);
                }
                self.met.push(start);
                (self.met.len() - 1, message)
            }
        };
        aside.to_greet = Some(header.salt);
        aside.claims_nothing = claims_nothing(&message.body);
        if message.echo != self.sealer.salt() {
            return Err(Refusal::NoEcho);
        }
        Ok(self.prove(place, message.body, header.counter))
    }

    /// The start that was met is proven.
    fn prove(&mut self, place: usize, body: Body, counter: u64) -> Accepted {
        let mut start = self.met.remove(place);
        let accepted = start.take(body, counter, self.sealer.salt());
        self.starts += 1;
        if let Some(before) = self.proven.replace(start) {
            self.retire(before.opener.salt);
        }
        accepted
    }

    fn retire(&mut self, salt: Salt) {
        self.retired.insert(salt);
        if self.retired.len() < RETIRED {
            return;
        }
        // Without random numbers the list stays, and grows: that is the lesser evil.
        if let Ok(own) = Salt::draw() {
            self.sealer = Sealer::new(self.keys.used(), own);
            self.retired.clear();
        }
    }
}
