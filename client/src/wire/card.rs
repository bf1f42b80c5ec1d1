//! The card: our name, addresses and servers, as contacts get them, first with a contact request or
//! its acceptance, then as a message whenever it changes. Encoding and decoding only.

use minicbor::bytes::{ByteArray, ByteSlice};
use minicbor::{Decode, Encode};

use super::codec::{WireError, check_revision, decode, encode, within};
use crate::limits::{MAX_NAME, MAX_REQUEST_TEXT, MAX_SERVER, MAX_SERVERS};
use crate::transport::{Address, OnionAddress};

/// What a contact is told about us.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    /// Rises with every change: an older card never replaces a newer one.
    pub revision: u64,
    /// The name that its owner chose: untrusted text.
    pub name: String,
    /// Where contacts reach its owner: at most one address of each kind.
    pub addresses: Vec<Address>,
    /// What the owner's presence records are sealed and blinded with.
    pub presence_secret: [u8; 32],
    /// Rendezvous servers that the owner announces itself to.
    pub servers: Vec<String>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct CardMap<'b> {
    #[n(1)]
    revision: u64,
    #[n(2)]
    name: &'b str,
    #[n(3)]
    onion: Option<ByteArray<32>>,
    #[n(4)]
    presence_secret: ByteArray<32>,
    #[cbor(b(5), skip_if = "Vec::is_empty")]
    servers: Vec<&'b str>,
}

impl Card {
    /// The onion service at which contacts reach its owner over Tor.
    #[must_use]
    pub fn onion(&self) -> Option<OnionAddress> {
        self.addresses.first().map(|Address::Onion(onion)| *onion)
    }

