//! What tells one start of a process from every other.

/// Random bytes that tell one start of a process from every other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    /// The salt as a number.
    #[must_use]
    pub fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Draws the salt of a new start.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn draw() -> Result<Self, getrandom::Error> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)?;
        Ok(Salt(salt))
    }
}
