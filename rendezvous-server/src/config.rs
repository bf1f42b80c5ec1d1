//! Settings: a TOML file, overridden by the environment. They are read and checked here; nothing is
//! created, opened or started.
//!
//! `CHIVE_RENDEZVOUS_LIMITS__RECORDS=1000` is `records = 1000` in the table `[limits]`.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chive_shared::api::Access;
use chive_shared::server::ServerId;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use tracing::level_filters::LevelFilter;

use crate::access::{AccessControl, WorkPrices};
use crate::limits::Limits;
use crate::store::{DatabaseLocation, DatabaseUrl};

/// The prefix of every environment variable that is a setting.
pub const PREFIX: &str = "CHIVE_RENDEZVOUS_";
/// The variable that names the configuration file; it is not a setting.
pub const ENV_CONFIG: &str = "CHIVE_RENDEZVOUS_CONFIG";
/// The data directory, unless the settings name another.
const DEFAULT_DATA_DIR: &str = "/var/lib/chive-rendezvous";
/// The longest notice, in bytes.
const MAX_NOTICE: usize = 500;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    #[allow(missing_docs, reason = "the fields are what their names say")]
    Unreadable { path: PathBuf, source: io::Error },
    /// A file or a variable has a value that it must not have.
    #[error("{origin}: {reason}")]
    Malformed {
        /// The file, the variable or the setting.
        origin: String,
        /// For the operator: a position in the file, and a sentence.
        reason: String,
    },
}

/// All settings. The configuration file has these keys and no others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// For the database, the onion service's key and Tor's files. Made if there is none.
    pub data_dir: PathBuf,
    /// The least severe messages that are logged.
    #[serde(deserialize_with = "log_level")]
    pub log: LevelFilter,
    /// Shown to people and clients: who runs this, and how to reach them.
    pub notice: Option<String>,
    /// Whether handles are kept here.
    pub handles: bool,
    /// Where records and handles are kept.
    pub database: DatabaseSettings,
    /// How the onion service is hosted.
    pub onion: OnionSettings,
    /// Where else to listen: for tests, or for a Tor of one's own.
    pub listen: ListenSettings,
    /// For the operator: `/healthz`, `/readyz`, `/metrics`.
    pub admin: ListenSettings,
    /// The rights of a caller without a token.
    pub access: AccessSettings,
    /// The price of each write, in bits of work.
    pub work: WorkPrices,
    /// How much of anything there may be, and how long it may take.
    pub limits: Limits,
    /// arti's own settings, such as bridges.
    pub tor: toml::Table,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: DEFAULT_DATA_DIR.into(),
            log: LevelFilter::INFO,
            notice: None,
            handles: true,
            database: DatabaseSettings::default(),
            onion: OnionSettings::default(),
            listen: ListenSettings::default(),
            admin: ListenSettings::default(),
            access: AccessSettings::default(),
            work: WorkPrices::default(),
            limits: Limits::default(),
            tor: toml::Table::new(),
        }
    }
}

/// A level by its lower-case name. `LevelFilter` itself would take numbers and other spellings,
/// too.
fn log_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LevelFilter, D::Error> {
    const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
    let name = String::deserialize(deserializer)?;
    let level = LEVELS.contains(&&*name).then(|| name.parse().ok()).flatten();
    level.ok_or_else(|| D::Error::unknown_variant(&name, LEVELS))
}

/// The table `[database]`; `url` and `url_file` exclude each other.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSettings {
    /// `postgres://…`. Without it: `SQLite`, in the data directory.
    pub url: Option<String>,
    /// A file whose first line is the URL.
    pub url_file: Option<PathBuf>,
}

/// The URL may hold a password.
impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseSettings(…)")
    }
}

/// The table `[onion]`: this process hosts the service, or another Tor does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnionSettings {
    /// Whether to host the onion service.
    pub enabled: bool,
    /// The address, where another Tor hosts it. It must be the one that clients use.
    pub address: Option<String>,
}

