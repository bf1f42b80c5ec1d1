//! A real browser: Debian's Chromium without a window, driven over `WebDriver`. It asks nothing of any network but
//! this machine's own, and what it asked can be read.

mod command;
mod host;
mod window;

use std::time::Duration;

use anyhow::{Context as _, Result};
use fantoccini::ClientBuilder;
use fantoccini::wd::Capabilities;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::process::{Child, Launch, Output, find_program};
pub use host::Host;
pub use window::Window;

/// How long a browser may take to start.
const START: Duration = Duration::from_secs(60);
/// How long anything that is waited for in a page may take.
const PATIENCE: Duration = Duration::from_secs(80);

/// How a window is.
#[derive(Clone, Debug)]
pub struct Look {
    /// The browser's language.
    pub language: &'static str,
    /// Whether the system is dark.
    pub dark: bool,
    /// Its width and height.
    pub size: (u32, u32),
}

impl Default for Look {
    fn default() -> Self {
        Self { language: "en", dark: false, size: (1180, 780) }
    }
}

/// A driver, which starts a browser for each window, so that no two share anything.
#[derive(Debug)]
pub struct Browser {
    port: u16,
    _driver: Child,
}

impl Browser {
    /// Starts the driver.
    pub async fn start() -> Result<Self> {
        let program = find_program("chromedriver").context("chromedriver is missing: deploy/packages installs it")?;
        let mut driver = Launch::new(program).arg("--port=0").stdout(Output::Lines).start()?;
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
        Ok(Self { port, _driver: driver })
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

fn capabilities(look: &Look) -> Capabilities {
    let (width, height) = look.size;
    let arguments = [
        "--headless=new".to_owned(),
        // Tests run as root, where Chromium's sandbox cannot.
        "--no-sandbox".to_owned(),
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
    let options = json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "args": arguments, "prefs": { "intl.accept_languages": look.language } },
        "goog:loggingPrefs": { "performance": "ALL", "browser": "ALL" },
        "timeouts": { "script": 60_000 },
    });
    match options {
        Value::Object(options) => options,
        _ => Capabilities::new(),
    }
}
