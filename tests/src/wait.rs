//! Waiting for a condition, with a deadline.

use core::time::Duration;
use std::time::Instant;

use crate::Error;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until the condition holds; an error after so many seconds. The machine may be
/// slow: deadlines are generous, as only failures wait for them.
///
/// # Errors
///
/// [`Error::Waited`].
pub fn wait_until(
    what: &str,
    seconds: u64,
    mut condition: impl FnMut() -> bool,
) -> Result<(), Error> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !condition() {
        if Instant::now() > deadline {
            return Err(Error::Waited { seconds, what: what.to_owned(), words: String::new() });
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
