//! Colours, for terminals only.

use std::io::IsTerminal;

use super::terminal;

/// A colour of the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colour {
    Red,
    Yellow,
    Green,
}

impl Colour {
    fn code(self) -> &'static str {
        match self {
            Colour::Red => "31",
            Colour::Yellow => "33",
            Colour::Green => "32",
        }
    }

    /// The text in this colour.
    #[must_use]
    pub fn paint(self, text: &str) -> String {
        format!("\x1b[{}m{text}\x1b[0m", self.code())
    }
}

/// Colours are wanted: standard output is a terminal that is not dumb, and `NO_COLOR`
/// (<https://no-color.org>) is not set.
#[must_use]
pub fn are_wanted() -> bool {
    are_wanted_on(std::io::stdout().is_terminal())
}

/// Colours are wanted on an output that is a terminal, or is not.
#[must_use]
pub fn are_wanted_on(is_terminal: bool) -> bool {
    is_terminal && !are_declined()
}

/// `NO_COLOR` is set to something, or the terminal is dumb.
#[must_use]
pub fn are_declined() -> bool {
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    declined || terminal::is_dumb()
}
