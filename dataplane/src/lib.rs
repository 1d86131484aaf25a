//! The packet pipeline on DPDK.
