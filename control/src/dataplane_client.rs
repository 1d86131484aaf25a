//! Asking the dataplane without blocking a thread.

use core::time::Duration;
use std::path::Path;

use api::services::MOST_PAGES;
use api::{Failure, Request, Response, Services, frame, message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long the dataplane may take to connect and answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The socket fails, or nobody listens.
    #[error("its socket fails: {0}")]
    Io(#[from] std::io::Error),
    /// No answer came in time.
    #[error("it does not answer")]
    Timeout,
    /// What came is too large.
    #[error(transparent)]
    Frame(#[from] frame::FrameError),
    /// It did not do it.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// It answered something else than was asked.
    #[error("it answered another question than was asked")]
    OtherAnswer,
}

/// A connection to the dataplane.
#[derive(Debug)]
pub struct DataplaneClient(UnixStream);

impl DataplaneClient {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(socket: &Path) -> Result<Self, AskError> {
        let stream = timeout(PATIENCE, UnixStream::connect(socket)).await;
        Ok(DataplaneClient(stream.map_err(|_| AskError::Timeout)??))
    }

    /// Asks, and waits for the answer. A failure is an error here.
    ///
    /// # Errors
    /// When no answer comes, or it is a failure.
    pub async fn request(&mut self, request: &Request) -> Result<Response, AskError> {
        self.request_within(request, PATIENCE).await
    }

    /// [`DataplaneClient::request`], for what takes the dataplane longer than a look at its state.
    ///
    /// # Errors
    /// As [`DataplaneClient::request`].
    pub async fn request_within(
        &mut self,
        request: &Request,
        patience: Duration,
    ) -> Result<Response, AskError> {
        let exchanged = timeout(patience, self.exchange(request)).await;
        match exchanged.map_err(|_| AskError::Timeout)?? {
            Response::Failure(failure) => Err(failure.into()),
            response => Ok(response),
        }
    }

    /// Asks for all services with their real servers, page by page.
    ///
    /// # Errors
    /// As [`DataplaneClient::request`], and when the configuration changes again and again while it
    /// is read.
    pub async fn services(&mut self) -> Result<Services, AskError> {
        let mut all = Services::default();
        for _ in 0..MOST_PAGES {
            let Response::Services(page) = self.request(&all.next_request()).await? else {
                return Err(AskError::OtherAnswer);
            };
            if all.append(page) {
                return Ok(all);
            }
        }
        let message = "its services change again and again while they are read";
        Err(Failure::new(api::FailureKind::NotNow, message).into())
    }

    /// Not a byte more than the answer is read.
    async fn exchange(&mut self, request: &Request) -> Result<Response, AskError> {
        let json = message::encode(request)?;
        self.0.write_all(&frame::header(json.len())?).await?;
        self.0.write_all(&json).await?;
        let mut header = [0; 4];
        self.0.read_exact(&mut header).await?;
        let mut json = vec![0; frame::length(header)?];
        self.0.read_exact(&mut json).await?;
        Ok(message::decode(&json)?)
    }

    /// What follows is no message any more.
    #[must_use]
    pub fn into_stream(self) -> UnixStream {
        self.0
    }
}
