//! TLS for those who come from elsewhere. The files may change at any time, as when a certificate
//! is renewed: the next visitor gets what is there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::PageTls;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{0} cannot be read: {1}; tandem-control has to be able to read it")]
    File(PathBuf, String),
    /// A file has not what it is for.
    #[error("{0} has no {1} in PEM")]
    Empty(PathBuf, &'static str),
    /// Everyone on this machine can read a secret.
    #[error("{0} can be read by everyone on this machine; run: chmod o-rwx {0}")]
    Open(PathBuf),
    /// They do not belong together, or are no good for TLS.
    #[error("the certificate {0} cannot be used: {1}")]
    Unfit(PathBuf, String),
}

/// What has to be the same for the files to be the same: the inode, the time and the size.
type State = [Option<(u64, i64, i64, u64)>; 3];

/// The files of TLS, as they were read last.
pub struct TlsFiles {
    files: PageTls,
    /// A visitor without a certificate is let in as far as here.
    is_optional: bool,
    state: State,
    acceptor: TlsAcceptor,
}

impl TlsFiles {
    /// Reads the files. With a token beside them, visitors may come without certificates.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn read(files: &PageTls, has_token: bool) -> Result<Self, TlsError> {
        let acceptor = acceptor(files, has_token)?;
        let state = state(files);
        Ok(TlsFiles { files: files.clone(), is_optional: has_token, state, acceptor })
    }

    /// For the next visitor. Where the files have changed and cannot be used, those before are.
    pub fn acceptor(&mut self) -> TlsAcceptor {
        let state = state(&self.files);
        if state != self.state {
            self.state = state;
            match acceptor(&self.files, self.is_optional) {
                Ok(acceptor) => {
                    tracing::info!("the status page has the certificate that is new");
                    self.acceptor = acceptor;
                }
                Err(error) => {
                    tracing::warn!("the status page goes on with the certificate before: {error}");
                }
            }
        }
        self.acceptor.clone()
    }
}

/// The visitor has shown a certificate, and it is right.
pub(super) fn has_certificate<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.peer_certificates().is_some_and(|chain| !chain.is_empty())
}

fn state(files: &PageTls) -> State {
    let look = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        Some((found.ino(), found.mtime(), found.mtime_nsec(), found.len()))
    };
    let PageTls { certificate, private_key, client_ca } = files;
    [look(certificate), look(private_key), client_ca.as_deref().and_then(look)]
}

fn acceptor(files: &PageTls, is_optional: bool) -> Result<TlsAcceptor, TlsError> {
    let PageTls { certificate, private_key, client_ca } = files;
    refuse_open(private_key)?;
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(private_key)
        .map_err(|error| TlsError::File(private_key.clone(), error.to_string()))?;
    let unfit =
        |error: &dyn core::fmt::Display| TlsError::Unfit(certificate.clone(), error.to_string());
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(&error))?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let unfit =
                |error: &dyn core::fmt::Display| TlsError::Unfit(file.clone(), error.to_string());
            let mut roots = RootCertStore::empty();
            for root in certificates(file)? {
                roots.add(root).map_err(|error| unfit(&error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if is_optional { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| unfit(&error))?)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| unfit(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Each visitor's certificate is looked at anew.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed =
        |error: rustls::pki_types::pem::Error| TlsError::File(file.to_owned(), error.to_string());
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).map_err(failed)?.collect();
    let found = found.map_err(failed)?;
    if found.is_empty() {
        return Err(TlsError::Empty(file.to_owned(), "certificate"));
    }
    Ok(found)
}

/// A secret is for those who were given it.
///
/// # Errors
/// When everyone on this machine can read it, or it is not there.
pub fn refuse_open(file: &Path) -> Result<(), TlsError> {
    let found =
        fs::metadata(file).map_err(|error| TlsError::File(file.to_owned(), error.to_string()))?;
    if found.mode() & 0o007 == 0 { Ok(()) } else { Err(TlsError::Open(file.to_owned())) }
}
