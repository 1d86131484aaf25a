//! What forwards in tandem-a and tandem-b: the appliance, or the kernel in its place.

mod kernel;
mod keys;
mod machine;
mod page;
mod settings;
mod supervisor;
mod systemd;

use std::path::PathBuf;

use api::{Client, LeaseOrder, Pair, Pool, PoolsPage, Reload, Role};

pub(crate) use keys::write_keys;
pub use machine::{A, B, Machine};
pub use page::TOKEN;
pub use settings::{Driver, Settings};
pub use supervisor::Supervised;

use crate::namespace::{must, write};
use crate::topology::{Lab, Options, Router};
use crate::{Error, Signal, VIP, wait_until};

/// Lines of a log that an error shows.
const LOG_LINES: usize = 12;

/// An appliance of the lab.
#[derive(Debug)]
pub struct Appliance {
    pub machine: &'static Machine,
    /// The process that forwards.
    pub dataplane: Supervised,
    /// The process that decides, of a pair.
    pub control: Supervised,
}

/// A program of this build: beside the one that runs, or a folder up from a test.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from(name))
}

impl Appliance {
    pub(crate) fn of(machine: &'static Machine) -> Self {
        let supervised = |name| Supervised::new(machine.namespace, &machine.folder(), name);
        Appliance { machine, dataplane: supervised("dataplane"), control: supervised("control") }
    }

    pub(crate) fn start(&self, options: Options) -> Result<(), Error> {
        let folder = self.machine.folder();
        std::fs::create_dir_all(&folder).map_err(Error::file(folder))?;
        match options.router {
            Router::Appliance => self.launch(&options.settings)?,
            Router::Kernel => kernel::start()?,
        }
        Ok(())
    }

    /// Waits until the virtual IP answers the client.
    pub(crate) fn await_service(&self) -> Result<(), Error> {
        wait_until("the virtual IP answers the client's ping", 30, || {
            let ping = ["ping", "-c", "1", "-W", "1", VIP];
            Lab::CLIENT.run(&ping).is_ok_and(|output| output.ok())
        })
        .map_err(|error| self.with_log(error))
    }

    /// Starts its processes with a configuration, and waits until they answer.
    ///
    /// # Errors
    ///
    /// [`Error`], with the last lines of a log.
    pub fn launch(&self, settings: &Settings) -> Result<(), Error> {
        let configuration = self.configure(settings)?;
        let dataplane = program("tandem-dataplane").display().to_string();
        // A scenario about one machine looks at a process that is not started again.
        self.dataplane.start(settings.pair, &[&dataplane, "--config", &configuration])?;
        let mut ended = false;
        wait_until("tandem-dataplane answers on its socket", 60, || {
            ended = !settings.pair && !self.runs();
            ended || self.client().is_ok()
        })
        .map_err(|error| self.with_log(error))?;
        if ended {
            let words =
                format!("it ended; its log ends with\n  {}", self.dataplane.last_words(LOG_LINES));
            return Err(Error::Command { command: "tandem-dataplane".to_owned(), words });
        }
        if settings.pair || settings.control {
            self.start_control(settings.pair)?;
        }
        Ok(())
    }

    /// Starts tandem-control; with `again`, again and again.
    ///
    /// # Errors
    ///
    /// [`Error`], with the last lines of a log.
    pub fn start_control(&self, again: bool) -> Result<(), Error> {
        let control = program("tandem-control").display().to_string();
        let configuration = format!("{}/tandem.toml", self.machine.folder());
        self.control.start(again, &[&control, "--config", &configuration])?;
        wait_until("tandem-control answers on its socket", 30, || {
            Client::connect(self.machine.pair_socket()).is_ok()
        })
        .map_err(|error| self.with_log(error))
    }

