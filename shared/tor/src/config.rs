//! arti's configuration: the user's overrides, and the settings that Chive insists on. It creates
//! directories, and never touches the network.

use std::error::Error;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use arti_client::TorClientConfig;
use arti_client::config::{
    CfgPath, ConfigurationSource, ConfigurationSources, TorClientConfigBuilder,
};
use tor_config::load::ConfigResolveOptions;
use tor_config::sources::MustRead;

use crate::error::TorStartError;

/// Where arti keeps the state of our services, under its state directory.
const SERVICES_STATE: &str = "hss";
/// The mode of a directory that only its user can enter.
const PRIVATE: u32 = 0o700;

/// Where Tor keeps its files, and how it differs from arti's defaults.
#[derive(Clone, Debug)]
pub struct TorOptions {
    /// For guards, timeouts and the state of our services: survives restarts, holds no key.
    /// Created, and made private to this user.
    pub state_dir: PathBuf,
    /// For the public directory of relays: may be deleted at any time. Created, and made private.
    pub cache_dir: PathBuf,
    /// Settings in arti's own configuration format, for bridges, pluggable transports and private
    /// networks. `[storage]` is ours alone. See [`check_overrides`].
    pub overrides: Option<toml::Table>,
}

/// arti's configuration, complete and checked.
#[derive(Clone, Debug)]
pub struct TorConfig {
    arti: TorClientConfig,
    services_state: PathBuf,
}

/// Checks settings for [`TorOptions::overrides`]: unknown keys, wrong values, and sections that
/// cannot be overridden.
///
/// # Errors
/// A sentence for the person who wrote the configuration.
pub fn check_overrides(overrides: &toml::Table) -> Result<(), String> {
    if overrides.contains_key("storage") {
        return Err("[storage] cannot be set: Chive itself decides where keys and files are kept"
            .to_owned());
    }

    let text = toml::to_string(overrides).map_err(|error| error.to_string())?;
    let mut sources = ConfigurationSources::new_empty();

    sources.push_source(ConfigurationSource::from_verbatim(text), MustRead::MustRead);
    let tree = sources.load().map_err(|error| with_causes(&error))?;
    let options = ConfigResolveOptions::default();
    let resolved = tor_config::resolve_return_results::<TorClientConfig>(&tree, &options)
        .map_err(|error| with_causes(&error))?;
    let unknown: Vec<String> = resolved.unrecognized.iter().map(ToString::to_string).collect();
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(format!("unknown settings: {}", unknown.join(", ")))
    }
}

impl TorConfig {
    /// Checks the settings, and creates the directories.
    pub fn build(options: TorOptions) -> Result<Self, TorStartError> {
        let wrong = |error: &dyn Error| TorStartError::Configuration(with_causes(error));
        let overrides = options.overrides.unwrap_or_default();
        check_overrides(&overrides).map_err(TorStartError::Configuration)?;
        create_private(&options.state_dir)?;
        create_private(&options.cache_dir)?;
        let table = add_required(overrides);
        let mut builder: TorClientConfigBuilder =
            table.try_into().map_err(|error: toml::de::Error| wrong(&error))?;
        builder
            .storage()
            .state_dir(CfgPath::new_literal(&options.state_dir))
            .cache_dir(CfgPath::new_literal(&options.cache_dir));
        let arti = builder.build().map_err(|error| wrong(&error))?;
        Ok(Self { arti, services_state: options.state_dir.join(SERVICES_STATE) })
    }

    pub(crate) fn arti(&self) -> TorClientConfig {
        self.arti.clone()
    }

    /// Removes arti's state of our services. It is useless without the keys, which arti never
    /// stores; but it names their introduction points, which together with an old descriptor would
    /// prove that a service was hosted here.
    pub fn forget_services(&self) {
        match fs::remove_dir_all(&self.services_state) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(kind = ?error.kind(), "the state of our services could not be \
                                                     removed");
            }
            _ => {}
        }
    }
}

