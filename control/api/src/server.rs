//! Answering requests on a blocking stream.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use nix::sys::socket::{getsockopt, sockopt};

use crate::failure::{Failure, FailureKind};
use crate::frame::{self, FrameError};
use crate::message::{self, Request, Response};

/// Makes a Unix socket that only its user and root may use, and replaces one that no process
/// answers on any more. `busy` is the message of the error if a process does.
///
/// # Errors
/// Fails when the socket cannot be made, and with [`io::ErrorKind::AddrInUse`] and `busy` when it
/// is in use.
pub fn listen(path: &Path, busy: &str) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, busy));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// True for a client that is root or the user that this process runs as. The file's mode
/// keeps others out; this also holds where its folder was shared.
pub fn is_allowed(stream: impl AsFd) -> bool {
    // A client in another namespace of processes has the number 0 there; nix, unlike rustix,
    // has it as a credential like any other.
    let own = rustix::process::geteuid().as_raw();
    getsockopt(&stream, sockopt::PeerCredentials)
        .is_ok_and(|peer| peer.uid() == 0 || peer.uid() == own)
}

/// Answers the requests of one stream until it ends. What is not understood is
/// answered with a [`Failure`], and the stream goes on; after a frame that is too
/// large it cannot, and ends once that is said.
///
/// Give the stream timeouts where a client that stalls must not hold the thread.
///
/// # Errors
/// Fails when the stream breaks or a frame is too large.
pub fn serve<S: Read + Write>(
    stream: &mut S,
    mut answer: impl FnMut(Request) -> Response,
) -> Result<(), FrameError> {
    while serve_one(stream, &mut answer)? {}
    Ok(())
}

/// Answers one request of a stream, and returns false when the stream has ended. Nothing behind the
/// request is read, so a caller may use the stream for something else afterwards.
///
/// # Errors
/// Fails as [`serve`] does.
pub fn serve_one<S: Read + Write>(
    stream: &mut S,
    answer: impl FnOnce(Request) -> Response,
) -> Result<bool, FrameError> {
    match frame::read(stream) {
        Ok(None) => Ok(false),
        Ok(Some(json)) => {
            let response = match message::decode(&json) {
                Ok(request) => answer(request),
                Err(failure) => Response::Failure(failure),
            };
            frame::write(stream, &encode(&response))?;
            Ok(true)
        }
        Err(error) => {
            if let FrameError::TooLarge(_) = error {
                let failure = Failure::new(FailureKind::TooLarge, error.to_string());
                frame::write(stream, &encode(&Response::Failure(failure)))?;
            }
            Err(error)
        }
    }
}

/// Writes a response as JSON that fits into a frame. A response that is too large is replaced by a
/// failure that says so.
pub fn encode(response: &Response) -> Vec<u8> {
    let failure = match message::encode(response) {
        Ok(json) if json.len() <= frame::LIMIT => return json,
        Ok(json) => {
            let error = FrameError::TooLarge(json.len());
            Failure::new(FailureKind::TooLarge, format!("the answer does not fit: {error}"))
        }
        Err(failure) => failure,
    };
    message::encode(&Response::Failure(failure)).unwrap_or_default()
}
