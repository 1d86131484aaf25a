//! Which packets are copied.

use nat::Side;

use crate::packet_copy::{Course, Ending};

/// At which points of their way packets are copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Points {
    /// As they are received.
    pub received: bool,
    /// As they are sent.
    pub sent: bool,
    /// As they are received, if they are dropped.
    pub dropped: bool,
}

impl Points {
    /// Everywhere.
    pub const ALL: Points = Points { received: true, sent: true, dropped: true };
}

/// Which packets are copied: all that the filter accepts before or after their translation, at some
/// points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// `None`: all packets.
    pub filter: Option<bpf::Program>,
    /// Whether the frames of each side are copied.
    pub sides: [bool; 2],
    /// Where.
    pub points: Points,
}

impl Selection {
    /// Every frame of both sides.
    pub const ALL: Selection = Selection { filter: None, sides: [true; 2], points: Points::ALL };

    /// True if there is something to copy where packets arrive.
    pub(crate) fn looks_at_arrivals(&self, side: Side) -> bool {
        self.sides[side.index()] && (self.points.received || self.points.dropped)
    }

    /// True if a packet that the filter accepts is wanted here.
    pub(crate) fn wants(&self, side: Side, course: Course, ending: Ending) -> bool {
        let point = match (course, ending) {
            (_, Ending::OtherWorker) => false,
            (Course::Sent, _) => self.points.sent,
            (Course::Received, Ending::Dropped(_)) => self.points.received || self.points.dropped,
            (Course::Received, _) => self.points.received,
        };
        point && self.sides[side.index()]
    }
}
