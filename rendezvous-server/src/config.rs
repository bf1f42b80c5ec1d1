//! Settings: a TOML file, and the environment above it.
//!
//! `CHIVE_RENDEZVOUS_LIMITS__RECORDS=1000` is `records = 1000` in the table `[limits]`. It reads
//! files and is told the environment; it creates nothing.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chive_shared::api::Access;
use chive_shared::server::ServerId;
use serde::Deserialize;

use crate::access::{Doorkeeper, Prices};
use crate::limits::Limits;
use crate::store::{Place, Url};

/// What all our variables begin with.
pub const PREFIX: &str = "CHIVE_RENDEZVOUS_";
/// Names the configuration file: no setting itself.
pub const ENV_CONFIG: &str = "CHIVE_RENDEZVOUS_CONFIG";
/// Where the data is, when nobody says otherwise.
const DEFAULT_DATA_DIR: &str = "/var/lib/chive-rendezvous";
/// What a notice may have, in bytes.
const MAX_NOTICE: usize = 500;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or a variable does not say what it should.
    #[error("{place}: {reason}")]
    Malformed {
        /// Which.
        place: String,
        /// Where in it, and why.
        reason: String,
    },
}

/// All settings. The configuration file has these keys and no others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// For the database, the onion service's key and Tor's files. Made if there is none.
    pub data_dir: PathBuf,
    /// What is logged.
    pub log: Level,
    /// Shown to people and clients: who runs this, and how to reach them.
    pub notice: Option<String>,
    /// Whether handles are kept here.
    pub handles: bool,
    /// Where records and handles are kept.
    pub database: Database,
    /// The onion service.
    pub onion: Onion,
    /// Where else to listen: for tests, or for a Tor of one's own.
    pub listen: Listen,
    /// For the operator: `/healthz`, `/readyz`, `/metrics`.
    pub admin: Listen,
    /// Who may do what.
    pub access: AccessRules,
    /// What writing costs, in bits of work.
    pub work: Prices,
    /// All other limits.
    pub limits: Limits,
    /// arti's own settings, such as bridges.
    pub tor: toml::Table,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: DEFAULT_DATA_DIR.into(),
            log: Level::Info,
            notice: None,
            handles: true,
            database: Database::default(),
            onion: Onion::default(),
            listen: Listen::default(),
            admin: Listen::default(),
            access: AccessRules::default(),
            work: Prices::default(),
            limits: Limits::default(),
            tor: toml::Table::new(),
        }
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        })
    }
}

/// `[database]`
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://…`. Without it: `SQLite`, in the data directory.
    pub url: Option<String>,
    /// A file whose first line is the URL.
    pub url_file: Option<PathBuf>,
}

/// The URL may hold a password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database(…)")
    }
}

/// `[onion]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Onion {
    /// Whether to host the onion service.
    pub enabled: bool,
    /// The address, where another Tor hosts it. It must be the one that clients use.
    pub address: Option<String>,
}

impl Default for Onion {
    fn default() -> Self {
        Self { enabled: true, address: None }
    }
}

/// `[listen]` and `[admin]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// An address and a port.
    pub tcp: Option<SocketAddr>,
    /// The path of a socket.
    pub unix: Option<PathBuf>,
}

/// `[access]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessRules {
    /// `open`, `writers` or `members`.
    pub mode: Access,
    /// A file with tokens, one a line.
    pub tokens_file: Option<PathBuf>,
}

impl Default for AccessRules {
    fn default() -> Self {
        Self { mode: Access::Open, tokens_file: None }
    }
}

impl Config {
    /// Reads a file, if one is named, and puts above it what the environment says.
    pub fn find(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table = file.map_or(Ok(toml::Table::new()), read_table)?;
        for (name, value) in env {
            let Some(path) = name.strip_prefix(PREFIX).filter(|_| name != ENV_CONFIG) else {
                continue;
            };
            set(&mut table, &path.to_lowercase(), &value)
                .map_err(|reason| malformed(&name, reason))?;
        }

        let place =
            file.map_or_else(|| "the environment".to_owned(), |path| path.display().to_string());
        let config: Self = table
            .try_into()
            .map_err(|error: toml::de::Error| malformed(&place, error.to_string()))?;
        config.check().map_err(|reason| malformed(&place, reason))?;

        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        self.limits.check()?;
        self.work.check()?;
        crate::onion::check_overrides(&self.tor).map_err(|reason| format!("[tor]: {reason}"))?;
        if self.database.url.is_some() && self.database.url_file.is_some() {
            return Err("database: `url` or `url_file`, not both".to_owned());
        }

        if self.onion.enabled && self.onion.address.is_some() {
            return Err(
                "onion: `address` is for a service that another Tor hosts: set `enabled` to false"
                    .to_owned(),
            );
        }

        if !self.onion.enabled && self.listen == Listen::default() {
            return Err(
                "nobody could reach this server: it has neither an onion service nor a listener"
                    .to_owned(),
            );
        }

        if self.access.mode != Access::Open && self.access.tokens_file.is_none() {
            return Err("access: this mode needs `tokens_file`".to_owned());
        }

        if self.notice.as_ref().is_some_and(|notice| notice.len() > MAX_NOTICE) {
            return Err(format!("notice: at most {MAX_NOTICE} bytes"));
        }

        self.address().map(drop)
    }

