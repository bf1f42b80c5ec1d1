//! Reasons and error codes that frames carry. A number that is unknown here is kept, and has no
//! special meaning.

use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

/// Why a link is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bye {
    /// The client stops.
    Stopping,
    /// Another link between the two was chosen.
    Superseded,
    /// A reason from a later version.
    Other(u64),
}

/// What could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A frame of an unknown type.
    UnknownFrame,
    /// An envelope that does not open.
    Undecryptable,
    /// A code from a later version.
    Other(u64),
}

/// Why a contact request is refused. Only a holder of the invitation's secret is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// The invitation has no uses left.
    Used,
    /// The invitation has expired.
    Expired,
    /// Its owner revoked the invitation.
    Revoked,
    /// The answerer has asked the asker, too, and its own request comes first: ask again later.
    Crossed,
    /// The asker is a contact already, and the two have talked since.
    Known,
    /// The request itself cannot be used.
    Unusable,
    /// The owner has not decided yet: ask again later.
    Pending,
    /// The owner declined the request.
    Declined,
    /// A reason from a later version: the request is refused for good.
    Other(u64),
}

macro_rules! numbered {
    ($name:ident { $($variant:ident = $number:literal),* }) => {
        impl $name {
            /// Its number on the wire.
            #[must_use]
            pub fn number(self) -> u64 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Other(number) => number,
                }
            }

            /// What a number on the wire means.
            #[must_use]
            pub fn from_number(number: u64) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    number => Self::Other(number),
                }
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: Write>(
                &self,
                encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                encoder.u64(self.number())?.ok()
            }
        }

        impl<C> Decode<'_, C> for $name {
            fn decode(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Self, decode::Error> {
                decoder.u64().map(Self::from_number)
            }
        }
    };
}

numbered!(Bye { Stopping = 1, Superseded = 2 });
numbered!(FrameError { UnknownFrame = 1, Undecryptable = 2 });
numbered!(RejectReason {
    Used = 1,
    Expired = 2,
    Revoked = 3,
    Crossed = 4,
    Known = 5,
    Unusable = 6,
    Pending = 7,
    Declined = 8
});
