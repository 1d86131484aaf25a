//! The dataplane's end of a stream.

use core::time::Duration;
use std::path::Path;

use api::stream::Direction;
use api::{Request, Response, frame, message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::Trouble;

/// How long the dataplane may take to open a stream.
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens the dataplane's end of a stream.
///
/// # Errors
/// When the dataplane does not answer, or refuses.
pub async fn open(socket: &Path, direction: Direction) -> Result<UnixStream, Trouble> {
    let failed = |error: &dyn core::fmt::Display| Trouble::Dataplane(error.to_string());
    let opened = async {
        let mut stream = UnixStream::connect(socket).await.map_err(|error| failed(&error))?;
        let request =
            message::encode(&Request::Sync(direction)).map_err(|failure| failed(&failure))?;
        let header = frame::header(request.len()).map_err(|error| failed(&error))?;
        stream.write_all(&header).await.map_err(|error| failed(&error))?;
        stream.write_all(&request).await.map_err(|error| failed(&error))?;
        match read(&mut stream).await? {
            Response::Syncing => Ok(stream),
            Response::Failure(failure) => Err(failed(&failure)),
            _ => Err(failed(&"it answered another question")),
        }
    };
    timeout(PATIENCE, opened).await.unwrap_or_else(|_| Err(failed(&"it does not answer")))
}

/// Reads the answer and not a byte more: frames of the stream follow it.
async fn read(stream: &mut UnixStream) -> Result<Response, Trouble> {
    let failed = |error: &dyn core::fmt::Display| Trouble::Dataplane(error.to_string());
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.map_err(|error| failed(&error))?;
    let length = frame::length(header).map_err(|error| failed(&error))?;
    let mut json = vec![0; length];
    stream.read_exact(&mut json).await.map_err(|error| failed(&error))?;
    message::decode(&json).map_err(|failure| failed(&failure))
}
