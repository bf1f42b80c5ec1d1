//! Reasons in English. No other file turns them into words.

use chive::api::types::{AnswerError, Reason};

use crate::time::span;

/// A reason in words for people, in one line.
#[allow(clippy::too_many_lines, reason = "a dictionary")]
pub(crate) fn say(reason: &Reason) -> String {
    let words = match reason {
        Reason::Unknown => "the reason is not known to this version of Chive",

        Reason::ContactGone => "the contact is gone",
        Reason::ContactBlocked => "the contact is blocked",
        Reason::ContactRefused => "the contact refused our request",
        Reason::Unconfirmed => "the contact has not confirmed it yet",
        Reason::NotConnected { cause } => {
            return format!("no connection to the contact: {}", say(cause));
        }
        Reason::ConnectsWhenNeeded => {
            "no connection to the contact: it is made when there is something to send"
        }
        Reason::Unanswered { cause } => {
            return format!("the contact has not answered our request yet: {}", say(cause));
        }
        Reason::RestartPending { cause } => {
            let pending = "the conversation restarts as soon as the contact is reachable";
            return format!("{pending}: {}", say(cause));
        }
        Reason::Restarting { cause } => {
            return format!("the conversation restarts: {}", say(cause));
        }
        Reason::AwaitingAnswer => "waiting for the contact's answer",
        Reason::Connecting => "connecting",
        Reason::Retrying { cause, in_seconds } => {
            return format!("{}; next try in {in_seconds} s", say(cause));
        }
        Reason::AwaitingTor { cause, percent } => return format!("{} ({percent} %)", say(cause)),

        Reason::TorNotReady => "Tor is not ready",
        Reason::ContactUnreachable => "the contact is not reachable now",
        Reason::ContactUnproved => "who answers there could not prove to be the contact",
        Reason::ContactTimedOut => "the contact did not answer in time",
        Reason::ContactHungUp => "the contact closed the connection",

        Reason::AnswerUnusable => "its answer cannot be used",
        Reason::AnswerNotStored => "its answer could not be stored",
        Reason::RequestUnreadable => "our request could not be read",
        Reason::RequestCrossed => "its own request to us comes first",
        Reason::RequestPending => "its owner has not answered yet",
        Reason::RequestDeclined => "its owner said no",
        Reason::RequestRefused => "the owner of the invitation did not accept",
        Reason::RequestUnusable => {
            "its owner's client cannot use the request: its version or its clock may differ from \
            yours"
        }
        Reason::InvitationUsed => "the invitation has been used: ask for another",
        Reason::InvitationExpired => "the invitation has expired: ask for another",
        Reason::InvitationRevoked => "the invitation was taken back by its owner",
        Reason::AlreadyContact => {
            "its owner has you as a contact already, and this link cannot begin the conversation \
            anew: ask for another"
        }
        Reason::WrongPeer => "who answers there is not whom the link names: ask for the link again",
        Reason::RestartUnsupported => "its version of Chive cannot restart a conversation",
        Reason::RestartUnusable => {
            "its client cannot use the question: its version or its clock may differ from yours"
        }

        Reason::PresenceWithoutServer => "it announces itself to no server",
        Reason::PresenceExpired => "its last word at its server has expired",
        Reason::PresenceWithoutRecord => "its server has no word of it",
        Reason::PresenceServer { cause } => return format!("its server: {}", say(cause)),

        Reason::ServerNotAsked => "not asked yet",
        Reason::ServerRequest => "the request to it could not be made",
        Reason::ServerUnreachable => "nobody answers there",
        Reason::ServerTimedOut => "it did not answer in time",
        Reason::ServerHungUp => "the connection to it broke",
        Reason::ServerTokenRequired => "it is closed: it takes what we announce with a token alone",
        Reason::ServerFull => "it is full",
        Reason::ServerBusy => "it is busy, or stopping",
        Reason::ServerClock => "its clock and ours differ: check the clock",
        Reason::ServerVersion => "it does not take what we sent: its version may differ from ours",
        Reason::ServerWork { bits } => {
            return format!("it asks for {bits} bits of work, which is too much");
        }
        Reason::ServerAnswer { fault } => {
            return format!("its answer cannot be used: {}", describe_answer_error(*fault));
        }
        Reason::ServerOlderRecord => "it showed an older record after a newer one",
        Reason::ServerContradiction => "it showed two different records with one number",
        Reason::ServerWentBack => "its board goes back in time",
        Reason::ServerForgedRecord => "it showed a record that its owner did not sign",

        Reason::HandleTaken => "somebody else has this handle",
        Reason::HandleNotOurs => "the handle is not ours",
        Reason::HandleUnknown => "there is nobody with this handle",
        Reason::HandlesNotKept => "it keeps no handles",

        Reason::TorStarting => "starting Tor",
        Reason::TorStopped => "Tor is stopped",
        Reason::TorConnected => "connected to Tor",
        Reason::TorConnecting => "connecting to the Tor network",
        Reason::TorDownloading { percent } => {
            return format!("downloading the directory: {percent} %");
        }
        Reason::TorLost => "the connection to the Tor network is lost; trying again",
        Reason::TorOffline => "this machine seems to be offline: check its internet connection",
        Reason::TorFiltered => {
            "something between this machine and Tor filters the connection: set up bridges in the \
            configuration"
        }
        Reason::TorNoRelay => {
            "no Tor relay answers: check the internet connection; where Tor is blocked, set up \
            bridges in the \
             configuration"
        }
        Reason::TorClock { skew_seconds } => return clock(*skew_seconds),
        Reason::TorDirectory => {
            "the Tor directory cannot be downloaded: check this machine's date and time; if they \
            are right, wait, or \
             set up bridges in the configuration"
        }
        Reason::TorFiles => {
            "Tor cannot use its files in the profile: check that the disk is not full and that \
            they belong to this \
             user, then start again"
        }
        Reason::TorNoProgress { seconds } => {
            return format!(
                "nothing has moved for {seconds} seconds: the connection may be slow; where Tor \
                is blocked, set up \
                 bridges in the configuration"
            );
        }
    };

    words.to_owned()
}

