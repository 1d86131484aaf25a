//! TCP as a router in the middle sees it (RFC 9293 section 3.3.2, from both ends).
//!
//! The names are those of IPVS, from the servers' point of view.
//!
//! ```text
//!  None --SYN--> SynReceived --SYN,ACK from reply--> SynAck --ACK--> Established
//!                    |                                                 |     |
//!                    '--SYN from reply--> SynSent --ACK from either----'     |
//!                       (both open at once, RFC 5382 REQ-2)                  |
//!                                                                            |
//!      Established --FIN from original--> CloseWait --FIN from reply----+    |
//!      Established --FIN from reply-----> FinWait ----FIN from original-+    |
//!                                                                       v    |
//!                                  TimeWait <--ACK from either------ LastAck |
//!                                                                            |
//!      any --RST--> Close --ACK from either--------------------------------->+
//!      Close, FinWait, CloseWait --SYN,ACK from reply--> SynAck
//!      TimeWait, LastAck --SYN from original--> SynReceived, reopened
//! ```
//!
//! `Close` goes back to `Established` because a forged reset must not cut a connection:
//! if its ends go on talking, neither took the reset for real. For the same reason a SYN
//! does not reopen a connection that was reset, or a forged pair of both would take it to
//! another server; it goes to the same server, whose answer decides. `SynReceived` needs the
//! server's answer to go on, so that a flood of forged SYNs and ACKs holds connections
//! for a minute and no longer.
//!
//! A reset or FIN of an open connection counts only when its receiver waits for its number
//! ([`State::is_checked`], [`Acknowledged`]).

use wire::Protocol;
use wire::tcp::Flags;

mod window;

pub(crate) use window::Acknowledged;

use crate::Direction;

/// What is known of a TCP connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum State {
    /// Not TCP, or nothing seen yet.
    None,
    /// A SYN each way: both ends open.
    SynSent,
    /// A SYN from the original end.
    SynReceived,
    /// Data may flow.
    Established,
    /// The reply end has closed its half.
    FinWait,
    /// Both halves are closed.
    TimeWait,
    /// Reset.
    Close,
    /// The original end has closed its half.
    CloseWait,
    /// Both ends have sent their FIN; the last acknowledgment is missing.
    LastAck,
    /// Not used by a router; operators know the name.
    Listen,
    /// The SYN was answered.
    SynAck,
    /// Not TCP, and nothing has come from the reply end yet.
    Unreplied,
    /// Not TCP, and nothing has come from the original end since the other one replied.
    Replied,
}

/// A state and how it came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    /// The state now.
    pub state: State,
    /// The ports of a connection that was over are used for a new one.
    pub reopened: bool,
}

impl From<State> for Transition {
    #[inline(always)]
    fn from(state: State) -> Self {
        Transition { state, reopened: false }
    }
}

const CHANGING: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::FIN.bits() | Flags::RST.bits());

impl State {
    /// How many states there are.
    pub const COUNT: usize = 13;

    /// All, in index order.
    pub const ALL: [State; State::COUNT] = [
        State::None,
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait,
        State::TimeWait,
        State::Close,
        State::CloseWait,
        State::LastAck,
        State::Listen,
        State::SynAck,
        State::Unreplied,
        State::Replied,
    ];

