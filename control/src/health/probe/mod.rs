//! One probe: from a target to an outcome, within the timeout and in bounded memory.

pub mod agent;
pub mod dns;
pub mod exec;
pub mod file;
pub mod http;
pub mod ping;
pub mod socket;
pub mod tcp;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod udp;

use std::net::Ipv4Addr;

use config::{CheckKind, Exec, compile_regex};
use tokio::time::Instant;

use self::exec::User;
use self::http::HttpClient;
pub use self::tls::SystemRoots;
use self::tls::TlsClient;
use super::engine::{Ask, Target};
use super::outcome::Outcome;

/// What is made of a target once, and used for each of its probes.
#[derive(Debug)]
pub enum Prepared {
    /// Nothing has to be.
    Plain,
    Http(Box<HttpClient>),
    Exec(Option<User>),
    /// It cannot be made, and why.
    Broken(String),
}

impl Prepared {
    /// Reads what the target needs of this machine: certificates, users.
    #[must_use]
    pub fn new(target: &Target, roots: &mut SystemRoots) -> Self {
        Prepared::make(target, roots).unwrap_or_else(Prepared::Broken)
    }

    fn make(target: &Target, roots: &mut SystemRoots) -> Result<Self, String> {
        let Ask::Check(check) = &target.ask else { return Ok(Prepared::Plain) };
        match &check.kind {
            CheckKind::Http(http) => {
                let server = *target.address.ip();
                let tls = http.tls.as_ref();
                let tls = tls.map(|tls| TlsClient::new(tls, http, server, roots)).transpose()?;
                let regex = http.body_regex.as_deref().map(compile_regex).transpose();
                let body_regex = regex.map_err(|error| error.to_string())?;
                let http = http.as_ref().clone();
                Ok(Prepared::Http(Box::new(HttpClient { http, tls, body_regex })))
            }
            CheckKind::Exec(Exec { user: Some(user), .. }) => {
                Ok(Prepared::Exec(Some(User::find(user)?)))
            }
            CheckKind::Exec(_) => Ok(Prepared::Exec(None)),
            _ => Ok(Prepared::Plain),
        }
    }
}

/// Asks once.
pub async fn run(local: Ipv4Addr, target: &Target, prepared: &Prepared) -> Outcome {
    let began = Instant::now();
    let deadline = began + target.timeout();
    let outcome = ask(local, target, prepared, deadline).await;
    Outcome { duration: began.elapsed().min(target.timeout()), ..outcome }
}

async fn ask(local: Ipv4Addr, target: &Target, prepared: &Prepared, deadline: Instant) -> Outcome {
    let to = target.address;
    let check = match &target.ask {
        Ask::Agent(agent) => return agent::probe(local, to, agent, deadline).await,
        Ask::Check(check) => check,
    };
    match (&check.kind, prepared) {
        (_, Prepared::Broken(why)) => Outcome::local(why.clone()),
        (_, Prepared::Http(client)) => http::probe(local, to, client, deadline).await,
        (CheckKind::Exec(exec), Prepared::Exec(user)) => {
            exec::probe(to, exec, *user, deadline).await
        }
        (CheckKind::Tcp(exchange), _) => tcp::probe(local, to, exchange, deadline).await,
        (CheckKind::Dns(dns), _) => dns::probe(local, to, dns, deadline).await,
        (CheckKind::Udp { exchange, require_reply }, _) => {
            udp::probe(local, to, exchange, *require_reply, deadline).await
        }
        (CheckKind::Ping, _) => ping::probe(local, *to.ip(), deadline).await,
        (CheckKind::File { path }, _) => file::probe(path, deadline).await,
        (other, _) => Outcome::local(format!("{} is not known", other.name())),
    }
}
