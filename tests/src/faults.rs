//! What goes wrong with a real server, and is right again when the fault is dropped.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};
use rustix::process::Signal;

use crate::namespace::{signal, write};
use crate::servers::{self, WELL};
use crate::topology::Lab;
use crate::{Error, FOLDER, Namespace, Task, wait_until};

/// Makes a fault.
pub type Break = fn() -> Result<Fault, Error>;

/// Every way in which s2 fails, the service of [`crate::Settings::checked`] whose check sees it, and
/// how it is done.
pub const FAULTS: [(&str, &str, Break); 11] = [
    ("killed", "web", || Fault::kill_web(1)),
    ("hung", "web", || Fault::hang_web(1)),
    ("answers 500", "web", || Fault::answer_health(1, "return 500;")),
    ("slow", "web", || Fault::answer_health(1, SLOW)),
    ("wrong body", "web", || Fault::answer_health(1, "return 200 \"ill\";")),
    ("certificate expired", "tls", || Fault::certificate(1, Certificate::Expired)),
    ("certificate of another", "tls", || Fault::certificate(1, Certificate::ForeignName)),
    ("hung, seen over TLS", "tls", || Fault::hang_web(1)),
    ("DNS killed", "dns", || Fault::kill_dns(1)),
    ("DNS answers SERVFAIL", "dns", || Fault::dns_fails(1)),
    ("UDP port closed", "udp", || Fault::kill_dns(1)),
];

/// The name that the web servers' certificates are for.
pub const TLS_NAME: &str = "www.lab.example";

/// What nginx answers the health check with so slowly that no check waits for it.
const SLOW: &str = "alias /var/tmp/tandem-lab/medium-2; limit_rate 100; sendfile_max_chunk 100;";

/// What a web server shows of itself over TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Certificate {
    /// What clients accept.
    Good,
    /// One that has expired.
    Expired,
    /// One for another name.
    ForeignName,
}

/// A DNS server that answers each query with itself and the response code 2.
const SERVFAIL: &str = "
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('', 53))
while True:
    query, client = server.recvfrom(512)
    server.sendto(query[:2] + bytes([0x80 | query[2], 2]) + query[4:], client)
";

/// A fault of the real server with this number, from 0 on; mended when dropped.
#[derive(Debug)]
pub struct Fault {
    server: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// nginx is gone: its port is closed.
    Killed,
    /// The processes of nginx are stopped: the kernel accepts, and nobody answers.
    Hung(Vec<u32>),
    /// nginx answers the health check otherwise.
    Health,
    /// nginx has another certificate.
    Certificate,
    /// dnsmasq is gone: its port is closed.
    DnsKilled,
    /// In its place somebody answers that he fails.
    DnsFails(Option<Task>),
    /// The default route is gone.
    NoRoute,
}

impl Fault {
    /// The web server's process is killed.
    ///
    /// # Errors
    ///
    /// [`Error`], when it does not end.
    pub fn kill_web(server: usize) -> Result<Self, Error> {
        stop(server, "nginx", Signal::KILL)?;
        wait_until("nginx has ended", 20, || processes(server, "nginx").is_empty())?;
        Ok(Fault { server, kind: Kind::Killed })
    }

    /// The web server hangs: its host accepts connections, and it answers none.
    ///
    /// # Errors
    ///
    /// [`Error`], when it does not stop.
    pub fn hang_web(server: usize) -> Result<Self, Error> {
        let stopped = stop(server, "nginx", Signal::STOP)?;
        Ok(Fault { server, kind: Kind::Hung(stopped) })
    }

    /// The web server answers `/healthz` as this line of its configuration says:
    /// `return 500;`.
    ///
    /// # Errors
    ///
    /// [`Error`], when nginx does not take it.
    pub fn answer_health(server: usize, line: &str) -> Result<Self, Error> {
        health(server, line)?;
        Ok(Fault { server, kind: Kind::Health })
    }

    /// The web server shows another certificate.
    ///
    /// # Errors
    ///
    /// [`Error`], when nginx does not take it.
    pub fn certificate(server: usize, certificate: Certificate) -> Result<Self, Error> {
        show_certificate(server, certificate)?;
        Ok(Fault { server, kind: Kind::Certificate })
    }

    /// The DNS server's process is killed.
    ///
    /// # Errors
    ///
    /// [`Error`], when it does not end.
    pub fn kill_dns(server: usize) -> Result<Self, Error> {
        stop(server, "dnsmasq", Signal::KILL)?;
        wait_until("dnsmasq has ended", 20, || processes(server, "dnsmasq").is_empty())?;
        Ok(Fault { server, kind: Kind::DnsKilled })
    }