    /// The bytes of a card: PROTOCOL.md, section 11.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&CardMap {
            revision: self.revision,
            name: &self.name,
            onion: self.onion().map(|onion| onion.0.into()),
            presence_secret: self.presence_secret.into(),
            servers: self.servers.iter().map(String::as_str).collect(),
        })
    }

    /// Reads what [`Card::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let map: CardMap = decode(bytes)?;

        check_revision(map.revision)?;
        within("name", map.name.len(), MAX_NAME)?;
        within("servers", map.servers.len(), MAX_SERVERS)?;
        for server in &map.servers {
            within("server", server.len(), MAX_SERVER)?;
        }

        let onion = map.onion.map(|key| OnionAddress(key.into()));
        let addresses: Vec<Address> = onion.into_iter().map(Address::Onion).collect();
        if addresses.is_empty() {
            return Err(WireError::Missing("address"));
        }

        Ok(Self {
            revision: map.revision,
            name: map.name.to_owned(),
            addresses,
            presence_secret: map.presence_secret.into(),
            servers: map.servers.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// A contact request, and its acceptance: the card, and what the conversation begins with.
#[derive(Clone, PartialEq, Eq)]
pub struct Introduction {
    /// Who we are to this contact.
    pub card: Card,
    /// In a request: the MLS key package. In an acceptance: the MLS welcome.
    pub mls: Vec<u8>,
    /// In an acceptance: the digest of the sender's own request to the receiver, if it had one.
    /// That request is void from now on, also where it comes later than this.
    pub withdrawn: Option<[u8; 16]>,
    /// In a request to who was found by a handle: what its owner is shown. Untrusted text.
    pub message: Option<String>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct IntroductionMap<'b> {
    #[n(1)]
    card: &'b ByteSlice,
    #[n(2)]
    mls: &'b ByteSlice,
    #[n(3)]
    withdrawn: Option<ByteArray<16>>,
    #[n(4)]
    message: Option<&'b str>,
}

impl Introduction {
    /// The bytes of an introduction: PROTOCOL.md, section 10.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&IntroductionMap {
            card: self.card.to_bytes().as_slice().into(),
            mls: self.mls.as_slice().into(),
            withdrawn: self.withdrawn.map(Into::into),
            message: self.message.as_deref(),
        })
    }

    /// Reads what [`Introduction::to_bytes`] wrote; the MLS part has at most `limit` bytes.
    pub fn from_bytes(bytes: &[u8], limit: usize) -> Result<Self, WireError> {
        let map: IntroductionMap = decode(bytes)?;

        within("mls", map.mls.len(), limit)?;
        within("message", map.message.map_or(0, str::len), MAX_REQUEST_TEXT)?;

        Ok(Self {
            card: Card::from_bytes(map.card)?,
            mls: map.mls.to_vec(),
            withdrawn: map.withdrawn.map(Into::into),
            message: map.message.map(str::to_owned),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::wire::golden;

    pub(in crate::wire) fn card() -> Card {
        Card {
            revision: 7,
            name: "Bob".into(),
            addresses: vec![OnionAddress([1; 32]).into()],
            presence_secret: [2; 32],
            servers: vec!["s".into()],
        }
    }

    #[test]
    fn golden_card() {
        golden("card", &card().to_bytes());
        assert!(Card::from_bytes(&card().to_bytes()).unwrap() == card());
    }

    #[test]
    fn golden_introduction() {
        let introduction =
            Introduction { card: card(), mls: vec![9; 5], withdrawn: None, message: None };
        golden("introduction", &introduction.to_bytes());
        let withdrawing = Introduction { withdrawn: Some([8; 16]), ..introduction.clone() };

        golden("introduction_withdrawing", &withdrawing.to_bytes());
        assert!(Introduction::from_bytes(&withdrawing.to_bytes(), 5).unwrap() == withdrawing);
        assert!(Introduction::from_bytes(&introduction.to_bytes(), 5).unwrap() == introduction);
        assert!(Introduction::from_bytes(&introduction.to_bytes(), 4).is_err());
        let speaking = Introduction { message: Some("It is me.".into()), ..introduction.clone() };
        golden("introduction_speaking", &speaking.to_bytes());
        assert!(Introduction::from_bytes(&speaking.to_bytes(), 5).unwrap() == speaking);
        let longest = |length| {
            Introduction { message: Some("x".repeat(length)), ..introduction.clone() }.to_bytes()
        };
        assert!(Introduction::from_bytes(&longest(MAX_REQUEST_TEXT), 5).is_ok());
        assert!(Introduction::from_bytes(&longest(MAX_REQUEST_TEXT + 1), 5).is_err());
    }

    #[test]
    fn a_card_without_a_known_address_is_refused() {
        let none = Card { addresses: vec![], ..card() };
        assert!(matches!(Card::from_bytes(&none.to_bytes()), Err(WireError::Missing("address"))));

        // The same with an address of a later kind, at key 42.
        let bytes = none.to_bytes();
        let later = [&[bytes[0] + 1], &bytes[1..], b"\x18\x2a\x41x"].concat();
        assert!(matches!(Card::from_bytes(&later), Err(WireError::Missing("address"))));
    }

    #[test]
    fn a_long_name_is_refused() {
        let mut long = card();
        long.name = "x".repeat(MAX_NAME + 1);
        assert!(matches!(
            Card::from_bytes(&long.to_bytes()),
            Err(WireError::TooLarge { what: "name", .. })
        ));
    }

    #[test]
    fn cut_or_extended_cards_are_refused() {
        let introduction =
            Introduction { card: card(), mls: vec![9; 5], withdrawn: Some([8; 16]), message: None }
                .to_bytes();
        let card = card().to_bytes();
        assert!((0..card.len()).all(|end| Card::from_bytes(&card[..end]).is_err()));
        assert!(
            (0..introduction.len())
                .all(|end| Introduction::from_bytes(&introduction[..end], 5).is_err())
        );
        assert!(Card::from_bytes(&[&card[..], &[0]].concat()).is_err());
        assert!(Introduction::from_bytes(&[&introduction[..], &[0]].concat(), 5).is_err());
    }

    #[test]
    fn every_field_of_a_card_at_its_cap_is_read_and_over_it_is_not() {
        let reads = |change: &dyn Fn(&mut Card)| {
            let mut changed = card();
            change(&mut changed);
            Card::from_bytes(&changed.to_bytes()).is_ok()
        };
        assert!(
            reads(&|card| card.name = "x".repeat(MAX_NAME))
                && !reads(&|card| card.name = "x".repeat(MAX_NAME + 1))
        );
        assert!(
            reads(&|card| card.name = String::new())
                && reads(&|card| card.name = "nul \0 nul".into())
        );
        let server = |length| vec!["x".repeat(length)];

        assert!(
            reads(&|card| card.servers = server(MAX_SERVER))
                && !reads(&|card| card.servers = server(MAX_SERVER + 1))
        );
        let servers = |count| vec!["x\0".to_owned(); count];
        assert!(
            reads(&|card| card.servers = servers(MAX_SERVERS))
                && !reads(&|card| card.servers = servers(MAX_SERVERS + 1))
        );
        assert!(
            reads(&|card| card.revision = (1 << 63) - 1) && !reads(&|card| card.revision = 1 << 63)
        );
    }

    #[test]
    fn a_malformed_card_is_refused() {
        let bytes = card().to_bytes();
        let at = |pattern: &[u8]| {
            bytes.windows(pattern.len()).position(|window| window == pattern).unwrap()
        };
        let changed = |at: usize, to: &[u8]| [&bytes[..at], to, &bytes[at + to.len()..]].concat();
        assert!(Card::from_bytes(&changed(at(b"Bob"), b"\xff\xfe\xfd")).is_err());
        assert!(Card::from_bytes(&changed(at(b"\x58\x20\x01"), b"\x58\x1f")).is_err());
        // A name of 2^32 - 1 bytes, an array of 2^62 servers.
        assert!(Card::from_bytes(b"\xa2\x01\x01\x02\x7a\xff\xff\xff\xff").is_err());
        assert!(Card::from_bytes(b"\xa2\x01\x01\x05\x9b\x40\0\0\0\0\0\0\0").is_err());
    }

    #[test]
    fn a_card_and_an_introduction_with_a_later_field_are_read() {
        // One more key, 42, in maps that have 5 and 2.
        let more = |bytes: &[u8]| [&[bytes[0] + 1], &bytes[1..], b"\x18\x2a\x61x"].concat();
        assert!(Card::from_bytes(&more(&card().to_bytes())).unwrap() == card());
        let introduction =
            Introduction { card: card(), mls: vec![9; 5], withdrawn: None, message: None };
        assert!(
            Introduction::from_bytes(&more(&introduction.to_bytes()), 5).unwrap() == introduction
        );
    }
}
