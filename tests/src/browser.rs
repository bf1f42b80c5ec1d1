//! A real browser: Debian's Chromium without a window, driven over `WebDriver`. It contacts nothing
//! but this machine, and tests can read which requests it made.

mod command;
mod host;
mod window;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use fantoccini::ClientBuilder;
use fantoccini::wd::Capabilities;
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::process::{Child, Launch, Output, find_program};
pub use fantoccini::wd::WindowHandle;
pub use host::Host;
pub use window::Window;

/// How long a browser may take to start.
const START: Duration = Duration::from_mins(3);
/// How long anything that is waited for in a page may take.
const PATIENCE: Duration = Duration::from_secs(80);

/// The settings of a window.
#[derive(Clone, Debug)]
pub struct Look {
    /// The browser's language.
    pub language: &'static str,
    /// Whether the system is dark.
    pub dark: bool,
    /// Its width and height.
    pub size: (u32, u32),
    /// What its camera sees: a film, as Y4M.
    pub camera: Option<PathBuf>,
}

impl Default for Look {
    fn default() -> Self {
        Self { language: "en", dark: false, size: (1180, 780), camera: None }
    }
}

/// A driver, which starts a browser for each window, so that no two share anything.
#[derive(Debug)]
pub struct Browser {
    port: u16,
    driver: Option<Child>,
    /// What browsers write down.
    files: PathBuf,
}

impl Browser {
    /// Starts the driver.
    pub async fn start() -> Result<Self> {
        let program = find_program("chromedriver")
            .context("chromedriver is missing: deploy/packages installs it")?;
        let files = tempfile::Builder::new().prefix("browser").tempdir()?.keep();
        let launch =
            Launch::new(program).arg("--port=0").env("TMPDIR", &files).stdout(Output::Lines);
        let mut driver = launch.start()?;
        let lines = driver.stdout().context("no output")?;
        let port = timeout(START, async {
            while let Some(line) = lines.next().await? {
                if let Some((_, port)) = line.rsplit_once("successfully on port ") {
                    return Ok(port.trim_end_matches('.').parse()?);
                }
            }
            anyhow::bail!("chromedriver ended")
        });
        let port = port.await.context("chromedriver does not start")??;

        Ok(Self { port, driver: Some(driver), files })
    }

    /// A browser of its own.
    pub async fn window(&self, look: &Look) -> Result<Window> {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let address = format!("http://127.0.0.1:{}", self.port);
        let connecting = builder.capabilities(capabilities(look)).connect(&address);
        let client = timeout(START, connecting).await.context("the browser does not start")??;
        Window::new(client, look).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let browsers =
            self.driver.as_ref().map(|driver| descendants(driver.id())).unwrap_or_default();
        drop(self.driver.take());
        // One that ended by itself would write down more.
        for browser in browsers {
            let _ = kill_process(browser, Signal::KILL);
        }
        // The system needs a moment to end them.
        for _ in 0..100 {
            if std::fs::remove_dir_all(&self.files).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The processes that a process has started, and those that they have.
fn descendants(of: u32) -> Vec<Pid> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let all: Vec<(u32, u32)> = all.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let (mut found, mut looked) = (vec![of], 0);
    while let Some(parent) = found.get(looked).copied() {
        found.extend(all.iter().filter(|(_, its)| *its == parent).map(|(pid, _)| *pid));
        looked += 1;
    }
    found[1..].iter().filter_map(|pid| Pid::from_raw(pid.cast_signed())).collect()
}

fn capabilities(look: &Look) -> Capabilities {
    let (width, height) = look.size;
    let mut arguments = vec![
        "--headless=new".to_owned(),
        // Tests run as root, where Chromium's sandbox cannot.
        "--no-sandbox".to_owned(),
        // It ends with its driver, however that ends.
        "--remote-debugging-pipe".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--no-first-run".to_owned(),
        "--force-color-profile=srgb".to_owned(),
        "--hide-scrollbars".to_owned(),
        // Whatever asked for a name would fail.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1".to_owned(),
        format!("--window-size={width},{height}"),
        format!("--lang={}", look.language),
    ];
    if let Some(film) = &look.camera {
        arguments.push("--use-fake-device-for-media-stream".to_owned());
        arguments.push("--use-fake-ui-for-media-stream".to_owned());
        arguments.push(format!("--use-file-for-fake-video-capture={}", film.display()));
    }

    let options = json!({
        "browserName": "chrome",
        "goog:chromeOptions": {
            "args": arguments,
            "prefs": { "intl.accept_languages": look.language },
        },
        "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        "timeouts": { "script": 60_000, "pageLoad": 60_000 },
    });
    match options {
        Value::Object(options) => options,
        _ => Capabilities::new(),
    }
}
