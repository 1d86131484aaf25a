//! Why a datagram does not count.

/// Declares the reasons: variant, name in metrics and status, sentence.
macro_rules! refusals {
    ($($variant:ident $name:literal $what:literal)*) => {
        /// Why a datagram does not count.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Refusal {
            $(#[doc = $what] $variant,)*
        }

        impl Refusal {
            /// Every reason.
            pub const ALL: &[Refusal] = &[$(Refusal::$variant),*];

            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Refusal::$variant => $name,)* }
            }

            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Refusal::$variant => $what,)* }
            }
        }
    };
}

refusals! {
    OffLink "off_link" "its TTL shows that it came through a router"
    Length "length" "it is shorter or longer than any heartbeat"
    Version "version" "it is of another version of the protocol"
    Rate "rate" "more came than the path's rate allows"
    Reflected "reflected" "it is one of our own, sent back"
    Replayed "replayed" "it came before, or from an earlier start of the peer"
    Authentication "authentication" "it was not made with the shared key"
    Malformed "malformed" "what it says is not understood"
    NoEcho "no_echo" "it does not answer this start of ours"
}

/// How many datagrams were refused, by reason.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Refusals {
    pub fn count(&mut self, refusal: Refusal) {
        if let Some(count) = self.0.get_mut(refusal as usize) {
            *count += 1;
        }
    }

    /// So many under this reason.
    #[must_use]
    pub fn get(&self, refusal: Refusal) -> u64 {
        self.0.get(refusal as usize).copied().unwrap_or(0)
    }

    /// All reasons, those that never happened too.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.iter().map(|&refusal| (refusal, self.get(refusal)))
    }
}