fn clock(skew_seconds: Option<i64>) -> String {
    let skew = match skew_seconds {
        None => "to be wrong".to_owned(),
        Some(seconds) if seconds < 0 => format!("slow by around {}", span(seconds.unsigned_abs())),
        Some(seconds) => format!("fast by around {}", span(seconds.unsigned_abs())),
    };

    format!("this machine's clock seems {skew}: set its date, time and time zone right")
}

fn describe_answer_error(fault: AnswerError) -> &'static str {
    match fault {
        AnswerError::NotJson => "it is not the JSON that was expected",
        AnswerError::TooLong => "it is too long",
        AnswerError::OffTopic => "it is about something else",
        AnswerError::Event => "an event in it cannot be read",
        AnswerError::Claim => "the claim in it is not valid",
        AnswerError::Insatiable => "it asks for ever more",
        AnswerError::BoardVersion => "its board is of an unknown version",
        AnswerError::BoardCut => "its board was cut",
        AnswerError::BoardTooLong => "its board has too many records",
        AnswerError::BoardMalformed => "its board is malformed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_said_after_what_they_cause() {
        let cause = Reason::Retrying { cause: Reason::ContactUnreachable.boxed(), in_seconds: 12 };
        let said = say(&Reason::NotConnected { cause: cause.boxed() });
        assert_eq!(
            said,
            "no connection to the contact: the contact is not reachable now; next try in 12 s"
        );
    }

    #[test]
    fn a_wrong_clock_says_how_wrong_it_is() {
        assert!(say(&Reason::TorClock { skew_seconds: None }).contains("seems to be wrong"));
        assert!(
            say(&Reason::TorClock { skew_seconds: Some(-10_800) }).contains("slow by around 3h")
        );
        assert!(say(&Reason::TorClock { skew_seconds: Some(60) }).contains("fast by around 1m"));
    }
}
