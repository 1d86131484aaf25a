//! A real browser in a namespace of the lab: Chromium without a window, driven by chromedriver.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fantoccini::key::Key;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use lab::{Namespace, Task};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::{Value, json};
use url::{ParseError, Url};

/// Where chromedriver listens in the namespace.
const PORT: &str = "9515";
/// How long the page may take to show something. A shared machine runs two appliances besides.
const PATIENCE: Duration = Duration::from_secs(60);

/// A width and a colour scheme.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) is_phone: bool,
    pub(crate) scheme: &'static str,
}

const fn screen(name: &'static str, width: u32, height: u32, scheme: &'static str) -> Screen {
    Screen { name, width, height, is_phone: width < 600, scheme }
}

pub(crate) const SCREENS: [Screen; 4] = [
    screen("desktop-light", 1320, 900, "light"),
    screen("desktop-dark", 1320, 900, "dark"),
    screen("phone-light", 360, 740, "light"),
    screen("phone-dark", 360, 740, "dark"),
];

/// A browser; it ends with this.
pub(crate) struct Browser {
    client: Client,
    _driver: Task,
}

/// Runs this on a thread in the namespace: its connections are those of a program there.
pub(crate) fn inside<T: Send>(namespace: Namespace, story: impl AsyncFnOnce() -> T + Send) -> T {
    let run = || {
        let file = fs::File::open(format!("/run/netns/{}", namespace.0)).unwrap();
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), network).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(story())
    };
    std::thread::scope(|scope| match scope.spawn(run).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

impl Browser {
    /// Starts one in the namespace that this thread is in.
    pub(crate) async fn start(namespace: Namespace) -> Self {
        let port = format!("--port={PORT}");
        let driver = namespace.spawn(&["chromedriver", &port, "--log-level=OFF"]);
        let driver = driver.expect("chromedriver is missing: tests/setup.sh installs it");
        let options = json!({
            "goog:loggingPrefs": { "browser": "ALL" },
            "acceptInsecureCerts": true,
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--hide-scrollbars", "--disable-background-networking", "--no-first-run",
            ] },
        });
        let Value::Object(capabilities) = options else { unreachable!() };
        let capabilities: Capabilities = capabilities;
        let url = format!("http://127.0.0.1:{PORT}");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            match builder.capabilities(capabilities.clone()).connect(&url).await {
                Ok(client) => return Browser { client, _driver: driver },
                Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Opens a page beside the one before.
    pub(crate) async fn open_beside(&self, url: &str) {
        let window = self.client.new_window(true).await.unwrap();
        self.client.switch_to_window(window.handle).await.unwrap();
        self.open(url).await;
    }

    /// Looks at the page that was opened as the first, the second and so on.
    pub(crate) async fn look_at(&self, number: usize) {
        let windows = self.client.windows().await.unwrap();
        self.client.switch_to_window(windows[number].clone()).await.unwrap();
    }

    /// What a script returns.
    pub(crate) async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until an expression holds in the page.
    pub(crate) async fn await_that(&self, what: &str, expression: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.script(&format!("return Boolean({expression})")).await != json!(true) {
            let shown = self.script("return document.body.innerText").await;
            assert!(tokio::time::Instant::now() < deadline, "{what}; the page shows\n{shown}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Shows the page as a device would.
    pub(crate) async fn show_on(&self, screen: Screen) {
        let Screen { width, height, is_phone, scheme, .. } = screen;
        self.protocol(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone }),
        )
        .await;
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.protocol("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Keeps a picture of the whole page with the test's output.
    pub(crate) async fn picture(&self, name: &str, screen: Screen) {
        let height = self.script("return document.documentElement.scrollHeight").await;
        let height = height.as_u64().unwrap_or(900).clamp(400, 6000) as u32;
        self.show_on(Screen { height, ..screen }).await;
        let picture = self.client.screenshot().await.unwrap();
        let folder = screenshots();
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}-{}.png", screen.name));
        fs::write(&file, picture).unwrap();
        println!("{}", file.display());
        self.show_on(screen).await;
    }

    /// Presses a key where the focus is.
    pub(crate) async fn press(&self, key: char) {
        let key = if key == '\n' { char::from(Key::Enter) } else { key };
        self.client.active_element().await.unwrap().send_keys(&key.to_string()).await.unwrap();
    }

    /// Goes on by the Tab key to the first element of this kind. The steps that it took.
    pub(crate) async fn tab_to(&self, name: &str) -> usize {
        for step in 1..100 {
            self.press(char::from(Key::Tab)).await;
            let script = format!("return document.activeElement.matches({name:?})");
            if self.script(&script).await == json!(true) {
                return step;
            }
        }
        usize::MAX
    }

    /// Errors in the console of this page since the last time.
    pub(crate) async fn errors(&self) -> Vec<String> {
        let log = self.ask("se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let errors = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        errors.map(|entry| entry["message"].to_string()).collect()
    }

    /// What axe-core finds wrong, a line each.
    pub(crate) async fn inaccessible(&self) -> Vec<String> {
        let axe = fs::read_to_string(axe()).unwrap_or_else(|error| {
            panic!("{}: {error}; tests/setup.sh installs axe-core", axe().display())
        });
        self.script(&format!("if (!window.axe) {{ {axe} }}")).await;
        let run = "const done = arguments[arguments.length - 1];
            axe.run(document, { resultTypes: ['violations'] }).then(
                (found) => done(found.violations.flatMap((one) => one.nodes.map(
                    (node) => `${one.id}: ${node.target} ${node.failureSummary}`))),
                (error) => done([String(error)]))";
        let found = self.client.execute_async(run, Vec::new()).await.unwrap();
        let found = found.as_array().cloned().unwrap_or_default();
        found.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
    }

    pub(crate) async fn close(self) {
        self.client.close().await.unwrap();
    }

    async fn protocol(&self, command: &str, parameters: Value) {
        self.ask("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await;
    }

    async fn ask(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Extension { path, body }).await.unwrap()
    }
}

/// A command of chromedriver's own.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (::http::Method, Option<String>) {
        (::http::Method::POST, Some(self.body.to_string()))
    }
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

fn axe() -> PathBuf {
    target().join("browser/node_modules/axe-core/axe.min.js")
}

fn screenshots() -> PathBuf {
    target().join("screenshots")
}