    /// The place in [`State::ALL`].
    #[inline(always)]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name that operators know from IPVS.
    pub const fn name(self) -> &'static str {
        match self {
            State::None => "NONE",
            State::SynSent => "SYN_SENT",
            State::SynReceived => "SYN_RECV",
            State::Established => "ESTABLISHED",
            State::FinWait => "FIN_WAIT",
            State::TimeWait => "TIME_WAIT",
            State::Close => "CLOSE",
            State::CloseWait => "CLOSE_WAIT",
            State::LastAck => "LAST_ACK",
            State::Listen => "LISTEN",
            State::SynAck => "SYNACK",
            State::Unreplied => "UNREPLIED",
            State::Replied => "REPLIED",
        }
    }

    /// True once both ends have closed the connection, or one has reset it.
    pub(crate) const fn is_closed(self) -> bool {
        matches!(self, State::TimeWait | State::Close)
    }

    /// True once one end has closed the connection or reset it.
    #[inline(always)]
    pub const fn is_closing(self) -> bool {
        use State::{Close, CloseWait, FinWait, LastAck, TimeWait};
        const CLOSING: u16 = 1 << FinWait as u8
            | 1 << TimeWait as u8
            | 1 << Close as u8
            | 1 << CloseWait as u8
            | 1 << LastAck as u8;
        CLOSING >> self as u8 & 1 != 0
    }

    /// How far the connection has opened; the same for all that have, whatever became of
    /// them since.
    pub(crate) const fn opening(self) -> u8 {
        match self {
            State::None | State::Listen | State::Unreplied | State::Replied => 0,
            State::SynReceived => 1,
            State::SynSent | State::SynAck => 2,
            _ => 3,
        }
    }

    /// The state after a segment with these flags went by in this direction.
    #[inline(always)]
    #[must_use]
    pub fn next(self, direction: Direction, flags: Flags) -> Transition {
        if self.stays(flags) { self.into() } else { self.step(direction, flags) }
    }

    /// Whose packet a flow of another protocol than TCP waits for, before each end has answered
    /// the other: as conntrack's flags `UNREPLIED` and `ASSURED` tell.
    #[inline(always)]
    pub(crate) const fn awaits(self) -> Option<Direction> {
        match self {
            State::Unreplied => Some(Direction::Reply),
            State::Replied => Some(Direction::Original),
            _ => None,
        }
    }

    /// True for a TCP connection that is not open yet, and a flow of another protocol before each
    /// end has answered the other: whoever sends from forged addresses can make any number of
    /// them. They make room for others when the table is full. `None` for a connection that was
    /// reset: it is as it was before.
    pub(crate) const fn is_evictable(self, protocol: Protocol) -> Option<bool> {
        match self {
            State::Unreplied
            | State::Replied
            | State::SynSent
            | State::SynReceived
            | State::SynAck => Some(true),
            State::None => Some(matches!(protocol, Protocol::Tcp)),
            State::Close => None,
            _ => Some(false),
        }
    }

    /// True if a flow in this state is not as far open as one in the other.
    pub(crate) fn is_behind(self, other: State) -> bool {
        match (self, other) {
            (State::Unreplied, State::Replied | State::None) | (State::Replied, State::None) => {
                true
            }
            _ => self.opening() < other.opening(),
        }
    }

    /// True of nearly every segment: data or an acknowledgment on an open connection, which
    /// change nothing in either direction. And of every packet that is none of TCP's, so that
    /// nobody need look at the protocol: the state is `None` then, and flags there are none.
    #[inline(always)]
    pub(crate) fn stays(self, flags: Flags) -> bool {
        matches!(self, State::Established | State::None) && !flags.intersects(CHANGING)
    }

    /// True if a segment with these flags that goes by in this direction counts only when its
    /// receiver waits for its number: resets and FINs, once their receiver has acknowledged
    /// its sender's SYN.
    pub(crate) fn is_checked(self, direction: Direction, flags: Flags) -> bool {
        let ends = flags.intersects(Flags::from_bits(Flags::RST.bits() | Flags::FIN.bits()));
        let is_acknowledged = match self {
            State::SynAck => direction == Direction::Original,
            _ => self.opening() == 3,
        };
        ends && is_acknowledged
    }

    fn step(self, direction: Direction, flags: Flags) -> Transition {
        if self.awaits() == Some(direction) {
            return if self == State::Unreplied { State::Replied } else { State::None }.into();
        }
        if self.awaits().is_some() {
            return self.into();
        }
        if flags.intersects(Flags::RST) {
            return State::Close.into();
        }
        if flags.intersects(Flags::SYN) {
            return self.after_syn(direction, flags.intersects(Flags::ACK));
        }
        if flags.intersects(Flags::FIN) {
            return self.after_fin(direction).into();
        }
        if flags.intersects(Flags::ACK) {
            return self.after_ack(direction).into();
        }
        self.into()
    }

    fn after_syn(self, direction: Direction, ack: bool) -> Transition {
        match (self, direction, ack) {
            (State::None, Direction::Original, false) => State::SynReceived.into(),
            // The server opens, from the port of its service.
            (State::None, Direction::Reply, false) => State::SynSent.into(),
            (State::TimeWait | State::LastAck, Direction::Original, false) => {
                Transition { state: State::SynReceived, reopened: true }
            }
            // The server knows best that a connection is over: it would not answer a SYN like
            // this if it were not.
            (
                State::SynReceived | State::Close | State::FinWait | State::CloseWait,
                Direction::Reply,
                true,
            ) => State::SynAck.into(),
            (State::SynReceived, Direction::Reply, false) => State::SynSent.into(),
            (State::SynSent, _, true) => State::Established.into(),
            _ => self.into(),
        }
    }

    fn after_fin(self, direction: Direction) -> State {
        match (self, direction) {
            (State::Established | State::SynSent, Direction::Original)
            | (State::SynAck, Direction::Original) => State::CloseWait,
            (State::Established | State::SynSent | State::SynAck, Direction::Reply) => {
                State::FinWait
            }
            (State::CloseWait, Direction::Reply) | (State::FinWait, Direction::Original) => {
                State::LastAck
            }
            _ => self,
        }
    }

    fn after_ack(self, direction: Direction) -> State {
        match (self, direction) {
            (State::SynAck, Direction::Original) | (State::SynSent | State::Close, _) => {
                State::Established
            }
            (State::LastAck, _) => State::TimeWait,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYN: Flags = Flags::SYN;
    const ACK: Flags = Flags::ACK;
    const FIN: Flags = Flags::from_bits(Flags::FIN.bits() | Flags::ACK.bits());
    const SYN_ACK: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());
    const RST: Flags = Flags::RST;
    use Direction::{Original as O, Reply as R};

    fn of_tcp() -> impl Iterator<Item = State> {
        State::ALL.into_iter().filter(|state| state.awaits().is_none())
    }

    #[test]
    fn a_flow_of_another_protocol_waits_for_a_reply_and_then_for_another_packet() {
        let next = |state: State, direction| state.next(direction, Flags::EMPTY).state;
        assert_eq!(next(State::Unreplied, O), State::Unreplied);
        assert_eq!(next(State::Unreplied, R), State::Replied);
        assert_eq!(next(State::Replied, R), State::Replied);
        assert_eq!(next(State::Replied, O), State::None);
        for direction in [O, R] {
            assert_eq!(next(State::None, direction), State::None);
        }
        let order = [State::Unreplied, State::Replied, State::None];
        for (at, state) in order.into_iter().enumerate() {
            for (other_at, other) in order.into_iter().enumerate() {
                assert_eq!(state.is_behind(other), at < other_at, "{state:?} {other:?}");
            }
        }
    }

    /// The states that a conversation goes through.
    fn follow(segments: &[(Direction, Flags)]) -> Vec<State> {
        let mut state = State::None;
        let mut seen = Vec::new();
        for &(direction, flags) in segments {
            state = state.next(direction, flags).state;
            seen.push(state);
        }
        seen
    }

    #[test]
    fn three_way_handshake() {
        let states = follow(&[(O, SYN), (R, SYN_ACK), (O, ACK), (R, ACK), (O, ACK)]);
        assert_eq!(states[..3], [State::SynReceived, State::SynAck, State::Established]);
        assert_eq!(states[3..], [State::Established; 2]);
    }

    #[test]
    fn an_ack_alone_opens_nothing() {
        assert_eq!(follow(&[(O, SYN), (O, ACK), (O, ACK)]), [State::SynReceived; 3]);
        assert_eq!(follow(&[(O, ACK)]), [State::None]);
    }

    #[test]
    fn both_open_at_once() {
        let states = follow(&[(O, SYN), (R, SYN), (O, SYN_ACK), (R, SYN_ACK), (O, ACK)]);
        assert_eq!(states[1..3], [State::SynSent, State::Established]);
        assert_eq!(states[4], State::Established);
    }

    #[test]
    fn repeated_segments_change_nothing() {
        let states = follow(&[(O, SYN), (O, SYN), (R, SYN_ACK), (R, SYN_ACK), (O, ACK), (O, ACK)]);
        assert_eq!(states[1], State::SynReceived);
        assert_eq!(states[3], State::SynAck);
        assert_eq!(states[5], State::Established);
    }

    const OPEN: [(Direction, Flags); 3] = [(O, SYN), (R, SYN_ACK), (O, ACK)];

    fn after_open(segments: &[(Direction, Flags)]) -> Vec<State> {
        follow(&[&OPEN, segments].concat()).split_off(3)
    }

    #[test]
    fn the_client_closes_first() {
        let states = after_open(&[(O, FIN), (R, ACK), (R, ACK), (R, FIN), (O, ACK)]);
        assert_eq!(states[..3], [State::CloseWait; 3]);
        assert_eq!(states[3..], [State::LastAck, State::TimeWait]);
    }

    #[test]
    fn the_server_closes_first() {
        let states = after_open(&[(R, FIN), (O, ACK), (O, FIN), (R, ACK)]);
        assert_eq!(states[..2], [State::FinWait; 2]);
        assert_eq!(states[2..], [State::LastAck, State::TimeWait]);
    }

    #[test]
    fn both_close_at_once() {
        let states = after_open(&[(O, FIN), (R, FIN), (O, ACK), (R, ACK)]);
        assert_eq!(states[1..], [State::LastAck, State::TimeWait, State::TimeWait]);
    }

    #[test]
    fn a_reset_closes_from_every_state_and_in_both_directions() {
        for state in of_tcp() {
            for direction in [O, R] {
                assert_eq!(state.next(direction, RST).state, State::Close, "{state:?}");
            }
        }
    }

    #[test]
    fn traffic_after_a_forged_reset_revives() {
        assert_eq!(after_open(&[(R, RST), (O, ACK)])[1], State::Established);
        assert_eq!(after_open(&[(O, RST), (R, ACK)])[1], State::Established);
        assert_eq!(after_open(&[(O, RST), (R, RST)])[1], State::Close);
    }

    #[test]
    fn a_forged_reset_and_syn_do_not_move_a_connection() {
        let reset = State::Established.next(O, RST).state;
        let syn = reset.next(O, SYN);
        assert_eq!((syn.state, syn.reopened), (State::Close, false));
        assert_eq!(syn.state.next(R, ACK).state, State::Established, "the server knows better");
        // A client that did reset, and uses its port again.
        let states = after_open(&[(O, RST), (O, SYN), (R, SYN_ACK), (O, ACK)]);
        assert_eq!(states[2..], [State::SynAck, State::Established]);
    }

    #[test]
    fn an_answered_syn_opens_a_half_closed_connection_again() {
        for (first, half_closed) in [(O, State::CloseWait), (R, State::FinWait)] {
            let states = after_open(&[(first, FIN), (O, SYN), (R, SYN_ACK), (O, ACK)]);
            assert_eq!(states[..2], [half_closed; 2], "a SYN alone may be forged");
            assert_eq!(states[2..], [State::SynAck, State::Established]);
        }
    }

    #[test]
    fn numbers_count_once_the_receiver_has_acknowledged_the_senders_syn() {
        for state in of_tcp() {
            for flags in [RST, FIN] {
                let checked = [O, R].map(|direction| state.is_checked(direction, flags));
                let expected = match state {
                    State::None | State::Listen | State::SynSent | State::SynReceived => [false; 2],
                    State::SynAck => [true, false],
                    _ => [true; 2],
                };
                assert_eq!(checked, expected, "{state:?}");
            }
            assert!(!state.is_checked(O, ACK) && !state.is_checked(R, SYN_ACK));
        }
    }

    #[test]
    fn a_new_syn_reopens_what_is_over_and_only_that() {
        for state in of_tcp() {
            let next = state.next(O, SYN);
            let over = matches!(state, State::TimeWait | State::LastAck);
            assert_eq!(next.reopened, over, "{state:?}");
            assert_eq!(
                next.state == State::SynReceived,
                over || matches!(state, State::None | State::SynReceived),
                "{state:?}"
            );
            assert!(!state.next(R, SYN).reopened, "{state:?}");
        }
    }

    /// The fast path follows a segment before it knows whether it can send it; if not, the
    /// slow path follows it again.
    #[test]
    fn a_segment_followed_twice_is_as_one() {
        for (state, bits) in of_tcp().flat_map(|s| (0..=255).map(move |b| (s, b))) {
            for direction in [O, R] {
                let flags = Flags::from_bits(bits);
                let once = state.next(direction, flags).state;
                assert_eq!(once.next(direction, flags), once.into(), "{state:?} {flags:?}");
            }
        }
    }

    #[test]
    fn segments_without_flags_change_nothing() {
        for state in of_tcp() {
            for direction in [O, R] {
                assert_eq!(state.next(direction, Flags::EMPTY), state.into());
                assert_eq!(state.next(direction, Flags::PSH), state.into());
            }
        }
    }
}
