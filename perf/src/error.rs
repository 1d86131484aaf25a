//! What can go wrong in a run.

use std::io;

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or a process.
    #[error("{what}: {source}")]
    Io {
        what: String,
        /// What came of it.
        source: io::Error,
    },
    /// A program that did not do its part.
    #[error("{program} did not forward packets: {why}")]
    Program { program: String, why: String },
    #[error(
        "{wanted} huge pages of 2 MiB are needed and {got} could be reserved; run as root on a \
         machine with more free memory, or with fewer connections"
    )]
    Hugepages {
        /// Pages needed.
        wanted: u64,
        /// Pages there.
        got: u64,
    },
    /// Files of packets that no pool of buffers holds.
    #[error(
        "net_pcap holds every packet of its file in a buffer, and there are buffers for at most \
         {most} connections; tandem-perf run and lookup take more, without net_pcap"
    )]
    TooManyConnections {
        /// How many it can be.
        most: u32,
    },
    /// What the packets made in the process cannot be.
    #[error(
        "new connections, and more known ones than net_pcap has buffers for, are measured in \
         the process: with one worker and the mix of the service; leave --workers and --mix out"
    )]
    NotInTheProcess,
    /// More workers than there are cores for.
    #[error(
        "{workers} workers need cores 1 to {workers} besides core 0, which is for everything \
         else, and this machine has {cores} cores in all"
    )]
    TooFewCores { workers: usize, cores: usize },
    /// A record that cannot be compared with.
    #[error("{path}: {why}")]
    Baseline {
        path: String,
        /// What is in the way.
        why: String,
    },
    #[error("{0}")]
    Dataplane(String),
}

impl Error {
    /// For `map_err`: an I/O error with what was done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let what = what.into();
        move |source| Error::Io { what, source }
    }

    /// For `map_err`: anything that the dataplane's parts say.
    pub fn dataplane(error: impl core::fmt::Display) -> Error {
        Error::Dataplane(error.to_string())
    }
}
