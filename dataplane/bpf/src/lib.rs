//! Classic BPF programs (McCanne and Jacobson, "The BSD Packet Filter", 1993), which select
//! packets.
//!
//! The command line has libpcap compile a filter, and the instructions travel over the control
//! socket. [`Program::new`] takes none that could do harm, so that a worker may run what came from
//! there: jumps go forward only, so a packet takes as many steps as the program has instructions at
//! the most, and what lies outside of the packet is never read. [`Program::run`] says how many
//! steps it took, for whoever keeps account of them.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod instruction;
mod program;

pub use instruction::Instruction;
pub use program::{Invalid, Program, Run};
