//! The configuration in force: what the dataplane has taken.
//!
//! A file may change between two readers of it. So only the dataplane reads the file again when
//! it is told to, and tandem-control takes the very texts that the dataplane has taken: after a
//! reload at once, and within [`PERIOD`] when the dataplane has reloaded or was restarted without
//! being told from here. Both therefore run the same configuration, and whoever needs it here
//! subscribes to it.
//!
//! What this process has set up once (`[peer]`, `metrics.listen`, some of `[node]`) it takes only when it
//! starts: a reload that would change it is refused before the dataplane has read the file. Where the
//! configuration in force has another all the same, since the dataplane was told by itself, log and
//! `tandem reload` say so.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use api::{EventKind, Failure, FailureKind, Reload, Reloaded, Request, Response, SourcesPage};
use config::diff::Difference;
use config::{Checked, Config, Digests, Sources};
use tokio::sync::{Mutex, watch};

use crate::dataplane_client::{AskError, DataplaneClient};
use crate::events::{Draft, Events};

/// How often the dataplane is asked whether its configuration is another.
const PERIOD: Duration = Duration::from_millis(250);
/// How long another answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a reload may take: the dataplane waits for its workers.
const RELOAD_PATIENCE: Duration = Duration::from_secs(8);
/// The most text that is taken from a dataplane, in bytes.
const LIMIT: usize = 64 * 1024 * 1024;

/// The configuration in force, for a part of this process that follows it.
pub type Current = watch::Receiver<Arc<Config>>;

/// Keeps up with the dataplane's configuration.
#[derive(Debug)]
pub struct Follower {
    /// What this process was started with.
    started: Config,
    current: watch::Sender<Arc<Config>>,
    digests: watch::Sender<Digests>,
    generations: watch::Sender<u64>,
    sources: watch::Sender<Option<Arc<Sources>>>,
    dataplane: Mutex<Known>,
    events: Events,
    /// Who has asked for the reload that is under way.
    actor: std::sync::Mutex<String>,
}

/// What is known of the dataplane's configuration, and a connection to ask on.
#[derive(Debug)]
struct Known {
    socket: PathBuf,
    client: Option<DataplaneClient>,
    /// Of the files that were taken last.
    digest: Option<String>,
    generation: u64,
}

impl Follower {
    /// For a process that was started with this configuration. It is the one in force until the
    /// dataplane says which is.
    #[must_use]
    pub fn new(config: &Config) -> Arc<Self> {
        Follower::telling(config, Events::only_logged())
    }

    /// The same, telling its events.
    #[must_use]
    pub fn telling(config: &Config, events: Events) -> Arc<Self> {
        let socket = config.node.control_socket.clone();
        Arc::new(Follower {
            started: config.clone(),
            current: watch::Sender::new(Arc::new(config.clone())),
            digests: watch::Sender::new(config.digests()),
            generations: watch::Sender::new(0),
            sources: watch::Sender::new(None),
            dataplane: Mutex::new(Known { socket, client: None, digest: None, generation: 0 }),
            events,
            actor: std::sync::Mutex::default(),
        })
    }

    /// The configuration in force now, and whenever it changes.
    #[must_use]
    pub fn subscribe(&self) -> Current {
        self.current.subscribe()
    }

    /// Another number after each reload, also of files that say the same: files that they name may
    /// not.
    #[must_use]
    pub fn generations(&self) -> watch::Receiver<u64> {
        self.generations.subscribe()
    }

    /// The files of the configuration in force; none until the dataplane has said which.
    #[must_use]
    pub fn sources(&self) -> watch::Receiver<Option<Arc<Sources>>> {
        self.sources.subscribe()
    }

    /// The digests of the configuration in force, for the peer.
    #[must_use]
    pub fn digests(&self) -> watch::Receiver<Digests> {
        self.digests.subscribe()
    }

