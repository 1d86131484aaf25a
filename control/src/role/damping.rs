//! A damped machine, in words for the operator.

use failover::Damped;

use crate::output::units::seconds;

/// Why a machine is damped, and for how long.
pub(super) fn words(damped: &Damped) -> String {
    let Damped { losses, within, left } = damped;
    format!(
        "links or next hops were lost {losses} times in the last {}; takes the role again in {}, \
         until then only where the peer cannot have it",
        seconds(within.as_secs().max(1)),
        seconds(left.as_secs().max(1)),
    )
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn it_says_how_often_and_for_how_long() {
        let (within, left) = (Duration::from_millis(58_900), Duration::from_millis(42_100));
        assert_eq!(
            words(&Damped { losses: 6, within, left }),
            "links or next hops were lost 6 times in the last 58s; takes the role again in 42s, \
             until then only where the peer cannot have it"
        );
    }
}
