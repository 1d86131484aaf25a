//! What a resync costs forwarding, and how fast it tells of all connections.
//!
//! The real dataplane forwards packets of known connections as fast as it can, in turn
//! with and without a peer that asks for all of them, again as soon as it has them. The
//! peer is a reader of the dataplane's stream of connection sync, which takes everything
//! and keeps nothing: installing is another machine's work.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;
use std::io::BufReader;
use std::path::Path;
use std::time::Instant;

use api::Client;
use api::stream::{Direction, Frame};
use serde::Serialize;

use crate::Error;
use crate::hugepages::Hugepages;
use crate::record::{Better, Each, Figure};
use crate::replay::Replay;
use crate::statistics::Summary;
use crate::tandem::{DataplaneProcess, next};
use crate::traffic::{Mix, Size, Traffic};

#[derive(Clone, Debug, Serialize)]
pub struct Resync {
    /// Connections, a packet of each in turn.
    pub connections: u32,
    /// Mpps without a resync.
    pub without: Summary,
    /// While one goes on, and another follows it at once.
    pub during: Summary,
    /// What is lost of the rate, in per cent: the median over the pairs of neighbours.
    pub slower_percent: Summary,
    /// Seconds from asking until every connection was told.
    pub seconds: Summary,
    /// Connections told in a second, by the median.
    pub per_second: f64,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// Measures in so many pairs of slices, each so long.
///
/// # Errors
///
/// [`Error`], when the dataplane does not do its part.
pub fn run(connections: u32, rounds: u32, time: Duration, folder: &Path) -> Result<Resync, Error> {
    let traffic = Traffic { mix: Mix::Service, one_way: true, size: Size::Smallest, connections };
    let replay = Replay::write(folder, "flows", &traffic, 1)?;
    let _pages = Hugepages::reserve(replay.mebibytes())?;
    let mut dataplane = DataplaneProcess::start(&replay, &traffic, folder, 1)?;
    let (mut without, mut during, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    let mut seconds = Vec::new();
    for _ in 0..rounds {
        let before = dataplane.measure(time)?.mpps;
        let (run, told) = with_resyncs(&mut dataplane, connections, time)?;
        seconds.extend(told);
        without.push(before);
        during.push(run);
        lost.push((1.0 - run / before) * 100.0);
    }
    let summary = |values: &[f64]| {
        Summary::of(values).ok_or_else(|| Error::dataplane("no resync came to its end"))
    };
    let times = summary(&seconds)?;
    Ok(Resync {
        connections,
        without: summary(&without)?,
        during: summary(&during)?,
        slower_percent: summary(&lost)?,
        per_second: f64::from(connections) / times.median,
        seconds: times,
        figures: figures(without, during, seconds),
    })
}

fn figures(without: Vec<f64>, during: Vec<f64>, seconds: Vec<f64>) -> Vec<Figure> {
    let figure = |name, unit, better, each, samples| Figure::new(name, unit, better, each, samples);
    vec![
        figure("without a resync", "Mpps", Better::Higher, Each::Round, without),
        figure("during resyncs", "Mpps", Better::Higher, Each::Round, during),
        figure("a resync", "s", Better::Lower, Each::Part, seconds),
    ]
}

/// The rate of a slice in which one resync follows the other, and the seconds that each
/// of them took.
fn with_resyncs(
    dataplane: &mut DataplaneProcess,
    connections: u32,
    time: Duration,
) -> Result<(f64, Vec<f64>), Error> {
    let (stop, socket) = (AtomicBool::new(false), dataplane.socket().to_owned());
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seconds = Vec::new();
            while !stop.load(Relaxed) {
                seconds.extend(read_all(&socket, connections, &stop)?);
            }
            Ok(seconds)
        });
        let run = dataplane.measure(time);
        stop.store(true, Relaxed);
        let panicked = |_| Err(Error::dataplane("the reader of the stream panicked"));
        let seconds = reader.join().unwrap_or_else(panicked)?;
        Ok((run?.mpps, seconds))
    })
}

/// Asks for all connections and reads until they have been told; how long that took.
/// `None` when it was stopped before.
fn read_all(socket: &Path, connections: u32, stop: &AtomicBool) -> Result<Option<f64>, Error> {
    let asked = Instant::now();
    let client = Client::connect(socket).map_err(Error::dataplane)?;
    let stream = client.sync(Direction::Export).map_err(Error::dataplane)?;
    let (mut stream, mut told) = (BufReader::with_capacity(1 << 18, stream), 0);
    while !stop.load(Relaxed) {
        match next(&mut stream).map_err(Error::io("the stream of connection sync"))? {
            Frame::Events { events, .. } => told += events.len(),
            Frame::Tally { complete: true, count, .. } => {
                let all = u64::from(connections);
                return match told as u64 >= all && count == all {
                    true => Ok(Some(asked.elapsed().as_secs_f64())),
                    false => Err(Error::dataplane(format!("{told} of {all} connections told"))),
                };
            }
            _ => {}
        }
    }
    Ok(None)
}