impl Default for OnionSettings {
    fn default() -> Self {
        Self { enabled: true, address: None }
    }
}

/// The tables `[listen]` and `[admin]`: any of both sockets, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenSettings {
    /// A TCP address; port 0 lets the system choose.
    pub tcp: Option<SocketAddr>,
    /// The path of a Unix socket, which is created.
    pub unix: Option<PathBuf>,
}

/// The table `[access]`: the policy for clients without a token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessSettings {
    /// The policy: `open`, `writers` or `members`.
    pub mode: Access,
    /// A file with tokens, one a line.
    pub tokens_file: Option<PathBuf>,
}

impl Default for AccessSettings {
    fn default() -> Self {
        Self { mode: Access::Open, tokens_file: None }
    }
}

impl Config {
    /// Reads a file, if one is named, and overrides it by the environment.
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

        let origin =
            file.map_or_else(|| "the environment".to_owned(), |path| path.display().to_string());
        let config: Self = table
            .try_into()
            .map_err(|error: toml::de::Error| malformed(&origin, error.to_string()))?;
        config.check().map_err(|reason| malformed(&origin, reason))?;

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

        if !self.onion.enabled && self.listen == ListenSettings::default() {
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

    /// Where records and handles are stored.
    pub fn database_location(&self) -> Result<DatabaseLocation, ConfigError> {
        let url = match (&self.database.url, &self.database.url_file) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(path)) => {
                Some(read(path)?.lines().next().unwrap_or_default().trim().to_owned())
            }
            (None, None) => None,
        };
        match url {
            None => Ok(DatabaseLocation::Sqlite(self.data_dir.join("rendezvous.sqlite"))),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(DatabaseLocation::Postgres(DatabaseUrl(url)))
            }
            Some(_) => Err(malformed("database.url", "it begins with postgres://".to_owned())),
        }
    }

    /// Reads the file of tokens, and combines it with the policy.
    pub fn access_control(&self) -> Result<AccessControl, ConfigError> {
        let tokens = self.access.tokens_file.as_deref().map_or(Ok(String::new()), read)?;
        let access_control = AccessControl::new(self.access.mode, &tokens);
        if self.access.mode != Access::Open && access_control.token_count() == 0 {
            return Err(malformed("access.tokens_file", "it has no token".to_owned()));
        }
        Ok(access_control)
    }
}

/// Sets `a__b` as `b` in the table `a`. A value that does not parse as TOML is text.
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

fn malformed(origin: &str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Malformed {
        origin: origin.to_owned(),
        reason: reason.into().trim_end().to_owned(),
    }
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
    fn without_settings_the_defaults_hold() {
        let config = Config::find(None, std::iter::empty()).unwrap();
        assert!(config.onion.enabled && config.handles);
        assert_eq!(
            config.database_location().unwrap(),
            DatabaseLocation::Sqlite("/var/lib/chive-rendezvous/rendezvous.sqlite".into())
        );
        assert_eq!(config.limits, Limits::default());
    }

    #[test]
    fn the_environment_overrides_the_file() {
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
    fn an_invalid_setting_is_refused_by_name() {
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
            let message = find(text, &[]).unwrap_err().to_string();
            assert!(message.contains(word), "{text}: {message}");
        }

        assert!(find("", &[("CHIVE_RENDEZVOUS_LIMITS__RECORDS", "many")]).is_err());
        assert!(find("log = \"info\"", &[("CHIVE_RENDEZVOUS_LOG__X", "1")]).is_err());
    }

    #[test]
    fn a_database_url_and_its_password_do_not_print() {
        let config = find("[database]\nurl = \"postgres://u:secret@h/d\"", &[]).unwrap();
        assert!(
            !format!("{config:?} {:?}", config.database_location().unwrap()).contains("secret")
        );
        assert!(find("[database]\nurl = \"mysql://h\"", &[]).unwrap().database_location().is_err());
    }
}
