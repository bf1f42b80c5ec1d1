//! `chive open`: opens the messenger in a browser. Asks the running node or an earlier `chive open`
//! for an address; otherwise serves the page and runs the node itself.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::config::Settings;
use chive::api::client::{Client, ClientError};
use chive::api::server;
use chive::node::Links;
use chive::profile::SOCKET;
use chive::run::{self, RunOptions};
use chive::web::{Web, launcher_socket, serve_launcher_socket};
use futures::FutureExt as _;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::run::Signals;
use crate::cli::Open;
use crate::exit::{CliError, CliResult};
use crate::output::Output;

/// A page that sends the browser on. Its name is always the same, so that at most one is left
/// behind, with an address that is good for nothing any more.
const SIGNPOST: &str = "chive-open.html";

pub(super) async fn run(open: &Open, settings: &Settings, output: Output) -> CliResult {
    if let Some(url) = asked(&settings.profile).await? {
        return show(open, &url, settings, output);
    }

    let socket = launcher_socket(&settings.profile);
    let listener = listen(&socket)?;
    let tor = settings.tor()?;
    let web = Web::host(
        &settings.profile,
        Box::new(move |profile, web, stop| {
            let options = RunOptions { tor: tor.clone(), links: Links::Always };
            async move {
                run::run_tor(profile, options, &web, |_| (), stop.cancelled_owned())
                    .await
                    .map_err(Into::into)
            }
            .boxed()
        }),
    );
    let url = web.url().await.map_err(|error| CliError::io("the page cannot be served", &error))?;
    let signals = Signals::catch()?;
    let stop = CancellationToken::new();
    let launcher =
        tokio::spawn(serve_launcher_socket(listener, web.clone(), stop.clone().cancelled_owned()));

    show(open, &url, settings, output)?;
    signals.stop(output).await;
    web.close().await;
    stop.cancel();
    let _ = launcher.await;
    let _ = std::fs::remove_file(socket);

    Ok(())
}

/// An address from whoever serves the page of this profile already.
async fn asked(profile: &Path) -> CliResult<Option<String>> {
    for socket in [profile.join(SOCKET), launcher_socket(profile)] {
        match Client::new(socket).web().await {
            Ok(page) => return Ok(Some(page.url)),
            Err(ClientError::NotRunning) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

fn listen(socket: &Path) -> CliResult<UnixListener> {
    let beside =
        socket.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(beside);
    made.and_then(|()| server::bind(socket))
        .map_err(|error| CliError::io("the page cannot be served", &error))
}

fn show(open: &Open, url: &str, settings: &Settings, output: Output) -> CliResult {
    let shown = serde_json::json!({ "url": url });
    output.answer(&shown, |_| {
        format!(
            "Chive is at {url}\nThis address lets one browser in, once. `chive open` makes another."
        )
    })?;
    if open.print {
        return Ok(());
    }
    if let Err(error) = browse(url, &settings.profile) {
        output.note(&format!("no browser could be started ({error}): open the address by hand"));
    }
    Ok(())
}

/// The arguments of a process can be read by every user of the machine: the browser is given a file
/// of ours that sends it on, not the address.
fn browse(url: &str, profile: &Path) -> io::Result<()> {
    let signpost = signpost_in(profile);
    let _ = std::fs::remove_file(&signpost);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&signpost)?;
    write!(
        file,
        "<!doctype html><meta http-equiv=\"refresh\" content=\"0;url={url}\"><a \
        href=\"{url}\">Chive</a>"
    )?;
    let mut opener = Command::new("xdg-open");
    opener.arg(&signpost).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    opener.spawn().map(drop)
}

/// In a directory that is ours alone.
fn signpost_in(profile: &Path) -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(directory) if !directory.is_empty() => PathBuf::from(directory).join(SIGNPOST),
        _ => profile.with_file_name(format!(".{SIGNPOST}")),
    }
}
