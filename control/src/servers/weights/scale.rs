//! Weights in thousandths as the whole numbers that the dataplane takes.

use super::{Share, Thousandths, Units, WHOLE};

/// Shares are told in hundredths of the configured unit while one of them is no whole number.
const FINER: u64 = 100;
const LARGEST: u64 = u16::MAX as u64;

/// Fills in the weights that the dataplane is told.
pub(super) fn scale(shares: &mut [Share], units: Units) {
    let factor = match units {
        Units::Shares => factor(shares),
        Units::Connections | Units::Parts => 1,
    };
    for share in shares {
        let told = u64::from(share.thousandths) * factor;
        // Rounded up: what has any weight is told one.
        share.weight = told.div_ceil(u64::from(WHOLE)).min(LARGEST) as u16;
        share.part = match units {
            Units::Parts if share.weight > 0 => {
                (told / u64::from(share.weight)).clamp(1, 1000) as u16
            }
            _ => 1000,
        };
    }
}

/// By how much finer the unit is that weights are told in.
fn factor(shares: &[Share]) -> u64 {
    let is_whole = |share: &Share| share.thousandths % WHOLE == 0;
    let largest: Thousandths = shares.iter().map(|share| share.thousandths).max().unwrap_or(0);
    if shares.iter().all(is_whole) || largest == 0 {
        return 1;
    }
    (LARGEST * u64::from(WHOLE) / u64::from(largest)).clamp(1, FINER)
}
