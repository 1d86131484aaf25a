//! tandem-control beside the dataplane, as far as its metrics go.
//!
//! It runs on core 0 with everything else that is no worker.

use core::time::Duration;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::configuration::Setup;
use super::{program, wait};
use crate::Error;
use crate::replay::Replay;

/// The longest that a scrape may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A tandem-control; ended when dropped.
#[derive(Debug)]
pub(crate) struct ControlProcess {
    child: Child,
    metrics: SocketAddr,
}

/// One scrape, as Prometheus makes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scrape {
    /// From the beginning of the connection to its end.
    pub(crate) time: Duration,
    /// Of the body, packed as it was sent.
    pub(crate) bytes: usize,
}

impl ControlProcess {
    /// Starts one beside the dataplane whose files are in the folder, and waits until it tells
    /// metrics of the dataplane.
    pub(crate) fn start(
        replay: &Replay,
        connections: u32,
        folder: &Path,
        idle_services: u32,
    ) -> Result<Self, Error> {
        let metrics = free_address()?;
        let setup = Setup { replay, connections, workers: 1, idle_services };
        let configuration = setup.write_for_control(folder, metrics)?;
        let program = program("tandem-control");
        let child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(&program)
            .arg("--config")
            .arg(&configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io(program.display().to_string()))?;
        let control = ControlProcess { child, metrics };
        wait("tandem-control tells no metrics of the dataplane", || {
            let text = get(metrics, "").ok()?.1;
            let text = String::from_utf8_lossy(&text);
            text.contains("\ntandem_worker_busy_cycles_total{").then_some(())
        })?;
        Ok(control)
    }

    pub(crate) fn metrics(&self) -> SocketAddr {
        self.metrics
    }

    /// Processor time that it has taken, in seconds: fields 14 and 15 of proc_pid_stat(5), in
    /// hundredths.
    pub(crate) fn processor_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
        let ticks =
            fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
        ticks.sum::<u64>() as f64 / 100.0
    }
}

impl Drop for ControlProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Scrapes once.
pub(crate) fn scrape(metrics: SocketAddr) -> Result<Scrape, Error> {
    let began = Instant::now();
    let (head, body) = get(metrics, "Accept-Encoding: gzip\r\n")?;
    match head.starts_with("HTTP/1.1 200") {
        true => Ok(Scrape { time: began.elapsed(), bytes: body.len() }),
        false => Err(Error::Dataplane(format!("the metrics' server answers {head}"))),
    }
}

/// The head and the body of an answer.
fn get(metrics: SocketAddr, headers: &str) -> Result<(String, Vec<u8>), Error> {
    let failed = |what| Error::io(format!("the metrics on {metrics}: {what}"));
    let mut stream = TcpStream::connect(metrics).map_err(failed("connecting"))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed("waiting"))?;
    let request =
        format!("GET /metrics HTTP/1.1\r\nHost: perf\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed("asking"))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed("reading"))?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(answer.len());
    let body = answer.split_off((end + 4).min(answer.len()));
    Ok((String::from_utf8_lossy(&answer).into_owned(), body))
}

/// An address on loopback that nobody has.
fn free_address() -> Result<SocketAddr, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::io("a port for metrics"))?;
    listener.local_addr().map_err(Error::io("a port for metrics"))
}
