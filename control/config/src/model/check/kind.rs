//! What a check asks, and which answer is well.

use core::fmt;
use core::time::Duration;
use std::path::PathBuf;

use super::Pattern;

/// What a check asks.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum CheckKind {
    /// A TCP connection can be opened, and answers as expected.
    Tcp(Exchange),
    /// An HTTP request is answered, over TLS for `https`.
    Http(Box<Http>),
    /// A DNS query is answered.
    Dns(Dns),
    /// A datagram is not refused, or is answered.
    Udp {
        /// What is sent, and what the reply must begin with.
        exchange: Exchange,
        /// No reply is a failure.
        require_reply: bool,
    },
    /// An ICMP echo is answered.
    Ping,
    /// A command ends with success.
    Exec(Exec),
    /// A file on this machine is there, and says what the server is.
    File {
        /// Its path.
        path: PathBuf,
    },
}

impl CheckKind {
    /// Its name in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            CheckKind::Tcp(_) => "tcp",
            CheckKind::Http(http) if http.tls.is_some() => "https",
            CheckKind::Http(_) => "http",
            CheckKind::Dns(_) => "dns",
            CheckKind::Udp { .. } => "udp",
            CheckKind::Ping => "ping",
            CheckKind::Exec(_) => "exec",
            CheckKind::File { .. } => "file",
        }
    }
}

/// Bytes that are sent, and bytes that must come.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Exchange {
    /// What is sent; may be empty.
    pub send: Vec<u8>,
    /// What must come; none: nothing is waited for.
    pub expect: Option<Pattern>,
}

/// An HTTP request, and which answer is well.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Http {
    /// How TLS is spoken; none: it is not.
    pub tls: Option<Tls>,
    /// The paths, from `/` on, that are asked for in turn; at least one.
    pub paths: Vec<String>,
    /// The Host header; none: the server's address.
    pub host: Option<String>,
    /// The statuses that are well; at least one range.
    pub statuses: Vec<StatusRange>,
    /// The method.
    pub method: HttpMethod,
    /// The version.
    pub version: HttpVersion,
    /// Further headers of the request: names and values.
    pub headers: Vec<(String, String)>,
    /// What must be in the body.
    pub body: Option<String>,
    /// A regular expression that must match in the body; [`compile_regex`] takes it.
    pub body_regex: Option<String>,
}

impl Default for Http {
    fn default() -> Self {
        Http {
            tls: None,
            paths: vec!["/".to_owned()],
            host: None,
            statuses: vec![StatusRange::default()],
            method: HttpMethod::Get,
            version: HttpVersion::Http11,
            headers: Vec::new(),
            body: None,
            body_regex: None,
        }
    }
}

/// How much memory a compiled regular expression may take, in bytes.
const REGEX_SIZE: usize = 256 * 1024;

/// Compiles a regular expression for bodies: ASCII alone has upper and lower case, and matching
/// takes time linear in the body.
///
/// # Errors
/// When it is not one, or would take too much memory.
pub fn compile_regex(pattern: &str) -> Result<regex::bytes::Regex, regex::Error> {
    regex::bytes::RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_SIZE)
        .nest_limit(50)
        .build()
}

/// How TLS is spoken with a server.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Tls {
    /// The server's certificate must be trusted, valid today, and of the name.
    pub verify: bool,
    /// A file of certificates (PEM) that are trusted; none: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// The name that is asked for (SNI) and that the certificate must have; none: that of the
    /// Host header, or the server's address.
    pub name: Option<String>,
    /// A certificate that ends within this time is warned about.
    pub expiry: Duration,
}

impl Default for Tls {
    fn default() -> Self {
        let expiry = Duration::from_secs(14 * 86_400);
        Tls { verify: true, ca: None, name: None, expiry }
    }
}

/// The method of an HTTP request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HttpMethod {
    /// GET.
    Get,
    /// HEAD, whose answer has no body.
    Head,
    /// OPTIONS.
    Options,
    /// POST, of an empty body.
    Post,
}

impl HttpMethod {
    /// As it is in the request.
    pub fn name(self) -> &'static str {
        match self {
            HttpMethod::Get => "GET",
            HttpMethod::Head => "HEAD",
            HttpMethod::Options => "OPTIONS",
            HttpMethod::Post => "POST",
        }
    }
}

/// The version of an HTTP request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HttpVersion {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// HTTP statuses from the first to the last, both among them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct StatusRange {
    /// The first, at least 100.
    pub first: u16,
    /// The last, at most 599.
    pub last: u16,
}

impl StatusRange {
    /// True for a status in the range.
    pub fn contains(self, status: u16) -> bool {
        (self.first..=self.last).contains(&status)
    }
}

impl Default for StatusRange {
    fn default() -> Self {
        StatusRange { first: 200, last: 299 }
    }
}

/// A DNS query, and which answer is well.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Dns {
    /// The name that is asked for.
    pub name: String,
    /// The type of record.
    pub record: DnsType,
    /// The response code that is well; none: any.
    pub rcode: Option<Rcode>,
    /// Over which transport.
    pub transport: Transport,
}

macro_rules! dns_names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident $name:literal $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[allow(missing_docs, reason = "each name is the protocol's own")]
        pub enum $type { $($variant,)* }

        impl $type {
            /// Each by its name in the configuration.
            pub const BY_NAME: &'static [(&'static str, $type)] =
                &[$(($name, $type::$variant)),*];

            /// Its number in the protocol.
            pub fn number(self) -> u16 {
                match self { $($type::$variant => $number,)* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($type::$variant => $name,)* })
            }
        }
    };
}

dns_names! {
    /// A type of DNS record (RFC 1035 section 3.2.2, RFC 3596, RFC 2782).
    DnsType {
        A "A" 1,
        Ns "NS" 2,
        Cname "CNAME" 5,
        Soa "SOA" 6,
        Ptr "PTR" 12,
        Mx "MX" 15,
        Txt "TXT" 16,
        Aaaa "AAAA" 28,
        Srv "SRV" 33,
    }
}

dns_names! {
    /// A DNS response code (RFC 1035 section 4.1.1).
    Rcode {
        NoError "NOERROR" 0,
        FormErr "FORMERR" 1,
        ServFail "SERVFAIL" 2,
        NxDomain "NXDOMAIN" 3,
        NotImp "NOTIMP" 4,
        Refused "REFUSED" 5,
    }
}

/// Over which transport a DNS query goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

/// A command on this machine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Exec {
    /// The program's path and its arguments; at least the path.
    pub command: Vec<String>,
    /// The user that it runs as; none: that of tandem-control.
    pub user: Option<String>,
    /// An exit code from 2 on is success, and the weight plus two.
    pub dynamic: bool,
}
