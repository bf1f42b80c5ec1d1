//! arti's configuration: what the operator chose, and what we insist on.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use arti_client::TorClientConfig;
use arti_client::config::{CfgPath, ConfigurationSource, ConfigurationSources, TorClientConfigBuilder};
use tor_config::load::ConfigResolveOptions;
use tor_config::sources::MustRead;

use super::OnionError;

/// Where arti keeps what it knows of our service, in its state directory.
const SERVICES_STATE: &str = "hss";

/// Says what is wrong with settings meant for arti.
///
/// # Errors
/// A sentence for who wrote the configuration.
pub fn check(tor: &toml::Table) -> Result<(), String> {
    if tor.contains_key("storage") {
        return Err("[tor.storage] cannot be set: files stay in the data directory".to_owned());
    }
    let text = toml::to_string(tor).map_err(|error| error.to_string())?;
    let mut sources = ConfigurationSources::new_empty();
    sources.push_source(ConfigurationSource::from_verbatim(text), MustRead::MustRead);
    let tree = sources.load().map_err(|error| causes(&error))?;
    let resolved = tor_config::resolve_return_results::<TorClientConfig>(&tree, &ConfigResolveOptions::default())
        .map_err(|error| causes(&error))?;
    let unknown: Vec<String> = resolved.unrecognized.iter().map(ToString::to_string).collect();
    if unknown.is_empty() { Ok(()) } else { Err(format!("unknown settings: {}", unknown.join(", "))) }
}

pub(super) fn build(dir: &Path, tor: toml::Table) -> Result<TorClientConfig, OnionError> {
    let wrong = |error: &dyn Error| OnionError::Configuration(causes(error));
    check(&tor).map_err(OnionError::Configuration)?;
    let (state, cache) = (dir.join("state"), dir.join("cache"));
    [dir, &state, &cache].into_iter().try_for_each(create_private)?;
    let mut builder: TorClientConfigBuilder = insist(tor).try_into().map_err(|error: toml::de::Error| wrong(&error))?;
    builder.storage().state_dir(CfgPath::new_literal(&state)).cache_dir(CfgPath::new_literal(&cache));
    builder.build().map_err(|error| wrong(&error))
}

/// Adds what does not depend on anybody's choice, and full vanguards where nothing else was chosen.
fn insist(mut table: toml::Table) -> toml::Table {
    set(&mut table, &["storage", "keystore", "primary", "kind"], "ephemeral".into());
    // To call ourselves.
    set(&mut table, &["address_filter", "allow_onion_addrs"], true.into());
    let chosen = table.get("vanguards").and_then(|vanguards| vanguards.get("mode")).is_some();
    if !chosen {
        set(&mut table, &["vanguards", "mode"], "full".into());
    }
    table
}

/// Sets the value at a path of keys, making the tables on the way.
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

/// Creates a directory that only this user can enter: arti refuses any other.
fn create_private(dir: &Path) -> Result<(), OnionError> {
    let made = fs::create_dir_all(dir).and_then(|()| fs::set_permissions(dir, fs::Permissions::from_mode(0o700)));
    made.map_err(|source| OnionError::Directory { dir: dir.to_owned(), source })
}

/// What arti keeps of our service is worth nothing without the key; a stale part of it can be in the way.
pub(super) fn forget_services(dir: &Path) {
    match fs::remove_dir_all(dir.join("state").join(SERVICES_STATE)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(kind = ?error.kind(), "the state of the onion service could not be removed");
        }
        _ => {}
    }
}

/// An error with the causes that it does not print itself.
fn causes(error: &dyn Error) -> String {
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
    fn a_private_network_builds_and_its_keys_are_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        let tor = table("[path_rules]\nipv4_subnet_family_prefix = 33\n[vanguards]\nmode = \"lite\"");
        let config = build(dir.path(), tor).unwrap();
        assert_eq!(format!("{:?}", config.keystore().primary_kind()), "Some(Ephemeral)");
    }

    #[test]
    fn an_unknown_key_is_named_and_storage_is_ours() {
        let said = check(&table("[path_rules]\nipv4_subnet_familie = 3")).unwrap_err();
        assert!(said.contains("path_rules.ipv4_subnet_familie"), "{said}");
        assert!(check(&table("[storage]\nstate_dir = \"/tmp\"")).unwrap_err().contains("storage"));
        assert_eq!(check(&toml::Table::new()), Ok(()));
    }
}
