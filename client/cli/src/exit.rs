//! How a command ends: the exit codes, in one table, and the error that carries one.

use std::fmt;
use std::io;

use crate::config::ConfigError;
use chive::api::client::ClientError;
use chive::api::types::ErrorCode;
use chive::profile::BackupError;
use chive::profile::ProfileError;
use chive::run::RunError;
use chive::store::StoreError;
use chive::transport::tor::TorStartError;
use serde::Serialize;

/// The exit codes, as `chive --help` lists them.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done
  1  failed for a reason that none of the others names
  2  wrong usage, or wrong settings
  3  no node is running for this profile
  4  wrong passphrase, or none given
  5  the profile is in use by another process, or exists already
  6  no such profile, contact, invitation, message, server, handle or request
  7  refused: a bad link, name, text or value, or a contact that cannot be written to now
  8  not in time: the message expired or was cancelled, it had left already, or --timeout is over
  9  the disk is full or read-only, or the profile or backup is damaged: nothing was changed";

/// What the process says to its caller. `0` is success and needs no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Failed = 1,
    Usage = 2,
    NotRunning = 3,
    Passphrase = 4,
    ProfileTaken = 5,
    Unknown = 6,
    Refused = 7,
    NotInTime = 8,
    Disk = 9,
}

impl Exit {
    fn of(code: ErrorCode) -> Self {
        use ErrorCode as Code;

        match code {
            Code::InvalidLink
            | Code::UnsupportedLink
            | Code::OwnLink
            | Code::AlreadyContact
            | Code::OutOfRange
            | Code::InvalidName
            | Code::NameTaken
            | Code::NotAccepted
            | Code::ContactBlocked
            | Code::InvalidText
            | Code::IdTaken
            | Code::InvalidServer
            | Code::ServerKnown
            | Code::InvalidHandle
            | Code::CursorExpired => Self::Refused,
            Code::UnknownContact
            | Code::UnknownConversation
            | Code::UnknownInvitation
            | Code::UnknownMessage
            | Code::UnknownServer
            | Code::UnknownHandle
            | Code::UnknownRequest => Self::Unknown,
            Code::AlreadySent => Self::NotInTime,
            Code::WrongPassphrase => Self::Passphrase,
            Code::Stopping => Self::NotRunning,
            Code::DiskFull | Code::DiskReadOnly | Code::ProfileDamaged => Self::Disk,
            Code::MalformedRequest
            | Code::NotFound
            | Code::MethodNotAllowed
            | Code::ServerUnreachable
            | Code::Internal => Self::Failed,
        }
    }
}

/// A command that could not be done: a code for programs, a sentence for people.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) exit: Exit,
    /// One of the API's error codes, or one of this program's own.
    pub(crate) code: String,
    pub(crate) detail: String,
    /// The reader of our output has gone: nothing is left to say, and nobody to say it to.
    pub(crate) unheard: bool,
}

pub(crate) type CliResult<T = ()> = Result<T, CliError>;

impl CliError {
    pub(crate) fn new(exit: Exit, code: &str, detail: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), detail: detail.into(), unheard: false }
    }

    pub(crate) fn usage(detail: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", detail)
    }

    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        let (exit, code) = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (Exit::Disk, "disk_full"),
            io::ErrorKind::ReadOnlyFilesystem => (Exit::Disk, "disk_read_only"),
            _ => (Exit::Failed, "io"),
        };
        Self::new(exit, code, format!("{what}: {error}"))
    }

    fn store(error: &StoreError) -> Self {
        let (exit, code) = match error {
            StoreError::Full => (Exit::Disk, "disk_full"),
            StoreError::ReadOnly => (Exit::Disk, "disk_read_only"),
            StoreError::Damaged { .. } => (Exit::Disk, "profile_damaged"),
            _ => (Exit::Failed, "store"),
        };
        Self::new(exit, code, error.to_string())
    }

    pub(crate) fn not_running() -> Self {
        let detail =
            "no node is running for this profile: start one with `chive run` (in another terminal)";
        Self::new(Exit::NotRunning, "not_running", detail)
    }

    /// As `{"error":{"code":…,"detail":…}}`.
    pub(crate) fn json(&self) -> impl Serialize {
        serde_json::json!({ "error": { "code": self.code, "detail": self.detail } })
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// The code as JSON has it: `unknown_contact`.
fn name_of(code: ErrorCode) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "internal".to_owned(),
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NotRunning => Self::not_running(),
            ClientError::Problem(problem) => {
                Self::new(Exit::of(problem.code), &name_of(problem.code), problem.detail)
            }
            ClientError::Io(cause) => Self::io("the connection to the node failed", &cause),
            ClientError::Protocol(_) => {
                Self::new(Exit::Failed, "protocol", format!("{error}: are both of one version?"))
            }
        }
    }
}

impl From<ProfileError> for CliError {
    fn from(error: ProfileError) -> Self {
        let (exit, code) = match &error {
            ProfileError::Exists(_) => (Exit::ProfileTaken, "profile_exists"),
            ProfileError::InUse => (Exit::ProfileTaken, "profile_in_use"),
            ProfileError::Missing(_) => (Exit::Unknown, "no_profile"),
            ProfileError::WrongPassphrase => (Exit::Passphrase, "wrong_passphrase"),
            ProfileError::EmptyPassphrase => (Exit::Passphrase, "no_passphrase"),
            ProfileError::Damaged(_) => (Exit::Disk, "profile_damaged"),
            ProfileError::Backup(BackupError::Damaged(_)) => (Exit::Disk, "backup_damaged"),
            ProfileError::Backup(BackupError::Version) => (Exit::Refused, "unsupported_backup"),
            ProfileError::Store(error) => return Self::store(error),
            ProfileError::Io(error) => {
                return Self::io("the profile cannot be read or written", error);
            }
        };
        Self::new(exit, code, error.to_string())
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Usage, "config", error.to_string())
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        match &error {
            RunError::Store(error) => Self::store(error),
            RunError::Api(cause) => Self::io("the local API cannot be reached", cause),
            RunError::Tor(TorStartError::Directory { source, .. }) => {
                Self::io(&error.to_string(), source)
            }
            RunError::Profile(_) | RunError::Crashed | RunError::Tor(_) => {
                Self::new(Exit::Failed, "run", error.to_string())
            }
        }
    }
}

/// Writing to standard output is the only I/O whose errors come without a word of their own.
impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        let unheard = error.kind() == io::ErrorKind::BrokenPipe;
        Self { unheard, ..Self::io("cannot write the output", &error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_help() {
        let last = Exit::Disk as usize;
        let listed: Vec<_> =
            HELP.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
        let expected: Vec<_> = (0..=last).map(|code| code.to_string()).collect();
        assert_eq!(listed, expected);
    }

    #[test]
    fn an_error_of_the_api_keeps_its_code() {
        let problem = chive::api::types::Problem {
            kind: "about:blank".to_owned(),
            title: "Not Found".to_owned(),
            status: 404,
            detail: "there is no contact `bob`".to_owned(),
            code: ErrorCode::UnknownContact,
        };
        let error = CliError::from(ClientError::Problem(problem));
        assert_eq!((error.exit, error.code.as_str()), (Exit::Unknown, "unknown_contact"));
    }
}
