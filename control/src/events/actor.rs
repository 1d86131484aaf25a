//! Who asks for something over the socket of tandem-control.

use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::{Uid, User};

/// The user at the other end of a Unix socket, by name; with the one that logged in, where that is
/// another, as with sudo. Empty where the system does not say.
#[must_use]
pub fn of(stream: impl AsFd) -> String {
    let Ok(peer) = getsockopt(&stream, sockopt::PeerCredentials) else { return String::new() };
    let user = name(peer.uid());
    match login(peer.pid()) {
        Some(login) if login != peer.uid() => format!("{user} (logged in as {})", name(login)),
        _ => user,
    }
}

fn name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => format!("user {uid}"),
    }
}

/// The user that logged in to the session of a process (proc_pid_loginuid(5)); the system has it
/// only where the session began with a login.
fn login(pid: i32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_its_user() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let own = name(nix::unistd::geteuid().as_raw());
        assert!(of(&one).starts_with(&own), "{}", of(&one));
        assert_eq!(name(4_000_000_000), "user 4000000000");
    }
}
