//! Who may see the page: by what name it was asked for, and what the visitor knows.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, Uri};
use config::StatusPage;
use sha2::{Digest, Sha256};

use crate::http::Visitor;
use crate::http::tls::refuse_open;

/// A token that is shorter can be guessed.
const LEAST_TOKEN: usize = 32;
/// A token that is longer is no line of text.
const MOST_TOKEN: u64 = 4096;

/// Why a request is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The page was asked for by a name that is none of its own: a page of somebody else's would
    /// reach it so, through the browser of one who may (DNS rebinding).
    Name,
    /// The visitor has shown neither the token nor a certificate.
    Unknown,
    /// The token cannot be read, so nobody can show it.
    NoToken,
}

/// Who may see the page.
#[derive(Clone, Debug)]
pub struct Access {
    names: Vec<String>,
    token_file: Option<PathBuf>,
    has_client_ca: bool,
}

impl Access {
    /// As the configuration says.
    #[must_use]
    pub fn of(page: &StatusPage) -> Self {
        Access {
            names: page.names.clone(),
            token_file: page.token_file.clone(),
            has_client_ca: page.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()),
        }
    }

    /// Judges a request.
    ///
    /// # Errors
    /// When it is not to be answered.
    pub fn judge(&self, visitor: &Visitor, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        if !self.is_ours(uri, headers) {
            return Err(Refusal::Name);
        }
        if self.has_client_ca && visitor.has_certificate {
            return Ok(());
        }
        let Some(file) = &self.token_file else {
            // With client certificates alone TLS lets nobody come this far without one.
            return if self.has_client_ca { Err(Refusal::Unknown) } else { Ok(()) };
        };
        let token = read_token(file).map_err(|error| {
            tracing::warn!("nobody sees the status page: {error}");
            Refusal::NoToken
        })?;
        match shown(headers) {
            Some(shown) if is_same(&shown, &token) => Ok(()),
            _ => Err(Refusal::Unknown),
        }
    }

    /// Addresses are nobody's name, so no foreign page can have them for its own.
    fn is_ours(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let header = headers.get(HOST).and_then(|host| host.to_str().ok());
        let Some(host) = uri.authority().map(|authority| authority.as_str()).or(header) else {
            return false;
        };
        let name = without_port(host);
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        name == "localhost" || name.parse::<IpAddr>().is_ok() || self.names.contains(&name)
    }
}

/// `[2001:db8::1]:9406`, `example.org:9406`, or either without a port.
fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// Reads the token that every visitor has to know.
///
/// # Errors
/// A sentence that says what is wrong with the file, and the remedy.
pub fn read_token(file: &Path) -> Result<String, String> {
    refuse_open(file).map_err(|error| error.to_string())?;
    let shown = file.display();
    let length = fs::metadata(file).map_err(|error| format!("{shown}: {error}"))?.len();
    let remedy = format!("write one: head -c 24 /dev/urandom | base64 > {shown}");
    if length > MOST_TOKEN {
        return Err(format!("{shown} is no token, it has {length} bytes; {remedy}"));
    }
    let text = fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
    let token = text.lines().next().unwrap_or_default().trim();
    if token.len() < LEAST_TOKEN {
        return Err(format!(
            "{shown} has {} characters in its first line, and a token has {LEAST_TOKEN} at \
             least; {remedy}",
            token.len()
        ));
    }
    Ok(token.to_owned())
}

/// The token that the request shows: `Bearer TOKEN`, or as the password of `Basic`, which browsers
/// ask for by themselves.
fn shown(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(base64(value)?).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

/// Compares without telling by its time how much of it was right.
fn is_same(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|text| Sha256::digest(text.as_bytes()));
    let differing =
        one.iter().zip(other.iter()).fold(0, |found, (one, other)| found | (one ^ other));
    differing == 0
}

/// RFC 4648 section 4, with or without padding. None where it is something else.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn access(names: &[&str]) -> Access {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        Access { names, token_file: None, has_client_ca: false }
    }

    fn asked(host: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap());
        headers
    }

    #[test]
    fn a_page_is_asked_for_by_address_localhost_or_a_name_of_its_own() {
        let uri = Uri::from_static("/");
        for host in
            ["127.0.0.1", "127.0.0.1:9406", "[::1]:9406", "LocalHost:9406", "a.example.org."]
        {
            assert!(access(&["a.example.org"]).is_ours(&uri, &asked(host)), "{host}");
        }
        for host in
            ["attacker.example", "a.example.org.attacker.example:9406", "127.0.0.1.nip.io", ""]
        {
            assert!(!access(&["a.example.org"]).is_ours(&uri, &asked(host)), "{host}");
        }
        assert!(!access(&[]).is_ours(&uri, &HeaderMap::new()), "HTTP/1.0 without a Host");
        let foreign = Uri::from_static("http://attacker.example/");
        assert!(!access(&[]).is_ours(&foreign, &asked("localhost")), "the target goes before Host");
    }

    #[test]
    fn a_token_is_shown_in_either_way() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
            shown(&headers)
        };
        assert_eq!(with("Bearer abc:def").as_deref(), Some("abc:def"));
        // RFC 7617 section 2.
        assert_eq!(with("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").as_deref(), Some("open sesame"));
        for other in ["Basic", "Basic !!!", "Basic QWxh", "Digest x", ""] {
            assert_eq!(with(other), None, "{other}");
        }
        assert!(is_same("abc", "abc") && !is_same("abc", "abd") && !is_same("", "a"));
    }

    #[test]
    fn base64_of_every_length() {
        // RFC 4648 section 10.
        let known = [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob")];
        for (text, bytes) in known {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()));
        }
    }
}
