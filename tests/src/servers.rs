//! Real servers: nginx and dnsmasq on the private hosts and on the Internet.

use std::fs;
use std::path::Path;

use crate::faults::{self, Certificate};
use crate::namespace::write;
use crate::topology::Lab;
use crate::{Error, FOLDER, Namespace, wait_until};

/// The large file that every web server has; 1 GiB that `head` made, kept between labs.
const BIG: &str = "/var/tmp/tandem-lab/big";

/// The file of many downloads at once; 2 MiB, which a server sends in ten seconds.
pub const MEDIUM: &str = "/var/tmp/tandem-lab/medium-2";

/// What nginx answers `/healthz` with while the server is well.
pub(crate) const WELL: &str = "return 200 \"well\\n\";";

/// Starts them and waits until they answer.
pub(crate) fn start() -> Result<(), Error> {
    file(BIG, 1 << 30)?;
    file(MEDIUM, 2 << 20)?;
    faults::make_authority()?;
    for (namespace, name) in Lab::servers() {
        // A kernel sends one error a second to a host, after six: fewer than the lab's checks of a
        // closed port ask for.
        namespace.must(&["sysctl", "-qw", "net.ipv4.icmp_ratelimit=0"])?;
        web(namespace, name)?;
        dns(namespace, name)?;
    }
    web(Lab::INTERNET, "internet")?;
    dns(Lab::INTERNET, "internet")
}

fn file(path: &str, size: u32) -> Result<(), Error> {
    if Path::new(path).exists() {
        return Ok(());
    }
    fs::create_dir_all("/var/tmp/tandem-lab").map_err(Error::file("/var/tmp/tandem-lab"))?;
    // Not all zeros, so that a packet out of place changes the sum; made whole or not at
    // all.
    let line = format!(
        "seq 1 200000000 | head -c {size} > {path}.part && sha256sum < {path}.part | cut -d' ' \
         -f1 > {path}.sha256 && mv {path}.part {path}"
    );
    crate::namespace::must(&["bash", "-c", &line]).map(|_| ())
}

/// The SHA-256 of the large file.
pub fn big_sum() -> Result<String, Error> {
    let path = format!("{BIG}.sha256");
    Ok(fs::read_to_string(&path).map_err(Error::file(&path))?.trim().to_owned())
}

/// nginx on ports 80 and 443: `/` tells who answers and whom it saw, `/healthz` that it is
/// well, `/big` is the large file; `/medium` goes out
/// slowly, so that it is on its way when something happens, and in small pieces: a second's
/// worth of a hundred downloads at once is more than the ring of a packet socket holds.
pub(crate) fn web(namespace: Namespace, name: &str) -> Result<(), Error> {
    let folder = format!("{FOLDER}/{name}");
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    answer_health(name, WELL)?;
    faults::install_certificate(name, Certificate::Good)?;
    let configuration = format!(
        "daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log warn; user root;\n\
         worker_processes 1; worker_rlimit_nofile 20000; events {{ worker_connections 8000; }}\n\
         http {{ access_log {folder}/access.log; sendfile on; keepalive_requests 100000;\n\
         client_body_temp_path {folder}/t; proxy_temp_path {folder}/t;\n\
         fastcgi_temp_path {folder}/t; uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;\n\
         ssl_certificate {folder}/tls.pem; ssl_certificate_key {folder}/tls.key;\n\
         server {{ listen 80 backlog=4096; listen 443 ssl; default_type text/plain;\n\
         location = /healthz {{ include {folder}/healthz.conf; }}\n\
         location = / {{ return 200 \"{name} $remote_addr\\n\"; }}\n\
         location = /big {{ alias {BIG}; }}\n\
         location = /medium {{ alias {MEDIUM}; limit_rate 200k; sendfile_max_chunk 16k; }} }} }}\n"
    );
    let path = format!("{folder}/nginx.conf");
    write(&path, &configuration)?;
    let log = format!("{name}/nginx.log");
    namespace.serve(&log, &["nginx", "-p", &folder, "-c", &path])?;
    wait_until(&format!("nginx answers on {name}"), 30, || {
        let output = namespace.run(&["curl", "-s", "-m", "2", "http://127.0.0.1/"]);
        output.is_ok_and(|output| output.stdout.starts_with(name))
    })
}

/// Writes what the server answers `/healthz` with, for when nginx reads its configuration.
pub(crate) fn answer_health(name: &str, line: &str) -> Result<(), Error> {
    write(&format!("{FOLDER}/{name}/healthz.conf"), &format!("{line}\n"))
}

/// dnsmasq: a TXT record that tells who answers.
pub(crate) fn dns(namespace: Namespace, name: &str) -> Result<(), Error> {
    let record = format!("--txt-record=whoami.lab,{name}");
    let log = format!("{name}/dnsmasq.log");
    namespace.serve(
        &log,
        &[
            "dnsmasq",
            "-k",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--port=53",
            "--user=root",
            "--pid-file=",
            &record,
        ],
    )?;
    wait_until(&format!("dnsmasq answers on {name}"), 30, || {
        let dig = ["dig", "+short", "+tries=1", "+time=1", "@127.0.0.1", "whoami.lab", "TXT"];
        namespace.run(&dig).is_ok_and(|output| output.stdout.contains(name))
    })
}
