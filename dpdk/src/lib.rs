//! Safe wrappers over DPDK (22.11 or newer).
//!
//! [`eal::Eal`] starts DPDK, once in a process; everything else is made with it in hand.
//! A [`mempool::Mempool`] holds buffers; a [`mbuf::Mbuf`] is one buffer (or a chain) that
//! somebody owns: it is sent, freed when dropped, or still yours. [`port::Port`] starts a
//! device and hands out each queue once; [`port::RxQueue`] and [`port::TxQueue`] move
//! [`burst::Burst`]s. [`ring`] carries mbufs from one thread to another.
//!
//! What DPDK allocates stays until the process ends, as buffers may be anywhere by then;
//! only ports are stopped and closed. Nothing unsafe can be reached from here through a
//! safe signature; every `unsafe` block says why it holds.

pub mod burst;
pub mod clock;
mod core_id;
pub mod eal;
pub mod log;
pub mod mbuf;
pub mod memory;
pub mod mempool;
pub mod port;
mod port_id;
pub mod privileges;
pub mod ring;
pub mod schedule;
pub mod toeplitz;

pub use core_id::{CoreId, SocketId};

/// The version of DPDK that runs, such as "DPDK 22.11.11".
pub fn version() -> String {
    // SAFETY: the function returns a static string that ends in zero.
    let version = unsafe { std::ffi::CStr::from_ptr(dpdk_sys::rte_version()) };
    version.to_string_lossy().into_owned()
}
