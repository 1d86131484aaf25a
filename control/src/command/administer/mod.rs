//! `tandem drain`, `disable`, `enable` and `weight`: what an operator wants of real servers.
//!
//! tandem-control keeps it over restarts and tells the peer. Where it does not run, the dataplane
//! is told directly ([`directly`]), and that this does not last is said.

mod arguments;
mod directly;
mod wait;

use std::io::{self, Write};

use api::client::ClientError;
use api::{AdminOrder, Administer, Administered, Administrative, Client, Origin, PoolServer};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) use self::arguments::{DrainArguments, Servers, WeightArguments};
use self::wait::Waited;
use super::Context;
use crate::error::Error;
use crate::output::units::seconds;

pub(super) const HELP: &str = "\
It holds over restarts and reloads, and on both machines of a pair, until tandem enable.
With --wait: exit code 0 when no connection is left, 3 when some are left after --timeout.

Examples:
  tandem drain web 10.0.0.11:80
  tandem drain web 10.0.0.11 --wait --timeout 10m
  tandem drain --server 10.0.0.11";

pub(super) const DISABLE_HELP: &str = "\
Examples:
  tandem disable web 10.0.0.11:80
  tandem disable --server 10.0.0.11";

pub(super) const ENABLE_HELP: &str = "\
Examples:
  tandem enable web 10.0.0.11:80
  tandem enable --server 10.0.0.11";

pub(super) const WEIGHT_HELP: &str = "\
Examples:
  tandem weight web 10.0.0.11:80 5
  tandem weight web 10.0.0.11:80 default";

/// What became of the servers.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answer {
    #[serde(flatten)]
    administered: Administered,
    /// Whether no connection is left; none: nobody waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    waited: Option<Waited>,
}

pub(super) fn drain(arguments: &DrainArguments, context: &mut Context<'_>) -> Result<(), Error> {
    let administered = administer(&arguments.servers.named()?, AdminOrder::Drain, context)?;
    if !arguments.wait {
        return answer(Answer { administered, waited: None }, context);
    }
    if !context.json {
        tell(&administered, context.out)?;
        context.out.flush()?;
    }
    let waited = wait::until_empty(&administered.servers, arguments.timeout, context)?;
    let (is_empty, text) = (waited.is_empty(), waited.to_string());
    if context.json {
        answer(Answer { administered, waited: Some(waited) }, context)?;
    } else {
        writeln!(context.out, "{text}")?;
    }
    if is_empty { Ok(()) } else { Err(Error::Unfinished) }
}

/// `tandem disable` and `tandem enable`.
pub(super) fn set(
    servers: &Servers,
    order: AdminOrder,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let administered = administer(&servers.named()?, order, context)?;
    answer(Answer { administered, waited: None }, context)
}

pub(super) fn weight(arguments: &WeightArguments, context: &mut Context<'_>) -> Result<(), Error> {
    let (named, weight) = arguments.named()?;
    let administered = administer(&named, AdminOrder::Weight(weight), context)?;
    answer(Answer { administered, waited: None }, context)
}

/// Which servers are meant: a service, or none for all, and the server.
struct Named {
    service: Option<String>,
    server: arguments::Server,
}

fn administer(
    named: &Named,
    order: AdminOrder,
    context: &Context<'_>,
) -> Result<Administered, Error> {
    let administer = Administer {
        service: named.service.clone(),
        address: named.server.address(),
        port: named.server.port(),
        order,
    };
    match Client::connect(context.pair_socket()) {
        Ok(mut control) => control.administer(administer).map_err(Error::Control),
        Err(ClientError::NotRunning(_)) => directly::administer(&administer, context),
        Err(error) => Err(Error::Control(error)),
    }
}

fn answer(answer: Answer, context: &mut Context<'_>) -> Result<(), Error> {
    context.answer(&answer, |answer, out| tell(&answer.administered, out))
}

fn tell(administered: &Administered, out: &mut dyn Write) -> io::Result<()> {
    administered.servers.iter().try_for_each(|server| show(server, out))?;
    administered.notes.iter().try_for_each(|note| writeln!(out, "Note: {note}."))
}

fn show(server: &PoolServer, out: &mut dyn Write) -> io::Result<()> {
    let PoolServer { address, service, administrative, origin, .. } = server;
    write!(out, "{} of {service} ", api::server_name(address))?;
    let by = |origin: &Option<Origin>| match origin {
        Some(Origin::Operator(_)) | None => String::new(),
        Some(other) => format!(", by {other}"),
    };
    match administrative {
        Administrative::Ready if server.operational.is_down() => {
            let down = seconds(server.since_seconds);
            write!(out, "gets new connections when it is up; it is down for {down}")?;
        }
        Administrative::Ready => {
            let weight = server.set_weight.unwrap_or(server.configured_weight);
            write!(out, "gets new connections, with weight {weight}")?;
        }
        Administrative::Maintenance => {
            write!(out, "gets no new connection, whatever its checks say{}", by(origin))?;
        }
        _ => write!(out, "gets no new connection{}", by(origin))?,
    }
    writeln!(out, ".{}", connections(server.connections))
}

fn connections(count: Option<u64>) -> String {
    match count {
        None => String::new(),
        Some(0) => " It has no connection.".to_owned(),
        Some(1) => " Its one connection goes on.".to_owned(),
        Some(count) => format!(" Its {count} connections go on."),
    }
}
