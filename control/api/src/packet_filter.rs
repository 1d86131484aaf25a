//! Filters of packets, compiled.

use serde::{Deserialize, Serialize};

/// A filter of packets: its text, for people, and the classic BPF program that libpcap has made of
/// it for Ethernet frames. A dataplane checks the program and does not trust it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PacketFilter {
    /// The filter in the syntax of pcap-filter(7); empty: every packet.
    pub expression: String,
    /// The instructions.
    pub program: Vec<BpfInstruction>,
}

/// One instruction of classic BPF: code, jump if true, jump if false, operand, as in
/// `struct bpf_insn`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BpfInstruction(pub u16, pub u8, pub u8, pub u32);
