//! Filters of packets: text in the syntax of pcap-filter(7), compiled by libpcap's own compiler.
//!
//! It is compiled here and never in the dataplane: a filter may name hosts, which are looked up,
//! and the compiler is code of many years that nobody who forwards packets needs.

use api::{BpfInstruction, PacketFilter};

/// Bytes of an expression at the most.
const LONGEST: usize = 16 * 1024;
/// Instructions of a program at the most; a dataplane takes no more.
const MOST_INSTRUCTIONS: usize = 4096;

/// Why a filter cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FilterError {
    /// libpcap does not understand it, or nothing could ever match.
    #[error(
        "the filter \"{expression}\" is not understood: {reason}; it is written as for tcpdump, \
         such as: tcp port 80 and host 203.0.113.9 (see man pcap-filter)"
    )]
    NotUnderstood {
        /// The filter.
        expression: String,
        /// What libpcap says.
        reason: String,
    },
    /// It is longer than anything that a person writes.
    #[error("the filter has {0} bytes, and {LONGEST} are allowed: write networks instead of hosts")]
    TooLong(usize),
    /// Its program is longer than a dataplane takes.
    #[error(
        "the filter becomes {0} instructions, and {MOST_INSTRUCTIONS} are allowed: write networks \
         and ranges of ports instead of single ones"
    )]
    TooManyInstructions(usize),
    /// libpcap does not work here.
    #[error("libpcap cannot compile filters: {0}")]
    Unavailable(String),
}

/// Compiles a filter for Ethernet frames; an empty one matches every packet.
///
/// # Errors
///
/// [`FilterError`], in words for whoever wrote the filter.
pub fn compile(expression: &str) -> Result<PacketFilter, FilterError> {
    let expression = expression.trim();
    if expression.len() > LONGEST {
        return Err(FilterError::TooLong(expression.len()));
    }
    let not_understood =
        |reason: String| FilterError::NotUnderstood { expression: expression.to_owned(), reason };
    let unavailable = |error: pcap::Error| FilterError::Unavailable(error.to_string());
    let ethernet = pcap::Capture::dead(pcap::Linktype::ETHERNET).map_err(unavailable)?;
    let compiled = ethernet.compile(expression, true).map_err(|error| match error {
        pcap::Error::PcapError(reason) => not_understood(reason),
        other => not_understood(other.to_string()),
    })?;
    let instructions = compiled.get_instructions();
    if instructions.len() > MOST_INSTRUCTIONS {
        return Err(FilterError::TooManyInstructions(instructions.len()));
    }
    // The crate shows an instruction as `tcpdump -ddd` does, and has no other way to its numbers.
    let program: Option<_> = instructions.iter().map(|one| read(&one.to_string())).collect();
    let program = program.ok_or_else(|| FilterError::Unavailable("unreadable program".into()))?;
    Ok(PacketFilter { expression: expression.to_owned(), program })
}

/// An instruction from its four numbers.
fn read(shown: &str) -> Option<BpfInstruction> {
    let mut numbers = shown.split(' ');
    let mut next = || numbers.next();
    let instruction = BpfInstruction(
        next()?.parse().ok()?,
        next()?.parse().ok()?,
        next()?.parse().ok()?,
        next()?.parse().ok()?,
    );
    next().is_none().then_some(instruction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_becomes_the_program_that_tcpdump_shows() {
        let compiled = compile(" ip and udp ").unwrap();
        assert_eq!(compiled.expression, "ip and udp");
        // tcpdump -ddd 'ip and udp'
        let expected = [
            BpfInstruction(40, 0, 0, 12),
            BpfInstruction(21, 0, 3, 2048),
            BpfInstruction(48, 0, 0, 23),
            BpfInstruction(21, 0, 1, 17),
            BpfInstruction(6, 0, 0, 262_144),
            BpfInstruction(6, 0, 0, 0),
        ];
        let without_length = |one: &BpfInstruction| match one {
            BpfInstruction(6, _, _, bytes) if *bytes > 0 => BpfInstruction(6, 0, 0, 262_144),
            other => *other,
        };
        assert_eq!(compiled.program.iter().map(without_length).collect::<Vec<_>>(), expected);
        assert_eq!(compile("").unwrap().program.len(), 1);
    }

    #[test]
    fn a_mistake_is_named_with_what_would_be_right() {
        for wrong in ["tcp prot 80", "port", "host 300.1.1.1 and", "(", "tcp port 80 \0"] {
            let error = compile(wrong).unwrap_err().to_string();
            assert!(error.contains("pcap-filter"), "{error}");
        }
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(compile(&long).unwrap_err(), FilterError::TooLong(LONGEST + 1));
        let many: Vec<_> =
            (0..900).map(|at| format!("(ether[{at}] = 1 and ether[{at}:2] > 3)")).collect();
        let error = compile(&many.join(" or ")).unwrap_err();
        assert!(error.to_string().contains("allowed"), "{error}");
    }
}
