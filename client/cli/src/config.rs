//! Settings: from flags, the environment, a configuration file and defaults, in this order.
//!
//! Reads files; the caller passes the environment. Creates nothing, and knows no command.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

/// Names the profile directory.
pub(crate) const ENV_PROFILE: &str = "CHIVE_PROFILE";
/// Names the configuration file.
pub(crate) const ENV_CONFIG: &str = "CHIVE_CONFIG";
/// Names a file in arti's configuration format.
pub(crate) const ENV_TOR_CONFIG: &str = "CHIVE_TOR_CONFIG";
/// Names the file whose first line is the passphrase.
pub(crate) const ENV_PASSPHRASE_FILE: &str = "CHIVE_PASSPHRASE_FILE";
/// `1` for JSON output.
pub(crate) const ENV_JSON: &str = "CHIVE_JSON";
pub(crate) const ENV_LOG: &str = "CHIVE_LOG";

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Nothing is logged at all.
    Off,
    /// Only what failed for good.
    Error,
    /// And what may need a look.
    #[default]
    Warn,
    /// What happens in general, too.
    Info,
    /// How it happens, too.
    Debug,
    /// Every single step, too.
    Trace,
}

impl FromStr for Level {
    type Err = String;

    fn from_str(level: &str) -> Result<Self, String> {
        match level {
            "off" => Ok(Self::Off),
            "error" => Ok(Self::Error),
            "warn" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            "trace" => Ok(Self::Trace),
            _ => Err("expected off, error, warn, info, debug or trace".to_owned()),
        }
    }
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

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// There is no home directory to find the defaults in.
    #[error("no home directory: say --profile DIR, or set HOME")]
    NoHome,
    /// A named file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The path of the configuration file.
        path: PathBuf,
        /// The cause, as the system or the parser says it.
        source: io::Error,
    },
    /// A file does not say what it should.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The path of the configuration file.
        path: PathBuf,
        /// The place in the file, and what is wrong there.
        reason: String,
    },
    /// A variable does not say what it should.
    #[error("{variable}: {reason}")]
    Variable {
        /// The variable that has the value.
        variable: &'static str,
        /// The cause, as the system or the parser says it.
        reason: String,
    },
}

/// What one source says. The configuration file has these keys and no others.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    pub(crate) profile: Option<PathBuf>,
    /// A file in arti's configuration format.
    pub(crate) tor_config: Option<PathBuf>,
    /// The file whose first line is the passphrase.
    pub(crate) passphrase_file: Option<PathBuf>,
    pub(crate) json: Option<bool>,
    pub(crate) log: Option<Level>,
    /// arti's configuration itself: only a file can hold it.
    pub(crate) tor: Option<toml::Table>,
}

impl Layer {
    /// What the environment says; `get` reads a variable. An empty one counts as not set.
    pub(crate) fn from_env(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let get = |name| get(name).filter(|value| !value.is_empty());
        Ok(Self {
            profile: get(ENV_PROFILE).map(PathBuf::from),
            tor_config: get(ENV_TOR_CONFIG).map(PathBuf::from),
            passphrase_file: get(ENV_PASSPHRASE_FILE).map(PathBuf::from),
            json: get(ENV_JSON).map(|value| parse(ENV_JSON, &value, parse_bool)).transpose()?,
            log: get(ENV_LOG).map(|value| parse(ENV_LOG, &value, str::parse)).transpose()?,
            tor: None,
        })
    }

    /// What a configuration file says. Its relative paths start at its own directory.
    pub(crate) fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let mut layer: Self =
            toml::from_str(&read(path)?).map_err(|error| malformed(path, error))?;
        if layer.tor.is_some() && layer.tor_config.is_some() {
            return Err(malformed(path, "it has both `tor_config` and a [tor] table: keep one"));
        }
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [&mut layer.profile, &mut layer.tor_config, &mut layer.passphrase_file] {
            *file = file.take().map(|file| rebase(path, base, file)).transpose()?;
        }
        Ok(layer)
    }

    /// This layer, with what it does not say taken from `below`.
    #[must_use]
    pub(crate) fn or(self, below: Self) -> Self {
        // A [tor] table below does not speak when a file was named above.
        let tor = self.tor.or(if self.tor_config.is_some() { None } else { below.tor });
        Self {
            profile: self.profile.or(below.profile),
            tor_config: self.tor_config.or(below.tor_config),
            passphrase_file: self.passphrase_file.or(below.passphrase_file),
            json: self.json.or(below.json),
            log: self.log.or(below.log),
            tor,
        }
    }
}

