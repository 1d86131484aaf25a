//! The status page of both machines in a real browser, while real servers and roles change.

use lab::{Appliance, Fault, Lab, Loading, Ready, Settings, ready_pair_with};

use crate::browser::{Browser, SCREENS, inside};

/// The web servers are checked twice a second.
const CHECK: &str = r#"
check = { kind = "http", path = "/healthz", body = "well", interval = "500ms", timeout = "400ms", fall = 2, rise = 2, hold_max = "0s" }"#;

/// The second server of the service web, as the page has it.
const DEAD: &str = "document.querySelector('[data-service=web] tr[data-server=\"10.0.0.12:80\"]')";

fn ready() -> Ready {
    let settings = Settings { web: CHECK, page_on_link: true, ..Settings::patient_pair() };
    ready_pair_with(settings).unwrap()
}

/// Both machines are drawn with these states.
fn pair(active: &str, standby: &str) -> String {
    let is = |name: &str, state: &str| {
        format!("document.querySelector('[data-machine={name}][data-state={state}]')")
    };
    format!("{} && {}", is(active, "active"), is(standby, "ready"))
}

/// Pictures on every screen, and what axe-core and the console have to say.
async fn look(browser: &Browser, name: &str) {
    for screen in SCREENS {
        browser.show_on(screen).await;
        browser.picture(name, screen).await;
        let wide = format!("document.documentElement.scrollWidth <= {}", screen.width);
        browser.await_that("nothing is wider than the screen", &wide).await;
        assert_eq!(browser.inaccessible().await, [""; 0], "{name} on {}", screen.name);
    }
    browser.show_on(SCREENS[0]).await;
    assert_eq!(browser.errors().await, [""; 0], "{name}");
}

/// The colour of an element's text, and that of a name in the style.
async fn colours(browser: &Browser, element: &str, name: &str) -> [String; 2] {
    let script = format!(
        "const probe = document.createElement('i'); probe.className = '{name}'; document.body.append(probe);
         const colours = [getComputedStyle({element}).color, getComputedStyle(probe).color];
         probe.remove(); return colours"
    );
    let found = browser.script(&script).await;
    [0, 1].map(|place| found[place].as_str().unwrap().to_owned())
}

async fn a_server_dies(browser: &Browser) {
    let is = |shape: &str| format!("{DEAD}?.dataset.shape === '{shape}'");
    browser.await_that("the server is up", &is("up")).await;
    let fault = Fault::kill_web(1).unwrap();
    browser.await_that("the server that dies is down", &is("down")).await;
    let state = format!("{DEAD}.querySelector('.state')");
    let [own, red] = colours(browser, &state, "is-down").await;
    assert_eq!(own, red);
    let words = format!("{DEAD}.innerText.includes('down') && {DEAD}.innerText.includes('http')");
    browser.await_that("it says so and why in words", &words).await;
    let verdict = "document.querySelector('h1.is-degraded')";
    browser.await_that("the verdict names it first", verdict).await;
    look(browser, "a-server-is-down").await;
    drop(fault);
    browser.await_that("it comes back", &is("up")).await;
    let past = format!("{DEAD}.innerText.includes('last failure')");
    browser.await_that("its last failure is told", &past).await;
}

async fn a_drain_counts_down(browser: &Browser, active: &Appliance) {
    let downloads = Loading::start(12, 0).unwrap();
    let row = "document.querySelector('[data-service=web] tr[data-server=\"10.0.0.13:80\"]')";
    let count = format!("Number.parseInt({row}.querySelector('.c-count').innerText, 10)");
    browser.await_that("downloads run", &format!("{row} && {count} > 1")).await;
    let drained = active.tandem(&["drain", "web", "10.0.0.13:80"]).unwrap();
    assert!(drained.ok(), "{}", drained.words());
    let is_out = format!("{row}.dataset.shape === 'drain'");
    browser.await_that("it is taken out", &is_out).await;
    let left = format!("{row}.innerText.includes('left of') && {count} > 0");
    browser.await_that("its connections are left", &left).await;
    let loaded = downloads.finish().unwrap();
    assert_eq!(loaded.lost, 0, "{loaded:?}");
    let none = format!("{row}.innerText.includes('none left')");
    browser.await_that("it counts down to none", &none).await;
    let enabled = active.tandem(&["enable", "web", "10.0.0.13:80"]).unwrap();
    assert!(enabled.ok(), "{}", enabled.words());
    browser.await_that("it is up again", &format!("{row}.dataset.shape === 'up'")).await;
}

#[test]
fn it_shows_a_server_that_dies_a_drain_that_counts_down_and_a_takeover_on_both_machines() {
    let mut lab = ready();
    lab.spoil();
    let (active, standby) = lab.roles().unwrap();
    let [a, b] = [active, standby].map(|machine| machine.machine);
    inside(Lab::A, async || {
        let browser = Browser::start(Lab::A).await;
        browser.open(&a.page()).await;
        browser.open_beside(&b.page()).await;
        let before = pair(a.name, b.name);
        browser.await_that("the standby's page shows the pair", &before).await;
        browser.look_at(0).await;
        browser.await_that("the active one's page does", &before).await;
        look(&browser, "all-is-well").await;

        a_server_dies(&browser).await;
        a_drain_counts_down(&browser, active).await;

        let answer = active.tandem(&["failover"]).unwrap();
        assert!(answer.ok(), "{}", answer.words());
        let after = pair(b.name, a.name);
        browser.await_that("the takeover shows where the role was", &after).await;
        look(&browser, "after-a-takeover").await;
        browser.look_at(1).await;
        browser.await_that("and where it went", &after).await;
        assert_eq!(browser.errors().await, [""; 0]);
        browser.close().await;
    });
}

#[test]
fn it_says_when_nobody_answers_and_is_used_by_keyboard() {
    let mut lab = ready();
    lab.spoil();
    let (active, _) = lab.roles().unwrap();
    let machine = active.machine;
    inside(Lab::A, async || {
        let browser = Browser::start(Lab::A).await;
        browser.open(&machine.page()).await;
        browser.await_that("it is live", "document.querySelector('[data-service=web]')").await;
        // By keyboard alone: from the top to the services, to one of them, and it closes.
        let reached = browser.tab_to("summary").await;
        assert!(reached < 40, "{reached} steps to the first service");
        browser.press('\n').await;
        browser.await_that("it closes", "!document.querySelector('details.service').open").await;
        assert_eq!(browser.errors().await, [""; 0]);

        // What these judge by can fail.
        browser.script("document.querySelector('h1').style.color = '#eeece6'").await;
        assert!(!browser.inaccessible().await.is_empty(), "axe-core sees what cannot be read");
        browser.script("setTimeout(() => { throw new Error('on purpose') })").await;
        browser.await_that("a moment passes", "true").await;
        assert!(!browser.errors().await.is_empty(), "the console tells of errors");

        active.control.forsake();
        active.control.signal(lab::Signal::KILL);
        let old = "!document.querySelector('#stale').hidden";
        browser.await_that("it says that the numbers are old", old).await;
        browser.close().await;
    });
}
