//! The command tandem-lab.

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use lab::conversation::Converse;
use lab::datagrams::{Answer, Ask};
use lab::load::Load;
use lab::measure::Measure;
use lab::probe::Probe;
use lab::raw::Send;
use lab::requests::Requests;
use lab::soak::Soak;
use lab::{Driver, Error, Lab, Options, Router, Settings, demo};

/// The lab: the appliance among real clients and servers, in network namespaces.
#[derive(Parser)]
#[command(name = "tandem-lab", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Raise the lab and leave it up.
    Up {
        /// What forwards: the appliance, or the kernel in its place.
        #[arg(long, value_enum, default_value = "appliance")]
        router: RouterName,
        /// How the appliance reaches its NICs.
        #[arg(long, value_enum, default_value = "af_packet")]
        driver: DriverName,
        /// One appliance, in tandem-a, instead of the pair.
        #[arg(long)]
        single: bool,
    },
    /// Take the lab down, also after a crash.
    Down,
    /// Clients in number; run in a namespace by scenarios.
    #[command(hide = true)]
    Load(Load),
    /// Requests, each on a connection of its own; run in a namespace by scenarios.
    #[command(hide = true)]
    Requests(Requests),
    /// A datagram every millisecond; run in a namespace by scenarios.
    #[command(hide = true)]
    Probe(Probe),
    /// Frames as they are, through a packet socket; run in a namespace by scenarios.
    #[command(hide = true)]
    Send(Send),
    /// A conversation in two parts; run in a namespace by scenarios.
    #[command(hide = true)]
    Converse(Converse),
    /// Datagrams of several fragments; run in a namespace by scenarios.
    #[command(hide = true)]
    Ask(Ask),
    /// Who answers those; run in a namespace by scenarios.
    #[command(hide = true)]
    Answer(Answer),
    /// Sends datagrams back; run in a namespace by scenarios.
    #[command(hide = true)]
    Echo {
        /// Where.
        #[arg(long)]
        listen: std::net::SocketAddr,
    },
    /// Measure the pair at its default timers, and print the figures of each run.
    #[command(subcommand)]
    Measure(Measure),
    /// Raise the pair under mixed load, have faults happen to it that are drawn from a seed, and
    /// print what was lost.
    Soak(Soak),
    /// Raise the lab, send real traffic, show what each side saw, and take the lab down.
    Demo,
}

#[derive(Clone, Copy, ValueEnum)]
enum RouterName {
    Appliance,
    Kernel,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum DriverName {
    AfPacket,
    AfXdp,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Up { router, driver, single } => up(router, driver, single),
        Command::Down => shared_down(),
        Command::Demo => demonstrate(),
        Command::Measure(measure) => lab::lock().and_then(|_lock| measure.run()),
        Command::Soak(soak) => lab::lock().and_then(|_lock| soak.run()),
        Command::Load(load) => load.run().map(|result| tell(&result)),
        Command::Requests(requests) => requests.run().map(|result| tell(&result)),
        Command::Probe(probe) => probe.run().map(|result| tell(&result)),
        Command::Converse(converse) => converse.run().map(|heard| tell(&heard)),
        Command::Ask(ask) => ask.run().map(|right| tell(&right)),
        Command::Answer(answer) => answer.run().map(|()| true),
        Command::Send(send) => send.run().map(|sent| tell(&sent)),
        Command::Echo { listen } => lab::probe::echo(listen).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tandem-lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tell(result: &impl serde::Serialize) -> bool {
    serde_json::to_writer(std::io::stdout(), result).is_ok()
}

fn up(router: RouterName, driver: DriverName, single: bool) -> Result<bool, Error> {
    let router = match router {
        RouterName::Appliance => Router::Appliance,
        RouterName::Kernel => Router::Kernel,
    };
    let driver = match driver {
        DriverName::AfPacket => Driver::AfPacket,
        DriverName::AfXdp => Driver::AfXdp,
    };
    let pair = !single && router == Router::Appliance;
    let options = Options { router, settings: Settings { driver, pair, ..Settings::default() } };
    let _lock = lab::lock()?;
    Lab::up(options)?;
    println!("{TRY}");
    Ok(true)
}

fn shared_down() -> Result<bool, Error> {
    let _lock = lab::lock()?;
    Lab::down()?;
    println!("the lab is down");
    Ok(true)
}

fn demonstrate() -> Result<bool, Error> {
    let _lock = lab::lock()?;
    let result = demo::run(Options { settings: demo::settings(), ..Options::default() });
    // Whatever came of it, nothing stays behind.
    Lab::down()?;
    let summary = result?;
    println!("{summary}");
    Ok(summary.is_good())
}

const TRY: &str = "\
The lab is up. Things to try, as root:

  ip netns exec tandem-client curl http://198.51.100.10/       who answers, and whom it saw
  ip netns exec tandem-client dig @198.51.100.10 whoami.lab TXT
  ip netns exec tandem-client ping 198.51.100.10
  ip netns exec tandem-s1 curl http://203.0.113.10/            masqueraded to the Internet
  ip netns exec tandem-s1 traceroute -n 203.0.113.10
  tandem --socket /run/tandem-lab/a/dataplane.sock status      both machines; also services,
                                                               connections, neighbours, counters
  tandem --socket /run/tandem-lab/a/dataplane.sock failover    hand the role to the other machine
  kill -KILL $(cat /run/tandem-lab/a/dataplane.pid)            and see tandem-b take over
  ip netns exec tandem-b curl http://127.0.0.1:9405/metrics
  tcpdump in the namespaces: ip netns exec tandem-s1 tcpdump -ni eth0

make lab-down takes it down.";