    /// Has systemd run its tandem-control from now on, until the lab is taken down.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn control_by_systemd(&self) -> Result<(), Error> {
        self.control.forsake();
        self.control.signal(Signal::KILL);
        wait_until("tandem-control has ended", 20, || !self.control.runs())?;
        systemd::start(self.machine)
    }

    /// Removes what a systemd of [`Appliance::control_by_systemd`] leaves behind.
    pub(crate) fn clean_up(machine: &Machine) {
        systemd::remove(machine);
    }

    /// The process of tandem-control that systemd runs.
    pub fn control_of_systemd(&self) -> Option<u32> {
        systemd::process(self.machine)
    }

    pub fn process(&self) -> Option<u32> {
        self.dataplane.process()
    }

    /// True while the dataplane's process is there.
    pub fn runs(&self) -> bool {
        self.dataplane.runs()
    }

    /// Asks its processes to end, for good, and waits until they have.
    ///
    /// # Errors
    ///
    /// [`Error::Waited`].
    pub fn terminate(&self) -> Result<(), Error> {
        if self.control.runs() {
            self.control.forsake();
            self.control.signal(Signal::TERM);
            wait_until("tandem-control has ended", 30, || !self.control.runs())?;
        }
        if self.process().is_none() {
            return Ok(());
        }
        self.dataplane.forsake();
        self.dataplane.signal(Signal::TERM);
        wait_until("tandem-dataplane has ended", 30, || !self.runs())
            .map_err(|error| self.with_log(error))
    }

    /// Ends both processes at once and for good, as when the machine loses its power.
    ///
    /// # Errors
    ///
    /// [`Error::Waited`].
    pub fn kill(&self) -> Result<(), Error> {
        for process in [&self.dataplane, &self.control] {
            process.forsake();
        }
        // Together, and the one that could still tell the peer something first.
        let both = [&self.control, &self.dataplane].map(Supervised::process);
        let both: Vec<String> = both.iter().flatten().map(u32::to_string).collect();
        // One may have ended by itself; that both have is waited for.
        must(&["bash", "-c", &format!("kill -KILL {} 2>/dev/null || true", both.join(" "))])?;
        wait_until("both processes have ended", 30, || !self.runs() && !self.control.runs())
    }

    /// Writes the configuration file; returns its path.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn configure(&self, settings: &Settings) -> Result<String, Error> {
        let path = format!("{}/tandem.toml", self.machine.folder());
        if settings.page_on_link {
            page::write_files(self.machine)?;
        }
        write(&path, &settings.file(self.machine))?;
        Ok(path)
    }

    /// Takes other settings while it runs.
    ///
    /// # Errors
    ///
    /// [`Error::Command`], with what it said.
    pub fn reload(&self, settings: &Settings) -> Result<(), Error> {
        self.configure(settings)?;
        let refused = |words: String| Error::Command { command: "reload".to_owned(), words };
        let mut client = self.client().map_err(refused)?;
        client.reload(Reload::default()).map(|_| ()).map_err(|error| refused(error.to_string()))
    }

    /// A client of the dataplane's control socket.
    ///
    /// # Errors
    ///
    /// What went wrong, in words.
    pub fn client(&self) -> Result<Client, String> {
        Client::connect(self.machine.socket()).map_err(|error| error.to_string())
    }

    /// The Ethernet address of a side's NIC: 0 is public, 1 private.
    ///
    /// # Errors
    ///
    /// What went wrong, in words.
    pub fn mac(&self, side: usize) -> Result<wire::MacAddress, String> {
        let status = self.client()?.status().map_err(|error| error.to_string())?;
        let nic = status.nics.get(side).ok_or("the status tells of no such NIC")?;
        nic.mac.parse().map_err(|_| format!("{} is no Ethernet address", nic.mac))
    }

    /// How the pair is, as this machine sees it.
    ///
    /// # Errors
    ///
    /// What went wrong, in words.
    pub fn pair(&self) -> Result<Pair, String> {
        let mut client =
            Client::connect(self.machine.pair_socket()).map_err(|error| error.to_string())?;
        client.pair().map_err(|error| error.to_string())
    }

    /// The servers of a service, as tandem-control has them.
    ///
    /// # Errors
    ///
    /// What went wrong, in words.
    pub fn pool(&self, service: &str) -> Result<Pool, String> {
        let mut client =
            Client::connect(self.machine.pair_socket()).map_err(|error| error.to_string())?;
        let page = PoolsPage { service: Some(service.to_owned()), ..PoolsPage::default() };
        let pools = client.pools_page(page).map_err(|error| error.to_string())?.pools;
        pools.into_iter().next().ok_or_else(|| format!("there is no service {service}"))
    }

    /// True if this machine's dataplane says that it is active.
    pub fn is_active(&self) -> bool {
        let lease_status =
            self.client().ok().and_then(|mut client| client.lease(LeaseOrder::Watch).ok());
        lease_status.is_some_and(|lease_status| lease_status.role == Role::Active)
    }

    /// The Ethernet addresses of its NICs, public and private.
    ///
    /// # Errors
    ///
    /// [`Error::Command`].
    pub fn macs(&self) -> Result<[String; 2], Error> {
        let mac = |interface| {
            let path = format!("/sys/class/net/{interface}/address");
            let output = self.machine.namespace.must(&["cat", &path])?;
            Ok(output.stdout.trim().to_owned())
        };
        Ok([mac("pub0")?, mac("priv0")?])
    }

    /// Packets dropped for a reason so far; an appliance that does not answer has dropped
    /// nothing that it could tell of.
    pub fn dropped(&self, reason: &str) -> u64 {
        self.drops().iter().filter(|(name, _)| name == reason).map(|(_, packets)| packets).sum()
    }

    /// All that it has dropped, by reason; only reasons that happened.
    pub fn drops(&self) -> Vec<(String, u64)> {
        let counters = self.client().ok().and_then(|mut client| client.counters().ok());
        let drops = counters.map(|counters| counters.drops).unwrap_or_default();
        let happened = drops.into_iter().filter(|drop| drop.packets > 0);
        happened.map(|drop| (drop.name, drop.packets)).collect()
    }

    /// A counter of each worker.
    pub fn counted(&self, counter: &str) -> Vec<u64> {
        let counters = self.client().ok().and_then(|mut client| client.counters().ok());
        let workers = counters.map(|counters| counters.workers).unwrap_or_default();
        workers.iter().map(|worker| worker.counters.get(counter).copied().unwrap_or(0)).collect()
    }

    /// Connections that are open on it.
    pub fn connections(&self) -> u64 {
        self.counted("connections").iter().sum()
    }

    /// Connections opened so far to each real server of a service, in the order of the
    /// configuration.
    pub fn opened(&self, service: &str) -> Vec<u64> {
        let services = self.client().ok().and_then(|mut client| client.services().ok());
        let services = services.map(|services| services.services).unwrap_or_default();
        let service = services.into_iter().find(|one| one.name == service);
        let servers = service.map(|service| service.servers).unwrap_or_default();
        servers.iter().map(|server| server.connections_total).collect()
    }

    /// Runs the command line against it.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn tandem(&self, words: &[&str]) -> Result<crate::Output, Error> {
        let [program, socket] = self.tandem_words();
        let all = [&[program.as_str(), "--socket", &socket], words].concat();
        self.machine.namespace.run(&all)
    }

    /// Starts the command line against it, for something that goes on.
    ///
    /// # Errors
    ///
    /// [`Error::Start`].
    pub fn spawn_tandem(&self, words: &[&str]) -> Result<crate::Task, Error> {
        let [program, socket] = self.tandem_words();
        let all = [&[program.as_str(), "--socket", &socket], words].concat();
        self.machine.namespace.spawn(&all)
    }

    /// The command line against it, for a line of shell.
    pub fn tandem_line(&self, words: &str) -> String {
        let [program, socket] = self.tandem_words();
        format!("{program} --socket {socket} {words}")
    }

    fn tandem_words(&self) -> [String; 2] {
        [program("tandem"), self.machine.socket()].map(|path| path.display().to_string())
    }

    fn with_log(&self, error: Error) -> Error {
        let Error::Waited { seconds, what, .. } = error else { return error };
        let log = self.dataplane.last_words(LOG_LINES);
        let control = self.control.last_words(LOG_LINES);
        let words = format!("; its logs end with\n  {log}\n  {control}");
        Error::Waited { seconds, what, words }
    }
}
