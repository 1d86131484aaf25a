//! From what the old configurations say to one of Tandem's, which `tandem check` finds right.
//!
//! [`services`] brings the services of all files together. [`sides`] finds out what is public and
//! what is private. [`document`] writes both, and remembers of each line what it was written for;
//! [`judge`] has the file checked, and takes out what cannot be, with the reason.

mod document;
mod judge;
mod networks;
mod peer;
mod services;
mod sides;

use std::net::Ipv4Addr;

use config::Cidr;

use crate::error::Error;
use crate::model::Model;
use crate::report::{FillIn, Outcome, Report};

/// What the command line says of the machine, which no old configuration knows.
#[derive(Clone, Default, Debug)]
pub struct Known {
    /// Its name.
    pub name: Option<String>,
    /// The cores that forward.
    pub workers: Option<Vec<u16>>,
    /// The NIC of the public side.
    pub public_port: Option<String>,
    /// Its own address on the public side.
    pub public_address: Option<Cidr<Ipv4Addr>>,
    /// The next hop of the public side.
    pub public_gateway: Option<Ipv4Addr>,
    /// The NIC of the private side.
    pub private_port: Option<String>,
    /// Its own address on the private side.
    pub private_address: Option<Cidr<Ipv4Addr>>,
}

/// A machine's configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Machine {
    /// The file, which is right.
    pub text: String,
    /// What has to be filled in by hand.
    pub fill_in: Vec<FillIn>,
}

/// Writes the configuration.
///
/// # Errors
/// [`Error::NotRight`] when what is left is not right all the same.
pub(crate) fn compose(
    mut model: Model,
    known: &Known,
    sources: &[String],
    report: &mut Report,
) -> Result<Machine, Error> {
    services::settle(&mut model, report);
    ordinary(&mut model, report);
    let mut fill_in = Vec::new();
    let mut plan = sides::find(&model, known, &mut fill_in, report);
    plan.peer = peer::find(&model, &plan, &mut fill_in, report);
    plan.timeouts = model.timeouts;
    plan.services = model.services;
    plan.sources = sources.to_vec();
    let text = judge::write(&mut plan, &fill_in, report)?;
    Ok(Machine { text, fill_in })
}

/// Addresses of the machine from and to which nothing is forwarded are none of a side's.
fn ordinary(model: &mut Model, report: &mut Report) {
    let machine = &mut model.machine;
    for list in [&mut machine.floating, &mut machine.real] {
        list.retain(|one| {
            let is_ordinary = wire::ipv4::is_forwardable(one.address);
            if !is_ordinary {
                let words = "nothing is forwarded from or to such an address (RFC 6890); write an \
                             ordinary one";
                report.add(one.at, format!("address {}", one.address), Outcome::NotTaken, words);
            }
            is_ordinary
        });
    }
    machine.paths.retain(|path| wire::ipv4::is_forwardable(path.value.1));
}
