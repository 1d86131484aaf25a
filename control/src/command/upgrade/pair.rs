//! The upgrade of the peer, from this machine.

use core::time::Duration;
use std::fs::File;
use std::thread::sleep;
use std::time::Instant;

use api::Role;
use config::{Config, Peer};
use tokio::runtime::Runtime;

use super::bundle::Bundle;
use super::own::{hand_over, pair, ready_peer};
use super::{refuse_older, tell};
use crate::command::Context;
use crate::error::Error;
use crate::key::KeyFiles;
use crate::sync::noise::SyncKeys;
use crate::upgrade::send::{PeerMachine, SendError};
use crate::upgrade::{Install, State};

/// The appliance's configuration.
const CONFIGURATION: &str = "/etc/tandem/tandem.toml";
/// For a machine to restart, or for a step of its installation.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Between two questions.
const PAUSE: Duration = Duration::from_secs(1);

/// Upgrades the peer and waits until it could take over again.
pub(super) fn upgrade_peer(
    bundle: &Bundle,
    downgrade: bool,
    context: &mut Context<'_>,
) -> Result<(), Error> {
    let config = Config::load(CONFIGURATION).map_err(Error::Mistakes)?;
    let Some(peer) = &config.peer else {
        return Err(Error::Upgrade(format!(
            "there is no [peer] in {CONFIGURATION}: without --pair, this machine alone is upgraded"
        )));
    };
    let held = KeyFiles::of(&peer.key_file).load().map_err(|error| stop(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let link = Link { peer, keys: SyncKeys::new(&held.ring), runtime };
    let name = ready(context)?;
    let before = link.state().map_err(|error| stop(&error))?;
    let Some(running) = before.release.clone() else {
        return Err(stop(&format!("{name} was not started from Tandem's image")));
    };
    let slot = before.slot.as_deref().unwrap_or("none");
    if running == bundle.release {
        tell(context, &format!("{name} runs it already, from slot {slot}."))?;
        return link.await_good(&name, &before, bundle, context);
    }
    tell(context, &format!("{name} runs {running} from slot {slot}."))?;
    refuse_older(bundle, &running, downgrade)?;
    if pair(context)?.own.role != Role::Active {
        tell(context, "This machine takes the active role, so that the peer can restart.")?;
        hand_over(context).map_err(|why| stop(&why))?;
        ready(context)?;
    }
    link.send(&name, bundle, downgrade, context)?;
    link.await_good(&name, &before, bundle, context)
}

fn stop(why: &dyn core::fmt::Display) -> Error {
    Error::Upgrade(format!("{why}. It stops here, and can be typed again"))
}

/// Waits until the peer could take over; its name.
fn ready(context: &mut Context<'_>) -> Result<String, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = match pair(context) {
            Ok(pair) => ready_peer(&pair),
            Err(error) => Err(error.to_string()),
        };
        match answer {
            Ok(name) => return Ok(name),
            Err(why) if Instant::now() > deadline => return Err(stop(&why)),
            Err(_) => sleep(PAUSE),
        }
    }
}

struct Link<'c> {
    peer: &'c Peer,
    keys: SyncKeys,
    runtime: Runtime,
}

impl Link<'_> {
    /// How the peer is, over a connection of its own: the last one may have died with it.
    fn state(&self) -> Result<State, SendError> {
        self.runtime
            .block_on(async { PeerMachine::dial(self.peer, &self.keys).await?.state().await })
    }

    fn send(
        &self,
        name: &str,
        bundle: &Bundle,
        downgrade: bool,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        tell(context, &format!("Sending {} MB to {name}.", bundle.size / 1_000_000))?;
        let mut file = File::open(&bundle.file)?;
        let install = Install { size: bundle.size, downgrade };
        let mut told = 0;
        let mut written = Ok(());
        let sent = self.runtime.block_on(async {
            let mut machine = PeerMachine::dial(self.peer, &self.keys).await?;
            machine
                .install(install, &mut file, |sent| {
                    let tenths = sent * 10 / bundle.size.max(1);
                    if tenths > told && written.is_ok() {
                        told = tenths;
                        written = tell(context, &format!("{:>4} %", tenths * 10));
                    }
                })
                .await
        });
        sent.map_err(|error| stop(&error))?;
        written
    }

    /// Waits until the peer runs the release, is well, and could take over.
    fn await_good(
        &self,
        name: &str,
        before: &State,
        bundle: &Bundle,
        context: &mut Context<'_>,
    ) -> Result<(), Error> {
        let mut news = Instant::now();
        let begin = news;
        let mut last = String::new();
        loop {
            let (line, end) = match self.state() {
                // It is on its way down or up; why it does not answer changes all the time.
                Err(_) => (format!("{name} restarts"), None),
                Ok(state) => look(name, before, &state, &bundle.release),
            };
            if let Some(end) = end {
                end?;
                break;
            }
            if line != last {
                tell(context, &line)?;
                (last, news) = (line, Instant::now());
            }
            if news.elapsed() > PATIENCE || begin.elapsed() > 4 * PATIENCE {
                return Err(stop(&format!(
                    "{last}, for {} minutes",
                    news.elapsed().as_secs() / 60
                )));
            }
            sleep(PAUSE);
        }
        tell(context, &format!("{name} runs {} and is well.", bundle.release))?;
        ready(context)?;
        tell(context, &format!("{name} is ready to take over."))
    }
}

/// What the peer does now, and the end of waiting for it.
fn look(
    name: &str,
    before: &State,
    now: &State,
    wanted: &str,
) -> (String, Option<Result<(), Error>>) {
    let release = now.release.as_deref().unwrap_or("no image");
    if release == wanted {
        let end = now.good.then_some(Ok(()));
        return (format!("{name} runs {wanted}, and looks whether it is well"), end);
    }
    if now.boot == before.boot {
        if let Some(failed) = &now.failed {
            return (
                String::new(),
                Some(Err(stop(&format!("{name} did not install it: {failed}")))),
            );
        }
        let doing = now.doing.as_deref().unwrap_or("it begins");
        return (format!("{name} installs it: {doing}"), None);
    }
    if !now.good {
        return (format!("{name} runs {release} again"), None);
    }
    let left = now.left.as_deref().unwrap_or("the new slot did not start");
    (String::new(), Some(Err(stop(&format!("{name} runs {release} again: {left}")))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(release: &str, boot: &str, good: bool) -> State {
        let (release, boot) = (Some(release.to_owned()), boot.to_owned());
        State { release, boot, good, ..State::default() }
    }

    #[test]
    fn the_peer_is_followed_to_its_good_or_bad_end() {
        let before = state("1", "x", true);
        let look = |now: &State| look("b", &before, now, "2");
        let (line, end) = look(&State { doing: Some("45%".to_owned()), ..before.clone() });
        assert_eq!((line.as_str(), end.is_none()), ("b installs it: 45%", true));
        let (_, end) = look(&state("2", "y", false));
        assert!(end.is_none());
        let (_, end) = look(&state("2", "y", true));
        assert!(matches!(end, Some(Ok(()))));

        let failed = |now: &State| look(now).1.unwrap().unwrap_err().to_string();
        let text = failed(&State { failed: Some("no room".to_owned()), ..before.clone() });
        assert!(text.starts_with("b did not install it: no room"), "{text}");
        let (_, end) = look(&state("1", "y", false));
        assert!(end.is_none());
        let text = failed(&State { left: Some("a fan".to_owned()), ..state("1", "y", true) });
        assert!(text.starts_with("b runs 1 again: a fan"), "{text}");
    }
}
