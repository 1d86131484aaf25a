//! The Unix socket of tandem-control: how the pair is, `tandem failover`, the servers, and versions
//! of the configuration. Mode
//! 0600, and only for root and the user that the process runs as.

use core::time::Duration;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::frame::{self, FrameError};
use api::{Failure, FailureKind, KeyOrder, Request, Response, message, server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::configuration::Follower;
use crate::events::{Events, actor};
use crate::pair_key::Keeper;
use crate::pair_key::keeper::Change;
use crate::role::DriverHandle;
use crate::servers::PoolsHandle;
use crate::versions::VersionsHandle;

/// Clients at a time; the command line needs one.
const CLIENTS: usize = 16;
/// A client that says nothing for so long is let go.
const SILENCE: Duration = Duration::from_secs(30);

const BUSY: &str = "another tandem-control answers on it; stop that one first, or give this one \
                    another folder of node.control_socket";

/// Who answers.
#[derive(Clone)]
pub struct Answerers {
    /// None: this machine has no peer.
    pub driver: Option<DriverHandle>,
    pub pools: PoolsHandle,
    pub follower: Arc<Follower>,
    pub versions: VersionsHandle,
    /// None: this machine has no peer.
    pub keys: Option<Arc<Keeper>>,
    pub events: Events,
}

/// The listening socket. Its file is gone when this is dropped.
#[derive(Debug)]
pub struct PairSocket {
    path: PathBuf,
}

impl PairSocket {
    /// Makes the socket and answers on it until the process ends.
    ///
    /// # Errors
    /// When it cannot be made, also when another process answers on it.
    pub fn open(path: &Path, answerers: Answerers) -> io::Result<Self> {
        let listener = api::server::listen(path, BUSY)?;
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        tokio::spawn(accept(listener, answerers));
        Ok(PairSocket { path: path.to_owned() })
    }
}

impl Drop for PairSocket {
    fn drop(&mut self) {
        // The next start would remove it as well.
        let _ = fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, answerers: Answerers) {
    let room = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptors are left, say: not for long, it is hoped.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        if !api::server::is_allowed(&stream) {
            continue;
        }
        let answerers = answerers.clone();
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = converse(stream, &answerers).await {
                tracing::debug!(%error, "a client of the control socket went away");
            }
        });
    }
}

async fn converse(mut stream: UnixStream, answerers: &Answerers) -> Result<(), FrameError> {
    let actor = actor::of(&stream);
    loop {
        let json = match timeout(SILENCE, read(&mut stream)).await {
            Ok(Ok(Some(json))) => json,
            Ok(Ok(None)) | Err(_) => return Ok(()),
            Ok(Err(error)) => {
                if let FrameError::TooLarge(_) = error {
                    let failure = Failure::new(FailureKind::TooLarge, error.to_string());
                    write(&mut stream, &Response::Failure(failure)).await?;
                }
                return Err(error);
            }
        };
        let response = match message::decode(&json) {
            Ok(request) => answer(request, answerers, &actor).await,
            Err(failure) => Response::Failure(failure),
        };
        write(&mut stream, &response).await?;
    }
}

async fn answer(request: Request, answerers: &Answerers, actor: &str) -> Response {
    let Answerers { driver, pools, follower, versions, keys, events } = answerers;
    let user = || actor.to_owned();
    let result = match (request, driver) {
        (Request::Pair, Some(driver)) => driver.pair().await.map(Response::Pair),
        (Request::Failover, Some(driver)) => driver.failover(user()).await.map(Response::Pair),
        (Request::Key(order), Some(_)) => change_keys(order, keys.as_deref(), actor).await,
        (Request::Pair | Request::Failover | Request::Key(_), None) => Err(Failure::new(
            FailureKind::NotNow,
            "this machine has no peer: there is no [peer] in its configuration",
        )),
        (Request::Reload(reload), _) => {
            follower.reload_by(reload, actor).await.map(Response::Reloaded)
        }
        (Request::Pools(page), _) => pools.page(page).await.map(Response::Pools),
        (Request::Administer(administer), _) => {
            pools.administer(administer, user()).await.map(Response::Administered)
        }
        (Request::Apply(apply), _) => versions.apply(apply, user()).await.map(Response::Applied),
        (Request::RollBack(order), _) => {
            versions.roll_back(order, user()).await.map(Response::Applied)
        }
        (Request::Confirm, _) => versions.confirm(user()).await.map(Response::Applied),
        (Request::Versions, _) => versions.list().await.map(Response::Versions),
        (Request::VersionFiles(of), _) => {
            versions.files(of.number).await.map(Response::VersionFiles)
        }
        (Request::Events(page), _) => events.page(page).await.map(Response::EventsFound),
        _ => Err(Failure::new(
            FailureKind::Malformed,
            "tandem-control does not answer that: ask the dataplane",
        )),
    };
    result.into()
}

async fn change_keys(
    order: KeyOrder,
    keys: Option<&Keeper>,
    actor: &str,
) -> Result<Response, Failure> {
    let Some(keys) = keys else {
        return Err(Failure::new(FailureKind::NotNow, "this machine has no peer"));
    };
    let changed = keys.carry_out(order.run, Change::Step(order.step), actor).await;
    changed.map(Response::KeyState).map_err(|why| Failure::new(FailureKind::NotNow, why))
}

async fn read(stream: &mut UnixStream) -> Result<Option<Vec<u8>>, FrameError> {
    let mut header = [0; 4];
    match stream.read_exact(&mut header).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    };
    let length = frame::length(header)?;
    let mut json = Vec::new();
    // Memory is taken as bytes come, not on the word of the other end.
    let read = stream.take(length as u64).read_to_end(&mut json).await?;
    if read < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(Some(json))
}

async fn write(stream: &mut UnixStream, response: &Response) -> Result<(), FrameError> {
    let json = server::encode(response);
    stream.write_all(&frame::header(json.len())?).await?;
    stream.write_all(&json).await?;
    Ok(())
}
