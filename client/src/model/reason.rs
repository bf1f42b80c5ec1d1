//! Why something waits, fails or is not known: a code and its parameters. Each front-end has its
//! own words for them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why something waits, fails or is not known. `code` tells the cases apart; later versions may
/// have more of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// The contact was removed.
    ContactGone,
    /// We have blocked the contact.
    ContactBlocked,
    /// The contact refused our request.
    ContactRefused,
    /// The message was handed over, and the contact has not confirmed it yet.
    Unconfirmed,
    /// There is no connection to the contact.
    NotConnected {
        /// What happens now: `connecting` or `retrying`.
        #[schema(no_recursion)]
        cause: Box<Reason>,
    },
    /// There is no connection to the contact; it is made when there is something to send.
    ConnectsWhenNeeded,
    /// The contact has not answered our request yet.
    Unanswered {
        /// What happens now: `connecting` or `retrying`.
        #[schema(no_recursion)]
        cause: Box<Reason>,
    },
    /// The conversation restarts as soon as the contact can be reached.
    RestartPending {
        /// What happens now: `connecting` or `retrying`.
        #[schema(no_recursion)]
        cause: Box<Reason>,
    },
    /// The conversation restarts with a contact who is connected.
    Restarting {
        /// What the restart waits for, or why it failed.
        #[schema(no_recursion)]
        cause: Box<Reason>,
    },
    /// The contact has not answered yet.
    AwaitingAnswer,
    /// The first attempt to connect is under way.
    Connecting,
    /// An attempt failed, and another one follows.
    Retrying {
        /// Why the last attempt failed.
        #[schema(no_recursion)]
        cause: Box<Reason>,
        /// When the next attempt is made, in seconds from now.
        in_seconds: u64,
    },
    /// Tor is not ready.
    AwaitingTor {
        /// What Tor does now.
        #[schema(no_recursion)]
        cause: Box<Reason>,
        /// How far Tor is: 0 to 100.
        percent: u8,
    },

    /// No connection can be made, because Tor is not ready.
    TorNotReady,
    /// The contact cannot be reached now.
    ContactUnreachable,
    /// Whoever answers at the contact's address could not prove to be the contact.
    ContactUnproved,
    /// The contact did not answer in time.
    ContactTimedOut,
    /// The contact closed the connection.
    ContactHungUp,

    /// The answer to our request cannot be used.
    AnswerUnusable,
    /// The answer to our request could not be stored.
    AnswerNotStored,
    /// Our request is missing or cannot be read.
    RequestUnreadable,
    /// The contact's own request to us comes first.
    RequestCrossed,
    /// The person whom we asked has not answered yet.
    RequestPending,
    /// The person whom we asked said no.
    RequestDeclined,
    /// The person whom we asked did not accept.
    RequestRefused,
    /// The client of the person whom we asked cannot use our request.
    RequestUnusable,
    /// The invitation was used already.
    InvitationUsed,
    /// The invitation has expired.
    InvitationExpired,
    /// The invitation was revoked.
    InvitationRevoked,
    /// The owner of the invitation has us as a contact already, and the link cannot restart the
    /// conversation.
    AlreadyContact,
    /// Whoever answers is not the person whom the link names.
    WrongPeer,
    /// The contact's version cannot restart a conversation.
    RestartUnsupported,
    /// The contact's client cannot use our request to restart the conversation.
    RestartUnusable,

    /// The contact uses no server.
    PresenceWithoutServer,
    /// The contact's last record at its server has expired.
    PresenceExpired,
    /// The contact's server has no record of the contact.
    PresenceWithoutRecord,
    /// Something is wrong with the contact's server.
    PresenceServer {
        /// What is wrong with it.
        #[schema(no_recursion)]
        cause: Box<Reason>,
    },

    /// The server was not asked yet.
    ServerNotAsked,
    /// Our request to the server could not be made.
    ServerRequest,
    /// Nobody answers at the server's address.
    ServerUnreachable,
    /// The server did not answer in time.
    ServerTimedOut,
    /// The connection to the server broke.
    ServerHungUp,
    /// The server takes records from those who have a token alone.
    ServerTokenRequired,
    /// The server is full.
    ServerFull,
    /// The server is busy or stopping.
    ServerBusy,
    /// The server's clock and ours differ.
    ServerClock,
    /// The server does not take what we sent: its version may differ from ours.
    ServerVersion,
    /// The server asks for more work than is reasonable.
    ServerWork {
        /// How many bits of work it asks for.
        bits: u8,
    },
    /// The server's answer cannot be used.
    ServerAnswer {
        /// What is wrong with the answer.
        fault: AnswerError,
    },
    /// The server showed an older record after a newer one.
    ServerOlderRecord,
    /// The server showed two different records with one number.
    ServerContradiction,
    /// The server's board went back in time.
    ServerWentBack,
    /// The server showed a record that its owner did not sign.
    ServerForgedRecord,

    /// Somebody else has the handle.
    HandleTaken,
    /// The handle is not ours.
    HandleNotOurs,
    /// Nobody has the handle.
    HandleUnknown,
    /// The server keeps no handles.
    HandlesNotKept,

    /// Tor is starting.
    TorStarting,
    /// Tor is stopped.
    TorStopped,
    /// Tor is connected.
    TorConnected,
    /// Tor is connecting to the network.
    TorConnecting,
    /// Tor is downloading its directory.
    TorDownloading {
        /// How far it is: 0 to 100.
        percent: u8,
    },
    /// The connection to the Tor network is lost.
    TorLost,
    /// This machine seems to be offline.
    TorOffline,
    /// Something between this machine and Tor filters the connection.
    TorFiltered,
    /// No relay of Tor answers.
    TorNoRelay,
    /// This machine's clock seems to be wrong.
    TorClock {
        /// How wrong it is, if known: below 0 if it is slow.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        skew_seconds: Option<i64>,
    },
    /// The directory of Tor cannot be downloaded.
    TorDirectory,
    /// Tor cannot use its files in the profile.
    TorFiles,
    /// Tor makes no progress.
    TorNoProgress {
        /// For how long it has made none, at least.
        seconds: u64,
    },

    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Reason {
    /// In a box, as the cause of another reason.
    #[must_use]
    pub fn boxed(self) -> Box<Self> {
        Box::new(self)
    }
}

