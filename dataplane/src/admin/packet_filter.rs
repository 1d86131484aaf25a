//! Filters of packets, as they come over the socket.

use api::{BpfInstruction, Failure, FailureKind};
use bpf::{Instruction, Program};

/// A client's program, if it is one that may run.
pub(super) fn program(instructions: &[BpfInstruction]) -> Result<Program, Failure> {
    let instruction = |&BpfInstruction(code, jump_true, jump_false, operand): &BpfInstruction| {
        Instruction { code, jump_true, jump_false, operand }
    };
    let instructions: Vec<_> = instructions.iter().map(instruction).collect();
    Program::new(&instructions).map_err(|invalid| {
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
        assert!(program(&[BpfInstruction(6, 0, 0, 1)]).is_ok());
        assert!(program(&[]).is_err());
        assert!(program(&[BpfInstruction(5, 0, 0, 7), BpfInstruction(6, 0, 0, 1)]).is_err());
    }
}
