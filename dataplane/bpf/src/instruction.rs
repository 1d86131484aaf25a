//! The instructions: as they travel, and decoded.

/// An instruction in the encoding of `struct bpf_insn`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Instruction {
    /// What is done.
    pub code: u16,
    /// Instructions that a jump skips if its condition holds.
    pub jump_true: u8,
    /// Instructions that a jump skips if it does not.
    pub jump_false: u8,
    /// The operand.
    pub operand: u32,
}

/// The second operand of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operand {
    Constant(u32),
    X,
}

/// What an operation does with A and its second operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// How A is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    AnyBit,
}

/// Bytes of a load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Width {
    Word,
    Half,
    Byte,
}

/// A decoded instruction. A place of the scratch memory is below [`MEMORY`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    /// A becomes what the packet has at this offset.
    LoadAbsolute(Width, u32),
    /// The same at X and this offset.
    LoadIndirect(Width, u32),
    LoadLength,
    LoadConstant(u32),
    LoadMemory(u8),
    /// X becomes the length of the IPv4 header that begins at this offset.
    LoadHeaderLength(u32),
    LoadXConstant(u32),
    LoadXMemory(u8),
    LoadXLength,
    Store(u8),
    StoreX(u8),
    Calculate(Arithmetic, Operand),
    Negate,
    Jump(u32),
    Branch {
        comparison: Comparison,
        operand: Operand,
        on_true: u8,
        on_false: u8,
    },
    CopyToX,
    CopyToA,
    Return(u32),
    ReturnA,
}

/// Words of scratch memory.
pub(crate) const MEMORY: usize = 16;

// The classes, in the lowest three bits of a code.
const LD: u16 = 0;
const LDX: u16 = 1;
const ST: u16 = 2;
const STX: u16 = 3;
const ALU: u16 = 4;
const JMP: u16 = 5;
const RET: u16 = 6;

impl Operation {
    /// What an instruction means; `None` for one that means nothing, or has an operand that it may
    /// not have.
    pub(crate) fn decode(instruction: &Instruction) -> Option<Self> {
        let Instruction { code, operand, .. } = *instruction;
        if code > 0xff {
            return None;
        }
        let place = || u8::try_from(operand).ok().filter(|&at| usize::from(at) < MEMORY);
        match code & 0x07 {
            LD => load(code, operand, place),
            LDX => match code {
                0x01 => Some(Operation::LoadXConstant(operand)),
                0x61 => place().map(Operation::LoadXMemory),
                0x81 => Some(Operation::LoadXLength),
                0xb1 => Some(Operation::LoadHeaderLength(operand)),
                _ => None,
            },
            ST if code == 0x02 => place().map(Operation::Store),
            STX if code == 0x03 => place().map(Operation::StoreX),
            ALU => calculate(code, operand),
            JMP => branch(instruction),
            RET => match code {
                0x06 => Some(Operation::Return(operand)),
                0x16 => Some(Operation::ReturnA),
                _ => None,
            },
            _ => match code {
                0x07 => Some(Operation::CopyToX),
                0x87 => Some(Operation::CopyToA),
                _ => None,
            },
        }
    }
}

fn load(code: u16, operand: u32, place: impl Fn() -> Option<u8>) -> Option<Operation> {
    let width = match code & 0x18 {
        0x00 => Width::Word,
        0x08 => Width::Half,
        0x10 => Width::Byte,
        _ => return None,
    };
    match (code & 0xe0, width) {
        (0x20, _) => Some(Operation::LoadAbsolute(width, operand)),
        (0x40, _) => Some(Operation::LoadIndirect(width, operand)),
        (0x00, Width::Word) => Some(Operation::LoadConstant(operand)),
        (0x60, Width::Word) => place().map(Operation::LoadMemory),
        (0x80, Width::Word) => Some(Operation::LoadLength),
        _ => None,
    }
}

fn source(code: u16, operand: u32) -> Operand {
    if code & 0x08 == 0 { Operand::Constant(operand) } else { Operand::X }
}

fn calculate(code: u16, operand: u32) -> Option<Operation> {
    let what = match code & 0xf0 {
        0x00 => Arithmetic::Add,
        0x10 => Arithmetic::Subtract,
        0x20 => Arithmetic::Multiply,
        0x30 => Arithmetic::Divide,
        0x40 => Arithmetic::Or,
        0x50 => Arithmetic::And,
        0x60 => Arithmetic::ShiftLeft,
        0x70 => Arithmetic::ShiftRight,
        0x80 => return (code == 0x84).then_some(Operation::Negate),
        0x90 => Arithmetic::Modulo,
        0xa0 => Arithmetic::Xor,
        _ => return None,
    };
    let source = source(code, operand);
    let is_sensible = match (what, source) {
        (Arithmetic::Divide | Arithmetic::Modulo, Operand::Constant(by)) => by != 0,
        (Arithmetic::ShiftLeft | Arithmetic::ShiftRight, Operand::Constant(by)) => by < 32,
        _ => true,
    };
    is_sensible.then_some(Operation::Calculate(what, source))
}

fn branch(instruction: &Instruction) -> Option<Operation> {
    let Instruction { code, jump_true: on_true, jump_false: on_false, operand } = *instruction;
    let comparison = match code & 0xf0 {
        0x00 => return (code == 0x05).then_some(Operation::Jump(operand)),
        0x10 => Comparison::Equal,
        0x20 => Comparison::Greater,
        0x30 => Comparison::GreaterOrEqual,
        0x40 => Comparison::AnyBit,
        _ => return None,
    };
    Some(Operation::Branch { comparison, operand: source(code, operand), on_true, on_false })
}
