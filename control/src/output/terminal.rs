//! The terminal that standard output is, if it is one.

use std::io::{self, IsTerminal};

/// Standard output and input are a terminal that can be written all over. `TERM=dumb` says that it
/// cannot.
#[must_use]
pub fn is_capable() -> bool {
    io::stdout().is_terminal() && io::stdin().is_terminal() && !is_dumb()
}

/// What calls itself dumb understands no escape sequence.
#[must_use]
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Columns and rows; `None` where standard output is no terminal. One that does not know its size,
/// as a serial console, has 80 by 24.
#[must_use]
pub fn size() -> Option<(u16, u16)> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
    let size = size.map(|size| (size.ws_col, size.ws_row));
    Some(size.filter(|&(columns, rows)| columns > 0 && rows > 0).unwrap_or((80, 24)))
}

/// The terminal shows more than ASCII, as far as the locale tells.
#[must_use]
pub fn has_unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os);
    let locale = set.into_iter().find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