/// The directories that the defaults are in, by the XDG rules.
#[derive(Clone, Debug)]
pub(crate) struct BaseDirs {
    /// As `~/.local/share`.
    pub(crate) data: PathBuf,
    /// As `~/.config`.
    pub(crate) config: PathBuf,
}

impl BaseDirs {
    /// Those of the person who runs this.
    pub(crate) fn find() -> Result<Self, ConfigError> {
        use etcetera::BaseStrategy as _;
        let dirs = etcetera::choose_base_strategy().map_err(|_| ConfigError::NoHome)?;
        Ok(Self { data: dirs.data_dir(), config: dirs.config_dir() })
    }
}

/// What holds in the end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// The profile directory. Default: `chive` in the data directory.
    pub(crate) profile: PathBuf,
    /// A file in arti's configuration format.
    pub(crate) tor_config: Option<PathBuf>,
    /// arti's configuration, when no such file was named.
    pub(crate) tor_table: Option<toml::Table>,
    /// The file whose first line is the passphrase; `-` is standard input.
    pub(crate) passphrase_file: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) log: Level,
}

impl Settings {
    /// Reads the environment and the configuration file, below the flags.
    ///
    /// `config` is the file that a flag names; without one the environment names it, or it is
    /// `chive/config.toml` in the configuration directory, which need not exist.
    pub(crate) fn find(
        flags: Layer,
        config: Option<PathBuf>,
        env: impl Fn(&str) -> Option<OsString>,
        dirs: Result<BaseDirs, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let named =
            config.or_else(|| env(ENV_CONFIG).filter(|path| !path.is_empty()).map(PathBuf::from));
        let file = match (named, &dirs) {
            (Some(path), _) => Layer::from_file(&path)?,
            (None, Ok(dirs)) => default_file(&dirs.config.join("chive").join("config.toml"))?,
            (None, Err(_)) => Layer::default(),
        };
        let layer = flags.or(Layer::from_env(env)?).or(file);
        let profile = match layer.profile {
            Some(profile) => profile,
            None => dirs?.data.join("chive"),
        };

        Ok(Self {
            profile,
            tor_config: layer.tor_config,
            tor_table: layer.tor,
            passphrase_file: layer.passphrase_file,
            json: layer.json.unwrap_or_default(),
            log: layer.log.unwrap_or_default(),
        })
    }

    /// arti's configuration, if there is any.
    pub(crate) fn tor(&self) -> Result<Option<toml::Table>, ConfigError> {
        let Some(path) = &self.tor_config else {
            return Ok(self.tor_table.clone());
        };
        toml::from_str(&read(path)?).map(Some).map_err(|error| malformed(path, error))
    }
}

fn default_file(path: &Path) -> Result<Layer, ConfigError> {
    match Layer::from_file(path) {
        Err(ConfigError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Layer::default())
        }
        layer => layer,
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })
}

fn malformed(path: &Path, reason: impl fmt::Display) -> ConfigError {
    ConfigError::Malformed {
        path: path.to_owned(),
        reason: reason.to_string().trim_end().to_owned(),
    }
}

/// `-` is standard input wherever it is written. A shell's `~` would silently name a directory.
fn rebase(config: &Path, base: &Path, file: PathBuf) -> Result<PathBuf, ConfigError> {
    if file.starts_with("~") {
        return Err(malformed(
            config,
            format!("`{}`: write the whole path, `~` is not expanded here", file.display()),
        ));
    }
    Ok(if file.as_os_str() == "-" { file } else { base.join(file) })
}

