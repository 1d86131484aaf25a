//! The dataplane's end of a stream, on its control socket.

use std::path::Path;

use api::stream::Direction;
use api::{Request, Response};
use tokio::net::UnixStream;

use super::Trouble;
use crate::dataplane_client::{AskError, DataplaneClient};

/// Opens the dataplane's end of a stream.
///
/// # Errors
/// When the dataplane does not answer, or refuses.
pub async fn open(socket: &Path, direction: Direction) -> Result<UnixStream, Trouble> {
    let opened = async {
        let mut client = DataplaneClient::connect(socket).await?;
        let response = client.request(&Request::Sync(direction)).await?;
        Ok::<_, AskError>((client, response))
    };
    match opened.await {
        Ok((client, Response::Syncing)) => Ok(client.into_stream()),
        Ok(_) => Err(Trouble::Dataplane("it answered another question".to_owned())),
        Err(error) => Err(Trouble::Dataplane(error.to_string())),
    }
}
