//! Handshakes with honest and with hostile peers.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::identity::RootSecret;
use crate::transport::OnionAddress;

fn identity(n: u8) -> Identity {
    Identity::new(&RootSecret([n; 32]))
}

fn streams() -> (Stream, Stream) {
    let (a, b) = tokio::io::duplex(4096);
    (Box::new(a), Box::new(b))
}

fn invitation(inviter: &Identity) -> Invitation {
    Invitation {
        front_door: OnionAddress([0; 32]),
        peer_id: inviter.peer_id(),
        secret: InvitationSecret([5; 16]),
    }
}

#[tokio::test]
async fn an_invitation_shows_each_side_who_the_other_is() {
    let (alice, bob) = (identity(1), identity(2));
    let (a, mut b) = streams();
    let link = invitation(&bob);
    let mut rng = StdRng::from_seed([0; 32]);
    let answer = async {
        let preface = read_preface(&mut b).await?;
        assert!(preface.is_for(&link.secret.tag_key()));
        accept_by_invitation(b, &bob, &preface, &link.secret).await
    };
    let (dialled, answered) = tokio::join!(dial_by_invitation(a, &alice, &link, &mut rng), answer);
    let (dialled, answered) = (dialled.unwrap(), answered.unwrap());
    assert!(dialled.peer == bob.public() && answered.peer == alice.public());
    assert_eq!(dialled.id, answered.id);
}

#[tokio::test]
async fn an_answerer_with_other_keys_is_refused() {
    let (alice, bob, mallory) = (identity(1), identity(2), identity(3));
    let (a, mut b) = streams();
    let mut link = invitation(&mallory);
    let mut rng = StdRng::from_seed([0; 32]);

    // The link names Mallory; who answers has the secret, and claims Mallory's id in the
    // prologue.
    let answer = async {
        let preface = read_preface(&mut b).await.unwrap();
        let (secret, psk) = (bob.link_secret(), link.secret.psk());
        let prologue = [&preface.to_bytes()[..], &mallory.peer_id().0].concat();
        let mut noise =
            builder(BY_INVITATION, &secret, &psk, &prologue).unwrap().build_responder().unwrap();
        receive(&mut b, &mut noise).await.unwrap();
        send(&mut b, &mut noise, &mallory.public().presence).await.unwrap();
        b
    };
    let (dialled, _b) = tokio::join!(dial_by_invitation(a, &alice, &link, &mut rng), answer);

    assert!(matches!(dialled.err(), Some(LinkError::WrongPeer)));
    link.secret = InvitationSecret([6; 16]);
}

#[tokio::test]
async fn contacts_link_and_a_stranger_with_the_tag_does_not() {
    let (alice, bob, mallory) = (identity(1), identity(2), identity(3));
    let for_alice = PairKeys::new(&[9; 32], alice.peer_id(), bob.public());
    let for_bob = PairKeys::new(&[9; 32], bob.peer_id(), alice.public());
    for (dialler, works) in [(&alice, true), (&mallory, false)] {
        let (a, mut b) = streams();
        let mut rng = StdRng::from_seed([0; 32]);
        let answer = async {
            let preface = read_preface(&mut b).await?;
            assert!(for_bob.recognises(&preface));
            accept_contact(b, &bob, &preface, &for_bob).await
        };
        let (dialled, answered) =
            tokio::join!(dial_contact(a, dialler, &for_alice, &mut rng), answer);
        assert_eq!(dialled.is_ok(), works);
        assert!(works || matches!(answered.err(), Some(LinkError::WrongPeer)));
    }
}

/// One side's part of a handshake.
type Handshaking<'a> = futures::future::BoxFuture<'a, Result<Established, LinkError>>;

fn dials<'a>(stream: Stream, own: &'a Identity, keys: &'a PairKeys) -> Handshaking<'a> {
    Box::pin(async move { dial_contact(stream, own, keys, &mut StdRng::from_os_rng()).await })
}

/// Answers whatever the preface says, as if it had been recognised.
fn answers<'a>(mut stream: Stream, own: &'a Identity, keys: &'a PairKeys) -> Handshaking<'a> {
    Box::pin(async move {
        let preface = read_preface(&mut stream).await?;
        accept_contact(stream, own, &preface, keys).await
    })
}

/// What a contact says first: preface and first message.
async fn first_words(own: &Identity, keys: &PairKeys) -> Vec<u8> {
    let (near, mut far) = streams();
    let mut words = vec![0; preface::LENGTH + 2 + 48];
    tokio::select! {
        _ = dials(near, own, keys) => panic!("nobody has answered"),
        read = far.read_exact(&mut words) => read.unwrap(),
    };
    words
}

