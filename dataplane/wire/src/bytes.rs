//! Access to fields of a header and to ranges of a packet that cannot panic.

/// A field of a header: the offset of its first byte and how many it has. Used on a
/// header too short for it, it does not compile.
#[derive(Clone, Copy)]
pub(crate) struct Field<const AT: usize, const LENGTH: usize>;

impl<const AT: usize, const LENGTH: usize> Field<AT, LENGTH> {
    #[inline(always)]
    pub(crate) fn get<const HEADER: usize>(self, header: &[u8; HEADER]) -> [u8; LENGTH] {
        const { assert!(AT + LENGTH <= HEADER, "the field lies beyond its header") };
        // The assertion makes the other arm unreachable, and the compiler drops it.
        read(header, AT).unwrap_or([0; LENGTH])
    }

    #[inline(always)]
    pub(crate) fn set<const HEADER: usize>(self, header: &mut [u8; HEADER], value: [u8; LENGTH]) {
        const { assert!(AT + LENGTH <= HEADER, "the field lies beyond its header") };
        if let Some(field) = chunk_mut(header, AT) {
            *field = value;
        }
    }
}

/// The `N` bytes at an offset, if the packet has them.
#[inline(always)]
pub(crate) fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

/// As [`chunk`], to write.
#[inline(always)]
pub(crate) fn chunk_mut<const N: usize>(bytes: &mut [u8], at: usize) -> Option<&mut [u8; N]> {
    bytes.get_mut(at..)?.first_chunk_mut()
}

/// A copy of the `N` bytes at an offset, if the packet has them.
#[inline(always)]
pub(crate) fn read<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    chunk(bytes, at).copied()
}

/// The number of two bytes in network order.
#[inline(always)]
pub(crate) fn number(field: [u8; 2]) -> u16 {
    u16::from_be_bytes(field)
}

/// The one byte of a field.
#[inline(always)]
pub(crate) fn byte(field: [u8; 1]) -> u8 {
    let [byte] = field;
    byte
}
