//! Encodes ids, times, states and reasons for the columns of the database.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{Sqlite, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Database, Decode, Encode, Type};

use super::events::Kind;
use crate::identity::PeerId;
use crate::invitation::InvitationSecret;
use crate::model::{
    Answer, ContactId, ContactStatus, ConversationId, ConversationKind, EventSeq, HandleId,
    HandleStatus, MessageRowId, MessageStatus, OutboxId, OutboxKind, OwnPresence, PublicId, Reason,
    ServiceId, ServiceKind, UnixMillis,
};
use crate::wire::message::MessageId;

type Arguments = <Sqlite as Database>::ArgumentBuffer;

/// A value that stands in no state's column.
#[derive(Debug, thiserror::Error)]
#[error("a state without a meaning")]
struct UnknownName;

/// What is 32 bytes long, and of a type of another crate.
#[derive(Clone, Copy)]
pub(super) struct Bytes32(pub(super) [u8; 32]);

macro_rules! numbers {
    ($($type:ident),+ $(,)?) => {
        $(
            impl Type<Sqlite> for $type {
                fn type_info() -> SqliteTypeInfo {
                    <i64 as Type<Sqlite>>::type_info()
                }

                fn compatible(info: &SqliteTypeInfo) -> bool {
                    <i64 as Type<Sqlite>>::compatible(info)
                }
            }

            impl Encode<'_, Sqlite> for $type {
                fn encode_by_ref(&self, arguments: &mut Arguments) -> Result<IsNull, BoxDynError> {
                    Encode::<Sqlite>::encode(self.0, arguments)
                }
            }

            impl Decode<'_, Sqlite> for $type {
                fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
                    <i64 as Decode<Sqlite>>::decode(value).map(Self)
                }
            }
        )+
    };
}

macro_rules! names {
    ($($type:ident),+ $(,)?) => {
        $(
            impl Type<Sqlite> for $type {
                fn type_info() -> SqliteTypeInfo {
                    <str as Type<Sqlite>>::type_info()
                }
            }

            impl Encode<'_, Sqlite> for $type {
                fn encode_by_ref(&self, arguments: &mut Arguments) -> Result<IsNull, BoxDynError> {
                    Encode::<Sqlite>::encode(self.name(), arguments)
                }
            }

            impl Decode<'_, Sqlite> for $type {
                fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
                    let name = <&str as Decode<Sqlite>>::decode(value)?;
                    Ok(Self::named(name).ok_or(UnknownName)?)
                }
            }
        )+
    };
}

macro_rules! blobs {
    ($($type:ident),+ $(,)?) => {
        $(
            impl Type<Sqlite> for $type {
                fn type_info() -> SqliteTypeInfo {
                    <[u8] as Type<Sqlite>>::type_info()
                }
            }

            impl Encode<'_, Sqlite> for $type {
                fn encode_by_ref(&self, arguments: &mut Arguments) -> Result<IsNull, BoxDynError> {
                    Encode::<Sqlite>::encode(self.0.to_vec(), arguments)
                }
            }

            impl Decode<'_, Sqlite> for $type {
                fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
                    Ok(Self(<&[u8] as Decode<Sqlite>>::decode(value)?.try_into()?))
                }
            }
        )+
    };
}

numbers!(
    ContactId,
    ConversationId,
    MessageRowId,
    OutboxId,
    ServiceId,
    HandleId,
    EventSeq,
    UnixMillis
);
names!(
    ContactStatus,
    ConversationKind,
    MessageStatus,
    OutboxKind,
    ServiceKind,
    HandleStatus,
    OwnPresence,
    Answer,
    Kind
);
blobs!(PeerId, MessageId, PublicId, InvitationSecret, Bytes32);

/// As JSON, as in the local API.
impl Type<Sqlite> for Reason {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for Reason {
    fn encode_by_ref(&self, arguments: &mut Arguments) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(serde_json::to_string(self)?, arguments)
    }
}

impl Decode<'_, Sqlite> for Reason {
    fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(serde_json::from_str(<&str as Decode<Sqlite>>::decode(value)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{StoreError, scratch};

    #[tokio::test]
    async fn a_state_without_a_meaning_is_damage() {
        let (store, _directory) = scratch().await;
        let mut tx = store.begin().await.unwrap();
        let mut read = async |name: &str| -> Result<OutboxKind, StoreError> {
            Ok(sqlx::query_scalar("SELECT ?").bind(name).fetch_one(&mut *tx).await?)
        };
        assert_eq!(read("card").await.unwrap(), OutboxKind::Card);
        assert!(matches!(
            read("cards").await.unwrap_err(),
            StoreError::Damaged { source: Some(_), .. }
        ));
    }
}