    /// The DNS server answers every query with SERVFAIL (RFC 1035 section 4.1.1).
    ///
    /// # Errors
    ///
    /// [`Error`], when dnsmasq does not end.
    pub fn dns_fails(server: usize) -> Result<Self, Error> {
        let mut fault = Self::kill_dns(server)?;
        fault.kind = Kind::DnsFails(Some(host(server).0.spawn_python(SERVFAIL, &[])?));
        Ok(fault)
    }

    /// The server loses its default route.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn remove_route(server: usize) -> Result<Self, Error> {
        host(server).0.must(&["ip", "route", "del", "default"])?;
        Ok(Fault { server, kind: Kind::NoRoute })
    }

    fn mend(&mut self) -> Result<(), Error> {
        let (namespace, name) = host(self.server);
        match &mut self.kind {
            Kind::Killed => servers::web(namespace, name),
            Kind::Hung(stopped) => {
                stopped.iter().for_each(|&process| signal(Signal::CONT, process));
                Ok(())
            }
            Kind::Health => health(self.server, WELL),
            Kind::Certificate => show_certificate(self.server, Certificate::Good),
            Kind::DnsKilled => servers::dns(namespace, name),
            Kind::DnsFails(task) => {
                drop(task.take());
                servers::dns(namespace, name)
            }
            Kind::NoRoute => namespace
                .must(&["ip", "route", "add", "default", "via", crate::GATEWAY])
                .map(|_| ()),
        }
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        if let Err(error) = self.mend() {
            // What the scenario looks at next tells of it, and the next one raises the lab anew.
            eprintln!("a fault is not mended: {error}");
        }
    }
}

fn host(server: usize) -> (Namespace, &'static str) {
    Lab::servers()[server]
}

/// The processes with this name on the server's host.
fn processes(server: usize, program: &str) -> Vec<u32> {
    let all = host(server).0.processes();
    let is_it = |process: &u32| {
        let name = fs::read_to_string(format!("/proc/{process}/comm"));
        let status = fs::read_to_string(format!("/proc/{process}/stat"));
        name.is_ok_and(|name| name.trim() == program)
            && status.is_ok_and(|status| !status.contains(") Z "))
    };
    all.into_iter().filter(is_it).collect()
}

fn stop(server: usize, program: &str, with: Signal) -> Result<Vec<u32>, Error> {
    let found = processes(server, program);
    if found.is_empty() {
        let words = format!("no {program} runs on {}", host(server).1);
        return Err(Error::Command { command: "stop a server".to_owned(), words });
    }
    found.iter().for_each(|&process| signal(with, process));
    Ok(found)
}

fn health(server: usize, line: &str) -> Result<(), Error> {
    let (namespace, name) = host(server);
    servers::answer_health(name, line)?;
    reload(namespace, name)
}

fn reload(namespace: Namespace, name: &str) -> Result<(), Error> {
    let folder = format!("{FOLDER}/{name}");
    namespace
        .must(&["nginx", "-p", &folder, "-c", &format!("{folder}/nginx.conf"), "-s", "reload"])
        .map(|_| ())
}

fn show_certificate(server: usize, certificate: Certificate) -> Result<(), Error> {
    let (namespace, name) = host(server);
    install_certificate(name, certificate)?;
    reload(namespace, name)
}

/// The authority that the lab's certificates come from: its certificate is in
/// [`authority_file`].
pub fn authority_file() -> String {
    format!("{FOLDER}/authority.pem")
}

fn failed(error: rcgen::Error) -> Error {
    Error::Command { command: "make a certificate".to_owned(), words: error.to_string() }
}

fn authority(key: &KeyPair) -> Result<rcgen::Certificate, Error> {
    let mut parameters = CertificateParams::new(Vec::new()).map_err(failed)?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, "authority of the lab");
    parameters.self_signed(key).map_err(failed)
}

/// Makes the authority of this lab.
pub(crate) fn make_authority() -> Result<(), Error> {
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = authority(&key)?;
    write(&format!("{FOLDER}/authority.key"), &key.serialize_pem())?;
    write(&authority_file(), &certificate.pem())
}

/// Makes a certificate for a web server where its configuration expects it.
pub(crate) fn install_certificate(name: &str, kind: Certificate) -> Result<(), Error> {
    let path = format!("{FOLDER}/authority.key");
    let authority_key = KeyPair::from_pem(&fs::read_to_string(&path).map_err(Error::file(&path))?)
        .map_err(failed)?;
    let authority = authority(&authority_key)?;
    let subject = if kind == Certificate::ForeignName { "elsewhere.example" } else { TLS_NAME };
    let mut parameters = CertificateParams::new(vec![subject.to_owned()]).map_err(failed)?;
    if kind == Certificate::Expired {
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(2021, 1, 1);
    }
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = parameters.signed_by(&key, &authority, &authority_key).map_err(failed)?;
    write(&format!("{FOLDER}/{name}/tls.key"), &key.serialize_pem())?;
    write(&format!("{FOLDER}/{name}/tls.pem"), &certificate.pem())
}
