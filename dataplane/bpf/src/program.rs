//! A program that was checked, and how it runs.

use crate::instruction::{Arithmetic, Comparison, Instruction, MEMORY, Operand, Operation, Width};

/// Why a program is not run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Invalid {
    /// There is nothing to run.
    #[error("the filter's program has no instructions")]
    Empty,
    /// It has so many instructions.
    #[error("the filter's program has {0} instructions, and {limit} are allowed", limit = Program::LIMIT)]
    TooLong(usize),
    /// The instruction at this place is none, or has an operand that it may not have.
    #[error("instruction {0} of the filter's program is not one of classic BPF")]
    Instruction(usize),
    /// The instruction at this place jumps out of the program.
    #[error("instruction {0} of the filter's program jumps out of it")]
    Jump(usize),
    /// The last instruction is no return.
    #[error("the filter's program does not end with a return")]
    NoReturn,
}

/// A program that ends, whatever the packet is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program(Box<[Operation]>);

/// What a program has said of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// True if it selects the packet.
    pub accepts: bool,
    /// Instructions that it took to say so, at the most as many as the program has.
    pub steps: u32,
}

impl Program {
    /// The most instructions of a program, as with sockets of Linux.
    pub const LIMIT: usize = 4096;

    /// Checks a program.
    ///
    /// # Errors
    ///
    /// [`Invalid`] for one that might not end, reads what it must not, or is none.
    pub fn new(instructions: &[Instruction]) -> Result<Self, Invalid> {
        match instructions.len() {
            0 => return Err(Invalid::Empty),
            length if length > Self::LIMIT => return Err(Invalid::TooLong(length)),
            _ => {}
        }
        let mut operations = Vec::with_capacity(instructions.len());
        for (at, instruction) in instructions.iter().enumerate() {
            let operation = Operation::decode(instruction).ok_or(Invalid::Instruction(at))?;
            // There is always an instruction behind this one, as the last is a return.
            let behind = instructions.len() - at - 1;
            let furthest = match operation {
                Operation::Jump(by) => usize::try_from(by).unwrap_or(usize::MAX),
                Operation::Branch { on_true, on_false, .. } => on_true.max(on_false).into(),
                _ => 0,
            };
            if furthest > 0 && furthest >= behind {
                return Err(Invalid::Jump(at));
            }
            operations.push(operation);
        }
        match operations.last() {
            Some(Operation::Return(_) | Operation::ReturnA) => Ok(Program(operations.into())),
            _ => Err(Invalid::NoReturn),
        }
    }

    /// How many instructions it has.
    pub fn steps_at_most(&self) -> u32 {
        self.0.len() as u32
    }

    /// Looks at a packet that has `length` bytes in all, of which `packet` are the first.
    /// What lies beyond them is not there: a load from there ends the program, and the packet is
    /// not selected.
    pub fn run(&self, packet: &[u8], length: usize) -> Run {
        let mut machine =
            Machine { packet, length: length as u32, a: 0, x: 0, memory: [0; MEMORY] };
        let (mut at, mut steps) = (0usize, 0);
        while let Some(operation) = self.0.get(at) {
            steps += 1;
            at += 1;
            match machine.step(operation) {
                Next::Skip(by) => at += by as usize,
                Next::End(bytes) => return Run { accepts: bytes != 0, steps },
            }
        }
        // Every way through a checked program ends at a return.
        Run { accepts: false, steps }
    }
}

/// What comes after an instruction.
enum Next {
    /// The one behind so many more.
    Skip(u32),
    /// Nothing: so many bytes of the packet are selected.
    End(u32),
}

const ON: Next = Next::Skip(0);

struct Machine<'a> {
    packet: &'a [u8],
    length: u32,
    a: u32,
    x: u32,
    memory: [u32; MEMORY],
}

