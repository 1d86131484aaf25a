//! What happens to a pair.

use core::fmt;
use core::time::Duration;
use std::net::Ipv4Addr;
use std::thread::sleep;

use fastrand::Rng;
use wire::testing::Frame;

use super::flap::{self, What};
use crate::{Appliance, Cut, Error, Lab, Settings, Signal, flows, wait_until};

/// Frames of a flood at a real address.
const FLOOD: usize = 200_000;
/// Flows of a flood that fills the table.
const FLOWS: u32 = 60_000;
/// How long a link is down or a path is cut.
const WHILE: Duration = Duration::from_secs(3);

/// One thing that happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Fault {
    ActiveDies,
    StandbyDies,
    ControlDies,
    DataplaneDies,
    HandedOver,
    LinkDown,
    LinksFlap,
    ReachFlaps,
    PathCut,
    HeartbeatsLost,
    OneWay,
    SyncCut,
    StoodStill,
    FloodAtReal,
    FullTable,
    Reload,
}

impl Fault {
    const ALL: [Fault; 16] = [
        Fault::ActiveDies,
        Fault::StandbyDies,
        Fault::ControlDies,
        Fault::DataplaneDies,
        Fault::HandedOver,
        Fault::LinkDown,
        Fault::LinksFlap,
        Fault::ReachFlaps,
        Fault::PathCut,
        Fault::HeartbeatsLost,
        Fault::OneWay,
        Fault::SyncCut,
        Fault::StoodStill,
        Fault::FloodAtReal,
        Fault::FullTable,
        Fault::Reload,
    ];

    pub(super) fn draw(random: &mut Rng) -> Self {
        random.choice(Self::ALL).unwrap_or(Fault::Reload)
    }

    /// Has it happen to a pair with these settings, and end.
    pub(super) fn happen(
        self,
        lab: &Lab,
        settings: Settings,
        random: &mut Rng,
    ) -> Result<(), Error> {
        let (active, standby) = lab.roles().ok_or_else(Lab::no_pair)?;
        let either = *random.choice(&[active, standby]).unwrap_or(&active);
        match self {
            Fault::ActiveDies => dies(lab, &settings, active, Some(standby)),
            Fault::StandbyDies => dies(lab, &settings, standby, None),
            Fault::ControlDies => {
                either.control.signal(Signal::KILL);
                Ok(())
            }
            Fault::DataplaneDies => {
                either.dataplane.signal(Signal::KILL);
                Ok(())
            }
            Fault::HandedOver => hand_over(lab),
            Fault::LinkDown => {
                let side = *random.choice(&["public", "private"]).unwrap_or(&"public");
                let port = format!("{}-{side}", active.machine.name);
                let set = |state| Lab::SWITCH.must(&["ip", "link", "set", &port, state]).map(drop);
                set("down")?;
                sleep(WHILE);
                set("up")
            }
            Fault::LinksFlap => flap::both(lab, What::Link, random),
            Fault::ReachFlaps => flap::both(lab, What::Reach, random),
            Fault::PathCut => {
                let path = *random.choice(&Cut::PATHS).unwrap_or(&Cut::PATHS[0]);
                let _cut = Cut::heartbeats_of_both(&[path], 100)?;
                sleep(WHILE);
                Ok(())
            }
            Fault::HeartbeatsLost => {
                let _cut = Cut::heartbeats_of_both(&Cut::PATHS, random.u32(5..30))?;
                sleep(WHILE);
                Ok(())
            }
            Fault::OneWay => {
                let _cut = Cut::heartbeats(active.machine.namespace, &Cut::PATHS, 100)?;
                sleep(WHILE);
                Ok(())
            }
            Fault::SyncCut => {
                let _cut = Cut::sync()?;
                sleep(WHILE);
                Ok(())
            }
            Fault::StoodStill => {
                active.dataplane.signal(Signal::STOP);
                sleep(Duration::from_millis(random.u64(5..1500)));
                active.dataplane.signal(Signal::CONT);
                Ok(())
            }
            Fault::FloodAtReal => flood(either),
            Fault::FullTable => flows::open(FLOWS)?.finish(),
            Fault::Reload => {
                let other = Settings { scheduler: "wlc", weights: [1, 2, 3], ..settings };
                for settings in [other, settings] {
                    active.reload(&settings)?;
                    standby.reload(&settings)?;
                }
                Ok(())
            }
        }
    }
}

/// A machine loses its power and comes back.
fn dies(
    lab: &Lab,
    settings: &Settings,
    machine: &Appliance,
    heir: Option<&Appliance>,
) -> Result<(), Error> {
    machine.kill()?;
    if let Some(heir) = heir {
        let has = || lab.roles().is_some_and(|(active, _)| active.machine == heir.machine);
        wait_until("the other machine is active", 60, has)?;
    }
    machine.launch(settings)
}

/// One that is not ready at this very moment refuses it.
fn hand_over(lab: &Lab) -> Result<(), Error> {
    wait_until("the role is handed over", 60, || {
        let active = lab.roles().map(|(active, _)| active);
        active.is_some_and(|active| active.tandem(&["failover"]).is_ok_and(|said| said.ok()))
    })
}

/// Datagrams to a port of the machine's real address at which nobody listens.
fn flood(machine: &Appliance) -> Result<(), Error> {
    let failed = |words: String| Error::Command { command: "flood".to_owned(), words };
    let real: Ipv4Addr = machine.machine.public.parse().unwrap_or(Ipv4Addr::UNSPECIFIED);
    let from = Lab::UPSTREAM.mac("eth0")?;
    let to = machine.mac(0).map_err(failed)?;
    let frame = |last| {
        Frame::udp((Ipv4Addr::new(203, 0, 113, last), 4000), (real, 9)).macs(from, to).build()
    };
    let frames: Vec<_> = (1..250).map(frame).collect();
    let sent = Lab::UPSTREAM.spawn_send("eth0", &frames, FLOOD, &[])?.finish()?;
    if sent.ok() { Ok(()) } else { Err(failed(sent.words())) }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Fault::ActiveDies => "the active machine dies",
            Fault::StandbyDies => "the standby machine dies",
            Fault::ControlDies => "a tandem-control is killed",
            Fault::DataplaneDies => "a tandem-dataplane is killed",
            Fault::HandedOver => "the role is handed over",
            Fault::LinkDown => "a link of the active machine goes down",
            Fault::LinksFlap => "links of both machines flap in turn",
            Fault::ReachFlaps => "both machines lose their networks in turn",
            Fault::PathCut => "a path of heartbeats is cut",
            Fault::HeartbeatsLost => "heartbeats get lost",
            Fault::OneWay => "the active machine hears no heartbeats",
            Fault::SyncCut => "connection sync is cut",
            Fault::StoodStill => "the active dataplane stands still",
            Fault::FloodAtReal => "a flood at a real address",
            Fault::FullTable => "a flood fills the table",
            Fault::Reload => "both reload, twice",
        })
    }
}