    /// Keeps up until the process ends.
    pub async fn run(self: Arc<Self>) {
        loop {
            if let Err(error) = self.keep_up().await {
                tracing::debug!("the configuration in force was not asked for: {error}");
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Takes the dataplane's configuration if it is another than before. Gives its generation.
    ///
    /// # Errors
    /// When the dataplane does not answer; the configuration stays as it is.
    pub async fn keep_up(&self) -> Result<u64, AskError> {
        let mut known = self.dataplane.lock().await;
        match known.fetch().await? {
            None => {}
            Some(sources) => self.take(sources, known.generation),
        }
        self.generations.send_if_modified(|before| {
            core::mem::replace(before, known.generation) != known.generation
        });
        Ok(known.generation)
    }

    /// A configuration that is not right here was right for a dataplane of another release.
    fn take(&self, sources: Sources, generation: u64) {
        let before = self.sources.send_replace(Some(Arc::new(sources.clone())));
        let sources_now = sources.clone();
        let Checked { config, .. } = match sources.check() {
            Ok(checked) => checked,
            Err(mistakes) => {
                let what = "the dataplane's configuration is not understood here, the one before \
                            stays";
                let why = "install the same release of tandem-control and tandem-dataplane";
                let draft = Draft::new(EventKind::ConfigurationRefused, what).why(why);
                let lines = mistakes.lines().iter().map(ToString::to_string).collect::<Vec<_>>();
                self.events.emit(draft.field("generation", generation).details(lines));
                return;
            }
        };
        self.restart_needed(&config).iter().for_each(|warning| tracing::warn!("{warning}"));
        self.digests.send_replace(config.digests());
        let changed = self.current.send_if_modified(|current| {
            let changed = **current != config;
            if changed {
                *current = Arc::new(config);
            }
            changed
        });
        self.tell_loaded(before.as_deref(), &sources_now, generation, changed);
    }

    /// Has the dataplane read its file again, and takes what it has taken. A file with mistakes
    /// changes nothing.
    ///
    /// # Errors
    /// The dataplane's failure, or [`FailureKind::NotNow`] when it does not answer;
    /// [`FailureKind::RestartNeeded`] for what only a restart of this process changes.
    pub async fn reload(&self, reload: Reload) -> Result<Reloaded, Failure> {
        self.reload_by(reload, "").await
    }

    /// The same, as this user wants it.
    ///
    /// # Errors
    /// As [`Follower::reload`].
    pub async fn reload_by(&self, reload: Reload, actor: &str) -> Result<Reloaded, Failure> {
        let refused = self.refuse_restarts(&reload).await;
        let result = match refused {
            Ok(()) => self.reload_and_keep_up(reload, actor).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &result {
            let what = "the configuration was not taken; the one before stays";
            let draft = Draft::new(EventKind::ConfigurationRefused, what).why(&failure.message);
            self.events.emit(draft.actor(actor).details(failure.details.clone()));
        }
        result
    }

    /// The same also with what only a restart of this process changes: for files that were in
    /// force before and are to be again.
    ///
    /// # Errors
    /// The dataplane's failure, or [`FailureKind::NotNow`] when it does not answer.
    pub async fn reload_at_any_rate(
        &self,
        reload: Reload,
        actor: &str,
    ) -> Result<Reloaded, Failure> {
        self.reload_and_keep_up(reload, actor).await
    }

    async fn reload_and_keep_up(&self, reload: Reload, actor: &str) -> Result<Reloaded, Failure> {
        let before = self.sources.borrow().clone();
        self.set_actor(actor);
        let result = self.reload_and_take(reload).await;
        self.set_actor("");
        let is_same = match (&before, &*self.sources.borrow()) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            _ => false,
        };
        if let (Ok(reloaded), true) = (&result, is_same) {
            let what = "the configuration was read again, and its files are the same as before";
            let draft = Draft::new(EventKind::ConfigurationLoaded, what).actor(actor);
            self.events.emit(draft.field("generation", reloaded.generation));
        }
        result
    }

    fn set_actor(&self, actor: &str) {
        *self.actor.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = actor.to_owned();
    }

    /// Tells what has changed and who wanted it. What is in force at the start is no news.
    fn tell_loaded(
        &self,
        before: Option<&Sources>,
        now: &Sources,
        generation: u64,
        is_other: bool,
    ) {
        let Some(before) = before else { return };
        let actor = self.actor.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let changes = config::diff::compare(before, now).unwrap_or_default();
        let what = match (is_other, changes.len()) {
            (false, _) => "the files of the configuration have changed, and mean the same".into(),
            (true, 1) => "another configuration is in force, with 1 change".to_owned(),
            (true, count) => format!("another configuration is in force, with {count} changes"),
        };
        let draft = Draft::new(EventKind::ConfigurationLoaded, what)
            .field("generation", generation)
            .details(changes.iter().map(describe));
        // Who tells the dataplane by itself is not known here.
        let actor = if actor.is_empty() { "the dataplane was told by itself" } else { &actor };
        self.events.emit(draft.actor(actor));
    }

    async fn reload_and_take(&self, reload: Reload) -> Result<Reloaded, Failure> {
        let mut reloaded = self.reload_dataplane(reload).await.map_err(|error| match error {
            AskError::Failed(failure) => failure,
            other => Failure::new(
                FailureKind::NotNow,
                format!("the dataplane has not reloaded: {other}"),
            ),
        })?;
        match self.keep_up().await {
            Ok(_) => reloaded.warnings.extend(self.restart_needed(&self.current.borrow().clone())),
            Err(error) => reloaded
                .warnings
                .push(format!("tandem-control follows as soon as the dataplane answers: {error}")),
        }
        Ok(reloaded)
    }

    async fn reload_dataplane(&self, reload: Reload) -> Result<Reloaded, AskError> {
        let mut known = self.dataplane.lock().await;
        match known.ask(&Request::Reload(reload), RELOAD_PATIENCE).await? {
            Response::Reloaded(reloaded) => Ok(reloaded),
            _ => Err(other_answer()),
        }
    }

    /// Looks at the file before the dataplane does. One that cannot be read or has mistakes is the
    /// dataplane's to refuse.
    async fn refuse_restarts(&self, reload: &Reload) -> Result<(), Failure> {
        let path = match &reload.path {
            Some(path) => path.clone(),
            None => match self.dataplane.lock().await.ask(&Request::Status, PATIENCE).await {
                Ok(Response::Status(status)) => status.configuration.path,
                _ => return Ok(()),
            },
        };
        let checked = tokio::task::spawn_blocking(move || Config::load_checked(&path)).await;
        let Ok(Ok(checked)) = checked else { return Ok(()) };
        let of_control = self.started.restart_of_control(&checked.config);
        if of_control.is_empty() {
            return Ok(());
        }
        let mut details = self.current.borrow().restart_needed(&checked.config);
        let who = match details.is_empty() {
            true => "tandem-control",
            false => "tandem-dataplane and tandem-control",
        };
        for line in of_control {
            if !details.contains(&line) {
                details.push(line);
            }
        }
        let message =
            format!("these changes need a restart of {who}; the configuration in use stays");
        Err(Failure::new(FailureKind::RestartNeeded, message).with_details(details))
    }

    /// What this process was started with and that is another in the configuration in force, each
    /// a sentence.
    fn restart_needed(&self, in_force: &Config) -> Vec<String> {
        let changed = self.started.restart_of_control(in_force).into_iter();
        changed
            .map(|line| {
                format!(
                    "{line} of the dataplane: restart tandem-control, or have the dataplane reload"
                )
            })
            .collect()
    }
}

impl Known {
    /// The dataplane's files, if they are others than those of the last time.
    async fn fetch(&mut self) -> Result<Option<Sources>, AskError> {
        let mut page = SourcesPage { known: self.digest.clone(), ..SourcesPage::default() };
        let mut files = Vec::new();
        let mut bytes = 0;
        loop {
            let Response::SourcesInForce(answer) =
                self.ask(&Request::Sources(page), PATIENCE).await?
            else {
                return Err(other_answer());
            };
            let (generation, digest, next) =
                (answer.generation, answer.digest.clone(), answer.next);
            bytes += answer.files.iter().map(|f| f.text.len() + f.name.len()).sum::<usize>();
            answer.append_to(&mut files);
            let Some((file, offset)) = next else {
                let is_known = self.digest.as_ref() == Some(&digest);
                (self.generation, self.digest) = (generation, Some(digest));
                return Ok((!is_known).then(|| Sources::new(files)));
            };
            if bytes > LIMIT {
                let message = format!("its configuration has more than {LIMIT} bytes");
                return Err(Failure::new(FailureKind::TooLarge, message).into());
            }
            page = SourcesPage { known: None, of: Some(digest), file, offset };
        }
    }

    /// Asks on the connection that there is. One that broke, as when the dataplane was restarted,
    /// is made anew once.
    async fn ask(&mut self, request: &Request, patience: Duration) -> Result<Response, AskError> {
        if let Some(mut client) = self.client.take() {
            match client.request_within(request, patience).await {
                Err(AskError::Io(_)) => {}
                Err(AskError::Failed(failure)) => {
                    self.client = Some(client);
                    return Err(failure.into());
                }
                Err(error) => return Err(error),
                Ok(response) => {
                    self.client = Some(client);
                    return Ok(response);
                }
            }
        }
        let mut client = DataplaneClient::connect(&self.socket).await?;
        let response = client.request_within(request, patience).await;
        if matches!(response, Ok(_) | Err(AskError::Failed(_))) {
            self.client = Some(client);
        }
        response
    }
}

/// A difference in one line. What may be a secret is not told.
fn describe(difference: &Difference) -> String {
    let Difference { section, name, server, key, old, new } = difference;
    let parts = [Some(*section), name.as_deref(), server.as_deref(), key.as_deref()];
    let place: Vec<&str> = parts.into_iter().flatten().collect();
    let place = place.join(" ");
    let key = key.as_deref().unwrap_or_default();
    let is_secret = *section == "hook"
        || ["headers", "send", "url", "command"].iter().any(|word| key.contains(word))
        || key.starts_with("check");
    match (old, new) {
        (None, Some(_)) if key.is_empty() => format!("{place}: new"),
        (Some(_), None) if key.is_empty() => format!("{place}: removed"),
        (None, None) => format!("{place}: changed"),
        _ if is_secret => format!("{place}: changed"),
        (old, new) => {
            let show = |value: &Option<String>| value.clone().unwrap_or("not set".to_owned());
            format!("{place}: {} -> {}", show(old), show(new))
        }
    }
}

fn other_answer() -> AskError {
    let message = "it answered another question than was asked";
    Failure::new(FailureKind::Internal, message).into()
}
