//! Datagrams to the router itself, put together from their fragments (RFC 791 section 3.2).
//!
//! The memory is taken once: a few datagrams at a time, each of the largest size. The oldest makes
//! room for a new one, and one whose fragments overlap is given up (RFC 5722 gives the reasons,
//! for IPv6). A datagram that is whole is remembered as long as nobody needs its room, so that a
//! fragment of it that comes twice begins nothing.

use std::net::Ipv4Addr;

use wire::parse::Packet;
use wire::{ethernet, ipv4};

use crate::fragment::Key;
use crate::time::Instant;

/// Datagrams that are put together at a time.
const DATAGRAMS: usize = 8;
/// Offsets are counted in units of so many bytes.
const UNIT: usize = 8;
/// Units of the largest datagram.
const UNITS: usize = 8192;
/// Where the payload begins in the frame that is put together.
const PAYLOAD: usize = ethernet::HEADER_LENGTH + ipv4::HEADER_LENGTH;
/// The largest frame.
const FRAME: usize = ethernet::HEADER_LENGTH + 65_535;

/// Why a fragment was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It contradicts the others of its datagram, which is given up.
    Overlap,
    /// It goes beyond the end of the largest datagram, or is no fragment.
    Invalid,
}

struct Datagram {
    key: Option<Key<Ipv4Addr>>,
    since: Instant,
    frame: Vec<u8>,
    /// One bit for each unit that has come.
    units: [u64; UNITS / 64],
    count: usize,
    /// The end of the fragment that reaches furthest, in bytes of the payload.
    furthest: usize,
    /// Bytes of the payload, once the last fragment has come.
    length: Option<usize>,
    /// True once the first fragment has come, and brought the headers.
    has_first: bool,
    /// True for a datagram that was given out.
    is_done: bool,
}

/// The datagrams that are being put together.
pub struct Reassembly {
    datagrams: Vec<Datagram>,
    /// Datagrams that were given up before they were whole.
    given_up: u64,
}

impl Default for Reassembly {
    fn default() -> Self {
        let empty = || Datagram {
            key: None,
            since: Instant::default(),
            frame: vec![0; FRAME],
            units: [0; UNITS / 64],
            count: 0,
            furthest: 0,
            length: None,
            has_first: false,
            is_done: false,
        };
        Reassembly { datagrams: (0..DATAGRAMS).map(|_| empty()).collect(), given_up: 0 }
    }
}

impl Reassembly {
    /// Adds a fragment. Gives out the frame of the whole datagram, without IP options, when
    /// this was the last one that was missing.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn add(
        &mut self,
        key: Key<Ipv4Addr>,
        packet: &Packet,
        frame: &[u8],
        now: Instant,
    ) -> Result<Option<&mut [u8]>, Refused> {
        let at = self.place(&key, now);
        let datagram = self.datagrams.get_mut(at).ok_or(Refused::Invalid)?;
        if datagram.is_done {
            return Ok(None);
        }
        match datagram.add(packet, frame) {
            Ok(true) => {
                datagram.is_done = true;
                let end = PAYLOAD + datagram.length.unwrap_or_default();
                Ok(datagram.frame.get_mut(..end))
            }
            Ok(false) => Ok(None),
            Err(refused) => {
                datagram.key = None;
                Err(refused)
            }
        }
    }

    /// How many datagrams were given up since this was asked last.
    pub fn take_given_up(&mut self) -> u64 {
        core::mem::take(&mut self.given_up)
    }

    /// The place of a datagram: its own, or the one that is needed least, which is one that is
    /// free or done, and else the oldest.
    fn place(&mut self, key: &Key<Ipv4Addr>, now: Instant) -> usize {
        let known = self.datagrams.iter().position(|datagram| datagram.key.as_ref() == Some(key));
        if let Some(known) = known {
            return known;
        }
        let need = |(_, datagram): &(usize, &Datagram)| {
            let is_open = datagram.key.is_some() && !datagram.is_done;
            (is_open, datagram.key.map(|_| datagram.since))
        };
        let least = self.datagrams.iter().enumerate().min_by_key(need);
        let at = least.map_or(0, |(at, _)| at);
        if let Some(datagram) = self.datagrams.get_mut(at) {
            self.given_up += u64::from(datagram.key.is_some() && !datagram.is_done);
            datagram.begin(*key, now);
        }
        at
    }
}

