//! The hash under which clients find servers.

/// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), the variant that
/// kernels and languages hash their tables with. The hash of the table of connections changes with
/// each release of its library and with the processor; this one never does, so two machines of a
/// pair agree.
pub(crate) struct SipHash([u64; 4]);

impl SipHash {
    pub(crate) fn new([low, high]: [u64; 2]) -> Self {
        SipHash([
            low ^ 0x736f_6d65_7073_6575,
            high ^ 0x646f_7261_6e64_6f6d,
            low ^ 0x6c79_6765_6e65_7261,
            high ^ 0x7465_6462_7974_6573,
        ])
    }

    fn rounds(self, count: usize) -> Self {
        let SipHash([mut a, mut b, mut c, mut d]) = self;
        for _ in 0..count {
            a = a.wrapping_add(b);
            c = c.wrapping_add(d);
            b = b.rotate_left(13) ^ a;
            d = d.rotate_left(16) ^ c;
            a = a.rotate_left(32).wrapping_add(d);
            c = c.wrapping_add(b);
            b = b.rotate_left(17) ^ c;
            d = d.rotate_left(21) ^ a;
            c = c.rotate_left(32);
        }
        SipHash([a, b, c, d])
    }

    pub(crate) fn word(self, word: u64) -> Self {
        let SipHash([a, b, c, d]) = self;
        let SipHash([a, b, c, d]) = SipHash([a, b, c, d ^ word]).rounds(1);
        SipHash([a ^ word, b, c, d])
    }

    /// The last word holds the rest of the message and, in its top byte, the message's length.
    pub(crate) fn finish(self, last: u64) -> u64 {
        let SipHash([a, b, c, d]) = self.word(last);
        let SipHash([a, b, c, d]) = SipHash([a, b, c ^ 0xff, d]).rounds(3);
        a ^ b ^ c ^ d
    }
}

/// Makes another number of a number, so that each bit of the one decides about each of the other:
/// MurmurHash3's last step. No secret by itself: what goes in was hashed with one.
#[inline(always)]
pub(crate) const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    word = (word ^ (word >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

/// The number below `limit` that stands to it as `word` stands to all words.
#[inline(always)]
pub(crate) const fn scale(word: u64, limit: u64) -> u64 {
    ((word as u128 * limit as u128) >> 64) as u64
}
