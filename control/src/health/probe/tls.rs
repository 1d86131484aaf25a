//! TLS, with the server's certificate looked at.

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use config::{Http, Tls};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::socket;
use crate::health::outcome::Outcome;
use crate::health::report::Code;
use crate::health::words;

/// What is made of a TLS check once.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    expiry: Duration,
}

/// The certificates that the system trusts, read once for all checks.
#[derive(Debug, Default)]
pub struct SystemRoots(Option<Arc<RootCertStore>>);

impl SystemRoots {
    fn get(&mut self) -> Result<Arc<RootCertStore>, String> {
        if let Some(roots) = &self.0 {
            return Ok(Arc::clone(roots));
        }
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (taken, _) = roots.add_parsable_certificates(found.certs);
        if taken == 0 {
            return Err("this machine trusts no certificate (ca-certificates is not installed?): \
                        name some with ca"
                .to_owned());
        }
        let roots = Arc::new(roots);
        self.0 = Some(Arc::clone(&roots));
        Ok(roots)
    }
}

impl TlsClient {
    /// For the checks of a server.
    ///
    /// # Errors
    /// When the trusted certificates cannot be read, or the name is none.
    pub fn new(
        tls: &Tls,
        http: &Http,
        server: Ipv4Addr,
        system: &mut SystemRoots,
    ) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut config = if tls.verify {
            let roots = roots(tls.ca.as_deref(), system)?;
            builder.with_root_certificates(roots).with_no_client_auth()
        } else {
            let any = Arc::new(Anything(provider));
            builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()
        };
        // Each probe sees the whole certificate.
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = server_name(tls, http, server)?;
        Ok(TlsClient { config: Arc::new(config), name, expiry: tls.expiry })
    }
}

/// The certificates that are trusted: those of a file, or those of the system.
///
/// # Errors
/// When there are none that can be read.
pub fn roots(ca: Option<&Path>, system: &mut SystemRoots) -> Result<Arc<RootCertStore>, String> {
    match ca {
        Some(file) => read(file),
        None => system.get(),
    }
}

fn server_name(tls: &Tls, http: &Http, server: Ipv4Addr) -> Result<ServerName<'static>, String> {
    // A Host header may have a port.
    let host = http.host.as_deref().map(|host| host.split(':').next().unwrap_or(host));
    let Some(name) = tls.name.as_deref().or(host) else {
        return Ok(ServerName::IpAddress(IpAddr::V4(server).into()));
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_owned();
    ServerName::try_from(name.clone()).map_err(|_| format!("no certificate is for \"{name}\""))
}

fn read(file: &Path) -> Result<Arc<RootCertStore>, String> {
    let shown = file.display();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| format!("{shown}: {e}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| format!("{shown}: {error}"))?;
        roots.add(certificate).map_err(|error| format!("{shown}: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("{shown} has no certificate"));
    }
    Ok(Arc::new(roots))
}

/// The stream, and how long the certificate still lasts if that is less than is asked for.
pub async fn handshake(
    stream: TcpStream,
    client: &TlsClient,
    deadline: Instant,
) -> Result<(TlsStream<TcpStream>, Option<Duration>), Outcome> {
    let connector = TlsConnector::from(Arc::clone(&client.config));
    match timeout_at(deadline, connector.connect(client.name.clone(), stream)).await {
        Err(_) => Err(Outcome::silent(Code::L6Timeout, "no end of the TLS handshake")),
        Ok(Err(error)) => Err(failure(&error)),
        Ok(Ok(stream)) => {
            let certificates = stream.get_ref().1.peer_certificates();
            let left = certificates.and_then(<[_]>::first).and_then(left);
            Ok((stream, left.filter(|left| *left < client.expiry)))
        }
    }
}

/// How long a certificate still lasts.
fn left(certificate: &CertificateDer<'_>) -> Option<Duration> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let end = u64::try_from(parsed.validity().not_after.timestamp()).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(Duration::from_secs(end).saturating_sub(now))
}

fn failure(error: &std::io::Error) -> Outcome {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let text = match tls {
        Some(Error::InvalidCertificate(reason)) => certificate_failure(reason),
        Some(other) => words::clean(&other.to_string()),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "closed in the TLS handshake".to_owned()
        }
        None => return socket::failure(error),
    };
    Outcome::failed(Code::L6Response, text)
}

fn certificate_failure(reason: &CertificateError) -> String {
    use CertificateError as Reason;
    let text = match reason {
        Reason::Expired | Reason::ExpiredContext { .. } => "the certificate has expired",
        Reason::NotValidYet | Reason::NotValidYetContext { .. } => {
            "the certificate is not valid yet"
        }
        Reason::NotValidForName | Reason::NotValidForNameContext { .. } => {
            "the certificate is for another name"
        }
        // The latter is by another issuer of a trusted one's name.
        Reason::UnknownIssuer | Reason::BadSignature => "the certificate's issuer is not trusted",
        Reason::Revoked => "the certificate is revoked",
        other => return words::clean(&format!("the certificate is not accepted: {other}")),
    };
    text.to_owned()
}

/// For `verify = false`: every certificate will do, as long as the server has its key.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
