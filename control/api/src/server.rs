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
    loop {
        match frame::read(stream) {
            Ok(None) => return Ok(()),
            Ok(Some(json)) => {
                let response = match message::decode(&json) {
                    Ok(request) => answer(request),
                    Err(failure) => Response::Failure(failure),
                };
                frame::write(stream, &encode(&response))?;
            }
            Err(error) => {
                if let FrameError::TooLarge(_) = error {
                    let failure = Failure::new(FailureKind::TooLarge, error.to_string());
                    frame::write(stream, &encode(&Response::Failure(failure)))?;
                }
                return Err(error);
            }
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
