//! Who may see the status page, and where.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The status page of tandem-control. It only shows, and changes nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatusPage {
    /// Where it listens. Where others can reach it there is TLS, and a token or client
    /// certificates.
    pub listen: SocketAddr,
    /// Encryption; none only on loopback.
    pub tls: Option<PageTls>,
    /// The file whose first line every visitor has to know.
    pub token_file: Option<PathBuf>,
    /// Names by which browsers may ask for the page, beside addresses and `localhost`.
    pub names: Vec<String>,
}

/// The files of TLS, all of them PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageTls {
    /// The certificate that browsers are shown, and those that lead to its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub private_key: PathBuf,
    /// Who issues the certificates by which visitors are let in.
    pub client_ca: Option<PathBuf>,
}

impl Default for StatusPage {
    fn default() -> Self {
        StatusPage {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9406),
            tls: None,
            token_file: None,
            names: Vec::new(),
        }
    }
}