/// Alice, Bob, and what each has for the other.
fn contacts() -> (Identity, Identity, PairKeys, PairKeys) {
    let (alice, bob) = (identity(1), identity(2));
    let for_alice = PairKeys::new(&[9; 32], alice.peer_id(), bob.public());
    let for_bob = PairKeys::new(&[9; 32], bob.peer_id(), alice.public());
    (alice, bob, for_alice, for_bob)
}

#[tokio::test]
async fn a_contact_who_answers_without_its_key_is_refused() {
    let (alice, _, for_alice, for_bob) = contacts();
    let mallory = identity(3);
    let (a, b) = streams();
    let (dialled, answered) =
        tokio::join!(dials(a, &alice, &for_alice), answers(b, &mallory, &for_bob));
    assert!(dialled.is_err());
    assert!(matches!(answered.err(), Some(LinkError::WrongPeer)));
}

#[tokio::test]
async fn reflected_dials_and_records_are_useless() {
    let (alice, bob, for_alice, for_bob) = contacts();
    let words = first_words(&alice, &for_alice).await;
    let preface = Preface::from_bytes(words.first_chunk().unwrap()).unwrap();
    assert!(for_bob.recognises(&preface) && !for_alice.recognises(&preface));
    let (mut a, b) = streams();
    a.write_all(&words).await.unwrap();
    assert!(answers(b, &alice, &for_alice).await.is_err(), "not even if it were recognised");

    let (a, b) = streams();
    let (dialled, answered) =
        tokio::join!(dials(a, &alice, &for_alice), answers(b, &bob, &for_bob));
    let (dialled, answered) = (dialled.unwrap(), answered.unwrap());
    let records = super::super::record::Sealer::default().seal(&dialled.noise, b"mine").unwrap();
    let open = |noise| super::super::record::Opener::default().open(noise, &records[2..]);
    assert!(open(&dialled.noise).is_err() && open(&answered.noise).is_ok());
}

#[tokio::test]
async fn a_replayed_request_ends_before_anybody_is_named() {
    let (alice, bob) = (identity(1), identity(2));
    let link = invitation(&bob);
    let answer = |mut stream: Stream| {
        let (bob, link) = (&bob, &link);
        async move {
            let preface = read_preface(&mut stream).await?;
            accept_by_invitation(stream, bob, &preface, &link.secret).await
        }
    };

    // What Alice says, word for word.
    let (near, mut between) = streams();
    let (mut to_bob, far) = streams();
    let mut rng = StdRng::from_seed([0; 32]);
    let relay = async {
        let (mut said, mut back) = (vec![0; preface::LENGTH + 2 + 48], [0; 2 + 128]);
        between.read_exact(&mut said).await.unwrap();
        to_bob.write_all(&said).await.unwrap();
        to_bob.read_exact(&mut back).await.unwrap();
        between.write_all(&back).await.unwrap();
        let mut last = [0; 2 + 96];
        between.read_exact(&mut last).await.unwrap();
        to_bob.write_all(&last).await.unwrap();
        said.extend(last);
        said
    };
    let (dialled, answered, said) =
        tokio::join!(dial_by_invitation(near, &alice, &link, &mut rng), answer(far), relay);

    assert!(dialled.is_ok() && answered.is_ok());
    let (mut again, far) = streams();
    again.write_all(&said).await.unwrap();
    assert!(matches!(answer(far).await.err(), Some(LinkError::Handshake)));
}

#[tokio::test]
async fn a_handshake_for_one_that_is_relayed_to_another_fails() {
    // Mallory, whom Alice dials, hands everything on to Bob: by invitation with one secret for
    // both …
    let (alice, bob, mallory) = (identity(1), identity(2), identity(3));
    let (a, mut b) = streams();
    let link = invitation(&mallory);
    let mut rng = StdRng::from_seed([0; 32]);
    let answer = async {
        let preface = read_preface(&mut b).await?;
        accept_by_invitation(b, &bob, &preface, &link.secret).await
    };
    let (dialled, answered) = tokio::join!(dial_by_invitation(a, &alice, &link, &mut rng), answer);
    assert!(dialled.is_err() && answered.is_err());

    // … and between contacts, even if one secret were shared by all three.
    let for_mallory = PairKeys::new(&[9; 32], alice.peer_id(), mallory.public());
    let for_alice = PairKeys::new(&[9; 32], bob.peer_id(), alice.public());
    let (a, b) = streams();
    let (dialled, answered) =
        tokio::join!(dials(a, &alice, &for_mallory), answers(b, &bob, &for_alice));
    assert!(dialled.is_err() && answered.is_err());
}

#[tokio::test]
async fn a_changed_preface_fails_the_handshake() {
    let (alice, bob, for_alice, for_bob) = contacts();
    let words = first_words(&alice, &for_alice).await;
    for at in 0..words.len() {
        let mut changed = words.clone();
        changed[at] ^= 3;
        let (mut a, b) = streams();
        a.write_all(&changed).await.unwrap();
        drop(a);
        assert!(answers(b, &bob, &for_bob).await.is_err(), "byte {at}");
    }
    let (mut a, b) = streams();
    a.write_all(&words).await.unwrap();
    assert!(answers(b, &bob, &for_bob).await.is_ok(), "the unchanged one");
}

