//! The JSON of the server's API, without any behaviour. Records, boards and claims are binary, and
//! have modules of their own.
//!
//! The comments on these types are part of the server's `openapi.json`.

use serde::{Deserialize, Serialize};

/// `GET /v1/info`: what a server is and asks for. Clients ignore fields that they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Info {
    /// `chive-rendezvous`, or what another server calls itself.
    pub software: String,
    /// The version of that software.
    pub version: String,
    /// The server's onion address, for which records are made.
    pub server: String,
    /// The versions of this API that it speaks.
    pub api: Vec<u32>,
    /// The server's time, Unix seconds.
    pub time: i64,
    /// Records that live now.
    pub records: u64,
    /// How many of an address's first bits name a bucket of the board now; 0 as long as the board
    /// is not cut.
    pub bucket_bits: u8,
    /// What a put record costs now: bits of work.
    pub record_work: u8,
    /// What a claim costs now: bits of work.
    pub claim_work: u8,
    /// What does not change while the server runs.
    pub policy: Policy,
}

/// What a server's operator decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Policy {
    /// Who may do what without a token.
    pub access: Access,
    /// Whether handles can be claimed and found here.
    pub handles: bool,
    /// The longest life of a record, in seconds.
    pub record_life: u32,
    /// The longest life of a handle without a renewal, in seconds.
    pub handle_life: u32,
    /// How many records one request may hold.
    pub batch: u32,
    /// How many records live at most.
    pub records: u64,
    /// From the operator, for people: who runs it, and how to reach them. Untrusted text.
    pub notice: Option<String>,
}

/// Who may do what without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Access {
    /// Everybody everything; writing costs work.
    Open,
    /// Everybody may read; who writes needs a token.
    Writers,
    /// Nobody anything but this and the page for people.
    Members,
}

/// `POST /v1/records`: what became of each record, in the request's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchAnswer {
    /// One for each record.
    pub results: Vec<RecordAnswer>,
}

/// What became of one record of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordAnswer {
    /// Why it was refused; nothing if it was taken, and lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// See [`Problem::sequence`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
}

/// Every error: problem details (RFC 9457), `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `about:blank`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// What is wrong and what to do, in one sentence or two.
    pub detail: String,
    /// For programs: stable.
    pub code: Code,
    /// With `sequence_not_newer` and `sequence_taken`: the number that the server has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// With `work_required`: the bits that are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<u8>,
    /// With `bucket_too_large`: the bits that buckets are named by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_bits: Option<u8>,
}

/// What is wrong, for programs. Clients treat one that they do not know by its HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Code {
    /// The request is not what the API takes.
    MalformedRequest,
    /// A record, claim or release of a wrong length or an unknown version.
    MalformedRecord,
    /// The path names another address or handle than the body.
    WrongPlace,
    /// The address or the owner's key is no key, of low order, or not canonically encoded.
    InvalidKey,
    /// The signature is not the key's own, or made for another server.
    InvalidSignature,
    /// The epoch is not open now.
    WrongEpoch,
    /// It has expired.
    Expired,
    /// The sequence number is of a time to come.
    SequenceInFuture,
    /// It was signed too long ago.
    Stale,
    /// The server has a higher number for this address or handle.
    SequenceNotNewer,
    /// The server has something else with the same number.
    SequenceTaken,
    /// The proof of work is worth less than the price.
    WorkRequired,
    /// A token is needed, or the one that came is not right.
    TokenRequired,
    /// No live record, or no such handle.
    Unknown,
    /// Somebody else has the handle.
    HandleTaken,
    /// Not the handle's owner.
    NotOwner,
    /// Handles are not kept here.
    NoHandles,
    /// The cursor is of another database, or older than what is remembered: read the board again.
    CursorExpired,
    /// The board is cut into buckets: ask for one.
    BucketTooLarge,
    /// A body over the limit.
    TooLarge,
    /// The board or the list of handles is full: try again later.
    Full,
    /// Too many requests or streams at once: try again later.
    Busy,
    /// The request, or its answer, took too long.
    TooSlow,
    /// Nothing can be stored now; nothing was. Try again later.
    StorageUnavailable,
    /// No such path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The server is stopping.
    Stopping,
    /// A fault of the server.
    Internal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_survives_a_round_trip() {
        let text = concat!(
            r#"{"type":"about:blank","title":"Conflict","status":409,"#,
            r#""detail":"No.","code":"sequence_not_newer","sequence":7}"#
        );
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!(
            (problem.code, problem.sequence, problem.work),
            (Code::SequenceNotNewer, Some(7), None)
        );
        assert_eq!(serde_json::to_string(&problem).unwrap(), text);
    }
}
