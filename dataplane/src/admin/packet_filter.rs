//! Filters of packets, as they come over the socket.

use api::{BpfInstruction, Failure, FailureKind, PacketFilter};
use bpf::{Instruction, Program};

/// The program of a filter, checked; `None`: every packet.
pub(super) fn program(filter: Option<&PacketFilter>) -> Result<Option<Program>, Failure> {
    let Some(filter) = filter else { return Ok(None) };
    let instruction = |&BpfInstruction(code, jump_true, jump_false, operand): &BpfInstruction| {
        Instruction { code, jump_true, jump_false, operand }
    };
    let instructions: Vec<_> = filter.program.iter().map(instruction).collect();
    Program::new(&instructions).map(Some).map_err(|invalid| {
        let message = format!(
            "{invalid}: install the same release of tandem and tandem-dataplane, or write another \
             filter"
        );
        Failure::new(FailureKind::Malformed, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_might_do_harm_is_refused() {
        let filter = |program| PacketFilter { expression: String::new(), program };
        let right = filter(vec![BpfInstruction(6, 0, 0, 1)]);
        assert!(matches!(program(Some(&right)), Ok(Some(_))));
        assert!(matches!(program(None), Ok(None)));
        for wrong in [vec![], vec![BpfInstruction(5, 0, 0, 7), BpfInstruction(6, 0, 0, 1)]] {
            assert!(program(Some(&filter(wrong))).is_err());
        }
    }
}