#[tokio::test]
async fn a_handshake_cut_at_every_byte_or_of_another_length_fails() {
    let (alice, bob, for_alice, for_bob) = contacts();
    let words = first_words(&alice, &for_alice).await;
    for end in 0..words.len() {
        let (mut a, b) = streams();
        a.write_all(&words[..end]).await.unwrap();
        drop(a);
        assert!(answers(b, &bob, &for_bob).await.is_err(), "cut at {end}");
    }

    for length in (0..=20).chain([31, 32, 33, 47, 49, MAX_HANDSHAKE, MAX_HANDSHAKE + 1, 0xffff]) {
        let (mut a, b) = streams();
        a.write_all(&words[..preface::LENGTH]).await.unwrap();
        a.write_all(&u16::try_from(length).unwrap().to_be_bytes()).await.unwrap();
        a.write_all(&vec![9; length.min(4000)]).await.unwrap();
        assert!(answers(b, &bob, &for_bob).await.is_err(), "{length} bytes");
    }
}

#[tokio::test]
async fn points_of_low_order_are_refused() {
    let mut points: Vec<[u8; 32]> = vec![[0; 32], [0xff; 32], [0xff; 32], [0xff; 32]];

    // 1, p − 1, p, p + 1, and the two of order 8.
    let mut one = [0; 32];
    one[0] = 1;
    for (point, last) in points[1..].iter_mut().zip([0xec, 0xed, 0xee]) {
        (point[0], point[31]) = (last, 0x7f);
    }

    let hex =
        |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap();
    points.extend([
        one,
        hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ]);

    let (alice, bob, for_alice, for_bob) = contacts();
    let words = first_words(&alice, &for_alice).await;
    for point in points {
        // As the dialler's ephemeral key, in a message that is right otherwise.
        let (mut a, mut b) = streams();
        a.write_all(&u16::try_from(48).unwrap().to_be_bytes()).await.unwrap();
        a.write_all(&[&point[..], &[0; 16]].concat()).await.unwrap();
        let (secret, psk) = (bob.link_secret(), [0; 32]);
        let mut noise =
            builder(BY_INVITATION, &secret, &psk, &words).unwrap().build_responder().unwrap();
        assert!(receive_first(&mut b, &mut noise).await.is_err());
        assert!(is_low_order(&point), "it was refused for another reason");
        // As somebody's static key: nobody has the secret, everybody could pretend to.
        assert!(!PublicIdentity { link: point, ..alice.public() }.is_sound());
    }

    let mut weak = alice.public();
    weak.presence = one;
    assert!(!weak.is_sound(), "the neutral point verifies much");
    assert!(alice.public().is_sound() && bob.public().is_sound());
    drop(for_bob);
}

#[tokio::test]
async fn an_asker_with_an_unsound_presence_key_is_refused() {
    let (alice, bob) = (identity(1), identity(2));
    let link = invitation(&bob);
    let (mut a, mut b) = streams();
    let answer = async {
        let preface = read_preface(&mut b).await?;
        accept_by_invitation(b, &bob, &preface, &link.secret).await
    };
    let ask = async {
        let preface = Preface::new(
            Purpose::Invitation,
            &link.secret.tag_key(),
            &mut StdRng::from_seed([0; 32]),
        )
        .to_bytes();
        let (secret, psk) = (alice.link_secret(), link.secret.psk());
        let prologue = [&preface[..], &link.peer_id.0].concat();
        let mut noise =
            builder(BY_INVITATION, &secret, &psk, &prologue).unwrap().build_initiator().unwrap();

        a.write_all(&preface).await.unwrap();
        send(&mut a, &mut noise, &[]).await.unwrap();
        receive(&mut a, &mut noise).await.unwrap();
        let mut weak = [0; 32];
        weak[0] = 1;
        send(&mut a, &mut noise, &weak).await.unwrap();
    };
    let (answered, ()) = tokio::join!(answer, ask);
    assert!(matches!(answered.err(), Some(LinkError::Handshake)));
}

#[tokio::test]
async fn an_oversized_handshake_message_is_refused_before_it_is_read() {
    let (mut a, mut b) = streams();
    let bob = identity(2);
    let preface = Preface::new(Purpose::Invitation, &[0; 32], &mut StdRng::from_seed([0; 32]));
    a.write_all(&[0xff, 0xff]).await.unwrap();
    let mut noise = builder(BY_INVITATION, &bob.link_secret(), &[0; 32], &preface.to_bytes())
        .unwrap()
        .build_responder()
        .unwrap();
    assert!(matches!(receive(&mut b, &mut noise).await, Err(LinkError::Handshake)));
}