    /// The address that another Tor hosts, if that is so.
    pub fn address(&self) -> Result<Option<ServerId>, String> {
        self.onion
            .address
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error| format!("onion.address: {error}"))
    }

    /// Where the data is.
    pub fn place(&self) -> Result<Place, ConfigError> {
        let url = match (&self.database.url, &self.database.url_file) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(path)) => {
                Some(read(path)?.lines().next().unwrap_or_default().trim().to_owned())
            }
            (None, None) => None,
        };
        match url {
            None => Ok(Place::Sqlite(self.data_dir.join("rendezvous.sqlite"))),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Place::Postgres(Url(url)))
            }
            Some(_) => Err(malformed("database.url", "it begins with postgres://".to_owned())),
        }
    }

    /// Who may come in.
    pub fn doorkeeper(&self) -> Result<Doorkeeper, ConfigError> {
        let tokens = self.access.tokens_file.as_deref().map_or(Ok(String::new()), read)?;
        let doorkeeper = Doorkeeper::new(self.access.mode, &tokens);
        if self.access.mode != Access::Open && doorkeeper.tokens() == 0 {
            return Err(malformed("access.tokens_file", "it has no token".to_owned()));
        }
        Ok(doorkeeper)
    }
}

/// Sets `a__b` as `b` in the table `a`. A value that is no TOML is text.
fn set(table: &mut toml::Table, path: &str, value: &str) -> Result<(), String> {
    if let Some((first, rest)) = path.split_once("__") {
        let inner = table.entry(first.to_owned()).or_insert_with(|| toml::Table::new().into());
        return set(inner.as_table_mut().ok_or("that setting is no table")?, rest, value);
    }
    let parsed = toml::from_str::<toml::Table>(&format!("value = {value}"));
    let parsed =
        parsed.ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    table.insert(path.to_owned(), parsed.unwrap_or_else(|| value.into()));
    Ok(())
}

fn read_table(path: &Path) -> Result<toml::Table, ConfigError> {
    toml::from_str(&read(path)?)
        .map_err(|error| malformed(&path.display().to_string(), error.to_string()))
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

fn malformed(place: &str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Malformed { place: place.to_owned(), reason: reason.into().trim_end().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        Config::find(
            Some(&path),
            env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn nothing_said_gives_the_defaults() {
        let config = Config::find(None, std::iter::empty()).unwrap();
        assert!(config.onion.enabled && config.handles);
        assert_eq!(
            config.place().unwrap(),
            Place::Sqlite("/var/lib/chive-rendezvous/rendezvous.sqlite".into())
        );
        assert_eq!(config.limits, Limits::default());
    }

    #[test]
    fn the_environment_is_above_the_file() {
        let config = find(
            "data_dir = \"/file\"\n[limits]\nrecords = 5\nstreams = 7\n",
            &[
                ("CHIVE_RENDEZVOUS_DATA_DIR", "/env"),
                ("CHIVE_RENDEZVOUS_LIMITS__RECORDS", "9"),
                ("CHIVE_RENDEZVOUS_LISTEN__TCP", "127.0.0.1:80"),
                ("CHIVE_RENDEZVOUS_ONION__ENABLED", "false"),
                ("CHIVE_RENDEZVOUS_CONFIG", "ignored"),
                ("CHIVE_PROFILE", "ignored"),
            ],
        );
        let config = config.unwrap();

        assert_eq!(
            (config.data_dir.to_str(), config.limits.records, config.limits.streams),
            (Some("/env"), 9, 7)
        );
        assert_eq!(config.listen.tcp, Some("127.0.0.1:80".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for (text, word) in [
            ("datadir = \"/x\"", "datadir"),
            ("[limits]\nrecord = 5", "record"),
            ("[limits]\nrecords = 0", "limits.records"),
            ("[limits]\nbatch = 1001", "limits.batch"),
            ("[work]\nclaim = 60", "work"),
            ("[onion]\nenabled = false", "reach"),
            (
                "[onion]\nenabled = false\naddress = \"x.onion\"\n[listen]\ntcp = \"127.0.0.1:1\"",
                "onion.address",
            ),
            ("[access]\nmode = \"members\"", "tokens_file"),
            ("[access]\nmode = \"all\"", "members"),
            ("[tor.path_rules]\nfoo = 1", "foo"),
            ("[tor.storage]\nstate_dir = \"/\"", "storage"),
            ("log = \"loud\"", "loud"),
        ] {
            let said = find(text, &[]).unwrap_err().to_string();
            assert!(said.contains(word), "{text}: {said}");
        }

        assert!(find("", &[("CHIVE_RENDEZVOUS_LIMITS__RECORDS", "many")]).is_err());
        assert!(find("log = \"info\"", &[("CHIVE_RENDEZVOUS_LOG__X", "1")]).is_err());
    }

    #[test]
    fn a_url_and_its_password_do_not_print() {
        let config = find("[database]\nurl = \"postgres://u:secret@h/d\"", &[]).unwrap();
        assert!(!format!("{config:?} {:?}", config.place().unwrap()).contains("secret"));
        assert!(find("[database]\nurl = \"mysql://h\"", &[]).unwrap().place().is_err());
    }
}