impl Datagram {
    fn begin(&mut self, key: Key<Ipv4Addr>, now: Instant) {
        self.key = Some(key);
        self.since = now;
        self.units.fill(0);
        self.count = 0;
        self.furthest = 0;
        self.length = None;
        self.has_first = false;
        self.is_done = false;
    }

    /// True when the datagram is whole.
    fn add(&mut self, packet: &Packet, frame: &[u8]) -> Result<bool, Refused> {
        let ip = packet.ipv4().ok_or(Refused::Invalid)?;
        let fragment = ip.fragment.ok_or(Refused::Invalid)?;
        let payload = frame.get(usize::from(ip.l4_offset())..ip.end()).ok_or(Refused::Invalid)?;
        let start = usize::from(fragment.offset);
        let end = start + payload.len();
        let fits = !payload.is_empty()
            && start % UNIT == 0
            && (payload.len() % UNIT == 0 || !fragment.more)
            && end + ipv4::HEADER_LENGTH <= 65_535;
        if !fits {
            return Err(Refused::Invalid);
        }
        let is_beyond = self.length.is_some_and(|length| end > length);
        let ends_elsewhere = self.length.is_some_and(|length| length != end);
        let ends_before = !fragment.more && (ends_elsewhere || end < self.furthest);
        if is_beyond || ends_before {
            return Err(Refused::Overlap);
        }
        if !self.take_units(start / UNIT, end.div_ceil(UNIT), payload)? {
            return Ok(false);
        }
        self.furthest = self.furthest.max(end);
        if !fragment.more {
            self.length = Some(end);
        }
        let room = self.frame.get_mut(PAYLOAD + start..PAYLOAD + end).ok_or(Refused::Invalid)?;
        room.copy_from_slice(payload);
        if start == 0 {
            self.write_header(packet, frame).ok_or(Refused::Invalid)?;
        }
        self.finish().ok_or(Refused::Invalid)
    }

    /// Marks the units of a fragment. False if all of them have come already with the same
    /// bytes: a duplicate.
    fn take_units(&mut self, first: usize, end: usize, payload: &[u8]) -> Result<bool, Refused> {
        let taken = (first..end)
            .filter(|unit| {
                self.units.get(unit / 64).is_some_and(|bits| bits >> (unit % 64) & 1 == 1)
            })
            .count();
        if taken == end - first {
            let start = PAYLOAD + first * UNIT;
            let is_same = self.frame.get(start..start + payload.len()) == Some(payload);
            return if is_same { Ok(false) } else { Err(Refused::Overlap) };
        }
        if taken > 0 {
            return Err(Refused::Overlap);
        }
        for unit in first..end {
            if let Some(bits) = self.units.get_mut(unit / 64) {
                *bits |= 1 << (unit % 64);
            }
        }
        self.count += end - first;
        Ok(true)
    }

    /// Writes the Ethernet and IP headers of the whole datagram, after the first fragment's.
    fn write_header(&mut self, packet: &Packet, frame: &[u8]) -> Option<()> {
        let l3 = usize::from(packet.l3_offset);
        let link = frame.get(..ethernet::HEADER_LENGTH)?;
        self.frame.get_mut(..ethernet::HEADER_LENGTH)?.copy_from_slice(link);
        let header = frame.get(l3..l3 + ipv4::HEADER_LENGTH)?;
        self.frame.get_mut(ethernet::HEADER_LENGTH..PAYLOAD)?.copy_from_slice(header);
        // Tags and options are left out.
        ethernet::Header::new_mut(&mut self.frame)?.set_ether_type(ethernet::EtherType::IPV4);
        self.has_first = true;
        Some(())
    }

    /// True when the datagram is whole; its header then says so.
    fn finish(&mut self) -> Option<bool> {
        let Some(length) = self.length else { return Some(false) };
        if !self.has_first || self.count != length.div_ceil(UNIT) {
            return Some(false);
        }
        let header = self.frame.get_mut(ethernet::HEADER_LENGTH..PAYLOAD)?;
        let mut fields = ipv4::Header::at_mut(header, 0)?;
        fields.set_header_length(ipv4::HEADER_LENGTH);
        fields.set_total_length(u16::try_from(ipv4::HEADER_LENGTH + length).ok()?);
        fields.set_fragment(false, false, 0);
        ipv4::fill_checksum(header).then_some(true)
    }
}