/// What is wrong with a server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerError {
    /// It is not the JSON that was expected.
    NotJson,
    /// It is too long.
    TooLong,
    /// It is about something else than was asked.
    OffTopic,
    /// An event of its stream cannot be read.
    Event,
    /// The claim to a handle is not valid.
    Claim,
    /// It asks for ever more, whatever it is given.
    Insatiable,
    /// The board is of a version that is not known.
    BoardVersion,
    /// The board was cut off.
    BoardCut,
    /// The board has too many records.
    BoardTooLong,
    /// The board is malformed.
    BoardMalformed,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reasons_nest_and_read_as_they_were_written() {
        let cause = Reason::Retrying { cause: Reason::ContactUnreachable.boxed(), in_seconds: 12 };
        let reason = Reason::NotConnected { cause: cause.boxed() };
        let written = json!({
            "code": "not_connected",
            "cause": {
                "code": "retrying", "cause": {"code": "contact_unreachable"}, "in_seconds": 12,
            },
        });
        assert_eq!(serde_json::to_value(&reason).unwrap(), written);
        assert_eq!(serde_json::from_value::<Reason>(written).unwrap(), reason);
    }

    #[test]
    fn codes_of_later_versions_are_unknown() {
        let later = json!({"code": "mercury_retrograde", "until": 7});
        assert_eq!(serde_json::from_value::<Reason>(later).unwrap(), Reason::Unknown);
    }
}