fn parse<T>(
    variable: &'static str,
    value: &OsString,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, ConfigError> {
    let value = value.to_string_lossy();
    parse(&value).map_err(|reason| ConfigError::Variable { variable, reason })
}

fn parse_bool(value: &str) -> Result<bool, String> {
    match value {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err("expected 1 or 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> io::Result<Self> {
            let home = tempfile::tempdir()?;
            fs::create_dir_all(home.path().join("config/chive"))?;
            Ok(Self(home))
        }

        fn dirs(&self) -> BaseDirs {
            BaseDirs { data: self.0.path().join("data"), config: self.0.path().join("config") }
        }

        fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
            let path = self.0.path().join("config/chive").join(name);
            fs::write(&path, text)?;
            Ok(path)
        }

        fn find(&self, flags: Layer, env: &[(&str, &str)]) -> Result<Settings, ConfigError> {
            let get = |name: &str| {
                env.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
            };
            Settings::find(flags, None, get, Ok(self.dirs()))
        }
    }

    type Done = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn nothing_said_gives_the_defaults() -> Done {
        let home = Home::new()?;
        let settings = home.find(Layer::default(), &[])?;
        assert_eq!(settings.profile, home.dirs().data.join("chive"));
        assert_eq!((settings.json, settings.log), (false, Level::Warn));
        assert_eq!(settings.tor()?, None);
        Ok(())
    }

    #[test]
    fn flag_before_environment_before_file() -> Done {
        let home = Home::new()?;
        home.write(
            "config.toml",
            "profile = \"/file\"\nlog = \"info\"\njson = true\npassphrase_file = \"pass\"\n",
        )?;
        let env = [(ENV_PROFILE, "/env"), (ENV_LOG, "debug"), (ENV_PASSPHRASE_FILE, "")];
        let flags = Layer { profile: Some("/flag".into()), ..Layer::default() };
        let settings = home.find(flags, &env)?;
        assert_eq!(settings.profile, Path::new("/flag"));
        assert_eq!(settings.log, Level::Debug);
        assert!(settings.json);
        assert_eq!(settings.passphrase_file, Some(home.dirs().config.join("chive/pass")));
        Ok(())
    }

    #[test]
    fn json_can_be_switched_off_above_the_file() -> Done {
        let home = Home::new()?;
        home.write("config.toml", "json = true\n")?;
        assert!(!home.find(Layer::default(), &[(ENV_JSON, "0")])?.json);
        Ok(())
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() -> Done {
        let home = Home::new()?;
        home.write("config.toml", "profil = \"/x\"\n")?;
        let Err(error) = home.find(Layer::default(), &[]) else {
            return Err("accepted".into());
        };
        assert!(error.to_string().contains("profil"), "{error}");
        assert!(error.to_string().contains("config.toml"), "{error}");
        Ok(())
    }

    #[test]
    fn a_named_file_must_exist() -> Done {
        let home = Home::new()?;
        let missing = home.find(Layer::default(), &[(ENV_CONFIG, "/does/not/exist.toml")]);
        assert!(matches!(missing, Err(ConfigError::Unreadable { .. })));
        Ok(())
    }

    #[test]
    fn a_named_tor_file_replaces_the_table() -> Done {
        let home = Home::new()?;
        home.write("config.toml", "[tor.bridges]\nenabled = true\n")?;
        let table = home.find(Layer::default(), &[])?.tor()?;
        assert!(table.is_some_and(|tor| tor.contains_key("bridges")));
        let file = home.write("tor.toml", "[path_rules]\nipv4_subnet_family_prefix = 33\n")?;
        let flags = Layer { tor_config: Some(file), ..Layer::default() };
        let table = home.find(flags, &[])?.tor()?;
        assert!(
            table.is_some_and(|tor| tor.contains_key("path_rules") && !tor.contains_key("bridges"))
        );
        Ok(())
    }

    #[test]
    fn what_cannot_be_meant_is_refused() -> Done {
        let home = Home::new()?;
        for (key, value) in [(ENV_JSON, "maybe"), (ENV_LOG, "loud")] {
            assert!(matches!(
                home.find(Layer::default(), &[(key, value)]),
                Err(ConfigError::Variable { .. })
            ));
        }

        for text in ["profile = \"~/x\"", "log = \"loud\"", "tor_config = \"a\"\n[tor]\n", "= ="] {
            home.write("config.toml", text)?;
            assert!(
                matches!(home.find(Layer::default(), &[]), Err(ConfigError::Malformed { .. })),
                "{text}"
            );
        }

        Ok(())
    }
}
