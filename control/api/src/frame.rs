//! Frames: a length of four bytes, big-endian, and so many bytes of JSON.

use std::io::{self, ErrorKind, Read, Write};

/// The most bytes in a frame, its length not counted.
pub const LIMIT: usize = 8 * 1024 * 1024;

/// Why a frame was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream failed, or ended within a frame.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// The message has this many bytes, which is more than [`LIMIT`].
    #[error("a message of {0} bytes is larger than the {LIMIT} allowed")]
    TooLarge(usize),
}

/// The length that a frame's first four bytes say.
///
/// # Errors
/// Returns [`FrameError::TooLarge`] beyond [`LIMIT`].
pub fn length(header: [u8; 4]) -> Result<usize, FrameError> {
    match usize::try_from(u32::from_be_bytes(header)) {
        Ok(length) if length <= LIMIT => Ok(length),
        Ok(length) => Err(FrameError::TooLarge(length)),
        Err(_) => Err(FrameError::TooLarge(usize::MAX)),
    }
}

/// The first four bytes of a frame with so many bytes.
///
/// # Errors
/// Returns [`FrameError::TooLarge`] beyond [`LIMIT`].
pub fn header(length: usize) -> Result<[u8; 4], FrameError> {
    match u32::try_from(length) {
        Ok(number) if length <= LIMIT => Ok(number.to_be_bytes()),
        _ => Err(FrameError::TooLarge(length)),
    }
}

/// Reads a frame. None: the stream ended before it, as it may.
///
/// # Errors
/// When the stream fails or ends within the frame, or the frame is too large; then
/// the stream is of no more use.
pub fn read(stream: &mut impl Read) -> Result<Option<Vec<u8>>, FrameError> {
    let mut header = [0; 4];
    if !read_or_end(stream, &mut header)? {
        return Ok(None);
    }
    let length = length(header)?;
    // Memory is taken as bytes come, not on the word of the other end.
    let mut json = Vec::new();
    let read = stream.take(length as u64).read_to_end(&mut json)?;
    if read < length {
        return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
    }
    Ok(Some(json))
}

/// Fills the buffer; false when the stream ended before its first byte.
fn read_or_end(stream: &mut impl Read, buffer: &mut [u8; 4]) -> Result<bool, FrameError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// Writes a frame.
///
/// # Errors
/// When the stream fails, or the frame is too large; then nothing was written.
pub fn write(stream: &mut impl Write, json: &[u8]) -> Result<(), FrameError> {
    let header = header(json.len())?;
    stream.write_all(&header)?;
    stream.write_all(json)?;
    stream.flush()?;
    Ok(())
}
