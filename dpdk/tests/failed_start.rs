//! DPDK itself refuses to start: a typed error, and no second try in this process.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use dpdk::eal::{Eal, EalError, Memory};

#[test]
fn more_memory_than_there_can_be() {
    let mut config = common::config();
    config.memory = Memory::Ordinary(1 << 30);
    let refused = Eal::start(&config).unwrap_err();
    assert!(matches!(refused, EalError::Init(_)), "{refused}");

    let again = Eal::start(&common::config()).unwrap_err();
    assert_eq!(again, EalError::AlreadyStarted);
}
