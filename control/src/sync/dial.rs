//! The standby machine's end: dials the active one, path by path.

use std::net::SocketAddr;

use config::PeerPath;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::noise::{Purpose, Secured, SyncKeys, dialled_for};
use super::{HANDSHAKE, Trouble};

/// The order in which paths are tried: those with heartbeats first, beginning with
/// `first`.
#[must_use]
pub fn order(first: usize, up: &[bool]) -> Vec<usize> {
    let count = up.len().max(1);
    let turned = (0..up.len()).map(|step| (first + step) % count);
    let is_up = |path: &usize| up.get(*path).copied().unwrap_or(false);
    let (with, without): (Vec<usize>, Vec<usize>) = turned.partition(is_up);
    [with, without].concat()
}

/// Connects to the peer over a path.
///
/// # Errors
/// When there is no connection, or the other end is not the peer.
pub async fn dial(path: PeerPath, port: u16, keys: &SyncKeys) -> Result<Secured, Trouble> {
    dial_for(Purpose::Sync, path, port, keys).await
}

/// Dials over a path for this purpose, with the used key; where the peer closes that connection, once
/// more with the other one.
///
/// # Errors
/// Fails as [`dial`] does.
pub async fn dial_for(
    purpose: Purpose,
    path: PeerPath,
    port: u16,
    keys: &SyncKeys,
) -> Result<Secured, Trouble> {
    let mut trouble = Trouble::Key;
    for key in keys.all().iter() {
        let stream = timeout(HANDSHAKE, connect(path, port)).await;
        let stream = stream.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?;
        match dialled_for(purpose, stream, key, purpose.versions()).await {
            // Whoever has not the key does not say so.
            Err(failed @ (Trouble::Closed | Trouble::Key)) => trouble = failed,
            result => return result,
        }
    }
    Err(trouble)
}

async fn connect(path: PeerPath, port: u16) -> std::io::Result<TcpStream> {
    let socket = match path.local.is_ipv4() {
        true => TcpSocket::new_v4()?,
        false => TcpSocket::new_v6()?,
    };
    // The peer takes connections from this address only.
    socket.bind(SocketAddr::new(path.local, 0))?;
    let stream = socket.connect(SocketAddr::new(path.remote, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_heartbeats_come_first() {
        assert_eq!(order(0, &[true, true, true]), [0, 1, 2]);
        assert_eq!(order(2, &[true, true, true]), [2, 0, 1]);
        assert_eq!(order(0, &[false, true, true]), [1, 2, 0]);
        assert_eq!(order(1, &[true, false, false]), [0, 1, 2]);
        assert_eq!(order(7, &[]), Vec::<usize>::new());
    }
}
