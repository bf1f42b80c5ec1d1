//! Preferences, the passphrase, backups, wiping, and the address of the web interface.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A short text that a front-end keeps in the profile, such as a setting. The node does not read
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preference {
    /// 1 to 100 of `a` to `z`, `0` to `9`, `.`, `_` and `-`. A preference that ends with a `.` and a
    /// contact's id, such as `ui.wanted.ID`, goes with the contact.
    #[schema(min_length = 1, max_length = 100, pattern = "^[a-z0-9._-]+$")]
    pub key: String,
    /// The text that is kept.
    pub text: String,
}

/// `PUT /v1/preferences/{key}`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPreference {
    /// Up to 64,512 bytes of UTF-8; an empty one removes the preference.
    #[schema(max_length = 64_512)]
    pub text: String,
}

/// `POST /v1/web`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebPage {
    /// The address of the web interface, for one browser within ten minutes.
    pub url: String,
}

/// `POST /v1/passphrase`
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PassphraseChange {
    /// The current passphrase.
    pub old: String,
    /// The passphrase that opens the profile from now on.
    pub new: String,
}

/// `POST /v1/backup`
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBackup {
    /// What the backup opens with, and nothing else does.
    #[schema(min_length = 1)]
    pub passphrase: String,
}

/// `POST /v1/wipe`: ends the node and destroys the profile.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wipe {
    /// Must be true: a profile is not destroyed by mistake.
    pub confirm: bool,
}