impl Machine<'_> {
    #[inline(always)]
    fn step(&mut self, operation: &Operation) -> Next {
        match *operation {
            Operation::LoadAbsolute(width, at) => return self.load(width, Some(at)),
            Operation::LoadIndirect(width, at) => return self.load(width, self.x.checked_add(at)),
            Operation::LoadLength => self.a = self.length,
            Operation::LoadConstant(constant) => self.a = constant,
            Operation::LoadMemory(place) => self.a = self.read(place),
            Operation::LoadHeaderLength(at) => match self.bytes(at) {
                Some([first]) => self.x = u32::from(first & 0x0f) * 4,
                None => return Next::End(0),
            },
            Operation::LoadXConstant(constant) => self.x = constant,
            Operation::LoadXMemory(place) => self.x = self.read(place),
            Operation::LoadXLength => self.x = self.length,
            Operation::Store(place) => self.write(place, self.a),
            Operation::StoreX(place) => self.write(place, self.x),
            Operation::Calculate(what, operand) => match self.calculate(what, operand) {
                Some(result) => self.a = result,
                None => return Next::End(0),
            },
            Operation::Negate => self.a = self.a.wrapping_neg(),
            Operation::Jump(by) => return Next::Skip(by),
            Operation::Branch { comparison, operand, on_true, on_false } => {
                let holds = self.compares(comparison, operand);
                return Next::Skip(u32::from(if holds { on_true } else { on_false }));
            }
            Operation::CopyToX => self.x = self.a,
            Operation::CopyToA => self.a = self.x,
            Operation::Return(bytes) => return Next::End(bytes),
            Operation::ReturnA => return Next::End(self.a),
        }
        ON
    }

    fn load(&mut self, width: Width, at: Option<u32>) -> Next {
        let found = at.and_then(|at| match width {
            Width::Word => self.bytes(at).map(u32::from_be_bytes),
            Width::Half => self.bytes(at).map(|bytes| u16::from_be_bytes(bytes).into()),
            Width::Byte => self.bytes(at).map(|[byte]| byte.into()),
        });
        match found {
            Some(value) => {
                self.a = value;
                ON
            }
            None => Next::End(0),
        }
    }

    #[inline(always)]
    fn bytes<const COUNT: usize>(&self, at: u32) -> Option<[u8; COUNT]> {
        self.packet.get(at as usize..)?.first_chunk().copied()
    }

    fn read(&self, place: u8) -> u32 {
        self.memory.get(usize::from(place)).copied().unwrap_or(0)
    }

    fn write(&mut self, place: u8, value: u32) {
        if let Some(word) = self.memory.get_mut(usize::from(place)) {
            *word = value;
        }
    }

    fn value(&self, operand: Operand) -> u32 {
        match operand {
            Operand::Constant(constant) => constant,
            Operand::X => self.x,
        }
    }

    /// `None` for a division by zero.
    fn calculate(&self, what: Arithmetic, operand: Operand) -> Option<u32> {
        let (a, by) = (self.a, self.value(operand));
        Some(match what {
            Arithmetic::Add => a.wrapping_add(by),
            Arithmetic::Subtract => a.wrapping_sub(by),
            Arithmetic::Multiply => a.wrapping_mul(by),
            Arithmetic::Divide => a.checked_div(by)?,
            Arithmetic::Modulo => a.checked_rem(by)?,
            Arithmetic::And => a & by,
            Arithmetic::Or => a | by,
            Arithmetic::Xor => a ^ by,
            Arithmetic::ShiftLeft => a.checked_shl(by).unwrap_or(0),
            Arithmetic::ShiftRight => a.checked_shr(by).unwrap_or(0),
        })
    }

    fn compares(&self, comparison: Comparison, operand: Operand) -> bool {
        let (a, with) = (self.a, self.value(operand));
        match comparison {
            Comparison::Equal => a == with,
            Comparison::Greater => a > with,
            Comparison::GreaterOrEqual => a >= with,
            Comparison::AnyBit => a & with != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16, jump_true: u8, jump_false: u8, operand: u32) -> Instruction {
        Instruction { code, jump_true, jump_false, operand }
    }

    /// What `tcpdump -d 'ip and tcp port 80'` has said, without the part for IPv6.
    fn tcp_port_80() -> Program {
        let instructions = [
            of(0x28, 0, 0, 12),
            of(0x15, 0, 10, 0x0800),
            of(0x30, 0, 0, 23),
            of(0x15, 0, 8, 6),
            of(0x28, 0, 0, 20),
            of(0x45, 6, 0, 0x1fff),
            of(0xb1, 0, 0, 14),
            of(0x48, 0, 0, 14),
            of(0x15, 2, 0, 80),
            of(0x48, 0, 0, 16),
            of(0x15, 0, 1, 80),
            of(0x06, 0, 0, 262_144),
            of(0x06, 0, 0, 0),
        ];
        Program::new(&instructions).unwrap()
    }

    fn frame(protocol: u8, source: u16, destination: u16) -> Vec<u8> {
        let mut frame = vec![0; 54];
        frame[12..14].copy_from_slice(&[8, 0]);
        frame[14] = 0x45;
        frame[23] = protocol;
        frame[34..36].copy_from_slice(&source.to_be_bytes());
        frame[36..38].copy_from_slice(&destination.to_be_bytes());
        frame
    }

    #[test]
    fn a_program_selects_what_it_says_and_nothing_else() {
        let program = tcp_port_80();
        let accepts = |frame: &[u8]| program.run(frame, frame.len()).accepts;
        assert!(accepts(&frame(6, 40_000, 80)) && accepts(&frame(6, 80, 40_000)));
        assert!(!accepts(&frame(17, 40_000, 80)) && !accepts(&frame(6, 40_000, 443)));
        // What is cut off is not there.
        assert!(!accepts(&frame(6, 40_000, 80)[..30]) && !accepts(&[]));
    }

    #[test]
    fn a_program_that_might_not_end_or_means_nothing_is_refused() {
        let end = of(0x06, 0, 0, 0);
        let invalid = |instructions: &[Instruction]| Program::new(instructions).unwrap_err();
        assert_eq!(invalid(&[]), Invalid::Empty);
        assert_eq!(invalid(&vec![end; 4097]), Invalid::TooLong(4097));
        assert_eq!(invalid(&[of(0x00, 0, 0, 1)]), Invalid::NoReturn);
        assert_eq!(invalid(&[of(0x05, 0, 0, 1), end]), Invalid::Jump(0));
        assert_eq!(invalid(&[of(0x05, 0, 0, u32::MAX), end]), Invalid::Jump(0));
        assert_eq!(invalid(&[of(0x15, 0, 1, 0), end]), Invalid::Jump(0));
        for code in [0x08, 0x18, 0x38, 0xff, 0x100, 0xffff, 0xb4, 0x94] {
            assert_eq!(invalid(&[of(code, 0, 0, 0), end]), Invalid::Instruction(0), "{code:#x}");
        }
        // A place of memory, a division, a shift.
        for (code, operand) in [(0x60, 16), (0x02, 1 << 16), (0x34, 0), (0x64, 32)] {
            assert_eq!(invalid(&[end, of(code, 0, 0, operand), end]), Invalid::Instruction(1));
        }
        assert!(Program::new(&[of(0x34, 0, 0, 1), end]).is_ok());
    }

    #[test]
    fn a_division_by_nothing_selects_nothing() {
        for code in [0x3c, 0x9c] {
            let divide = [of(0x00, 0, 0, 7), of(code, 0, 0, 0), of(0x06, 0, 0, 1)];
            let run = Program::new(&divide).unwrap().run(&[], 0);
            assert_eq!(run, Run { accepts: false, steps: 2 });
        }
    }

    #[test]
    fn the_longest_program_ends_after_as_many_steps_as_it_has_instructions() {
        let mut longest = vec![of(0xb1, 0, 0, 0); Program::LIMIT - 1];
        longest.push(of(0x06, 0, 0, 1));
        let run = Program::new(&longest).unwrap().run(&[0x45], 1);
        assert_eq!(run, Run { accepts: true, steps: 4096 });
    }
}
