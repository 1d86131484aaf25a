//! Programs that nobody's compiler has made: whatever is taken ends in time, and reads nothing
//! that is not the packet's.

use bpf::{Instruction, Program};
use proptest::collection::vec;
use proptest::prelude::*;

/// Codes of real instructions as well as any others, operands that are likely to be beyond something.
fn instruction() -> impl Strategy<Value = Instruction> {
    let real = prop::sample::select(vec![
        0x00u16, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x14, 0x15, 0x16, 0x1c, 0x1d,
        0x20, 0x24, 0x25, 0x28, 0x2c, 0x30, 0x34, 0x35, 0x3c, 0x40, 0x44, 0x45, 0x48, 0x4c, 0x50,
        0x54, 0x5c, 0x60, 0x61, 0x64, 0x6c, 0x74, 0x7c, 0x80, 0x81, 0x84, 0x87, 0x94, 0x9c, 0xa4,
        0xac, 0xb1,
    ]);
    let code = prop_oneof![20 => real, 1 => any::<u16>()];
    let operand = prop_oneof![0u32..40, 0u32..2000, Just(u32::MAX), any::<u32>()];
    (code, 0u8..6, 0u8..6, operand).prop_map(|(code, jump_true, jump_false, operand)| Instruction {
        code,
        jump_true,
        jump_false,
        operand,
    })
}

fn end() -> Instruction {
    Instruction { code: 0x16, ..Instruction::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_is_taken_ends(
        mut instructions in vec(instruction(), 0..60),
        packet in vec(any::<u8>(), 0..120),
        length in 0usize..70_000,
        ends: bool,
    ) {
        if ends {
            instructions.push(end());
        }
        if let Ok(program) = Program::new(&instructions) {
            let run = program.run(&packet, length);
            prop_assert!(run.steps >= 1 && run.steps as usize <= instructions.len());
            // Nothing is kept from one packet to the next.
            prop_assert_eq!(program.run(&packet, length), run);
        }
    }
}

#[test]
fn the_property_is_of_many_programs() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let programs = vec(instruction(), 1..12);
    let taken = (0..2000).filter(|_| {
        let mut program = programs.new_tree(&mut runner).unwrap().current();
        program.extend([end(); 6]);
        Program::new(&program).is_ok()
    });
    let taken = taken.count();
    assert!((200..1900).contains(&taken), "{taken} of 2000");
}