/// Adds the settings that are not a choice, and full vanguards unless the user chose otherwise.
fn add_required(mut table: toml::Table) -> toml::Table {
    // With the ephemeral keystore, onion keys live in the encrypted store alone.
    set(&mut table, &["storage", "keystore", "primary", "kind"], "ephemeral".into());
    set(&mut table, &["address_filter", "allow_onion_addrs"], true.into());
    // Services that live for months need the second layer of guards kept as well as the first.
    let chosen = table.get("vanguards").and_then(|vanguards| vanguards.get("mode")).is_some();
    if !chosen {
        set(&mut table, &["vanguards", "mode"], "full".into());
    }
    table
}

/// Sets the value at a path of keys, and creates the tables on the way.
fn set(table: &mut toml::Table, path: &[&str], value: toml::Value) {
    match path {
        [] => {}
        [key] => {
            table.insert((*key).to_owned(), value);
        }
        [key, rest @ ..] => {
            let inner = table.entry(*key).or_insert_with(|| toml::Table::new().into());
            if let Some(inner) = inner.as_table_mut() {
                set(inner, rest, value);
            }
        }
    }
}

/// Creates a directory that only this user can enter, and the missing ones above it alike: arti
/// refuses any other.
fn create_private(dir: &Path) -> Result<(), TorStartError> {
    let private = fs::Permissions::from_mode(PRIVATE);
    let made = DirBuilder::new().recursive(true).mode(PRIVATE).create(dir);
    made.and_then(|()| fs::set_permissions(dir, private))
        .map_err(|source| TorStartError::Directory { dir: dir.to_owned(), source })
}

/// The text of an error, with the causes that it does not print itself.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> toml::Table {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn nothing_to_override_is_fine() {
        assert_eq!(check_overrides(&toml::Table::new()), Ok(()));
    }

    #[test]
    fn a_private_network_and_bridges_are_fine() {
        let overrides = table(
            r#"
            [path_rules]
            ipv4_subnet_family_prefix = 33
            reachable_addrs = ["*:*"]
            [override_net_params]
            cbtdisabled = 1
            [bridges]
            bridges = ["192.0.2.83:80 $0bac39417268b96b9f514ef763fa6fba1a788956"]
            "#,
        );
        assert_eq!(check_overrides(&overrides), Ok(()));
    }

    #[test]
    fn an_unknown_key_is_named() {
        let message = check_overrides(&table("[path_rules]\nipv4_subnet_familie = 3")).unwrap_err();
        assert!(message.contains("path_rules.ipv4_subnet_familie"), "{message}");
    }

    #[test]
    fn a_wrong_value_is_named() {
        let message = check_overrides(&table("[vanguards]\nmode = \"thick\"")).unwrap_err();
        assert!(message.contains("vanguards"), "{message}");
    }

    #[test]
    fn storage_cannot_be_overridden() {
        let message = check_overrides(&table("[storage]\nstate_dir = \"/tmp\"")).unwrap_err();
        assert!(message.contains("[storage]"), "{message}");
    }

    #[test]
    fn vanguards_are_full_unless_chosen() {
        assert_eq!(add_required(toml::Table::new())["vanguards"]["mode"].as_str(), Some("full"));
        let lite = add_required(table("[vanguards]\nmode = \"lite\""));
        assert_eq!(lite["vanguards"]["mode"].as_str(), Some("lite"));
    }

    #[test]
    fn the_whole_configuration_builds() {
        let dir = tempfile::tempdir().unwrap();
        let options = TorOptions {
            state_dir: dir.path().join("state"),
            cache_dir: dir.path().join("cache"),
            overrides: Some(table("[vanguards]\nmode = \"lite\"")),
        };
        let config = TorConfig::build(options).unwrap();
        assert_eq!(format!("{:?}", config.arti().keystore().primary_kind()), "Some(Ephemeral)");
    }

    #[test]
    fn created_directories_and_their_parents_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let above = dir.path().join("tor");
        create_private(&above.join("state")).unwrap();
        for made in [above.clone(), above.join("state")] {
            assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, PRIVATE);
        }
    }
}
