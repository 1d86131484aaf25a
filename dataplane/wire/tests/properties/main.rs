//! Properties of the whole crate, with etherparse as an independent oracle: packets
//! are made by it, and what a translation should give is made by it anew.

#[cfg(test)]
mod building;
#[cfg(test)]
mod defects;
#[cfg(test)]
mod frames;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod parsing;
#[cfg(test)]
mod resetting;
#[cfg(test)]
mod translating;
