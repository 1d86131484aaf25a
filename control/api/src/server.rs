//! Answering requests on a blocking stream.

use std::io::{Read, Write};

use crate::failure::{Failure, FailureKind};
use crate::frame::{self, FrameError};
use crate::message::{self, Request, Response};

/// Answers the requests of one stream until it ends. What is not understood is
/// answered with a [`Failure`], and the stream goes on; after a frame that is too
/// large it cannot, and ends once that is said.
///
/// Give the stream timeouts where a client that stalls must not hold the thread.
///
/// # Errors
/// When the stream breaks or a frame is too large.
pub fn serve<S: Read + Write>(
    stream: &mut S,
    mut answer: impl FnMut(Request) -> Response,
) -> Result<(), FrameError> {
    while serve_one(stream, &mut answer)? {}
    Ok(())
}

/// Answers one request of a stream; false when the stream has ended. For those who use
/// the stream otherwise after some request: nothing behind the request has been read.
///
/// # Errors
/// As [`serve`].
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

/// The JSON of a response that fits into a frame: of the failure in its stead when
/// it does not.
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
