//! Which packets, in the words of the command line.

use clap::Args;
use perf::traffic::{Mix, Size, Traffic};

/// Which packets.
#[derive(Args)]
#[command(next_help_heading = "Traffic")]
pub(crate) struct TrafficArguments {
    /// Whose connections.
    #[arg(long, value_enum, default_value_t = Mix::Service)]
    mix: Mix,

    /// Bytes of a frame without its checksum.
    #[arg(long, value_enum, default_value_t = Size::Smallest)]
    size: Size,

    /// Only the packets of those who open connections, and none of the answers. Without it
    /// both NICs take in as many packets.
    #[arg(long)]
    one_way: bool,

    /// Connections: one packet of each and direction, in random order. Of more than 4 million
    /// net_pcap cannot hold the packets.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
}

impl TrafficArguments {
    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            mix: self.mix,
            one_way: self.one_way,
            size: self.size,
            connections: self.connections,
        }
    }
}
