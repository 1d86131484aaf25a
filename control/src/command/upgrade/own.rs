//! The upgrade of the machine on which the command runs.

use std::process::{Command, Stdio};

use api::client::ClientError;
use api::{Client, Pair, Role};

use super::bundle::Bundle;
use super::tell;
use crate::command::Context;
use crate::command::doctor::{run_tool, run_tool_for_long};
use crate::error::Error;
use crate::upgrade::Machine;

/// GRUB's record of the slots.
const GRUBENV: &str = "/efi/grub/grubenv";

/// This machine, whose slot is known to be well.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) release: String,
    pub(super) slot: String,
    /// The one that does not run.
    other: &'static str,
}

impl Own {
    pub(super) fn of(machine: &Machine) -> Result<Self, Error> {
        let state = machine.state();
        let Some(release) = state.release else {
            return Err(Error::Upgrade(
                "this machine was not started from Tandem's image. With Debian's packages, an upgrade \
                 is: apt install ./tandem_VERSION_amd64.deb"
                    .to_owned(),
            ));
        };
        let Some(slot) = state.slot else {
            return Err(Error::Upgrade(
                "this machine was started by network, and gets what the boot server has at its next \
                 start: put the files of netboot/ there"
                    .to_owned(),
            ));
        };
        if !state.good {
            return Err(Error::Upgrade(format!(
                "it is not known yet whether slot {slot} is well, and an upgrade would write over the \
                 other one: wait for journalctl -u tandem-good to say so"
            )));
        }
        let other = if slot == "a" { "b" } else { "a" };
        Ok(Own { release, slot, other })
    }

    /// Writes the other slot, hands the role over, and restarts.
    pub(super) fn upgrade(
        &self,
        bundle: &Bundle,
        without_peer: bool,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let Own { slot, other, .. } = self;
        if !without_peer {
            successor(context).map_err(|why| {
                Error::Upgrade(format!(
                    "nothing was changed, since clients would be without a machine: {why}. Mend that, \
                     or add --without-peer"
                ))
            })?;
        }
        tell(context, &format!("Writing slot {other}."))?;
        // First: a power cut in between leaves the slot that runs as the one that is started.
        let new = run_tool_for_long("grub-editenv", &[GRUBENV, "set", &format!("NEW={other}")]);
        new.map_err(|why| Error::Upgrade(format!("{why}. Nothing was changed")))?;
        install(bundle, context).map_err(|why| {
            Error::Upgrade(format!(
                "slot {other} was not written: {why}. The machine goes on from slot {slot}, also after a \
                 restart"
            ))
        })?;
        // The peer may have become another one meanwhile.
        let left = |why: &str| {
            Error::Upgrade(format!(
                "slot {other} is written and is started next, and this machine was not restarted: {why}. \
                 Mend that, and type: tandem failover, then systemctl reboot"
            ))
        };
        match successor(context) {
            Ok(None) => {}
            Ok(Some(peer)) => {
                tell(context, &format!("Handing the active role over to {peer}."))?;
                hand_over(context).map_err(|why| left(&why))?;
            }
            Err(_) if without_peer => {}
            Err(why) => return Err(left(&why)),
        }
        tell(
            context,
            &format!(
                "Restarting into slot {other}. If it is not well within two minutes, the machine goes \
                 back to slot {slot}; tandem status --brief and the console tell."
            ),
        )?;
        run_tool("systemctl", &["reboot"]).map(|_| ()).map_err(|why| left(&why))
    }
}

/// Who is to take the role over; nobody where this machine does not forward. An error says why
/// there is nobody though it does.
pub(super) fn successor(context: &Context<'_>) -> Result<Option<String>, String> {
    let status = match context.client().and_then(|mut client| Ok(client.status()?)) {
        Ok(status) => status,
        // One that does not run forwards for nobody.
        Err(Error::Client(ClientError::NotRunning(_))) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if status.role != Role::Active {
        return Ok(None);
    }
    let pair = pair(context).map_err(|error| error.to_string())?;
    ready_peer(&pair).map(Some)
}

/// How the pair is, in tandem-control's words.
pub(super) fn pair(context: &Context<'_>) -> Result<Pair, Error> {
    let mut control = Client::connect(context.pair_socket()).map_err(Error::Control)?;
    control.pair().map_err(Error::Control)
}

/// The peer's name where it could take over at once, or why not.
pub(super) fn ready_peer(pair: &Pair) -> Result<String, String> {
    if let Some(not_understood) = &pair.not_understood {
        return Err(not_understood.why.clone());
    }
    match &pair.peer {
        Some(peer) if !pair.paths.iter().any(|path| path.up) => {
            Err(format!("no heartbeat of {} arrives", peer.name))
        }
        Some(peer) if !peer.ready => {
            Err(format!("{} is not ready: {}", peer.name, peer.obstacles.join("; ")))
        }
        Some(peer) => Ok(peer.name.clone()),
        None => Err("no heartbeat of the peer has arrived".to_owned()),
    }
}

/// Moves the active role to the other machine.
pub(super) fn hand_over(context: &Context<'_>) -> Result<(), String> {
    let failover = || Client::connect(context.pair_socket())?.failover();
    failover().map(|_| ()).map_err(|error| Error::describe_control(&error))
}

/// Has RAUC write the slot; what it says goes to the terminal as it comes.
fn install(bundle: &Bundle, context: &mut Context<'_>) -> Result<(), String> {
    let mut rauc = Command::new("rauc");
    rauc.arg("install").arg(&bundle.file).stdin(Stdio::null());
    if context.json {
        rauc.stdout(Stdio::null());
    }
    let status = rauc.status().map_err(|error| format!("rauc cannot be run: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("rauc install failed, as said above ({status}); journalctl -u rauc tells more"))
}

#[cfg(test)]
mod tests {
    use api::{Member, Path};

    use super::*;

    #[test]
    fn only_a_peer_that_is_heard_and_ready_takes_over() {
        let peer = Member { name: "b".to_owned(), ready: true, ..Member::default() };
        let up = Path { up: true, ..Path::default() };
        let pair = Pair { peer: Some(peer.clone()), paths: vec![up], ..Pair::default() };
        assert_eq!(ready_peer(&pair).as_deref(), Ok("b"));
        let obstacles = vec!["connections are being copied".to_owned()];
        let busy = Member { ready: false, obstacles, ..peer };
        for (other, why) in [
            (Pair { paths: Vec::new(), ..pair.clone() }, "no heartbeat of b arrives"),
            (
                Pair { peer: Some(busy), ..pair.clone() },
                "b is not ready: connections are being copied",
            ),
            (Pair { peer: None, ..pair.clone() }, "no heartbeat of the peer has arrived"),
        ] {
            assert_eq!(ready_peer(&other), Err(why.to_owned()));
        }
    }

    #[test]
    fn a_machine_without_the_image_is_told_what_to_type() {
        let machine = Machine::below(std::path::Path::new("/nowhere"));
        let error = Own::of(&machine).unwrap_err().to_string();
        assert!(error.contains("apt install ./tandem_VERSION_amd64.deb"), "{error}");
    }
}
